use std::path::PathBuf;

use clap::Args;

use crate::cli::directory::directory;
use crate::cli::values;
use crate::pki::Role;

/// Write the files of one side to an archive, for another machine.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsPack {
    /// Side whose files to pack
    #[arg(value_name = "ROLE", value_parser = values::role(), ignore_case = true)]
    pub role: Role,
    /// Pack this certificate of `certs issue --out NAME` instead
    ///
    /// In the archive it has the file names that every command looks for.
    #[arg(long, value_name = "NAME", env = "EGEXT_PACK_NAME")]
    pub name: Option<String>,
    /// Archive to write; `-` for stdout
    ///
    /// An existing file is never overwritten.
    #[arg(long, value_name = "FILE", env = "EGEXT_PACK_OUT")]
    pub out: PathBuf,
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs pack server --out server.tar
  egext certs pack client --name gateway-2 --out gateway-2.tar  # issued by `egext certs issue`
  egext certs pack server --out - | ssh host 'mkdir -p -m 700 certs && tar -xf - -C certs'
  scp server.tar host:
  ssh host 'mkdir -p -m 700 certs && tar -xf server.tar -C certs && rm server.tar'

The archive holds a private key: its mode is 0600. The CA key is never in it.";
