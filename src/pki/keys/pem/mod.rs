//! PEM as it is found in files, and as we write it.
//!
//! Reading tolerates text and comments (`#`) around the blocks, CRLF, several blocks in any order, EC parameters before
//! the key, and a byte order mark, and nothing else: OpenSSL, Go and rustls each skip different blocks silently if a
//! marker is malformed. So here a malformed marker is an error with its line.

mod error;
mod write;

pub(in crate::pki) use error::AGAIN;
pub use error::PemError;
pub(in crate::pki) use write::{bundle, write};

use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// What a file holds, in its order.
#[derive(Default)]
pub(in crate::pki) struct Blocks {
    pub(in crate::pki) certificates: Vec<CertificateDer<'static>>,
    pub(in crate::pki) keys: Vec<Zeroizing<PrivateKeyDer<'static>>>,
    /// The first encrypted key.
    pub(in crate::pki) encrypted_key: Option<EncryptedKey>,
    /// The first key of any kind is encrypted.
    pub(in crate::pki) begins_encrypted: bool,
    /// Certificate requests.
    pub(in crate::pki) requests: Vec<Vec<u8>>,
    /// What the blocks are called that are none of these, each once.
    pub(in crate::pki) other_labels: Vec<String>,
    /// The line of the first key of any kind, counted from one.
    pub(in crate::pki) key_line: Option<usize>,
    /// Whether the first block is one that Go and OpenSSL overlook.
    pub(in crate::pki) has_byte_order_mark: bool,
}

impl Blocks {
    /// Reads all blocks of `text`.
    pub(in crate::pki) fn read(text: &[u8]) -> Result<Self, PemError> {
        let marked = text.strip_prefix(BYTE_ORDER_MARK);
        let mut blocks = Self { has_byte_order_mark: marked.is_some(), ..Self::default() };
        let (mut passed_over, mut other_key) = (None, None);
        for block in (Scanner { rest: Some(marked.unwrap_or(text)), line: 0 }) {
            let block = block?;
            if OTHER_CERTIFICATES.contains(&block.label) {
                blocks.add_label(block.label);
                passed_over.get_or_insert(block);
            } else {
                blocks.add(&block)?;
                if block.is_other_key() && blocks.keys.is_empty() {
                    other_key.get_or_insert(block);
                }
            }
        }
        if let Some(Block { line, label, .. }) = other_key.filter(|_| !blocks.keys.is_empty()) {
            return Err(PemError::OtherKey { line, label: label.to_owned() });
        }
        match passed_over {
            // In a file of its own it has an error that says how to convert it.
            Some(Block { line, label, .. }) if !blocks.certificates.is_empty() => {
                Err(PemError::OtherCertificate { line, label: label.to_owned() })
            }
            _ => Ok(blocks),
        }
    }

    fn add(&mut self, block: &Block<'_>) -> Result<(), PemError> {
        if block.label.ends_with("PRIVATE KEY") {
            self.key_line.get_or_insert(block.line);
        }
        if block.label == ENCRYPTED_KEY || block.is_encrypted_by_openssl() {
            self.begins_encrypted |= self.keys.is_empty();
            let key = match block.label {
                ENCRYPTED_KEY => EncryptedKey::Pkcs8(block.decode(SectionKind::Certificate)?),
                _ => EncryptedKey::OpenSsl,
            };
            self.encrypted_key.get_or_insert(key);
            return Ok(());
        }
        match block.label {
            "CERTIFICATE" => self.certificates.push(block.decode(SectionKind::Certificate)?.into()),
            // The second is what keytool, certtool and Windows write (RFC 7468 section 7).
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                self.requests.push(block.decode(SectionKind::Csr)?);
            }
            label => {
                let key = match label {
                    "PRIVATE KEY" => SectionKind::PrivateKey,
                    "RSA PRIVATE KEY" => SectionKind::RsaPrivateKey,
                    "EC PRIVATE KEY" => SectionKind::EcPrivateKey,
                    _ => {
                        self.add_label(label);
                        return Ok(());
                    }
                };
                let der = block.decode(key)?;
                self.keys.extend(PrivateKeyDer::from_pem(key, der).map(Zeroizing::new));
            }
        }
        Ok(())
    }

    fn add_label(&mut self, label: &str) {
        if !self.other_labels.iter().any(|known| known == label) {
            self.other_labels.push(label.to_owned());
        }
    }

    /// In which form the first encrypted key is.
    pub(in crate::pki) fn encryption(&self) -> Option<Encryption> {
        Some(match self.encrypted_key.as_ref()? {
            EncryptedKey::OpenSsl => Encryption::OpenSsl,
            EncryptedKey::Pkcs8(_) => Encryption::Pkcs8,
        })
    }
}

