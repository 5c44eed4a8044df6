use std::path::PathBuf;

use clap::Args;

/// Where certificates and keys are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Certificates")]
pub struct Material {
    /// Directory that `egext certs init` filled: `ca.crt`, `server.crt`, `client.crt` and their keys
    /// [default: certs]
    #[arg(long, value_name = "DIR", env = "EGEXT_DIR")]
    pub dir: Option<PathBuf>,
    /// CA certificates that the peer is verified against (PEM; `-` for stdin); instead of `ca.crt` in `--dir`
    #[arg(long, value_name = "FILE", env = "EGEXT_CA")]
    pub ca: Option<PathBuf>,
    /// Our certificate, leaf first (PEM); instead of the one in `--dir`
    #[arg(long, value_name = "FILE", requires = "key", env = "EGEXT_CERT")]
    pub cert: Option<PathBuf>,
    /// The key of `--cert` (PEM: PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", requires = "cert", env = "EGEXT_KEY")]
    pub key: Option<PathBuf>,
}
