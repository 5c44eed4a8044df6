use super::{CertsError, lines};
use crate::cli::CertsPack;
use crate::pki::pack::Pack;
use crate::pki::store;
use crate::report::{Report, Role as Style};

pub(super) fn run(arguments: &CertsPack, now: time::OffsetDateTime) -> Result<Report, CertsError> {
    let CertsPack { role, out, dir } = arguments;
    let pack = Pack::load(dir, *role)?;
    store::write_alone(out, &pack.archive())?;
    let mut report = Report::new("certs pack");
    lines::title(
        &mut report,
        Style::Good,
        "packed",
        &format!(" what the {role} needs into `{}`", out.display()),
    );
    lines::certificate(&mut report, &role.to_string(), pack.leaf(), &pack.leaf().key, now);
    let names = pack.names().map(|name| dir.join(name)).collect::<Vec<_>>();
    let paths = names.iter().map(|path| lines::words(path)).collect::<Vec<_>>();
    report.details.insert("archive".to_owned(), lines::words(out).into());
    report.details.insert("role".to_owned(), role.to_string().into());
    report.details.insert("files".to_owned(), paths.into());
    lines::files(&mut report, &[("in it".to_owned(), names)]);
    report.talk.blank().hint(format!(
        "on the other machine: `mkdir -m 700 certs && tar -xf {} -C certs`; then remove the archive on both",
        out.file_name().unwrap_or_default().display()
    ));
    Ok(report)
}
