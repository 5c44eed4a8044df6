//! Findings about the certificates of a set, for commands that have read or changed it.

use std::path::Path;

use time::OffsetDateTime;

use super::change::{renewal, replaced_with_its_ca, rotation_command};
use super::check::{untimely, untimely_issuer};
use super::member::{Member, certificate_file, key_file};
use super::request::{Granted, Request, overlap};
use super::store::{self, OtherCaKey, Snapshot};
use crate::pki::Certificate;
use crate::pki::ca::authority::Issued;
use crate::pki::keys::link::link_command;
use crate::pki::x509::lifetime::CLOCK;
use crate::pki::x509::when;
use crate::report::{Finding, FindingId, enumeration, in_backticks};
use crate::shell::{dir_flag, shell_word};

/// Certificates of `directory`, with their names, that end with their CA before the lifetime that was asked for is over:
/// one finding for each lifetime. `hint` says how to get a longer one.
pub fn cut_short<'a>(
    directory: &Path,
    issued: impl IntoIterator<Item = (&'a str, &'a Issued)>,
    hint: &str,
) -> Vec<Finding> {
    let with_lifetime = |(name, issued): (&'a str, &'a Issued)| Some((issued.cut_from()?, name, issued));
    let mut cut = issued.into_iter().filter_map(with_lifetime).collect::<Vec<_>>();
    cut.sort_by_key(|(asked, ..)| *asked);
    let finding = |of_one: &[_]| {
        let (asked, name, first): (_, &str, &Issued) = of_one[0];
        let names = in_backticks(of_one.iter().map(|(_, name, _)| name));
        let (who, whose) = match names.as_slice() {
            [one] => (format!("{one} expires"), "its"),
            names => (format!("{} expire", enumeration(names)), "their"),
        };
        let end = when::end(first.certificate());
        let message = format!("{who} with {whose} CA on {end}, sooner than in {asked}");
        Finding::new(FindingId::CertsLifetimeCut, certificate_of(directory, name), message).with_hint(hint)
    };
    cut.chunk_by(|one, other| one.0 == other.0).map(finding).collect()
}

/// Those of `members` of `directory` whose successors lack something. In words, `dropped` says what: of each member, or
/// empty.
pub fn not_kept<'a>(
    directory: &Path,
    members: impl IntoIterator<Item = (&'a Member, &'a [String])>,
) -> Vec<Finding> {
    let finding = |(member, dropped): (&Member, &[String])| {
        let message = format!("a renewal does not keep {}", enumeration(dropped));
        let subject = certificate_of(directory, member.name());
        let hint = "if a peer relies on it, let the program that issued the certificate renew it";
        Finding::new(FindingId::CertsNotKept, subject, message).with_hint(hint)
    };
    members.into_iter().filter(|(_, dropped)| !dropped.is_empty()).map(finding).collect()
}

/// CA keys that were kept in `directory`, though their CAs do not sign there any more.
pub fn kept_ca_keys(directory: &Path) -> Vec<Finding> {
    // The report is about something else, and what cannot be looked at is found by the next command that writes.
    let keys = store::other_ca_keys(directory).unwrap_or_default();
    let finding = |key: OtherCaKey| {
        let ca = key.ca.map_or_else(|| "a CA".to_owned(), |ca| format!("`{ca}`"));
        let message = format!("it is the key of {ca}, which `egext` did not make, and was kept");
        let finish = rotation_command("finish", "--discard-ca-key", directory);
        let hint = format!("copy it to where it belongs; then {finish} removes it here");
        Finding::new(FindingId::CertsCaKeyKept, key.path.display().to_string(), message).with_hint(hint)
    };
    keys.into_iter().filter(|key| key.is_kept).map(finding).collect()
}

