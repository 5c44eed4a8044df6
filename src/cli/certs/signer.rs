use std::path::PathBuf;

use clap::Args;

/// The CA that signs, where it is not the set's own.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "CA")]
pub struct SignerFlags {
    /// Certificate of the issuing CA [default: `ca.crt` in the directory]
    ///
    /// If it is not a root, the certificates above it belong in the same file, up to the root.
    #[arg(long, value_name = "FILE", requires = "ca_key", env = "EGEXT_CA_CERT")]
    pub ca_cert: Option<PathBuf>,
    /// Private key of the issuing CA [default: `ca.key` in the directory]
    #[arg(long, value_name = "FILE", requires = "ca_cert", env = "EGEXT_CA_KEY")]
    pub ca_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the CA key; `-` for stdin
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
}
