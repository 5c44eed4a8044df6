use std::path::{Path, PathBuf};

use crate::pki::ca::authority::{AuthorityError, ImportError};
use crate::pki::set::change::{
    ANOTHER_CA, PRIVATE_CA, issue_command, renew_command, replacement_command, rotate_command,
};
use crate::pki::set::member::Member;
use crate::pki::x509::lifetime::CLOCK;
use crate::pki::{DistinguishedName, IdentityError, KeyType, Refusal, Role, SubjectName};
use crate::report::Hint;

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
        /// Its certificate is that of the set, not a file that the user named.
        in_set: bool,
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
        /// Its certificate is that of the set, not a file that the user named.
        in_set: bool,
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
    pub(super) path: PathBuf,
    /// What its files are called.
    pub(super) name: String,
    pub(super) role: Role,
    /// Who should have issued it.
    pub(super) issuer: Option<DistinguishedName>,
    #[source]
    pub(super) doubt: Doubt,
    /// What names the CA that signs on the command line; empty for the set's own.
    pub(super) flags: String,
}

impl Stranger {
    /// The certificate.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A certificate that is not renewed, because its successor would lack something.
#[derive(Debug, thiserror::Error)]
#[error("{}", what.words(path))]
pub struct Lost {
    pub(super) path: PathBuf,
    /// What its files are called.
    pub(super) name: String,
    pub(super) role: Role,
    /// What its successor would be called. The CA has vouched for them.
    pub(super) names: Vec<SubjectName>,
    pub(super) what: Loss,
    /// What names the CA that signs on the command line; empty for the set's own.
    pub(super) flags: String,
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

impl Lost {
    fn hint(&self) -> String {
        let Self { path, name, role, names, what, flags } = self;
        match what {
            Loss::KeyType { near, is_rotation, .. } => {
                let renew = |flag: &str| renew_command(path, format!("{flag} {flags}").trim_end());
                let other = renew(&format!("--key-type {}", near.name()));
                match is_rotation {
                    true => format!("give it a key of another type first: {other}"),
                    false => format!(
                        "keep its key: {}, or give it one of another type: {other}",
                        renew("--keep-key --force")
                    ),
                }
            }
            Loss::Usage(_) => {
                let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let issue = issue_command((name, *role), path, (&names, flags));
                format!("let the program that issued it renew it; without what is listed: {issue}")
            }
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
    /// What a verifier holds against it.
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

impl Hint for RenewalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.hint(),
            Self::CaDue { path, in_set, .. } => Some(format!(
                "replace the CA first: {}; `--force` makes a certificate that ends with it",
                replacement(path, *in_set)
            )),
            Self::CaExpired { path, in_set, .. } => {
                Some(format!("replace the CA first: {}", replacement(path, *in_set)))
            }
            Self::CaNotYetValid { .. } => Some(CLOCK.to_owned()),
            Self::Identity(error) => error.hint(),
            Self::Loss(lost) => Some(lost.hint()),
            Self::NoCaKey { path } => Some(format!(
                "if it is elsewhere, name it: `--ca-cert` and `--ca-key`; if it was discarded, {} begins to replace the CA",
                rotate_command(path, PRIVATE_CA)
            )),
            // Its names are not repeated here: they may be what a stranger wants to be signed.
            Self::Stranger(stranger) => {
                let Stranger { path, name, role, flags, .. } = &**stranger;
                Some(format!(
                    "copy back the certificate that this CA issued, or issue a new one: {}",
                    replacement_command((name, *role), path, flags)
                ))
            }
        }
    }
}

/// The command that begins to replace the CA in `path`.
fn replacement(path: &Path, in_set: bool) -> String {
    if in_set {
        return rotate_command(path, "");
    }
    // Which directory the set is in, the file of a CA elsewhere does not tell.
    rotate_command(Path::new("."), ANOTHER_CA)
}
