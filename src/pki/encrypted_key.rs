//! Keys that a passphrase opens: PKCS#8 (RFC 5958) with PBES2 (RFC 8018).
//!
//! Written with AES-256-CBC and PBKDF2 with HMAC-SHA-256, which OpenSSL, Go's libraries, Java and Python read.
//! Read with what OpenSSL has written by default since 1.0: AES-CBC, and PBKDF2 with any of the usual hashes.
//!
//! The primitives are aws-lc's, and the few lines of DER around them ours. The crate `pkcs8` would do this too,
//! but it brings a second implementation of AES, SHA-2 and HMAC along; one cryptography is this crate's rule.
//! For the same reason there is no scrypt, which aws-lc-rs does not offer: the error says how to convert.

use std::num::NonZeroU32;
use std::path::Path;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::der::{self, Reader};
use super::pem::{self, EncryptedKey};
use super::{IdentityError, Passphrase};
use crate::crypto::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use crate::crypto::iv::FixedLength;
use crate::crypto::{pbkdf2, rand};

/// Encrypts a key, PKCS#8 in DER; what comes out is PEM.
pub(super) fn encrypt(key: &[u8], passphrase: &Passphrase) -> Option<Zeroizing<String>> {
    let (mut salt, mut iv) = ([0; 16], [0; IV]);
    rand::fill(&mut salt).and_then(|()| rand::fill(&mut iv)).ok()?;
    let derivation = Derivation {
        hash: pbkdf2::PBKDF2_HMAC_SHA256,
        iterations: NonZeroU32::new(ITERATIONS)?,
        salt: &salt,
        cipher: AES_256_OCTETS,
    };
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(derivation.key(passphrase)?).ok()?;
    // Room for the padding: a buffer that grows leaves copies of its contents behind.
    let mut data = Zeroizing::new(Vec::with_capacity(key.len() + IV));
    data.extend(key);
    cipher.less_safe_encrypt(&mut *data, EncryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    let null = der::element(NULL, &[]);
    let identifier =
        |oid: &[u32], parameters: &[u8]| der::sequence(&[&*der::object_identifier(oid), parameters]);
    let pbkdf2 = der::sequence(&[
        &*der::octet_string(&salt),
        &der::unsigned(&ITERATIONS.to_be_bytes()),
        &identifier(HMAC_SHA256, &null),
    ]);
    let pbes2 =
        der::sequence(&[identifier(PBKDF2, &pbkdf2), identifier(AES_256_CBC, &der::octet_string(&iv))]);
    let document = der::sequence(&[identifier(PBES2, &pbes2), der::octet_string(&data)]);
    Some(pem::write(pem::ENCRYPTED_KEY, &document))
}

/// Decrypts the first key of a PEM file that is encrypted; `path` is what messages call it.
pub(super) fn open(
    path: &Path,
    text: &[u8],
    passphrase: &Passphrase,
) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let decrypted = match pem::encrypted_key(text) {
        Some(EncryptedKey::Pkcs8(document)) => decrypt(&document, passphrase),
        Some(EncryptedKey::OpenSsl) => Err(DecryptError::OldForm),
        None => Err(DecryptError::Malformed),
    };
    decrypted.map_err(|source| IdentityError::Decrypt { path: path.into(), source })
}

/// Decrypts EncryptedPrivateKeyInfo.
fn decrypt(document: &[u8], passphrase: &Passphrase) -> Result<PrivateKeyDer<'static>, DecryptError> {
    let (derivation, iv, data) = parse(document)?;
    let key = derivation.key(passphrase).ok_or(DecryptError::Malformed)?;
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| DecryptError::Malformed)?;
    let mut data = Zeroizing::new(data.to_vec());
    // A wrong passphrase leaves noise: mostly its padding is wrong, and always what it says.
    let plain = cipher
        .decrypt(&mut data, DecryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(|_| DecryptError::WrongPassphrase)?;
    if Reader::new(plain).sequence().is_none_or(|mut key| key.number().is_none()) {
        return Err(DecryptError::WrongPassphrase);
    }
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(plain.to_vec())))
}

