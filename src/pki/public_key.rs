//! Public keys: which certificates share one.

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::InspectError;

/// SubjectPublicKeyInfo of a certificate, DER.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, InspectError> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|error| InspectError::Malformed(error.to_string()))?;
    Ok(certificate.public_key().raw.to_vec())
}

/// Is `certificate` for this key, SubjectPublicKeyInfo?
pub(super) fn is_of(public_key: &[u8], certificate: &CertificateDer<'_>) -> bool {
    of(certificate).is_ok_and(|other| is_same(public_key, &other))
}

/// Is it one key, however it is written? A point on a curve has a short form, and the parameters of an algorithm
/// can be left out.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (Some(one), Some(other)) = (essence(one), essence(other)) else { return false };
    one == other
}

/// What two forms of one public key have in common: the modulus, or the point's first coordinate.
fn essence(public_key: &[u8]) -> Option<Vec<u8>> {
    let (_, info) = SubjectPublicKeyInfo::from_der(public_key).ok()?;
    Some(match info.parsed() {
        Ok(PublicKey::RSA(key)) => key.modulus.iter().copied().skip_while(|octet| *octet == 0).collect(),
        Ok(PublicKey::EC(point)) => match point.data() {
            [UNCOMPRESSED, coordinates @ ..] => coordinates[..coordinates.len() / 2].to_vec(),
            [_, coordinate @ ..] => coordinate.to_vec(),
            [] => return None,
        },
        _ => info.subject_public_key.data.to_vec(),
    })
}

/// How a point begins that has both coordinates (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::KeyType;
    use crate::pki::private_key::PrivateKey;

    /// RFC 5480 section 2.2: a point may stand there with one coordinate and a sign.
    #[test]
    fn the_short_form_of_a_point_is_the_same_key() {
        let [key, other] = [(), ()].map(|()| PrivateKey::generate(KeyType::P256).expect("a key"));
        let long = key.public_key();
        let (head, point) = long.split_at(long.len() - 65);
        let mut short = [head, &[2 + point[64] % 2], &point[1..33]].concat();
        // The lengths of the whole and of the BIT STRING.
        short[1] -= 32;
        let bits = head.len() - 2;
        short[bits] -= 32;
        assert!(is_same(long, &short));
        assert!(is_same(&short, long));
        assert!(!is_same(other.public_key(), &short));
        assert!(!is_same(b"no key", b"no key"));
    }
}
