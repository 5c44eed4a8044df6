//! What the first half of an encrypted key says: how a passphrase becomes a key (PBKDF2 or scrypt), and what that
//! key opens (AES or 3DES, in CBC mode). RFC 8018, and RFC 7914 for scrypt.
//!
//! PBKDF2 and AES are aws-lc's. It has no scrypt to call from Rust and no 3DES, but OpenSSL 3 writes both: scrypt with
//! `-scrypt`, and 3DES with `openssl genrsa -des3`, which is how many private CAs begin. The crates `scrypt`, `des` and `cbc`
//! are here only for these two: they read one file of the user with one passphrase, and
//! never data of a peer.

use std::num::NonZeroU32;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use x509_parser::asn1_rs::{FromDer as _, Tag, oid};
use x509_parser::x509::AlgorithmIdentifier;
use zeroize::Zeroizing;

use crate::crypto::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use crate::crypto::iv::FixedLength;
use crate::crypto::pbkdf2;
use crate::pki::x509::der;
use crate::pki::{DecryptError, Passphrase};

use DecryptError::{Malformed, Unsupported, WrongPassphrase};

/// EncryptedPrivateKeyInfo, taken apart.
pub(in crate::pki) struct Locked<'a> {
    pub(in crate::pki) function: Function<'a>,
    pub(in crate::pki) cipher: Cipher,
    pub(in crate::pki) data: &'a [u8],
}

/// How a passphrase becomes a key.
pub(in crate::pki) enum Function<'a> {
    Pbkdf2 { hash: pbkdf2::Algorithm, iterations: NonZeroU32, salt: &'a [u8] },
    Scrypt { parameters: scrypt::Params, salt: &'a [u8] },
}

/// What the key opens, and what its first block is mixed with.
pub(in crate::pki) enum Cipher {
    Aes { algorithm: &'static Algorithm, key_length: usize, iv: [u8; AES_BLOCK] },
    TripleDes { iv: [u8; DES_BLOCK] },
}

impl<'a> Locked<'a> {
    pub(in crate::pki) fn read(document: &'a [u8]) -> Result<Self, DecryptError> {
        let (scheme, rest) = identifier(der::contents(document))?;
        let (_, data) = <&[u8]>::from_der(rest).map_err(|_| Malformed)?;
        if scheme.algorithm.as_bytes() != PBES2 {
            return Err(Unsupported);
        }
        let (function, rest) = identifier(parameters(&scheme, Tag::Sequence))?;
        let (encryption, _) = identifier(Some(rest))?;
        let function = Function::read(&function)?;
        Ok(Self { function, cipher: Cipher::read(&encryption)?, data })
    }

    /// What the passphrase opens: if it is a wrong one, mostly nothing, and sometimes noise.
    pub(in crate::pki) fn open(&self, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let key = self.function.key(passphrase, self.cipher.key_length())?;
        let mut data = Zeroizing::new(self.data.to_vec());
        let length = match self.cipher {
            Cipher::Aes { algorithm, iv, .. } => {
                let key = UnboundCipherKey::new(algorithm, &key).map_err(|_| Malformed)?;
                let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Malformed)?;
                let iv = DecryptionContext::Iv128(FixedLength::from(iv));
                cipher.decrypt(&mut data, iv).map_err(|_| WrongPassphrase)?.len()
            }
            Cipher::TripleDes { iv } => {
                let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &iv);
                let cipher = cipher.map_err(|_| Malformed)?;
                cipher.decrypt_padded::<Pkcs7>(&mut data).map_err(|_| WrongPassphrase)?.len()
            }
        };
        data.truncate(length);
        Ok(data)
    }
}

impl<'a> Function<'a> {
    fn read(identifier: &AlgorithmIdentifier<'a>) -> Result<Self, DecryptError> {
        let (rest, salt) = parameters(identifier, Tag::Sequence)
            .and_then(|der| <&[u8]>::from_der(der).ok())
            .ok_or(Malformed)?;
        match identifier.algorithm.as_bytes() {
            PBKDF2 => Self::read_pbkdf2(salt, rest),
            SCRYPT => Self::read_scrypt(salt, rest),
            _ => Err(Unsupported),
        }
    }

    fn read_pbkdf2(salt: &'a [u8], rest: &'a [u8]) -> Result<Self, DecryptError> {
        let (rest, iterations) = u32::from_der(rest).map_err(|_| Unsupported)?;
        let iterations = NonZeroU32::new(iterations).ok_or(Malformed)?;
        if iterations.get() > MAX_ITERATIONS {
            return Err(Unsupported);
        }
        // The length of the key, which follows from the cipher.
        let rest = u32::from_der(rest).map_or(rest, |(rest, _)| rest);
        let hash = if rest.is_empty() {
            pbkdf2::PBKDF2_HMAC_SHA1
        } else {
            let (hash, _) = identifier(Some(rest))?;
            HASHES.iter().find(|(oid, _)| *oid == hash.algorithm.as_bytes()).ok_or(Unsupported)?.1
        };
        Ok(Self::Pbkdf2 { hash, iterations, salt })
    }

