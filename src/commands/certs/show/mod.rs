//! `egext certs show`: what files hold and what servers present.

mod details;
mod keys;
mod short;
mod verified;

use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::CertsError;
use super::presented::{Question, client_in};
use crate::cli::CertsShow;
use crate::commands::Error;
use crate::commands::material::DEFAULT_DIRECTORY;
use crate::pki::inspect::{KeyFile, PemFile, block, entries, first_out_of_order};
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, Certificate, Found, IdentityError, Passphrase, when};
use crate::printable::printable;
use crate::report::{Body, Finding, FindingId, Hint as _, Report};
pub(in crate::commands) use details::Details;
use details::{Chain, Side};
use keys::{key_object, key_words};
use verified::Verified;

pub(super) fn run(arguments: &CertsShow, now: OffsetDateTime) -> Result<Report, Error> {
    let mut report = Report::new("certs show");
    let question = Question::new(&arguments.server)?;
    let mut shown = Shown { files: Vec::new(), left_out: Vec::new(), verified: None, now };
    if arguments.paths.is_empty() && question.is_none() {
        let read = shown.directory(&arguments.dir, &mut report);
        read.map_err(|error| error.without_set(&arguments.dir))?;
    }
    for path in &arguments.paths {
        if path.is_dir() {
            shown.directory(path, &mut report)?;
        } else {
            shown.files.push(PemFile::read(path).map_err(CertsError::from)?);
        }
    }
    if let Some(passphrase) = &arguments.ca_key_passphrase_file {
        shown.unlock(passphrase)?;
    }
    if let Some(question) = question {
        refuse_missing(&arguments.dir)?;
        let anchors = Anchors::load(&arguments.dir.join(CA_CERTIFICATE_FILE)).ok();
        match question.ask(anchors.as_ref(), client_in(&arguments.dir).as_ref(), &arguments.dir, now)? {
            Ok(chain) => {
                let file = presented(&question.address.to_string(), &chain)?;
                shown.verified = Some(Verified::of(&question, &file.certificates, anchors.as_ref(), now));
                shown.files.push(file);
            }
            Err(finding) => {
                report.talk.finding(&finding);
                report.findings.push(finding);
            }
        }
    }
    if shown.has_nothing() && report.findings.is_empty() {
        return Err(shown.nothing(arguments).into());
    }
    shown.render(&mut report);
    if arguments.short {
        shown.shorten(&mut report);
    }
    Ok(report)
}

/// A directory that is not the default one was named to be used.
fn refuse_missing(directory: &Path) -> Result<(), CertsError> {
    match fs::metadata(directory) {
        Err(source) if directory != Path::new(DEFAULT_DIRECTORY) => {
            let path = directory.to_owned();
            Err(CertsError::from(IdentityError::Unreadable { path, source }).without_set(directory))
        }
        _ => Ok(()),
    }
}

