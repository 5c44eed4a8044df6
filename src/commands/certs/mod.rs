//! `egext certs`: a private CA for one channel, and what it signs.

mod check;
mod init;
mod overview;
mod presented;
mod show;

use std::path::PathBuf;

use time::OffsetDateTime;

use super::Error;
use crate::cli::{Certs, CertsCommand};
use crate::net::Address;
use crate::pki::authority::AuthorityError;
use crate::pki::store::StoreError;
use crate::pki::{IdentityError, NameError};
use crate::report::{Hint, Report};

pub(super) fn run(arguments: Certs, now: OffsetDateTime) -> Result<Report, Error> {
    Ok(match arguments.command {
        CertsCommand::Init(arguments) => init::run(arguments, now)?,
        CertsCommand::Check(arguments) => check::run(&arguments, now)?,
        CertsCommand::Show(arguments) => show::run(&arguments, now)?,
    })
}

/// Why `egext certs` could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// No certificate was made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Only some of the files are there. Whoever took the others may want them back.
    #[error("`{}` holds half a set: {} missing", directory.display(), missing_words(missing))]
    HalfSet {
        /// The directory.
        directory: PathBuf,
        /// Those that are there were not made by `egext`.
        foreign: bool,
        /// The names of the files that are not there.
        missing: Vec<String>,
    },
    /// The files that are there cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The user typed something that is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The directory has no certificate with its key, or none of the side that was asked about.
    #[error("`{}` holds no certificate with its key to check", directory.display())]
    NothingToCheck {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory has no file with a certificate or a key.
    #[error("`{}` holds no certificate and no key", directory.display())]
    NothingToShow {
        /// The directory.
        directory: PathBuf,
    },
    /// No certificate is presented where no TLS is spoken.
    #[error("`{address}` is plaintext: nobody presents a certificate there")]
    Plaintext {
        /// As typed.
        address: Address,
    },
    /// Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user asked for a name that no client ever calls.
    #[error("`{name}` is a name in certificates, not one that clients call")]
    WildcardAsked {
        /// As typed.
        name: String,
    },
}

impl Hint for CertsError {
    fn hint(&self) -> Option<String> {
        let half_set = |rest: &str| Some(format!("put back what is missing, or {rest}"));
        match self {
            Self::Authority(error) => error.hint(),
            Self::HalfSet { foreign: true, .. } => {
                half_set("move the other files away, or name another directory with `--dir`")
            }
            Self::HalfSet { .. } => half_set("make a wholly new set: `egext certs init --force`"),
            Self::Identity(error) => error.hint(),
            Self::Name(error) => error.hint(),
            Self::NothingToCheck { .. } => Some(
                "`--cert`, `--key` and `--ca` name files one by one; `--dir` names a directory".to_owned(),
            ),
            Self::NothingToShow { .. } => Some("`egext certs init` makes certificates and keys".to_owned()),
            Self::Plaintext { .. } => Some("write it as `tls://HOST:PORT`".to_owned()),
            Self::Store(error) => error.hint(),
            Self::WildcardAsked { name } => Some(format!("for example `{}`", name.replace('*', "any"))),
        }
    }
}

fn missing_words(missing: &[String]) -> String {
    let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{names} {verb}")
}
