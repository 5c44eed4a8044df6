//! A set that was made, would be made, or is there.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::leaf::Contents;
use super::lines::{self, words};
use crate::pki::store::{self, Unignored};
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate, DistinguishedName, Role, when};
use crate::report::{Finding, Line, Report, Style, enumeration, in_backticks};

/// A set that `egext certs init` has made, would make, or has found.
pub(crate) struct Set<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) directory: &'a Path,
    pub(crate) signer: Signer<'a>,
    /// Of CA, server and client.
    pub(crate) certificates: [&'a Certificate; 3],
    /// What is good to know about what was made.
    pub(crate) notes: Vec<Note>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unignored: Option<Unignored>,
    /// What is to type once the server runs.
    pub(crate) probe: String,
}

/// What happened to the set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "InitOutcome")]
pub(crate) enum Outcome {
    /// There was no set; a new one was made.
    Created,
    /// The set was replaced.
    Replaced,
    /// The set was not changed.
    Unchanged,
    /// A new set would be made; this was a dry run.
    WouldCreate,
    /// The set would be replaced; this was a dry run.
    WouldReplace,
}

/// Which CA has signed, and what happened to its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signer<'a> {
    /// A CA that the user named.
    Brought(&'a DistinguishedName),
    /// A new CA, whose key was discarded.
    Discarded,
    /// A CA whose key is not in the directory.
    Elsewhere,
    /// A CA whose key is in the directory.
    Here,
}

/// Something good to know, and nothing wrong.
pub(crate) enum Note {
    /// The user named the CA, and it also issues certificates for others.
    AllClientsOfTheCa,
    /// Only a passphrase opens the CA's key.
    CaKeyEncrypted,
    /// The user named the CA with these flags.
    CaKeyElsewhere { flags: String },
    /// The CA's key was discarded.
    CaKeyGone,
    /// Name constraints in a root.
    Constraints,
    /// Name constraints, and a server with IP addresses.
    ConstraintsWithAddresses,
    /// The key of a CA that `egext` did not make goes with the set that is replaced.
    ForeignKey { ca: DistinguishedName },
    /// Certificates of the set that is replaced.
    Further { names: Vec<String> },
    /// The CA does not permit the names for a server's own machine.
    WithoutLocalNames,
}

/// What `egext certs init` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details<'a> {
    outcome: Outcome,
    directory: String,
    certificates: Vec<SetCertificate>,
    files: Files,
    /// What to add to which file, so that Git ignores the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    gitignore: Option<Gitignore<'a>>,
    /// What to type once the server runs.
    next: &'a str,
}

/// A certificate of the set.
#[derive(Serialize, JsonSchema)]
struct SetCertificate {
    role: Holder,
    /// Its file.
    certificate: String,
    /// The file of its key, if that is in the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(flatten)]
    contents: Contents,
    /// Missing if the certificate was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Missing if the certificate was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Missing if the certificate was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
}

/// Who a certificate is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Holder {
    Ca,
    Server,
    Client,
}

/// Where files belong.
#[derive(Serialize, JsonSchema)]
struct Files {
    /// On the server's machine.
    server: Vec<String>,
    /// On the client's machine.
    client: Vec<String>,
    /// Files that stay on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<Vec<String>>,
}

/// So that Git ignores the keys.
#[derive(Serialize, JsonSchema)]
struct Gitignore<'a> {
    file: String,
    /// What to add to it.
    lines: &'a [String],
}

