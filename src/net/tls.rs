//! The one place that knows TLS versions and ALPN.
//!
//! TLS 1.2 and 1.3 are spoken, as Envoy Gateway does (advancedtls v1.0.0 sets TLS 1.2 as the
//! least). Session resumption is off on both sides: a resumed session would go on with a certificate that
//! has been replaced since, or that was never judged again.

use std::sync::Arc;

use rustls::client::{Resumption, Tls12Resumption};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, InconsistentKeys, ServerConfig, SupportedProtocolVersion};

use super::permitted::Permitted;
use super::records::Records;
use super::witness::{Judge, Witness, WitnessedResolver, WitnessedTickets, WitnessedVerifier};
use super::{ReadAhead, verifier};
use crate::crypto::{provider, provider_as_go};
use crate::pki::{self, Anchors, Certificate, Identity, TrustBundles};

/// What a client trusts and what it shows.
#[derive(Clone, Debug)]
pub struct ClientTls {
    judge: Judge,
    trusted: Arc<[Certificate]>,
    certified: Option<Arc<CertifiedKey>>,
    issuers: Vec<pki::DistinguishedName>,
    /// Does it stand for a client in Go?
    as_go: bool,
}

impl ClientTls {
    /// Trusts `anchors` and shows `identity`, whatever names of authorities the server hints at: so does
    /// Envoy Gateway, and a server's refusal says more than a certificate withheld.
    ///
    /// # Errors
    /// When the anchors or the key cannot be used for TLS.
    pub fn new(anchors: &Anchors, identity: Option<&Identity>) -> Result<Self, TlsError> {
        Ok(Self {
            judge: Judge::Ours(verifier::of_servers(anchors)?),
            trusted: anchors.shared_certificates(),
            certified: identity.map(certified_key).transpose()?.map(Arc::new),
            issuers: identity.map(issuers).unwrap_or_default(),
            as_go: false,
        })
    }

    /// Accepts servers whose certificate leads to a CA of their own trust domain, whatever they are called, and shows the
    /// identity of a workload.
    ///
    /// # Errors
    /// When the key cannot be used for TLS.
    pub fn of_workload(identity: &Identity, bundles: TrustBundles) -> Result<Self, TlsError> {
        Ok(Self {
            judge: Judge::Spiffe(bundles),
            issuers: issuers(identity),
            ..Self::accepting_any_server(Some(identity))?
        })
    }

    /// Also accepts servers that Envoy Gateway accepts and we do not; the [`Witness`] then has our refusal.
    ///
    /// It is for a probe, which says what Envoy Gateway would find behind the handshake. What carries calls of others
    /// has one verifier.
    #[must_use]
    pub fn accepting_as_gateway(self) -> Self {
        let judge = match self.judge {
            Judge::Ours(verifier) => Judge::OursOrGo(verifier),
            judge => judge,
        };
        Self { judge, as_go: true, ..self }
    }

    /// Accepts the servers that a client in Go accepts, and no other: for one that takes the place of such a client. One
    /// that has another verdict on certificates keeps it.
    #[must_use]
    pub fn judging_as_go(self) -> Self {
        let judge = match self.judge {
            Judge::Ours(verifier) => Judge::Go(verifier),
            judge => judge,
        };
        Self { judge, ..self }.offering_as_go()
    }

    /// Offers the groups of key exchange that a client in Go offers, and counts session tickets as such a client does.
    #[must_use]
    pub(super) fn offering_as_go(self) -> Self {
        Self { as_go: true, ..self }
    }

    /// Offers what `other` offers.
    #[must_use]
    pub(crate) fn offering_like(self, other: &Self) -> Self {
        Self { as_go: other.as_go, ..self }
    }

    /// Accepts every certificate of a server and shows `identity`: for a check of health that was told not to verify, and
    /// for clients that tell the server nothing.
    ///
    /// # Errors
    /// When the key cannot be used for TLS.
    pub fn accepting_any_server(identity: Option<&Identity>) -> Result<Self, TlsError> {
        let certified = identity.map(certified_key).transpose()?.map(Arc::new);
        Ok(Self {
            judge: Judge::AcceptAll,
            trusted: Arc::new([]),
            certified,
            issuers: Vec::new(),
            as_go: false,
        })
    }

