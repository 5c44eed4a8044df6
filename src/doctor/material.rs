//! The certificates of the channel: whose they are, and what is in them.

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Known, Origin, Plan, Tls};
use crate::admin::{Answer, Held};
use crate::pki::audit::inspect::PemFile;
use crate::pki::audit::{Audit, LeafFiles, Questions, Scope, audit};
use crate::pki::{CA_CERTIFICATE_FILE, IdentityError, Role};
use crate::report::{Finding, FindingId};
use crate::shell::shell_path;

/// Where certificates are.
#[derive(Clone, Debug)]
pub enum Files {
    /// A set of `egext certs init`, or something like it.
    Directory(PathBuf),
    /// One by one.
    Named {
        /// Whom to trust.
        ca: PathBuf,
        /// The client's certificate and its key.
        pair: Option<(PathBuf, PathBuf)>,
    },
}

impl Files {
    /// As it is shown.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(directory) => directory.display().to_string(),
            Self::Named { ca, pair: None } => ca.display().to_string(),
            Self::Named { ca, pair: Some((certificate, _)) } => {
                format!("{}, {}", certificate.display(), ca.display())
            }
        }
    }

    /// What hints call the directory of the certificates.
    pub(super) fn directory(&self) -> &Path {
        match self {
            Self::Directory(directory) => directory,
            Self::Named { ca, pair } => {
                let file = pair.as_ref().map_or(ca, |(certificate, _)| certificate);
                file.parent().unwrap_or(Path::new("."))
            }
        }
    }

    /// The same without a certificate of the client.
    pub(super) fn without_pair(&self) -> Self {
        let ca = match self {
            Self::Directory(directory) => directory.join(CA_CERTIFICATE_FILE),
            Self::Named { ca, .. } => ca.clone(),
        };
        Self::Named { ca, pair: None }
    }

    fn scope(&self) -> Result<Scope, IdentityError> {
        match self {
            Self::Directory(directory) => Scope::of_directory(directory),
            Self::Named { ca, pair } => {
                let leaf = |(certificate, key)| LeafFiles { certificate, key, role: Some(Role::Client) };
                Ok(Scope::of_files(ca.clone(), pair.clone().map(leaf)))
            }
        }
    }
}

/// The certificates that are used, or why they are not looked at.
#[derive(Debug)]
pub(super) enum Material {
    /// They are somewhere else.
    Elsewhere(String),
    /// They are here.
    Here {
        files: Known<Files>,
        /// What they give for TLS, or why they give nothing.
        tls: Result<Box<Tls>, Box<Finding>>,
        audit: Result<Box<Audit>, IdentityError>,
    },
}

impl Material {
    /// Those that were named, or that the bridge has, or those at the usual place.
    pub(super) fn choose(plan: &Plan, answer: Option<&Answer>, now: OffsetDateTime) -> Self {
        let told = answer.filter(|_| plan.directory.origin != Origin::Named).and_then(told);
        let files = match told {
            Some(Err(reason)) => return Self::Elsewhere(reason),
            Some(Ok(files)) => Known { value: files, origin: Origin::Told },
            None => {
                Known { value: Files::Directory(plan.directory.value.clone()), origin: plan.directory.origin }
            }
        };
        let audit = files.value.scope().and_then(|scope| audit(&scope, &questions(), now)).map(Box::new);
        Self::Here { tls: (plan.load)(&files.value).map(Box::new), files, audit }
    }

    /// Nothing says that it is these.
    pub(super) fn is_guessed(&self) -> bool {
        matches!(self, Self::Here { files, .. } if files.is_guessed())
    }

    pub(super) fn files(&self) -> Option<&Known<Files>> {
        match self {
            Self::Here { files, .. } => Some(files),
            Self::Elsewhere(_) => None,
        }
    }
}

/// The files from which the bridge has its certificates. `None` if it has none.
fn told(answer: &Answer) -> Option<Result<Files, String>> {
    let of = |role: &'static str| answer.certificates.iter().filter(move |held| held.role == role);
    let client = of("client").next();
    let directory = client.and_then(|held| Path::new(&held.file).parent());
    // A bridge that callers reach by TLS trusts a CA for these, too.
    let ca = of("ca").find(|held| Path::new(&held.file).parent() == directory).or_else(|| of("ca").next())?;
    if let Some(reason) = [Some(ca), client].into_iter().flatten().find_map(elsewhere) {
        return Some(Err(reason));
    }
    let ca = PathBuf::from(&ca.file);
    let Some(client) = client else { return Some(Ok(Files::Named { ca, pair: None })) };
    let certificate = PathBuf::from(&client.file);
    let usual_key = certificate.with_extension("key");
    // A bridge of an earlier version does not say where it is.
    let key = client.key_file.as_ref().map_or_else(|| usual_key.clone(), PathBuf::from);
    // All of it is looked at, with the server's certificate if that is here.
    let is_set = ca.file_name().is_some_and(|name| name == CA_CERTIFICATE_FILE)
        && ca.parent() == certificate.parent()
        && key == usual_key
        && ["client.crt", "tls.crt"].iter().any(|name| certificate.ends_with(name));
    Some(Ok(match ca.parent().filter(|_| is_set) {
        Some(directory) => Files::Directory(directory.to_owned()),
        None => Files::Named { ca, pair: Some((certificate, key)) },
    }))
}

/// Why a file of the bridge is not the one that has this name here.
fn elsewhere(held: &Held) -> Option<String> {
    let path = Path::new(&held.file);
    let file = PemFile::read(path);
    match &file {
        Err(IdentityError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        // From the directory in which the bridge was started.
        Ok(file) if path.is_relative() => {
            if file.certificates.iter().any(|certificate| certificate.fingerprint() == held.fingerprint) {
                return None;
            }
        }
        Err(_) if path.is_relative() => {}
        _ => return None,
    }
    Some(format!("the bridge has `{}`, which is not here; `--dir` names a copy", path.display()))
}

/// What is said of a directory without certificates, or of one that is closed for this user.
pub(super) fn unusable(files: &Files, error: &IdentityError) -> Finding {
    let subject = files.name();
    if is_closed(error) {
        return Finding::of_error(FindingId::DoctorCertificatesUnreadable, subject, error);
    }
    let missing = Finding::of_error(FindingId::DoctorCertificatesMissing, subject, error);
    missing.with_hint(match error {
        // A new set could not be there either: links lead in a circle, or a part of the path is a file.
        IdentityError::Unreadable { path, source } if source.kind() != io::ErrorKind::NotFound => {
            format!("look at the path: `ls -ld {}`; `--dir` names another directory", shell_path(path))
        }
        _ => {
            let directory = shell_path(files.directory());
            format!("`egext certs init --dir {directory}` makes a set; `--dir` names another directory")
        }
    })
}

/// Is it this user who may not read them?
pub(super) fn is_closed(error: &IdentityError) -> bool {
    matches!(error, IdentityError::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

pub(super) fn questions() -> Questions {
    Questions { within: None, names: Vec::new(), role: None, allowed_key_mode: 0 }
}
