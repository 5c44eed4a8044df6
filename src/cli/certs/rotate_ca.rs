use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::values;
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
    /// Make the new CA or take another one, and add it to `ca.crt`
    Prepare(Prepare),
    /// Issue all certificates anew by the new CA
    Activate(Activate),
    /// Take the old CA out of `ca.crt`
    Finish(Step),
    /// Say which step is next, and why
    Status(Status),
}

/// Make the new CA or take another one, and add it to `ca.crt`.
#[derive(Args, Debug)]
pub struct Prepare {
    /// How long a private CA lives, from now [default: as long as the old one, 5y after another CA]
    #[arg(long, value_name = "SPAN", conflicts_with = "ca_cert", env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Let the new CA permit these names too, if the CA has name constraints; may be repeated, or a list with commas
    // Without an environment variable: it is about one certificate to come.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "ca_cert")]
    pub permit: Vec<String>,
    /// Type of a private CA's key [default: as the old one's, if `egext` makes such keys, otherwise p256]
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), conflicts_with = "ca_cert", env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Make a private CA and store its key, though the old CA's key is not stored in the directory
    ///
    /// Needed if the old CA is a company's, or if its key was discarded or is kept elsewhere.
    #[arg(long, conflicts_with = "ca_cert")]
    pub private_ca: bool,
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
    /// Who signs later.
    #[command(flatten)]
    pub other: OtherCa,
}

/// Issue all certificates anew by the new CA.
#[derive(Args, Debug)]
pub struct Activate {
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
    /// Who signs from now on.
    #[command(flatten)]
    pub other: OtherCa,
}

// Without environment variables: those of `certs init` and `certs renew` name the old CA.
#[expect(missing_docs, reason = "two commands have it, and clap would begin the help of both with it")]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "A company's CA")]
pub struct OtherCa {
    /// Certificate of the new CA, and of those above it up to the root (PEM), instead of a private CA
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    pub ca_cert: Option<PathBuf>,
    /// The key of `--ca-cert` (PEM: PKCS#8, PKCS#1 or SEC1, also encrypted); it is read, not stored
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    pub ca_key: Option<PathBuf>,
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

To another CA of your own, whose key is not stored; `activate` needs both files again:
  egext certs rotate-ca prepare --ca-cert corp.crt --ca-key corp.key

A step that was made already changes nothing when it is repeated.";
