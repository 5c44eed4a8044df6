use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use time::Duration;

use super::leaf::{dns_name, name};
use super::now;

/// A CA with a key, for files that hold several. Every certificate of it is PEM, and has the same name and key.
#[derive(Debug)]
pub struct TestAuthority {
    parameters: CertificateParams,
    key: KeyPair,
}

impl TestAuthority {
    /// One that is called `common_name`, valid for five years.
    pub fn new(common_name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.not_before = now() - Duration::HOUR;
        parameters.not_after = now() + Duration::days(5 * 365);
        parameters.distinguished_name = name(common_name);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.use_authority_key_identifier_extension = true;
        Self { parameters, key: KeyPair::generate().expect("a P-256 key") }
    }

    /// The same CA, whose certificates from now on expire in `days`; they expired if that is negative.
    #[must_use]
    pub fn expiring_in(self, days: i64) -> Self {
        let mut parameters = self.parameters.clone();
        parameters.not_before = now() + Duration::days(days.min(0)) - Duration::days(30);
        parameters.not_after = now() + Duration::days(days);
        Self { parameters, ..self }
    }

    /// The same CA, of which so many more CAs may stand below it.
    #[must_use]
    pub fn with_path_length(mut self, length: u8) -> Self {
        self.parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
        self
    }

    /// The same CA with a key of another kind.
    #[must_use]
    pub fn with_rsa_key(self) -> Self {
        Self { key: KeyPair::generate_for(&PKCS_RSA_SHA256).expect("an RSA key"), ..self }
    }

    /// A root certificate.
    pub fn root(&self) -> String {
        self.parameters().self_signed(&self.key).expect("signable").pem()
    }

    /// A certificate by `issuer`.
    pub fn by(&self, issuer: &Self) -> String {
        self.parameters().signed_by(&self.key, &issuer.issuer()).expect("signable").pem()
    }

    /// A certificate by `issuer` that expired yesterday.
    pub fn expired_by(&self, issuer: &Self) -> String {
        let mut parameters = self.parameters();
        parameters.not_before = now() - Duration::days(30);
        parameters.not_after = now() - Duration::DAY;
        parameters.signed_by(&self.key, &issuer.issuer()).expect("signable").pem()
    }

    /// A certificate by `issuer` that will be valid from tomorrow on.
    pub fn early_by(&self, issuer: &Self) -> String {
        let mut parameters = self.parameters();
        parameters.not_before = now() + Duration::DAY;
        parameters.signed_by(&self.key, &issuer.issuer()).expect("signable").pem()
    }

    /// A root certificate that expired yesterday.
    pub fn expired_root(&self) -> String {
        let mut parameters = self.parameters();
        parameters.not_before = now() - Duration::days(30);
        parameters.not_after = now() - Duration::DAY;
        parameters.self_signed(&self.key).expect("signable").pem()
    }

    /// The key.
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }

    /// A certificate for a server at `localhost`, and its key.
    pub fn server(&self) -> (String, String) {
        let mut parameters = CertificateParams::default();
        parameters.not_before = now() - Duration::HOUR;
        parameters.not_after = now() + Duration::days(365);
        parameters.distinguished_name.push(DnType::CommonName, "a server");
        parameters.subject_alt_names = vec![dns_name("localhost")];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        parameters.is_ca = IsCa::ExplicitNoCa;
        let key = KeyPair::generate().expect("a P-256 key");
        let certificate = parameters.signed_by(&key, &self.issuer()).expect("signable");
        (certificate.pem(), key.serialize_pem())
    }

    /// With a serial number of its own, which would be that of the key otherwise.
    fn parameters(&self) -> CertificateParams {
        let mut parameters = self.parameters.clone();
        let number = KeyPair::generate().expect("a P-256 key").public_key_raw()[1..17].to_vec();
        parameters.serial_number = Some([&[1][..], &number].concat().into());
        parameters
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.parameters, &self.key)
    }
}
