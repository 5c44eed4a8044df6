//! How certificates and files are told of, by every verb that changes a set.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::pki::change::rotation_command;
use crate::pki::member::{certificate_file, key_file};
use crate::pki::store::{self, OtherCaKey, Snapshot};
use crate::pki::{CA_CERTIFICATE_FILE, Certificate, Role, link_command, when};
use crate::report::{Finding, FindingId, Line, Report, Role as Style, enumeration};
use crate::shell::{dir_flag, shell_file, shell_word};
use crate::units::Span;

/// One certificate: who, for whom, until when, and a remark.
pub(super) fn certificate(
    report: &mut Report,
    who: &str,
    summary: &Certificate,
    remark: &str,
    now: OffsetDateTime,
) {
    let names = summary.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let called = if names.is_empty() { summary.subject.to_string() } else { names };
    let (day, distance) = (when::end(summary), when::distance(summary.not_after, now));
    report
        .talk
        .line(
            Line::default().plain("  ").with(Style::Strong, format!("{who:<8}")).plain(format!(" {called}")),
        )
        .line(Line::default().with(Style::Dim, format!("           until {day} ({distance}), {remark}")));
}

/// The same for a program. `serial` is left out of what was not issued.
pub(super) fn object(
    directory: &Path,
    name: &str,
    role: Role,
    summary: &Certificate,
    has_key: bool,
) -> Value {
    let mut object = json!({
        "name": name,
        "role": role.to_string(),
        "certificate": words(&directory.join(certificate_file(name))),
        "names": summary.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_before": when::timestamp(summary.not_before),
        "not_after": when::timestamp(summary.not_after),
        "key_type": summary.key,
        "subject": summary.subject.as_str(),
        "issuer": summary.issuer.as_str(),
        "serial": summary.serial,
    });
    if has_key {
        object["key"] = words(&directory.join(key_file(name))).into();
    }
    object
}

/// What goes where: a title and paths in each line.
pub(super) fn files(report: &mut Report, lines: &[(String, Vec<PathBuf>)]) {
    report.talk.blank().line(Line::default().with(Style::Dim, "files"));
    for (title, paths) in lines {
        let paths = paths.iter().map(|path| words(path)).collect::<Vec<_>>().join("  ");
        report.talk.line(
            Line::default()
                .plain("  ")
                .with(Style::Strong, format!("{title:<15}"))
                .plain(format!(" {paths}")),
        );
    }
}

/// What the holder of the leaf that is called `name` needs.
pub(super) fn holder(
    directory: &Path,
    name: &str,
    role: Role,
    (with_ca, with_key): (bool, bool),
) -> (String, Vec<PathBuf>) {
    let own = name == role.to_string();
    let title = if own { format!("to the {role}") } else { format!("to `{name}`") };
    let mut paths = Vec::new();
    if with_ca {
        paths.push(directory.join(CA_CERTIFICATE_FILE));
    }
    paths.push(directory.join(certificate_file(name)));
    if with_key {
        paths.push(directory.join(key_file(name)));
    }
    (title, paths)
}

pub(super) fn title(report: &mut Report, style: Style, done: &str, rest: &str) {
    report.talk.line(Line::default().with(style, done).plain(rest)).blank();
}

pub(super) fn note(report: &mut Report, words: &str) {
    report.talk.blank().line(Line::default().with(Style::Dim, "note:").plain(format!(" {words}")));
}

pub(super) fn findings(report: &mut Report, findings: Vec<Finding>) {
    if !findings.is_empty() {
        report.talk.blank();
    }
    for finding in findings {
        report.talk.finding(&finding);
        report.findings.push(finding);
    }
}

/// The flags that name a CA whose key is not in the set, and the passphrase that opens the key, as they were typed.
pub(super) fn ca_flags(certificate: &Path, key: &Path, passphrase: Option<&Path>) -> String {
    let passphrase = passphrase.map_or_else(String::new, |file| format!(" {}", passphrase_flag(file)));
    format!("--ca-cert {} --ca-key {}{passphrase}", shell_file(certificate), shell_file(key))
}

/// The flag that names a passphrase, as it was typed.
pub(super) fn passphrase_flag(file: &Path) -> String {
    format!("--ca-key-passphrase-file {}", shell_file(file))
}

