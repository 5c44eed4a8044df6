pub(super) mod check;
mod compare;
mod example;
mod kubernetes;
mod patch;
mod request;
mod secrets;
mod versions;

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use check::CheckError;
pub(super) use check::{kind, look, sources};
use compare::compare;
pub use patch::FilePatchError;

use super::advice::{Advice as _, file_advice};
use super::{Alone, Error};
use crate::cli::{Config, ConfigCommand, Gateway, Variables};
use crate::gateway::{
    Cause, Configuration, ConfigurationError, KubernetesError, NoSections, Place, Request, ValueError,
    has_encoded_secret,
};
use crate::input::{self, InputError};
use crate::net::AddressError;
use crate::pki::pack::PackError;
use crate::pki::store::StoreError;
use crate::render;
use crate::render::config::Compared;
use crate::report::{Hint, Report};
use crate::shell::{shell_parent, shell_path};

pub(super) fn run(arguments: &Config, variables: &Variables, now: OffsetDateTime) -> Result<Report, Error> {
    Ok(match &arguments.command {
        ConfigCommand::Check(arguments) => check::run(arguments, now)?,
        ConfigCommand::Gateway(arguments) => gateway(arguments, variables)?,
        ConfigCommand::Kubernetes(arguments) => kubernetes::run(arguments)?,
        ConfigCommand::Patch(arguments) => patch::run(arguments, variables)?,
        ConfigCommand::Secrets(arguments) => secrets::run(arguments, now)?,
        ConfigCommand::Stanza(arguments) => {
            let request = request::of_part(&arguments.extension, arguments.extension.mode, variables)?;
            write("config stanza", arguments.check.as_deref(), request)?
        }
        ConfigCommand::Versions(arguments) => versions::run(arguments)?,
    })
}

fn gateway(arguments: &Gateway, variables: &Variables) -> Result<Report, ConfigError> {
    let configuration = Configuration::decide(request::of_gateway(arguments, variables)?)?;
    let example = request::example_directory(arguments, variables);
    let example = example.map(|directory| example::write(directory, &configuration)).transpose()?;
    let report = report("config gateway", arguments.check.as_deref(), &configuration)?;
    Ok(match example {
        Some(file) => render::config::with_example(report, &file),
        None => report,
    })
}

fn write(command: &'static str, check: Option<&Path>, request: Request) -> Result<Report, ConfigError> {
    report(command, check, &Configuration::decide(request)?)
}

fn report(
    command: &'static str,
    check: Option<&Path>,
    configuration: &Configuration,
) -> Result<Report, ConfigError> {
    let yaml = configuration.yaml();
    let compared = match check {
        None => None,
        Some(path) => Some(compared(command, path, &yaml)?),
    };
    Ok(render::config::report(command, configuration, yaml, compared.as_ref()))
}

