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

/// Certificates, one block after the other.
pub(super) fn bundle<'a>(
    certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> Zeroizing<String> {
    let blocks = certificates.into_iter().map(|certificate| write("CERTIFICATE", certificate));
    Zeroizing::new(blocks.fold(String::new(), |text, block| text + &block))
}

/// The first encrypted key in the form of PKCS#8, which `rustls-pki-types` has no name for.
pub(super) fn encrypted_key(text: &[u8]) -> Option<Vec<u8>> {
    let begin = format!("-----BEGIN {ENCRYPTED_KEY}-----");
    let end = format!("-----END {ENCRYPTED_KEY}-----");
    let start = position(text, begin.as_bytes())?;
    let length = position(&text[start..], end.as_bytes())? + end.len();
    // Base64 has no word with a space, so that only the markers change.
    let block = std::str::from_utf8(&text[start..start + length]).ok()?.replace(ENCRYPTED_KEY, "PRIVATE KEY");
    match <(SectionKind, Vec<u8>)>::from_pem_slice(block.as_bytes()).ok()? {
        (SectionKind::PrivateKey, document) => Some(document),
        _ => None,
    }
}

/// Is there a key that only a passphrase opens: PKCS#8 (RFC 5958) or the older form of OpenSSL?
pub(super) fn is_encrypted(text: &[u8]) -> bool {
    contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(text, b"Proc-Type: 4,ENCRYPTED")
}

/// Does `text` have these bytes somewhere?
pub(super) fn contains(text: &[u8], wanted: &[u8]) -> bool {
    position(text, wanted).is_some()
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// One block, wiped from memory when dropped: it may be a key.
pub(super) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    // Room for all of it at once: a string that grows leaves copies of its contents behind.
    let mut text = Zeroizing::new(String::with_capacity(room(label, der.len())));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    let mut column = 0;
    for octets in der.chunks(3) {
        let group =
            octets.iter().fold(0, |group, octet| group << 8 | u32::from(*octet)) << (8 * (3 - octets.len()));
        for digit in 0..4 {
            let value = group >> (18 - 6 * digit) & 0x3f;
            text.push(if digit > octets.len() { '=' } else { base64_digit(value) });
        }
        column += 4;
        if column == COLUMNS {
            text.push('\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// At least as many characters as a block has.
fn room(label: &str, octets: usize) -> usize {
    let encoded = octets.div_ceil(3) * 4;
    encoded + encoded.div_ceil(COLUMNS) + 2 * (label.len() + "-----BEGIN -----\n".len())
}

/// RFC 4648 section 4.
fn base64_digit(value: u32) -> char {
    let value = value as u8;
    char::from(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    })
}

/// Between the markers of EncryptedPrivateKeyInfo (RFC 7468 section 11).
pub(super) const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// RFC 7468 section 2.
const COLUMNS: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(der in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = write("CERTIFICATE", &der);
            prop_assert!(text.lines().all(|line| line.len() <= COLUMNS));
            prop_assert!(text.len() <= room("CERTIFICATE", der.len()));
            let blocks = Blocks::read(text.as_bytes()).expect("PEM");
            prop_assert_eq!(blocks.certificates, [CertificateDer::from(der)]);
        }
    }
}
