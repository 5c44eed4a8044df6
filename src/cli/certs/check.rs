use std::path::PathBuf;

use clap::Args;

use super::Server;
use crate::cli::{Material, values};
use crate::pki::Role;
use crate::units::Within;

/// Find what breaks the channel now or soon.
#[derive(Args, Debug)]
#[command(after_help = CHECK_AFTER_HELP)]
pub struct CertsCheck {
    /// Directory to check [default: `--dir`]
    ///
    /// It replaces `--dir`, and cannot be combined with `--ca`, `--cert` or `--key`.
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Report what expires within this time as due [default: the last third]
    ///
    /// A percentage is a fraction of each certificate's lifetime. The default is its last third, at most 30d.
    /// Exit code 3 if something is due and nothing is wrong.
    #[arg(long, value_name = "SPAN|PERCENT", env = "EGEXT_WITHIN")]
    pub within: Option<Within>,
    /// Name or IP address that clients connect to; may be repeated
    ///
    /// A list with commas works as well. In a directory with `server.crt`, further servers need not have the name.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_FOR_NAME")]
    pub for_name: Vec<String>,
    /// Check one side only
    ///
    /// With `--cert`, the side that the certificate is for. By default the certificate's usages decide.
    #[arg(long, value_name = "SIDE", value_parser = values::role(), ignore_case = true, env = "EGEXT_ROLE")]
    pub role: Option<Role>,
    /// Also accept this mode on key files, such as 0640
    ///
    /// For a key file that a trusted group may read.
    #[arg(long, value_name = "MODE", value_parser = mode, env = "EGEXT_ALLOW_KEY_MODE")]
    pub allow_key_mode: Option<u32>,
    /// File whose first line is the passphrase of the CA key; `-` for stdin
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
    /// A server that should present what is on disk.
    #[command(flatten)]
    pub server: Server,
    /// What to check.
    #[command(flatten)]
    pub material: Material,
}

/// As `chmod` takes it.
fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "expected an octal mode such as `0640`".to_owned())
}

const CHECK_AFTER_HELP: &str = "\
Examples:
  egext certs check                           # the set in `certs/`
  egext certs check --within 20% --for-name extension.internal
  egext certs check --ca ca.crt --cert tls.crt --key tls.key --role server
  egext certs check --connect localhost:5005  # and compare with what the server presents
  egext certs check -o junit > certs.xml      # for a CI server

Exit codes: 0 fine, 1 a finding, 2 could not run, 3 nothing is wrong, but something is due.";