fn read(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let bytes = input::read(path, FILE_LIMIT).map_err(|error| match error {
        InputError::Io(source) => ConfigError::Unreadable { path: path.to_owned(), source },
        InputError::TooLarge => ConfigError::TooLarge { path: path.to_owned() },
        error => ConfigError::NotAFile { path: path.to_owned(), kind: kind(&error) },
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| ConfigError::NotText {
        path: path.to_owned(),
        place: Place::of(&bytes, error.valid_up_to()),
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The difference shows what the file holds, so it must not hold a key or another program's secrets.
fn compared(command: &'static str, path: &Path, yaml: &str) -> Result<Compared, ConfigError> {
    let other = |found| ConfigError::OtherFile { path: path.to_owned(), found };
    let text = read(path)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(other("holds a private key"));
    }
    if text.contains("-----BEGIN ") {
        return Err(other("holds PEM blocks"));
    }
    let compared = compare(command, path, &text, yaml).map_err(|error| match error {
        NoSections::Foreign => other("is no EnvoyGateway configuration with an `extensionManager`"),
        NoSections::Other(place, why) => {
            ConfigError::Unparsable { path: path.to_owned(), place, why: why.to_owned(), cause: None }
        }
        NoSections::Unreadable(error) => {
            let (path, place) = (path.to_owned(), error.place);
            ConfigError::Unparsable { path, place, why: error.why, cause: Some(error.cause) }
        }
    })?;
    match has_encoded_secret(&text) {
        true => Err(other("holds what may be a key in Base64")),
        false => Ok(compared),
    }
}

/// Why `egext config` could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The user gave a flag without another that it needs.
    #[error(transparent)]
    Alone(#[from] Alone),
    /// The user typed something that is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The user named a file for `config check` that cannot be looked at.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The user named something that has no end, or no contents.
    #[error("`{}` is {kind}, not a file", path.display())]
    NotAFile {
        /// As typed.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The user named a file that is not text.
    #[error("`{}:{}:{}` is not UTF-8 text", path.display(), place.line, place.column)]
    NotText {
        /// As typed.
        path: PathBuf,
        /// Where the first octet is that is none.
        place: Place,
    },
    /// The user named a file that cannot be read as it is.
    #[error("`{}:{}:{}` cannot be compared: {why}", path.display(), place.line, place.column)]
    Unparsable {
        /// As typed.
        path: PathBuf,
        /// Where it is wrong.
        place: Place,
        /// Why.
        why: String,
        /// What may be the cause.
        cause: Option<Cause>,
    },
    /// The user named a file of another kind, whose contents are not shown.
    #[error("`{}` {found}, so it is not compared", path.display())]
    OtherFile {
        /// As typed.
        path: PathBuf,
        /// What it holds, or does not.
        found: &'static str,
    },
    /// The user wishes for something that could not work.
    #[error("{flag}{0}", flag = .0.flag())]
    Configuration(#[from] ConfigurationError),
    /// The example was not written.
    #[error(transparent)]
    Example(StoreError),
    /// The user wishes for something that could not work in Kubernetes.
    #[error("{flag}{0}", flag = .0.flag())]
    Kubernetes(#[from] KubernetesError),
    /// The manifests were not written.
    #[error(transparent)]
    Manifests(StoreError),
    /// The file was not written.
    #[error(transparent)]
    Out(StoreError),
    /// The user named a directory in place of a file.
    #[error("`{}` is a directory, and a file is expected", path.display())]
    OutDirectory {
        /// As typed.
        path: PathBuf,
    },
    /// A file was not patched.
    #[error(transparent)]
    FilePatch(#[from] FilePatchError),
    /// The certificates of the set cannot be used.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The user left out where the Secrets go to.
    #[error("the Secrets hold a private key, and stdout is a terminal")]
    SecretsOnTerminal,
    /// The user named a file that can be no configuration.
    #[error("`{}` is larger than {} KiB", path.display(), FILE_LIMIT >> 10)]
    TooLarge {
        /// As typed.
        path: PathBuf,
    },
    /// The user named a file that is not there or not readable.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// As typed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user typed something that EG or Kubernetes would not take.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Alone(error) => error.hint(),
            Self::Address(error) => error.hint(),
            Self::Check(error) => error.hint(),
            Self::NotAFile { .. } | Self::NotText { .. } | Self::OtherFile { .. } | Self::TooLarge { .. } => {
                Some("`--check` takes a file that this command wrote".to_owned())
            }
            Self::Unparsable { path, cause: Some(cause), .. } if *cause != Cause::Limit => {
                Some(unreadable_hint(*cause, path))
            }
            Self::Unparsable { .. } => Some("`--check` takes a file that this command wrote".to_owned()),
            Self::Configuration(error) => error.advice(),
            Self::Example(StoreError::Exists { .. }) => {
                Some("it is of other flags, or was changed: remove it, or leave `--with-example` out".to_owned())
            }
            Self::Example(StoreError::Failed { path, source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(format!("make the directory first: `mkdir -p {}`", shell_parent(path)))
            }
            Self::Example(_) => Some("name a directory that you may write to: `--with-example DIR`".to_owned()),
            Self::Kubernetes(error) => error.advice(),
            Self::Manifests(error) => match error {
                StoreError::Exists { .. } => {
                    Some("remove it first, or name another directory with `--out`".to_owned())
                }
                StoreError::Failed { .. } => {
                    Some("name a directory that you may write to: `--out DIR`".to_owned())
                }
                error => error.advice(),
            },
            Self::Out(error) => file_advice(error, "secrets.yaml"),
            Self::OutDirectory { path } => {
                let file = shell_path(&path.join("secrets.yaml"));
                Some(format!("name a file in it: `--out {file}`"))
            }
            Self::FilePatch(error) => error.hint(),
            Self::Pack(error) => error.advice(),
            Self::SecretsOnTerminal => {
                Some("pipe them: `egext config secrets | kubectl apply --server-side -f -`; or name a file: `--out FILE`".to_owned())
            }
            Self::Unreadable { path, source } if source.kind() != io::ErrorKind::NotFound => {
                Some(format!("look at the path: `ls -ld {}`", shell_path(path)))
            }
            Self::Unreadable { .. } => {
                Some("the same command without `--check` and with `> FILE` writes it".to_owned())
            }
            Self::Value(error) => error.hint(),
        }
    }
}

/// What helps if a file cannot be read.
fn unreadable_hint(cause: Cause, path: &Path) -> String {
    match cause {
        Cause::Directive => "take the line out, and the `---` below it".to_owned(),
        Cause::Limit => "name the EnvoyGateway file, which has a few KiB".to_owned(),
        Cause::Template => "render the template first, such as by `helm template`".to_owned(),
        Cause::Syntax | Cause::Tab => format!("look at the line: `cat -A {}`", shell_path(path)),
    }
}

/// What we write has a few KiB.
const FILE_LIMIT: u64 = 1 << 20;
