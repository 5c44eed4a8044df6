use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;
use zeroize::Zeroizing;

use super::ConfigError;
use super::check::source;
use super::request::of_part;
use super::unreadable_hint;
use crate::cli::{Extension, Patch, Variables};
use crate::commands::advice::Advice as _;
use crate::gateway::patch::{PatchError, Patchable, Target};
use crate::gateway::{Configuration, FILE_LIMIT, Mode, Place, has_encoded_secret};
use crate::input::is_stdin;
use crate::pki::store::{self, StoreError};
use crate::render::config::patch::{self as rendered, Outcome};
use crate::report::{Hint, Report};
use crate::shell::{shell_parent, shell_word};

/// `egext config patch`
pub(super) fn run(arguments: &Patch, variables: &Variables) -> Result<Report, ConfigError> {
    let Patch { file, helm_values, dry_run, extension } = arguments;
    let text = text(file)?;
    let about = |source| FilePatchError::Patch { path: file.clone(), source };
    let patchable = Patchable::read(&text, helm_values.then_some(Target::HelmValues)).map_err(about)?;
    let mode = match patchable.target() {
        // What runs in Kubernetes can have resources from elsewhere.
        Target::ConfigMap if extension.mode == Mode::CustomKubernetes => extension.mode,
        Target::EnvoyGateway => extension.mode,
        // The chart is for nothing else.
        Target::ConfigMap | Target::HelmValues => Mode::Kubernetes,
    };
    let configuration = Configuration::decide(of_part(extension, mode, variables)?)?;
    let patched = patchable.with(&configuration.yaml(), &defaults(extension)).map_err(about)?;
    let is_streamed = is_stdin(file) && !dry_run;
    let changed = patched != *text;
    if changed && !is_streamed && !dry_run {
        let replaced = store::replace_alone(file, text.as_bytes(), patched.as_bytes());
        replaced.map_err(FilePatchError::Write)?;
    }
    let diff = if changed { diff(&text, &patched, &file.display().to_string()) } else { None };
    let target = patchable.target();
    let outcome = Outcome { file, target, patched, changed, diff, dry_run: *dry_run, is_streamed };
    Ok(rendered::report(&configuration, outcome))
}

fn text(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let bytes = source(path)?.bytes.map_err(|_| FilePatchError::TooLarge { path: path.to_owned() })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| FilePatchError::NotText {
        path: path.to_owned(),
        place: Place::of(&bytes, error.valid_up_to()),
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What stays as it is in the file, because no flag says anything about it.
fn defaults(extension: &Extension) -> Vec<&'static [&'static str]> {
    let hooks: &[_] = &["hooks", "xdsTranslator", "post"];
    let names_none = extension.hooks.hook.is_empty() && extension.hooks.preset.is_none();
    // What `Translation` gets is up to the server that answers it, like the hooks.
    let translation: &[_] = &["hooks", "xdsTranslator", "translation"];
    let translation = (names_none && extension.hooks.include_all.is_empty()).then_some(translation);
    let hooks = names_none.then_some(hooks);
    let fail_open: &[_] = &["failOpen"];
    let fail_open = (!extension.hooks.fail_open).then_some(fail_open);
    hooks.into_iter().chain(translation).chain(fail_open).collect()
}

/// What changes, with the lines around it; nothing of a file that may hold keys.
fn diff(text: &str, patched: &str, name: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") || has_encoded_secret(text) {
        return None;
    }
    let changes = TextDiff::from_lines(text, patched);
    Some(changes.unified_diff().context_radius(3).header(name, "egext config patch").to_string())
}

/// A path as a terminal and an editor open it.
fn with_place(path: &Path, error: &PatchError) -> String {
    let place = error.place().map(|place| format!(":{}:{}", place.line, place.column));
    format!("{}{}", path.display(), place.unwrap_or_default())
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Why a file was not patched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilePatchError {
    /// It is not text.
    #[error("`{}:{}:{}` is not UTF-8 text", path.display(), place.line, place.column)]
    NotText {
        /// As typed.
        path: PathBuf,
        /// Where the first octet is that is none.
        place: Place,
    },
    /// A person has to decide.
    #[error("`{}` was not changed: {source}", with_place(path, source))]
    Patch {
        /// As typed.
        path: PathBuf,
        /// What there is to decide.
        source: PatchError,
    },
    /// It is larger than what EG's configuration can be.
    #[error("`{}` is larger than {} MiB", path.display(), FILE_LIMIT >> 20)]
    TooLarge {
        /// As typed.
        path: PathBuf,
    },
    /// The new text did not get to its place.
    #[error(transparent)]
    Write(StoreError),
}

impl Hint for FilePatchError {
    fn hint(&self) -> Option<String> {
        let (path, source) = match self {
            Self::Patch { path, source } => (path, source),
            Self::NotText { .. } | Self::TooLarge { .. } => {
                return Some("name the file that EG is started with, or the values of its chart".to_owned());
            }
            Self::Write(StoreError::Failed { path, source, .. }) if is_refused(source) => {
                let parent = shell_parent(path);
                return Some(format!(
                    "its directory must be writable, since a new file takes its place: `ls -ld {parent}`"
                ));
            }
            Self::Write(error) => return error.advice(),
        };
        Some(match source {
            PatchError::Anchor { .. } => "write out what it stands for, and try again".to_owned(),
            PatchError::Both { .. } => "remove one of them".to_owned(),
            PatchError::Foreign { .. } => {
                "name the EnvoyGateway file; if it has Helm values without `config.envoyGateway`, add `--helm-values`".to_owned()
            }
            PatchError::Json => "EG reads YAML too: convert it first, such as by `yq -p json -o yaml`".to_owned(),
            PatchError::Namesake { .. } => "give one of them another name".to_owned(),
            PatchError::NoList { key, .. } => format!("give `{key}` items, or remove it"),
            PatchError::NoMapping { key, .. } => format!("give `{key}` keys, or remove it"),
            PatchError::Plural { names, .. } => match &names[..] {
                [] => "say what it is called there: `--name NAME`".to_owned(),
                names => format!("say which of them it is, or the name of a new one: `--name {}`", shell_word(&names[0])),
            },
            PatchError::Quoted { key, .. } => {
                format!("write `{key}: |`, and below it the lines of the file, indented")
            }
            PatchError::SecondConfigMap { .. } => "keep the one that is to be changed in a file of its own".to_owned(),
            PatchError::Several { .. } => "EG reads the first document only: keep each in a file of its own".to_owned(),
            PatchError::Singular { .. } => {
                "leave `--name` out, or make it the first item of `extensionManagers`, with a `name`".to_owned()
            }
            PatchError::Twice { .. } => "EG takes the last one: remove the other".to_owned(),
            PatchError::Unreadable(error) => unreadable_hint(error.cause, path),
            PatchError::Version { .. } => {
                "write `apiVersion: gateway.envoyproxy.io/v1alpha1`, or name another file".to_owned()
            }
            PatchError::Unsure => {
                "merge it by hand: `egext config stanza` prints the extension with the same flags".to_owned()
            }
        })
    }
}
