use super::ConfigError;
use crate::cli::Versions;
use crate::gateway::Release;
use crate::render;
use crate::report::Report;

/// `egext config versions`
pub(super) fn run(arguments: &Versions) -> Result<Report, ConfigError> {
    let releases = match &arguments.eg_version {
        Some(text) => vec![text.parse::<Release>()?],
        None => Release::all(),
    };
    Ok(render::releases::report(&releases))
}
