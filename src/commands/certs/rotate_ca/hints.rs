//! The command to type after a refused step, with the flags of this run.

use crate::commands::certs::CertsError;
use crate::commands::certs::advised::Advised;
use crate::commands::certs::signer::{ca_flags, passphrase_flag};
use crate::pki::authority::{AuthorityError, ImportError};
use crate::pki::change::{ANOTHER_CA, ENCRYPTED_CA, PRIVATE_CA, rotation_command};
use crate::pki::renewal::RenewalError;
use crate::pki::rotation::{Phase, Rotation, RotationError, Verb};
use crate::shell::{dir_flag, shell_word};

use super::StepPlan;

impl StepPlan {
    /// Adds to an error about `rotation` what to type.
    pub(super) fn advised(&self, rotation: &Rotation, error: RotationError) -> CertsError {
        match self.hint(rotation, &error) {
            Some(hint) => Advised::new(error, hint).into(),
            None => error.into(),
        }
    }

    fn hint(&self, rotation: &Rotation, error: &RotationError) -> Option<String> {
        let command = |step: &str, flags: &str| rotation_command(step, flags, &self.directory);
        let Some(named) = self.ca_flags() else { return self.private_hint(rotation, error) };
        let this = command("prepare", &named);
        Some(match error {
            RotationError::NotPrepared { .. } => format!("begin with {this}"),
            RotationError::OtherCa { has_key: true, .. } | RotationError::OtherRoot { has_key: true, .. } => {
                let activate = command("activate", rotation.activate_flags());
                format!(
                    "the key of the one that was prepared is stored here: {activate}; to prepare the one that you named in its place: {this}"
                )
            }
            RotationError::OtherRoot { .. } | RotationError::OtherSigns { .. }
                if rotation.phase == Phase::Activated =>
            {
                format!(
                    "name the one that was activated; to change to the one that you named: {}, then {this}",
                    command("finish", "")
                )
            }
            RotationError::OtherCa { .. } | RotationError::OtherRoot { .. } => {
                format!("name the one that was prepared, or prepare this one in its place: {this}")
            }
            RotationError::SameCa { .. } => format!(
                "name the CA that replaces it; for new certificates from this one: `egext certs renew --force {named}{}`",
                dir_flag(&self.directory)
            ),
            _ => return None,
        })
    }

    /// The same where no CA was named.
    fn private_hint(&self, rotation: &Rotation, error: &RotationError) -> Option<String> {
        let command = |step: &str, flags: &str| rotation_command(step, flags, &self.directory);
        let prepare = |flags: &[String]| command("prepare", &words(flags));
        let has_key = rotation.next.as_ref().is_some_and(|next| next.has_key);
        Some(match error {
            RotationError::Ca(RenewalError::Authority(AuthorityError::NotPermitted { names, .. }))
                if has_key =>
            {
                let permit = format!("--permit {}", shell_word(&names.join(",")));
                format!(
                    "{} makes a new CA that permits this, in place of this one",
                    prepare(&[permit, self.again(rotation)])
                )
            }
            RotationError::Authority(AuthorityError::Import(
                ImportError::Expired { .. } | ImportError::NotYetValid { .. },
            )) => format!("{} makes another one in its place", prepare(&[self.again(rotation)])),
            RotationError::NextIsTheirs { ca, .. } => format!(
                "{} makes a private CA in its place; {} goes on with `{ca}`",
                prepare(&[PRIVATE_CA.to_owned(), self.prepare_flags()]),
                command("activate", ANOTHER_CA)
            ),
            RotationError::NotEncrypted { .. } if rotation.phase == Phase::Prepared => format!(
                "{} makes another CA, whose key is encrypted; {} uses this one as it is",
                prepare(&[self.passphrase_flag()]),
                command("activate", "")
            ),
            RotationError::NotEncrypted { .. } => format!(
                "to replace this CA by one whose key is encrypted: {}, then {}",
                command("finish", ""),
                prepare(&[self.passphrase_flag()])
            ),
            RotationError::NotPrepared { .. } if self.passphrase.is_some() => {
                format!("{} makes one", prepare(&[self.passphrase_flag()]))
            }
            RotationError::NotPrepared { .. } => {
                format!("{} makes one", command("prepare", rotation.prepare_flags()))
            }
            RotationError::PassphraseNeeded { .. } => format!(
                "name the file with its passphrase: {}",
                prepare(&[self.prepare_flags(), ENCRYPTED_CA.to_owned()])
            ),
            _ => return None,
        })
    }

    /// The CA that was named, as it is typed again.
    pub(super) fn ca_flags(&self) -> Option<String> {
        let (certificate, key) = self.other.as_ref()?;
        Some(ca_flags(certificate, key, self.passphrase.as_deref()))
    }

    /// What `activate` needs for the CA that is prepared, with the files that were named.
    pub(super) fn activate_flags(&self, rotation: &Rotation) -> String {
        match (&rotation.next, self.ca_flags(), self.passphrase_flag()) {
            (Some(next), Some(files), _) if !next.has_key => files,
            (Some(next), _, passphrase) if next.is_encrypted && !passphrase.is_empty() => passphrase,
            _ => rotation.activate_flags().to_owned(),
        }
    }

    /// The passphrase that was named.
    pub(super) fn passphrase_flag(&self) -> String {
        self.passphrase.as_deref().map_or_else(String::new, passphrase_flag)
    }

    /// What was asked of a private CA, as it is typed again.
    fn prepare_flags(&self) -> String {
        let asked = matches!(self.verb, Verb::Prepare { asked: true, .. });
        let private = if asked { PRIVATE_CA.to_owned() } else { String::new() };
        let wished = self.wished().into_iter().map(|(flag, value)| format!("{flag} {value}"));
        words(&[private].into_iter().chain(wished).chain([self.passphrase_flag()]).collect::<Vec<_>>())
    }

    /// What was asked of a private CA: flags and their values.
    fn wished(&self) -> Vec<(&'static str, String)> {
        let Verb::Prepare { wishes, .. } = &self.verb else { return Vec::new() };
        let names = wishes.permit.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let wished = [
            ("--key-type", wishes.key_type.map(|key_type| key_type.name().to_owned())),
            ("--ca-lifetime", wishes.lifetime.map(|lifetime| lifetime.to_string())),
            (
                "--permit",
                Some(names).filter(|names| !names.is_empty()).map(|names| shell_word(&names).into()),
            ),
        ];
        wished.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
    }

    /// What makes another private CA in place of the one that is prepared.
    fn again(&self, rotation: &Rotation) -> String {
        match self.passphrase_flag() {
            none if none.is_empty() => rotation.activate_flags().to_owned(),
            passphrase => passphrase,
        }
    }
}

/// Flags in one line; those that were not given are empty.
fn words(flags: &[String]) -> String {
    flags.iter().filter(|flags| !flags.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}
