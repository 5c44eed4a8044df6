use std::path::PathBuf;

use clap::Args;

use crate::cli::values;
use crate::pki::Role;

/// Put what one side needs into one file, for another machine.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsPack {
    /// The side whose files are packed
    #[arg(value_name = "ROLE", value_parser = values::role())]
    pub role: Role,
    /// Another certificate of this side, which `egext certs issue --out NAME` made; in the archive it has the names
    /// that every command looks for
    #[arg(long, value_name = "NAME", env = "EGEXT_PACK_NAME")]
    pub name: Option<String>,
    /// The archive to write, where nothing may be yet; `-` for stdout
    #[arg(long, value_name = "FILE", env = "EGEXT_PACK_OUT")]
    pub out: PathBuf,
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
}

const AFTER_HELP: &str = "\
Examples:
  egext certs pack server --out server.tar
  egext certs pack client --name gateway-2 --out gateway-2.tar    issued by `egext certs issue`
  egext certs pack server --out - | ssh host 'mkdir -m 700 certs && tar -xf - -C certs'
  scp server.tar host: && ssh host 'mkdir -m 700 certs && tar -xf server.tar -C certs && rm server.tar'

The archive holds a key, so only you can read it. The CA's key is never in it.";
