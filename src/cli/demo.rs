use clap::Args;
use clap::builder::FalseyValueParser;

/// `egext demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Leave everything running, print what to try, and clean up on Ctrl-C
    #[arg(long, env = "EGEXT_KEEP", value_parser = FalseyValueParser::new())]
    pub keep: bool,
}
