//! Does what was loaded from files make a TLS endpoint that its peers accept?
//!
//! A start and a reload ask the same questions. At a start the answers are told, and keep nothing from starting: a bridge
//! that does not run cannot say to Envoy Gateway what is wrong. A reload has something to lose: new files with an
//! error that the certificates in use do not have are not used.

use std::io;
use std::path::Path;

use time::OffsetDateTime;

use super::chain::Question;
use super::usage;
use crate::pki::keys::link::lost_link;
use crate::pki::lifetime::CLOCK;
use crate::pki::set::change::{finish_command, renew_command, replace_command, rotate_command};
use crate::pki::set::check::{expiring, soon, untimely, untimely_issuer};
use crate::pki::x509::when;
use crate::pki::{Certificate, Crl, Identity, IdentityError, Loaded, PairFiles, Role, Sources};
use crate::report::{Finding, FindingId, Severity};
use crate::shell::shell_path;

/// What may be used by an endpoint. There is no other way to one than the two functions that make it.
#[derive(Debug)]
pub struct Verified {
    loaded: Loaded,
    findings: Vec<Finding>,
}

impl Verified {
    /// For a start: whatever is found is for the log.
    pub fn first(loaded: Loaded, now: OffsetDateTime) -> Self {
        let findings = judge(&loaded, now);
        Self { loaded, findings }
    }

    /// For a reload: `loaded` in place of these.
    ///
    /// # Errors
    /// The first error that these do not have.
    pub fn succeeded_by(&self, loaded: Loaded, now: OffsetDateTime) -> Result<Self, Box<Finding>> {
        let findings = judge(&loaded, now);
        let mut new = findings.iter().filter(|finding| finding.severity == Severity::Error).peekable();
        if new.peek().is_some() {
            let old = judge(&self.loaded, now);
            let is_old = |finding: &Finding| {
                old.iter().any(|known| (known.id, &known.subject) == (finding.id, &finding.subject))
            };
            if let Some(worse) = new.find(|finding| !is_old(finding)) {
                return Err(Box::new(worse.clone()));
            }
        }
        Ok(Self { loaded, findings })
    }

    /// What was loaded.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// What was found at that moment.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the calendar says about them at another moment.
    pub fn due(&self, now: OffsetDateTime) -> Vec<Finding> {
        dates(&self.loaded, now)
    }
}

fn judge(loaded: &Loaded, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = dates(loaded, now);
    for (role, identity) in &loaded.identities {
        findings.extend(fitness(loaded, *role, identity, now));
    }
    findings.extend(uncovered(loaded));
    findings
}

/// What is over, not valid yet, or due.
fn dates(loaded: &Loaded, now: OffsetDateTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (role, identity) in &loaded.identities {
        let (leaf, path) = (identity.leaf(), identity.certificate_path());
        let own = leaf_dates(*role, path, leaf, now);
        if own.is_none() {
            findings.extend(issuer_dates(loaded, path, leaf, now));
        }
        findings.extend(own);
    }
    findings.extend(ca_dates(loaded, now));
    findings.extend(loaded.anchors.revocation_lists().iter().filter_map(|list| list_dates(list, now)));
    findings
}

/// Of each CA. A bundle can have one that no peer needs any more: as long as another one is valid, it is a warning.
fn ca_dates(loaded: &Loaded, now: OffsetDateTime) -> Vec<Finding> {
    let (cas, path) = (loaded.anchors.certificates(), loaded.anchors.path());
    let is_any_valid = cas.iter().any(|ca| (ca.not_before..=ca.not_after).contains(&now));
    let of_each = cas.iter().filter_map(|ca| {
        let finding = untimely(path, ca, now).or_else(|| due(path, ca, now))?;
        let severity = if is_any_valid { Severity::Warning } else { finding.severity };
        let finding = Finding { severity, ..named("the CA", ca, finding) };
        let hint = cure_of_dates(finding.id, None, path, is_any_valid);
        Some(finding.with_hint(hint))
    });
    of_each.collect()
}

fn leaf_dates(role: Role, path: &Path, leaf: &Certificate, now: OffsetDateTime) -> Option<Finding> {
    let finding = untimely(path, leaf, now).or_else(|| due(path, leaf, now))?;
    let finding = named("the certificate of", leaf, finding);
    let hint = cure_of_dates(finding.id, Some(role), path, false);
    Some(finding.with_hint(hint))
}

/// What to do about the dates of the certificate in `path`, which may be a copy, if they are what `id` says. `role` is
/// `None` for a CA, and `has_valid_ca` says whether the file with it holds one that is valid.
pub fn cure_of_dates(id: FindingId, role: Option<Role>, path: &Path, has_valid_ca: bool) -> String {
    match (id, role) {
        (FindingId::CertsNotYetValid, _) => CLOCK.to_owned(),
        (_, Some(_)) => format!("renew it where its CA is: {}", renew_command(path, "")),
        (FindingId::CertsExpired, None) if has_valid_ca => format!(
            "no peer needs it any more, since another CA of this file is valid: remove it from the file, or, if a \
             rotation left it there, finish that where the CA's key is: {}",
            finish_command(path)
        ),
        (_, None) => format!("replace it where its key is: {}", rotate_command(path, "")),
    }
}

