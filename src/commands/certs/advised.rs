use std::error::Error;
use std::fmt::{self, Display};

use super::CertsError;
use crate::report::Hint;

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
