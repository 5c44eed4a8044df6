//! Keys that a passphrase opens: PKCS#8 (RFC 5958) with PBES2 (RFC 8018).
//!
//! They are written with AES-256-CBC and PBKDF2 with HMAC-SHA-256, which OpenSSL, Go's libraries, Java and Python read.
//! They are read with everything that OpenSSL writes: AES or 3DES, and PBKDF2 with any of the usual hashes, or scrypt.

use std::num::NonZeroU32;
use std::path::Path;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::asn1_rs::{FromDer as _, Null, Oid, ToDer};
use zeroize::Zeroizing;

use super::pbes2::{AES_256_CBC, AES_256_KEY, AES_BLOCK, Function, HMAC_SHA256, Locked, PBES2, PBKDF2};
use super::pem::{self, EncryptedKey};
use crate::crypto::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use crate::crypto::iv::FixedLength;
use crate::crypto::{pbkdf2, rand};
use crate::pki::x509::der;
use crate::pki::{IdentityError, Passphrase};

/// Encrypts a key, PKCS#8 in DER; what comes out is PEM.
pub(in crate::pki) fn encrypt(key: &[u8], passphrase: &Passphrase) -> Option<Zeroizing<String>> {
    let (mut salt, mut iv) = ([0; 16], [0; AES_BLOCK]);
    rand::fill(&mut salt).and_then(|()| rand::fill(&mut iv)).ok()?;
    let function = Function::Pbkdf2 {
        hash: pbkdf2::PBKDF2_HMAC_SHA256,
        iterations: NonZeroU32::new(ITERATIONS)?,
        salt: &salt,
    };
    let secret = UnboundCipherKey::new(&AES_256, &function.key(passphrase, AES_256_KEY).ok()?).ok()?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(secret).ok()?;
    // Room for the padding: a buffer that grows leaves copies of its contents behind.
    let mut data = Zeroizing::new(Vec::with_capacity(key.len() + AES_BLOCK));
    data.extend(key);
    cipher.less_safe_encrypt(&mut *data, EncryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    let hash = identifier(HMAC_SHA256, &written(&Null {})?)?;
    let pbkdf2 = der::sequence(&[&written(&&salt[..])?, &written(&ITERATIONS)?, &hash])?;
    let function = identifier(PBKDF2, &pbkdf2)?;
    let encryption = identifier(AES_256_CBC, &written(&&iv[..])?)?;
    let scheme = identifier(PBES2, &der::sequence(&[&function, &encryption])?)?;
    let document = der::sequence(&[&scheme, &written(&&data[..])?])?;
    Some(pem::write(pem::ENCRYPTED_KEY, &document))
}

/// AlgorithmIdentifier.
fn identifier(oid: &[u8], parameters: &[u8]) -> Option<Vec<u8>> {
    der::sequence(&[&written(&Oid::new(oid.into()))?, parameters])
}

fn written(value: &impl ToDer) -> Option<Vec<u8>> {
    value.to_der_vec().ok()
}

/// Decrypts the first key of a PEM file that is encrypted; `path` is what messages call it.
pub(in crate::pki) fn open(
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
    let plain = Locked::read(document)?.open(passphrase)?;
    // A wrong passphrase leaves noise: mostly its padding is wrong, and always what it says.
    let version = der::contents(&plain).map(u32::from_der);
    if !matches!(version, Some(Ok(_))) {
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
    /// Something other than PBKDF2 or scrypt with AES or 3DES, or more work than is usual.
    #[error("it is encrypted in a way that is not supported")]
    Unsupported,
    /// It does not fit.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
}

/// What the OWASP password storage cheat sheet asks of PBKDF2 with HMAC-SHA-256: a quarter of a second.
const ITERATIONS: u32 = 600_000;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::pki::KeyType;
    use crate::pki::keys::pbes2::SCRYPT;
    use crate::pki::keys::private_key::PrivateKey;

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
        let Function::Pbkdf2 { iterations, salt, .. } = Locked::read(&document).expect("our own").function
        else {
            panic!("PBKDF2");
        };
        assert!(iterations.get() >= 600_000, "{iterations}");
        assert_eq!(salt.len(), 16);
    }

    #[test]
    fn more_work_than_anybody_asks_for_is_not_done() {
        let key = PrivateKey::generate(KeyType::P256).expect("a key");
        let number = written(&ITERATIONS).expect("a number");
        let mut document = document(&key);
        let position = document.windows(number.len()).position(|octets| octets == number).expect("there");
        document[position + 2] = 0x7f;
        assert_eq!(decrypt(&document, &passphrase("")), Err(DecryptError::Unsupported));
    }

    proptest! {
        #[test]
        fn no_octets_panic(document in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Locked::read(&document);
        }

        #[test]
        fn no_change_panics(changes in prop::collection::vec((0_usize..250, any::<u8>()), 1..4), length in 0_usize..250, scrypt: bool) {
            let mut document = if scrypt { SCRYPT_SAMPLE.to_vec() } else { SAMPLE.to_vec() };
            for (position, octet) in changes {
                if let Some(place) = document.get_mut(position) {
                    *place = octet;
                }
            }
            document.truncate(length);
            let _ = Locked::read(&document);
        }
    }

    #[test]
    fn the_samples_are_sound() {
        for (sample, is_scrypt) in [(&*SAMPLE, false), (&*SCRYPT_SAMPLE, true)] {
            let locked = Locked::read(sample).expect("sound");
            let salt = match locked.function {
                Function::Pbkdf2 { iterations, salt, .. } => {
                    (iterations.get() == 2048 && !is_scrypt).then_some(salt)
                }
                Function::Scrypt { parameters, salt } => {
                    (parameters.n() == 16_384 && is_scrypt).then_some(salt)
                }
            };
            assert_eq!((salt, locked.data), (Some(&[7; 8][..]), &[1; 16][..]));
        }
    }

    /// A stranger's file may not take all of our memory.
    #[test]
    fn scrypt_has_limits() {
        for (numbers, expected) in [
            ([1_u32 << 30, 8, 1], DecryptError::Unsupported),
            ([2, u32::MAX, 1], DecryptError::Unsupported),
            ([16_384, 8, u32::MAX], DecryptError::Unsupported),
            ([16_383, 8, 1], DecryptError::Malformed),
            ([0, 8, 1], DecryptError::Malformed),
            ([16_384, 0, 1], DecryptError::Malformed),
        ] {
            let document = sample(&scrypt(numbers));
            assert_eq!(decrypt(&document, &passphrase("")), Err(expected), "{numbers:?}");
        }
    }

    /// PBES2 with PBKDF2, HMAC-SHA-256, 2048 iterations and AES-256-CBC, as OpenSSL writes it.
    static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let hash = identifier(HMAC_SHA256, &written(&Null {}).expect("DER")).expect("DER");
        let function = [&written(&&[7_u8; 8][..]).expect("DER"), &written(&2048_u32).expect("DER"), &hash];
        sample(&identifier(PBKDF2, &der::sequence(&function.map(Vec::as_slice)).expect("DER")).expect("DER"))
    });

    /// The same with scrypt, as OpenSSL writes it.
    static SCRYPT_SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| sample(&scrypt([16_384, 8, 1])));

    fn scrypt(numbers: [u32; 3]) -> Vec<u8> {
        let numbers = numbers.map(|number| written(&number).expect("DER")).concat();
        let parameters = der::sequence(&[&written(&&[7_u8; 8][..]).expect("DER"), &numbers]).expect("DER");
        identifier(SCRYPT, &parameters).expect("DER")
    }

    fn sample(function: &[u8]) -> Vec<u8> {
        let encryption =
            identifier(AES_256_CBC, &written(&&[9_u8; AES_BLOCK][..]).expect("DER")).expect("DER");
        let scheme = der::sequence(&[function, &encryption]).expect("DER");
        let scheme = identifier(PBES2, &scheme).expect("DER");
        der::sequence(&[&scheme, &written(&&[1_u8; 16][..]).expect("DER")]).expect("DER")
    }
}
