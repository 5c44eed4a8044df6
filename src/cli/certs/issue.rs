use std::path::PathBuf;

use clap::Args;

use super::Signer;
use crate::cli::values;
use crate::pki::{KeyType, Role};
use crate::units::Span;

/// Issue a further certificate, or one for a request.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsIssue {
    /// The side of the channel that the certificate is for, and for that side only
    #[arg(value_name = "ROLE", value_parser = values::role())]
    pub role: Role,
    /// Host names, IP addresses, URIs or SPIFFE ids of the certificate, as with `--san`
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name, IP address, URI or SPIFFE id; may be repeated, or a list with commas
    ///
    /// With `--csr` the certificate has these names only, unless `--accept-csr-names` is given. Without `--san`
    /// it has the host names and IP addresses of the CSR.
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "EGEXT_ISSUE_SAN",
        required_unless_present_any = ["csr", "names"]
    )]
    pub san: Vec<String>,
    /// Write `NAME.crt` and `NAME.key`; with `--csr`, `-` or nothing prints the certificate
    #[arg(long, value_name = "NAME", env = "EGEXT_ISSUE_OUT", required_unless_present = "csr")]
    pub out: Option<String>,
    /// Issue for the key of this CSR (PKCS#10, PEM; `-` for stdin); the requester keeps the key
    #[arg(long, value_name = "FILE", env = "EGEXT_CSR", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// Grant the host names and IP addresses of the CSR in addition to `--san`
    #[arg(long, requires = "csr")]
    pub accept_csr_names: bool,
    /// Replace `NAME.crt` and `NAME.key`, also those of `server` and `client`
    ///
    /// Nothing is taken from the old certificate: the new one has the names of `--san`, and a new key. To change
    /// some names and keep the others, use `certs renew --name NAME --add-san NAME`.
    #[arg(long, requires = "out")]
    pub replace: bool,
    /// How long it lives, from now; never longer than the CA
    #[arg(long, value_name = "SPAN", default_value = "365d", env = "EGEXT_LIFETIME")]
    pub lifetime: Span,
    /// Type of its key [default: as the set's own certificate for this role]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Say what would be issued, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
    /// Who signs.
    #[command(flatten)]
    pub signer: Signer,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs issue client gateway-2.internal --out gateway-2        a second client, with its key
  egext certs issue client --san gateway-2.internal --out gateway-2  the same
  egext certs issue server --csr server.csr > server.crt             its key stays where it is
  ssh host cat server.csr | egext certs issue server --csr - > server.crt
  egext certs issue server --csr server.csr --out replica            the same, kept in the directory
  egext certs issue server --csr server.csr --san replica.internal   for this name only
  egext certs issue server --out server --san eg.example --replace   the set's own server

Of a CSR the key is taken once its signature is verified; usages follow from the role.";
