use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Generate completions, manual pages and documentation, for packagers.
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
    /// Print `docs/compatibility.md`
    Compatibility,
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print `docs/findings.md`
    Findings,
    /// Print a manual page
    Man(Man),
    /// Print `docs/report.schema.json`, the JSON Schema of `-o json`
    Schema,
    /// Print `docs/bridge-status.schema.json`, the schema of the bridge's `/status`
    StatusSchema,
}

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_HELP)]
pub struct Completions {
    /// Shell to print the script for
    #[arg(value_enum, ignore_case = true)]
    pub shell: Shell,
}

/// Print a manual page.
#[derive(Args, Debug)]
#[command(after_help = MAN_HELP)]
pub struct Man {
    /// Command, such as `certs init` [default: the page of `egext` itself]
    #[arg(value_name = "COMMAND")]
    pub verbs: Vec<String>,
}

const COMPLETIONS_HELP: &str = "\
Examples (each directory must exist):
  egext completions bash > ~/.local/share/bash-completion/completions/egext
  egext completions zsh > ~/.zfunc/_egext
  egext completions fish > ~/.config/fish/completions/egext.fish

Start a new shell then. zsh needs `fpath+=~/.zfunc` before `compinit` in ~/.zshrc.";

const MAN_HELP: &str = "\
Examples:
  egext man > egext.1
  egext man certs init > egext-certs-init.1
  man ./egext-certs-init.1";