    fn read_scrypt(salt: &'a [u8], rest: &'a [u8]) -> Result<Self, DecryptError> {
        let mut rest = rest;
        let mut next = || {
            let (after, number) = u32::from_der(rest).map_err(|_| Unsupported)?;
            rest = after;
            Ok(number)
        };
        let (cost, block, parallel) = (next()?, next()?, next()?);
        if u64::from(cost).saturating_mul(block.into()).saturating_mul(parallel.into()) > MAX_BLOCKS {
            return Err(Unsupported);
        }
        if !cost.is_power_of_two() {
            return Err(Malformed);
        }
        let parameters = scrypt::Params::new(cost.ilog2() as u8, block, parallel).map_err(|_| Malformed)?;
        Ok(Self::Scrypt { parameters, salt })
    }

    pub(in crate::pki) fn key(
        &self,
        passphrase: &Passphrase,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let mut key = Zeroizing::new(vec![0; length]);
        match self {
            Self::Pbkdf2 { hash, iterations, salt } => {
                pbkdf2::derive(*hash, *iterations, salt, passphrase.octets(), &mut key);
            }
            Self::Scrypt { parameters, salt } => {
                scrypt::scrypt(passphrase.octets(), salt, parameters, &mut key).map_err(|_| Malformed)?;
            }
        }
        Ok(key)
    }
}

impl Cipher {
    fn read(identifier: &AlgorithmIdentifier<'_>) -> Result<Self, DecryptError> {
        let iv = parameters(identifier, Tag::OctetString).ok_or(Malformed)?;
        let oid = identifier.algorithm.as_bytes();
        if oid == DES_EDE3_CBC {
            return Ok(Self::TripleDes { iv: iv.try_into().map_err(|_| Malformed)? });
        }
        let known = CIPHERS.iter().find(|(known, ..)| *known == oid);
        let (_, algorithm, key_length) = *known.ok_or(Unsupported)?;
        Ok(Self::Aes { algorithm, key_length, iv: iv.try_into().map_err(|_| Malformed)? })
    }

    fn key_length(&self) -> usize {
        match self {
            Self::Aes { key_length, .. } => *key_length,
            Self::TripleDes { .. } => 24,
        }
    }
}

/// The AlgorithmIdentifier that comes next, and what follows it.
fn identifier(der: Option<&[u8]>) -> Result<(AlgorithmIdentifier<'_>, &[u8]), DecryptError> {
    let (rest, identifier) = AlgorithmIdentifier::from_der(der.ok_or(Malformed)?).map_err(|_| Malformed)?;
    Ok((identifier, rest))
}

/// What is in its parameters, if they are of this kind.
fn parameters<'a>(identifier: &AlgorithmIdentifier<'a>, tag: Tag) -> Option<&'a [u8]> {
    identifier.parameters.as_ref().filter(|found| found.tag() == tag).map(|found| found.data)
}

/// A file of a stranger should not keep us busy for longer than some seconds.
const MAX_ITERATIONS: u32 = 5_000_000;

/// Nor should it take more than a quarter of a GiB: scrypt's blocks have 128 octets.
const MAX_BLOCKS: u64 = 1 << 21;

/// Octets of a block, and so of what the first one is mixed with.
pub(in crate::pki) const AES_BLOCK: usize = 16;
const DES_BLOCK: usize = 8;

pub(in crate::pki) const PBES2: &[u8] = &oid!(raw 1.2.840.113549.1.5.13);
pub(in crate::pki) const PBKDF2: &[u8] = &oid!(raw 1.2.840.113549.1.5.12);
pub(in crate::pki) const SCRYPT: &[u8] = &oid!(raw 1.3.6.1.4.1.11591.4.11);

pub(in crate::pki) const HMAC_SHA256: &[u8] = &oid!(raw 1.2.840.113549.2.9);
const HASHES: &[(&[u8], pbkdf2::Algorithm)] = &[
    (&oid!(raw 1.2.840.113549.2.7), pbkdf2::PBKDF2_HMAC_SHA1),
    (HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
    (&oid!(raw 1.2.840.113549.2.10), pbkdf2::PBKDF2_HMAC_SHA384),
    (&oid!(raw 1.2.840.113549.2.11), pbkdf2::PBKDF2_HMAC_SHA512),
];

const DES_EDE3_CBC: &[u8] = &oid!(raw 1.2.840.113549.3.7);
pub(in crate::pki) const AES_256_CBC: &[u8] = &oid!(raw 2.16.840.1.101.3.4.1.42);
/// And how many octets a key has.
const CIPHERS: &[(&[u8], &Algorithm, usize)] = &[
    (&oid!(raw 2.16.840.1.101.3.4.1.2), &AES_128, 16),
    (&oid!(raw 2.16.840.1.101.3.4.1.22), &AES_192, 24),
    (AES_256_CBC, &AES_256, AES_256_KEY),
];
pub(in crate::pki) const AES_256_KEY: usize = 32;
