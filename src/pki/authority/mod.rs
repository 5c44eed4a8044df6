//! Signs: a private CA, and the leafs of both sides.
//!
//! Nothing leaves this module that has not been verified as the peer will verify it. How a certificate looks
//! is [`profile`](super::profile)'s business. A CA that we have made and one that was brought along sign by the
//! same code.

mod error;
mod import;

pub use error::AuthorityError;
pub use import::ImportError;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::private_key::PrivateKey;
use super::profile::{KeyType, Profile, Validity};
use super::store::SetFile;
use super::verify::{self, Refusal};
use super::{
    Identity, InspectError, Passphrase, Role, SET_FILES, SubjectName, Summary, der, encrypted_key, pem,
};
use crate::report::Finding;
use crate::units::Span;
use import::{Imported, Link};

/// What a set of certificates for one channel shall be like.
#[derive(Clone, Debug)]
pub struct SetPlan {
    /// What the server may be called: at least one name.
    pub server_names: Vec<SubjectName>,
    /// What the client may be called: at least one name.
    pub client_names: Vec<SubjectName>,
    /// The common name of the server's certificate; without dots.
    pub server_name: String,
    /// The common name of the client's certificate; without dots.
    pub client_name: String,
    /// For all three keys.
    pub key_type: KeyType,
    /// Of the leafs, from now on; never longer than the CA's.
    pub lifetime: Span,
    /// Of the CA, from now on.
    pub ca_lifetime: Span,
    /// A new CA is good for these names and no others.
    pub name_constraints: bool,
    /// What becomes of a new CA's key.
    pub ca_key: CaKey,
}

/// What becomes of a new CA's key.
#[derive(Clone, Debug)]
pub enum CaKey {
    /// Nothing more can be issued.
    Discarded,
    /// Only this passphrase opens it.
    Encrypted(Passphrase),
    /// As it is.
    Plain,
}

impl Default for SetPlan {
    /// P-256, a year, five years for the CA, and the names under which a server is reached on its own machine.
    fn default() -> Self {
        Self {
            server_names: local_names().to_vec(),
            client_names: vec![SubjectName::Dns(CLIENT_NAME.to_owned())],
            server_name: common_name(Role::Server),
            client_name: common_name(Role::Client),
            key_type: KeyType::default(),
            lifetime: Span::from_days(365),
            ca_lifetime: Span::from_days(5 * 365),
            name_constraints: false,
            ca_key: CaKey::Plain,
        }
    }
}

/// The common name of a side that was given no other.
pub fn common_name(role: Role) -> String {
    format!("egext {role}")
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
    /// Whom both sides trust. Without a key when that was discarded, or is somebody else's.
    pub ca: Issued,
    /// For the extension server.
    pub server: Issued,
    /// For Envoy Gateway, or the bridge on its side.
    pub client: Issued,
}

impl CertificateSet {
    /// What [`Store::write`](super::store::Store::write) takes.
    pub fn files(&self) -> Vec<SetFile<'static>> {
        let [ca_certificate, ca_key, server_certificate, server_key, client_certificate, client_key] =
            SET_FILES;
        let mut files = Vec::new();
        for (issued, certificate, key) in [
            (&self.ca, ca_certificate, ca_key),
            (&self.server, server_certificate, server_key),
            (&self.client, client_certificate, client_key),
        ] {
            files.push(SetFile { name: certificate, text: issued.certificate_pem(), secret: false });
            files.extend(issued.key_pem().map(|text| SetFile { name: key, text, secret: true }));
        }
        files
    }
}

/// Makes a CA and both leafs, all verified.
///
/// # Errors
/// When the plan cannot be carried out, or the result would be refused by a peer.
pub fn issue_set(plan: &SetPlan, now: OffsetDateTime) -> Result<CertificateSet, AuthorityError> {
    let names = plan.server_names.iter().chain(&plan.client_names).cloned().collect::<Vec<_>>();
    let constraints = plan.name_constraints.then_some(names.as_slice());
    let trust_domain = trust_domain(&names).into_iter().collect::<Vec<_>>();
    let (authority, ca) =
        Authority::create_for(plan.key_type, plan.ca_lifetime, &trust_domain, constraints, now)?;
    let key = match &plan.ca_key {
        CaKey::Discarded => None,
        CaKey::Encrypted(passphrase) => Some(
            encrypted_key::encrypt(authority.key.der().secret_der(), passphrase)
                .ok_or(AuthorityError::NoRandomness)?,
        ),
        CaKey::Plain => Some(authority.key.pem()),
    };
    issue_leafs(&authority, Issued { key, ..ca }, plan, now)
}

/// Makes both leafs by an existing CA. What the plan says about the CA does not matter then.
///
/// # Errors
/// As [`issue_set`].
pub fn issue_set_by(
    authority: &Authority,
    plan: &SetPlan,
    now: OffsetDateTime,
) -> Result<CertificateSet, AuthorityError> {
    let anchor = authority.anchor().clone();
    let ca = Issued { summary: Summary::of(&anchor)?, chain: vec![anchor], key: None };
    issue_leafs(authority, ca, plan, now)
}

