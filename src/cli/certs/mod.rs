mod check;
mod init;
mod issue;
mod pack;
mod remove;
mod renew;
mod rotate_ca;
mod show;
mod signer;

pub use check::CertsCheck;
pub use init::CertsInit;
pub use issue::CertsIssue;
pub use pack::CertsPack;
pub use remove::CertsRemove;
pub use renew::{CertsRenew, Changes};
pub use rotate_ca::{
    Activate, CertsRotateCa, Finish, NewKeyPassphrase, OtherCa, Prepare, RotationStep, Status, Step,
};
pub use show::{CertsShow, Server};
pub use signer::SignerFlags;

use clap::{Args, Subcommand};

/// Create, check, renew and replace the certificates of both sides.
#[derive(Args, Debug)]
pub struct Certs {
    /// What to do.
    #[command(subcommand)]
    pub command: CertsCommand,
}

/// What can be done with certificates.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum CertsCommand {
    /// Create a CA, and a certificate and key for each side of the channel
    Init(CertsInit),
    /// Describe certificates and keys: files, a directory, or what a server presents
    Show(CertsShow),
    /// Find what breaks the channel now or soon
    Check(CertsCheck),
    /// Issue another certificate, or one for a CSR
    Issue(CertsIssue),
    /// Renew what is due, or change names, lifetime or key type of one certificate
    Renew(CertsRenew),
    /// Take certificates of `certs issue` out of the set
    Remove(CertsRemove),
    /// Replace the CA step by step, without a failed call
    RotateCa(CertsRotateCa),
    /// Write the files of one side to an archive, for another machine
    Pack(CertsPack),
}
