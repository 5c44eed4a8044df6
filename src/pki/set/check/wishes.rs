//! Differences between the flags and an existing set.

use std::path::Path;

use crate::pki::ca::authority::Authority;
use crate::pki::set::change::{ANOTHER_CA, ENCRYPTED_CA, renew_command, rotate_command};
use crate::pki::set::issue::local_names;
use crate::pki::x509::lifetime;
use crate::pki::x509::names::list;
use crate::pki::{CA_KEY_FILE, Identity, KeyType, SubjectName};
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;
use crate::units::Span;

use super::{StoredKey, StoredSet, words};

/// What was asked for, as far as it was.
#[derive(Clone, Debug, Default)]
pub struct WantedSet {
    /// Names that the server's certificate is to have.
    pub names: Vec<SubjectName>,
    /// Names that the client's certificate is to have.
    pub client_names: Vec<SubjectName>,
    /// The server's certificate is to have no names for its own machine.
    pub no_local_names: bool,
    /// Of the server.
    pub server_common_name: Option<String>,
    /// Of the client.
    pub client_common_name: Option<String>,
    /// The CA is to be limited to these names.
    pub name_constraints: bool,
    /// Of the keys.
    pub key_type: Option<KeyType>,
    /// Of the leaf certificates.
    pub lifetime: Option<Span>,
    /// Of the CA.
    pub ca_lifetime: Option<Span>,
}

