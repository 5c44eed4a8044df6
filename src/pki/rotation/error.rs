use std::path::PathBuf;

use crate::pki::authority::AuthorityError;
use crate::pki::change::{ANOTHER_CA, PRIVATE_CA, renew_command, rotate_command, rotation_command};
use crate::pki::member::MemberError;
use crate::pki::renewal::RenewalError;
use crate::pki::store::StoreError;
use crate::pki::{DistinguishedName, IdentityError, PassphraseError, Role};
use crate::report::Hint;
use crate::shell::{dir_flag, dir_flag_of, shell_word};

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// A certificate could not be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The CA cannot be used.
    #[error(transparent)]
    Ca(#[from] RenewalError),
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The set cannot be read.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The CA that is prepared is a company's, and its key was not named.
    #[error("the key of the new CA, `{ca}`, is not stored here")]
    NextKeyElsewhere {
        /// The set's directory.
        directory: PathBuf,
        /// Its name.
        ca: DistinguishedName,
    },
    /// A private CA was not asked for, and its key would be stored where none is.
    #[error(
        "`{}` is not here: the CA's key was discarded or is kept elsewhere, so the key of a new one is not stored here unasked",
        path.display()
    )]
    NoCaKey {
        /// Where it would be.
        path: PathBuf,
    },
    /// The user permits names that are permitted.
    #[error("the CA in `{}` has no name constraints, so it permits every name", path.display())]
    NotConstrained {
        /// Its certificate.
        path: PathBuf,
    },
    /// A private CA was not asked for, and would take the place of a company's.
    #[error("`egext` did not make the CA in `{}`, `{ca}`, so a private CA does not replace it unasked", path.display())]
    NotOurs {
        /// Its certificate.
        path: PathBuf,
        /// Its name.
        ca: DistinguishedName,
    },
    /// The name constraints of the new CA exclude names of the set.
    #[error("the new CA does not permit {} of `{}`", names.join(", "), path.display())]
    NotPermitted {
        /// The certificate that has them.
        path: PathBuf,
        /// In words.
        names: Vec<String>,
    },
    /// The user wants to go on where nothing has begun.
    #[error("no new CA is prepared in `{}`", directory.display())]
    NotPrepared {
        /// The directory.
        directory: PathBuf,
    },
    /// Another CA was prepared than the one that the user names now.
    #[error("`{prepared}` is the CA that was prepared, not `{named}`")]
    OtherCa {
        /// The name of the one.
        prepared: DistinguishedName,
        /// The name of the other.
        named: DistinguishedName,
        /// The key of the one that was prepared is in the set.
        has_key: bool,
        /// The set's directory.
        directory: PathBuf,
    },
    /// The old CA's key is encrypted, and the new one's should be.
    #[error("the key in `{}` is encrypted, so that of the new CA has to be, too", path.display())]
    PassphraseNeeded {
        /// The old CA's key.
        path: PathBuf,
    },
    /// There is no passphrase where one was named.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The CA that signs would replace itself.
    #[error("`{ca}` is the CA that signs already")]
    SameCa {
        /// The set's directory.
        directory: PathBuf,
        /// Its name.
        ca: DistinguishedName,
    },
    /// Somebody has put an older certificate back.
    #[error("`{}` is not of the new CA", path.display())]
    StillNeeded {
        /// The certificate.
        path: PathBuf,
        /// What its files are called.
        name: String,
        /// Its side.
        role: Role,
    },
    /// The set cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user wants to begin again, or to end, in the middle of a rotation.
    #[error("a rotation is under way in `{}`", directory.display())]
    UnderWay {
        /// The directory.
        directory: PathBuf,
        /// The step that it waits for.
        next: &'static str,
    },
}

impl Hint for RotationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.hint(),
            Self::Ca(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Member(error) => error.hint(),
            Self::NextKeyElsewhere { directory, .. } => {
                Some(format!("name it: {}", rotation_command("activate", ANOTHER_CA, directory)))
            }
            Self::NoCaKey { path } => Some(format!(
                "{} makes a CA and stores its key; {} begins to replace it by a CA of your own",
                rotate_command(path, PRIVATE_CA),
                rotate_command(path, ANOTHER_CA)
            )),
            Self::NotConstrained { .. } => Some("leave out `--permit`".to_owned()),
            Self::NotOurs { path, .. } => Some(format!(
                "name the CA that replaces it: {}; {} makes a private one and stores its key",
                rotate_command(path, ANOTHER_CA),
                rotate_command(path, PRIVATE_CA)
            )),
            Self::NotPermitted { path, names } => {
                let flags = format!("--remove-san {} --add-san NAME", shell_word(&names.join(",")));
                Some(format!(
                    "replace these names by some that it permits: {}, then repeat this step",
                    renew_command(path, &flags)
                ))
            }
            Self::NotPrepared { directory } => {
                Some(rotation_command("prepare", "", directory) + " makes one")
            }
            Self::OtherCa { has_key: true, .. } => {
                Some("leave out `--ca-cert` and `--ca-key`: its key is stored here".to_owned())
            }
            Self::OtherCa { directory, .. } => Some(format!(
                "name the one that was prepared, or prepare this one in its place: {}",
                rotation_command("prepare", ANOTHER_CA, directory)
            )),
            Self::Passphrase(error) => error.hint(),
            Self::PassphraseNeeded { .. } => {
                Some("name the file with its passphrase: `--ca-key-passphrase-file FILE`".to_owned())
            }
            Self::SameCa { directory, .. } => Some(format!(
                "name the CA that replaces it; for new certificates from this one: `egext certs renew --force{}`",
                dir_flag(directory)
            )),
            Self::StillNeeded { path, name, role } => Some(format!(
                "copy back the certificate that the new CA issued, or issue a new one: `egext certs issue {role} --out {} --replace --san NAME{}`",
                shell_word(name),
                dir_flag_of(path)
            )),
            Self::Store(error) => error.hint(),
            Self::UnderWay { directory, next } => {
                Some(format!("the next step is {}", rotation_command(next, "", directory)))
            }
        }
    }
}
