use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::directory::directory;
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
    /// Create the new CA, or take an existing one, and add it to `ca.crt`
    Prepare(Prepare),
    /// Reissue all certificates from the new CA
    Activate(Activate),
    /// Remove the old CA from `ca.crt`
    Finish(Finish),
    /// Print the next step and the reason
    Status(Status),
}

/// Create the new CA, or take an existing one, and add it to `ca.crt`.
#[derive(Args, Debug)]
pub struct Prepare {
    /// Lifetime of a private CA, from now [default: as the old one]
    ///
    /// After a CA that `egext` did not make, the default is 5y.
    #[arg(long, value_name = "SPAN", conflicts_with = "ca_cert", env = "EGEXT_CA_LIFETIME")]
    pub ca_lifetime: Option<Span>,
    /// Permit this name, too, if the CA has name constraints; may be repeated
    ///
    /// A list with commas works as well.
    // Without an environment variable: it is about one certificate to come.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "ca_cert")]
    pub permit: Vec<String>,
    /// Type of a private CA's key [default: as the old one]
    ///
    /// If `egext` does not make keys of the old type, the default is `p256`.
    #[arg(long, value_name = "TYPE", value_parser = values::key_type(), ignore_case = true, conflicts_with = "ca_cert", env = "EGEXT_KEY_TYPE")]
    pub key_type: Option<KeyType>,
    /// Create a private CA although the key of the old CA is not in the directory
    ///
    /// Needed if the old CA is a company's, or if its key was discarded or is kept elsewhere. The new CA key is
    /// stored in the directory.
    #[arg(long, conflicts_with = "ca_cert")]
    pub private_ca: bool,
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
    /// Of the CA that signs later.
    #[command(flatten)]
    pub passphrase: NewKeyPassphrase,
    /// Who signs later.
    #[command(flatten)]
    pub other: OtherCa,
}

/// Reissue all certificates from the new CA.
#[derive(Args, Debug)]
pub struct Activate {
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
    /// Of the CA that signs from now on.
    #[command(flatten)]
    pub passphrase: NewKeyPassphrase,
    /// Who signs from now on.
    #[command(flatten)]
    pub other: OtherCa,
}

/// Remove the old CA from `ca.crt`.
#[derive(Args, Debug)]
pub struct Finish {
    /// What every step has.
    #[command(flatten)]
    pub step: Step,
    /// Also remove CA keys that egext did not make
    ///
    /// Without it, they are kept in `.egext`, since nothing can make them again. It also works after the rotation:
    /// no CA key is left but that of the CA that signs.
    // Without an environment variable: it destroys.
    #[arg(long)]
    pub discard_ca_key: bool,
}

// Without environment variables: those of `certs init` and `certs renew` name the old CA.
#[expect(missing_docs, reason = "two commands have it, and clap would begin the help of both with it")]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Existing CA")]
pub struct OtherCa {
    /// Existing CA to change to, with those above it up to the root (PEM)
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    pub ca_cert: Option<PathBuf>,
    /// Private key of `--ca-cert` (PEM: PKCS#8, PKCS#1 or SEC1)
    ///
    /// It may be encrypted. It is read, not stored.
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    pub ca_key: Option<PathBuf>,
}

#[expect(missing_docs, reason = "two commands have it, and clap would begin the help of both with it")]
#[derive(Args, Debug)]
pub struct Step {
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Say what would be done, and write nothing
    #[arg(long, env = "EGEXT_DRY_RUN")]
    pub dry_run: bool,
}

#[expect(missing_docs, reason = "two commands have it, and clap would begin the help of both with it")]
#[derive(Args, Debug)]
pub struct NewKeyPassphrase {
    /// File whose first line is the passphrase of the new CA key; `-` for stdin
    ///
    /// Required if the key of the old CA is encrypted.
    #[arg(long, value_name = "FILE", env = "EGEXT_CA_KEY_PASSPHRASE_FILE")]
    pub ca_key_passphrase_file: Option<PathBuf>,
}

/// Print the next step and the reason.
#[derive(Args, Debug)]
pub struct Status {
    /// Directory with the set of `egext certs init`
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
}

const AFTER_HELP: &str = "\
No call fails if both sides load their new files after each step:
  egext certs rotate-ca prepare   # then install `ca.crt` on both sides
  egext certs rotate-ca activate  # then install all files on both sides
  egext certs rotate-ca finish    # then install `ca.crt` on both sides

To an existing CA, whose key is not stored; `activate` needs both files again:
  egext certs rotate-ca prepare --ca-cert corp.crt --ca-key corp.key

Repeating a completed step changes nothing.";
