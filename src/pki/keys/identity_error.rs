use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::container::{Container, OTHERWISE, Wanted, openssl};
use super::link::{lost_link, replacement};
use super::pem::AGAIN;
use crate::input::{PIPE_LIMIT, is_stdin};
use crate::pki::{
    CA_KEY_FILE, DecryptError, DistinguishedName, Distrust, Encryption, Found, InspectError, PemError,
    Refusal, SET_FILES,
};
use crate::report::Hint;
use crate::shell::{dir_flag_of, shell_parent, shell_path};

/// Why certificates or a key could not be loaded. Always the files' fault, never a peer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Somebody replaces the files faster than they can be read.
    #[error("`{}` changes while it is read", path.display())]
    Changing {
        /// The certificate file.
        path: PathBuf,
    },
    /// A symbolic link to nowhere. Usually the directory was copied without what its links point to.
    #[error("`{}` is a link to `{}`, which is not there", path.display(), target.display())]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// The key stays closed.
    #[error("cannot open the key in `{}`", path.display())]
    Decrypt {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: DecryptError,
    },
    /// A directory was named where a file is needed.
    #[error("`{}` is a directory, not a file", path.display())]
    Directory {
        /// As named.
        path: PathBuf,
    },
    /// The key needs a passphrase.
    #[error("the key in `{}` is encrypted{}, and only a CA's key may be", path.display(), form.words())]
    EncryptedKey {
        /// The key file.
        path: PathBuf,
        /// How.
        form: Encryption,
    },
    /// A revocation list has the name of a CA, and another key signed it.
    #[error("the revocation list in `{}` was not signed by the CA `{issuer}` that is trusted", path.display())]
    ForeignRevocationList {
        /// The file.
        path: PathBuf,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// The certificate has the right key, in a form that TLS stacks do not read.
    #[error("`{}` has its key in a form that TLS stacks reject ({kind}): {reason}", path.display())]
    KeyForm {
        /// The certificate file.
        path: PathBuf,
        /// What the key is.
        kind: String,
        /// Why it is rejected.
        reason: &'static str,
    },
    /// Key and certificate are both fine, but not a pair. Usually half of a renewal was copied.
    #[error("`{}` is not the key of `{}`", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The key belongs to a certificate of the file, but not to the first. TLS wants the leaf first.
    #[error("`{}` is the key of certificate {position} in `{}`, not of the first", key.display(), certificate.display())]
    LeafNotFirst {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// Where the leaf stands, counted from one.
        position: usize,
    },
    /// A block says that it is a certificate, and is none.
    #[error("certificate {position} in `{}` is broken", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which, counted from one.
        position: usize,
        /// What is wrong with it.
        source: InspectError,
    },
    /// A block cannot even be decoded.
    #[error("`{}` is not sound PEM", path.display())]
    MalformedPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// No certificate in it.
    #[error("`{}` holds no certificate: {found}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: Found,
    },
    /// No private key in it.
    #[error("`{}` holds no private key: {found}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: Found,
    },
    /// No revocation list in it.
    #[error("`{}` holds no revocation list", path.display())]
    NoRevocationList {
        /// The file.
        path: PathBuf,
    },
    /// Not PEM, though parts of it look like it.
    #[error("`{}` cannot be read as PEM: {container}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it is.
        container: Container,
    },
    /// A certificate that must not be trusted, though it is in a CA file.
    #[error("certificate {position} in `{}` (`{subject}`) cannot be a trust anchor", path.display())]
    NotAnAnchor {
        /// The file.
        path: PathBuf,
        /// Which, counted from one.
        position: usize,
        /// Its name.
        subject: DistinguishedName,
        /// The name of its issuer.
        issuer: DistinguishedName,
        /// Why not.
        source: Distrust,
    },
    /// A named pipe, a device or a socket, which would keep us waiting or never end.
    #[error("`{}` is {kind}, not a file", path.display())]
    NotAFile {
        /// As named.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A pipe that its writer did not close in time.
    #[error("`{}` is a pipe that was not closed within {} s", path.display(), PIPE_LIMIT.as_secs())]
    OpenPipe {
        /// As named.
        path: PathBuf,
    },
    /// The certificate file holds a key and the key file a certificate.
    #[error("`{}` and `{}` look swapped: the first holds the key, the second the certificate", certificate.display(), key.display())]
    Swapped {
        /// What was named as certificate.
        certificate: PathBuf,
        /// What was named as key.
        key: PathBuf,
    },
    /// A pipe without a writer.
    #[error("nothing came through the pipe `{}` within {} s", path.display(), limit.as_secs())]
    Silent {
        /// As named.
        path: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// Stdin was named, and nothing was piped into it.
    #[error("`-` is stdin, which is a terminal here")]
    Terminal,
    /// Larger than anything that holds certificates.
    #[error("`{}` is larger than {} KiB", path.display(), limit / 1024)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in octets.
        limit: u64,
    },
    /// Missing, or not readable for this user.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate that cannot be trusted as it stands.
    #[error("certificate {position} in `{}` cannot be a trust anchor", path.display())]
    UnusableAnchor {
        /// The file.
        path: PathBuf,
        /// Which, counted from one.
        position: usize,
        /// What the verifier says.
        source: Refusal,
    },
    /// A revocation list that no verifier of today reads.
    #[error("revocation list {position} in `{}` cannot be used", path.display())]
    UnusableRevocationList {
        /// The file.
        path: PathBuf,
        /// Which, counted from one.
        position: usize,
        /// What the verifier says.
        source: Refusal,
    },
    /// A key of a kind that no TLS stack of today uses.
    #[error("the key in `{}` is {kind}, which TLS stacks do not take", path.display())]
    UnsupportedKey {
        /// The key file.
        path: PathBuf,
        /// Such as `secp256k1`.
        kind: String,
    },
    /// A key of a kind or size that no TLS stack of today uses, or a broken one.
    #[error("the key in `{}` is broken, or of a kind that is not supported", path.display())]
    UnusableKey {
        /// The key file.
        path: PathBuf,
    },
}