impl StoredSet {
    /// What `wanted` asks for and the set does not have.
    pub fn differences(&self, wanted: &WantedSet) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.missing_names(&self.server, &wanted.names));
        findings.extend(self.missing_names(&self.client, &wanted.client_names));
        findings.extend(self.idle_names(wanted));
        for (identity, name) in
            [(&self.server, &wanted.server_common_name), (&self.client, &wanted.client_common_name)]
        {
            findings.extend(name.as_ref().and_then(|name| other_common_name(identity, name)));
        }
        if wanted.name_constraints && !self.ca.has_name_constraints() {
            let message = "the existing CA has no name constraints: it may issue for all names";
            let path = words(self.anchors.path());
            findings.push(Finding::new(FindingId::CertsDiffers, path, message).with_hint(ELSEWHERE));
        }
        findings.extend(wanted.ca_lifetime.and_then(|wanted| self.other_ca_lifetime(wanted)));
        for identity in [&self.server, &self.client] {
            findings.extend(wanted.key_type.and_then(|wanted| self.other_key_type(identity, wanted)));
            findings.extend(wanted.lifetime.and_then(|wanted| self.other_lifetime(identity, wanted)));
        }
        findings
    }

    /// Another CA issued the set than the one that `flags` name on the command line.
    pub fn other_ca(&self, authority: &Authority, flags: &str) -> Option<Finding> {
        // Below one root there may be several that issue.
        let is_same = self.anchors.certificates().contains(authority.anchor())
            && self.server.leaf().is_issued_by(authority.certificate());
        let prepare = rotate_command(self.anchors.path(), flags);
        let hint = format!("{prepare} begins to replace that CA by this one, without a failed call");
        let message = "the existing certificates are of another CA";
        let finding = Finding::new(FindingId::CertsDiffers, words(self.anchors.path()), message)
            .with_evidence("expected", authority.certificate().subject.to_string())
            .with_evidence("found", self.server.leaf().issuer.to_string())
            .with_hint(hint);
        (!is_same).then_some(finding)
    }

    /// The CA's key was to be discarded.
    pub fn kept_ca_key(&self) -> Option<Finding> {
        let message = "the key of the existing CA is there, and was not discarded";
        let is_there = !matches!(self.ca_key, StoredKey::Absent);
        is_there.then(|| self.about_ca_key(message, ELSEWHERE))
    }

    /// The CA's key was to be encrypted.
    pub fn plain_ca_key(&self) -> Option<Finding> {
        let prepare = rotate_command(self.anchors.path(), ENCRYPTED_CA);
        let hint = format!("{prepare} begins to replace the CA by one with an encrypted key");
        let is_plain = matches!(self.ca_key, StoredKey::Plain(_));
        is_plain.then(|| self.about_ca_key("the key of the existing CA is not encrypted", &hint))
    }

    fn about_ca_key(&self, message: &str, hint: &str) -> Finding {
        let path = self.anchors.path().with_file_name(CA_KEY_FILE);
        Finding::new(FindingId::CertsDiffers, words(&path), message).with_hint(hint)
    }

    fn missing_names(&self, identity: &Identity, wanted: &[SubjectName]) -> Option<Finding> {
        let there = &identity.leaf().names;
        let missing = wanted.iter().filter(|name| !there.contains(name)).collect::<Vec<_>>();
        if missing.is_empty() {
            return None;
        }
        // A certificate with a SPIFFE id has no other URI.
        let is_svid = missing.iter().any(|name| name.is_spiffe());
        let in_the_way =
            |name: &&SubjectName| is_svid && matches!(name, SubjectName::Uri(_)) && !wanted.contains(name);
        let mut flags = flag("--add-san", missing.iter().copied());
        let others = there.iter().filter(in_the_way).collect::<Vec<_>>();
        if !others.is_empty() {
            flags = format!("{flags} {}", flag("--remove-san", others));
        }
        let message = format!("the existing certificate is not for {}", list(missing));
        Some(
            Finding::new(FindingId::CertsNamesMissing, words(identity.certificate_path()), message)
                .with_evidence("expected", list(wanted))
                .with_evidence("found", list(there))
                .with_hint(self.renew(identity, &flags)),
        )
    }

    /// Names for the server's own machine that it is not to have.
    fn idle_names(&self, wanted: &WantedSet) -> Option<Finding> {
        let (local, there) = (local_names(), &self.server.leaf().names);
        let idle = |name: &&SubjectName| there.contains(name) && !wanted.names.contains(name);
        let idle = local.iter().filter(idle).collect::<Vec<_>>();
        if !wanted.no_local_names || idle.is_empty() {
            return None;
        }
        let message = format!("the existing certificate is for {}, too", list(idle.iter().copied()));
        let hint = self.renew(&self.server, &flag("--remove-san", idle));
        let path = words(self.server.certificate_path());
        Some(Finding::new(FindingId::CertsDiffers, path, message).with_hint(hint))
    }

    fn other_key_type(&self, identity: &Identity, wanted: KeyType) -> Option<Finding> {
        let found = &identity.leaf().key;
        if found.is_a(wanted) {
            return None;
        }
        let hint = self.renew(identity, &format!("--key-type {}", wanted.name()));
        Some(differs(
            identity.certificate_path(),
            "key type",
            (&wanted.to_string(), &found.to_string()),
            &hint,
        ))
    }

    fn other_ca_lifetime(&self, wanted: Span) -> Option<Finding> {
        let (path, found) = (self.anchors.path(), lifetime::span(&self.ca));
        if seconds(wanted) == seconds(found) {
            return None;
        }
        let prepare = match self.prepare_flags() {
            ANOTHER_CA => rotate_command(path, ANOTHER_CA),
            "" => rotate_command(path, &format!("--ca-lifetime {wanted}")),
            flags => rotate_command(path, &format!("{flags} --ca-lifetime {wanted}")),
        };
        let hint = format!("{prepare} begins to replace the CA by one with this lifetime");
        let both = (wanted.to_string(), lifetime::rounded(found).to_string());
        Some(differs(path, "lifetime", (&both.0, &both.1), &hint))
    }

    fn other_lifetime(&self, identity: &Identity, wanted: Span) -> Option<Finding> {
        let (leaf, found) = (identity.leaf(), lifetime::span(identity.leaf()));
        // A leaf whose life its CA has cut short is as long as it can be.
        let is_cut_short = leaf.not_after == self.ca.not_after && wanted > found;
        if seconds(wanted) == seconds(found) || is_cut_short {
            return None;
        }
        let hint = self.renew(identity, &format!("--lifetime {wanted}"));
        let both = (wanted.to_string(), lifetime::rounded(found).to_string());
        Some(differs(identity.certificate_path(), "lifetime", (&both.0, &both.1), &hint))
    }

    /// The command that changes a certificate below the same CA.
    fn renew(&self, identity: &Identity, flags: &str) -> String {
        let signer = match self.ca_key {
            StoredKey::Absent => format!(" {ANOTHER_CA}"),
            StoredKey::Encrypted => format!(" {ENCRYPTED_CA}"),
            StoredKey::Plain(_) => String::new(),
        };
        let command = renew_command(identity.certificate_path(), &format!("{flags}{signer}"));
        format!("{command} changes it{}", self.without_key())
    }
}

/// The common name is for people, and no renewal changes it.
fn other_common_name(identity: &Identity, wanted: &str) -> Option<Finding> {
    let found = identity.leaf().subject.common_name();
    let differs = |path| differs(path, "common name", (wanted, found), ELSEWHERE);
    (found != wanted).then(|| differs(identity.certificate_path()))
}

fn flag<'a>(flag: &str, names: impl IntoIterator<Item = &'a SubjectName>) -> String {
    let names = names.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    format!("{flag} {}", shell_word(&names))
}

fn differs(path: &Path, what: &str, (expected, found): (&str, &str), hint: &str) -> Finding {
    Finding::new(FindingId::CertsDiffers, words(path), format!("the existing certificate has another {what}"))
        .with_evidence("expected", expected)
        .with_evidence("found", found)
        .with_hint(hint)
}

fn seconds(span: Span) -> u64 {
    span.duration().as_secs()
}

/// What helps where nothing can change what is there.
const ELSEWHERE: &str =
    "leave the set as it is, and make one with these flags in another directory: `--dir DIR`";