fn presented(address: &str, chain: &[rustls_pki_types::CertificateDer<'_>]) -> Result<PemFile, CertsError> {
    PemFile::presented(address, chain).map_err(CertsError::from)
}

/// All that is shown, in its order.
struct Shown {
    files: Vec<PemFile>,
    left_out: Vec<LeftOut>,
    /// What comes of verifying what a server presents.
    verified: Option<Verified>,
    now: OffsetDateTime,
}

/// A file of a directory that may hold certificates or keys and cannot be read.
struct LeftOut {
    path: PathBuf,
    reason: String,
    /// What it would be if it were the only file.
    error: IdentityError,
}

impl LeftOut {
    fn lines(&self) -> String {
        let hint = self.error.hint().map(|hint| format!("  hint: {}\n", printable(&hint)));
        let path = self.path.display().to_string();
        format!("{}: not shown: {}\n{}", printable(&path), self.reason, hint.unwrap_or_default())
    }

    fn object(&self) -> details::LeftOut {
        details::LeftOut {
            source: self.path.display().to_string(),
            reason: self.reason.clone(),
            hint: self.error.hint(),
        }
    }
}

impl Shown {
    /// Text files of a directory that hold neither certificates nor keys are none of our business. Broken files are,
    /// and so are those that may hold some in another form.
    fn directory(&mut self, path: &Path, report: &mut Report) -> Result<(), CertsError> {
        for path in entries(path)? {
            match PemFile::read(&path) {
                Ok(PemFile { otherwise: Some(Found::Text), .. }) => {}
                Ok(PemFile { otherwise: Some(found), path, .. }) => {
                    let reason = found.to_string();
                    self.leave_out(path.clone(), IdentityError::NoCertificate { path, found }, reason);
                }
                Ok(file) => self.files.push(file),
                Err(error @ IdentityError::TooLarge { limit, .. }) => {
                    self.leave_out(path.clone(), error, format!("it is larger than {} KiB", limit / 1024));
                }
                Err(error @ IdentityError::NotAFile { kind, .. }) => {
                    self.leave_out(path.clone(), error, format!("it is {kind}"));
                }
                Err(error) => {
                    let subject = path.display().to_string();
                    let finding = Finding::of_error(FindingId::CertsUnusable, subject, &error);
                    report.talk.finding(&finding);
                    report.findings.push(finding);
                }
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: PathBuf, error: IdentityError, reason: String) {
        self.left_out.push(LeftOut { path, reason, error });
    }

    /// Opens the CA's key, and every other that has the same passphrase. One at least has to open.
    fn unlock(&mut self, passphrase: &Path) -> Result<(), CertsError> {
        let locked = || self.files.iter().enumerate().filter(|(_, file)| file.is_locked());
        if locked().next().is_none() {
            return Ok(());
        }
        let passphrase = Passphrase::read(passphrase)?;
        let (opened, closed): (Vec<_>, Vec<_>) = locked()
            .map(|(index, file)| (index, file.unlock(&passphrase)))
            .partition(|(_, file)| file.is_ok());
        if opened.is_empty() {
            return closed.into_iter().try_for_each(|(_, file)| Ok(file.map(|_| ())?));
        }
        for (index, file) in opened {
            self.files[index] = file?;
        }
        Ok(())
    }

    fn has_nothing(&self) -> bool {
        self.files.iter().all(|file| file.otherwise.is_some())
    }

    fn nothing(&mut self, arguments: &CertsShow) -> CertsError {
        if !self.left_out.is_empty() {
            return self.left_out.swap_remove(0).error.into();
        }
        match self.files.iter().find_map(|file| Some((file.path.clone(), file.otherwise.clone()?))) {
            Some((path, found)) => IdentityError::NoCertificate { path, found }.into(),
            None => CertsError::NothingToShow {
                directory: arguments.paths.first().unwrap_or(&arguments.dir).clone(),
            },
        }
    }

    fn render(&self, report: &mut Report) {
        let mut text = String::new();
        let (mut certificates, mut keys, mut chains) = (Vec::new(), Vec::new(), Vec::new());
        for file in &self.files {
            if let Some(found) = &file.otherwise {
                text += &section(&file.path, &format!("neither certificate nor key: {found}"), &[]);
            }
            let number = file.certificates.len();
            for (index, certificate) in file.certificates.iter().enumerate() {
                let place =
                    if number > 1 { format!("certificate {} of {number}", index + 1) } else { String::new() };
                text += &section(&file.path, &place, &self.rows(certificate));
                certificates.push(self.object(file, index, certificate));
            }
            if number > 1 {
                let (words, object) = order(file);
                text += &section(&file.path, &words, &[]);
                chains.push(object);
            }
            for key in &file.keys {
                let owner = self.owner(key);
                let mut words = key_words(&file.path, key, owner.as_ref());
                if owner.is_none() && matches!(key, KeyFile::Usable(_)) {
                    words += self.belongs_to_none();
                }
                text += &section(&file.path, &words, &[]);
                keys.push(key_object(file, key, owner));
            }
        }
        if let Some(verified) = &self.verified {
            text += &section(Path::new(&verified.address), &verified.words(), &[]);
        }
        for file in &self.left_out {
            text += &file.lines();
        }
        let pem = self.files.iter().flat_map(|file| &file.certificates).map(block);
        report.pem = Some(pem.collect());
        report.body = Body::Text(text.trim_start().to_owned());
        let verification = self.verified.as_ref().map(Verified::object);
        let left_out = self.left_out.iter().map(LeftOut::object).collect();
        report.detail(&Details { verification, left_out, certificates, keys, chains });
    }

    fn rows(&self, certificate: &Certificate) -> Vec<(&'static str, String)> {
        let issuer = match (self.issuer(certificate), certificate.self_issued) {
            (_, true) => "itself".to_owned(),
            (Some(path), _) => format!("{}, in `{}`", certificate.issuer, path.display()),
            (None, _) => certificate.issuer.to_string(),
        };
        let key = match self.key_file(certificate) {
            Some(path) => format!("{}, in `{}`", certificate.key, path.display()),
            None => certificate.key.to_string(),
        };
        let moment = |moment| {
            format!(
                "{}, {} ({})",
                when::day(moment),
                when::distance(moment, self.now),
                when::timestamp(moment)
            )
        };
        let names = certificate.names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let version = (certificate.version != 3).then(|| ("version", certificate.version.to_string()));
        let rows = [
            ("subject", certificate.subject.to_string()),
            ("issuer", issuer),
            ("names", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
            ("usages", usages(certificate)),
            ("key", key),
            ("from", moment(certificate.not_before)),
            ("until", moment(certificate.not_after)),
            ("serial", certificate.serial.clone()),
            ("signature", certificate.signed_with().into_owned()),
            ("SHA-256", certificate.fingerprint()),
            ("of its key", certificate.key.fingerprint()),
            ("belongs to", side(certificate).1.to_owned()),
        ];
        version.into_iter().chain(rows).collect()
    }

    fn object(&self, file: &PemFile, index: usize, certificate: &Certificate) -> details::Certificate {
        let path = |path: PathBuf| path.display().to_string();
        details::Certificate {
            source: file.path.display().to_string(),
            position: index + 1,
            version: certificate.version,
            subject: certificate.subject.as_str().to_owned(),
            issuer: certificate.issuer.as_str().to_owned(),
            issuer_file: self.issuer(certificate).map(path),
            self_issued: certificate.self_issued,
            names: certificate.names.iter().map(ToString::to_string).collect(),
            is_ca: certificate.is_ca,
            path_length: certificate.path_length,
            key_usages: certificate.key_usages().map(|usages| usages.names().collect()),
            extended_key_usages: certificate
                .extended_key_usages()
                .map(|usages| usages.names().iter().map(ToString::to_string).collect()),
            key_type: certificate.key.to_string(),
            key_file: self.key_file(certificate).map(path),
            not_before: when::timestamp(certificate.not_before),
            not_after: when::timestamp(certificate.not_after),
            serial: certificate.serial.clone(),
            signature: certificate.signed_with().into_owned(),
            sha256: certificate.fingerprint(),
            key_sha256: certificate.key.fingerprint(),
            belongs_to: side(certificate).0,
        }
    }

    /// Whose key it is that no certificate here has.
    fn belongs_to_none(&self) -> &'static str {
        match self.left_out.is_empty() {
            true => ", belongs to none of these certificates",
            false => ", belongs to none of these certificates; some files could not be read",
        }
    }

    /// The file with the certificate that issued this one. In a bundle of strangers nobody is looked for: with the
    /// same name on all of them it would be a signature for every two.
    fn issuer(&self, certificate: &Certificate) -> Option<PathBuf> {
        if self.files.iter().map(|file| file.certificates.len()).sum::<usize>() > ISSUER_LIMIT {
            return None;
        }
        let issued = |file: &&PemFile| {
            file.certificates.iter().any(|other| other != certificate && certificate.is_issued_by(other))
        };
        self.files.iter().find(issued).map(|file| file.path.clone())
    }

    /// The file with its key.
    fn key_file(&self, certificate: &Certificate) -> Option<PathBuf> {
        self.files.iter().find(|file| file.has_key_of(certificate)).map(|file| file.path.clone())
    }

    /// The file with the certificate of this key, and whether that is a CA's.
    fn owner(&self, key: &KeyFile) -> Option<(PathBuf, bool)> {
        self.files.iter().find_map(|file| {
            let certificate = file.certificates.iter().find(|certificate| key.belongs_to(certificate))?;
            Some((file.path.clone(), certificate.is_ca))
        })
    }
}

fn section(path: &Path, remark: &str, rows: &[(&str, String)]) -> String {
    let remark = if remark.is_empty() { String::new() } else { format!(": {remark}") };
    let row = |(name, words): &(&str, String)| format!("  {name:<10}  {}\n", printable(words));
    let rows = rows.iter().map(row).collect::<String>();
    let blank = if rows.is_empty() { "" } else { "\n" };
    format!("{blank}{}{}\n{rows}", printable(&path.display().to_string()), printable(&remark))
}

fn usages(certificate: &Certificate) -> String {
    let mut parts = Vec::new();
    if certificate.is_ca {
        parts.push(match certificate.path_length {
            Some(length) => format!("CA, path length {length}"),
            None => "CA".to_owned(),
        });
    }
    parts.extend(certificate.key_usages().map(|usages| usages.names().collect::<Vec<_>>().join(", ")));
    parts.extend(certificate.extended_key_usages().map(|usages| usages.names().join(", ")));
    if parts.is_empty() { "any".to_owned() } else { parts.join("; ") }
}

/// Which side needs it: for a program and for a person.
fn side(certificate: &Certificate) -> (Side, &'static str) {
    match (certificate.is_ca, certificate.server_auth, certificate.client_auth) {
        (true, ..) => (Side::Both, "both sides, which trust it"),
        (_, true, false) => (Side::Server, "the server"),
        (_, false, true) => (Side::Client, "the client"),
        (_, true, true) => (Side::Either, "either side"),
        (_, false, false) => (Side::Neither, "neither side of TLS"),
    }
}

fn order(file: &PemFile) -> (String, Chain) {
    let source = file.path.display().to_string();
    let number = file.certificates.len();
    match first_out_of_order(&file.certificates) {
        None => (
            format!("a chain of {number} in the right order, leaf first"),
            Chain { source, in_order: true, out_of_order_at: None },
        ),
        Some(position) => (
            format!("no chain in this order: certificate {position} did not issue the one before it"),
            Chain { source, in_order: false, out_of_order_at: Some(position) },
        ),
    }
}

/// Among how many certificates issuers are looked for.
const ISSUER_LIMIT: usize = 128;
