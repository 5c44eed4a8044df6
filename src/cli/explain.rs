use clap::Args;

/// Explain a finding: cause and cure.
#[derive(Args, Debug)]
pub struct Explain {
    /// Finding to explain, such as `probe.tls.not-tls` [default: list all]
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}
