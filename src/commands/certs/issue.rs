use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::renew::granted_name;
use super::signer::Signs as _;
use super::{CertsError, each_once};
use crate::cli::{CertsIssue, SignerFlags};
use crate::pki::authority::{Issued, Leaf, LeafKey};
use crate::pki::edit::{Edit, change};
use crate::pki::issue::common_name;
use crate::pki::member::{self, Member, certificate_file, key_file};
use crate::pki::remarks;
use crate::pki::renewal::Ca;
use crate::pki::request::Request;
use crate::pki::store::{SetFile, Snapshot};
use crate::pki::{KeyType, Role, SET_FILES, SubjectName};
use crate::render::certs::issue::{self as rendered, Asked, Issuance};
use crate::report::Report;
use crate::units::Span;

pub(super) fn run(arguments: CertsIssue, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = IssuePlan::try_from(arguments)?;
    let Some(name) = &plan.out else { return plan.print(now) };
    let [certificate, key] = [certificate_file(name), key_file(name)];
    let mut names = SET_FILES.to_vec();
    names.push(&certificate);
    // A certificate for a request has no key here, but one that it replaces may have had one.
    if plan.request.is_none() || plan.replace {
        names.push(&key);
    }
    let new = change(&plan.directory, &names, plan.dry_run, |set| plan.act(&set, name, now))?;
    Ok(plan.report(&new, now))
}

/// What `egext certs issue` was asked to do.
#[derive(Debug)]
struct IssuePlan {
    directory: PathBuf,
    role: Role,
    names: Vec<SubjectName>,
    request: Option<Asked>,
    out: Option<String>,
    replace: bool,
    key_type: Option<KeyType>,
    lifetime: Span,
    signer: SignerFlags,
    dry_run: bool,
}

/// What was issued.
struct NewCertificate {
    issued: Issued,
    /// The other certificates of the set.
    members: Vec<Member>,
    replaces: bool,
}

impl TryFrom<CertsIssue> for IssuePlan {
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

impl IssuePlan {
    /// A certificate that is not stored: the set is only read.
    fn print(&self, now: OffsetDateTime) -> Result<Report, CertsError> {
        let set = member::set(&self.directory)?;
        let members = self.others(&set)?;
        let issued = self.issue(&set, &members, now)?;
        Ok(self.report(&NewCertificate { issued, members, replaces: false }, now))
    }

    fn act(
        &self,
        set: &Snapshot,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Edit<NewCertificate>, CertsError> {
        let [certificate, key] = [certificate_file(name), key_file(name)];
        let members = self.others(set)?;
        let replaces = self.replaces(set, name)?;
        let issued = self.issue(set, &members, now)?;
        // The key of the certificate before is not that of the request.
        let removed = if self.request.is_some() { vec![key.clone()] } else { Vec::new() };
        let mut files = vec![SetFile { name: certificate, text: issued.certificate_pem(), secret: false }];
        files.extend(issued.key_pem().map(|text| SetFile { name: key, text, secret: true }));
        Ok(Edit::new(files, NewCertificate { issued, members, replaces }).without(removed))
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

    fn report(
        &self,
        NewCertificate { issued, members, replaces }: &NewCertificate,
        now: OffsetDateTime,
    ) -> Report {
        let asked = self.request.as_ref();
        let in_use = |asked: &Asked| remarks::in_use(&asked.path, (&asked.request, &asked.granted), members);
        let called = self.out.as_deref().unwrap_or(self.role.name());
        let hint = self.signer.replacement(&self.directory);
        let issuance = Issuance {
            directory: &self.directory,
            role: self.role,
            name: self.out.as_deref(),
            issued,
            request: asked,
            replaces: *replaces,
            is_dry_run: self.dry_run,
            in_use: asked.map(in_use).unwrap_or_default(),
            cut_short: remarks::cut_short(&self.directory, [(called, issued)], &hint),
        };
        rendered::report(&issuance, now)
    }
}

/// `NAME` becomes two files, next to ours.
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
