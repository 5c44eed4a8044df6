use std::io;
use std::path::{Path, PathBuf};

use super::Untrusted;
use crate::pki::{IdentityError, Role};
use crate::report::in_backticks;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another `egext` is writing.
    #[error("another `egext` is writing to `{}`", directory.display())]
    Busy {
        /// The directory, or the one file.
        directory: PathBuf,
    },
    /// Another program has written to a file since it was read.
    #[error("`{}` has changed meanwhile, and is not overwritten", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A copy that left out what the links lead to, with the CA's key. Who made a new set would lose the old one.
    #[error("the links in `{}` lead to `.egext`, which is not there", directory.display())]
    Dangling {
        /// The directory.
        directory: PathBuf,
        /// What they are called.
        links: Vec<String>,
    },
    /// Something is there already, and is not replaced.
    #[error("`{}` exists, and is not overwritten", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Failed {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something that we did not make is in the way.
    #[error("`{}` was not made by this command, and is not overwritten", path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
    /// The directory belongs to Envoy Gateway, which overwrites the files in it.
    #[error("`{}` belongs to Envoy Gateway, whose own certificates are there", home.display())]
    GatewayHome {
        /// Envoy Gateway's directory.
        home: PathBuf,
    },
    /// Only some of the files are there. The others may be needed again.
    #[error("`{}` holds half a set: {} missing", directory.display(), missing_words(missing))]
    Half {
        /// The directory.
        directory: PathBuf,
        /// Those that are there were not made by `egext`.
        foreign: bool,
        /// The names of the files that are not there.
        missing: Vec<String>,
    },
    /// The user named what is inside of a set.
    #[error("`{}` is inside of the set `{}`", directory.display(), set.display())]
    InsideSet {
        /// The directory.
        directory: PathBuf,
        /// That of the set.
        set: PathBuf,
    },
    /// The current set is whole, and users do not find all of it.
    #[error("`{}` lacks the {} {}", directory.display(), if links.len() == 1 { "link" } else { "links" }, in_backticks(links).join(", "))]
    LinkMissing {
        /// The directory.
        directory: PathBuf,
        /// What the links are called.
        links: Vec<String>,
    },
    /// The files are no set, though all are there.
    #[error("`{}` was not issued by the CA in `{}`", certificate.display(), ca.display())]
    Mixture {
        /// The certificate.
        certificate: PathBuf,
        /// The CA's.
        ca: PathBuf,
    },
    /// Another machine made the set, and this one was given what its side needs.
    #[error("`{}` holds the files of the {role} only, and nothing is signed here", directory.display())]
    OneSide {
        /// The directory.
        directory: PathBuf,
        /// The side.
        role: Role,
    },
    /// A copy of a set without its links, or one whose links were removed.
    #[error("no link leads to {}", sets_words(hidden, sets))]
    Unlinked {
        /// The directory.
        directory: PathBuf,
        /// Where the sets are.
        hidden: PathBuf,
        /// What they are called.
        sets: Vec<String>,
        /// The link that is still there.
        current: bool,
        /// Those that users know are there, and `current` is missing.
        has_links: bool,
    },
    /// What should lead to a set next to it leads somewhere else.
    #[error("`{}` leads to `{}`, not to a set of `egext`", path.display(), target.display())]
    Stray {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Others could replace files.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A plain file of a set cannot be used.
    #[error(transparent)]
    Unusable(#[from] IdentityError),
    /// The operating system has no random numbers.
    #[error("cannot choose a name: the operating system gave no random numbers")]
    NoRandomness,
}

impl StoreError {
    /// The same about `path`, where the user knows nothing of `temporary`.
    pub(super) fn about(self, temporary: &Path, path: &Path) -> Self {
        match self {
            Self::Failed { action, path: failed, source } if failed == temporary => {
                Self::failed(action, path, source)
            }
            other => other,
        }
    }

    pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Failed { action, path: path.into(), source }
    }
}

fn sets_words(hidden: &Path, sets: &[String]) -> String {
    let names = sets.iter().map(|name| format!("`{}`", hidden.join(name).display())).collect::<Vec<_>>();
    let noun = if sets.len() == 1 { "the set" } else { "the sets" };
    format!("{noun} {}", names.join(", "))
}

fn missing_words(missing: &[String]) -> String {
    let names = in_backticks(missing).join(", ");
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{names} {verb}")
}