impl Hint for IdentityError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Changing { .. } => "try again when it is at rest".to_owned(),
            Self::Dangling { path, .. } if path.file_name() == Some(OsStr::new(CA_KEY_FILE)) => format!(
                "copy the key back, or remove the link if the key is kept elsewhere: `rm {}`",
                shell_path(path)
            ),
            Self::Dangling { .. } => {
                "copy what the links point to, for example with `egext certs pack ROLE --out FILE --dir DIR` where the set was made".to_owned()
            }
            Self::Decrypt { source: DecryptError::WrongPassphrase, .. } => {
                "`--ca-key-passphrase-file` takes the first line of the file as it is, spaces and all".to_owned()
            }
            Self::Decrypt { source: DecryptError::Malformed, .. } => AGAIN.to_owned(),
            Self::Decrypt { path, .. } => encrypt_anew_hint(path),
            Self::Directory { path } => {
                format!("name a file, such as `{}`, or the directory with `--dir`", path.join("server.crt").display())
            }
            Self::EncryptedKey { path, .. } => decrypt_hint(path),
            Self::KeyForm { .. } => {
                "issue the certificate again for a P-256 key: `openssl ecparam -name prime256v1 -genkey -noout` makes one"
                    .to_owned()
            }
            Self::KeyMismatch { certificate, key } => format!(
                "copy certificate and key together: they were probably renewed, and only one of them arrived; `egext certs show {} {}` shows both",
                shell_path(certificate),
                shell_path(key)
            ),
            Self::LeafNotFirst { .. } => {
                "put the leaf's certificate at the top of the file, then the intermediates up to the root".to_owned()
            }
            Self::ForeignRevocationList { .. } => {
                "if the CA was replaced under the same name, fetch the list that its new key signed".to_owned()
            }
            Self::Malformed { .. } => AGAIN.to_owned(),
            Self::MalformedPem { path, source } => source.hint(path),
            Self::NoCertificate { path, found } => of_contents(path, found.hint(path, Wanted::Certificate)),
            Self::NoKey { path, found } => of_contents(path, found.hint(path, Wanted::Key)),
            Self::NoRevocationList { .. } | Self::UnusableRevocationList { .. } => {
                "name a complete X.509 revocation list of version 2, as PEM or DER: `openssl crl -in FILE -noout -text` shows it"
                    .to_owned()
            }
            Self::NotPem { path, container } => of_contents(path, container.hint(path, Wanted::Certificate)),
            Self::NotAnAnchor { source: Distrust::CannotSign, .. } => CANNOT_SIGN.to_owned(),
            Self::NotAnAnchor { issuer, .. } => format!(
                "replace it by the certificate of its issuer, `{issuer}`: in a set, that is `ca.crt`"
            ),
            Self::NotAFile { .. } => "name a regular file of PEM blocks; a pipe of the shell works, too: `<(COMMAND)`".to_owned(),
            Self::OpenPipe { .. } | Self::Silent { .. } => "let the command write its output to a file first, and name that".to_owned(),
            Self::Terminal => "pipe the file in, or redirect it: `< FILE`".to_owned(),
            Self::Swapped { certificate, key } => format!(
                "rename them, or name them the other way round: `--cert {} --key {}`",
                shell_path(key),
                shell_path(certificate)
            ),
            Self::TooLarge { .. } => "name a file of PEM blocks".to_owned(),
            Self::Unreadable { path, source } => unreadable(path, source),
            Self::UnusableAnchor { .. } => "name another CA's certificate, or have this one issued again".to_owned(),
            Self::UnsupportedKey { .. } | Self::UnusableKey { .. } => {
                "supported are P-256, P-384, P-521, Ed25519 and RSA of at least 2048 bits, as PKCS#8, PKCS#1 or SEC1".to_owned()
            }
        };
        Some(hint)
    }
}

