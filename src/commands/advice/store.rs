use std::io;
use std::path::Path;

use super::Advice;
use crate::pki::store::{StoreError, previous};
use crate::pki::{Role, link_command};
use crate::report::Hint as _;
use crate::shell::{dir_flag, shell_parent, shell_path};

impl Advice for StoreError {
    fn advice(&self) -> Option<String> {
        let half_set = |rest: &str| format!("put back what is missing, or {rest}");
        Some(match self {
            Self::Busy { .. } => "wait until it has ended, and try again".to_owned(),
            Self::Changed { .. } => "look at what has changed, and try again".to_owned(),
            Self::Failed { action, path, source } => match source.kind() {
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "`--dir` names a directory; a part of this path is a file".to_owned()
                }
                io::ErrorKind::FileTooLarge => "raise the limit on the size of files: `ulimit -f`".to_owned(),
                io::ErrorKind::NotFound => "a part of this path is a link that leads nowhere".to_owned(),
                io::ErrorKind::PermissionDenied if *action == "keep the owner of" => {
                    format!("run it as the user that owns the file: `ls -l {}`", shell_path(path))
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "name a directory that you may write to with `--dir`".to_owned()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room and try again; nothing was changed".to_owned()
                }
                _ => format!("look at what is there: `ls -ld {}`", shell_path(path)),
            },
            Self::Dangling { directory, links } => {
                let links = links.iter().map(|link| shell_path(&directory.join(link)));
                format!(
                    "copy the directory again with its `.egext` (`cp -a`); to begin anew with another CA, remove the links: `rm {}`",
                    links.collect::<Vec<_>>().join(" ")
                )
            }
            Self::Exists { .. } => "name another file, or remove this one".to_owned(),
            Self::Foreign { .. } => "move it away, or name another directory with `--dir`".to_owned(),
            Self::GatewayHome { .. } => {
                "name another directory with `--dir`: these files have the same names, and `envoy-gateway certgen` overwrites them".to_owned()
            }
            Self::Half { foreign: true, .. } => {
                half_set("move the other files away, or name another directory with `--dir`")
            }
            Self::Half { directory, missing, .. } => {
                let is_of = |role: &Role| missing.iter().all(|name| role_of(name) == Some(*role));
                match Role::SERVER_FIRST.into_iter().find(is_of) {
                    Some(role) => half_set(&format!(
                        "issue a new one: `egext certs issue {role} --out {role} --san NAME --replace{}`",
                        dir_flag(directory)
                    )),
                    None => half_set(&format!(
                        "make a set in another directory with `--dir`; if there was a set before this one, it is in `{}`",
                        previous(directory).display()
                    )),
                }
            }
            Self::InsideSet { set, .. } => format!("name the set: `--dir {}`", shell_path(set)),
            Self::LinkMissing { directory, links } => {
                let made = links.iter().map(|link| link_command(&directory.join(link)));
                format!("the set in `.egext` is whole: `{}` puts back what is missing", made.collect::<Vec<_>>().join(" && "))
            }
            Self::OneSide { role, .. } => format!(
                "renew where the set was made, and copy the files of the {role} again: `egext certs renew --dir DIR`, then `egext certs pack {role} --out {role}.tar --dir DIR`; a new set goes into another directory with `--dir`"
            ),
            Self::Mixture { .. } => "copy the set again as a whole: files of two sets were mixed".to_owned(),
            Self::Unusable(error) => return error.hint(),
            Self::Stray { .. } => "it was changed since: put the link back, or name another directory with `--dir`".to_owned(),
            Self::Unlinked { directory, sets, has_links: true, .. } => current_words(directory, sets),
            Self::Unlinked { directory, sets, current, .. } => linking_words(directory, sets, *current),
            Self::Untrusted(error) => return error.hint(),
            Self::NoRandomness => "look at `dmesg` for `random`, and try again".to_owned(),
        })
    }
}

/// The same for a single file, which `--out` names. `example` is a name for such a file.
pub(in crate::commands) fn file_advice(error: &StoreError, example: &str) -> Option<String> {
    let StoreError::Failed { path, source, .. } = error else { return error.advice() };
    let directory = shell_parent(path);
    match source.kind() {
        io::ErrorKind::NotFound => Some(format!("make its directory first: `mkdir -p {directory}`")),
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            Some(format!("name a file, such as `--out {example}`"))
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("name a file in a directory that you may write to, with `--out`".to_owned())
        }
        _ => error.advice(),
    }
}

/// Whose file it is.
fn role_of(file: &str) -> Option<Role> {
    let is_of = |role: &Role| [role.certificate_file(), role.key_file()].contains(&file);
    Role::SERVER_FIRST.into_iter().find(is_of)
}

/// How it becomes a set again, with the next CA of a rotation: the same as a copy that has files where links have been.
fn linking_words(directory: &Path, sets: &[String], current: bool) -> String {
    let place = shell_path(directory);
    let copy = format!("cp -p {place}/.egext/current/* {place}/");
    match sets {
        _ if current => format!("`{copy}` puts its files back"),
        [set] => format!(
            "copy it again with its links (`cp -a`), or go on with it as it is: `mv {place}/.egext/{set} {place}/.egext/current && {copy}`"
        ),
        _ => format!(
            "copy it again with its links (`cp -a`), or choose the newest of them (`egext certs show {place}/.egext/SET` tells its dates) for SET: `mv {place}/.egext/SET {place}/.egext/current && {copy}`"
        ),
    }
}

/// The same where only the link is missing that leads to the set in use.
fn current_words(directory: &Path, sets: &[String]) -> String {
    let place = shell_path(directory);
    match sets {
        [set] => format!("put it back: `ln -sfn {set} {place}/.egext/current`"),
        _ => format!(
            "choose the newest of them (`egext certs show {place}/.egext/SET` tells its dates) for SET: `ln -sfn SET {place}/.egext/current`"
        ),
    }
}
