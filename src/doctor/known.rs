use std::io;
use std::path::{Path, PathBuf};

use crate::net::Address;

/// What says that an address, or a file, is this one. What nothing says can be wrong without a fault of the channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema), schemars(rename = "DoctorOrigin"))]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// EG's file.
    Configured,
    /// Nothing: it is the usual one.
    Guessed,
    /// The user.
    Named,
    /// The bridge.
    Told,
}

/// A thing, and what says that it is this one.
#[derive(Clone, Debug)]
pub struct Known<T> {
    /// The thing.
    pub value: T,
    /// What says so.
    pub origin: Origin,
}

impl<T> Known<T> {
    pub(super) fn by(origin: Origin) -> impl Fn(T) -> Self {
        move |value| Self { value, origin }
    }

    pub(super) fn is_guessed(&self) -> bool {
        self.origin == Origin::Guessed
    }
}

/// What is in the place where something usually is.
#[derive(Debug)]
pub(super) enum Usual<T> {
    /// This.
    There(T),
    /// This user may not look.
    Closed(PathBuf),
    /// Nothing.
    Nothing,
}

impl Usual<PathBuf> {
    pub(super) fn at(path: PathBuf) -> Self {
        match path.symlink_metadata() {
            Ok(_) => Self::There(path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::Closed(path),
            Err(_) => Self::Nothing,
        }
    }

    pub(super) fn there(self) -> Option<PathBuf> {
        match self {
            Self::There(path) => Some(path),
            Self::Closed(_) | Self::Nothing => None,
        }
    }
}

/// Do both mean one place? A bridge may have been started with a path from where it runs, or through a link.
pub(super) fn is_same(listen: &Address, called: &Address) -> bool {
    let (Address::Unix(listen), Address::Unix(called)) = (listen, called) else { return listen == called };
    let real = |path: &Path| path.canonicalize().ok();
    listen == called
        || (listen.is_relative() && called.ends_with(listen.strip_prefix(".").unwrap_or(listen)))
        || real(listen).is_some_and(|listen| Some(listen) == real(called))
}
