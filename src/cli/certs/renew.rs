use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::Signer;
use crate::pki::Role;
use crate::units::Within;

/// `egext certs renew`
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsRenew {
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Renew what expires within this time, or in this last part of its life [default: the last third]
    #[arg(long, value_name = "SPAN|PERCENT", env = "EGEXT_WITHIN")]
    pub within: Option<Within>,
    /// Renew one side only
    #[arg(long, value_name = "ROLE", env = "EGEXT_ROLE")]
    pub role: Option<Role>,
    /// Issue for the same keys, not for new ones
    #[arg(long, env = "EGEXT_KEEP_KEY", value_parser = FalseyValueParser::new())]
    pub keep_key: bool,
    /// Renew what is not due yet, too
    #[arg(long, env = "EGEXT_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,
    /// Say what would be renewed, and write nothing; exit code 3 when something would be
    #[arg(long, env = "EGEXT_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Who signs.
    #[command(flatten)]
    pub signer: Signer,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs renew                       what is in the last third of its life
  egext certs renew --within 30d          what expires within 30 days
  egext certs renew --force --role server the server's, now
  egext certs renew --dry-run             exit code 3: something is due

Names, usages and length of life stay; serial numbers never do. Run it daily: it does nothing until
something is due.";
