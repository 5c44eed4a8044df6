//! The one place that knows TLS versions and ALPN.
//!
//! TLS 1.2 and 1.3 are spoken, as Envoy Gateway does (advancedtls v1.0.0 sets TLS 1.2 as the
//! least). Session resumption is off on both sides: a resumed session would go on with a certificate that
//! has been replaced since, or that was never judged again.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, InconsistentKeys, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;

use super::permitted::Permitted;
use super::{unverified, verifier};
use crate::crypto::provider;
use crate::pki::{self, Anchors, Certificate, Identity, Role, go_x509};

/// What a client trusts and what it shows.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// None if no CA is trusted.
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    trusted: Arc<[Certificate]>,
    certified: Option<Arc<CertifiedKey>>,
    issuers: Vec<pki::DistinguishedName>,
    /// Does a server pass that only Envoy Gateway would accept?
    as_gateway: bool,
}

impl ClientTls {
    /// Trusts `anchors` and shows `identity`, whatever names of authorities the server hints at: so does
    /// Envoy Gateway, and a server's refusal says more than a certificate withheld.
    ///
    /// # Errors
    /// When the anchors or the key cannot be used for TLS.
    pub fn new(anchors: &Anchors, identity: Option<&Identity>) -> Result<Self, TlsError> {
        let issuers = identity.map_or(&[][..], Identity::chain).iter().map(|shown| shown.issuer.clone());
        Ok(Self {
            verifier: Some(verifier::of_servers(anchors)?),
            trusted: anchors.shared_certificates(),
            certified: identity.map(certified_key).transpose()?.map(Arc::new),
            issuers: issuers.collect(),
            as_gateway: false,
        })
    }

    /// Also accepts servers that Envoy Gateway accepts and we do not; the [`Witness`] then has our refusal.
    ///
    /// It is for a probe, which says what Envoy Gateway would find behind the handshake. What carries calls of others
    /// has one verifier.
    #[must_use]
    pub fn accepting_as_gateway(self) -> Self {
        Self { as_gateway: true, ..self }
    }

    /// Accepts every certificate of a server and shows `identity`: for a check of health that was told not to verify, and
    /// for clients that tell the server nothing.
    ///
    /// # Errors
    /// When the key cannot be used for TLS.
    pub fn accepting_any_server(identity: Option<&Identity>) -> Result<Self, TlsError> {
        let certified = identity.map(certified_key).transpose()?.map(Arc::new);
        let verifier = Some(unverified::of_servers());
        Ok(Self { verifier, trusted: Arc::new([]), certified, issuers: Vec::new(), as_gateway: false })
    }

    /// Trusts no CA: every handshake ends as soon as the server has presented its certificate, which the
    /// [`Witness`] then has.
    pub fn trusting_no_ca() -> Self {
        Self {
            verifier: None,
            trusted: Arc::new([]),
            certified: None,
            issuers: Vec::new(),
            as_gateway: false,
        }
    }

    /// The settings of one connection, and the witness of its handshake.
    pub(super) fn connection(&self) -> (Arc<ClientConfig>, Arc<Witness>) {
        let witness = Arc::new(Witness::default());
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .expect("aws-lc has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(WitnessedVerifier {
                verifier: self.verifier.clone(),
                gateway: self.as_gateway.then(|| Arc::clone(&self.trusted)),
                witness: Arc::clone(&witness),
            }))
            .with_client_cert_resolver(Arc::new(WitnessedResolver {
                certified: self.certified.clone(),
                witness: Arc::clone(&witness),
            }));
        config.alpn_protocols = vec![H2.to_vec()];
        config.resumption = Resumption::disabled();
        (Arc::new(config), witness)
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

/// What was seen of the peer during one handshake, kept also when the handshake fails.
#[derive(Debug, Default)]
pub struct Witness {
    presented: OnceLock<Vec<CertificateDer<'static>>>,
    leaf: OnceLock<Option<Certificate>>,
    accepted: OnceLock<()>,
    overruled: OnceLock<CertificateError>,
    asked: OnceLock<Vec<DistinguishedName>>,
}

impl Witness {
    /// What the server presented, leaf first; empty when the handshake did not come that far.
    pub fn presented(&self) -> &[CertificateDer<'static>] {
        self.presented.get().map_or(&[], Vec::as_slice)
    }

    /// The first of them, read when it is first asked for. None also if it cannot be read.
    pub fn leaf(&self) -> Option<&Certificate> {
        let first = self.presented().first()?;
        self.leaf.get_or_init(|| Certificate::of(first).ok()).as_ref()
    }

    /// True if its certificates were verified: a fault that comes after that is not about them.
    pub fn is_accepted(&self) -> bool {
        self.accepted.get().is_some()
    }

    /// Why we would refuse its certificates, if they were accepted because Envoy Gateway accepts them.
    pub fn overruled(&self) -> Option<&CertificateError> {
        self.overruled.get()
    }

    /// The authorities that the server named when it asked for a client certificate; `None` when it did not
    /// ask.
    pub fn asked(&self) -> Option<&[DistinguishedName]> {
        self.asked.get().map(Vec::as_slice)
    }
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

#[derive(Debug)]
struct WitnessedVerifier {
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    /// Whom Envoy Gateway would trust, if its verdict counts.
    gateway: Option<Arc<[Certificate]>>,
    witness: Arc<Witness>,
}

impl WitnessedVerifier {
    fn verifier(&self) -> Result<&dyn ServerCertVerifier, rustls::Error> {
        self.verifier.as_deref().ok_or_else(|| CertificateError::UnknownIssuer.into())
    }

    /// Is this the refusal of a chain that Envoy Gateway accepts? It looks at no revocation list, so those of the user
    /// still count.
    fn is_accepted_by_gateway(
        &self,
        refusal: &CertificateError,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let is_revocation = matches!(
            refusal,
            CertificateError::Revoked
                | CertificateError::UnknownRevocationStatus
                | CertificateError::ExpiredRevocationList
                | CertificateError::ExpiredRevocationListContext { .. }
        );
        let (Some(anchors), false) = (&self.gateway, is_revocation) else { return false };
        let anchors: Vec<_> = anchors.iter().map(|anchor| &anchor.der).collect();
        let now = i64::try_from(now.as_secs()).ok();
        let now = now.and_then(|now| OffsetDateTime::from_unix_timestamp(now).ok());
        let (Some(now), Ok(host)) = (now, name.to_str().parse()) else { return false };
        go_x509::verify(self.witness.presented(), &anchors, Role::Server, Some(&host), now).is_ok()
    }
}

impl ServerCertVerifier for WitnessedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.witness.presented.get_or_init(|| {
            std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect()
        });
        let verifier = self.verifier()?;
        match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Ok(_) => {}
            Err(rustls::Error::InvalidCertificate(refusal))
                if self.is_accepted_by_gateway(&refusal, server_name, now) =>
            {
                self.witness.overruled.get_or_init(|| refusal);
            }
            Err(refusal) => return Err(refusal),
        }
        self.witness.accepted.get_or_init(|| ());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    provider().signature_verification_algorithms
}

#[derive(Debug)]
struct WitnessedResolver {
    certified: Option<Arc<CertifiedKey>>,
    witness: Arc<Witness>,
}

impl ResolvesClientCert for WitnessedResolver {
    fn resolve(&self, hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.witness
            .asked
            .get_or_init(|| hints.iter().map(|hint| DistinguishedName::from(hint.to_vec())).collect());
        self.certified.clone()
    }

    // Also without a certificate: we want to be asked, for the witness's sake.
    fn has_certs(&self) -> bool {
        true
    }
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
