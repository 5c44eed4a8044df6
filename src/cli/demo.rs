use clap::Args;

/// See all of it work at once, in a temporary directory.
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave everything running, print what to try, and clean up on Ctrl-C
    #[arg(long, env = "EGEXT_KEEP")]
    pub keep: bool,
}
