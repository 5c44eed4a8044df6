use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Permitted, identity};
use crate::pki::Certificate;

/// Verifies clients, and refuses those that are not permitted: in the handshake, so that the client gets an alert.
#[derive(Debug)]
pub(super) struct Permitting {
    verifier: Arc<dyn ClientCertVerifier>,
    permitted: Permitted,
}

impl Permitting {
    pub(super) fn new(verifier: Arc<dyn ClientCertVerifier>, permitted: Permitted) -> Self {
        Self { verifier, permitted }
    }
}

impl ClientCertVerifier for Permitting {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        let identity = match Certificate::of(end_entity) {
            Ok(certificate) if self.permitted.permits(&certificate) => return Ok(verified),
            Ok(certificate) => identity(&certificate),
            // What webpki has read and we cannot: its names are unknown.
            Err(error) => format!("a certificate that cannot be read: {error}"),
        };
        // rustls tells the client only what the standard has an alert for, and us no more than that.
        let _ = REFUSED.try_with(|refused| refused.replace(Some(identity)));
        // The alert `access_denied`: a valid certificate, and no access (RFC 8446 section 6.2).
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The outcome of a handshake, and who was refused in it because it is not permitted.
pub(in crate::net) async fn watched<T>(handshake: impl Future<Output = T>) -> (T, Option<String>) {
    let watched = async { (handshake.await, REFUSED.with(RefCell::take)) };
    REFUSED.scope(RefCell::default(), watched).await
}

tokio::task_local! {
    /// Whom the handshake of this task has refused. A verifier is shared by all handshakes, and rustls keeps no words of
    /// its own from it.
    static REFUSED: RefCell<Option<String>>;
}
