use std::path::PathBuf;

use clap::Args;

use super::SignerFlags;
use crate::cli::directory::directory;
use crate::cli::values;
use crate::pki::{KeyType, Role};
use crate::units::{Span, Within};

/// Renew what is due, or change names, lifetime or key type of one certificate.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsRenew {
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Renew what expires within this time [default: the last third]
    ///
    /// A percentage is a fraction of each certificate's lifetime.
    #[arg(long, value_name = "SPAN|PERCENT", env = "EGEXT_WITHIN")]
    pub within: Option<Within>,
    /// Renew one side only
    #[arg(long, value_name = "ROLE", value_parser = values::role(), ignore_case = true, env = "EGEXT_ROLE")]
    pub role: Option<Role>,
    /// Keep the private keys
    #[arg(long, env = "EGEXT_KEEP_KEY")]
    pub keep_key: bool,
    /// Renew certificates even if they are not due
    #[arg(long)]
    pub force: bool,
    /// Say what would be renewed, and write nothing
    ///
    /// Exit code 3 if something would be renewed.
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
    /// What to change.
    #[command(flatten)]
    pub change: Changes,
    /// Who signs.
    #[command(flatten)]
    pub signer: SignerFlags,
}

/// What the new certificate has that the old one has not.
// Without environment variables: a change is made once, and a variable that `certs init` reads would make it every
// day, with every renewal.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Change one certificate")]
pub struct Changes {
    /// Renew only this certificate, due or not
    ///
    /// `server`, `client`, or a name of `certs issue --out`.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Add a host name, IP address, URI or SPIFFE id; may be repeated
    ///
    /// A list with commas works as well.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub add_san: Vec<String>,
    /// Remove a name from the certificate; may be repeated
    ///
    /// A list with commas works as well.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub remove_san: Vec<String>,
    /// Change the lifetime, from now [default: as before]
    ///
    /// Never longer than that of the CA.
    #[arg(long, value_name = "SPAN")]
    pub lifetime: Option<Span>,
    /// Change the type of the key [default: as before]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), ignore_case = true)]
    pub key_type: Option<KeyType>,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs renew                        # what is in the last third of its lifetime
  egext certs renew --within 30d           # what expires within 30 days
  egext certs renew --role server --force  # the server's, now
  egext certs renew --dry-run              # exit code 3: something is due
  egext certs renew --name server --add-san eg.example --remove-san 127.0.0.1
  egext certs renew --name client --lifetime 90d --key-type p384

Names, usages and lifetime stay the same unless you change them. Run it daily: it does nothing until
something is due. Only certificates that this CA issued are renewed.";
