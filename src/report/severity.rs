use std::fmt::{self, Display};

use serde::Serialize;

use crate::choice::choices;

/// The severity of a finding, in ascending order.
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

choices! { Severity { Info => "info", Warning => "warning", Error => "error" } }

impl Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
