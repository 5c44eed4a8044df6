//! What one handshake of a client saw of the server, whether it succeeds or fails, and whose verdict on it counts.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, NamedGroup, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::crypto::provider;
use crate::pki::{Certificate, Role, go_x509};

/// What was seen of the peer during one handshake, kept also when the handshake fails.
#[derive(Debug, Default)]
pub struct Witness {
    presented: OnceLock<Vec<CertificateDer<'static>>>,
    leaf: OnceLock<Option<Certificate>>,
    accepted: OnceLock<()>,
    overruled: OnceLock<CertificateError>,
    asked: OnceLock<Vec<DistinguishedName>>,
    ticket: Notify,
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

    /// Waits for a session ticket, once. A server sends it when it has judged the client certificate (RFC 8446
    /// section 4.6.1), which no other message of TLS 1.3 tells.
    pub(super) async fn ticket(&self) {
        self.ticket.notified().await;
    }
}

/// What the verdict of Go's verifier on a server counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GoVerdict {
    /// A server that it accepts is accepted, whatever ours says.
    AlsoAccepts,
    /// It alone decides.
    Decides,
    /// Nothing.
    Ignored,
}

/// Verifies a server, and keeps what was seen of it.
#[derive(Debug)]
pub(super) struct WitnessedVerifier {
    /// None if no CA is trusted.
    pub(super) verifier: Option<Arc<dyn ServerCertVerifier>>,
    pub(super) go: GoVerdict,
    /// The CAs for Go's verifier.
    pub(super) trusted: Arc<[Certificate]>,
    pub(super) witness: Arc<Witness>,
}

impl WitnessedVerifier {
    fn verifier(&self) -> Result<&dyn ServerCertVerifier, rustls::Error> {
        self.verifier.as_deref().ok_or_else(|| CertificateError::UnknownIssuer.into())
    }

    /// Go's verdict on what was presented; none if it cannot be known.
    fn by_go(&self, name: &ServerName<'_>, now: UnixTime) -> Option<Result<(), go_x509::Refusal>> {
        let anchors: Vec<_> = self.trusted.iter().map(|anchor| &anchor.der).collect();
        let now = OffsetDateTime::from_unix_timestamp(i64::try_from(now.as_secs()).ok()?).ok()?;
        let host = name.to_str().parse().ok()?;
        match go_x509::verify(self.witness.presented(), &anchors, Role::Server, Some(&host), now) {
            Err(go_x509::Refusal::Unverifiable(_)) => None,
            verdict => Some(verdict),
        }
    }

    /// The verdict that counts, of ours and Go's.
    fn decide(
        &self,
        ours: Result<ServerCertVerified, rustls::Error>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match (self.go, ours) {
            (GoVerdict::Ignored, ours) => ours.map(|_| ()),
            (GoVerdict::AlsoAccepts, Err(rustls::Error::InvalidCertificate(refusal)))
                if !is_about_revocation(&refusal) && matches!(self.by_go(name, now), Some(Ok(()))) =>
            {
                self.witness.overruled.get_or_init(|| refusal);
                Ok(())
            }
            (GoVerdict::AlsoAccepts, ours) => ours.map(|_| ()),
            // Our reason is the one that findings are made of, if we have one.
            (GoVerdict::Decides, ours) => match (self.by_go(name, now), ours) {
                (None, ours) => ours.map(|_| ()),
                (Some(Ok(())), _) => Ok(()),
                (Some(Err(_)), Err(ours)) => Err(ours),
                (Some(Err(refusal)), Ok(_)) => {
                    Err(CertificateError::Other(OtherError(Arc::new(refusal))).into())
                }
            },
        }
    }
}

/// Go looks at no revocation list, so it does not overrule those of the user.
fn is_about_revocation(refusal: &CertificateError) -> bool {
    matches!(
        refusal,
        CertificateError::Revoked
            | CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. }
    )
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
        let ours = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        self.decide(ours, server_name, now)?;
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

/// Shows our certificate, and keeps what the server asked for.
#[derive(Debug)]
pub(super) struct WitnessedResolver {
    pub(super) certified: Option<Arc<CertifiedKey>>,
    pub(super) witness: Arc<Witness>,
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

/// Keeps no session, and notes that there was a ticket for one.
#[derive(Debug)]
pub(super) struct WitnessedTickets(pub(super) Arc<Witness>);

impl ClientSessionStore for WitnessedTickets {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, _session: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, _session: Tls13ClientSessionValue) {
        self.0.ticket.notify_one();
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
