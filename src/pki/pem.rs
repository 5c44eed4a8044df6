//! PEM as it is found in files, and as we write it.
//!
//! Reading tolerates what OpenSSL tolerates: text around the blocks, CRLF, several blocks in any order, EC
//! parameters before the key, a byte order mark. Everything is bounded, because `egext` also reads files that
//! nobody meant it to read.

use rustls_pki_types::pem::{Error, PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// What a file holds that matters to us, in its order.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<Zeroizing<PrivateKeyDer<'static>>>,
}

impl Blocks {
    /// Reads all blocks of `text`.
    ///
    /// An encrypted key is no block for us; [`is_encrypted`] finds it.
    pub(super) fn read(text: &[u8]) -> Result<Self, PemError> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut blocks = Self::default();
        for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            let (kind, der) = block?;
            match kind {
                SectionKind::Certificate => blocks.certificates.push(der.into()),
                _ => blocks.keys.extend(PrivateKeyDer::from_pem(kind, der).map(Zeroizing::new)),
            }
        }
        Ok(blocks)
    }
}

/// A block cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// What stands between the markers is not Base64.
    #[error("what stands between the `BEGIN` and `END` lines is not Base64")]
    Base64,
    /// A `BEGIN` line without its dashes.
    #[error("a `BEGIN` line is malformed")]
    Begin,
    /// The end is missing, as after a copy that was cut short.
    #[error("a `BEGIN` line has no `END` line: the file was cut short")]
    End,
}

impl From<Error> for PemError {
    fn from(error: Error) -> Self {
        match error {
            Error::IllegalSectionStart { .. } => Self::Begin,
            Error::MissingSectionEnd { .. } => Self::End,
            _ => Self::Base64,
        }
    }
}

/// Is there a key that only a passphrase opens: PKCS#8 (RFC 5958) or the older form of OpenSSL?
pub(super) fn is_encrypted(text: &[u8]) -> bool {
    contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(text, b"Proc-Type: 4,ENCRYPTED")
}

/// Does `text` have these bytes somewhere?
pub(super) fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
