use clap::Args;

/// Say what a finding means and what to do about it.
#[derive(Args, Debug)]
pub struct Explain {
    /// The finding, such as `probe.tls.not-tls`; without it all ids are listed
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}
