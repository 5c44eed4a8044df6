//! An archive for another machine.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::lines::{self, words};
use crate::pki::Role;
use crate::pki::pack::Pack;
use crate::report::{Body, Report, Style, in_backticks};
use crate::shell::shell_path;

/// What one machine needs, packed.
pub(crate) struct Packed<'a> {
    /// Of the set.
    pub(crate) directory: &'a Path,
    /// The side that it is for.
    pub(crate) role: Role,
    /// The further certificate that was asked for.
    pub(crate) name: Option<&'a str>,
    pub(crate) pack: &'a Pack,
    /// As typed.
    pub(crate) out: &'a Path,
    /// It goes to stdout.
    pub(crate) is_streamed: bool,
}

/// What `egext certs pack` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// Its file.
    archive: String,
    /// The side that it is for.
    role: Role,
    /// What was put into it.
    files: Vec<String>,
}

pub(crate) fn report(packed: &Packed<'_>, now: OffsetDateTime) -> Report {
    let Packed { directory, role, name, pack, out, is_streamed } = *packed;
    let mut report = Report::new("certs pack");
    let place = if is_streamed { "stdout".to_owned() } else { format!("`{}`", out.display()) };
    let rest = match name {
        Some(name) => format!(" what the {role} `{name}` needs into {place}"),
        None => format!(" what the {role} needs into {place}"),
    };
    lines::title(&mut report, Style::Good, "packed", &rest);
    lines::certificate(&mut report, role.name(), pack.leaf(), &pack.leaf().key.to_string(), now);
    let sources = pack.sources().map(|name| directory.join(name)).collect::<Vec<_>>();
    let files = sources.iter().map(|path| words(path)).collect();
    report.detail(&Details { archive: words(out), role, files });
    lines::files(&mut report, &[("in it".to_owned(), sources)]);
    if name.is_some() {
        let names = in_backticks(pack.names()).join(", ");
        lines::note(&mut report, &format!("in the archive they are {names}, as every command expects"));
    }
    if is_streamed {
        report.body = Body::Data(pack.archive());
        return report;
    }
    report.talk.blank().hint(format!(
        "on the other machine: `mkdir -p -m 700 certs && tar -xf {} -C certs`; then remove the archive on both",
        shell_path(Path::new(out.file_name().unwrap_or_default()))
    ));
    report
}
