use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::CertsError;
use super::advised::Advised;
use super::renew::granted_name;
use crate::cli::SignerFlags;
use crate::commands::both::both;
use crate::pki::authority::{Authority, AuthorityError, ImportError};
use crate::pki::change::{ANOTHER_CA, rotation_command};
use crate::pki::member::Member;
use crate::pki::renewal::{Ca, RenewalError};
use crate::pki::rotation::{Permission, Rotation, Standing, is_vouched_for, replacement, standing};
use crate::pki::store::Snapshot;
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, DistinguishedName};
use crate::report::Hint;
use crate::shell::{shell_file, shell_word};

/// What the flags about the CA that signs mean.
pub(super) trait Signs {
    /// What will sign for a set of these leaf certificates.
    fn ca(&self, set: &Snapshot, members: &[Member], now: OffsetDateTime) -> Result<Ca, CertsError>;

    /// What names the CA on the command line, as it was typed; for the set's own CA the passphrase alone.
    fn flags(&self) -> String;

    /// How to get a CA that expires later, for a hint.
    fn replacement(&self, directory: &Path) -> String;

    /// Refuses a CA that the set's own peers do not trust, or not at this point of a rotation.
    fn refuse_other(&self, set: (&Snapshot, &[Member]), authority: &Authority) -> Result<(), CertsError>;

    /// Says of a certificate that another CA of the set issued it, and of names how to get a CA that permits them.
    fn explained(&self, set: (&Snapshot, &[Member]), error: impl Into<CertsError>) -> CertsError;
}

impl Signs for SignerFlags {
    fn ca(&self, set: &Snapshot, members: &[Member], now: OffsetDateTime) -> Result<Ca, CertsError> {
        let named = both(("--ca-cert", self.ca_cert.clone()), ("--ca-key", self.ca_key.clone()))?;
        Ok(match named {
            Some((certificate, key)) => {
                // A file that was named here is a CA's.
                let ca = Ca::of(certificate, key, members, now);
                ca.map_err(|error| AuthorityError::Import(ImportError::Identity(error)))?
            }
            None => Ca::load(set, members)?,
        })
    }

    fn flags(&self) -> String {
        let passphrase = self.ca_key_passphrase_file.as_deref();
        match (&self.ca_cert, &self.ca_key) {
            (Some(certificate), Some(key)) => ca_flags(certificate, key, passphrase),
            _ => passphrase.map_or_else(String::new, passphrase_flag),
        }
    }

    fn replacement(&self, directory: &Path) -> String {
        format!("{} begins to replace the CA by one that expires later", replacing(self, directory))
    }

    fn refuse_other(
        &self,
        (set, members): (&Snapshot, &[Member]),
        authority: &Authority,
    ) -> Result<(), CertsError> {
        let trusted = set.path(CA_CERTIFICATE_FILE);
        let certificate = self.ca_cert.clone().unwrap_or_else(|| trusted.clone());
        let (ca, own_signs) = (authority.certificate().subject.clone(), set.has(CA_KEY_FILE));
        match standing(set, members, authority)? {
            Standing::Foreign => return Err(CertsError::StrangeCa { certificate, trusted }),
            Standing::Prepared => {
                let activate = rotation_command("activate", &self.flags(), set.directory());
                return Err(OtherCaError::NotYet { certificate, ca, activate, own_signs }.into());
            }
            Standing::Retiring => return Err(OtherCaError::NoLonger { certificate, ca, own_signs }.into()),
            Standing::Trusted => {}
        }
        Ok(())
    }

    fn explained(&self, (set, members): (&Snapshot, &[Member]), error: impl Into<CertsError>) -> CertsError {
        let error = error.into();
        match &error {
            CertsError::Renewal(RenewalError::Stranger(stranger)) => {
                other_issuer(self, (set, members), &stranger.path).unwrap_or(error)
            }
            // Only here it is known which directory is meant, and how far a rotation has come.
            CertsError::Renewal(RenewalError::CaDue { .. }) => {
                let hint = format!(
                    "replace the CA first: {}; `--force` makes a certificate that ends with it",
                    replacing(self, set.directory())
                );
                Advised::new(error, hint).into()
            }
            CertsError::Renewal(RenewalError::CaExpired { .. }) => {
                let hint = format!("replace the CA first: {}", replacing(self, set.directory()));
                Advised::new(error, hint).into()
            }
            CertsError::Authority(AuthorityError::NotPermitted { names, .. })
            | CertsError::Renewal(RenewalError::Authority(AuthorityError::NotPermitted { names, .. })) => {
                match permission(set.directory(), names) {
                    Some(hint) => Advised::new(error, hint).into(),
                    None => error,
                }
            }
            _ => error,
        }
    }
}

