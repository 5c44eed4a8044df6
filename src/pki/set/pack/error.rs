use std::path::{Path, PathBuf};

use crate::pki::set::change::renew_command;
use crate::pki::set::member;
use crate::pki::set::rotation::replacement;
use crate::pki::set::store::StoreError;
use crate::pki::{CA_CERTIFICATE_FILE, IdentityError, Refusal, Role};
use crate::report::{Hint, enumeration};
use crate::shell::{dir_flag, shell_path, shell_word};

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Nothing below the CA is accepted any more.
    #[error("a CA above `{}` has expired, so every peer rejects it", path.display())]
    CaExpired {
        /// The certificate.
        path: PathBuf,
        /// The file of the CA that is trusted.
        ca: PathBuf,
    },
    /// Nobody accepts it any more.
    #[error("`{}` expired {ago}, so every peer rejects it", path.display())]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// How long ago.
        ago: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A key where only certificates belong.
    #[error("`{}` holds a private key (line {line}), which would leave this machine with the certificates", path.display())]
    KeyAmongCertificates {
        /// The file.
        path: PathBuf,
        /// Of its `BEGIN`.
        line: usize,
    },
    /// It was issued for a request, or its key was lost.
    #[error("the key of `{name}` is not in the set")]
    KeyElsewhere {
        /// The certificate's name.
        name: String,
    },
    /// A leaf was issued for the CA's own key.
    #[error("`{}` is the key of the CA, which does not leave this machine", path.display())]
    KeyOfCa {
        /// The key file.
        path: PathBuf,
    },
    /// There is no certificate of this name.
    #[error("`{}` holds no certificate `{name}`", directory.display())]
    NoSuchName {
        /// Where the set is.
        directory: PathBuf,
        /// As typed.
        name: String,
        /// The side.
        role: Role,
        /// What the certificates of this side are called.
        names: Vec<String>,
        /// A certificate of this name can be issued.
        is_possible: bool,
    },
    /// The certificate that was named is for the other side.
    #[error("`{name}` is the certificate of a {role}, not of a {wanted}")]
    OtherSide {
        /// Where the set is.
        directory: PathBuf,
        /// As typed.
        name: String,
        /// Its side.
        role: Role,
        /// The side that was typed.
        wanted: Role,
    },
    /// The set does not work.
    #[error("a peer would refuse the {role} certificate")]
    Refused {
        /// Where the set is.
        directory: PathBuf,
        /// Its side.
        role: Role,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// The set cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hint for PackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::CaExpired { ca, .. } => {
                let directory = ca.parent().unwrap_or(Path::new(""));
                Some(format!("replace the CA first, and pack then: {}", replacement(directory)))
            }
            Self::Expired { path, .. } => {
                Some(format!("renew it first, and pack then: {}", renew_command(path, "")))
            }
            Self::Identity(error) => error.hint(),
            Self::KeyElsewhere { name } => Some(format!(
                "if `{name}` was issued from a CSR, its requester has the key: send them `{CA_CERTIFICATE_FILE}` and `{}`; otherwise put the key back",
                member::certificate_file(name)
            )),
            Self::KeyAmongCertificates { .. } => Some(
                "take the key out, so that the file holds certificates only; replace the key if the file has been on another machine"
                    .to_owned(),
            ),
            Self::KeyOfCa { path } => {
                let command = renew_command(&path.with_extension("crt"), "--force");
                Some(format!("give this side a key of its own: {command}"))
            }
            Self::NoSuchName { directory, name, role, names, is_possible } => {
                let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                let there = match names.as_slice() {
                    [] => format!("`egext certs show {}` shows what is there", shell_path(directory)),
                    names => format!("certificates of a {role} are {}", enumeration(names)),
                };
                if !is_possible {
                    return Some(there);
                }
                Some(format!(
                    "{there}; `egext certs issue {role} --out {} --san NAME{}` issues one",
                    shell_word(name),
                    dir_flag(directory)
                ))
            }
            Self::OtherSide { directory, name, role, .. } => {
                let word = shell_word(name);
                let place = dir_flag(directory);
                Some(format!("`egext certs pack {role} --name {word} --out {word}.tar{place}`"))
            }
            Self::Refused { directory, .. } => Some(format!(
                "`egext certs check {}` says what is wrong with the set",
                shell_path(directory)
            )),
            Self::Store(error) => error.hint(),
        }
    }
}
