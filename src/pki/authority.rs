//! Signs: a private CA, and the leafs of both sides.
//!
//! Nothing leaves this module that has not been verified as the peer will verify it. How a certificate looks
//! is [`profile`](super::profile)'s business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{
    CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::profile::{self, KeyType, NoRandomness, Validity};
use super::store::SetFile;
use super::verify::{self, Refusal};
use super::{InspectError, Role, SET_FILES, SubjectName, Summary, pem};
use crate::report::Hint;
use crate::units::Span;

/// What a set of certificates for one channel shall be like.
#[derive(Clone, Debug)]
pub struct SetPlan {
    /// What the server may be called: at least one name.
    pub server_names: Vec<SubjectName>,
    /// What the client may be called: at least one name.
    pub client_names: Vec<SubjectName>,
    /// For all three keys.
    pub key_type: KeyType,
    /// Of the leafs, from now on; never longer than the CA's.
    pub lifetime: Span,
    /// Of the CA, from now on.
    pub ca_lifetime: Span,
}

impl Default for SetPlan {
    /// P-256, a year, five years for the CA, and the names under which a server is reached on its own machine.
    fn default() -> Self {
        Self {
            server_names: local_names().to_vec(),
            client_names: vec![SubjectName::Dns(CLIENT_NAME.to_owned())],
            key_type: KeyType::default(),
            lifetime: Span::from_days(365),
            ca_lifetime: Span::from_days(5 * 365),
        }
    }
}

/// The names under which a server is reached on its own machine.
///
/// `localhost` is also what gRPC asks for on a unix socket.
pub fn local_names() -> [SubjectName; 3] {
    [
        SubjectName::Dns("localhost".to_owned()),
        SubjectName::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SubjectName::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ]
}

/// A CA and one leaf for each side.
#[derive(Debug)]
pub struct CertificateSet {
    /// Whom both sides trust.
    pub ca: Issued,
    /// For the extension server.
    pub server: Issued,
    /// For Envoy Gateway, or the bridge on its side.
    pub client: Issued,
}

impl CertificateSet {
    /// What [`Store::write`](super::store::Store::write) takes.
    pub fn files(&self) -> Vec<SetFile> {
        let [ca_certificate, ca_key, server_certificate, server_key, client_certificate, client_key] =
            SET_FILES;
        let pair = |issued: &Issued, certificate, key| {
            [
                SetFile { name: certificate, text: issued.certificate_pem(), secret: false },
                SetFile { name: key, text: issued.key_pem(), secret: true },
            ]
        };
        [
            pair(&self.ca, ca_certificate, ca_key),
            pair(&self.server, server_certificate, server_key),
            pair(&self.client, client_certificate, client_key),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Makes a CA and both leafs, all verified.
///
/// # Errors
/// When the plan cannot be carried out, or the result would be refused by a peer.
pub fn issue_set(plan: &SetPlan, now: OffsetDateTime) -> Result<CertificateSet, AuthorityError> {
    let (authority, ca) = Authority::create(plan.key_type, plan.ca_lifetime, now)?;
    let leaf = |role, names: &[SubjectName]| {
        let name = format!("egext {role}");
        authority
            .issue(&Leaf { role, name: &name, names, key_type: plan.key_type, lifetime: plan.lifetime }, now)
    };
    Ok(CertificateSet {
        ca,
        server: leaf(Role::Server, &plan.server_names)?,
        client: leaf(Role::Client, &plan.client_names)?,
    })
}

/// A certificate that was just signed, and its key.
#[derive(Debug)]
pub struct Issued {
    certificate: CertificateDer<'static>,
    key: Key,
    summary: Summary,
}

impl Issued {
    /// The certificate, DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What the certificate says.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> Zeroizing<String> {
        pem::write("CERTIFICATE", &self.certificate)
    }

    /// The key, PKCS#8 in PEM, wiped from memory when dropped.
    pub fn key_pem(&self) -> Zeroizing<String> {
        pem::write("PRIVATE KEY", self.key.serialized_der())
    }
}

/// What a leaf shall be like.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The side of the channel that it stands for.
    pub role: Role,
    /// The common name. Without dots, which OpenSSL would take for a host name.
    pub name: &'a str,
    /// What its holder may be called: at least one name.
    pub names: &'a [SubjectName],
    /// Of the new key.
    pub key_type: KeyType,
    /// From now on; never longer than the CA's.
    pub lifetime: Span,
}

/// A CA's certificate and key: signs leafs.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    profile: CertificateParams,
    key: Key,
    not_after: OffsetDateTime,
}

