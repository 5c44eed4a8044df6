//! Public keys: their type and size, which stacks accept them, and which certificates have the same one.

use std::fmt::{self, Display};
use std::ops::Range;

use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::sha256;
use super::der;
use super::key_kind::KeyKind;
use crate::crypto::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, EcdsaVerificationAlgorithm,
    ParsedPublicKey,
};
use crate::pki::KeyType;

/// A public key, as a certificate or a request has it (SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7).
///
/// Displays its kind and size, such as `P-256` or `RSA 2048`, and its form, if that is an odd one.
#[derive(Clone, Debug)]
pub struct PublicKey {
    der: Box<[u8]>,
    kind: KeyKind,
    parameters: Option<Tag>,
    /// Where the key itself stands: the value of the BIT STRING.
    value: Range<usize>,
    rsa: Option<Rsa>,
}

/// Where the numbers of an RSA key stand (RFC 8017 appendix A.1.1).
#[derive(Clone, Debug)]
struct Rsa {
    modulus: Range<usize>,
    exponent: Range<usize>,
    bits: usize,
}

impl PublicKey {
    /// Reads a key by itself; `None` for what is not the DER encoding of one.
    pub(in crate::pki) fn from_der(der: &[u8]) -> Option<Self> {
        SubjectPublicKeyInfo::from_der(der).ok().map(|(_, info)| Self::of(&info))
    }

    pub(in crate::pki) fn of(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let place = |part: &[u8]| der::place(info.raw, part);
        let rsa = match info.parsed() {
            Ok(Parsed::RSA(key)) => {
                Some(Rsa { modulus: place(key.modulus), exponent: place(key.exponent), bits: key.key_size() })
            }
            _ => None,
        };
        Self {
            der: info.raw.into(),
            kind: KeyKind::of(&info.algorithm),
            parameters: info.algorithm.parameters.as_ref().map(Any::tag),
            value: place(&info.subject_public_key.data),
            rsa,
        }
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its algorithm or curve.
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// Is it of the kind and size that we make as `wanted`?
    pub fn is_a(&self, wanted: KeyType) -> bool {
        let (kind, bits) = match wanted {
            KeyType::P256 => (KeyKind::P256, None),
            KeyType::P384 => (KeyKind::P384, None),
            KeyType::P521 => (KeyKind::P521, None),
            KeyType::Rsa2048 => (KeyKind::Rsa, Some(2048)),
            KeyType::Rsa3072 => (KeyKind::Rsa, Some(3072)),
            KeyType::Rsa4096 => (KeyKind::Rsa, Some(4096)),
            KeyType::Ed25519 => (KeyKind::Ed25519, None),
        };
        self.kind == kind && self.rsa_bits() == bits && !self.is_compressed()
    }

    /// The length of an RSA key's modulus in bits; `None` for other kinds.
    pub fn rsa_bits(&self) -> Option<usize> {
        self.rsa.as_ref().map(|rsa| rsa.bits)
    }

    /// SHA-256 of it, in hexadecimal. Stays when a renewal keeps the key.
    pub fn fingerprint(&self) -> String {
        sha256(&self.der)
    }

    /// The key itself: the value of the BIT STRING, such as a point or the two numbers of RSA.
    pub(in crate::pki) fn value(&self) -> &[u8] {
        der::part(&self.der, &self.value)
    }

    /// What stands inside its AlgorithmIdentifier.
    pub(in crate::pki) fn algorithm(&self) -> Option<&[u8]> {
        der::contents(der::contents(&self.der)?)
    }

    /// Is it a point of a curve by one of its coordinates, and a sign for the other (SEC 1 section 2.3.3)?
    pub fn is_compressed(&self) -> bool {
        let is_point = matches!(self.kind, KeyKind::P224 | KeyKind::P256 | KeyKind::P384 | KeyKind::P521);
        is_point && matches!(self.value().first(), Some(2 | 3))
    }

    /// Why no common TLS stack takes it; `None` for a key that all take, whatever its size.
    pub fn refusal(&self) -> Option<&'static str> {
        match (&self.kind, &self.rsa) {
            (KeyKind::Rsa, Some(rsa)) => self.rsa_refusal(rsa),
            (KeyKind::Rsa, None) => Some("it is not an RSA key, though it says so"),
            _ if self.is_compressed() => Some("Go, rustls and Java do not read compressed points"),
            (KeyKind::P256, _) => self.off_curve(&ECDSA_P256_SHA256_ASN1),
            (KeyKind::P384, _) => self.off_curve(&ECDSA_P384_SHA384_ASN1),
            (KeyKind::P521, _) => self.off_curve(&ECDSA_P521_SHA512_ASN1),
            (KeyKind::P224, _) => None,
            (KeyKind::Ed25519, _) if self.value().len() != 32 || self.parameters.is_some() => {
                Some("it is not an Ed25519 key, though it says so")
            }
            (KeyKind::Ed25519, _) => None,
            (KeyKind::ExplicitCurve, _) => Some("the curve has to be named"),
            _ => Some("Go, rustls and Envoy know no certificates with such keys"),
        }
    }

