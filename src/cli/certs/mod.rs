mod init;

pub use init::CertsInit;

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
}