impl Authority {
    /// Makes a new CA.
    ///
    /// # Errors
    /// When the lifetime is none, or no key can be made.
    pub fn create(
        key_type: KeyType,
        lifetime: Span,
        now: OffsetDateTime,
    ) -> Result<(Self, Issued), AuthorityError> {
        let key = generate(key_type)?;
        let profile = profile::root(key.public_key_raw(), validity(lifetime, now)?)?;
        let certificate = CertificateDer::from(profile.self_signed(&**key)?);
        verify::own_signature(&certificate)?;
        let summary = Summary::of(&certificate)?;
        let authority = Self {
            certificate: certificate.clone(),
            not_after: summary.not_after,
            profile,
            key: Arc::clone(&key),
        };
        Ok((authority, Issued { certificate, key, summary }))
    }

    /// Makes a key, signs a leaf for it, and verifies it as a peer will.
    ///
    /// # Errors
    /// When the leaf cannot be made as asked for, or would be refused by a peer.
    pub fn issue(&self, leaf: &Leaf<'_>, now: OffsetDateTime) -> Result<Issued, AuthorityError> {
        if leaf.names.is_empty() {
            return Err(AuthorityError::NoNames { role: leaf.role });
        }
        let key = generate(leaf.key_type)?;
        let validity = validity(leaf.lifetime, now)?.until_at_most(self.not_after);
        let mut profile = profile::leaf(leaf.role, leaf.name, key.public_key_raw(), validity)?;
        profile.subject_alt_names = leaf.names.iter().map(alternative_name).collect::<Result<_, _>>()?;
        self.sign(&profile, leaf, key, now)
    }

    fn sign(
        &self,
        profile: &CertificateParams,
        leaf: &Leaf<'_>,
        key: Key,
        now: OffsetDateTime,
    ) -> Result<Issued, AuthorityError> {
        let issuer = Issuer::from_params(&self.profile, &**self.key);
        let certificate = CertificateDer::from(profile.signed_by(&**key, &issuer)?);
        let accepted = |role| {
            let anchors = std::slice::from_ref(&self.certificate);
            verify::leaf(std::slice::from_ref(&certificate), anchors, role, leaf.names, now)
        };
        accepted(leaf.role)?;
        let other_role = match leaf.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        if accepted(other_role).is_ok() {
            return Err(AuthorityError::BothRoles { role: leaf.role });
        }
        let summary = Summary::of(&certificate)?;
        Ok(Issued { certificate, key, summary })
    }
}

/// Why a certificate was not made. Everything but names and lifetimes is a fault of this program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A leaf of one side that would pass for the other side too.
    #[error("the new {role} certificate would also pass for the other side")]
    BothRoles {
        /// Its side.
        role: Role,
    },
    /// The library that writes certificates could not.
    #[error("cannot make a certificate")]
    Issue(#[from] rcgen::Error),
    /// The caller wants a certificate that is never valid.
    #[error("a lifetime of {lifetime} is too short for a certificate")]
    Lifetime {
        /// As typed.
        lifetime: Span,
    },
    /// No key could be made.
    #[error("cannot make a key")]
    Key(#[from] aws_lc_rs::error::Unspecified),
    /// The caller names nobody.
    #[error("a {role} certificate without a name is refused by every peer")]
    NoNames {
        /// Its side.
        role: Role,
    },
    /// The operating system has no random numbers.
    #[error("cannot make a serial number: the operating system gave no random numbers")]
    NoRandomness,
    /// What was made would be refused by a peer.
    #[error("the new certificate would be refused")]
    Refused(#[from] Refusal),
    /// What was made cannot be read.
    #[error("the new certificate cannot be read")]
    Unreadable(#[from] InspectError),
    /// A name of a kind that we do not write into certificates.
    #[error("`{name}` cannot be written into a certificate")]
    UnsupportedName {
        /// In words.
        name: String,
    },
}

impl Hint for AuthorityError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Lifetime { .. } => Some("name at least one second, such as `90d`".to_owned()),
            Self::NoNames { .. } => Some("name it with `--san`".to_owned()),
            Self::NoRandomness => Some("look at `dmesg` for `random`, and try again".to_owned()),
            Self::UnsupportedName { .. } => Some("use host names and IP addresses".to_owned()),
            Self::BothRoles { .. }
            | Self::Issue(_)
            | Self::Key(_)
            | Self::Refused(_)
            | Self::Unreadable(_) => None,
        }
    }
}

