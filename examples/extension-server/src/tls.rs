//! Mutual TLS: who we are, and whose clients may call.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The three PEM files of a server.
#[derive(Clone, Debug)]
pub struct Files {
    /// The CA that signs the clients' certificates.
    pub ca: PathBuf,
    /// Our certificate, leaf first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Files {
    /// The names that `egext certs init` gives them.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.crt"),
            certificate: directory.join("server.crt"),
            key: directory.join("server.key"),
        }
    }

    /// TLS 1.2 and 1.3, HTTP/2 only, and no client without a certificate of the CA.
    ///
    /// # Errors
    /// When a file cannot be read, holds something else, or the key is not that of the certificate.
    #[allow(clippy::disallowed_methods, reason = "the one place that names a provider")]
    pub fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut anchors = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            // rustls would take it for a CA, and the holder of a leaf's key could sign clients.
            if !may_sign(&certificate) {
                return Err(TlsError::NotACa { path: self.ca.clone() });
            }
            anchors.add(certificate).map_err(|source| TlsError::Anchor { path: self.ca.clone(), source })?;
        }
        let clients = WebPkiClientVerifier::builder_with_provider(anchors.into(), provider.clone())
            .build()
            .map_err(TlsError::Verifier)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|source| TlsError::Pem {
            path: self.key.clone(),
            holds: "private key",
            source,
        })?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| self.identity_error(source))?
            .with_client_cert_verifier(clients)
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|source| self.identity_error(source))?;
        // Some gRPC clients hang up when the server does not choose a protocol.
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would go on with a certificate that is not judged again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn identity_error(&self, source: rustls::Error) -> TlsError {
        TlsError::Identity { certificate: self.certificate.clone(), key: self.key.clone(), source }
    }
}

/// The operator named files that make no TLS server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate of the CA file cannot be a trust anchor.
    #[error("`{path}` holds a certificate that cannot be a CA: {source}")]
    Anchor {
        /// The CA file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// Certificate and key do not go together, or are of a kind that rustls does not know.
    #[error("cannot serve with `{certificate}` and `{key}`: {source}")]
    Identity {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A certificate of the CA file is not a CA's.
    #[error("`{path}` holds a certificate that is not a CA's, or may not sign certificates")]
    NotACa {
        /// The CA file.
        path: PathBuf,
    },
    /// The file is there, but not what it should be.
    #[error("`{path}` holds no {holds} in PEM form: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        holds: &'static str,
        /// What the parser says.
        source: pem::Error,
    },
    /// The file is not there or not readable.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The CA file makes no verifier.
    #[error("clients cannot be verified: {0}")]
    Verifier(VerifierBuilderError),
}

/// Is it a CA's certificate, with keyCertSign among its usages if it has any?
fn may_sign(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let is_ca = certificate.basic_constraints().ok().flatten().is_some_and(|found| found.value.ca);
    let usage = certificate.key_usage();
    is_ca && usage.is_ok_and(|usage| usage.is_none_or(|found| found.value.key_cert_sign()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let not_pem = |source| TlsError::Pem { path: path.to_owned(), holds: "certificate", source };
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(not_pem)?;
    if certificates.is_empty() {
        return Err(not_pem(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
