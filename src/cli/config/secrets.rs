use std::path::PathBuf;

use clap::Args;

use crate::cli::directory::directory;
use crate::gateway::{DEFAULT_CA_SECRET, DEFAULT_NAMESPACE};

/// Write Secrets of Kubernetes for EG's own TLS.
#[derive(Args, Debug)]
pub struct Secrets {
    /// Directory with the set of `egext certs init`
    ///
    /// `ca.crt`, `client.crt` and `client.key` are read. While a CA is being replaced, `ca.crt` holds the old and the
    /// new one, and so does the Secret.
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// File to write; `-` for stdout
    ///
    /// An existing file is never overwritten. It holds a private key: its mode is 0600.
    #[arg(long, value_name = "FILE", default_value = "-", env = "EGEXT_SECRETS_OUT")]
    pub out: PathBuf,
    /// Release of EG that reads them: 1.4 to 1.9
    ///
    /// Before 1.6, EG presents no certificate, and there is only the Secret with the CA.
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Secret with the CA certificate under `tls.crt`
    #[arg(long, value_name = "NAME", default_value = DEFAULT_CA_SECRET, env = "EGEXT_CA_SECRET")]
    pub ca_secret: String,
    /// Secret with EG's certificate and key [default: egext-client]
    ///
    /// For EG 1.6 and later.
    #[arg(long, value_name = "NAME", env = "EGEXT_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// Namespace of both Secrets
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAMESPACE, env = "EGEXT_NAMESPACE")]
    pub namespace: String,
}
