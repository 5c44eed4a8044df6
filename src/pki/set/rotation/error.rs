use std::path::PathBuf;

use crate::pki::ca::authority::AuthorityError;
use crate::pki::set::member::MemberError;
use crate::pki::set::renewal::RenewalError;
use crate::pki::set::store::StoreError;
use crate::pki::{DistinguishedName, IdentityError, Role};

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
    /// The user names a passphrase for a key that needs none, and may believe that it is encrypted.
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