/// A key that only a passphrase opens.
pub(in crate::pki) enum EncryptedKey {
    /// In a form that is not read any further.
    OpenSsl,
    /// EncryptedPrivateKeyInfo, DER.
    Pkcs8(Vec<u8>),
}

/// How a key is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// The header `Proc-Type: 4,ENCRYPTED` of RFC 1421, which OpenSSL before 1.0 wrote, and `openssl rsa -aes256` still
    /// does with `-traditional`.
    OpenSsl,
    /// PKCS#8 (RFC 5958).
    Pkcs8,
}

impl Encryption {
    /// What a message says behind "encrypted": the usual form is not worth a word.
    pub(in crate::pki) fn words(self) -> &'static str {
        match self {
            Self::OpenSsl => " in the old OpenSSL form",
            Self::Pkcs8 => "",
        }
    }
}

/// A block whose markers are sound.
struct Block<'a> {
    label: &'a str,
    /// Of its `BEGIN`, counted from one.
    line: usize,
    body: &'a [u8],
}

impl Block<'_> {
    /// What stands between the markers; `kind` says whether that is a secret.
    fn decode(&self, kind: SectionKind) -> Result<Vec<u8>, PemError> {
        let not_base64 = || PemError::Base64 { line: self.line };
        // The decoder would do without, Go would not.
        let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let digits = self.body.iter().filter(|byte| !is_blank(**byte)).count();
        if digits % 4 != 0 || self.body.contains(&FORM_FEED) {
            return Err(not_base64());
        }
        let label = if kind == SectionKind::Certificate { "CERTIFICATE" } else { "PRIVATE KEY" };
        let [begin, end] = ["BEGIN", "END"].map(|word| format!("-----{word} {label}-----\n").into_bytes());
        let mut text = Zeroizing::new(Vec::with_capacity(begin.len() + self.body.len() + end.len()));
        text.extend(begin);
        text.extend(self.body);
        text.extend(end);
        <(SectionKind, Vec<u8>)>::from_pem_slice(&text).map(|(_, der)| der).map_err(|_| not_base64())
    }

    /// Is it a key in a form that TLS stacks do not read, such as that of OpenSSH? Go ends there, others go on.
    fn is_other_key(&self) -> bool {
        let known = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", ENCRYPTED_KEY];
        self.label.ends_with(" PRIVATE KEY")
            && !known.contains(&self.label)
            && !self.is_encrypted_by_openssl()
    }

    /// Has it the header of RFC 1421 that OpenSSL writes with `-aes256` and the like?
    fn is_encrypted_by_openssl(&self) -> bool {
        self.body.starts_with(b"Proc-Type: 4,ENCRYPTED")
    }
}

/// Finds blocks, and what is wrong with their markers.
struct Scanner<'a> {
    rest: Option<&'a [u8]>,
    /// The last one that was read, counted from one.
    line: usize,
}

