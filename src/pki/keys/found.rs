//! What a file has in place of what was expected.

use std::fmt::{self, Display};
use std::path::Path;

use zeroize::Zeroizing;

use super::container::{Container, OTHERWISE, Wanted, base64, openssl, protect};
use super::pem::{Blocks, contains};
use crate::input::is_stdin;
use crate::report::in_backticks;
use crate::shell::shell_path;

/// What a file holds instead of what was looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Found {
    /// A certificate, where a key was looked for.
    Certificate,
    /// Another form than PEM.
    Container(Container),
    /// Not one octet.
    Empty,
    /// A key, where a certificate was looked for.
    Key,
    /// PEM blocks, none of them a certificate or a key.
    OtherBlocks {
        /// What their markers say.
        labels: Vec<String>,
    },
    /// An Ed25519 key in the form of OpenSSH, which no tool at hand converts.
    SshEd25519,
    /// No PEM at all.
    Text,
    /// OpenSSL's own certificate form.
    TrustedCertificate,
}

impl Found {
    /// Looks again at a file, for the words of an error.
    pub(in crate::pki) fn of(text: &[u8], blocks: &Blocks) -> Self {
        let mut labels = blocks.other_labels.clone();
        if !blocks.requests.is_empty() {
            labels.push(REQUEST.to_owned());
        }
        if !blocks.keys.is_empty() || blocks.encrypted_key.is_some() {
            Self::Key
        } else if !blocks.certificates.is_empty() {
            Self::Certificate
        } else if text.is_empty() {
            Self::Empty
        } else if labels.iter().any(|label| label == TRUSTED) {
            Self::TrustedCertificate
        } else if labels.iter().any(|label| label == OPENSSH) && is_ed25519_of_ssh(text) {
            Self::SshEd25519
        } else if !labels.is_empty() {
            Self::OtherBlocks { labels }
        } else {
            Container::of(text).map_or(Self::Text, Self::Container)
        }
    }

    /// Nothing that could be converted into what was looked for?
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Empty | Self::Text)
    }

    /// Is it a key, in whatever form?
    pub fn is_key(&self) -> bool {
        match self {
            Self::Container(container) => container.is_key(),
            Self::Key | Self::SshEd25519 => true,
            _ => false,
        }
    }

    /// What to do about the file called `path`.
    pub(crate) fn hint(&self, path: &Path, wanted: Wanted) -> String {
        match self {
            Self::Certificate => "a key is usually in a separate file, named `….key`".to_owned(),
            Self::Container(container) => container.hint(path, wanted),
            Self::Key => "a certificate is usually in a separate file, named `….crt`".to_owned(),
            Self::OtherBlocks { labels } => labels
                .iter()
                .find_map(|label| block_hint(label, path))
                .unwrap_or_else(|| OTHERWISE.to_owned()),
            Self::SshEd25519 => {
                "no usual tool converts it: make a new key, `openssl genpkey -algorithm ed25519 -out NEW.key`"
                    .to_owned()
            }
            Self::TrustedCertificate => openssl(path, "x509", Wanted::Certificate),
            Self::Empty | Self::Text => OTHERWISE.to_owned(),
        }
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "it holds a certificate",
            Self::Container(container) => return container.fmt(f),
            Self::Empty => "it is empty",
            Self::Key => "it holds a private key",
            Self::OtherBlocks { labels } => {
                let labels = in_backticks(labels);
                return write!(f, "its PEM blocks are of other kinds: {}", labels.join(", "));
            }
            Self::SshEd25519 => "it holds an Ed25519 key in the form of OpenSSH",
            Self::Text => "it is not PEM",
            Self::TrustedCertificate => "it holds a `TRUSTED CERTIFICATE`, which only OpenSSL reads",
        })
    }
}

/// How a block with this label becomes one that TLS stacks read, if it can.
fn block_hint(label: &str, path: &Path) -> Option<String> {
    let word = shell_path(path);
    Some(match label {
        "X509 CERTIFICATE" => openssl(path, "x509", Wanted::Certificate),
        "PKCS7" | "PKCS #7 SIGNED DATA" => openssl(path, "pkcs7 -print_certs", Wanted::Certificate),
        "CMS" if is_stdin(path) => {
            "convert it on the way: pipe it through `sed s/CMS/PKCS7/ | openssl pkcs7 -print_certs`"
                .to_owned()
        }
        "CMS" => {
            format!("convert it: `sed s/CMS/PKCS7/ {word} | openssl pkcs7 -print_certs -out {word}.pem`")
        }
        REQUEST => format!("a CA makes a certificate of it: `egext certs issue server --csr {word}`"),
        OPENSSH if !is_stdin(path) => protect(
            &format!("cp {word} {word}.pem && ssh-keygen -p -N '' -m PKCS8 -f {word}.pem"),
            Wanted::Key,
        ),
        "PGP MESSAGE" if !is_stdin(path) => {
            protect(&format!("gpg --decrypt {word} > {word}.pem"), Wanted::Key)
        }
        "PGP PUBLIC KEY BLOCK" | "PGP PRIVATE KEY BLOCK" => {
            "TLS uses certificates in place of PGP keys: `egext certs init --dir DIR` makes both".to_owned()
        }
        _ => return None,
    })
}

pub(in crate::pki) const REQUEST: &str = "CERTIFICATE REQUEST";

fn is_ed25519_of_ssh(text: &[u8]) -> bool {
    let mut lines =
        text.split(|byte| *byte == b'\n').skip_while(|line| !line.starts_with(b"-----BEGIN OPENSSH"));
    let body = lines.by_ref().skip(1).take_while(|line| !line.starts_with(b"-----END"));
    let body = Zeroizing::new(body.collect::<Vec<_>>().concat());
    base64(&body).is_some_and(|key| contains(&key, b"ssh-ed25519"))
}

const OPENSSH: &str = "OPENSSH PRIVATE KEY";

const TRUSTED: &str = "TRUSTED CERTIFICATE";
