use clap::Args;

/// `egext demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave everything running, print what to try, and clean up on Ctrl-C
    #[arg(long, env = "EGEXT_KEEP")]
    pub keep: bool,
}
