use std::path::PathBuf;

use crate::pki::ca::authority::AuthorityError;
use crate::pki::set::change::{
    ANOTHER_CA, PRIVATE_CA, renew_command, replacement_command, rotate_command, rotation_command,
};
use crate::pki::set::member::MemberError;
use crate::pki::set::renewal::RenewalError;
use crate::pki::set::store::StoreError;
use crate::pki::{DistinguishedName, IdentityError, Role};
use crate::report::Hint;
use crate::shell::{dir_flag, shell_word};

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
    /// OpenSSL would reject what is presented, and the other verifiers would not.
    #[error(
        "without the old CA OpenSSL rejects `{certificate}`: its authority key identifier does not fit the new `{issuer}`"
    )]
    Misfit {
        /// The set's directory.
        directory: PathBuf,
        /// The name of what the new CA has issued.
        certificate: DistinguishedName,
        /// The name of the new CA.
        issuer: DistinguishedName,
    },
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
    /// A CA that is there already was asked to be different.
    #[error("`{ca}` is prepared, and {} can be chosen for a private CA only", asked.join(" and "))]
    NextIsTheirs {
        /// What was asked for, in words.
        asked: Vec<&'static str>,
        /// Its name.
        ca: DistinguishedName,
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
        /// What names the CA that signs on the command line.
        flags: &'static str,
    },
    /// The user names a passphrase for a key that needs none, and would take it for encrypted.
    #[error("the key in `{}` is not encrypted, so no passphrase opens it", path.display())]
    NotEncrypted {
        /// The key.
        path: PathBuf,
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
    },
    /// A CA of the same name was prepared, or signs, but peers were given another root.
    #[error("the CA that was prepared leads to {root}, and this `{ca}` to {named_root}")]
    OtherRoot {
        /// The name of both.
        ca: DistinguishedName,
        /// The root of the one, in words.
        root: String,
        /// The root of the other, in words.
        named_root: String,
        /// The key of the one that was prepared is in the set.
        has_key: bool,
    },
    /// Another CA was activated than the one that the user names now.
    #[error("`{signs}` is the CA that was activated, not `{named}`")]
    OtherSigns {
        /// The name of the one.
        signs: DistinguishedName,
        /// The name of the other.
        named: DistinguishedName,
    },
    /// The old CA's key is encrypted, and the new one's should be.
    #[error("the key in `{}` is encrypted, so that of the new CA has to be, too", path.display())]
    PassphraseNeeded {
        /// The old CA's key.
        path: PathBuf,
    },
    /// The CA that signs would replace itself.
    #[error("`{ca}` is the CA that signs already")]
    SameCa {
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
        /// What names the CA that signs on the command line.
        flags: &'static str,
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
        /// What that step needs.
        flags: String,
    },
}

impl Hint for RotationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.hint(),
            Self::Ca(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Member(error) => error.hint(),
            Self::Misfit { directory, certificate, issuer } => Some(format!(
                "have `{certificate}` issued again by the new `{issuer}`, renew with it (`egext certs renew --force {ANOTHER_CA}{}`), and repeat this step",
                dir_flag(directory)
            )),
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
            Self::NotPermitted { path, names, flags: signer } => {
                let names = names.join(",");
                let flags = format!("--remove-san {} --add-san NAME {signer}", shell_word(&names));
                let flags = flags.trim_end();
                Some(format!(
                    "replace these names by some that it permits: {}, then repeat this step",
                    renew_command(path, flags)
                ))
            }
            Self::NotPrepared { directory } => {
                Some(rotation_command("prepare", "", directory) + " makes one")
            }
            Self::StillNeeded { path, name, role, flags } => Some(format!(
                "copy back the certificate that the new CA issued, or issue a new one: {}",
                replacement_command((name, *role), path, flags)
            )),
            Self::Store(error) => error.hint(),
            Self::UnderWay { directory, next, flags } => {
                Some(format!("the next step is {}", rotation_command(next, flags, directory)))
            }
            // The command line knows what was typed, and with what it is repeated.
            Self::NextIsTheirs { .. }
            | Self::NotEncrypted { .. }
            | Self::OtherCa { .. }
            | Self::OtherRoot { .. }
            | Self::OtherSigns { .. }
            | Self::PassphraseNeeded { .. }
            | Self::SameCa { .. } => None,
        }
    }
}
