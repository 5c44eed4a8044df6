use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::pki::KeyType;
use crate::units::Span;

/// Replace the CA step by step, without a failed call.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct CertsRotateCa {
    /// Which step.
    #[command(subcommand)]
    pub step: RotationStep,
}

/// The steps, in their order.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum RotationStep {
    /// Make the new CA, and put it beside the old one into `ca.crt`
    Prepare(Prepare),
    /// Issue all certificates anew by the new CA
    Activate(Step),
    /// Take the old CA out of `ca.crt`
    Finish(Step),
    /// Say which step is next, and why
    Status(Status),
}

/// Make the new CA, and put it beside the old one into `ca.crt`.
#[derive(Args, Debug)]
pub struct Prepare {
    /// How long the new CA lives, from now [default: as long as the old one]
    #[arg(long, value_name = "SPAN", env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Let the new CA permit these names too, if the CA has name constraints; may be repeated, or a list with commas
    // Without an environment variable: it is about one certificate to come.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub permit: Vec<String>,
    /// Kind of the new CA's key [default: as the old one's]
    #[arg(long, value_name = "TYPE", value_enum, env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
}

#[expect(missing_docs, reason = "two commands have it, and clap would begin the help of both with it")]
#[derive(Args, Debug)]
pub struct Step {
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// File whose first line is the passphrase of the new CA's key; `-` for stdin. Needed where the old one's key
    /// is encrypted
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
    /// Say what would be done, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
}

/// Say which step is next, and why.
#[derive(Args, Debug)]
pub struct Status {
    /// Directory that `egext certs init` filled
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
}

const AFTER_HELP: &str = "\
No call fails when between two steps both sides get their new files and load them:
  egext certs rotate-ca prepare    then `ca.crt` to both sides
  egext certs rotate-ca activate   then all files to both sides
  egext certs rotate-ca finish     then `ca.crt` to both sides

A step that was made already changes nothing when it is repeated.";