pub(crate) fn report(set: &Set<'_>, now: OffsetDateTime) -> Report {
    let mut report = Report::new("certs init");
    let (style, done, rest) = set.title();
    lines::title(&mut report, style, done, &rest);
    for (certificate, holder) in set.each() {
        set.tell(&mut report, certificate, holder, now);
    }
    let files = set.files();
    files.tell(&mut report);
    for words in set.notes.iter().flat_map(|note| note.words(set)) {
        lines::note(&mut report, &words);
    }
    lines::findings(&mut report, &set.findings);
    if set.outcome == Outcome::Replaced {
        let previous = store::previous(set.directory);
        let without = if set.signer == Signer::Discarded { ", without a CA's key" } else { "" };
        let words =
            format!("the previous set stays in `{}` until the next one is made{without}", previous.display());
        lines::note(&mut report, &words);
    }
    let gitignore = set.unignored.as_ref().filter(|_| set.is_real());
    if let Some(Unignored { file, lines: missing }) = gitignore {
        let shown = in_backticks(missing).join(" and ");
        let words = format!("Git does not ignore the keys: add {shown} to `{}`", file.display());
        lines::note(&mut report, &words);
    }
    if let Some(next) = set.next() {
        report.talk.blank().hint(next);
    }
    report.detail(&Details {
        outcome: set.outcome,
        directory: words(set.directory),
        certificates: set.each().into_iter().map(|each| set.certificate(each)).collect(),
        files,
        gitignore: gitignore.map(|Unignored { file, lines }| Gitignore { file: words(file), lines }),
        next: &set.probe,
    });
    report
}

impl<'a> Set<'a> {
    fn is_real(&self) -> bool {
        !matches!(self.outcome, Outcome::WouldCreate | Outcome::WouldReplace)
    }

    /// Is this certificate as it is, or will be, not only one like it?
    fn is_known(&self, holder: Holder) -> bool {
        self.is_real() || holder == Holder::Ca && matches!(self.signer, Signer::Brought(_))
    }