/// A note about such a CA, once it signs.
pub(super) fn ca_key_elsewhere(certificate: &Path, key: &Path, passphrase: Option<&Path>) -> String {
    format!(
        "the CA's key stays where it is; whoever issues or renews names it again: `{}`",
        ca_flags(certificate, key, passphrase)
    )
}

/// A finding for each CA key that was kept in `directory`, though the CA does not sign there any more.
pub(super) fn kept_ca_keys(directory: &Path) -> Vec<Finding> {
    // The report is about something else, and what cannot be looked at is found by the next command that writes.
    let keys = store::other_ca_keys(directory).unwrap_or_default();
    let finding = |key: OtherCaKey| {
        let ca = key.ca.map_or_else(|| "a CA".to_owned(), |ca| format!("`{ca}`"));
        let message = format!("it is the key of {ca}, which `egext` did not make, and was kept");
        let finish = rotation_command("finish", "--discard-ca-key", directory);
        let hint = format!("copy it to where it belongs; then {finish} removes it here");
        Finding::new(FindingId::CertsCaKeyKept, words(&key.path), message).with_hint(hint)
    };
    keys.into_iter().filter(|key| key.is_kept).map(finding).collect()
}

/// A finding for each certificate in `set` whose files the user has deleted by their visible names.
pub(super) fn withdrawn(set: &Snapshot) -> Vec<Finding> {
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
        Finding::new(FindingId::CertsHalfRemoved, words(&set.path(&file)), message).with_hint(hint)
    };
    set.withdrawn().iter().map(finding).collect()
}

/// Who presents the certificate that is called `name`.
pub(super) fn who(name: &str, role: Role) -> String {
    match (name, role) {
        ("server", _) => "the server".to_owned(),
        ("client", _) => "the client".to_owned(),
        (name, Role::Client) => format!("the client `{name}`"),
        (name, Role::Server) => format!("the server `{name}`"),
    }
}

/// A note about a CA that issues certificates for others, too.
pub(super) const ALL_CLIENTS_OF_THE_CA: &str =
    "a server that trusts this CA lets in everybody to whom it has issued a client certificate";

/// Findings about leaf certificates that end with their CA, before the lifetime that was asked for is over: one for each
/// lifetime. `leaf_certificates` are their names, contents, and that lifetime, if it was cut.
pub(super) fn cut(
    directory: &Path,
    leaf_certificates: &[(&str, &Certificate, Option<Span>)],
    hint: &str,
) -> Vec<Finding> {
    let mut asked = leaf_certificates.iter().filter_map(|(.., asked)| *asked).collect::<Vec<_>>();
    asked.sort();
    asked.dedup();
    let finding = |asked: Span| {
        let cut = leaf_certificates.iter().filter(|(.., from)| *from == Some(asked)).collect::<Vec<_>>();
        let (name, summary, _) = cut.first()?;
        let names = cut.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>();
        let (who, whose) = match names.as_slice() {
            [one] => (format!("{one} expires"), "its"),
            names => (format!("{} expire", enumeration(names)), "their"),
        };
        let message = format!("{who} with {whose} CA on {}, sooner than in {asked}", when::end(summary));
        let subject = words(&directory.join(certificate_file(name)));
        Some(Finding::new(FindingId::CertsLifetimeCut, subject, message).with_hint(hint))
    };
    asked.into_iter().filter_map(finding).collect()
}

/// A finding for each certificate whose successor lacks something. `certificates` are their names, and what is lost in words.
pub(super) fn not_kept<'a>(
    directory: &Path,
    certificates: impl IntoIterator<Item = (&'a str, &'a [String])>,
) -> Vec<Finding> {
    let finding = |(name, dropped): (&str, &[String])| {
        let message = format!("a renewal does not keep {}", enumeration(dropped));
        let subject = words(&directory.join(certificate_file(name)));
        let hint = "if a peer relies on it, let the program that issued the certificate renew it";
        Finding::new(FindingId::CertsNotKept, subject, message).with_hint(hint)
    };
    certificates.into_iter().filter(|(_, dropped)| !dropped.is_empty()).map(finding).collect()
}

/// A path that is not UTF-8 loses what is not: JSON could not carry it.
pub(super) fn words(path: &Path) -> String {
    path.display().to_string()
}