/// The flags that name a CA whose key is not in the set, and the passphrase that opens the key, as they were typed.
pub(super) fn ca_flags(certificate: &Path, key: &Path, passphrase: Option<&Path>) -> String {
    let passphrase = passphrase.map_or_else(String::new, |file| format!(" {}", passphrase_flag(file)));
    format!("--ca-cert {} --ca-key {}{passphrase}", shell_file(certificate), shell_file(key))
}

/// The flag that names a passphrase, as it was typed.
pub(super) fn passphrase_flag(file: &Path) -> String {
    format!("--ca-key-passphrase-file {}", shell_file(file))
}

/// The command that begins to replace the CA that signs, or goes on with that, for a hint.
fn replacing(signer: &SignerFlags, directory: &Path) -> String {
    match &signer.ca_cert {
        Some(_) => rotation_command("prepare", ANOTHER_CA, directory),
        None => replacement(directory),
    }
}

/// The certificate in `path` is of a CA that the set trusts, but not of the one that was named.
fn other_issuer(
    signer: &SignerFlags,
    (set, members): (&Snapshot, &[Member]),
    path: &Path,
) -> Option<CertsError> {
    let certificate = signer.ca_cert.clone()?;
    let member = members.iter().find(|member| member.path() == path)?;
    if !is_vouched_for(set, members, member).ok()? {
        return None;
    }
    let (path, issuer) = (path.to_owned(), member.certificate().issuer.clone());
    let prepare = rotation_command("prepare", &signer.flags(), set.directory());
    Some(OtherCaError::OtherIssuer { path, issuer, certificate, prepare }.into())
}

/// How to get a CA that permits `names` in place of one of `egext`, for a hint.
fn permission(directory: &Path, names: &[String]) -> Option<String> {
    let rotation = Rotation::load(directory).ok()?;
    let command = |step: &str, flags: &str| rotation_command(step, flags, directory);
    let wanted = names.iter().map(|name| granted_name(name)).collect::<Result<Vec<_>, _>>().ok()?;
    let permit = format!("{} --permit {}", rotation.prepare_flags(), shell_word(&names.join(",")));
    let prepare = command("prepare", permit.trim_start());
    let choose = "choose names that the CA's name constraints permit";
    Some(match rotation.permission(&wanted)? {
        Permission::Activate => format!(
            "repeat it with the CA that is prepared: {}",
            command("activate", rotation.activate_flags())
        ),
        Permission::FinishFirst => format!(
            "{choose}; to replace the CA by one that permits more: {}, then {prepare}",
            command("finish", "")
        ),
        Permission::Prepare => {
            format!("{choose}; {prepare} begins to replace the CA by one that permits more")
        }
    })
}

/// The user named a CA that does not sign for the set, or for one certificate of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtherCaError {
    /// It has signed before `activate`.
    #[error(
        "`{ca}` in `{}` signs no longer: it is trusted only until the rotation is finished",
        certificate.display()
    )]
    NoLonger {
        /// As typed.
        certificate: PathBuf,
        /// Its name.
        ca: DistinguishedName,
        /// The key of the CA that signs is in the set.
        own_signs: bool,
    },
    /// It signs after `activate`.
    #[error(
        "`{ca}` in `{}` is prepared and does not sign yet: there may be peers that do not trust it",
        certificate.display()
    )]
    NotYet {
        /// As typed.
        certificate: PathBuf,
        /// Its name.
        ca: DistinguishedName,
        /// The command that makes it sign.
        activate: String,
        /// The key of the CA that signs is in the set.
        own_signs: bool,
    },
    /// Another CA issued the certificate, and can renew it.
    #[error("`{}` was issued by `{issuer}`, not by the CA in `{}`", path.display(), certificate.display())]
    OtherIssuer {
        /// The certificate.
        path: PathBuf,
        /// Who issued it.
        issuer: DistinguishedName,
        /// As typed.
        certificate: PathBuf,
        /// The command that begins to replace the CA by the one that was named.
        prepare: String,
    },
}

impl Hint for OtherCaError {
    fn hint(&self) -> Option<String> {
        let signer = |own_signs: &bool| match own_signs {
            true => {
                "leave out `--ca-cert` and `--ca-key`: the key of the CA that signs is stored here".to_owned()
            }
            false => format!("name the CA that signs: `{ANOTHER_CA}`"),
        };
        Some(match self {
            Self::NoLonger { own_signs, .. } => signer(own_signs),
            Self::NotYet { activate, own_signs, .. } => {
                format!("once both sides trust both CAs: {activate}; until then {}", signer(own_signs))
            }
            Self::OtherIssuer { prepare, .. } => format!(
                "name the CA that issued it: `{ANOTHER_CA}`; {prepare} begins to replace that CA by the one that you named"
            ),
        })
    }
}