    /// Trusts no CA: every handshake ends as soon as the server has presented its certificate, which the
    /// [`Witness`] then has.
    pub fn trusting_no_ca() -> Self {
        Self {
            judge: Judge::RejectAll,
            trusted: Arc::new([]),
            certified: None,
            issuers: Vec::new(),
            as_go: false,
        }
    }

    /// The settings of one connection, and the witness of its handshake.
    pub(super) fn connection(&self) -> (Arc<ClientConfig>, Arc<Witness>) {
        let witness = Arc::new(Witness::new(self.as_go));
        let provider = if self.as_go { provider_as_go() } else { provider() };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(VERSIONS)
            .expect("aws-lc has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(WitnessedVerifier {
                judge: self.judge.clone(),
                trusted: Arc::clone(&self.trusted),
                witness: Arc::clone(&witness),
            }))
            .with_client_cert_resolver(Arc::new(WitnessedResolver {
                certified: self.certified.clone(),
                witness: Arc::clone(&witness),
            }));
        config.alpn_protocols = vec![H2.to_vec()];
        let tickets = Arc::new(WitnessedTickets(Arc::clone(&witness)));
        config.resumption = Resumption::store(tickets).tls12_resumption(Tls12Resumption::Disabled);
        (Arc::new(config), witness)
    }

    /// A socket from which TLS of this kind reads, and which `witness` is told about.
    pub(super) fn reading<S>(&self, stream: S, witness: &Arc<Witness>) -> ReadAhead<S> {
        match self.as_go {
            true => ReadAhead::in_records(stream, Records::new(Arc::clone(witness))),
            false => ReadAhead::new(stream),
        }
    }

    /// The certificates of the CA file.
    pub(crate) fn trusted(&self) -> &[Certificate] {
        &self.trusted
    }

    /// Who issued the certificates that are shown.
    pub(crate) fn issuers(&self) -> &[pki::DistinguishedName] {
        &self.issuers
    }
}

/// How a server speaks TLS: what it shows, and which clients it accepts.
#[derive(Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    leaf: Certificate,
    permitted: Permitted,
}

impl ServerTls {
    /// Shows `identity`, and demands a client certificate that `anchors` verify and `permitted` allows.
    ///
    /// # Errors
    /// When the anchors or the key cannot be used for TLS.
    pub fn new(anchors: &Anchors, identity: &Identity, permitted: &Permitted) -> Result<Self, TlsError> {
        let verifier = permitted.applied_to(verifier::of_clients(anchors)?);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .expect("aws-lc has suites for both versions")
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair(identity)?)));
        config.alpn_protocols = vec![H2.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), leaf: identity.leaf().clone(), permitted: permitted.clone() })
    }

    /// The settings of its connections.
    pub(crate) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Which clients it accepts, of those that it can verify.
    pub(crate) fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    /// The certificate that it shows.
    pub(crate) fn leaf(&self) -> &Certificate {
        &self.leaf
    }
}

/// Settings of a server that shows `identity` and demands a client certificate of `anchors`.
///
/// # Errors
/// When the anchors or the key cannot be used for TLS.
pub fn server_config(anchors: &Anchors, identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    ServerTls::new(anchors, identity, &Permitted::default()).map(|tls| tls.config)
}

/// Material that was read well, and that TLS cannot use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The CA certificates: none is usable as a trust anchor.
    #[error("the CA certificates cannot be used")]
    Anchors(#[source] VerifierBuilderError),
    /// The certificate or its key.
    #[error("the certificate and its key cannot be used for TLS")]
    Identity(#[source] rustls::Error),
}

fn issuers(identity: &Identity) -> Vec<pki::DistinguishedName> {
    identity.chain().iter().map(|shown| shown.issuer.clone()).collect()
}

fn certified_key(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    let key = identity.signing_key().map_err(TlsError::Identity)?;
    Ok(CertifiedKey::new(identity.ders(), key))
}

/// The same for a server, checked as `with_single_cert` of rustls checks it, which would make a copy of the key.
fn pair(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    let certified = certified_key(identity)?;
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(error) => Err(TlsError::Identity(error)),
    }
}

/// The protocol that gRPC needs, as ALPN names it (RFC 9113 section 3.2).
pub(crate) const H2: &[u8] = b"h2";

const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
