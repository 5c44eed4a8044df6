use std::path::PathBuf;

use clap::Args;

use super::directory::directory;
/// Where certificates and keys are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Certificates")]
pub struct Material {
    /// Directory with the set of `egext certs init` [default: certs]
    ///
    /// It holds `ca.crt`, `server.crt`, `client.crt` and their keys, or `tls.crt` and `tls.key` in their place, as a
    /// mounted Secret does.
    #[arg(long, value_name = "DIR", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: Option<PathBuf>,
    /// CA certificates to verify against (PEM) [default: `ca.crt` in `--dir`]
    ///
    /// `-` reads them from stdin.
    #[arg(long, value_name = "FILE", env = "EGEXT_CA")]
    pub ca: Option<PathBuf>,
    /// Certificate, leaf first (PEM) [default: from `--dir`]
    ///
    /// `--cert` and `--key` are given together.
    #[arg(long, value_name = "FILE", requires = "key", env = "EGEXT_CERT")]
    pub cert: Option<PathBuf>,
    /// Private key of `--cert` (PEM: PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", requires = "cert", env = "EGEXT_KEY")]
    pub key: Option<PathBuf>,
}