/// Why a key stayed closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The structure is broken.
    #[error("it is malformed")]
    Malformed,
    /// Not PKCS#8, but the form of OpenSSL before 1.0, whose key derivation is one round of MD5.
    #[error("it is encrypted in the old OpenSSL form")]
    OldForm,
    /// Something other than PBKDF2 and AES-CBC, or more work than anybody asks for.
    #[error("it is encrypted in a way that is not supported")]
    Unsupported,
    /// It does not fit.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
}

/// How a passphrase becomes a key.
struct Derivation<'a> {
    hash: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: &'a [u8],
    /// And how many octets its key has.
    cipher: (&'static Algorithm, usize),
}

impl Derivation<'_> {
    fn key(&self, passphrase: &Passphrase) -> Option<UnboundCipherKey> {
        let (cipher, length) = self.cipher;
        let mut key = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(self.hash, self.iterations, self.salt, passphrase.octets(), &mut key);
        UnboundCipherKey::new(cipher, &key).ok()
    }
}

fn parse(document: &[u8]) -> Result<(Derivation<'_>, [u8; IV], &[u8]), DecryptError> {
    use DecryptError::{Malformed, Unsupported};

    let mut outer = Reader::new(document).sequence().ok_or(Malformed)?;
    let mut scheme = outer.sequence().ok_or(Malformed)?;
    let data = outer.take(der::OCTET_STRING).ok_or(Malformed)?;
    if !is(scheme.take(der::OBJECT_IDENTIFIER), PBES2) {
        return Err(Unsupported);
    }
    let mut parameters = scheme.sequence().ok_or(Malformed)?;
    let mut function = parameters.sequence().ok_or(Malformed)?;
    let mut encryption = parameters.sequence().ok_or(Malformed)?;
    if !is(function.take(der::OBJECT_IDENTIFIER), PBKDF2) {
        return Err(Unsupported);
    }
    let mut function = function.sequence().ok_or(Malformed)?;
    let salt = function.take(der::OCTET_STRING).ok_or(Malformed)?;
    let iterations = function.number().and_then(NonZeroU32::new).ok_or(Unsupported)?;
    if iterations.get() > MAX_ITERATIONS {
        return Err(Unsupported);
    }
    // The length of the key, which follows from the cipher.
    let _ = function.number();
    let hash = if function.is_empty() {
        pbkdf2::PBKDF2_HMAC_SHA1
    } else {
        let oid = function.sequence().ok_or(Malformed)?.take(der::OBJECT_IDENTIFIER);
        choose(HASHES, oid).ok_or(Unsupported)?
    };
    let cipher = choose(CIPHERS, encryption.take(der::OBJECT_IDENTIFIER)).ok_or(Unsupported)?;
    let iv = encryption.take(der::OCTET_STRING).and_then(|iv| iv.try_into().ok()).ok_or(Malformed)?;
    Ok((Derivation { hash, iterations, salt, cipher }, iv, data))
}

fn is(found: Option<&[u8]>, wanted: &[u32]) -> bool {
    found.is_some_and(|found| der::element(der::OBJECT_IDENTIFIER, found) == der::object_identifier(wanted))
}

fn choose<T: Copy>(table: &[(&[u32], T)], found: Option<&[u8]>) -> Option<T> {
    table.iter().find(|(oid, _)| is(found, oid)).map(|(_, value)| *value)
}

/// What the OWASP password storage cheat sheet asks of PBKDF2 with HMAC-SHA-256: a quarter of a second.
const ITERATIONS: u32 = 600_000;

/// A file of a stranger should not keep us busy for longer than some seconds.
const MAX_ITERATIONS: u32 = 5_000_000;

/// Octets of a block of AES, and so of what its first block is mixed with.
const IV: usize = 16;

const NULL: u8 = 5;

const PBES2: &[u32] = &[1, 2, 840, 113_549, 1, 5, 13];
const PBKDF2: &[u32] = &[1, 2, 840, 113_549, 1, 5, 12];
const HMAC_SHA256: &[u32] = &[1, 2, 840, 113_549, 2, 9];
const AES_256_CBC: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 1, 42];