fn issue_leafs(
    authority: &Authority,
    ca: Issued,
    plan: &SetPlan,
    now: OffsetDateTime,
) -> Result<CertificateSet, AuthorityError> {
    let leaf = |role, name: &str, names: &[SubjectName]| {
        let key = LeafKey::New(plan.key_type);
        authority.issue(&Leaf { role, name, names, key, lifetime: plan.lifetime }, now)
    };
    Ok(CertificateSet {
        ca,
        server: leaf(Role::Server, &plan.server_name, &plan.server_names)?,
        client: leaf(Role::Client, &plan.client_name, &plan.client_names)?,
    })
}

/// The id of the one trust domain that all SPIFFE ids among `names` belong to: that of the CA.
pub(super) fn trust_domain(names: &[SubjectName]) -> Option<SubjectName> {
    let domain = |name: &SubjectName| match name {
        SubjectName::Uri(uri) => {
            uri.strip_prefix("spiffe://")?.split('/').next().map(|domain| format!("spiffe://{domain}"))
        }
        _ => None,
    };
    let mut domains = names.iter().filter_map(domain);
    let first = domains.next()?;
    domains.all(|other| other == first).then_some(SubjectName::Uri(first))
}

/// A certificate that was just signed, with what a peer needs to verify it, and its key.
#[derive(Debug)]
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    /// PEM.
    key: Option<Zeroizing<String>>,
    summary: Summary,
}

impl Issued {
    /// The certificate, DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// The certificate and the intermediates above it, without the root.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// What the certificate says.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The chain, PEM: what belongs into the certificate file.
    pub fn certificate_pem(&self) -> Zeroizing<String> {
        let blocks = self.chain.iter().map(|certificate| pem::write("CERTIFICATE", certificate));
        Zeroizing::new(blocks.map(|block| block.as_str().to_owned()).collect())
    }

    /// The key, PEM, if it is ours to keep.
    pub fn key_pem(&self) -> Option<Zeroizing<String>> {
        self.key.clone()
    }
}

/// What a leaf shall be like.
///
/// A SPIFFE id among the names makes it an X509-SVID, which passes for both sides.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// The side of the channel that it stands for.
    pub role: Role,
    /// The common name. Without dots, which OpenSSL would take for a host name.
    pub name: &'a str,
    /// What its holder may be called: at least one name.
    pub names: &'a [SubjectName],
    /// Whose certificate it is.
    pub key: LeafKey<'a>,
    /// From now on; never longer than the CA's.
    pub lifetime: Span,
}

