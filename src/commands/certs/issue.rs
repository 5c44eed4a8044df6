use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::renew::granted_name;
use super::signer::Signs as _;
use super::{CertsError, each_once, lines};
use crate::cli::{CertsIssue, Signer};
use crate::pki::authority::{Issued, Leaf, LeafKey};
use crate::pki::edit::{Edit, change};
use crate::pki::issue::common_name;
use crate::pki::member::{self, Member, certificate_file, key_file};
use crate::pki::remarks;
use crate::pki::renewal::Ca;
use crate::pki::request::{Granted, Request};
use crate::pki::store::{self, SetFile, Snapshot};
use crate::pki::{Certificate, KeyType, Role, SET_FILES, SubjectName};
use crate::report::{Body, Line, Report, Style};
use crate::units::Span;

pub(super) fn run(arguments: CertsIssue, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    let Some(name) = &plan.out else { return plan.print(now) };
    let [certificate, key] = [certificate_file(name), key_file(name)];
    let mut names = SET_FILES.to_vec();
    names.push(&certificate);
    // A certificate for a request has no key here, but one that it replaces may have had one.
    if plan.request.is_none() || plan.replace {
        names.push(&key);
    }
    let New { issued, members, replaces } =
        change(&plan.directory, &names, plan.dry_run, |set| plan.act(&set, name, now))?;
    Ok(plan.report(&issued, &members, replaces, now))
}

/// What `egext certs issue` was asked to do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    role: Role,
    names: Vec<SubjectName>,
    request: Option<Asked>,
    out: Option<String>,
    replace: bool,
    key_type: Option<KeyType>,
    lifetime: Span,
    signer: Signer,
    dry_run: bool,
}

/// What was issued.
struct New {
    issued: Issued,
    /// The other certificates of the set.
    members: Vec<Member>,
    replaces: bool,
}

/// A request, and what comes of its names.
#[derive(Debug)]
struct Asked {
    path: PathBuf,
    request: Request,
    granted: Granted,
}

impl TryFrom<CertsIssue> for Plan {
    type Error = CertsError;

    fn try_from(arguments: CertsIssue) -> Result<Self, CertsError> {
        let CertsIssue { role, dir: directory, san, out, csr, lifetime, key_type, dry_run, signer, .. } =
            arguments;
        let (accepts, replace) = (arguments.accept_csr_names, arguments.replace);
        let mut names = each_once(arguments.names.iter().chain(&san), granted_name)?;
        let mut asked = None;
        if let Some(path) = csr {
            let request = Request::load(&path)?;
            let granted = request.grant(&names, accepts);
            names.clone_from(&granted.names);
            asked = Some(Asked { path, request, granted });
        }
        let out = match out {
            Some(name) if name == "-" && asked.is_none() => return Err(CertsError::KeyOnStdout),
            Some(name) if name == "-" && replace => return Err(CertsError::OddName { name }),
            Some(name) if name == "-" => None,
            out => out,
        };
        if let Some(name) = &out {
            refuse_odd(name, &directory)?;
            refuse_ending(name)?;
            refuse_reserved(name, &directory, role, replace)?;
        }
        Ok(Self { directory, role, names, request: asked, out, replace, key_type, lifetime, signer, dry_run })
    }
}

impl Plan {
    /// A certificate that is not stored: the set is only read.
    fn print(&self, now: OffsetDateTime) -> Result<Report, CertsError> {
        let set = member::set(&self.directory)?;
        let members = self.others(&set)?;
        let issued = self.issue(&set, &members, now)?;
        let mut report = self.report(&issued, &members, false, now);
        if !self.dry_run {
            let certificate = issued.certificate_pem().to_string();
            report.details.insert("certificate".to_owned(), certificate.as_str().into());
            report.body = Body::data(certificate);
        }
        Ok(report)
    }

    fn act(&self, set: &Snapshot, name: &str, now: OffsetDateTime) -> Result<Edit<New>, CertsError> {
        let [certificate, key] = [certificate_file(name), key_file(name)];
        let members = self.others(set)?;
        let replaces = self.replaces(set, name)?;
        let issued = self.issue(set, &members, now)?;
        // The key of the certificate before is not that of the request.
        let removed = if self.request.is_some() { vec![key.clone()] } else { Vec::new() };
        let mut files = vec![SetFile { name: certificate, text: issued.certificate_pem(), secret: false }];
        files.extend(issued.key_pem().map(|text| SetFile { name: key, text, secret: true }));
        Ok(Edit::new(files, New { issued, members, replaces }).without(removed))
    }

    /// The certificates of the set, without the one that is replaced.
    fn others(&self, set: &Snapshot) -> Result<Vec<Member>, CertsError> {
        let replaced = self.out.as_deref().filter(|_| self.replace);
        Ok(Member::all_but(set, replaced)?)
    }

    /// What will sign, which must have time left.
    fn ca(&self, set: &Snapshot, members: &[Member], now: OffsetDateTime) -> Result<Ca, CertsError> {
        let ca = self.signer.ca(set, members, now)?;
        ca.refuse_untimely(now).map_err(|error| self.signer.explained((set, members), error))?;
        Ok(ca)
    }