/// A log has no heading that says which certificate it is about.
fn named(what: &str, certificate: &Certificate, finding: Finding) -> Finding {
    let subject = certificate.subject.to_string();
    let is = if finding.id == FindingId::CertsNotYetValid { "is " } else { "" };
    let message = format!("{what} `{subject}` {is}{}", finding.message);
    Finding { message, ..finding }.with_evidence("certificate", subject)
}

/// What to do if a file of `sources` is missing or holds nothing that can be used, while others are in use: its set is there already.
pub fn another_file(error: &IdentityError, sources: &Sources) -> Option<String> {
    let path = match error {
        IdentityError::NoCertificate { path, found } | IdentityError::NoKey { path, found }
            if found.is_nothing() =>
        {
            path
        }
        // A link that is lost is put back by the command that the error itself names.
        IdentityError::Unreadable { path, source }
            if source.kind() == io::ErrorKind::NotFound && lost_link(path).is_none() =>
        {
            path
        }
        _ => return None,
    };
    let of_pair = |pair: &PairFiles| {
        let mut files = pair.candidates.iter();
        let (certificate, _) = files.find(|(certificate, key)| [certificate, key].contains(&path))?;
        Some(replace_command(certificate, pair.role))
    };
    Some(match sources.pairs.iter().find_map(of_pair) {
        Some(command) => {
            format!("put the right file back, or issue another pair where the CA is: {command}")
        }
        None => "put the right file back".to_owned(),
    })
}

fn due(path: &Path, certificate: &Certificate, now: OffsetDateTime) -> Option<Finding> {
    let words = expiring(certificate, None, now)?;
    Some(Finding::new(FindingId::CertsExpiring, path.display().to_string(), words))
}

/// Of the CAs that issued the leaf, if none of them is valid now.
fn issuer_dates(loaded: &Loaded, path: &Path, leaf: &Certificate, now: OffsetDateTime) -> Option<Finding> {
    let issuers = loaded.anchors.certificates().iter().filter(|ca| leaf.is_issued_by(ca));
    let found = issuers.map(|ca| untimely_issuer(path, ca, now)).collect::<Option<Vec<_>>>()?;
    let finding = found.into_iter().next()?;
    Some(
        finding.with_hint(format!(
            "replace the CA where its key is: {}",
            rotate_command(loaded.anchors.path(), "")
        )),
    )
}

fn list_dates(list: &Crl, now: OffsetDateTime) -> Option<Finding> {
    let end = list.next_update?;
    let (day, distance) = (when::day(end), when::distance(end, now));
    let finding = |words: String| {
        Finding::new(FindingId::CertsCrlExpired, list.path.display().to_string(), words)
            .with_hint(format!("fetch the new list of `{}`", list.issuer))
    };
    if now >= end {
        let message = format!("it expired {distance}, on {day}, so peers of its CA are rejected");
        return Some(finding(message));
    }
    (end - now < soon(end - list.this_update)).then(|| Finding {
        severity: Severity::Warning,
        ..finding(format!("it expires {distance}, on {day}"))
    })
}

/// Everything but dates.
fn fitness(loaded: &Loaded, role: Role, identity: &Identity, now: OffsetDateTime) -> Vec<Finding> {
    let (leaf, path) = (identity.leaf(), identity.certificate_path());
    let subject = path.display().to_string();
    let misuse = usage(&subject, leaf, role).into_iter().find(|finding| finding.severity == Severity::Error);
    if let Some(misuse) = misuse {
        let hint =
            format!("name the {role}'s own certificate; `egext certs show {}` says more", shell_path(path));
        return vec![misuse.with_hint(hint)];
    }
    let anchors = loaded.anchors.certificates();
    let question = Question { subject: &subject, chain: identity.chain(), anchors, role, now };
    let (refusal, broken) = question.webpki(loaded.anchors.path());
    if let Some(broken) = broken {
        return vec![expected(loaded, path, broken)];
    }
    // What Envoy Gateway thinks of a server is told and stops nothing: the callers of the bridge are not all written in Go.
    let go = || question.go(&[]).map(|words| question.refused(&words, role));
    let go = if role == Role::Server && refusal.is_none() { go() } else { None };
    go.map(|finding| Finding { severity: Severity::Warning, ..finding }).into_iter().collect()
}

/// Files of one directory are a set. If a certificate was named elsewhere, its CA may be one that only the peer knows.
fn expected(loaded: &Loaded, path: &Path, broken: Finding) -> Finding {
    let is_set = loaded.anchors.path().parent() == path.parent();
    let is_chain = broken.id == FindingId::CertsChainBroken;
    match is_chain && !is_set {
        true => Finding {
            severity: Severity::Info,
            hint: Some("nothing to do if the peer trusts its CA".to_owned()),
            ..broken
        },
        false => broken,
    }
}

/// The CAs whose peers are rejected, because no list says whether they are revoked.
fn uncovered(loaded: &Loaded) -> Vec<Finding> {
    let anchors = &loaded.anchors;
    let lists = anchors.revocation_lists();
    let cas = anchors.certificates().iter().filter(|ca| !lists.is_empty() && ca.is_ca);
    let cas = cas.filter(|ca| !lists.iter().any(|list| list.is_named_after(ca.raw_subject())));
    cas.map(|ca| {
        let message = format!("no revocation list is of the CA `{}`, so its peers are rejected", ca.subject);
        Finding::new(FindingId::CertsCrlMissing, anchors.path().display().to_string(), message)
            .with_hint("add its list, too")
    })
    .collect()
}
