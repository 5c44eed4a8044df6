//! Verifiers of peers: webpki with the CAs of a file; end entities in that file are trusted as themselves.
//!
//! With revocation lists, every certificate of a chain must be covered by one that is not over: [`crate::pki::Crl`].

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};

use super::tls::TlsError;
use crate::crypto::provider;
use crate::pki::{Anchors, Crl};

/// What verifies servers.
pub(super) fn of_servers(anchors: &Anchors) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let build = |store: Arc<RootCertStore>, lists: &[Crl]| -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let mut builder = WebPkiServerVerifier::builder_with_provider(store, provider());
        if !lists.is_empty() {
            builder = builder.with_crls(ders(lists)).enforce_revocation_expiration();
        }
        Ok(builder.build().map_err(TlsError::Anchors)?)
    };
    if anchors.pinned().is_empty() {
        return build(anchors.root_store(), anchors.revocation_lists());
    }
    Ok(Arc::new(Pinning::new(anchors, build)?))
}

/// What verifies clients, which all need a certificate.
pub(super) fn of_clients(anchors: &Anchors) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let build = |store: Arc<RootCertStore>, lists: &[Crl]| -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mut builder = WebPkiClientVerifier::builder_with_provider(store, provider());
        if !lists.is_empty() {
            builder = builder.with_crls(ders(lists)).enforce_revocation_expiration();
        }
        builder.build().map_err(TlsError::Anchors)
    };
    if anchors.pinned().is_empty() {
        return build(anchors.root_store(), anchors.revocation_lists());
    }
    Ok(Arc::new(Pinning::new(anchors, build)?))
}

fn ders(lists: &[Crl]) -> impl Iterator<Item = CertificateRevocationListDer<'static>> {
    lists.iter().map(|list| list.der.clone())
}

/// Verifies an end entity of the CA file below itself, and every other one below the CAs.
#[derive(Debug)]
struct Pinning<V: ?Sized> {
    /// None without a CA.
    authorities: Option<Arc<V>>,
    pinned: Vec<(CertificateDer<'static>, Arc<V>)>,
    subjects: Vec<DistinguishedName>,
}

impl<V: ?Sized> Pinning<V> {
    fn new(
        anchors: &Anchors,
        build: impl Fn(Arc<RootCertStore>, &[Crl]) -> Result<Arc<V>, TlsError>,
    ) -> Result<Self, TlsError> {
        let store = anchors.root_store();
        let mut subjects = store.subjects();
        let lists = anchors.revocation_lists();
        let authorities = if store.is_empty() { None } else { Some(build(store, lists)?) };
        let mut pinned = Vec::new();
        for certificate in anchors.pinned() {
            let mut store = RootCertStore::empty();
            store.add(certificate.clone()).map_err(TlsError::Identity)?;
            subjects.extend(store.subjects());
            // It is no CA's certificate, so no CA's list has it.
            pinned.push((certificate.clone(), build(Arc::new(store), &[])?));
        }
        Ok(Self { authorities, pinned, subjects })
    }

    fn of(&self, end_entity: &CertificateDer<'_>) -> Result<&V, Error> {
        let pinned = self.pinned.iter().find(|(certificate, _)| certificate == end_entity);
        let verifier = pinned.map(|(_, verifier)| verifier).or(self.authorities.as_ref());
        verifier.map(|verifier| &**verifier).ok_or_else(|| CertificateError::UnknownIssuer.into())
    }
}

impl ServerCertVerifier for Pinning<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.of(end_entity)?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.of(certificate)?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.of(certificate)?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Pinning<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.of(end_entity)?.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.of(certificate)?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.of(certificate)?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
