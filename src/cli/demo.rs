use clap::Args;

/// Run everything once in a temporary directory.
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave everything running until Ctrl-C, and print what to try
    ///
    /// The directory is removed at the end.
    #[arg(long, env = "EGEXT_KEEP")]
    pub keep: bool,
}
