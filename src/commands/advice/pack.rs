use std::path::Path;

use super::Advice;
use crate::pki::change::renew_command;
use crate::pki::pack::PackError;
use crate::pki::rotation::replacement;
use crate::pki::{CA_CERTIFICATE_FILE, member};
use crate::report::{Hint as _, enumeration, in_backticks};
use crate::shell::{dir_flag, shell_path, shell_word};

impl Advice for PackError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::CaExpired { ca, .. } => {
                let directory = ca.parent().unwrap_or(Path::new(""));
                Some(format!("replace the CA first: {}", replacement(directory)))
            }
            Self::Expired { path, .. } => {
                Some(format!("renew it first: {}", renew_command(path, "")))
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
                let names = in_backticks(names);
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
            Self::Store(error) => error.advice(),
        }
    }
}