impl From<NoRandomness> for AuthorityError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// A key pair, wiped from memory when the last of its holders is gone.
type Key = Arc<Zeroizing<KeyPair>>;

fn generate(key_type: KeyType) -> Result<Key, AuthorityError> {
    let key = match key_type {
        KeyType::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        KeyType::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
        KeyType::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?,
        KeyType::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072)?,
        KeyType::Ed25519 => {
            // rcgen would write the second version of PKCS#8, which OpenSSL reads from 3.5 on.
            let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())?;
            KeyPair::from_pkcs8_der_and_sign_algo(
                &PrivatePkcs8KeyDer::from(document.as_ref()),
                &PKCS_ED25519,
            )?
        }
    };
    Ok(Arc::new(Zeroizing::new(key)))
}

fn validity(lifetime: Span, now: OffsetDateTime) -> Result<Validity, AuthorityError> {
    if lifetime < Span::from_seconds(1) {
        return Err(AuthorityError::Lifetime { lifetime });
    }
    Ok(Validity::starting(now, lifetime.duration()))
}

fn alternative_name(name: &SubjectName) -> Result<SanType, AuthorityError> {
    Ok(match name {
        SubjectName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        SubjectName::Email(mailbox) => SanType::Rfc822Name(mailbox.as_str().try_into()?),
        SubjectName::Ip(address) => SanType::IpAddress(*address),
        SubjectName::Uri(uri) => SanType::URI(uri.as_str().try_into()?),
        SubjectName::Other(name) => return Err(AuthorityError::UnsupportedName { name: name.clone() }),
    })
}

/// Under a top-level domain that is reserved for private use, so that it is nobody else's name.
const CLIENT_NAME: &str = "client.egext.internal";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05.678 UTC);

    #[test]
    fn every_lifetime_has_whole_seconds_and_ends_with_the_ca() {
        let plan =
            SetPlan { lifetime: Span::from_days(9), ca_lifetime: Span::from_days(3), ..SetPlan::default() };
        let set = issue_set(&plan, NOW).expect("a set");
        for issued in [&set.ca, &set.server, &set.client] {
            assert_eq!(issued.summary().not_before, datetime!(2030-01-02 02:04:05 UTC));
            assert_eq!(issued.summary().not_after, datetime!(2030-01-05 03:04:05 UTC));
        }
    }

    #[test]
    fn generations_have_names_and_numbers_of_their_own() {
        let sets = [(), ()].map(|()| issue_set(&SetPlan::default(), NOW).expect("a set"));
        let all = sets.iter().flat_map(|set| [&set.ca, &set.server, &set.client]);
        let serials = all.map(|issued| &issued.summary().serial).collect::<std::collections::HashSet<_>>();
        assert_eq!(serials.len(), 6);
        assert!(serials.iter().all(|serial| serial.len() == 32), "sixteen octets: {serials:?}");
        assert_ne!(sets[0].ca.summary().subject, sets[1].ca.summary().subject);
    }

    #[test]
    fn a_certificate_that_is_never_valid_is_not_made() {
        let plan = SetPlan { lifetime: "500ms".parse().expect("a span"), ..SetPlan::default() };
        assert!(matches!(issue_set(&plan, NOW), Err(AuthorityError::Lifetime { .. })));
    }

    #[test]
    fn a_certificate_without_names_is_not_made() {
        let plan = SetPlan { client_names: Vec::new(), ..SetPlan::default() };
        assert!(matches!(issue_set(&plan, NOW), Err(AuthorityError::NoNames { role: Role::Client })));
    }

    #[test]
    fn dates_after_2049_are_readable_too() {
        let plan = SetPlan { ca_lifetime: Span::from_days(365 * 900), ..SetPlan::default() };
        let set = issue_set(&plan, NOW).expect("a set");
        assert_eq!(set.ca.summary().not_after.year(), 2929);
    }
}
