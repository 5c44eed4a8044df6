use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::KeyPair;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ALL_VERSIONS, CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion,
};

/// What a server's TLS is made from.
#[derive(Debug)]
pub(crate) struct ServerTls {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    client: Arc<dyn ClientCertVerifier>,
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) alpn: &'static [&'static [u8]],
    /// In TLS 1.3, when the client's certificate was judged.
    pub(crate) tickets: usize,
}

impl ServerTls {
    /// TLS 1.2 and 1.3, ALPN `h2`, no client certificate.
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self {
            chain,
            key,
            client: WebPkiClientVerifier::no_client_auth(),
            versions: ALL_VERSIONS,
            alpn: &[b"h2"],
            tickets: 2,
        }
    }

    pub(crate) fn demanding_client(mut self, roots: RootCertStore) -> Self {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        self.client = builder.build().expect("there is a root");
        self
    }

    pub(crate) fn asking_client(mut self, roots: RootCertStore) -> Self {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        self.client = builder.allow_unauthenticated().build().expect("there is a root");
        self
    }

    pub(crate) fn repeat(&mut self, times: usize) {
        let again = std::iter::repeat_n(self.chain[0].clone(), times);
        self.chain.extend(again);
    }

    /// Its signature is then wrong, too, but the version is looked at first.
    pub(crate) fn make_version_1(&mut self) {
        let mut der = self.chain[0].to_vec();
        let version = der.windows(5).position(|octets| octets == [0xa0, 3, 2, 1, 2]).expect("version 3");
        der[version + 4] = 0;
        self.chain[0] = der.into();
    }

    pub(crate) fn change_key(&mut self) {
        let key = KeyPair::generate().expect("a P-256 key");
        self.key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    }

    pub(crate) fn accept_every_certificate(&mut self) {
        let (demanded, refused) = (Arc::clone(&self.client), Arc::default());
        self.client = Arc::new(OneVerdict { demanded, accepts: true, refused });
    }

    pub(crate) fn refuse_every_client(&mut self) {
        self.refuse_every_client_and_set(Arc::default());
    }

    /// Sets `refused` when it has refused one.
    pub(crate) fn refuse_every_client_and_set(&mut self, refused: Arc<AtomicBool>) {
        self.client = Arc::new(OneVerdict { demanded: Arc::clone(&self.client), accepts: false, refused });
    }

    pub(crate) fn config(&self) -> ServerConfig {
        let provider = provider();
        let key = provider.key_provider.load_private_key(self.key.clone_key()).expect("a key that works");
        // Not `with_single_cert`, which looks at the certificate and would not serve a bad one.
        let certified = CertifiedKey::new(self.chain.clone(), key);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .expect("the provider has both versions")
            .with_client_cert_verifier(Arc::clone(&self.client))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config.send_tls13_tickets = self.tickets;
        config
    }
}

#[expect(clippy::disallowed_methods, reason = "the peers of the tests are other programs")]
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Asks for the same certificates as another verifier, and accepts all or none.
#[derive(Debug)]
struct OneVerdict {
    demanded: Arc<dyn ClientCertVerifier>,
    accepts: bool,
    refused: Arc<AtomicBool>,
}

impl ClientCertVerifier for OneVerdict {
    fn client_auth_mandatory(&self) -> bool {
        self.demanded.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.demanded.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.accepts {
            return Ok(ClientCertVerified::assertion());
        }
        self.refused.store(true, Ordering::Relaxed);
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.demanded.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.demanded.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.demanded.supported_verify_schemes()
    }
}

/// A client that does not mind who the server is: only what the server thinks of it is tested.
#[derive(Debug)]
pub struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