impl<'a> Scanner<'a> {
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        self.line += 1;
        let end = text.iter().position(|byte| *byte == b'\n');
        self.rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    }

    /// Reads up to the next marker; none at the end of the text.
    fn next_marker(&mut self) -> Option<Result<Marker<'a>, PemError>> {
        loop {
            if let Some(marker) = Marker::in_line(self.next_line()?, self.line).transpose() {
                return Some(marker);
            }
        }
    }

    fn block(&mut self) -> Option<Result<Block<'a>, PemError>> {
        let label = match self.next_marker()? {
            Ok(Marker::Begin(label)) => label,
            Ok(Marker::End(_)) => return Some(Err(PemError::End { line: self.line })),
            Err(error) => return Some(Err(error)),
        };
        let (line, start) = (self.line, self.rest.unwrap_or_default());
        Some(match self.next_marker() {
            Some(Ok(Marker::End(end))) if end == label => {
                let left = self.rest.map_or(0, |rest| rest.len() + 1);
                let body = &start[..start.len() - left];
                let last = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                Ok(Block { label, line, body: &body[..last] })
            }
            Some(Ok(Marker::End(end))) => {
                Err(PemError::Label { line: self.line, begin: label.to_owned(), end: end.to_owned() })
            }
            Some(Ok(Marker::Begin(_))) | None => Err(PemError::Unfinished { line }),
            Some(Err(error)) => Err(error),
        })
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Result<Block<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block();
        if matches!(block, Some(Err(_))) {
            self.rest = None;
        }
        block
    }
}

/// A line of dashes, and the label in it.
enum Marker<'a> {
    Begin(&'a str),
    End(&'a str),
}

impl<'a> Marker<'a> {
    /// The marker that `line` is; an error if it has one next to something else.
    fn in_line(line: &'a [u8], number: usize) -> Result<Option<Self>, PemError> {
        // What Go passes over at the end of a line: it takes no second CR, and no form feed.
        let mut trimmed = line.strip_suffix(b"\r").unwrap_or(line);
        while let Some(rest) = trimmed.strip_suffix(b" ").or_else(|| trimmed.strip_suffix(b"\t")) {
            trimmed = rest;
        }
        // A marker in a comment is there to be passed over.
        if trimmed.trim_ascii_start().starts_with(b"#") {
            return Ok(None);
        }
        let places = [BEGIN, END].map(|mark| position(trimmed, mark));
        let Some(place) = places.iter().flatten().min() else { return Ok(None) };
        if *place > 0 {
            let blank = trimmed[..*place].trim_ascii().is_empty();
            return Err(match blank {
                true => PemError::Indented { line: number },
                false => PemError::NotAtStart {
                    line: number,
                    word: if places[0].is_some() { "BEGIN" } else { "END" },
                },
            });
        }
        // Of two blocks without a line break between them.
        if position(&trimmed[1..], BEGIN).is_some() {
            return Err(PemError::NotAtStart { line: number, word: "BEGIN" });
        }
        let begins = trimmed.starts_with(BEGIN);
        let label = &trimmed[if begins { BEGIN.len() } else { END.len() }..];
        let label = label.strip_suffix(DASHES).and_then(|label| std::str::from_utf8(label).ok());
        let plain = |label: &&str| {
            let mut bytes = label.bytes();
            label.len() <= LABEL_LIMIT
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b" #._".contains(&byte))
        };
        match label.filter(plain) {
            Some(label) if begins => Ok(Some(Self::Begin(label))),
            Some(label) => Ok(Some(Self::End(label))),
            None => Err(PemError::Marker { line: number }),
        }
    }
}

/// The first encrypted key.
pub(in crate::pki) fn encrypted_key(text: &[u8]) -> Option<EncryptedKey> {
    Blocks::read(text).ok()?.encrypted_key
}

/// Is there a key that only a passphrase opens: PKCS#8 (RFC 5958) or the older form of OpenSSL?
pub(in crate::pki) fn is_encrypted(text: &[u8]) -> bool {
    contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(text, b"Proc-Type: 4,ENCRYPTED")
}

