use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tracing::Level;

use crate::cli::values;
use crate::render::LogFormat;
use crate::units::Span;

/// How the bridge runs as a service.
#[derive(Args, Debug)]
#[command(next_help_heading = "Operation")]
pub struct Operation {
    /// How long calls may go on after SIGTERM or SIGINT
    ///
    /// A second signal ends them at once.
    #[arg(long, value_name = "DURATION", default_value = "30s", env = "EGEXT_DRAIN_TIMEOUT")]
    pub drain_timeout: Span,
    /// Format of the log on stderr
    #[arg(long, value_parser = values::log_format(), ignore_case = true, value_name = "FORMAT", default_value = "auto", env = "EGEXT_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// Least severe level to log: error, warn, info, debug or trace
    ///
    /// The default is `info`, and `warn` if `-q` is given. At `debug` there is one line for each call.
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = level(),
        ignore_case = true,
        hide_possible_values = true,
        env = "EGEXT_LOG_LEVEL"
    )]
    pub log_level: Option<Level>,
    /// Do not restrict the process, and allow core dumps
    ///
    /// By default the bridge gives up, once it listens, what it does not need any more: with Landlock all other files and
    /// TCP ports, also new privileges and core dumps. Use this to attach a debugger or profiler.
    #[arg(long, env = "EGEXT_NO_SANDBOX")]
    pub no_sandbox: bool,
}

/// The levels by their names, so that a wrong one has the same error as in other lists.
fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"])
        .try_map(|name| name.parse::<Level>())
}
