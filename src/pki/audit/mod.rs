//! Finds what breaks the channel now or soon, for `certs check`.
//!
//! Every rule is a check with a name, so that a report can say what was checked and not only what
//! was found. The verifiers of the peers are checks, too: webpki, the verifier of rustls, and Go with the options of
//! Envoy Gateway. Their refusal becomes a finding only if no rule before them has named the cause.

mod authority;
mod chain;
mod cure;
mod endpoint;
mod files;
pub mod inspect;
mod leaf;
mod linked;
mod order;
mod place;
mod route;
mod rules;
mod scope;
mod strictness;
mod usage;

pub use super::go_x509;
pub use endpoint::{Verified, another_file, cure_of_dates};
pub use place::replaceable;
pub use scope::{CaKeyFile, LeafFiles, Scope};
pub use usage::usage;

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::{Certificate, IdentityError, Role, SubjectName, remarks};
use crate::host::Host;
use crate::report::{Check, Finding, FindingId, Severity, State};
use crate::units::Within;
use authority::Needs;
use route::Route;

/// What is checked in addition to the rest.
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
    /// The chain of the server on disk, to be compared with what it presents.
    server: Option<(String, Certificate)>,
    /// The CA's certificates, where they can be trusted.
    anchors: Option<TrustedCas>,
    needs: Needs,
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
struct TrustedCas {
    path: PathBuf,
    certificates: Vec<Certificate>,
}

/// Everything that is wrong with what a server presents at `address`, if it is called `host` and `anchors` are trusted.
///
/// A verifier stops at its first refusal. Nothing is said of certificates that cannot be parsed: there is no more to find.
pub fn of_presented(
    (address, host): (&str, &Host),
    chain: &[CertificateDer<'_>],
    anchors: &[Certificate],
    now: OffsetDateTime,
) -> Vec<Finding> {
    // No message names the file: those that would are about the CA itself.
    let trusted = TrustedCas { path: PathBuf::new(), certificates: anchors.to_vec() };
    let mut audit = Audit { anchors: Some(trusted), ..Audit::default() };
    if audit.presented(address, host, chain, &Questions::default(), now).is_err() {
        return Vec::new();
    }
    let mut findings: Vec<_> = audit.findings().filter(is_error).cloned().collect();
    let parsed: Vec<_> = audit.certificates.into_iter().map(|(_, certificate)| certificate).collect();
    // webpki looks at usages first, and hides behind them that there is no path.
    let is_named = findings.iter().any(|finding| finding.id == FindingId::CertsChainBroken);
    if !is_named && Route::find(&parsed, anchors, now).is_none() {
        findings.push(Finding::new(
            FindingId::CertsChainBroken,
            address,
            "it does not lead to a CA that is trusted",
        ));
    }
    findings
}

fn is_error(finding: &&Finding) -> bool {
    finding.severity == Severity::Error
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
    let pairs = scope.leaves.iter().map(|files| (files, files::Pair::read(files))).collect::<Vec<_>>();
    let wanted = |(files, pair): &(&LeafFiles, Result<files::Pair, Box<Finding>>)| {
        let chain = pair.as_ref().ok()?.chain.clone();
        let leaf = chain.first()?;
        let role = files.role.unwrap_or_else(|| rules::role(leaf));
        questions.role.is_none_or(|wanted| wanted == role).then_some(chain)
    };
    audit.authority(scope, &pairs.iter().filter_map(wanted).collect::<Vec<_>>(), questions, now)?;
    audit.record("place", &scope.ca.display().to_string(), place::of(scope));
    let has_server = scope.leaves.iter().any(|files| files.role == Some(Role::Server));
    let unnamed = Questions { names: Vec::new(), ..questions.clone() };
    for (files, pair) in pairs {
        // Clients call the set's server. Further servers have names of their own.
        let questions = if has_server && files.role.is_none() { &unnamed } else { questions };
        audit.leaf_files(files, pair, questions, now);
    }
    for path in &scope.others {
        audit.other_file(path);
    }
    audit.serials();
    let withdrawn = scope.set().map(|set| remarks::withdrawn(&set)).unwrap_or_default();
    if let Some(subject) = withdrawn.first().map(|finding| finding.subject.clone()) {
        audit.record("place", &subject, withdrawn);
    }
    Ok(audit)
}

impl Audit {
    /// Is something due?
    pub fn is_due(&self) -> bool {
        self.findings()
            .any(|finding| finding.id == FindingId::CertsExpiring && finding.severity > Severity::Info)
    }

    /// Of the certificates that are needed, the one that expires first.
    pub fn first_to_expire(&self) -> Option<&Certificate> {
        let needed = self.certificates.iter().filter(|(_, certificate)| self.needs.has(certificate));
        needed.map(|(_, certificate)| certificate).min_by_key(|certificate| certificate.not_after)
    }

    /// Was a server's certificate on disk judged?
    pub fn has_server(&self) -> bool {
        self.server.is_some()
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
        host: &Host,
        chain: &[CertificateDer<'_>],
        questions: &Questions,
        now: OffsetDateTime,
    ) -> Result<(), IdentityError> {
        let chain = inspect::PemFile::presented(address, chain)?.certificates;
        self.address = Some(address.to_owned());
        match self.server.take() {
            Some(on_disk) => {
                self.record("same as on disk", address, files::same(address, &chain, &on_disk));
            }
            None => {
                let reason = "not compared: no server's certificate is on disk";
                self.record_state("same as on disk", address, State::Skipped(reason.into()));
            }
        }
        let mut questions = questions.clone();
        questions.names.insert(0, (host.into(), host.clone()));
        self.leaf(address, &chain, Role::Server, &questions, now);
        self.serials();
        Ok(())
    }

    /// Adds what came of a conversation with a server that presented nothing.
    pub fn not_presented(&mut self, address: &str, finding: Finding) {
        self.record("presented", address, vec![finding]);
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

    /// One issuer, one number, two certificates.
    fn serials(&mut self) {
        let mut found = Vec::new();
        for (index, (subject, certificate)) in self.certificates.iter().enumerate() {
            let again = self.certificates[..index].iter().find(|(_, other)| {
                other != certificate
                    && (&other.serial, &other.issuer) == (&certificate.serial, &certificate.issuer)
            });
            if let Some((other, earlier)) = again {
                let message = format!(
                    "has the serial number of a certificate in `{other}`, by the same issuer `{}`",
                    certificate.issuer
                );
                let mut finding = Finding::new(FindingId::CertsSerialReused, subject, message)
                    .with_evidence("found", certificate.serial.clone());
                if !self.needs.has(certificate) || !self.needs.has(earlier) {
                    finding.severity = Severity::Warning;
                }
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

#[cfg(test)]
mod tests;
