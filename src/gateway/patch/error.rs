use super::{Place, Unreadable};
use crate::gateway::config_map::Shift;

/// Why a text is left alone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// It has parts that stand for others.
    #[error("its extension has an anchor, an alias or a merge key")]
    Anchor {
        /// Where.
        place: Place,
    },
    /// It has one extension and a list of them.
    #[error("it has `extensionManager` and `extensionManagers`, of which Envoy Gateway takes one")]
    Both {
        /// Where the later one is.
        place: Place,
    },
    /// It is of another kind.
    #[error(
        "it is neither an EnvoyGateway file, nor a ConfigMap with one, nor Helm values with `config.envoyGateway`"
    )]
    Foreign {
        /// Where it says what it is, or its beginning.
        place: Place,
    },
    /// It is JSON.
    #[error("it is JSON")]
    Json,
    /// Two extensions of the list have the name of the one that is put in.
    #[error("`{name}` is the name of two extensions")]
    Namesake {
        /// Which.
        name: String,
        /// Where the second one is.
        place: Place,
    },
    /// It has a value where a list is expected.
    #[error("`{key}` is no list")]
    NoList {
        /// What is not.
        key: String,
        /// Where.
        place: Place,
    },
    /// It has a value where a mapping is expected.
    #[error("`{key}` is no mapping")]
    NoMapping {
        /// What is not.
        key: String,
        /// Where.
        place: Place,
    },
    /// It lists its extensions.
    #[error("it has `extensionManagers`, a list of extensions with names")]
    Plural {
        /// Names in it.
        names: Vec<String>,
        /// Where.
        place: Place,
    },
    /// The ConfigMap has the file in quotes, or folded.
    #[error("`{key}` is not written as lines below `|`")]
    Quoted {
        /// Its key.
        key: String,
        /// Where.
        place: Place,
    },
    /// It has several documents, and the extension could be put into more than one.
    #[error("it has a second ConfigMap with an EnvoyGateway file")]
    SecondConfigMap {
        /// Where the second one begins.
        place: Place,
    },
    /// It has more than one document.
    #[error("it has a second document")]
    Several {
        /// Where it begins.
        place: Place,
    },
    /// It has one extension, without a list.
    #[error("it has `extensionManager`, which Envoy Gateway does not take next to a list")]
    Singular {
        /// Where.
        place: Place,
    },
    /// A key stands there twice.
    #[error("`{key}` is there for the second time")]
    Twice {
        /// Which.
        key: String,
        /// Where.
        place: Place,
    },
    /// It cannot be read.
    #[error("{}", .0.why)]
    Unreadable(Unreadable),
    /// No release of Envoy Gateway reads this version of the file.
    #[error("its `apiVersion` is `{version}`, which no Envoy Gateway reads")]
    Version {
        /// What is written.
        version: String,
        /// Where.
        place: Place,
    },
    /// The new text would not mean what it should.
    #[error("it is written in a way in which nothing can be put in safely")]
    Unsure,
}

impl PatchError {
    /// Where, if one place is the cause.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Anchor { place }
            | Self::Both { place }
            | Self::Foreign { place }
            | Self::Namesake { place, .. }
            | Self::NoList { place, .. }
            | Self::NoMapping { place, .. }
            | Self::Plural { place, .. }
            | Self::Quoted { place, .. }
            | Self::SecondConfigMap { place }
            | Self::Several { place }
            | Self::Singular { place }
            | Self::Twice { place, .. }
            | Self::Version { place, .. }
            | Self::Unreadable(Unreadable { place, .. }) => Some(*place),
            Self::Json => Some(Place::START),
            Self::Unsure => None,
        }
    }

    /// The same about a part of a text.
    pub(super) fn shifted(mut self, shift: Shift) -> Self {
        match &mut self {
            Self::Anchor { place }
            | Self::Both { place }
            | Self::Foreign { place }
            | Self::Namesake { place, .. }
            | Self::NoList { place, .. }
            | Self::NoMapping { place, .. }
            | Self::Plural { place, .. }
            | Self::Quoted { place, .. }
            | Self::SecondConfigMap { place }
            | Self::Several { place }
            | Self::Singular { place }
            | Self::Twice { place, .. }
            | Self::Version { place, .. }
            | Self::Unreadable(Unreadable { place, .. }) => *place = shift.outer(*place),
            Self::Json | Self::Unsure => {}
        }
        self
    }
}
