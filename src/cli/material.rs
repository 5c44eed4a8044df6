use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

/// Where certificates and keys are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Certificates")]
pub struct Material {
    /// Directory that `egext certs init` filled: `ca.crt`, `server.crt`, `client.crt` and their keys
    /// [default: certs]
    #[arg(long, value_name = "DIR", env = "EGEXT_DIR")]
    pub dir: Option<PathBuf>,
    /// CA certificates that the peer is verified against (PEM; `-` for stdin); instead of `ca.crt` in `--dir`
    #[arg(long, value_name = "FILE", env = "EGEXT_CA")]
    pub ca: Option<PathBuf>,
    /// Our certificate, leaf first (PEM); instead of the one in `--dir`
    #[arg(long, value_name = "FILE", requires = "key", env = "EGEXT_CERT")]
    pub cert: Option<PathBuf>,
    /// The key of `--cert` (PEM: PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", requires = "cert", env = "EGEXT_KEY")]
    pub key: Option<PathBuf>,
}

/// Which flags of [`Material`] were typed, and not taken from the environment.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the flags")]
pub struct Typed {
    pub dir: bool,
    pub ca: bool,
    pub cert: bool,
    pub key: bool,
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |flag| matches.value_source(flag) == Some(ValueSource::CommandLine);
        Ok(Self { dir: typed("dir"), ca: typed("ca"), cert: typed("cert"), key: typed("key") })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Adds no flag of its own.
impl Args for Typed {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
