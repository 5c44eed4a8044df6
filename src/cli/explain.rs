use clap::Args;

use super::values;

/// Explain a finding: cause and cure.
#[derive(Args, Debug)]
pub struct Explain {
    /// Finding to explain, such as `probe.tls.not-tls` [default: list all]
    #[arg(value_name = "ID", value_parser = values::id(), hide_possible_values = true)]
    pub id: Option<String>,
}
