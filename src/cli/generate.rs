use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `egext generate`
#[derive(Args, Debug)]
pub struct Generate {
    /// What to generate.
    #[command(subcommand)]
    pub command: GenerateCommand,
}

/// What can be generated.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum GenerateCommand {
    /// A completion script, to stdout
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// `docs/findings.md`, to stdout
    Findings,
    /// A manual page, to stdout
    Man {
        /// The command's words, such as `certs init`; none for `egext` itself
        #[arg(value_name = "VERB")]
        verbs: Vec<String>,
    },
}
