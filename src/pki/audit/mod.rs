//! Everything that would break the channel, or soon will: what `certs check` looks at.
//!
//! Every rule is a check of its own with a name, so that a report can say what was looked at and not only what
//! was found. Whoever trusts the certificates is asked as well: webpki, the verifier of rustls, and Go as Envoy
//! Gateway sets it up. Their words become a finding only where no rule before them has named the cause.

mod chain;
mod files;
mod place;
mod rules;
mod scope;

pub use place::replaceable;
pub use scope::{CaKeyFile, LeafFiles, Scope};

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::inspect::{self, Certificate};
use super::{IdentityError, Role, SubjectName, Trust};
use crate::input::is_stdin;
use crate::net::Host;
use crate::report::{Check, Finding, Id, Severity, State};
use crate::units::Within;

/// What is asked beside what always is.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// What ends in this time is due; a third of its life and at most thirty days, where nothing is said.
    pub within: Option<Within>,
    /// By which clients will call the server.
    pub names: Vec<(SubjectName, Host)>,
    /// Only this side.
    pub role: Option<Role>,
    /// Bits of a key's mode that are fine here.
    pub allowed_key_mode: u32,
}

/// What was looked at, and what came of it.
#[derive(Debug, Default)]
pub struct Audit {
    /// In the order in which it was looked at.
    pub checks: Vec<Check>,
    /// Every certificate, with the file or address that it is from.
    pub certificates: Vec<(String, Certificate)>,
    /// The address of the server that was asked what it presents.
    pub address: Option<String>,
    /// What the verifiers say about each leaf.
    pub verdicts: Vec<Verdicts>,
    /// The chain of the server on disk, to be held against what it presents.
    server: Option<(String, Certificate)>,
    /// The CA's certificates, where they can be trusted.
    anchors: Option<Anchors>,
}

/// What verifiers say about a leaf.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// The file or address.
    pub subject: String,
    /// Of rustls; none that it accepts it.
    pub webpki: Option<String>,
    /// As Envoy Gateway uses it; none that it accepts it.
    pub go: Option<String>,
}

/// What is trusted.
#[derive(Debug)]
struct Anchors {
    path: PathBuf,
    certificates: Vec<Certificate>,
}

/// Which other users may read the private key in this file: none, unless its mode says otherwise.
pub fn key_mode(key: &Path) -> Vec<Finding> {
    files::mode(key, 0)
}

/// Looks at files.
///
/// # Errors
/// When the CA's file, without which little can be said, is missing.
pub fn audit(scope: &Scope, questions: &Questions, now: OffsetDateTime) -> Result<Audit, IdentityError> {
    let mut audit = Audit::default();
    audit.authority(scope, questions, now)?;
    audit.record("place", &scope.ca.display().to_string(), replaceable(scope.paths()));
    for leaf in &scope.leafs {
        audit.leaf_files(leaf, questions, now);
    }
    for path in &scope.others {
        audit.other_file(path);
    }
    audit.serials();
    Ok(audit)
}

impl Audit {
    /// Is something due?
    pub fn is_due(&self) -> bool {
        self.findings().any(|finding| finding.id == Id::CertsExpiring)
    }

    /// Was something in this file judged?
    pub fn looked_at(&self, path: &Path) -> bool {
        let subject = path.display().to_string();
        self.checks.iter().any(|check| check.subject == subject)
    }

