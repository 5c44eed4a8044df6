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
        X509Certificate::from_der(certificate).map_err(|error| InspectError::of(&error))?;
    Ok(certificate.public_key().raw.to_vec())
}

/// Is `certificate` for this key, SubjectPublicKeyInfo?
pub(super) fn is_of(public_key: &[u8], certificate: &CertificateDer<'_>) -> bool {
    of(certificate).is_ok_and(|other| is_same(public_key, &other))
}

/// Is it one key, SubjectPublicKeyInfo, however it is written? A point on a curve has a short form, a curve can be
/// written out, and the parameters of an algorithm can be left out.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (Some(one), Some(other)) = (essence(one), essence(other)) else { return false };
    one == other
}

/// What two forms of one public key have in common.
#[derive(Debug, Eq, PartialEq)]
enum Essence {
    /// The first coordinate, and whether the second one is odd. Two curves do not have a point in common by chance.
    Point(Vec<u8>, bool),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// Of another kind: the octets.
    Other(Vec<u8>),
}

fn essence(public_key: &[u8]) -> Option<Essence> {
    let number = |octets: &[u8]| octets.iter().copied().skip_while(|octet| *octet == 0).collect::<Vec<_>>();
    let (_, info) = SubjectPublicKeyInfo::from_der(public_key).ok()?;
    Some(match info.parsed() {
        Ok(PublicKey::RSA(key)) => Essence::Rsa(number(key.modulus), number(key.exponent)),
        Ok(PublicKey::EC(point)) => match point.data() {
            [UNCOMPRESSED, coordinates @ ..] => {
                let is_odd = coordinates.last()? & 1 == 1;
                Essence::Point(coordinates[..coordinates.len() / 2].to_vec(), is_odd)
            }
            [form @ (2 | 3), coordinate @ ..] => Essence::Point(coordinate.to_vec(), form & 1 == 1),
            _ => return None,
        },
        _ => Essence::Other(info.subject_public_key.data.to_vec()),
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
        // With the other sign, it is the other point that has this coordinate.
        short[head.len()] ^= 1;
        assert!(!is_same(long, &short));
        assert!(!is_same(b"no key", b"no key"));
    }
}