/// Whose certificate a leaf is.
#[derive(Clone, Copy, Debug)]
pub enum LeafKey<'a> {
    /// Of the key that a certificate has already.
    Kept(&'a Identity),
    /// Of a key to be made.
    New(KeyType),
    /// Of somebody else, who has the private key: SubjectPublicKeyInfo, DER, as in a request for a certificate.
    Theirs(&'a [u8]),
}

/// A CA's certificate and key: signs leafs.
#[derive(Debug)]
pub struct Authority {
    /// From the CA up to its root.
    path: Vec<CertificateDer<'static>>,
    summary: Summary,
    /// Name, DER.
    subject: Vec<u8>,
    key_identifier: Vec<u8>,
    key: PrivateKey,
    /// While all of the path lives.
    validity: Validity,
    /// What all of the path may be used for.
    roles: Vec<Role>,
    findings: Vec<Finding>,
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
        Self::create_for(key_type, lifetime, &[], None, now)
    }

    /// Loads any CA that can be used: ours or somebody else's.
    ///
    /// `certificate` also holds the CAs above it, up to the root; which of its certificates is the CA, the key
    /// tells. The key may be PKCS#8, PKCS#1 or SEC1, and encrypted when `passphrase` names a file that has the
    /// passphrase on its first line (`-` for stdin).
    ///
    /// # Errors
    /// When the files cannot be read or do not belong together, or what they hold may not sign leafs now.
    pub fn load(
        certificate: &Path,
        key: &Path,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Self, AuthorityError> {
        Self::of(import::load(certificate, key, passphrase, now)?)
    }

    /// Makes a leaf, and verifies it as a peer will.
    ///
    /// # Errors
    /// When the leaf cannot be made as asked for, or would be refused by a peer.
    pub fn issue(&self, leaf: &Leaf<'_>, now: OffsetDateTime) -> Result<Issued, AuthorityError> {
        let Leaf { role, names, .. } = *leaf;
        if names.is_empty() {
            return Err(AuthorityError::NoNames { role });
        }
        let uris = names.iter().filter(|name| matches!(name, SubjectName::Uri(_))).count();
        if names.iter().any(SubjectName::is_spiffe) && uris > 1 {
            return Err(AuthorityError::SpiffeUris);
        }
        if !self.roles.contains(&role) {
            return Err(AuthorityError::ExcludesRole { role });
        }
        let new = match leaf.key {
            LeafKey::New(key_type) => Some(PrivateKey::generate(key_type)?),
            LeafKey::Kept(identity) => Some(PrivateKey::new(identity.key()).ok_or(AuthorityError::Sign)?),
            LeafKey::Theirs(_) => None,
        };
        let public_key = match (leaf.key, &new) {
            (LeafKey::Theirs(public_key), _) => public_key,
            (_, Some(key)) => key.public_key(),
            (_, None) => return Err(AuthorityError::PublicKey),
        };
        let validity = validity(leaf.lifetime, now)?.within(self.validity);
        let profile = Profile::leaf(role, leaf.name, names, public_key, &self.key_identifier, validity)?;
        let chain = self.sign(&profile, leaf, now)?;
        let summary = Summary::of(&chain[0])?;
        Ok(Issued { chain, key: new.map(|key| key.pem()), summary })
    }

    /// The CA itself: who has signed.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whom peers have to trust: the root.
    pub fn anchor(&self) -> &CertificateDer<'static> {
        &self.path[self.path.len() - 1]
    }

    /// What leafs carry along: the CA and those above it, without the root.
    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.path[..self.path.len() - 1]
    }

    /// No leaf lives longer than this.
    pub fn not_after(&self) -> OffsetDateTime {
        self.validity.not_after
    }

    /// What can be said against the CA, though it can be used.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The same for a SPIFFE trust domain, or good for certain names only.
    pub(super) fn create_for(
        key_type: KeyType,
        lifetime: Span,
        names: &[SubjectName],
        constraints: Option<&[SubjectName]>,
        now: OffsetDateTime,
    ) -> Result<(Self, Issued), AuthorityError> {
        let key = PrivateKey::generate(key_type)?;
        let profile = Profile::root(key.public_key(), names, constraints, validity(lifetime, now)?)?;
        let certificate = signed(&profile, profile.subject(), &key)?;
        verify::own_signature(&certificate)?;
        let pem = key.pem();
        let path = vec![Link::of(&certificate)?];
        let authority = Self::of(Imported { key, path, findings: Vec::new() })?;
        let summary = authority.summary.clone();
        Ok((authority, Issued { chain: vec![certificate], key: Some(pem), summary }))
    }

    fn of(imported: Imported) -> Result<Self, AuthorityError> {
        let Imported { key, path, findings } = imported;
        let first = path.first().ok_or(AuthorityError::Sign)?;
        let summaries = || path.iter().map(|link| &link.summary);
        let may = |role: &Role| {
            summaries().all(|summary| match role {
                Role::Client => summary.client_auth,
                Role::Server => summary.server_auth,
            })
        };
        let (own, mut validity) = (&first.summary, Validity::of(&first.summary));
        for summary in summaries() {
            validity = validity.within(Validity::of(summary));
        }
        Ok(Self {
            summary: own.clone(),
            subject: first.subject.clone(),
            key_identifier: first.authority_key_identifier()?,
            validity,
            roles: [Role::Client, Role::Server].into_iter().filter(may).collect(),
            path: path.iter().map(|link| link.certificate.clone()).collect(),
            key,
            findings,
        })
    }

    /// The chain, proven in process to pass with those who trust the root, for what it is meant to.
    fn sign(
        &self,
        profile: &Profile,
        leaf: &Leaf<'_>,
        now: OffsetDateTime,
    ) -> Result<Vec<CertificateDer<'static>>, AuthorityError> {
        let mut chain = vec![signed(profile, &self.subject, &self.key)?];
        chain.extend_from_slice(self.intermediates());
        let accepted = |role| {
            let anchors = std::slice::from_ref(self.anchor());
            verify::leaf(&chain, anchors, role, leaf.names, now)
        };
        accepted(leaf.role)?;
        let other_role = match leaf.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        if leaf.names.iter().any(SubjectName::is_spiffe) {
            accepted(other_role)?;
        } else if accepted(other_role).is_ok() {
            return Err(AuthorityError::BothRoles { role: leaf.role });
        }
        Ok(chain)
    }
}

/// Certificate: what is signed, how, and the signature.
fn signed(
    profile: &Profile,
    issuer: &[u8],
    key: &PrivateKey,
) -> Result<CertificateDer<'static>, AuthorityError> {
    let algorithm = key.algorithm().ok_or(AuthorityError::Sign)?;
    let to_be_signed = profile.to_be_signed(issuer, &algorithm);
    let signature = der::bit_string(&key.sign(&to_be_signed).ok_or(AuthorityError::Sign)?);
    Ok(der::sequence(&[to_be_signed, algorithm, signature]).into())
}

fn validity(lifetime: Span, now: OffsetDateTime) -> Result<Validity, AuthorityError> {
    if lifetime < Span::from_seconds(1) {
        return Err(AuthorityError::Lifetime { lifetime });
    }
    Ok(Validity::starting(now, lifetime.duration()))
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
