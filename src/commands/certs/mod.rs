//! `egext certs`: a private CA for one channel, and what it signs.

mod advised;
mod check;
mod init;
mod issue;
mod pack;
mod presented;
mod remove;
mod renew;
mod rotate_ca;
mod show;
mod signer;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::advice::{Advice as _, file_advice};
use super::{Alone, Error};
use crate::cli::{Certs, CertsCommand, RotationStep};
use crate::net::Address;
use crate::pki::authority::AuthorityError;
use crate::pki::change::{ChangeError, rotation_command};
use crate::pki::member::MemberError;
use crate::pki::pack::PackError;
use crate::pki::renewal::RenewalError;
use crate::pki::request::RequestError;
use crate::pki::rotation::RotationError;
use crate::pki::store::{StoreError, finish_forgetting};
use crate::pki::{IdentityError, NameError, PassphraseError, Role, SubjectName, lifetime, when};
use crate::report::{Hint, Report};
use crate::shell::{dir_flag, shell_path, shell_word};

pub(super) fn run(arguments: Certs, now: OffsetDateTime) -> Result<Report, Error> {
    finish_forgetting(directory(&arguments.command)).map_err(CertsError::from)?;
    Ok(match arguments.command {
        CertsCommand::Init(arguments) => init::run(arguments, now)?,
        CertsCommand::Check(arguments) => check::run(&arguments, now)?,
        CertsCommand::Show(arguments) => show::run(&arguments, now)?,
        CertsCommand::Issue(arguments) => issue::run(arguments, now)?,
        CertsCommand::Pack(arguments) => pack::run(&arguments, now)?,
        CertsCommand::Remove(arguments) => remove::run(&arguments, now)?,
        CertsCommand::Renew(arguments) => renew::run(arguments, now)?,
        CertsCommand::RotateCa(arguments) => rotate_ca::run(arguments, now)?,
    })
}

