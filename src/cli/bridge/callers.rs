use clap::Args;

use crate::cli::values;
use crate::net::{KeyFingerprint, Permitted, PermittedName};

/// Which callers are served.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Callers")]
pub struct Callers {
    /// Serve clients named `dns:NAME`, `uri:URI` or `ip:ADDRESS`; may be repeated
    ///
    /// For `--listen tls://`. The first label of a DNS name may be `*`, and so may one segment of a URI's path:
    /// `uri:spiffe://example.org/ns/gateway/sa/*`. A client needs one of the names, or a key of `--allow-fingerprint`.
    /// Without both flags every client with a certificate of the CA is served. A list with commas works as well.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = values::parsed_item::<PermittedName>(), env = "EGEXT_ALLOW_SAN")]
    pub allow_san: Vec<PermittedName>,
    /// Serve clients whose key has this SHA-256 fingerprint; may be repeated
    ///
    /// For `--listen tls://`. `egext certs show` prints it as `of its key`; colons, and base64 after `sha256//`, work as
    /// well. The key is meant, not the certificate: a renewal with `--keep-key` keeps the fingerprint.
    #[arg(long, value_name = "SHA-256", value_delimiter = ',', value_parser = values::parsed_item::<KeyFingerprint>(), env = "EGEXT_ALLOW_FINGERPRINT")]
    pub allow_fingerprint: Vec<KeyFingerprint>,
}

impl Callers {
    /// The clients that are served.
    pub fn permitted(&self) -> Permitted {
        Permitted { names: self.allow_san.clone(), keys: self.allow_fingerprint.clone() }
    }
}
