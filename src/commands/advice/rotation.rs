use super::Advice;
use super::renewal::replacement_command;
use crate::pki::change::{ANOTHER_CA, PRIVATE_CA, renew_command, rotate_command, rotation_command};
use crate::pki::rotation::RotationError;
use crate::report::Hint as _;
use crate::shell::{dir_flag, shell_word};

impl Advice for RotationError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.advice(),
            Self::Ca(error) => error.advice(),
            Self::Identity(error) => error.hint(),
            Self::Member(error) => error.advice(),
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
            Self::Store(error) => error.advice(),
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
