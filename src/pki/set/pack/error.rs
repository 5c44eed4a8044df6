use std::path::PathBuf;

use crate::pki::set::store::StoreError;
use crate::pki::{IdentityError, Refusal, Role};

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Nothing below the CA is accepted any more.
    #[error("a CA above `{}` has expired, so every peer rejects it", path.display())]
    CaExpired {
        /// The certificate.
        path: PathBuf,
        /// The file of the CA that is trusted.
        ca: PathBuf,
    },
    /// Nobody accepts it any more.
    #[error("`{}` expired {ago}, so every peer rejects it", path.display())]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// How long ago.
        ago: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A key where only certificates belong.
    #[error("`{}` holds a private key (line {line}), which would leave this machine with the certificates", path.display())]
    KeyAmongCertificates {
        /// The file.
        path: PathBuf,
        /// Of its `BEGIN`.
        line: usize,
    },
    /// It was issued for a request, or its key was lost.
    #[error("the key of `{name}` is not in the set")]
    KeyElsewhere {
        /// The certificate's name.
        name: String,
    },
    /// A leaf was issued for the CA's own key.
    #[error("`{}` is the key of the CA, which does not leave this machine", path.display())]
    KeyOfCa {
        /// The key file.
        path: PathBuf,
    },
    /// There is no certificate of this name.
    #[error("`{}` holds no certificate `{name}`", directory.display())]
    NoSuchName {
        /// Where the set is.
        directory: PathBuf,
        /// As typed.
        name: String,
        /// The side.
        role: Role,
        /// What the certificates of this side are called.
        names: Vec<String>,
        /// A certificate of this name can be issued.
        is_possible: bool,
    },
    /// The certificate that was named is for the other side.
    #[error("`{name}` is the certificate of a {role}, not of a {wanted}")]
    OtherSide {
        /// Where the set is.
        directory: PathBuf,
        /// As typed.
        name: String,
        /// Its side.
        role: Role,
        /// The side that was typed.
        wanted: Role,
    },
    /// The set does not work.
    #[error("a peer would refuse the {role} certificate")]
    Refused {
        /// Where the set is.
        directory: PathBuf,
        /// Its side.
        role: Role,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// The set cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
