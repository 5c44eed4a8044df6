mod check;
mod init;
mod show;

pub use check::CertsCheck;
pub use init::CertsInit;
pub use show::{CertsShow, Server};

use clap::{Args, Subcommand};

/// `egext certs`
#[derive(Args, Debug)]
pub struct Certs {
    /// What to do.
    #[command(subcommand)]
    pub command: CertsCommand,
}

/// What can be done with certificates.
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a private CA, and a certificate and key for each side of the channel
    Init(CertsInit),
    /// Say what certificates and keys are: in files, in a directory, or presented by a server
    Show(CertsShow),
    /// Find what breaks the channel, or soon will
    Check(CertsCheck),
}