    fn each(&self) -> [(&'a Certificate, Holder); 3] {
        let [ca, server, client] = self.certificates;
        [(ca, Holder::Ca), (server, Holder::Server), (client, Holder::Client)]
    }

    fn title(&self) -> (Style, &'static str, String) {
        let place = format!("`{}`", self.directory.display());
        let (what, with) = match self.signer {
            Signer::Brought(name) => {
                let name = match name.to_string() {
                    none if none.is_empty() => "a CA without a name".to_owned(),
                    name => format!("`{name}`"),
                };
                (format!("a certificate for each side, issued by {name},"), format!("issued by {name}"))
            }
            Signer::Discarded | Signer::Elsewhere | Signer::Here => {
                ("a private CA and a certificate for each side".to_owned(), "with a new CA".to_owned())
            }
        };
        let (made, replaced) =
            (format!(" {what} in {place}"), format!(" the set in {place} by a new one, {with}"));
        match self.outcome {
            Outcome::Created => (Style::Good, "made", made),
            Outcome::Replaced => (Style::Good, "replaced", replaced),
            Outcome::Unchanged => (Style::Good, "unchanged:", format!(" there is a set in {place}")),
            Outcome::WouldCreate => (Style::Strong, "would make", made),
            Outcome::WouldReplace => (Style::Strong, "would replace", replaced),
        }
    }

    fn tell(&self, report: &mut Report, certificate: &Certificate, holder: Holder, now: OffsetDateTime) {
        let names = certificate.names.iter().map(ToString::to_string).collect::<Vec<_>>();
        // The names of a CA are those that it may issue for.
        let called = match (names.is_empty() || holder == Holder::Ca, self.is_known(holder)) {
            (false, _) => names.join(", "),
            (true, true) => certificate.subject.to_string(),
            // A CA that was not kept has no name to print.
            (true, false) => "a new one".to_owned(),
        };
        let distance = when::distance(certificate.not_after, now);
        let until = format!("until {} ({distance})", when::end(certificate));
        let who = Line::default().plain("  ").with(Style::Strong, format!("{:<8}", holder.name()));
        report.talk.line(who.plain(called));
        report.talk.line(Line::default().with(Style::Dim, format!("          {until}, {}", certificate.key)));
    }

    fn certificate(&self, (certificate, holder): (&Certificate, Holder)) -> SetCertificate {
        let [file, key] = holder.files();
        let has_key = holder != Holder::Ca || self.signer == Signer::Here;
        let known = Some(certificate).filter(|_| self.is_known(holder));
        SetCertificate {
            role: holder,
            certificate: words(&self.directory.join(file)),
            key: has_key.then(|| words(&self.directory.join(key))),
            contents: Contents::of(certificate),
            subject: known.map(|known| known.subject.as_str().to_owned()),
            issuer: known.map(|known| known.issuer.as_str().to_owned()),
            serial: known.map(|known| known.serial.clone()),
        }
    }

    fn files(&self) -> Files {
        let paths = |names: &[&str]| names.iter().map(|name| words(&self.directory.join(name))).collect();
        let side = |role: Role| paths(&[CA_CERTIFICATE_FILE, role.certificate_file(), role.key_file()]);
        let (server, client) = (side(Role::Server), side(Role::Client));
        Files { server, client, stays: (self.signer == Signer::Here).then(|| paths(&[CA_KEY_FILE])) }
    }

    fn next(&self) -> Option<String> {
        let probe = &self.probe;
        Some(match self.outcome {
            Outcome::Created => format!("start the server with its files, then `{probe}`"),
            Outcome::Replaced => format!(
                "install the new files on both sides at the same time: the bridge reloads them by itself, restart other programs that do not; the old and new sets do not trust each other; then `{probe}`"
            ),
            Outcome::Unchanged => return None,
            Outcome::WouldCreate | Outcome::WouldReplace => "leave `--dry-run` out to do it".to_owned(),
        })
    }
}

impl Files {
    /// Which file belongs to which side: a key on the wrong side can be lost twice.
    fn tell(&self, report: &mut Report) {
        let line = |title: &str, paths: &[String]| {
            let title = Line::default().plain("  ").with(Style::Strong, format!("{title:<15}"));
            title.plain(paths.join("  "))
        };
        report.talk.blank().line(Line::default().with(Style::Dim, "files"));
        report.talk.line(line("to the server", &self.server)).line(line("to the client", &self.client));
        if let Some(stays) = &self.stays {
            let remark = "  anyone who holds it can impersonate either side";
            report.talk.line(line("stays here", stays).with(Style::Dim, remark));
        }
    }
}

impl Holder {
    fn name(self) -> &'static str {
        match self {
            Self::Ca => "CA",
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// Of its certificate and of its key.
    fn files(self) -> [&'static str; 2] {
        let of = |role: Role| [role.certificate_file(), role.key_file()];
        match self {
            Self::Ca => [CA_CERTIFICATE_FILE, CA_KEY_FILE],
            Self::Server => of(Role::Server),
            Self::Client => of(Role::Client),
        }
    }
}

impl Note {
    /// Nothing where a finding says it.
    fn words(&self, set: &Set<'_>) -> Option<String> {
        Some(match self {
            Self::AllClientsOfTheCa => lines::ALL_CLIENTS_OF_THE_CA.to_owned(),
            Self::CaKeyEncrypted => {
                "the CA's key is encrypted: without the passphrase nothing can be issued or renewed".to_owned()
            }
            Self::CaKeyElsewhere { flags } => lines::ca_key_elsewhere(flags),
            Self::CaKeyGone => {
                "the CA's key is gone: nothing can be issued or renewed, and a new set has to replace this one before it ends"
                    .to_owned()
            }
            Self::Constraints => {
                "the CA can issue for these names only; Java does not look at that, because it is in a root"
                    .to_owned()
            }
            Self::ConstraintsWithAddresses => {
                "Envoy rejects the server below such a CA because of its IP addresses; `--san` with host names \
                 and `--no-local-names` make one that it accepts"
                    .to_owned()
            }
            Self::ForeignKey { ca } => {
                let key = format!("the key of `{ca}`, which `egext` did not make,");
                match (set.outcome, set.signer == Signer::Discarded) {
                    (Outcome::WouldReplace, true) => format!("{key} would be removed, too"),
                    (Outcome::WouldReplace, false) => format!("{key} would be kept in `.egext`"),
                    (_, true) => format!("{key} was removed, too"),
                    // Where it is kept is said as a finding.
                    (_, false) => return None,
                }
            }
            Self::Further { names } => {
                let names = in_backticks(names);
                format!(
                    "the new set has no {}: issue again what is still needed (`certs issue`)",
                    enumeration(&names)
                )
            }
            Self::WithoutLocalNames => {
                "`localhost`, `127.0.0.1` and `::1` are left out: the CA does not permit them all".to_owned()
            }
        })
    }
}
