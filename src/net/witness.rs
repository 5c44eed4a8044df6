//! What one handshake of a client sees of the server, whether it succeeds or fails, and how it judges that.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
use crate::pki::{Certificate, Role, TrustBundles, go_x509};

/// What was seen of the peer during one handshake, kept also when the handshake fails.
#[derive(Debug, Default)]
pub struct Witness {
    presented: OnceLock<Vec<CertificateDer<'static>>>,
    leaf: OnceLock<Option<Certificate>>,
    accepted: OnceLock<()>,
    overruled: OnceLock<CertificateError>,
    asked: OnceLock<Vec<DistinguishedName>>,
    ticket: Notify,
    /// Does anything tell it when there is data?
    counts_tickets: bool,
    /// Since there was data.
    tickets: AtomicU32,
    too_many: AtomicBool,
}

impl Witness {
    /// `counts_tickets`: it is told when there is data, so that tickets can be counted.
    pub(super) fn new(counts_tickets: bool) -> Self {
        Self { counts_tickets, ..Self::default() }
    }

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

    /// Were there more session tickets in a row than a client in Go takes? Only known if the connection stands for one.
    ///
    /// Go counts the messages behind the handshake, and begins again with each record of data.
    pub fn had_too_many_tickets(&self) -> bool {
        self.too_many.load(Ordering::Relaxed)
    }

    /// The record that was looked at last had data.
    pub(super) fn had_data(&self) {
        self.tickets.store(0, Ordering::Relaxed);
    }

    fn had_ticket(&self) {
        if self.counts_tickets && self.tickets.fetch_add(1, Ordering::Relaxed) >= MOST_TICKETS {
            self.too_many.store(true, Ordering::Relaxed);
        }
        self.ticket.notify_one();
    }

    /// Waits for a session ticket, once. A server sends it when it has judged the client certificate (RFC 8446
    /// section 4.6.1), which no other message of TLS 1.3 tells.
    pub(super) async fn ticket(&self) {
        self.ticket.notified().await;
    }
}

/// At the next one in a row, Go ends the connection (`crypto/tls`, `maxUselessRecords`).
pub(crate) const MOST_TICKETS: u32 = 16;

/// How the certificates of a server are judged.
#[derive(Clone, Debug)]
pub(super) enum Judge {
    /// They are accepted, whatever they are.
    AcceptAll,
    /// By Go's verifier. Ours says why they are rejected, if it rejects them, too.
    Go(Arc<dyn ServerCertVerifier>),
    /// By our verifier.
    Ours(Arc<dyn ServerCertVerifier>),
    /// By ours, and what Go's verifier accepts is accepted, too.
    OursOrGo(Arc<dyn ServerCertVerifier>),
    /// They are rejected: no CA is trusted.
    RejectAll,
    /// By the CAs of the trust domain that they are of.
    Spiffe(TrustBundles),
}

/// Verifies a server, and keeps what was seen of it.
#[derive(Debug)]
pub(super) struct WitnessedVerifier {
    pub(super) judge: Judge,
    /// The CAs for Go's verifier.
    pub(super) trusted: Arc<[Certificate]>,
    pub(super) witness: Arc<Witness>,
}

impl WitnessedVerifier {
    /// Go's verdict on what was presented; none if it cannot be known.
    fn by_go(&self, name: &ServerName<'_>, now: UnixTime) -> Option<Result<(), go_x509::Refusal>> {
        let anchors: Vec<_> = self.trusted.iter().map(|anchor| &anchor.der).collect();
        let host = name.to_str().parse().ok()?;
        match go_x509::verify(self.witness.presented(), &anchors, Role::Server, Some(&host), date(now)?) {
            Err(go_x509::Refusal::Unverifiable(_)) => None,
            verdict => Some(verdict),
        }
    }

    fn decide(
        &self,
        ours: impl FnOnce(&dyn ServerCertVerifier) -> Result<ServerCertVerified, rustls::Error>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match &self.judge {
            Judge::AcceptAll => Ok(()),
            Judge::RejectAll => Err(CertificateError::UnknownIssuer.into()),
            Judge::Ours(verifier) => ours(&**verifier).map(|_| ()),
            Judge::OursOrGo(verifier) => match ours(&**verifier) {
                Err(rustls::Error::InvalidCertificate(refusal))
                    if !is_about_revocation(&refusal) && matches!(self.by_go(name, now), Some(Ok(()))) =>
                {
                    self.witness.overruled.get_or_init(|| refusal);
                    Ok(())
                }
                ours => ours.map(|_| ()),
            },
            Judge::Go(verifier) => match self.by_go(name, now) {
                Some(Ok(())) => Ok(()),
                // Findings are made of our reason, if we have one.
                Some(Err(refusal)) => Err(ours(&**verifier).err().unwrap_or_else(|| other(refusal))),
                None => ours(&**verifier).map(|_| ()),
            },
            Judge::Spiffe(bundles) => {
                let now = date(now).ok_or(rustls::Error::FailedToGetCurrentTime)?;
                bundles.verify(self.witness.presented(), now).map(|_| ()).map_err(other)
            }
        }
    }
}

fn other(refusal: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(refusal))).into()
}

fn date(now: UnixTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(now.as_secs()).ok()?).ok()
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
        let ours = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
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
        self.0.had_ticket();
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
