use std::io::{self, IsTerminal as _};

use super::issue::refuse_odd;
use super::{Advised, CertsError};
use crate::cli::CertsPack;
use crate::input::is_stdin;
use crate::pki::pack::{self, Pack};
use crate::pki::store::{self, StoreError};
use crate::render::certs::pack::{self as rendered, Packed};
use crate::report::Report;
use crate::shell::shell_path;

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
    if !is_streamed {
        store::write_alone(out, &pack.archive()).map_err(CertsError::Archive)?;
    } else if io::stdout().is_terminal() {
        // It holds a key, which stays in the scrollback of a terminal.
        return Err(CertsError::ArchiveOnTerminal { role: *role });
    }
    let packed = Packed { directory: dir, role: *role, name: name.as_deref(), pack: &pack, out, is_streamed };
    Ok(rendered::report(&packed, now))
}
