//! The only module that names the crypto provider, aws-lc: for TLS, and for keys, signatures and random octets.
//!
//! For TLS it is passed explicitly, never taken from the process default, so the library works the same in any process.

mod p521;

use std::sync::{Arc, OnceLock};

use aws_lc_rs::agreement;
pub(crate) use aws_lc_rs::{cipher, digest, encoding, error, iv, pbkdf2, rand, rsa, signature};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
pub(crate) use rustls::crypto::aws_lc_rs::sign::any_supported_type;

/// Versions, cipher suites, key exchanges and signatures in use.
#[expect(clippy::disallowed_methods, reason = "the one place that names it")]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(default_provider())))
}

/// The same for a client that stands for one in Go: with the one group more that every release of Go offers by itself
/// (`crypto/tls`, `defaultCurvePreferences`), as the last.
pub(crate) fn provider_as_go() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| {
        let ours = provider();
        let kx_groups = [&*ours.kx_groups, &[p521::SECP521R1]].concat();
        Arc::new(CryptoProvider { kx_groups, ..CryptoProvider::clone(&ours) })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If a new release of rustls changes what goes over the wire, this test fails.
    #[test]
    fn upstream_defaults_are_what_we_document() {
        let provider = provider();
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
        assert_eq!(groups, ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"]);
        let suites: Vec<_> =
            provider.cipher_suites.iter().map(|suite| format!("{:?}", suite.suite())).collect();
        assert_eq!(
            suites,
            [
                "TLS13_AES_256_GCM_SHA384",
                "TLS13_AES_128_GCM_SHA256",
                "TLS13_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            ]
        );
    }
}
