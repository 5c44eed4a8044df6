use super::Error;
use crate::cli::Explain;
use crate::render;
use crate::report::{FindingId, Report};

pub(super) fn run(arguments: &Explain) -> Result<Report, Error> {
    Ok(match &arguments.id {
        Some(name) => render::explain::one(name.parse()?),
        None => render::explain::list(FindingId::ALL),
    })
}
