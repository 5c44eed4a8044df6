use std::path::PathBuf;

use clap::Args;

use crate::cli::directory::directory;

/// Take certificates of `certs issue` out of the set.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsRemove {
    /// Names of the certificates, as in `certs issue --out NAME`
    #[arg(value_name = "NAME", value_delimiter = ',', required = true)]
    pub names: Vec<String>,
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Say what would be removed, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs remove gateway-2

The files of each certificate are removed, and no later command renews it or makes it again. It is
not revoked: peers accept it until it expires. If its key was stolen, replace the CA as well
(`egext certs rotate-ca prepare`).

Removing a certificate that is not there changes nothing.";
