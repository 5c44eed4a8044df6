//! Files with certificates or keys in another format than PEM: the format, and the command that converts it.
//!
//! Only the first octets and the outermost structure are read. This is enough to distinguish a PKCS#12 file from a
//! certificate in DER. A wrong guess would only give a hint that does not work.

use std::fmt::{self, Display};
use std::path::Path;

use data_encoding::BASE64;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::pem::contains;
use crate::input::is_stdin;
use crate::shell::shell_path;

/// The form of a file that is not PEM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`Display` says what each is")]
pub enum Container {
    Base64Der(Der),
    Base64Pem,
    Der(Der),
    Gzip,
    Html,
    JavaKeyStore,
    JavaKeyStoreJce,
    Manifest,
    OpenPgp,
    Pkcs12 {
        /// Some of it is encrypted with RC2, which OpenSSL 3 reads with `-legacy` only.
        rc2: bool,
    },
    Pkcs7,
    Putty,
    SshPublicKey,
    Tar,
    Utf16,
    Utf16BigEndian,
    Utf16LittleEndian,
    Zip,
}

/// What stands in DER.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`Display` says what each is")]
pub enum Der {
    Certificate,
    EncryptedKey,
    Key,
    Other,
    PublicKey,
    Request,
    RevocationList,
}

/// What was looked for, which decides what a conversion takes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    Certificate,
    Key,
}

impl Container {
    /// Recognises a file by its first octets. None for what may be text.
    pub(in crate::pki) fn of(contents: &[u8]) -> Option<Self> {
        let begins = |magic: &[u8]| contents.starts_with(magic);
        let text = contents.trim_ascii_start();
        Some(if begins(b"\xfe\xed\xfe\xed") {
            Self::JavaKeyStore
        } else if begins(b"\xce\xce\xce\xce") {
            Self::JavaKeyStoreJce
        } else if begins(b"\xff\xfe") || begins(b"\xfe\xff") {
            Self::Utf16
        } else if contains(contents, b"-\0B\0E\0G\0I\0N\0") {
            // The first character has its zero behind it or before it.
            if begins(b"\0") { Self::Utf16BigEndian } else { Self::Utf16LittleEndian }
        } else if begins(b"\x1f\x8b") {
            Self::Gzip
        } else if is_open_pgp(contents) {
            Self::OpenPgp
        } else if begins(b"PK\x03\x04") {
            Self::Zip
        } else if contents.get(TAR_MAGIC..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            Self::Tar
        } else if begins(b"PuTTY-User-Key-File-") {
            Self::Putty
        } else if SSH_KINDS.iter().any(|kind| text.starts_with(kind.as_bytes())) {
            Self::SshPublicKey
        } else if text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<html")) || is_doctype(text) {
            Self::Html
        } else if text.starts_with(BASE64_OF_BEGIN) {
            Self::Base64Pem
        } else if contains(text, BASE64_OF_BEGIN) && contains(text, b"Secret") {
            Self::Manifest
        } else if let Some(binary) = Self::of_der(contents) {
            binary
        } else {
            Self::Base64Der(base64(text).and_then(|der| match Self::of_der(&der) {
                Some(Self::Der(der)) => Some(der),
                _ => None,
            })?)
        })
    }

    /// Is it a key alone, and nothing else?
    pub(in crate::pki) fn is_key(self) -> bool {
        matches!(
            self,
            Self::Putty
                | Self::Der(Der::Key | Der::EncryptedKey)
                | Self::Base64Der(Der::Key | Der::EncryptedKey)
        )
    }

    /// Is it worth the conversion for who looks for a certificate request?
    pub fn may_hold_request(self) -> bool {
        match self {
            Self::Der(der) | Self::Base64Der(der) => der == Der::Request,
            Self::Base64Pem
            | Self::Gzip
            | Self::OpenPgp
            | Self::Tar
            | Self::Utf16
            | Self::Utf16BigEndian
            | Self::Utf16LittleEndian
            | Self::Zip => true,
            _ => false,
        }
    }

    fn of_der(contents: &[u8]) -> Option<Self> {
        let mut outer = Elements(Elements(contents).take(SEQUENCE)?);
        let (first, value) = outer.next()?;
        Some(match (first, value) {
            (INTEGER, [3]) => Self::Pkcs12 { rc2: RC2.iter().any(|algorithm| contains(contents, algorithm)) },
            (INTEGER, [0 | 1]) if matches!(outer.next()?.0, SEQUENCE | INTEGER | OCTET_STRING) => {
                Self::Der(Der::Key)
            }
            (OBJECT_IDENTIFIER, oid) if oid.starts_with(PKCS7) => Self::Pkcs7,
            (SEQUENCE, inner) => Self::Der(match (Elements(inner).next()?.0, outer.next()?.0) {
                (OBJECT_IDENTIFIER, BIT_STRING) => Der::PublicKey,
                (OBJECT_IDENTIFIER, OCTET_STRING) => Der::EncryptedKey,
                (_, SEQUENCE) if X509Certificate::from_der(contents).is_ok() => Der::Certificate,
                (_, SEQUENCE) if X509CertificationRequest::from_der(contents).is_ok() => Der::Request,
                (_, SEQUENCE) if CertificateRevocationList::from_der(contents).is_ok() => Der::RevocationList,
                _ if std::str::from_utf8(contents).is_err() => Der::Other,
                _ => return None,
            }),
            // Text may begin with the digit zero, which is the tag of a sequence.
            _ if std::str::from_utf8(contents).is_err() => Self::Der(Der::Other),
            _ => return None,
        })
    }

    /// The command that takes out of the file called `path` what was looked for, or what else helps.
    pub(crate) fn hint(self, path: &Path, wanted: Wanted) -> String {
        match self {
            Self::Der(der) => der.hint(path),
            Self::Base64Der(der) => match der.command() {
                Some(command) => convert(path, "base64 -d", &format!(" | {command}"), der.wanted()),
                None => OTHERWISE.to_owned(),
            },
            Self::Base64Pem => convert(path, "base64 -d", "", wanted),
            Self::Gzip => convert(path, "gunzip -c", "", wanted),
            Self::Html => "download it again: a server sent a page in its place".to_owned(),
            Self::JavaKeyStore => key_store(path, "", wanted),
            Self::JavaKeyStoreJce => key_store(path, " -srcstoretype JCEKS", wanted),
            Self::Manifest => {
                let field = if wanted == Wanted::Key { "key" } else { "crt" };
                convert(path, &format!(r"sed -n 's/^ *tls\.{field}: *//p'"), " | base64 -d", wanted)
            }
            Self::OpenPgp => convert(path, "gpg --decrypt", "", Wanted::Key),
            Self::Pkcs12 { rc2 } => {
                let legacy = if rc2 { " -legacy" } else { "" };
                openssl(path, &format!("pkcs12{legacy}{}", pkcs12_flags(wanted)), wanted)
            }
            Self::Pkcs7 => openssl(path, "pkcs7 -inform DER -print_certs", Wanted::Certificate),
            Self::Putty => {
                let path = shell_path(path);
                format!("convert it: `puttygen {path} -O private-openssh -o {path}.pem`")
            }
            Self::SshPublicKey => {
                "TLS uses certificates in place of SSH keys: `egext certs init --dir DIR` makes both"
                    .to_owned()
            }
            Self::Tar => {
                let path = shell_path(path);
                format!("unpack it: `mkdir -p -m 700 certs && tar -xf {path} -C certs`")
            }
            Self::Utf16 => convert(path, "iconv -f UTF-16 -t UTF-8", "", wanted),
            Self::Utf16BigEndian => convert(path, "iconv -f UTF-16BE -t UTF-8", "", wanted),
            Self::Utf16LittleEndian => convert(path, "iconv -f UTF-16LE -t UTF-8", "", wanted),
            Self::Zip => format!("unpack it: `unzip {}`", shell_path(path)),
        }
    }
}

