use std::io;
use std::path::{Path, PathBuf};

use super::{Untrusted, previous};
use crate::pki::keys::link::link_command;
use crate::pki::{IdentityError, Role};
use crate::report::Hint;
use crate::shell::{dir_flag, shell_path};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another `egext` is writing.
    #[error("another `egext` is writing to `{}`", directory.display())]
    Busy {
        /// The directory.
        directory: PathBuf,
    },
    /// A copy that left out what the links lead to, with the CA's key. Who made a new set would lose the old one.
    #[error("the links in `{}` lead to `.egext`, which is not there", directory.display())]
    Dangling {
        /// The directory.
        directory: PathBuf,
        /// What they are called.
        links: Vec<String>,
    },
    /// Something is there already, and is not replaced.
    #[error("`{}` exists, and is not overwritten", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Failed {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something that we did not make is in the way.
    #[error("`{}` was not made by this command, and is not overwritten", path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
    /// The directory belongs to Envoy Gateway, which overwrites the files in it.
    #[error("`{}` belongs to Envoy Gateway, whose own certificates are there", home.display())]
    GatewayHome {
        /// Envoy Gateway's directory.
        home: PathBuf,
    },
    /// Only some of the files are there. The others may be needed again.
    #[error("`{}` holds half a set: {} missing", directory.display(), missing_words(missing))]
    Half {
        /// The directory.
        directory: PathBuf,
        /// Those that are there were not made by `egext`.
        foreign: bool,
        /// The names of the files that are not there.
        missing: Vec<String>,
    },
    /// The user named what is inside of a set.
    #[error("`{}` is inside of the set `{}`", directory.display(), set.display())]
    InsideSet {
        /// The directory.
        directory: PathBuf,
        /// That of the set.
        set: PathBuf,
    },
    /// The current set is whole, and users do not find all of it.
    #[error("`{}` lacks the {} {}", directory.display(), if links.len() == 1 { "link" } else { "links" }, names_words(links))]
    LinkMissing {
        /// The directory.
        directory: PathBuf,
        /// What the links are called.
        links: Vec<String>,
    },
    /// The files are no set, though all are there.
    #[error("`{}` was not issued by the CA in `{}`", certificate.display(), ca.display())]
    Mixture {
        /// The certificate.
        certificate: PathBuf,
        /// The CA's.
        ca: PathBuf,
    },
    /// Another machine made the set, and this one was given what its side needs.
    #[error("`{}` holds the files of the {role} only, and nothing is signed here", directory.display())]
    OneSide {
        /// The directory.
        directory: PathBuf,
        /// The side.
        role: Role,
    },
    /// A copy of a set without its links, or one whose links were removed.
    #[error("no link leads to {}", sets_words(hidden, sets))]
    Unlinked {
        /// The directory.
        directory: PathBuf,
        /// Where the sets are.
        hidden: PathBuf,
        /// What they are called.
        sets: Vec<String>,
        /// The link that is still there.
        current: bool,
        /// Those that users know are there, and `current` is missing.
        has_links: bool,
    },
    /// What should lead to a set next to it leads somewhere else.
    #[error("`{}` leads to `{}`, not to a set of `egext certs`", path.display(), target.display())]
    Stray {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Others could replace files.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A plain file of a set cannot be used.
    #[error(transparent)]
    Unusable(#[from] IdentityError),
    /// The operating system has no random numbers.
    #[error("cannot choose a name: the operating system gave no random numbers")]
    NoRandomness,
}

impl StoreError {
    /// The same about `path`, where the user knows nothing of `temporary`.
    pub(super) fn about(self, temporary: &Path, path: &Path) -> Self {
        match self {
            Self::Failed { action, path: failed, source } if failed == temporary => {
                Self::failed(action, path, source)
            }
            other => other,
        }
    }

    pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Failed { action, path: path.into(), source }
    }
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        let half_set = |rest: &str| format!("put back what is missing, or {rest}");
        Some(match self {
            Self::Busy { .. } => "wait until it has ended, and try again".to_owned(),
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
                match [Role::Server, Role::Client].into_iter().find(is_of) {
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

/// Whose file it is.
fn role_of(file: &str) -> Option<Role> {
    let is_of = |role: &Role| [role.certificate_file(), role.key_file()].contains(&file);
    [Role::Server, Role::Client].into_iter().find(is_of)
}

fn sets_words(hidden: &Path, sets: &[String]) -> String {
    let names = sets.iter().map(|name| format!("`{}`", hidden.join(name).display())).collect::<Vec<_>>();
    let noun = if sets.len() == 1 { "the set" } else { "the sets" };
    format!("{noun} {}", names.join(", "))
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

fn names_words(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn missing_words(missing: &[String]) -> String {
    let names = names_words(missing);
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{names} {verb}")
}
