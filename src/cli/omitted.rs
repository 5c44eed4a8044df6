use clap::Args;

use super::values;
use crate::report::{FindingId, UnknownId};

/// What is known, and left out.
#[derive(Args, Clone, Debug)]
pub struct Omitted {
    /// Leave out the layer `policy`: other clients are not tried
    ///
    /// That layer connects without a certificate, and with one of a CA made for this purpose; the server must refuse both. It
    /// is used with a client certificate only.
    #[arg(long, env = "EGEXT_NO_POLICY")]
    pub no_policy: bool,
    /// Leave out findings with this id; may be repeated
    ///
    /// They are not reported and do not change the exit code. What failed because of one is shown as skipped, and is not
    /// called healthy.
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        value_parser = values::id_item(),
        hide_possible_values = true,
        env = "EGEXT_SKIP"
    )]
    pub skip: Vec<String>,
}

impl Omitted {
    /// The findings to leave out.
    ///
    /// # Errors
    /// When there is no finding with an id.
    pub fn findings(&self) -> Result<Vec<FindingId>, UnknownId> {
        self.skip.iter().map(|name| name.parse()).collect()
    }
}