impl Der {
    fn wanted(self) -> Wanted {
        match self {
            Self::EncryptedKey | Self::Key => Wanted::Key,
            _ => Wanted::Certificate,
        }
    }

    fn command(self) -> Option<&'static str> {
        match self {
            Self::Certificate => Some("openssl x509 -inform DER"),
            // `pkey` of OpenSSL 1.1 opens no encrypted DER.
            Self::EncryptedKey => Some("openssl pkcs8 -inform DER"),
            Self::Key => Some("openssl pkey -inform DER"),
            Self::Request => Some("openssl req -inform DER"),
            Self::Other | Self::PublicKey | Self::RevocationList => None,
        }
    }

    fn hint(self, path: &Path) -> String {
        match self.command().and_then(|command| command.strip_prefix("openssl ")) {
            Some(command) => openssl(path, command, self.wanted()),
            None if self == Self::Other => {
                format!("`openssl asn1parse -inform DER -in {}` prints what it is", shell_path(path))
            }
            None => OTHERWISE.to_owned(),
        }
    }
}

impl Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64Der(der) => return write!(f, "it is {der} in Base64, without `BEGIN` and `END`"),
            Self::Base64Pem => "it is PEM that was encoded in Base64 once more",
            Self::Der(Der::Other) => "it is DER or another binary form, not PEM",
            Self::Der(der) => return write!(f, "it is {der} in DER, not PEM"),
            Self::Gzip => "it is compressed with gzip",
            Self::Html => "it is an HTML page",
            Self::JavaKeyStore => "it is a Java keystore (JKS), not PEM",
            Self::JavaKeyStoreJce => "it is a Java keystore (JCEKS), not PEM",
            Self::Manifest => "it is a Kubernetes Secret with PEM in Base64",
            Self::OpenPgp => "it is encrypted with OpenPGP",
            Self::Pkcs12 { .. } => "it is PKCS#12 (.p12, .pfx), not PEM",
            Self::Pkcs7 => "it is PKCS#7 (.p7b) in DER, not PEM",
            Self::Putty => "it is a key in the form of PuTTY",
            Self::SshPublicKey => "it is a public key of SSH",
            Self::Tar => "it is a tar archive",
            Self::Utf16 | Self::Utf16BigEndian | Self::Utf16LittleEndian => {
                "it is text in UTF-16, and PEM is ASCII"
            }
            Self::Zip => "it is a zip archive",
        })
    }
}

