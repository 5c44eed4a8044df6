use std::path::PathBuf;

use clap::Args;

use super::SignerFlags;
use crate::cli::directory::directory;
use crate::cli::values;
use crate::pki::{KeyType, Role};
use crate::units::Span;

/// Issue another certificate, or one for a CSR.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsIssue {
    /// Side of the channel that the certificate is for
    #[arg(value_name = "ROLE", value_parser = values::role(), ignore_case = true)]
    pub role: Role,
    /// Host names, IP addresses, URIs or SPIFFE ids, as with `--san`
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name, IP address, URI or SPIFFE id; may be repeated
    ///
    /// A list with commas works as well. With `--csr` the certificate has these names only, unless
    /// `--accept-csr-names` is given. Without `--san` it has the host names and IP addresses of the CSR.
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "EGEXT_ISSUE_SAN",
        required_unless_present_any = ["csr", "names"]
    )]
    pub san: Vec<String>,
    /// Write `NAME.crt` and `NAME.key`; may be omitted with `--csr`
    ///
    /// With `--csr`, no `--out` or `--out -` prints the certificate.
    #[arg(long, value_name = "NAME", env = "EGEXT_ISSUE_OUT", required_unless_present = "csr")]
    pub out: Option<String>,
    /// Issue for the key of this CSR (PKCS#10, PEM; `-` for stdin)
    ///
    /// The requester keeps the key.
    #[arg(long, value_name = "FILE", env = "EGEXT_CSR", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// Grant the host names and IP addresses of the CSR in addition to `--san`
    #[arg(long, requires = "csr")]
    pub accept_csr_names: bool,
    /// Replace `NAME.crt` and `NAME.key`, also those of `server` and `client`
    ///
    /// Nothing is taken from the old certificate: the new one has the names of `--san` and a new key. To change
    /// some names and keep the others, use `certs renew --name NAME --add-san NAME`.
    #[arg(long, requires = "out")]
    pub replace: bool,
    /// Lifetime, from now
    ///
    /// Never longer than that of the CA.
    #[arg(long, value_name = "SPAN", default_value = "365d", env = "EGEXT_LIFETIME")]
    pub lifetime: Span,
    /// Type of the key [default: as the set's own certificate for this role]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), ignore_case = true, env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Say what would be issued, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
    /// Who signs.
    #[command(flatten)]
    pub signer: SignerFlags,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs issue client gateway-2.internal --out gateway-2        # a second client
  egext certs issue client --san gateway-2.internal --out gateway-2  # the same
  egext certs issue server --csr server.csr > server.crt             # for a key elsewhere
  ssh host cat server.csr | egext certs issue server --csr - > server.crt
  egext certs issue server --csr server.csr --out replica            # the same, and keep it
  egext certs issue server --csr server.csr --san replica.internal   # for this name only
  egext certs issue server --out server --san eg.example --replace   # the set's own server

The signature of a CSR is verified; its key is used, and the usages follow from the role.";
