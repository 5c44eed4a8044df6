use std::path::PathBuf;

use clap::Args;

use crate::cli::directory::directory;
use crate::host::Host;
use crate::net::Address;
use crate::units::Span;

/// Describe certificates and keys: files, a directory, or what a server presents.
#[derive(Args, Debug)]
#[command(after_help = SHOW_AFTER_HELP)]
pub struct CertsShow {
    /// PEM files or directories, `-` for stdin [default: `--dir`]
    ///
    /// With `--connect`, only what is named here and what the server presents is shown.
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Directory with the set of `egext certs init`
    ///
    /// With `--connect`, the CA and the certificate to present are taken from it if it has them.
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// File whose first line is the passphrase of the CA key; `-` for stdin
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
    /// Print one line per certificate, for scripts
    ///
    /// The fields are separated by tabs: file, kind (`ca`, `server`, `client`, `either` or `neither`), names
    /// separated by commas (`-` if there are none), expiry in RFC 3339, and days left, rounded down and negative
    /// after the expiry. Keys are left out.
    #[arg(long)]
    pub short: bool,
    /// How to connect to a server.
    #[command(flatten)]
    pub server: Server,
}

/// A server whose certificate is looked at.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Connect to `host:port` and look at what the server presents
    #[arg(long, value_name = "ADDRESS", env = "EGEXT_CONNECT", value_parser = Address::of_server)]
    pub connect: Option<Address>,
    /// Name expected in the server's certificate [default: host of the address]
    ///
    /// It is also the name that is sent as SNI.
    #[arg(long, value_name = "NAME", requires = "connect", env = "EGEXT_SERVER_NAME")]
    pub server_name: Option<Host>,
    /// Limit for the answer of the server
    #[arg(long, value_name = "DURATION", default_value = "5s", env = "EGEXT_TIMEOUT")]
    pub timeout: Span,
}

const SHOW_AFTER_HELP: &str = "\
Examples:
  egext certs show                                 # the set in `certs/`
  egext certs show server.crt server.key           # is this the key of that certificate?
  egext certs show --connect localhost:5005        # what a server presents, verified or not
  egext certs show --connect localhost:5005 -o pem | openssl x509 -noout -text
  egext certs show --short | awk -F'\\t' '$5 < 30'  # what expires within 30 days

Keys themselves are never printed.";
