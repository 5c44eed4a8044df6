use std::path::{Path, PathBuf};

use crate::pki::ca::authority::{AuthorityError, ImportError};
use crate::pki::set::member::Member;
use crate::pki::{DistinguishedName, IdentityError, KeyType, Refusal, Role, SubjectName};

/// Why nothing was renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// A successor cannot be issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// What this CA issues now would not live long enough.
    #[error("the CA in `{}` expires {left}, before a new certificate would be due again", path.display())]
    CaDue {
        /// Its certificate.
        path: PathBuf,
        /// How far away its end is.
        left: String,
    },
    /// A certificate of another program has what a renewal does not keep.
    #[error(transparent)]
    Loss(#[from] Box<Lost>),
    /// The CA can sign nothing that is valid.
    #[error("the CA in `{}` expired {ago}", path.display())]
    CaExpired {
        /// Its certificate.
        path: PathBuf,
        /// How far away its end is.
        ago: String,
    },
    /// The clock of this machine, or of the one that made the CA, is wrong.
    #[error("the CA in `{}` is not valid before {from}", path.display())]
    CaNotYetValid {
        /// Its certificate.
        path: PathBuf,
        /// As RFC 3339 has it.
        from: String,
    },
    /// The CA's certificate cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The CA cannot sign any more: its key was discarded, or is kept elsewhere.
    #[error("`{}` is not here, so nothing can be signed", path.display())]
    NoCaKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another CA's certificate, or a forged one, has taken the place of one of the set's.
    #[error(transparent)]
    Stranger(#[from] Box<Stranger>),
}

/// A certificate that is not renewed, because this CA never vouched for what stands in it.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` was not issued for the {role} by the CA that signs{}, so it is not renewed",
    path.display(),
    issuer.as_ref().map_or_else(String::new, |issuer| format!(", `{issuer}`"))
)]
pub struct Stranger {
    /// Its certificate.
    pub path: PathBuf,
    /// What its files are called.
    pub name: String,
    /// Its side.
    pub role: Role,
    /// Who should have issued it.
    pub issuer: Option<DistinguishedName>,
    /// What is wrong with it.
    #[source]
    pub doubt: Doubt,
    /// What names the CA that signs on the command line; empty for the set's own.
    pub flags: String,
}

/// A certificate that is not renewed, because its successor would lack something.
#[derive(Debug, thiserror::Error)]
#[error("{}", what.words(path))]
pub struct Lost {
    /// Its certificate.
    pub path: PathBuf,
    /// What its files are called.
    pub name: String,
    /// Its side.
    pub role: Role,
    /// What its successor would be called. The CA has vouched for them.
    pub names: Vec<SubjectName>,
    /// What its successor would lack.
    pub what: Loss,
    /// What names the CA that signs on the command line; empty for the set's own.
    pub flags: String,
}

/// What a successor would lack.
#[derive(Debug)]
#[non_exhaustive]
pub enum Loss {
    /// A key of this kind.
    KeyType {
        /// Kind and size.
        kind: String,
        /// The nearest one that is made here.
        near: KeyType,
        /// Another CA issues it, and no key is kept.
        is_rotation: bool,
    },
    /// These usages and restrictions, in words.
    Usage(Vec<String>),
}

impl Loss {
    fn words(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::KeyType { kind, .. } => {
                format!("`{path}` has a key of a type that is not made here: {kind}")
            }
            Self::Usage(what) => format!("`{path}` has what a renewal cannot keep: {}", what.join(", ")),
        }
    }
}

/// What is wrong with a stranger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// Another CA vouches for it, or none.
    #[error("its issuer is `{0}`")]
    Issuer(DistinguishedName),
    /// Why a verifier rejects it.
    #[error(transparent)]
    Refusal(Refusal),
}

impl Doubt {
    /// The name of another CA says more than that a verifier does not find the way to `issuer`.
    pub(super) fn of(member: &Member, issuer: Option<&DistinguishedName>, refusal: Refusal) -> Self {
        let named = &member.certificate().issuer;
        let Refusal::Verifier(reason) = &refusal;
        if matches!(reason, webpki::Error::UnknownIssuer) && issuer != Some(named) {
            return Self::Issuer(named.clone());
        }
        Self::Refusal(refusal)
    }
}

impl RenewalError {
    /// The CA's key is encrypted, and no passphrase was named.
    pub fn asks_for_passphrase(&self) -> bool {
        matches!(self, Self::Authority(AuthorityError::Import(ImportError::PassphraseNeeded { .. })))
    }
}
