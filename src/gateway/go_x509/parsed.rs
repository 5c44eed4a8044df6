//! A certificate as Go's parser leaves it, and what Go asks of each one in a chain.

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, NameConstraints, ParsedExtension};

use super::{Refusal, names};
use crate::pki::Role;

/// Where in a chain a certificate stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Position {
    Intermediate,
    Leaf,
    Root,
}

/// What Go keeps of a certificate.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) certificate: X509Certificate<'a>,
    pub(super) der: &'a [u8],
    /// Is it a CA, and how many may follow; none without the extension.
    constraints: Option<(bool, Option<u32>)>,
    /// May it sign certificates; none without the extension.
    key_cert_sign: Option<bool>,
    /// May a server and a client use it; none without the extension.
    usages: Option<(bool, bool)>,
    pub(super) has_alternative_names: bool,
    pub(super) dns_names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) permitted: Vec<names::Constraint>,
    pub(super) excluded: Vec<names::Constraint>,
    unhandled_critical: bool,
}

impl<'a> Parsed<'a> {
    pub(super) fn of(der: &'a CertificateDer<'_>) -> Result<Self, Refusal> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| Refusal::Malformed("malformed certificate"))?;
        // The first bit is the sign (X.690 section 8.3).
        if certificate.raw_serial().first().is_some_and(|first| first & 0x80 != 0) {
            return Err(Refusal::Malformed("negative serial number"));
        }
        let mut parsed = Self {
            constraints: None,
            key_cert_sign: None,
            usages: None,
            has_alternative_names: false,
            dns_names: Vec::new(),
            addresses: Vec::new(),
            permitted: Vec::new(),
            excluded: Vec::new(),
            unhandled_critical: false,
            der,
            certificate: certificate.clone(),
        };
        for extension in certificate.extensions() {
            let handled = parsed.extension(extension.parsed_extension());
            parsed.unhandled_critical |= extension.critical && !handled;
        }
        Ok(parsed)
    }

    /// Takes what Go takes from an extension; false for one that Go does not handle.
    fn extension(&mut self, extension: &ParsedExtension<'_>) -> bool {
        match extension {
            ParsedExtension::BasicConstraints(found) => {
                self.constraints = Some((found.ca, found.path_len_constraint));
            }
            // Go cannot tell an empty usage from none.
            ParsedExtension::KeyUsage(found) => {
                self.key_cert_sign = (found.flags != 0).then(|| found.key_cert_sign());
            }
            ParsedExtension::ExtendedKeyUsage(found) => {
                self.usages = Some((found.any || found.server_auth, found.any || found.client_auth));
            }
            ParsedExtension::SubjectAlternativeName(found) => {
                self.has_alternative_names = true;
                found.general_names.iter().for_each(|name| self.name(name));
                // A critical one with nothing but names that Go does not know is not handled.
                return found.general_names.iter().any(|name| {
                    matches!(
                        name,
                        GeneralName::DNSName(_)
                            | GeneralName::IPAddress(_)
                            | GeneralName::RFC822Name(_)
                            | GeneralName::URI(_)
                    )
                });
            }
            ParsedExtension::NameConstraints(found) => return self.name_constraints(found),
            ParsedExtension::AuthorityInfoAccess(_)
            | ParsedExtension::AuthorityKeyIdentifier(_)
            | ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::InhibitAnyPolicy(_)
            | ParsedExtension::PolicyConstraints(_)
            | ParsedExtension::PolicyMappings(_)
            | ParsedExtension::SubjectKeyIdentifier(_) => {}
            _ => return false,
        }
        true
    }

    fn name(&mut self, name: &GeneralName<'_>) {
        match name {
            GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => self.addresses.extend(names::address(octets)),
            _ => {}
        }
    }

    fn name_constraints(&mut self, found: &NameConstraints<'_>) -> bool {
        let mut handled = true;
        for (subtrees, kept) in
            [(&found.permitted_subtrees, &mut self.permitted), (&found.excluded_subtrees, &mut self.excluded)]
        {
            for subtree in subtrees.iter().flatten() {
                match (&subtree.base, names::Constraint::of(&subtree.base)) {
                    (_, Some(constraint)) => kept.push(constraint),
                    (GeneralName::RFC822Name(_) | GeneralName::URI(_), None) => {}
                    (_, None) => handled = false,
                }
            }
        }
        handled
    }

    /// What Go asks of a certificate by its place in a chain, of which `chain` is what stands below it.
    pub(super) fn is_valid(
        &self,
        position: Position,
        chain: &[&Self],
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        if self.unhandled_critical {
            return Err(Refusal::UnhandledCriticalExtension);
        }
        let validity = self.certificate.validity();
        let (not_before, not_after) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
        if now < not_before {
            return Err(Refusal::NotYetValid { now, not_before });
        }
        if now > not_after {
            return Err(Refusal::Expired { now, not_after });
        }
        for below in chain {
            names::verify_constraints(self, below)?;
        }
        if position == Position::Intermediate && !matches!(self.constraints, Some((true, _))) {
            return Err(Refusal::NotAuthorizedToSign);
        }
        if let Some((_, Some(length))) = self.constraints
            && chain.len().saturating_sub(1) > usize::try_from(length).unwrap_or(usize::MAX)
        {
            return Err(Refusal::TooManyIntermediates);
        }
        Ok(())
    }

    /// May it sign certificates at all (`CheckSignatureFrom`)?
    pub(super) fn may_sign(&self) -> bool {
        let version_3 = self.certificate.version().0 == 2;
        let is_ca = match self.constraints {
            Some((is_ca, _)) => is_ca,
            None => !version_3,
        };
        is_ca && self.key_cert_sign != Some(false)
    }

    /// Does its extended key usage allow this side?
    pub(super) fn allows(&self, role: Role) -> bool {
        self.usages.is_none_or(|(server, client)| match role {
            Role::Client => client,
            Role::Server => server,
        })
    }

    /// What Go calls it in a hint.
    pub(super) fn name_in_hints(&self) -> String {
        let subject = self.certificate.subject();
        let text = |name: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
            name.and_then(|name| name.as_str().ok())
                .filter(|name| !name.is_empty())
                .map(crate::pki::printable)
        };
        text(subject.iter_common_name().last())
            .or_else(|| text(subject.iter_organization().next()))
            .unwrap_or_else(|| format!("serial:{}", self.certificate.tbs_certificate.serial))
    }
}
