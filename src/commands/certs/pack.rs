use std::io::{self, IsTerminal as _};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::issue::refuse_odd;
use super::{Advised, CertsError, lines};
use crate::cli::CertsPack;
use crate::input::is_stdin;
use crate::pki::pack::{self, Pack};
use crate::pki::store::{self, StoreError};
use crate::report::{Body, Report, Style};
use crate::shell::shell_path;

/// What `egext certs pack` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(in crate::commands) struct Details {
    /// Its file.
    archive: String,
    /// The side that it is for.
    role: String,
    /// What was put into it.
    files: Vec<String>,
}

pub(super) fn run(arguments: &CertsPack, now: time::OffsetDateTime) -> Result<Report, CertsError> {
    let CertsPack { role, name, out, dir } = arguments;
    if let Some(name) = name
        && refuse_odd(name, dir).is_err()
    {
        // No certificate has such a name, and none can be issued with it.
        return Err(pack::unknown_name(dir, *role, name).into());
    }
    let pack = Pack::load(dir, *role, name.as_deref())?;
    pack.refuse_expired(now)?;
    let is_streamed = is_stdin(out);
    if out.is_dir() {
        let file = shell_path(&out.join(format!("{role}.tar")));
        let error = CertsError::Archive(StoreError::Exists { path: out.clone() });
        return Err(
            Advised::new(error, format!("it is a directory: name a file in it, `--out {file}`")).into()
        );
    }
    let mut report = Report::new("certs pack");
    if is_streamed {
        // It holds a key, which stays in the scrollback of a terminal.
        if io::stdout().is_terminal() {
            return Err(CertsError::ArchiveOnTerminal { role: *role });
        }
        report.body = Body::Data(pack.archive());
    } else {
        store::write_alone(out, &pack.archive()).map_err(CertsError::Archive)?;
    }
    let place = if is_streamed { "stdout".to_owned() } else { format!("`{}`", out.display()) };
    lines::title(
        &mut report,
        Style::Good,
        "packed",
        &match name {
            Some(name) => format!(" what the {role} `{name}` needs into {place}"),
            None => format!(" what the {role} needs into {place}"),
        },
    );
    lines::certificate(&mut report, &role.to_string(), pack.leaf(), &pack.leaf().key.to_string(), now);
    let sources = pack.sources().map(|name| dir.join(name)).collect::<Vec<_>>();
    let paths = sources.iter().map(|path| lines::words(path)).collect::<Vec<_>>();
    report.detail(&Details { archive: lines::words(out), role: role.to_string(), files: paths });
    lines::files(&mut report, &[("in it".to_owned(), sources)]);
    if name.is_some() {
        let names = pack.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        lines::note(&mut report, &format!("in the archive they are {names}, as every command expects"));
    }
    if is_streamed {
        return Ok(report);
    }
    report.talk.blank().hint(format!(
        "on the other machine: `mkdir -p -m 700 certs && tar -xf {} -C certs`; then remove the archive on both",
        shell_path(Path::new(out.file_name().unwrap_or_default()))
    ));
    Ok(report)
}