/// What to do about a file that holds nothing which could be used; `hint` is for what it holds.
fn of_contents(path: &Path, hint: String) -> String {
    match replacement(path).filter(|_| hint == OTHERWISE) {
        Some(command) => format!("put the right file back, or replace it and its pair: {command}"),
        None => hint,
    }
}

/// What to do about a file that cannot be read.
fn unreadable(path: &Path, source: &io::Error) -> String {
    let is_of_set = path.file_name().and_then(OsStr::to_str).is_some_and(|name| SET_FILES.contains(&name));
    if let Some(command) = lost_link(path) {
        return format!("put its link back: `{command}`");
    }
    match source.kind() {
        io::ErrorKind::NotFound if is_of_set => {
            format!(
                "name the directory of a set with `--dir`, or make one: `egext certs init{}`",
                dir_flag_of(path)
            )
        }
        io::ErrorKind::NotFound => check_path(path),
        io::ErrorKind::PermissionDenied => {
            format!("run as the user that owns it: `ls -ld {}`", shell_path(visible(path)))
        }
        io::ErrorKind::NotADirectory => "a part of this path is a file; name a file that is there".to_owned(),
        io::ErrorKind::InvalidData => AGAIN.to_owned(),
        _ => format!("look at the path: `ls -ld {}`", shell_path(path)),
    }
}

/// The last part of the way to `path` that this user may look at: below it a directory is closed.
fn visible(path: &Path) -> &Path {
    let found = path.ancestors().find(|part| part.symlink_metadata().is_ok());
    found.unwrap_or(Path::new("."))
}

/// What to do about a CA whose key usage forbids what a CA does.
const CANNOT_SIGN: &str = "have the CA's certificate issued again with keyCertSign";

/// What to do about a path that leads nowhere.
fn check_path(path: &Path) -> String {
    format!("check the path: `ls -a {}`", shell_parent(path))
}

/// How to convert a key for TLS endpoints, which cannot ask for a passphrase.
pub(in crate::pki) fn decrypt_hint(path: &Path) -> String {
    if is_stdin(path) {
        return openssl(path, "pkey", Wanted::Key);
    }
    let path = shell_path(path);
    format!("decrypt it: `(umask 077; openssl pkey -in {path} -out {path}.plain)`")
}

/// How an encrypted key gets the form that is read here. OpenSSL asks for the old passphrase and for the new one.
pub(crate) fn encrypt_anew_hint(path: &Path) -> String {
    if is_stdin(path) {
        return openssl(path, "pkcs8 -topk8 -v2 aes-256-cbc", Wanted::Key);
    }
    let path = shell_path(path);
    format!("convert it: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out {path}.new`")
}