    /// Looks at what a server presents, called `host`, at `address`.
    ///
    /// # Errors
    /// When one of them is no certificate.
    pub fn presented(
        &mut self,
        address: &str,
        host: &(SubjectName, Host),
        chain: &[CertificateDer<'_>],
        questions: &Questions,
        now: OffsetDateTime,
    ) -> Result<(), IdentityError> {
        let chain = inspect::PemFile::presented(address, chain)?.certificates;
        self.address = Some(address.to_owned());
        let on_disk = self.server.take();
        self.record("same as on disk", address, files::same(address, &chain, on_disk.as_ref()));
        let questions = Questions { names: vec![host.clone()], ..questions.clone() };
        self.leaf(address, &chain, Role::Server, &questions, now);
        self.serials();
        Ok(())
    }

    /// Adds what came of a conversation with a server that presented nothing.
    pub fn not_presented(&mut self, address: &str, finding: Finding) {
        self.record("presented", address, vec![finding]);
    }

    fn authority(
        &mut self,
        scope: &Scope,
        questions: &Questions,
        now: OffsetDateTime,
    ) -> Result<(), IdentityError> {
        let subject = scope.ca.display().to_string();
        let file = match inspect::PemFile::read(&scope.ca) {
            Ok(file) if !file.certificates.is_empty() => file,
            Ok(file) => {
                self.record("file", &subject, vec![files::no_certificate(&file)]);
                return Ok(());
            }
            Err(error @ IdentityError::Unreadable { .. }) => return Err(error),
            Err(error) => {
                self.record("file", &subject, vec![files::unusable(&subject, &error)]);
                return Ok(());
            }
        };
        let mut findings = files::byte_order_mark(&file);
        findings.extend(files::key_inside(&file));
        let certificates = file.certificates;
        self.record("file", &subject, findings);
        self.record("dates", &subject, rules::dates(&subject, &certificates, questions.within, now));
        self.record("is a CA", &subject, rules::is_ca(&subject, &certificates));
        self.record("strength", &subject, rules::strength(&subject, &certificates));
        if let Some(key) = &scope.ca_key {
            let name = key.path.display().to_string();
            self.record_state("key", &name, files::ca_key(&subject, key, &certificates));
            self.record("key mode", &name, files::mode(&key.path, questions.allowed_key_mode));
        }
        self.certificates.extend(certificates.iter().map(|found| (subject.clone(), found.clone())));
        if certificates.iter().any(|certificate| matches!(Trust::of(&certificate.der), Some(Ok(_)))) {
            self.anchors = Some(Anchors { path: scope.ca.clone(), certificates });
        }
        Ok(())
    }

    fn leaf_files(&mut self, files: &LeafFiles, questions: &Questions, now: OffsetDateTime) {
        let subject = files.certificate.display().to_string();
        let pair = match files::Pair::read(files) {
            Ok(pair) => pair,
            Err(finding) => return self.record("file", &subject, vec![*finding]),
        };
        let Some(leaf) = pair.chain.first() else {
            return self.record("file", &subject, vec![files::no_certificate(&pair.file)]);
        };
        let role = files.role.unwrap_or_else(|| rules::role(leaf));
        if questions.role.is_some_and(|wanted| wanted != role) {
            return;
        }
        self.record("file", &subject, pair.file(files));
        self.record_state("key", &subject, pair.key(files));
        if pair.has_key() && !is_stdin(&files.key) {
            self.record("key mode", &subject, files::mode(&files.key, questions.allowed_key_mode));
        }
        if role == Role::Server && self.server.is_none() {
            self.server = Some((subject.clone(), leaf.clone()));
        }
        self.leaf(&subject, &pair.chain, role, questions, now);
    }

    /// It was not named, so only what must not be in it counts.
    fn other_file(&mut self, path: &Path) {
        let subject = path.display().to_string();
        match inspect::PemFile::read(path) {
            Ok(file) if file.key_line.is_some() => {
                self.record("file", &subject, files::key_inside(&file).into_iter().collect());
            }
            Ok(_) => {}
            Err(error) => self.record("file", &subject, vec![files::unusable(&subject, &error)]),
        }
    }

    /// All that does not depend on where the chain is from.
    fn leaf(
        &mut self,
        subject: &str,
        chain: &[Certificate],
        role: Role,
        questions: &Questions,
        now: OffsetDateTime,
    ) {
        let Some(leaf) = chain.first() else { return };
        self.certificates.extend(chain.iter().map(|found| (subject.to_owned(), found.clone())));
        let order = chain::order(subject, chain);
        let in_order = order.is_empty();
        self.record("order", subject, order);
        self.record("dates", subject, rules::dates(subject, chain, questions.within, now));
        self.record("strength", subject, rules::strength(subject, chain));
        // What stands first in the wrong order is not the leaf.
        if in_order {
            self.record("usage", subject, rules::usage(subject, leaf, role));
            self.record("names", subject, rules::names(subject, leaf, role, &questions.names));
        }
        self.trust(subject, chain, role, in_order, questions, now);
    }

    /// What the verifiers say.
    fn trust(
        &mut self,
        subject: &str,
        chain: &[Certificate],
        role: Role,
        in_order: bool,
        questions: &Questions,
        now: OffsetDateTime,
    ) {
        let Some(anchors) = &self.anchors else {
            for name in ["chain", "gateway"] {
                self.record_state(
                    name,
                    subject,
                    State::Skipped("not asked: there is no CA to verify it against"),
                );
            }
            return;
        };
        if !in_order {
            for name in ["chain", "gateway"] {
                self.record_state(name, subject, State::Skipped("not asked: its file is in the wrong order"));
            }
            return;
        }
        let question = chain::Question { subject, chain, anchors: &anchors.certificates, role, now };
        let outlives = question.outlives_ca();
        let (webpki, broken) = question.webpki(&anchors.path);
        let go = question.go(&questions.names);
        let ca = anchors.path.display().to_string();
        // A warning explains no refusal, and would hide one.
        let named = || {
            let mut findings = self.findings();
            findings.any(|finding| {
                (finding.subject == subject || finding.subject == ca)
                    && finding.severity == Severity::Error
                    && RULES.contains(&finding.id)
            })
        };
        let broken = broken.filter(|finding| finding.id == Id::CertsChainBroken || !named());
        let refused = go.as_ref().filter(|_| !named() && broken.is_none());
        let refused = refused.map(|go| question.refused(go, role));
        let known = "refused for a reason that is named already";
        let states = [
            ("chain", webpki.is_some(), broken.into_iter().chain(outlives).collect::<Vec<_>>()),
            ("gateway", go.is_some(), refused.into_iter().collect()),
        ];
        self.verdicts.push(Verdicts { subject: subject.to_owned(), webpki, go });
        for (name, is_refused, findings) in states {
            if is_refused && findings.is_empty() {
                self.record_state(name, subject, State::Skipped(known));
            } else {
                self.record(name, subject, findings);
            }
        }
    }

    /// One issuer, one number, two certificates.
    fn serials(&mut self) {
        let mut found = Vec::new();
        for (index, (subject, certificate)) in self.certificates.iter().enumerate() {
            let again = self.certificates[..index].iter().find(|(_, other)| {
                other.fingerprint != certificate.fingerprint
                    && (&other.summary.serial, &other.summary.issuer)
                        == (&certificate.summary.serial, &certificate.summary.issuer)
            });
            if let Some((other, _)) = again {
                let message = format!(
                    "has the serial number of a certificate in `{other}`, by the same issuer `{}`",
                    certificate.summary.issuer
                );
                let finding = Finding::new(Id::CertsSerialReused, subject, message)
                    .with_evidence("found", certificate.summary.serial.clone());
                found.push((subject.clone(), finding));
            }
        }
        for (subject, finding) in found {
            if !self.findings().any(|known| known.id == finding.id && known.subject == finding.subject) {
                self.record("serial number", &subject, vec![finding]);
            }
        }
    }

    /// All that was found.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| match &check.state {
            State::Found(findings) => findings.as_slice(),
            State::Passed | State::Skipped(_) => &[],
        })
    }

    fn record(&mut self, name: &'static str, subject: &str, findings: Vec<Finding>) {
        let state = if findings.is_empty() { State::Passed } else { State::Found(findings) };
        self.record_state(name, subject, state);
    }

    fn record_state(&mut self, name: &'static str, subject: &str, state: State) {
        self.checks.push(Check { name, subject: subject.to_owned(), state });
    }
}

/// Findings that explain why a verifier refuses a certificate.
const RULES: &[Id] = &[
    Id::CertsCaCannotSign,
    Id::CertsExpired,
    Id::CertsIpAsDns,
    Id::CertsIsCa,
    Id::CertsNamesMissing,
    Id::CertsNoSan,
    Id::CertsNotYetValid,
    Id::CertsUnsupportedKey,
    Id::CertsUnsupportedSignature,
    Id::CertsWeakKey,
    Id::CertsWeakSignature,
    Id::CertsWrongPurpose,
];

#[cfg(test)]
mod tests;
