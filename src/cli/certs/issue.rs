use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::Signer;
use crate::pki::{KeyType, Role};
use crate::units::Span;

/// `egext certs issue`
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsIssue {
    /// The side of the channel that the certificate is for, and for that side only
    #[arg(value_name = "ROLE")]
    pub role: Role,
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name or IP address of its holder; may be repeated, or a list with commas. With `--csr`: beside the
    /// names that the request asks for
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "EGEXT_SAN",
        required_unless_present = "csr"
    )]
    pub san: Vec<String>,
    /// Puts `NAME.crt` and `NAME.key` into the directory. Only with `--csr` it can be left out: then the
    /// certificate is printed
    #[arg(long, value_name = "NAME", env = "EGEXT_OUT", required_unless_present = "csr")]
    pub out: Option<String>,
    /// Issues for the key of this request (PKCS#10, PEM), whose sender keeps the key
    #[arg(long, value_name = "FILE", env = "EGEXT_CSR", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// How long it lives, from now; never longer than the CA
    #[arg(long, value_name = "SPAN", default_value = "365d", env = "EGEXT_LIFETIME")]
    pub lifetime: Span,
    /// Kind of its key [default: as the CA's]
    #[arg(long, value_name = "TYPE", value_enum, env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Say what would be issued, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Who signs.
    #[command(flatten)]
    pub signer: Signer,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs issue client --out gateway-2 --san gateway-2.internal   a second client, with its key
  egext certs issue server --csr server.csr > server.crt              for a key that stays where it is
  egext certs issue server --csr server.csr --out replica             the same, kept in the directory

Of a request the key and the host names and IP addresses are taken, once its signature is verified;
usages follow from the role.";
