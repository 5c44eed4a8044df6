use std::path::PathBuf;

use clap::Args;

use crate::cli::values;

/// What is done about calls that the bridge had to answer itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "After an outage")]
pub struct Resync {
    /// Envoy Gateway's resource directory, to make it ask again after an outage
    ///
    /// Envoy Gateway does not repeat a translation that got an error. When the upstream can be reached again, the bridge puts
    /// an HTTPRoute without effect into this directory, and removes it once the server has answered. Can be repeated.
    #[arg(long, value_name = "DIR", value_parser = values::path_item(), env = "EGEXT_RESYNC")]
    pub resync: Vec<PathBuf>,
}
