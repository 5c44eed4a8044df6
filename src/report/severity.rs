use std::fmt::{self, Display};
use std::str::FromStr;

use serde::Serialize;

use crate::choice::{self, UnknownChoice};

/// How grave a finding is. The order counts: `Error` is the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works now, but not for long or not with every peer.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// All there are, the least grave first.
    pub const ALL: &[Self] = &[Self::Info, Self::Warning, Self::Error];

    /// As typed and as it stands in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = UnknownChoice;

    fn from_str(typed: &str) -> Result<Self, UnknownChoice> {
        choice::named(typed, Self::ALL, Self::name)
    }
}
