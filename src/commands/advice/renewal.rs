use std::path::Path;

use super::Advice;
use crate::pki::Role;
use crate::pki::change::{PRIVATE_CA, renew_command, rotate_command};
use crate::pki::lifetime::CLOCK;
use crate::pki::renewal::{Loss, Lost, RenewalError, Stranger};
use crate::report::Hint as _;
use crate::shell::{dir_flag_of, shell_word};

impl Advice for RenewalError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.advice(),
            // Which directory is meant, and how far a rotation has come, only the commands know.
            Self::CaDue { .. } | Self::CaExpired { .. } => None,
            Self::CaNotYetValid { .. } => Some(CLOCK.to_owned()),
            Self::Identity(error) => error.hint(),
            Self::Loss(lost) => Some(without_loss(lost)),
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

fn without_loss(lost: &Lost) -> String {
    let Lost { path, name, role, names, what, flags } = lost;
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

/// The command that replaces the certificate in `path` of a set, whose files are called `name`. `signer` names the CA
/// that signs; it is empty for the set's own.
pub(super) fn replacement_command(leaf: (&str, Role), path: &Path, signer: &str) -> String {
    issue_command(leaf, path, ("NAME", signer))
}

/// The same with the names that the new certificate has, between commas.
fn issue_command((name, role): (&str, Role), path: &Path, (names, signer): (&str, &str)) -> String {
    let signer = if signer.is_empty() { String::new() } else { format!(" {signer}") };
    format!(
        "`egext certs issue {role} --out {} --replace --san {}{signer}{}`",
        shell_word(name),
        shell_word(names),
        dir_flag_of(path)
    )
}
