use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};

use crate::pki::KeyType;
use crate::units::Span;

/// `egext certs`
#[derive(Args, Debug)]
pub struct Certs {
    /// What to do.
    #[command(subcommand)]
    pub command: CertsCommand,
}

/// What can be done with certificates.
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a private CA, and a certificate and key for each side of the channel
    Init(CertsInit),
}

/// `egext certs init`
#[derive(Args, Debug)]
#[command(after_help = INIT_AFTER_HELP)]
pub struct CertsInit {
    /// Where to put them; made for you alone if it is missing
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Host name or IP address under which clients reach the server; may be repeated, or a list with commas.
    /// `localhost`, `127.0.0.1` and `::1` are always among the names
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_SAN")]
    pub san: Vec<String>,
    /// How long both sides' certificates live, from now; never longer than the CA [default: 365d]
    #[arg(long, value_name = "SPAN", env = "EGEXT_LIFETIME")]
    pub lifetime: Option<Span>,
    /// How long the CA lives, from now [default: 5y]
    #[arg(long, value_name = "SPAN", env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Kind of all keys [default: p256]
    #[arg(long, value_name = "TYPE", value_enum, env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Replace an existing set, CA and all; both sides then need their new files
    #[arg(long, env = "EGEXT_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,
    /// Say what would be made, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
}

const INIT_AFTER_HELP: &str = "\
Examples:
  egext certs init                                    for a server on this machine
  egext certs init --san extension.internal,10.0.0.7  for one that is reached by name and address
  egext certs init --lifetime 12h --ca-lifetime 24h   for a CI job
  egext certs init --force                            a new set in place of the old one

A second run changes nothing, and says until when the certificates are valid.";