/// Names as they were typed, each once.
fn each_once<'a>(
    typed: impl IntoIterator<Item = &'a String>,
    parse: impl Fn(&str) -> Result<SubjectName, NameError>,
) -> Result<Vec<SubjectName>, NameError> {
    let mut names = Vec::new();
    for name in typed {
        let name = parse(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The set that a command is about.
fn directory(command: &CertsCommand) -> &Path {
    match command {
        CertsCommand::Init(arguments) => &arguments.dir,
        CertsCommand::Check(arguments) => check::directory(arguments),
        CertsCommand::Show(arguments) => &arguments.dir,
        CertsCommand::Issue(arguments) => &arguments.dir,
        CertsCommand::Pack(arguments) => &arguments.dir,
        CertsCommand::Remove(arguments) => &arguments.dir,
        CertsCommand::Renew(arguments) => &arguments.dir,
        CertsCommand::RotateCa(arguments) => match &arguments.step {
            RotationStep::Prepare(arguments) => &arguments.step.dir,
            RotationStep::Activate(arguments) => &arguments.step.dir,
            RotationStep::Finish(arguments) => &arguments.step.dir,
            RotationStep::Status(arguments) => &arguments.dir,
        },
    }
}

pub use advised::Advised;
pub use signer::OtherCaError;

/// Why `egext certs` could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// One of the others, with what was typed in its hint.
    #[error(transparent)]
    Advised(#[from] Advised),
    /// The user gave a flag without another that it needs.
    #[error(transparent)]
    Alone(#[from] Alone),
    /// The user named a file in place of the certificate that it holds.
    #[error("`{typed}` is a file, and the name of a certificate is expected")]
    FileAsCertificate {
        /// As typed.
        typed: String,
        /// What the certificate is called.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// The user named a file in place of a directory.
    #[error("`{}` is a file, and a directory is expected", path.display())]
    FileAsDirectory {
        /// As typed.
        path: PathBuf,
    },
    /// The user left out where the archive goes to.
    #[error("the archive holds a key, and stdout is a terminal")]
    ArchiveOnTerminal {
        /// What is packed.
        role: Role,
    },
    /// The archive was not written.
    #[error(transparent)]
    Archive(StoreError),
    /// No certificate was made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The user named what to check twice.
    #[error("`{}` and `{flag}` both say what to check", directory.display())]
    DirectoryAndFile {
        /// As typed.
        directory: PathBuf,
        /// The flag.
        flag: &'static str,
    },
    /// A certificate was not changed.
    #[error("{flag}{0}", flag = .0.flag())]
    Change(#[from] ChangeError),
    /// The files that are there cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The clock of this machine was never set.
    #[error("this machine's clock says {}, which is before this program was written", when::day(*now))]
    Clock {
        /// What it says.
        now: OffsetDateTime,
    },
    /// The user wants a new key on stdout.
    #[error("a new key is not printed, so `--out -` needs `--csr`")]
    KeyOnStdout,
    /// The leaf certificates of the set cannot be read.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The user typed something that is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The directory has no certificate with its key, or none of the side that was asked about.
    #[error(
        "`{}` holds no certificate{} with its key to check",
        directory.display(),
        role.map_or_else(String::new, |role| format!(" of a {role}"))
    )]
    NothingToCheck {
        /// The directory.
        directory: PathBuf,
        /// The side that was asked about.
        role: Option<Role>,
    },
    /// A name was asked about, and no server's certificate was looked at.
    #[error("`--for-name` is about a server's certificate, and none of `{}` was checked", directory.display())]
    NoServerToName {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory has no file with a certificate or a key.
    #[error("`{}` holds no certificate and no key", directory.display())]
    NothingToShow {
        /// The directory.
        directory: PathBuf,
    },
    /// The user typed a path in place of a name.
    #[error("`{path}` is a path, and a name is expected")]
    PathAsName {
        /// As typed.
        path: String,
    },
    /// No certificate is presented where no TLS is spoken.
    #[error("`{address}` is plaintext, so no certificate is presented there")]
    Plaintext {
        /// As typed.
        address: Address,
    },
    /// The user asked for a name that no client ever calls.
    #[error("`{name}` is a wildcard; give a host name that clients connect to")]
    WildcardAsked {
        /// As typed.
        name: String,
    },
    /// The user wants a second certificate under a name that has one.
    #[error("there is a `{name}` in `{}` already", directory.display())]
    NameTaken {
        /// As typed.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// The user typed the name of a file in place of that of a certificate.
    #[error("`{name}` is the name of a file, and `--out` takes the name of a certificate")]
    NameOfFile {
        /// As typed.
        name: String,
        /// What it is called without its ending.
        stem: String,
    },
    /// The user typed something that is no name of a file.
    #[error("`{name}` is no name for `--out`")]
    OddName {
        /// As typed.
        name: String,
    },
    /// The user named a CA that does not sign for the set.
    #[error(transparent)]
    OtherCa(#[from] OtherCaError),
    /// Nothing was packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// There is no passphrase for the CA's key.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// Nothing was renewed.
    #[error(transparent)]
    Renewal(#[from] RenewalError),
    /// A request was refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The user wants to issue what the set has from the beginning.
    #[error("`{name}` is a name of the set's own files")]
    ReservedName {
        /// As typed.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// A step of a rotation was not made.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// Nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user named a CA that the set does not trust.
    #[error("`{}` chains to a root that is not in `{}`", certificate.display(), trusted.display())]
    StrangeCa {
        /// As typed.
        certificate: PathBuf,
        /// What the set trusts.
        trusted: PathBuf,
    },
}

impl Hint for CertsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Advised(error) => error.hint(),
            Self::Alone(error) => error.hint(),
            Self::ArchiveOnTerminal { role } => Some(format!(
                "pipe it to the other machine: `egext certs pack {role} --out - | ssh HOST 'mkdir -p -m 700 certs && tar -xf - -C certs'`"
            )),
            Self::Archive(error) => file_advice(error, "server.tar"),
            Self::Authority(error) => error.advice(),
            Self::Clock { .. } => Some(lifetime::CLOCK.to_owned()),
            Self::KeyOnStdout => Some(
                "name the files: `--out NAME`; `--out -` prints the certificate for a CSR: `--csr FILE`"
                    .to_owned(),
            ),
            Self::DirectoryAndFile { flag, .. } => {
                Some(format!("leave `{flag}` out to check the directory, or the directory to check the file"))
            }
            Self::Change(error) => error.advice(),
            Self::FileAsCertificate { name, directory, .. } => Some(format!(
                "leave out what stands around the name: `egext certs remove {}{}`",
                shell_word(name),
                dir_flag(directory)
            )),
            Self::FileAsDirectory { path } => Some(format!(
                "`egext certs show {}` says what is in it; to check single files, name them with `--ca`, `--cert` and `--key`",
                shell_path(path)
            )),
            Self::Identity(error) => error.hint(),
            Self::Member(error) => error.advice(),
            Self::Name(error) => error.advice(),
            Self::NothingToCheck { role: Some(_), .. } => {
                Some("leave `--role` out to check what is there".to_owned())
            }
            Self::NothingToCheck { directory, role: None } => Some(format!(
                "make a set: `egext certs init{}`; or name the files one by one with `--ca`, `--cert` and `--key`",
                dir_flag(directory)
            )),
            Self::NoServerToName { directory } => Some(format!(
                "check it where the server's files are, or ask the server itself: `egext certs check --connect HOST:PORT --for-name NAME{}`",
                dir_flag(directory)
            )),
            Self::NothingToShow { directory } => {
                Some(format!("make a set: `egext certs init{}`", dir_flag(directory)))
            }
            Self::PathAsName { path } => {
                Some(format!("`egext certs init --dir {}` names the directory", shell_word(path)))
            }
            Self::Plaintext { .. } => Some("write it as `tls://HOST:PORT`".to_owned()),
            Self::WildcardAsked { name } => Some(format!("for example `{}`", name.replace('*', "any"))),
            Self::NameTaken { name, directory } => Some(format!(
                "choose another name, or change what is there: `egext certs renew --name {} --add-san NAME{}`; `--replace` issues a new one in its place",
                shell_word(name),
                dir_flag(directory)
            )),
            Self::NameOfFile { stem, .. } => Some(format!(
                "leave out the ending: `--out {word}` writes `{stem}.crt` and `{stem}.key`",
                word = shell_word(stem)
            )),
            Self::OddName { .. } => {
                Some("letters, digits, `-`, `_` and `.` make a name, such as `gateway-2`".to_owned())
            }
            Self::OtherCa(error) => error.hint(),
            Self::Pack(error) => error.advice(),
            Self::Passphrase(error) => error.hint(),
            Self::Renewal(error) => error.advice(),
            Self::Request(error) => error.advice(),
            Self::ReservedName { name, directory } if name == "ca" => Some(format!(
                "choose another name; {} begins to replace the CA",
                rotation_command("prepare", "", directory)
            )),
            Self::ReservedName { name, directory } => Some(format!(
                "choose another name, or change the set's own: `egext certs renew --name {name} --add-san NAME{place}`; `egext certs issue {name} --out {name} --replace --san NAME{place}` issues a new one in its place",
                place = dir_flag(directory)
            )),
            Self::Rotation(error) => error.advice(),
            Self::Store(error) => error.advice(),
            Self::StrangeCa { .. } => {
                Some("name the CA that made the set, with those above it in the same file".to_owned())
            }
        }
    }
}
