//! Signs: rcgen writes what is signed, except the issuer's name.
//!
//! The issuer must be the CA's subject octet by octet, also if another program made the CA: Active Directory has
//! several domain components, others have several attributes in one set, or old string types. rcgen parses
//! a name and writes it again, and loses some of these. So its issuer is replaced by the unparsed octets of the
//! CA's subject before anything is signed: rcgen gets a key that returns no signature, and
//! what it has written is signed once, by our key. Our own CA uses the same code, and so does the subject of a certificate
//! that is renewed, because another program may have made it.

use rcgen::{CertificateParams, KeyIdMethod, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::{BitString, ToDer as _};

use super::profile::Profile;
use crate::pki::keys::private_key::PrivateKey;
use crate::pki::x509::der;

/// Who signs, in the words of their own certificate.
#[derive(Clone, Copy, Debug)]
pub(in crate::pki) struct Issuer<'a> {
    /// Name, DER.
    pub(in crate::pki) subject: &'a [u8],
    pub(in crate::pki) key_identifier: &'a [u8],
    pub(in crate::pki) key: &'a PrivateKey,
}

/// A certificate that `issuer` has signed.
pub(in crate::pki) fn signed_by(issuer: Issuer<'_>, profile: &Profile) -> Option<CertificateDer<'static>> {
    let mut parameters = CertificateParams::default();
    parameters.key_identifier_method = KeyIdMethod::PreSpecified(issuer.key_identifier.to_vec());
    let (to_be_signed, algorithm) = written(profile, &parameters, issuer.key)?;
    let to_be_signed = with_names(&to_be_signed, issuer.subject, profile.subject.as_deref())?;
    signed(&to_be_signed, &algorithm, issuer.key)
}

/// A certificate that its own key has signed: its issuer is its subject already.
pub(in crate::pki) fn self_signed(key: &PrivateKey, profile: &Profile) -> Option<CertificateDer<'static>> {
    let (to_be_signed, algorithm) = written(profile, &profile.parameters, key)?;
    signed(&to_be_signed, &algorithm, key)
}

/// TBSCertificate, and also the AlgorithmIdentifier next to it.
fn written(profile: &Profile, issuer: &CertificateParams, key: &PrivateKey) -> Option<(Vec<u8>, Vec<u8>)> {
    let issuer = rcgen::Issuer::from_params(issuer, NoSignature(key.algorithm()));
    let certificate = profile.parameters.signed_by(&profile.public_key, &issuer).ok()?;
    let (to_be_signed, rest) = der::element(der::contents(certificate.der())?)?;
    let (algorithm, _no_signature) = der::element(rest)?;
    Some((to_be_signed.to_vec(), algorithm.to_vec()))
}

/// A key that does not sign.
struct NoSignature(&'static SignatureAlgorithm);

impl PublicKeyData for NoSignature {
    /// Key identifiers would be made of it, and ours are made already.
    fn der_bytes(&self) -> &[u8] {
        &[]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0
    }
}

impl SigningKey for NoSignature {
    fn sign(&self, _to_be_signed: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// Puts another issuer into a TBSCertificate, its fourth element, and perhaps another subject, its sixth.
fn with_names(to_be_signed: &[u8], issuer: &[u8], subject: Option<&[u8]>) -> Option<Vec<u8>> {
    let (mut fields, mut rest) = (Vec::new(), der::contents(to_be_signed)?);
    for _ in 0..=SUBJECT {
        let (field, after) = der::element(rest)?;
        fields.push(field);
        rest = after;
    }
    fields[ISSUER] = issuer;
    fields[SUBJECT] = subject.unwrap_or(fields[SUBJECT]);
    fields.push(rest);
    der::sequence(&fields)
}

/// Behind version, serial number and algorithm.
const ISSUER: usize = 3;

/// Behind the dates.
const SUBJECT: usize = 5;

/// Certificate: what is signed, how, and the signature.
fn signed(to_be_signed: &[u8], algorithm: &[u8], key: &PrivateKey) -> Option<CertificateDer<'static>> {
    let signature = BitString::new(0, &key.sign(to_be_signed).ok()?).to_der_vec().ok()?;
    der::sequence(&[to_be_signed, algorithm, &signature]).map(CertificateDer::from)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::ca::profile::Validity;
    use crate::pki::{KeyType, Role};

    fn fields(certificate: &[u8]) -> Vec<&[u8]> {
        let mut rest = der::contents(der::contents(certificate).expect("DER")).expect("DER");
        let mut fields = Vec::new();
        while let Some((field, after)) = der::element(rest) {
            fields.push(field);
            rest = after;
        }
        fields
    }

    /// Lengths at which the head of an element grows, of something that is not even a name.
    #[test]
    fn the_issuer_stands_as_the_ca_has_it_and_nothing_else_changes() {
        let [ca, leaf] = [(), ()].map(|()| PrivateKey::generate(KeyType::P256).expect("a key"));
        let validity =
            Validity::starting(datetime!(2030-01-02 03:04:05 UTC), std::time::Duration::from_secs(60));
        let names = ["a.example".parse().expect("a name")];
        let profile = Profile::leaf(&[Role::Server], "egext server", &names, leaf.public_key(), validity);
        let profile = profile.expect("a profile");
        let by = |subject: &[u8]| {
            signed_by(Issuer { subject, key_identifier: &[7; 20], key: &ca }, &profile)
                .expect("a certificate")
        };
        let plain = by(&[0x30, 0]);
        for length in [0, 1, 125, 126, 127, 128, 253, 255, 256, 65_535, 65_536] {
            let subject = der::sequence(&[&vec![0xff; length]]).expect("DER");
            let certificate = by(&subject);
            let (fields, mut expected) = (fields(&certificate), fields(&plain));
            expected[3] = &subject;
            assert_eq!(fields, expected, "{length}");
        }
    }

    #[test]
    fn a_root_is_its_own_issuer() {
        let key = PrivateKey::generate(KeyType::Ed25519).expect("a key");
        let validity =
            Validity::starting(datetime!(2030-01-02 03:04:05 UTC), std::time::Duration::from_secs(60));
        let root = Profile::root(key.public_key(), &[], None, validity).expect("a profile");
        let certificate = self_signed(&key, &root).expect("a certificate");
        let fields = fields(&certificate);
        assert_eq!(fields[3], fields[5]);
        assert!(fields[3].len() > 2, "it has a name");
    }
}