const HASHES: &[(&[u32], pbkdf2::Algorithm)] = &[
    (&[1, 2, 840, 113_549, 2, 7], pbkdf2::PBKDF2_HMAC_SHA1),
    (HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
    (&[1, 2, 840, 113_549, 2, 10], pbkdf2::PBKDF2_HMAC_SHA384),
    (&[1, 2, 840, 113_549, 2, 11], pbkdf2::PBKDF2_HMAC_SHA512),
];

const CIPHERS: &[(&[u32], (&Algorithm, usize))] = &[
    (&[2, 16, 840, 1, 101, 3, 4, 1, 2], (&AES_128, 16)),
    (&[2, 16, 840, 1, 101, 3, 4, 1, 22], (&AES_192, 24)),
    (AES_256_CBC, AES_256_OCTETS),
];

const AES_256_OCTETS: (&Algorithm, usize) = (&AES_256, 32);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pki::KeyType;
    use crate::pki::private_key::PrivateKey;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::from_octets(text.as_bytes())
    }

    fn document(key: &PrivateKey) -> Vec<u8> {
        let text = encrypt(key.der().secret_der(), &passphrase("open sesame")).expect("encrypted");
        match pem::encrypted_key(text.as_bytes()) {
            Some(EncryptedKey::Pkcs8(document)) => document,
            _ => panic!("a block of PKCS#8"),
        }
    }

    #[test]
    fn the_passphrase_opens_it_and_nothing_else_does() {
        for key_type in [KeyType::P256, KeyType::Ed25519] {
            let key = PrivateKey::generate(key_type).expect("a key");
            let document = document(&key);
            let opened = decrypt(&document, &passphrase("open sesame")).expect("it fits");
            assert_eq!(opened.secret_der(), key.der().secret_der());
            let refused = decrypt(&document, &passphrase("open barley")).expect_err("it does not fit");
            assert_eq!(refused, DecryptError::WrongPassphrase);
        }
    }

    /// What the OWASP password storage cheat sheet asks for: a stolen file is guessed at with many GPUs.
    #[test]
    fn a_written_key_is_costly_to_guess() {
        let key = PrivateKey::generate(KeyType::P256).expect("a key");
        let document = document(&key);
        let (derivation, ..) = parse(&document).expect("our own");
        assert!(derivation.iterations.get() >= 600_000, "{}", derivation.iterations);
        assert_eq!(derivation.salt.len(), 16);
    }

    #[test]
    fn more_work_than_anybody_asks_for_is_not_done() {
        let key = PrivateKey::generate(KeyType::P256).expect("a key");
        let number = der::unsigned(&ITERATIONS.to_be_bytes());
        let mut document = document(&key);
        let position = document.windows(number.len()).position(|octets| octets == number).expect("there");
        document[position + 2] = 0x7f;
        assert_eq!(decrypt(&document, &passphrase("")), Err(DecryptError::Unsupported));
    }

    proptest! {
        #[test]
        fn no_octets_panic(document in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&document);
        }

        #[test]
        fn no_change_panics(changes in prop::collection::vec((0_usize..250, any::<u8>()), 1..4), length in 0_usize..250) {
            let mut document = SAMPLE.to_vec();
            for (position, octet) in changes {
                if let Some(place) = document.get_mut(position) {
                    *place = octet;
                }
            }
            document.truncate(length);
            let _ = parse(&document);
        }
    }

    #[test]
    fn the_sample_is_sound() {
        let (derivation, iv, data) = parse(&SAMPLE).expect("sound");
        assert_eq!(
            (derivation.iterations.get(), derivation.salt, iv, data),
            (2048, &[7; 8][..], [9; IV], &[1; 16][..])
        );
    }

    /// PBES2 with PBKDF2, HMAC-SHA-256, 2048 iterations and AES-256-CBC, as OpenSSL writes it.
    static SAMPLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let identifier =
            |oid: &[u32], parameters: &[u8]| der::sequence(&[&*der::object_identifier(oid), parameters]);
        let function = der::sequence(&[
            der::octet_string(&[7; 8]),
            der::unsigned(&2048_u32.to_be_bytes()),
            identifier(HMAC_SHA256, &der::element(NULL, &[])),
        ]);
        let scheme = der::sequence(&[
            identifier(PBKDF2, &function),
            identifier(AES_256_CBC, &der::octet_string(&[9; IV])),
        ]);
        der::sequence(&[identifier(PBES2, &scheme), der::octet_string(&[1; 16])])
    });
}
