use std::path::PathBuf;

use clap::Args;

use crate::units::Size;

/// What the probe asks for.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Calls")]
pub struct CallFlags {
    /// Service (gRPC) to check; may be repeated [default: the whole server]
    ///
    /// All services of a target are asked for on one connection, and all must serve.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_SERVICE")]
    pub service: Vec<String>,
    /// Metadata to send with each call; may be repeated
    ///
    /// Values are not printed, but other users can read them in the list of processes: secrets belong in
    /// `--metadata-file`. The value of a name that ends in `-bin` is encoded in Base64.
    #[arg(long, value_name = "NAME=VALUE")]
    pub metadata: Vec<String>,
    /// File with metadata: one `NAME=VALUE` a line
    ///
    /// `-` is stdin. Empty lines and lines that begin with `#` are skipped.
    #[arg(long, value_name = "FILE", env = "EGEXT_METADATA_FILE")]
    pub metadata_file: Option<PathBuf>,
    /// Longest answer that is read
    #[arg(long, value_name = "SIZE", default_value = "64KiB", env = "EGEXT_PROBE_MAX_MESSAGE_SIZE")]
    pub max_message_size: Size,
}
