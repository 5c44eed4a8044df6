use std::borrow::Cow;
use std::path::PathBuf;

use time::OffsetDateTime;

use crate::pki::x509::when;
use crate::pki::{DistinguishedName, IdentityError, PassphraseError};

/// Why a CA cannot be used. Always the files' fault, or that of who named them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Two certificates belong together by name, and not by signature.
    #[error("the chain in `{}` is broken: the certificate of `{issuer}` that is in it did not sign `{subject}`", path.display())]
    ChainBroken {
        /// The certificate file.
        path: PathBuf,
        /// Of the certificate below.
        subject: DistinguishedName,
        /// Of the certificate above.
        issuer: DistinguishedName,
    },
    /// The file ends below the root.
    #[error("the chain in `{}` ends at `{subject}`: the certificate of `{issuer}` is missing", path.display())]
    ChainIncomplete {
        /// The certificate file.
        path: PathBuf,
        /// Of the last certificate.
        subject: DistinguishedName,
        /// Of the one that is missing.
        issuer: DistinguishedName,
    },
    /// A critical extension below the root that webpki does not know.
    #[error("`{subject}` in `{}` has the critical extension {extension}, which rustls does not know, so it rejects what this CA signs", path.display())]
    CriticalExtension {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
        /// Its name and OID.
        extension: String,
    },
    /// Name constraints that are about subjects.
    #[error("the name constraints of `{subject}` in `{}` are about directory names, which rustls does not support, so it rejects what this CA signs", path.display())]
    DirectoryNames {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
    /// Everything that it signs has expired with it.
    #[error("the CA `{subject}` in `{}` has expired, on {}", path.display(), when::day(*not_after))]
    Expired {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
        /// Its last second.
        not_after: OffsetDateTime,
    },
    /// The files cannot be read, or are not a pair.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key usage forbids to sign certificates.
    #[error("`{subject}` in `{}` may not sign certificates: its key usage lacks keyCertSign", path.display())]
    NoCertificateSign {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
    /// A leaf.
    #[error("`{subject}` in `{}` is not a CA: its basicConstraints do not say so", path.display())]
    NotACa {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
    /// CAs that certify each other, and nothing above them.
    #[error("`{}` has no self-signed root: the CAs in it certify each other", path.display())]
    NoRoot {
        /// The certificate file.
        path: PathBuf,
    },
    /// A clock is wrong.
    #[error("the CA `{subject}` in `{}` is not valid before {}", path.display(), when::timestamp(*not_before))]
    NotYetValid {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
        /// Its first second.
        not_before: OffsetDateTime,
    },
    /// X.509 version 1, below a root: no verifier accepts it as a CA.
    #[error("`{subject}` in `{}` is an X.509 version 1 certificate, which can be a CA only as a root", path.display())]
    OldCertificate {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
    /// No passphrase could be had.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The key is encrypted, and there is no passphrase.
    #[error("the key in `{}` is encrypted", path.display())]
    PassphraseNeeded {
        /// The key file.
        path: PathBuf,
    },
    /// A CA above allows fewer CAs below it than there are.
    #[error("`{subject}` in `{}` allows no further CA below it, or not that many: its path length is used up", path.display())]
    PathLength {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
    /// So many certificates of one name that the search for a root was given up.
    #[error("`{}` has too many certificates of one name to find a root", path.display())]
    TooManyCertificates {
        /// The certificate file.
        path: PathBuf,
    },
    /// A key that no TLS stack takes.
    #[error("`{subject}` in `{}` has a key that TLS stacks refuse ({kind}): {reason}", path.display())]
    UnsupportedKey {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
        /// What it is.
        kind: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// Below the root, signed with SHA-224, SHA-3, or RSA-PSS with an odd salt.
    #[error("`{subject}` in `{}` is signed in a way that TLS stacks do not verify ({algorithm})", path.display())]
    UnsupportedSignature {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
        /// How it is signed.
        algorithm: Cow<'static, str>,
    },
    /// Below the root, signed with SHA-1 or MD5.
    #[error("`{subject}` in `{}` is signed with SHA-1 or MD5, which verifiers refuse", path.display())]
    WeakHash {
        /// The certificate file.
        path: PathBuf,
        /// Which of its certificates.
        subject: DistinguishedName,
    },
}
