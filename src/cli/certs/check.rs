use std::path::PathBuf;

use clap::Args;

use super::Server;
use crate::cli::{Material, values};
use crate::pki::Role;
use crate::units::Within;

/// Find what breaks the channel, or soon will.
#[derive(Args, Debug)]
#[command(after_help = CHECK_AFTER_HELP)]
pub struct CertsCheck {
    /// Directory to check; wins over `--dir`, excludes `--ca`, `--cert` and `--key`
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// What expires within this time, or in this last part of its life, is due
    /// [default: a third of its life, at most 30d]
    #[arg(long, value_name = "SPAN|PERCENT", env = "EGEXT_WITHIN")]
    pub within: Option<Within>,
    /// Name or IP address by which clients will call the server; may be repeated, or a list with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "EGEXT_FOR_NAME")]
    pub for_name: Vec<String>,
    /// Check one side only; for `--cert`, which side it is for [default: what the certificate says]
    #[arg(long, value_name = "SIDE", value_parser = values::role(), env = "EGEXT_ROLE")]
    pub role: Option<Role>,
    /// Modes that keys may have beside those that are safe, such as 0640 where a group is trusted
    #[arg(long, value_name = "MODE", value_parser = mode, env = "EGEXT_ALLOW_KEY_MODE")]
    pub allow_key_mode: Option<u32>,
    /// File whose first line opens the CA's key, where that is encrypted; `-` for stdin
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
  egext certs check                                     the set in `certs/`
  egext certs check --within 20% --for-name extension.internal
  egext certs check --ca ca.crt --cert tls.crt --key tls.key --role server
  egext certs check --connect localhost:5005            and is that what the server presents?
  egext certs check -o junit > certs.xml                for a CI server

Exit codes: 0 fine, 1 a finding, 2 could not run, 3 nothing is wrong yet, but something is due.";
