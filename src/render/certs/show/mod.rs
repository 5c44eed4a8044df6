//! What files hold and what servers present.

mod details;
mod keys;
mod short;
mod verified;

use std::path::Path;

use time::OffsetDateTime;

use crate::pki::inspect::{KeyFile, LeftOut, PemFile, PemFiles, block, first_out_of_order};
use crate::pki::{Certificate, when};
use crate::printable::printable;
use crate::report::{Body, Finding, Hint as _, Report};
pub(crate) use details::Details;
use details::{Chain, Side};
use keys::{key_object, key_words};
pub(crate) use verified::Verified;

/// All that is shown, in its order.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) files: PemFiles,
    /// What comes of verifying what a server presents.
    pub(crate) verified: Option<Verified>,
    /// Why a server presents nothing.
    pub(crate) finding: Option<Finding>,
}

impl Shown {
    /// A block for each certificate and key.
    pub(crate) fn report(&self, now: OffsetDateTime) -> Report {
        let mut report = Report::new("certs show");
        for finding in self.files.broken.iter().chain(&self.finding) {
            report.found(finding.clone());
        }
        let mut text = String::new();
        let (mut certificates, mut keys, mut chains) = (Vec::new(), Vec::new(), Vec::new());
        for file in &self.files.readable {
            if let Some(found) = &file.otherwise {
                text += &section(&file.path, &format!("neither certificate nor key: {found}"), &[]);
            }
            let number = file.certificates.len();
            for (index, certificate) in file.certificates.iter().enumerate() {
                let place =
                    if number > 1 { format!("certificate {} of {number}", index + 1) } else { String::new() };
                text += &section(&file.path, &place, &self.rows(certificate, now));
                certificates.push(self.object(file, index, certificate));
            }
            if number > 1 {
                let (words, object) = order(file);
                text += &section(&file.path, &words, &[]);
                chains.push(object);
            }
            for key in &file.keys {
                let owner = self.files.owner(key);
                let mut words = key_words(&file.path, key, owner);
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
        for file in &self.files.left_out {
            text += &left_out_lines(file);
        }
        let pem = self.files.readable.iter().flat_map(|file| &file.certificates).map(block);
        report.pem = Some(pem.collect());
        report.body = Body::Text(text.trim_start().to_owned());
        let verification = self.verified.as_ref().map(Verified::object);
        let left_out = self.files.left_out.iter().map(left_out_object).collect();
        report.detail(&Details { verification, left_out, certificates, keys, chains });
        report
    }

    fn rows(&self, certificate: &Certificate, now: OffsetDateTime) -> Vec<(&'static str, String)> {
        let issuer = match (self.files.issuer(certificate), certificate.self_issued) {
            (_, true) => "itself".to_owned(),
            (Some(path), _) => format!("{}, in `{}`", certificate.issuer, path.display()),
            (None, _) => certificate.issuer.to_string(),
        };
        let key = match self.files.key_file(certificate) {
            Some(path) => format!("{}, in `{}`", certificate.key, path.display()),
            None => certificate.key.to_string(),
        };
        let moment = |moment| {
            format!("{}, {} ({})", when::day(moment), when::distance(moment, now), when::timestamp(moment))
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
        let path = |path: &Path| path.display().to_string();
        details::Certificate {
            source: file.path.display().to_string(),
            position: index + 1,
            version: certificate.version,
            subject: certificate.subject.as_str().to_owned(),
            issuer: certificate.issuer.as_str().to_owned(),
            issuer_file: self.files.issuer(certificate).map(path),
            self_issued: certificate.self_issued,
            names: certificate.names.iter().map(ToString::to_string).collect(),
            is_ca: certificate.is_ca,
            path_length: certificate.path_length,
            key_usages: certificate.key_usages().map(|usages| usages.names().collect()),
            extended_key_usages: certificate
                .extended_key_usages()
                .map(|usages| usages.names().iter().map(ToString::to_string).collect()),
            key_type: certificate.key.to_string(),
            key_file: self.files.key_file(certificate).map(path),
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
        match self.files.left_out.is_empty() {
            true => ", belongs to none of these certificates",
            false => ", belongs to none of these certificates; some files could not be read",
        }
    }
}

fn left_out_lines(file: &LeftOut) -> String {
    let hint = file.error.hint().map(|hint| format!("  hint: {}\n", printable(&hint)));
    let path = file.path.display().to_string();
    format!("{}: not shown: {}\n{}", printable(&path), file.reason, hint.unwrap_or_default())
}

fn left_out_object(file: &LeftOut) -> details::LeftOut {
    details::LeftOut {
        source: file.path.display().to_string(),
        reason: file.reason.clone(),
        hint: file.error.hint(),
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
