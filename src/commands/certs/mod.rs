//! `egext certs`: a private CA for one channel, and what it signs.

mod init;
mod overview;

use std::path::PathBuf;

use time::OffsetDateTime;

use super::Error;
use crate::cli::{Certs, CertsCommand};
use crate::pki::authority::AuthorityError;
use crate::pki::store::StoreError;
use crate::pki::{IdentityError, NameError};
use crate::report::{Hint, Report};

pub(super) fn run(arguments: Certs, now: OffsetDateTime) -> Result<Report, Error> {
    Ok(match arguments.command {
        CertsCommand::Init(arguments) => init::run(arguments, now)?,
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
    /// Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
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
            Self::Store(error) => error.hint(),
        }
    }
}

fn missing_words(missing: &[String]) -> String {
    let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{names} {verb}")
}