    /// Why verifiers of today find a key of this kind and size too weak, if they do.
    pub fn weakness(&self) -> Option<&'static str> {
        match (&self.kind, self.rsa_bits()) {
            (KeyKind::Rsa, Some(..2048)) => {
                Some("RSA keys of less than 2048 bits can be broken, and most verifiers refuse them")
            }
            (KeyKind::Rsa, Some(8193..)) => {
                Some("RSA keys of more than 8192 bits are refused by Go and webpki")
            }
            (KeyKind::P224, _) if !self.is_compressed() => {
                Some("BoringSSL and webpki do not know the curve P-224")
            }
            _ => None,
        }
    }

    /// Is it the same key, however the two are written? A point on a curve has a short form, a curve can be written out,
    /// and the parameters of an algorithm can be left out.
    pub fn is_same(&self, other: &Self) -> bool {
        let (Some(own), Some(other)) = (self.essence(), other.essence()) else { return false };
        own == other
    }

    fn essence(&self) -> Option<Essence<'_>> {
        let is_point =
            !matches!(self.kind, KeyKind::Ed25519 | KeyKind::Other(_) | KeyKind::Rsa | KeyKind::RsaPss);
        if let Some(rsa) = &self.rsa {
            return Some(Essence::Rsa(self.number(&rsa.modulus), self.number(&rsa.exponent)));
        }
        Some(match self.value() {
            value if !is_point => Essence::Other(value),
            [UNCOMPRESSED, coordinates @ ..] => {
                let is_odd = coordinates.last()? & 1 == 1;
                Essence::Point(&coordinates[..coordinates.len() / 2], is_odd)
            }
            [form @ (2 | 3), coordinate @ ..] => Essence::Point(coordinate, form & 1 == 1),
            _ => return None,
        })
    }

    /// A positive number, without the zeros before it.
    fn number(&self, place: &Range<usize>) -> &[u8] {
        let octets = der::part(&self.der, place);
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        &octets[zeros..]
    }

    fn rsa_refusal(&self, rsa: &Rsa) -> Option<&'static str> {
        let (modulus, exponent) = (self.number(&rsa.modulus), self.number(&rsa.exponent));
        let is_small = exponent.len() < 4 || exponent.len() == 4 && exponent[0] < 0x80;
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if self.parameters != Some(Tag::Null) {
            Some("the NULL behind its algorithm is missing (RFC 3279)")
        } else if !is_small {
            Some("its public exponent is larger than 31 bits")
        } else if exponent == [1] || !is_odd(exponent) || !is_odd(modulus) {
            Some("its numbers are not those of an RSA key")
        } else {
            None
        }
    }

    fn off_curve(&self, curve: &'static EcdsaVerificationAlgorithm) -> Option<&'static str> {
        ParsedPublicKey::new(curve, self.value()).is_err().then_some("its point is not on the curve")
    }
}

impl Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rsa {
            Some(rsa) => write!(f, "{} {}", self.kind, rsa.bits),
            None if self.is_compressed() => write!(f, "{} with a compressed point", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

/// What two forms of one public key have in common.
#[derive(Debug, Eq, PartialEq)]
enum Essence<'a> {
    /// The first coordinate, and whether the second one is odd. Two curves do not have a point in common by chance.
    Point(&'a [u8], bool),
    /// Modulus and exponent.
    Rsa(&'a [u8], &'a [u8]),
    /// Of another kind: the octets.
    Other(&'a [u8]),
}

/// How a point begins that has both coordinates (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::keys::private_key::PrivateKey;

    /// RFC 5480 section 2.2: a point may stand there with one coordinate and a sign.
    #[test]
    fn the_short_form_of_a_point_is_the_same_key() {
        let [key, other] = [(), ()].map(|()| PrivateKey::generate(KeyType::P256).expect("a key"));
        let read = |der: &[u8]| PublicKey::from_der(der).expect("a key");
        let long = key.public_key();
        let (head, point) = long.split_at(long.len() - 65);
        let mut short = [head, &[2 + point[64] % 2], &point[1..33]].concat();
        // The lengths of the whole and of the BIT STRING.
        short[1] -= 32;
        let bits = head.len() - 2;
        short[bits] -= 32;
        let (long, other) = (read(long), read(other.public_key()));
        assert!(long.is_same(&read(&short)));
        assert!(read(&short).is_same(&long));
        assert!(!other.is_same(&read(&short)));
        assert_eq!(read(&short).to_string(), "P-256 with a compressed point");
        // With the other sign, it is the other point that has this coordinate.
        short[head.len()] ^= 1;
        assert!(!long.is_same(&read(&short)));
        assert!(PublicKey::from_der(b"no key").is_none());
    }
}