    fn issue(&self, set: &Snapshot, members: &[Member], now: OffsetDateTime) -> Result<Issued, CertsError> {
        let ca = self.ca(set, members, now)?;
        let authority = ca.open(set, self.signer.ca_key_passphrase_file.as_deref(), now)?;
        self.signer.refuse_other((set, members), &authority)?;
        if let Some(Asked { path, request, .. }) = &self.request {
            request.refuse_known_key(path, set, &authority, members)?;
        }
        let name = common_name(self.role);
        let key_type = self.key_type.unwrap_or_else(|| member::usual_key_type(members, self.role));
        let (role, names, lifetime) = (self.role, self.names.as_slice(), self.lifetime);
        let key = match &self.request {
            Some(Asked { request, .. }) => LeafKey::Theirs(request.key.der()),
            None => LeafKey::New(key_type),
        };
        let issued = authority.issue(&Leaf { role, name: &name, names, key, lifetime }, now);
        issued.map_err(|error| self.signer.explained((set, members), error))
    }

    /// A name stands for one holder: what is there goes only when that was asked for.
    fn replaces(&self, set: &Snapshot, name: &str) -> Result<bool, CertsError> {
        let is_taken = member::is_taken(set, name);
        if is_taken && !self.replace {
            return Err(CertsError::NameTaken { name: name.to_owned(), directory: self.directory.clone() });
        }
        Ok(is_taken)
    }

    fn report(&self, issued: &Issued, members: &[Member], replaces: bool, now: OffsetDateTime) -> Report {
        let summary = issued.certificate();
        let mut report = Report::new("certs issue");
        let (style, done, outcome) = match (self.dry_run, replaces) {
            (true, true) => (Style::Strong, "would replace", "would-replace"),
            (true, false) => (Style::Strong, "would issue", "would-issue"),
            (false, true) => (Style::Good, "replaced", "replaced"),
            (false, false) => (Style::Good, "issued", "issued"),
        };
        let place = match &self.out {
            Some(name) => format!(" `{name}` in `{}`", self.directory.display()),
            None => " a certificate, which goes to stdout".to_owned(),
        };
        lines::title(&mut report, style, done, &place);
        let called = self.role.to_string();
        let key = summary.key.to_string();
        let remark = if self.request.is_some() { "for the key of the request" } else { &key };
        lines::certificate(&mut report, &called, summary, remark, now);
        if let Some(asked) = &self.request {
            self.request_lines(&mut report, asked, members);
        }
        let has_key = self.request.is_none();
        if let Some(name) = &self.out {
            lines::files(&mut report, &[lines::holder(&self.directory, name, self.role, (true, has_key))]);
        }
        if replaces && !self.dry_run {
            let previous = store::previous(&self.directory);
            lines::note(
                &mut report,
                &format!("the old one stays in `{}` until the next change", previous.display()),
            );
        }
        let name = self.out.as_deref().unwrap_or(&called);
        let hint = self.signer.replacement(&self.directory);
        let cut = remarks::cut_short(&self.directory, [(name, issued)], &hint);
        lines::findings(&mut report, cut);
        report.details.insert("outcome".to_owned(), outcome.into());
        report.details.insert("issued".to_owned(), self.object(summary));
        report
    }

    /// What was made of the request.
    fn request_lines(&self, report: &mut Report, asked: &Asked, members: &[Member]) {
        let Asked { path, request, granted } = asked;
        let subject = request.subject.as_str();
        let from = if subject.is_empty() { String::new() } else { format!(" from `{subject}`") };
        let words = format!("           request `{}`{from}, {}", path.display(), request.key);
        report.talk.line(Line::default().with(Style::Dim, words));
        let mut ignored =
            granted.withheld.iter().map(|name| format!("the name `{name}`")).collect::<Vec<_>>();
        ignored.extend_from_slice(&request.ignored);
        if !ignored.is_empty() {
            let mut words = format!("the request also asks for what is not granted: {}", ignored.join("; "));
            if !granted.withheld.is_empty() {
                words.push_str("; names beyond `--san` are granted by `--accept-csr-names` only");
            }
            lines::note(report, &words);
        }
        report.details.insert("ignored".to_owned(), ignored.into());
        lines::findings(report, remarks::in_use(path, (request, granted), members));
    }

    fn object(&self, summary: &Certificate) -> serde_json::Value {
        let has_key = self.request.is_none();
        let name = self.out.as_deref().unwrap_or_default();
        let mut object = lines::object(&self.directory, name, self.role, summary, has_key);
        if let Some(fields) = object.as_object_mut().filter(|_| self.out.is_none()) {
            fields.shift_remove("name");
            fields.shift_remove("certificate");
        }
        if let Some(fields) = object.as_object_mut().filter(|_| self.dry_run) {
            fields.shift_remove("serial");
        }
        object
    }
}

/// `NAME` becomes two files, beside ours.
pub(super) fn refuse_odd(name: &str, directory: &Path) -> Result<(), CertsError> {
    if !member::is_name(name) {
        return Err(CertsError::OddName { name: name.to_owned() });
    }
    if name == "ca" {
        return Err(CertsError::ReservedName { name: name.to_owned(), directory: directory.into() });
    }
    Ok(())
}

/// The files get their endings here.
fn refuse_ending(name: &str) -> Result<(), CertsError> {
    let stem = name.rsplit_once('.').filter(|(_, ending)| {
        ["crt", "key", "pem", "cer", "csr"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    });
    match stem {
        Some((stem, _)) => Err(CertsError::NameOfFile { name: name.to_owned(), stem: stem.to_owned() }),
        None => Ok(()),
    }
}

/// What the set itself calls its files is only there to be replaced, for its own side.
fn refuse_reserved(name: &str, directory: &Path, role: Role, replace: bool) -> Result<(), CertsError> {
    if member::is_own(name) && !(replace && name == role.name()) {
        return Err(CertsError::ReservedName { name: name.to_owned(), directory: directory.into() });
    }
    Ok(())
}