impl Display for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "a certificate",
            Self::EncryptedKey => "an encrypted key",
            Self::Key => "a private key",
            Self::Other => "something",
            Self::PublicKey => "a public key",
            Self::Request => "a certificate request",
            Self::RevocationList => "a revocation list",
        })
    }
}

/// How `openssl` converts a file; a key is readable for its owner only from the beginning.
pub(in crate::pki) fn openssl(path: &Path, command: &str, wanted: Wanted) -> String {
    if is_stdin(path) {
        return format!("convert it on the way: pipe it through `openssl {command}`");
    }
    let path = shell_path(path);
    protect(&format!("openssl {command} -in {path} -out {path}.pem"), wanted)
}

/// How a filter that writes to stdout does.
fn convert(path: &Path, command: &str, behind: &str, wanted: Wanted) -> String {
    if is_stdin(path) {
        return format!("convert it on the way: pipe it through `{command}{behind}`");
    }
    let path = shell_path(path);
    protect(&format!("{command} {path}{behind} > {path}.pem"), wanted)
}

pub(in crate::pki) fn protect(command: &str, wanted: Wanted) -> String {
    match wanted {
        Wanted::Certificate => format!("convert it: `{command}`"),
        Wanted::Key => format!("convert it: `(umask 077; {command})`"),
    }
}

/// A keystore becomes PKCS#12 first: keytool prints no keys.
fn key_store(path: &Path, kind: &str, wanted: Wanted) -> String {
    let path = shell_path(path);
    let command = format!(
        "keytool -importkeystore -srckeystore {path}{kind} -destkeystore {path}.p12 -deststoretype PKCS12 && \
         openssl pkcs12{} -in {path}.p12 -out {path}.pem",
        pkcs12_flags(wanted)
    );
    // The PKCS#12 file has the key, whatever is taken out of it.
    protect(&command, Wanted::Key)
}

/// `-nodes` has another name in OpenSSL 3, and LibreSSL and older releases know this one only.
fn pkcs12_flags(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Certificate => " -nokeys",
        Wanted::Key => " -nocerts -nodes",
    }
}

/// Does it begin with a session key, version 3 for a public key and 4 for a passphrase (RFC 4880 section 5)?
fn is_open_pgp(contents: &[u8]) -> bool {
    matches!(contents, [0x84, _, 3, ..] | [0x85, _, _, 3, ..] | [0x8c, _, 4, ..])
}

fn is_doctype(text: &[u8]) -> bool {
    text.get(..14).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<!doctype html"))
}

/// What Base64 without any markers stands for.
pub(in crate::pki) fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    let is_base64 = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || byte.is_ascii_whitespace()
    };
    // A certificate or key has at least so much.
    if text.len() < 64 || !text.iter().all(is_base64) {
        return None;
    }
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace()).copied();
    let digits = Zeroizing::new(digits.collect::<Vec<_>>());
    BASE64.decode(&digits).ok().map(Zeroizing::new)
}

/// Elements of BER one after the other: PKCS#7 and PKCS#12 often have lengths that are not definite, and then only
/// the first element inside matters.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x80 => (rest.len(), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    fn take(mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, contents) = self.next()?;
        (tag == wanted).then_some(contents)
    }
}

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OCTET_STRING: u8 = 4;
const OBJECT_IDENTIFIER: u8 = 6;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.7: what kinds of PKCS#7 have in common (RFC 2315 section 14).
const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];

/// 1.2.840.113549.1.12.1.5 and 6: RC2 with 128 and with 40 bits (RFC 7292 appendix C).
const RC2: [&[u8]; 2] = [
    &[6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 5],
    &[6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 6],
];

/// Of `-----BEGIN `, whatever follows.
const BASE64_OF_BEGIN: &[u8] = b"LS0tLS1CRUdJTi";

const SSH_KINDS: [&str; 5] =
    ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "sk-ssh-", "---- BEGIN SSH2 PUBLIC KEY"];

/// Where POSIX tar has its magic.
const TAR_MAGIC: usize = 257;

pub(in crate::pki) const OTHERWISE: &str =
    "name another file, or make certificates and keys: `egext certs init --dir DIR`";
