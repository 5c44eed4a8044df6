//! One more certificate of a set.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::leaf::Contents;
use super::lines::{self, words};
use crate::pki::Role;
use crate::pki::authority::Issued;
use crate::pki::member::{certificate_file, key_file};
use crate::pki::request::{Granted, Request};
use crate::pki::store;
use crate::report::{Body, Finding, Line, Report, Style};

/// A certificate that was issued, or would be.
pub(crate) struct Issuance<'a> {
    /// Of the set.
    pub(crate) directory: &'a Path,
    pub(crate) role: Role,
    /// What its files are called. None if it goes to stdout.
    pub(crate) name: Option<&'a str>,
    pub(crate) issued: &'a Issued,
    pub(crate) request: Option<&'a Asked>,
    /// It takes the place of another one.
    pub(crate) replaces: bool,
    pub(crate) is_dry_run: bool,
    /// What the sender of the request shares with others.
    pub(crate) in_use: Vec<Finding>,
    /// Its CA ends before the lifetime that was asked for.
    pub(crate) cut_short: Vec<Finding>,
}

/// A request, and what comes of its names.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) path: PathBuf,
    pub(crate) request: Request,
    pub(crate) granted: Granted,
}

/// What `egext certs issue` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// What a CSR asks for but does not get.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<Vec<String>>,
    outcome: Outcome,
    issued: IssuedCertificate,
    /// The certificate that is not stored, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

/// The result.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "IssueOutcome")]
enum Outcome {
    Issued,
    Replaced,
    WouldIssue,
    WouldReplace,
}

/// The certificate.
#[derive(Serialize, JsonSchema)]
struct IssuedCertificate {
    /// What its files are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: Role,
    /// Its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(flatten)]
    contents: Contents,
    subject: String,
    issuer: String,
    /// Missing if the certificate was not issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// The file of its key. The sender of a request keeps that.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

pub(crate) fn report(issuance: &Issuance<'_>, now: OffsetDateTime) -> Report {
    let Issuance { directory, role, name, issued, request, .. } = *issuance;
    let mut report = Report::new("certs issue");
    let outcome = issuance.outcome();
    let place = match name {
        Some(name) => format!(" `{name}` in `{}`", directory.display()),
        None => " a certificate, which goes to stdout".to_owned(),
    };
    let (style, done) = outcome.words();
    lines::title(&mut report, style, done, &place);
    let certificate = issued.certificate();
    let key = certificate.key.to_string();
    let remark = if request.is_some() { "for the key of the request" } else { &key };
    lines::certificate(&mut report, role.name(), certificate, remark, now);
    if let Some(asked) = request {
        tell_request(&mut report, asked);
    }
    lines::findings(&mut report, &issuance.in_use);
    if let Some(name) = name {
        let holder = lines::holder(directory, name, role, (true, request.is_none()));
        lines::files(&mut report, &[holder]);
    }
    if let Outcome::Replaced = outcome {
        let previous = store::previous(directory);
        let words = format!("the old one stays in `{}` until the next change", previous.display());
        lines::note(&mut report, &words);
    }
    lines::findings(&mut report, &issuance.cut_short);
    let pem = (name.is_none() && !issuance.is_dry_run).then(|| issued.certificate_pem().to_string());
    report.detail(&Details {
        ignored: request.map(Asked::ignored),
        outcome,
        issued: issuance.certificate(),
        certificate: pem.clone(),
    });
    if let Some(pem) = pem {
        report.body = Body::data(pem);
    }
    report
}

/// What was made of the request.
fn tell_request(report: &mut Report, asked: &Asked) {
    let Asked { path, request, granted } = asked;
    let subject = request.subject.as_str();
    let from = if subject.is_empty() { String::new() } else { format!(" from `{subject}`") };
    let words = format!("           request `{}`{from}, {}", path.display(), request.key);
    report.talk.line(Line::default().with(Style::Dim, words));
    let ignored = asked.ignored();
    if !ignored.is_empty() {
        let mut words = format!("the request also asks for what is not granted: {}", ignored.join("; "));
        if !granted.withheld.is_empty() {
            words.push_str("; names beyond `--san` are granted by `--accept-csr-names` only");
        }
        lines::note(report, &words);
    }
}

impl Issuance<'_> {
    fn outcome(&self) -> Outcome {
        match (self.is_dry_run, self.replaces) {
            (true, true) => Outcome::WouldReplace,
            (true, false) => Outcome::WouldIssue,
            (false, true) => Outcome::Replaced,
            (false, false) => Outcome::Issued,
        }
    }

    fn certificate(&self) -> IssuedCertificate {
        let certificate = self.issued.certificate();
        let path = |file: fn(&str) -> String| Some(words(&self.directory.join(file(self.name?))));
        IssuedCertificate {
            name: self.name.map(str::to_owned),
            role: self.role,
            certificate: path(certificate_file),
            contents: Contents::of(certificate),
            subject: certificate.subject.as_str().to_owned(),
            issuer: certificate.issuer.as_str().to_owned(),
            serial: (!self.is_dry_run).then(|| certificate.serial.clone()),
            key: path(key_file).filter(|_| self.request.is_none()),
        }
    }
}

impl Asked {
    /// What is not granted, in words.
    fn ignored(&self) -> Vec<String> {
        let withheld = self.granted.withheld.iter().map(|name| format!("the name `{name}`"));
        withheld.chain(self.request.ignored.iter().cloned()).collect()
    }
}

impl Outcome {
    fn words(self) -> (Style, &'static str) {
        match self {
            Self::Issued => (Style::Good, "issued"),
            Self::Replaced => (Style::Good, "replaced"),
            Self::WouldIssue => (Style::Strong, "would issue"),
            Self::WouldReplace => (Style::Strong, "would replace"),
        }
    }
}