/// Does `text` have these bytes somewhere?
pub(in crate::pki) fn contains(text: &[u8], wanted: &[u8]) -> bool {
    position(text, wanted).is_some()
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Between the markers of EncryptedPrivateKeyInfo (RFC 7468 section 11).
pub(in crate::pki) const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const FORM_FEED: u8 = 0x0c;
const DASHES: &[u8] = b"-----";

/// Longer than any label.
const LABEL_LIMIT: usize = 64;

/// Labels of certificates that OpenSSL reads, and others do not.
const OTHER_CERTIFICATES: [&str; 2] = ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_panics(text in "(-----(BEGIN|END) (CERTIFICATE|PRIVATE KEY|X)-----|[ \\nA-Za-z=-]{0,9}){0,12}") {
            let _ = Blocks::read(text.as_bytes());
        }
    }

    #[test]
    fn no_block_is_lost_in_silence() {
        let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let glued = block.trim_end().to_owned() + block;
        let key = block.replace("CERTIFICATE", "PRIVATE KEY");
        let other = block.replace("CERTIFICATE", "OPENSSH PRIVATE KEY");
        let error = |text: &str| Blocks::read(text.as_bytes()).err();
        assert_eq!(error(&format!("{key}{other}")), None, "the first key counts");
        assert_eq!(error(&other), None);
        for text in [
            block.repeat(2),
            block.replace('\n', " \t\r\n").repeat(2),
            format!("text\n{block}more\n{}", block.replace('\n', "\r\n")),
            format!("# from -----BEGIN to -----END\n{block}  #-----BEGIN CERTIFICATE-----\n{block}"),
            format!("{}{}", block.repeat(2), block.replace('\n', "\n# ").replacen("-----", "# -----", 1)),
        ] {
            assert_eq!(Blocks::read(text.as_bytes()).map(|blocks| blocks.certificates.len()), Ok(2));
        }
        for (text, expected) in [
            (glued.clone(), PemError::NotAtStart { line: 3, word: "BEGIN" }),
            (format!("x{block}"), PemError::NotAtStart { line: 1, word: "BEGIN" }),
            (block.replace("\n-----END", "-----END"), PemError::NotAtStart { line: 2, word: "END" }),
            (format!("{block}  {block}"), PemError::Indented { line: 4 }),
            (block[28..].to_owned(), PemError::End { line: 2 }),
            (block.replace("-----END CERTIFICATE-----", ""), PemError::Unfinished { line: 1 }),
            (block.replace("-----END CERTIFICATE-----\n", "") + block, PemError::Unfinished { line: 1 }),
            (block.replace("CERTIFICATE-----", "CERTIFICATE---"), PemError::Marker { line: 1 }),
            (block.replace('\n', "\r"), PemError::Marker { line: 1 }),
            (block.replace("AAAA", "AA!A"), PemError::Base64 { line: 1 }),
            (block.replace("AAAA", "AAA"), PemError::Base64 { line: 1 }),
            (block.replace("AAAA", "AA\u{c}AA"), PemError::Base64 { line: 1 }),
            (block.replace('\n', "\r\r\n"), PemError::Marker { line: 1 }),
            (block.trim_end().to_owned() + "\u{c}\n", PemError::Marker { line: 3 }),
            (
                block.replace("END CERTIFICATE", "END X509 CRL"),
                PemError::Label { line: 3, begin: "CERTIFICATE".into(), end: "X509 CRL".into() },
            ),
            (format!("{other}{key}"), PemError::OtherKey { line: 1, label: "OPENSSH PRIVATE KEY".into() }),
            (
                block.to_owned() + &block.replace("CERT", "TRUSTED CERT"),
                PemError::OtherCertificate { line: 4, label: "TRUSTED CERTIFICATE".into() },
            ),
        ] {
            assert_eq!(error(&text), Some(expected), "{text}");
        }
    }
}
