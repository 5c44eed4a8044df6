//! What a renewed certificate inherits in addition to its names: the subject and the usages.
//!
//! Another program may have made the old certificate. A renewal refuses or reports everything that it does not keep.

use crate::pki::x509::extension::Value;
use crate::pki::{Certificate, ExtendedKeyUsages, Extension, KeyUsages, Role};

/// What a successor takes over, and what it does not.
#[derive(Debug)]
pub(in crate::pki) struct Inherited {
    /// Name, DER.
    pub(in crate::pki) subject: Vec<u8>,
    /// The subject has no attributes.
    pub(in crate::pki) has_no_subject: bool,
    usage: Usage,
    /// keyUsage beyond digitalSignature, as far as TLS has a use for it.
    pub(in crate::pki) key_encipherment: bool,
    pub(in crate::pki) key_agreement: bool,
    /// What its holder relies on and a successor cannot have.
    pub(in crate::pki) refused: Vec<String>,
    /// What only describes the certificate or its issuer, and a successor does not have.
    pub(in crate::pki) dropped: Vec<String>,
}

/// The sides of TLS that the extended key usage allows.
#[derive(Debug)]
enum Usage {
    /// It is absent, which restricts nothing.
    Any,
    Only(Vec<Role>),
}

impl Inherited {
    /// Reads what `certificate` leaves to its successor.
    pub(in crate::pki) fn of(certificate: &Certificate) -> Self {
        let mut inherited = Self {
            subject: certificate.raw_subject().to_vec(),
            has_no_subject: certificate.has_empty_subject(),
            usage: Usage::Any,
            key_encipherment: false,
            key_agreement: false,
            refused: Vec::new(),
            dropped: Vec::new(),
        };
        for extension in certificate.extensions() {
            inherited.read(extension);
        }
        inherited
    }

    /// The sides of TLS that the successor is for. `role` is its own, and the CA may issue for those that are `possible`.
    pub(in crate::pki) fn roles(&self, role: Role, possible: &[Role]) -> Vec<Role> {
        let also = |other: &Role| match &self.usage {
            Usage::Any => possible.contains(other),
            Usage::Only(roles) => roles.contains(other),
        };
        [role].into_iter().chain(Some(role.other()).filter(also)).collect()
    }

    /// Its successor loses the SPIFFE id, which was the reason for the usage of the other side.
    pub(in crate::pki) fn without_spiffe_id(self, role: Role) -> Self {
        Self { usage: Usage::Only(vec![role]), ..self }
    }

    fn read(&mut self, extension: &Extension) {
        match &extension.value {
            Value::AuthorityKey(_) | Value::BasicConstraints { .. } | Value::Names | Value::SubjectKey(_) => {
            }
            Value::ExtendedKeyUsage(usages) => self.extended(usages),
            Value::KeyUsage(usages) => self.key_usage(*usages),
            Value::NameConstraints(_) | Value::Other => self.further(extension),
        }
    }

    fn extended(&mut self, usages: &ExtendedKeyUsages) {
        let sides = [(Role::Client, usages.client()), (Role::Server, usages.server())];
        let allowed = sides.into_iter().filter(|(_, is_allowed)| *is_allowed);
        self.usage = Usage::Only(allowed.map(|(role, _)| role).collect());
        for name in usages.names() {
            match name.as_ref() {
                "serverAuth" | "clientAuth" => {}
                "any" => self.dropped.push("the extended key usage anyExtendedKeyUsage".to_owned()),
                other => self.refused.push(format!("the extended key usage {other}")),
            }
        }
    }

    fn key_usage(&mut self, usages: KeyUsages) {
        for name in usages.names() {
            match name {
                "digitalSignature" => {}
                "keyEncipherment" => self.key_encipherment = true,
                "keyAgreement" => self.key_agreement = true,
                other => self.dropped.push(format!("the key usage {other}")),
            }
        }
    }

    fn further(&mut self, extension: &Extension) {
        let oid = extension.oid();
        if oid == TLS_FEATURE {
            self.refused.push("the TLS feature extension (OCSP must-staple)".to_owned());
            return;
        }
        let known = DESCRIPTIONS.iter().find(|(known, _)| *known == oid);
        self.dropped
            .push(known.map_or_else(|| format!("the extension {oid}"), |(_, name)| (*name).to_owned()));
    }
}

const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";

/// Further extensions, in words.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("1.3.6.1.4.1.11129.2.4.2", "the signed certificate timestamps"),
    ("1.3.6.1.4.1.311.20.2", "the certificate template name"),
    ("1.3.6.1.4.1.311.21.7", "the certificate template"),
    ("1.3.6.1.4.1.311.21.10", "the application policies"),
    ("1.3.6.1.5.5.7.1.1", "the authority information access"),
    ("1.3.6.1.5.5.7.1.3", "the qualified certificate statements"),
    ("1.3.6.1.5.5.7.1.11", "the subject information access"),
    ("2.5.29.9", "the subject directory attributes"),
    ("2.5.29.16", "the private key usage period"),
    ("2.5.29.18", "the issuer alternative name"),
    ("2.5.29.31", "the CRL distribution points"),
    ("2.5.29.32", "the certificate policies"),
    ("2.5.29.46", "the freshest CRL"),
    ("2.16.840.1.113730.1.1", "the Netscape certificate type"),
    ("2.16.840.1.113730.1.13", "the Netscape comment"),
];