/// Certificates in `set` whose files the user has deleted by their visible names.
pub fn withdrawn(set: &Snapshot) -> Vec<Finding> {
    let finding = |name: &String| {
        let (file, word, place) = (certificate_file(name), shell_word(name), dir_flag(set.directory()));
        let message =
            format!("it was deleted, and `{name}` is still in the set: it is not renewed, and not put back");
        let is_missing = |file: &String| set.has(file) && set.path(file).symlink_metadata().is_err();
        let missing = [file.clone(), key_file(name)].into_iter().filter(is_missing);
        let links = missing.map(|file| link_command(&set.path(&file)));
        let hint = format!(
            "`egext certs remove {word}{place}` takes it out; `{}` puts it back",
            links.collect::<Vec<_>>().join(" && ")
        );
        let subject = certificate_of(set.directory(), name);
        Finding::new(FindingId::CertsHalfRemoved, subject, message).with_hint(hint)
    };
    set.withdrawn().iter().map(finding).collect()
}

/// Certificates that have expired or are not valid yet: that of the CA, those of `members`, and the CAs between them.
/// `replace` is the command that replaces the CA.
pub fn untimely_now<'a>(
    (ca_path, ca): (&Path, &Certificate),
    members: impl IntoIterator<Item = &'a Member>,
    replace: &str,
    now: OffsetDateTime,
) -> Vec<Finding> {
    let with_cure = |finding: Finding, cure: String| {
        let is_early = finding.id == FindingId::CertsNotYetValid;
        finding.with_hint(if is_early { CLOCK.to_owned() } else { cure })
    };
    let replaced = || format!("replace the CA: {replace}");
    let mut findings = Vec::new();
    findings.extend(untimely(ca_path, ca, now).map(|finding| with_cure(finding, replaced())));
    for member in members {
        let path = member.path();
        findings.extend(untimely(path, member.certificate(), now).map(|finding| {
            let cure = match ca.not_after <= now {
                true => replaced_with_its_ca(replace),
                false => renewal(path),
            };
            with_cure(finding, cure)
        }));
        let issuers = member.intermediates().iter().filter_map(|issuer| untimely_issuer(path, issuer, now));
        findings.extend(issuers.map(|finding| finding.with_hint(replaced())));
    }
    findings
}

/// A certificate that was removed, or would be, and that peers accept all the same. `replace` is the command that replaces
/// the CA.
pub fn not_revoked(member: &Member, is_removed: bool, replace: &str, now: OffsetDateTime) -> Option<Finding> {
    let certificate = member.certificate();
    let done = if is_removed { "was removed" } else { "would be removed" };
    let message = format!("it {done}, not revoked: peers accept it until {}", when::end(certificate));
    let hint = format!("if its key may be stolen, replace the CA, after which no peer accepts it: {replace}");
    let finding = Finding::new(FindingId::CertsNotRevoked, member.path().display().to_string(), message);
    (now < certificate.not_after).then(|| finding.with_hint(hint))
}

/// What the sender of the request in `path` shares with one of `members`: names of its own choice, or the key.
pub fn in_use(path: &Path, (request, granted): (&Request, &Granted), members: &[Member]) -> Vec<Finding> {
    let mut found = Vec::new();
    let finding = |id, message: String, hint: &str| {
        Finding::new(id, path.display().to_string(), message).with_hint(hint)
    };
    for member in members {
        let (theirs, file) = (&member.certificate().names, member.path().display());
        let shared = granted.of_request.iter().filter(|name| theirs.iter().any(|other| overlap(name, other)));
        let shared = shared.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !shared.is_empty() {
            found.push(finding(
                FindingId::CertsNameInUse,
                format!(
                    "the requester chose {shared}, which `{file}` has too: its holder can pass for that one"
                ),
                "if it is not a replica of that one, issue it again with names of your choice: `--san NAME`",
            ));
        }
        if request.has_key_of(member.certificate()) {
            found.push(finding(
                FindingId::CertsKeyInUse,
                format!("it has the key of `{file}`"),
                "if both are for the same machine, issue with `--out NAME --replace` in place of that one; otherwise ask for a CSR with a key of its own",
            ));
        }
    }
    found
}

fn certificate_of(directory: &Path, name: &str) -> String {
    directory.join(certificate_file(name)).display().to_string()
}
