use std::error::Error;
use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use super::CertsError;
use crate::pki::IdentityError;
use crate::report::Hint;
use crate::shell::dir_flag;

/// An error whose hint is made of what was typed, so that it can be pasted.
pub struct Advised {
    error: Box<CertsError>,
    hint: String,
}

impl Advised {
    pub(super) fn new(error: impl Into<CertsError>, hint: String) -> Self {
        Self { error: Box::new(error.into()), hint }
    }
}

impl CertsError {
    /// The same error. If the directory of `--dir` is missing, the hint names the flag, since `certs` is only its default.
    pub(super) fn without_set(self, directory: &Path) -> Self {
        let is_missing = matches!(
            &self,
            Self::Identity(IdentityError::Unreadable { path, source })
                if path == directory && source.kind() == io::ErrorKind::NotFound
        );
        if !is_missing {
            return self;
        }
        let make = dir_flag(directory);
        let hint = format!("name the directory of a set with `--dir`, or make one: `egext certs init{make}`");
        Advised::new(self, hint).into()
    }
}

impl fmt::Debug for Advised {
    /// Of the error that it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl Error for Advised {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.error, f)
    }
}

impl Hint for Advised {
    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}
