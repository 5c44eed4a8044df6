//! A leaf certificate of a set, for a program.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::lines::words;
use crate::pki::member::{Member, certificate_file, key_file};
use crate::pki::{Certificate, Role, when};

/// A leaf certificate of a set.
#[derive(Serialize, JsonSchema)]
pub(super) struct Leaf {
    /// What its files are called.
    name: String,
    #[serde(flatten)]
    place: Placed,
}

/// A leaf certificate, without what its files are called.
#[derive(Serialize, JsonSchema)]
pub(super) struct Placed {
    role: Role,
    /// Its file.
    certificate: String,
    #[serde(flatten)]
    contents: Contents,
    subject: String,
    issuer: String,
    serial: String,
    /// The file of its key, if that is in the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// What is known of a certificate before it is made.
#[derive(Serialize, JsonSchema)]
pub(super) struct Contents {
    names: Vec<String>,
    not_before: String,
    not_after: String,
    key_type: String,
}

impl Leaf {
    /// `certificate` is that of `member` in `directory`, or its successor.
    pub(super) fn of(directory: &Path, member: &Member, certificate: &Certificate) -> Self {
        Self { name: member.name().to_owned(), place: Placed::of(directory, member, certificate) }
    }
}

impl Placed {
    /// The same.
    pub(super) fn of(directory: &Path, member: &Member, certificate: &Certificate) -> Self {
        let path = |file: String| words(&directory.join(file));
        Self {
            role: member.role(),
            certificate: path(certificate_file(member.name())),
            contents: Contents::of(certificate),
            subject: certificate.subject.as_str().to_owned(),
            issuer: certificate.issuer.as_str().to_owned(),
            serial: certificate.serial.clone(),
            key: member.has_key().then(|| path(key_file(member.name()))),
        }
    }
}

impl Contents {
    pub(super) fn of(certificate: &Certificate) -> Self {
        Self {
            names: certificate.names.iter().map(ToString::to_string).collect(),
            not_before: when::timestamp(certificate.not_before),
            not_after: when::timestamp(certificate.not_after),
            key_type: certificate.key.to_string(),
        }
    }
}
