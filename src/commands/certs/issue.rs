use std::path::PathBuf;

use time::OffsetDateTime;

use super::{CertsError, lines};
use crate::cli::{CertsIssue, Signer};
use crate::pki::authority::{Issued, Leaf, LeafKey, common_name};
use crate::pki::member::{Member, certificate_file, key_file};
use crate::pki::renewal::Ca;
use crate::pki::request::Request;
use crate::pki::store::{self, SetFile, Store};
use crate::pki::{KeyType, Role, SET_FILES, SubjectName, Summary};
use crate::report::{Line, Report, Role as Style};
use crate::units::Span;

pub(super) fn run(arguments: CertsIssue, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    let ca = plan.ca(now)?;
    let Some(name) = plan.out.clone() else {
        let issued = plan.issue(&ca, now)?;
        let mut report = plan.report(issued.summary(), now);
        if !plan.dry_run {
            let certificate = issued.certificate_pem().to_string();
            report.details.insert("certificate".to_owned(), certificate.as_str().into());
            report.data = Some(certificate);
        }
        return Ok(report);
    };
    let files = [certificate_file(&name), key_file(&name)];
    let written = if plan.request.is_some() { &files[..1] } else { &files[..] };
    let names = SET_FILES.into_iter().chain(written.iter().map(String::as_str)).collect::<Vec<_>>();
    if plan.dry_run {
        plan.refuse_taken(&name, &files)?;
        store::refuse_foreign(&plan.directory, &names)?;
        return Ok(plan.report(plan.issue(&ca, now)?.summary(), now));
    }
    let store = Store::open(&plan.directory, &names)?;
    plan.refuse_taken(&name, &files)?;
    let issued = plan.issue(&ca, now)?;
    let mut set = vec![SetFile { name: &files[0], text: issued.certificate_pem(), secret: false }];
    set.extend(issued.key_pem().map(|text| SetFile { name: &files[1], text, secret: true }));
    store.update(&set, &[])?;
    Ok(plan.report(issued.summary(), now))
}

/// What `egext certs issue` shall do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    role: Role,
    names: Vec<SubjectName>,
    request: Option<(PathBuf, Request)>,
    out: Option<String>,
    key_type: Option<KeyType>,
    lifetime: Span,
    signer: Signer,
    dry_run: bool,
}

impl TryFrom<CertsIssue> for Plan {
    type Error = CertsError;

    fn try_from(arguments: CertsIssue) -> Result<Self, CertsError> {
        let CertsIssue { role, dir: directory, san, out, csr, lifetime, key_type, dry_run, signer } =
            arguments;
        let request = csr.map(|path| Request::load(&path).map(|request| (path, request))).transpose()?;
        let mut names = Vec::new();
        let typed = san.iter().map(|name| name.trim().parse::<SubjectName>());
        let asked = request.iter().flat_map(|(_, request)| request.names.iter().cloned().map(Ok));
        for name in typed.chain(asked) {
            let name = name?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if let Some(name) = &out {
            refuse_odd(name)?;
        }
        Ok(Self { directory, role, names, request, out, key_type, lifetime, signer, dry_run })
    }
}

impl Plan {
    /// What will sign, which must have time left.
    fn ca(&self, now: OffsetDateTime) -> Result<Ca, CertsError> {
        // A directory without a set is told apart from one without a CA.
        Member::all(&self.directory)?;
        let ca = self.signer.ca(&self.directory)?;
        ca.refuse_expired(now)?;
        Ok(ca)
    }

    fn issue(&self, ca: &Ca, now: OffsetDateTime) -> Result<Issued, CertsError> {
        let authority = ca.open(self.signer.ca_key_passphrase_file.as_deref(), now)?;
        self.signer.refuse_stranger(&self.directory, &authority)?;
        let name = common_name(self.role);
        let key_type = self.key_type.unwrap_or_else(|| ca.key_type());
        let (role, names, lifetime) = (self.role, self.names.as_slice(), self.lifetime);
        let key = match &self.request {
            Some((_, request)) => LeafKey::Theirs(&request.public_key),
            None => LeafKey::New(key_type),
        };
        Ok(authority.issue(&Leaf { role, name: &name, names, key, lifetime }, now)?)
    }

    /// A name stands for one holder, whose certificate is renewed and not issued again.
    fn refuse_taken(&self, name: &str, files: &[String]) -> Result<(), CertsError> {
        let taken =
            store::Snapshot::open(&self.directory)?.map(|set| set.names().to_vec()).unwrap_or_default();
        match files.iter().find(|file| taken.contains(file)) {
            Some(_) => {
                Err(CertsError::NameTaken { name: name.to_owned(), directory: self.directory.clone() })
            }
            None => Ok(()),
        }
    }

    fn report(&self, summary: &Summary, now: OffsetDateTime) -> Report {
        let mut report = Report::new("certs issue");
        let (style, done) =
            if self.dry_run { (Style::Strong, "would issue") } else { (Style::Good, "issued") };
        let place = match &self.out {
            Some(name) => format!(" `{name}` in `{}`", self.directory.display()),
            None => " a certificate, which goes to stdout".to_owned(),
        };
        lines::title(&mut report, style, done, &place);
        let called = self.role.to_string();
        let key = if self.request.is_some() { "for the key of the request" } else { summary.key.as_str() };
        lines::certificate(&mut report, &called, summary, key, now);
        if let Some((path, request)) = &self.request {
            let subject = request.subject.as_str();
            let from = if subject.is_empty() { String::new() } else { format!(" from `{subject}`") };
            report.talk.line(
                Line::default().with(
                    Style::Dim,
                    format!("           request `{}`{from}, {}", path.display(), request.key),
                ),
            );
            if !request.ignored.is_empty() {
                let ignored = request.ignored.join("; ");
                lines::note(
                    &mut report,
                    &format!("the request also asks for what is not granted: {ignored}"),
                );
            }
            report.details.insert("ignored".to_owned(), request.ignored.clone().into());
        }
        let has_key = self.request.is_none();
        if let Some(name) = &self.out {
            lines::files(&mut report, &[lines::holder(&self.directory, name, self.role, (true, has_key))]);
        }
        let outcome = if self.dry_run { "would-issue" } else { "issued" };
        report.details.insert("outcome".to_owned(), outcome.into());
        let name = self.out.as_deref().unwrap_or_default();
        let mut object = lines::object(&self.directory, name, self.role, summary, has_key);
        if let Some(fields) = object.as_object_mut().filter(|_| self.out.is_none()) {
            fields.shift_remove("name");
            fields.shift_remove("certificate");
        }
        if let Some(fields) = object.as_object_mut().filter(|_| self.dry_run) {
            fields.shift_remove("serial");
        }
        report.details.insert("issued".to_owned(), object);
        report
    }
}

/// `NAME` becomes two files, beside ours.
pub(super) fn refuse_odd(name: &str) -> Result<(), CertsError> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    let is_plain = name.bytes().all(plain) && name.len() <= 64;
    if name.is_empty() || name.starts_with(['.', '-']) || !is_plain {
        return Err(CertsError::OddName { name: name.to_owned() });
    }
    if RESERVED.contains(&name) {
        return Err(CertsError::ReservedName { name: name.to_owned() });
    }
    Ok(())
}

/// What the set itself calls its files.
const RESERVED: [&str; 3] = ["ca", "client", "server"];
