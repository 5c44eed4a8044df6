//! Files with one entry a line: targets and metadata.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::BASE64_NOPAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::config;
use crate::cli::CallFlags;
use crate::input::{self, InputError};
use crate::net::{Address, AddressError};
use crate::report::Hint;
use crate::shell::{shell_path, shell_word};

/// The targets of a file, in its order.
pub(super) fn targets(path: &Path) -> Result<Vec<Address>, ListError> {
    let text = read(path)?;
    let mut targets = Vec::new();
    for (line, entry) in entries(&text) {
        let address = Address::of_server(without_comment(entry));
        targets.push(address.map_err(|source| ListError::Address { path: path.to_owned(), line, source })?);
    }
    match targets.is_empty() {
        true => Err(ListError::Empty { path: path.to_owned() }),
        false => Ok(targets),
    }
}

/// Refuses a socket whose path was split at a comma, as lists of targets are. Only a path that is there was surely meant.
pub(super) fn refuse_split_socket(targets: &[Address]) -> Result<(), ListError> {
    for pair in targets.windows(2) {
        let [Address::Unix(begin), Address::Tcp { host, port: Address::DEFAULT_PORT, .. }] = pair else {
            continue;
        };
        let mut path = begin.clone().into_os_string();
        path.push(format!(",{host}"));
        let path = PathBuf::from(path);
        if path.exists() && !begin.exists() {
            return Err(ListError::SplitSocket { path });
        }
    }
    Ok(())
}

/// The metadata of flags and file.
pub(super) fn metadata(flags: &CallFlags) -> Result<HeaderMap, ListError> {
    let mut metadata = HeaderMap::new();
    for entry in &flags.metadata {
        add(&mut metadata, entry, || "`--metadata`".to_owned())?;
    }
    if let Some(path) = &flags.metadata_file {
        for (line, entry) in entries(&read(path)?) {
            add(&mut metadata, entry, || format!("line {line} of `{}`", path.display()))?;
        }
    }
    Ok(metadata)
}

/// No error shows a value, which may be a token.
fn add(metadata: &mut HeaderMap, entry: &str, place: impl Fn() -> String) -> Result<(), ListError> {
    let (name, value) = entry.split_once('=').ok_or_else(|| ListError::Metadata { place: place() })?;
    let name = name.trim().to_ascii_lowercase();
    let unfit = || ListError::MetadataName { place: place(), name: name.clone() };
    let is_reserved = name.starts_with("grpc-") || OURS.contains(&&*name) || OF_HTTP1.contains(&&*name);
    if is_reserved || HeaderName::try_from(&name).is_err() {
        return Err(unfit());
    }
    let value = if name.ends_with("-bin") { value } else { value.trim() };
    let (name, value) = metadata_field(&name, value)
        .ok_or_else(|| ListError::MetadataValue { place: place(), name: name.clone() })?;
    metadata.append(name, value);
    Ok(())
}

/// A name in lower case and a value as gRPC sends them in a header field; nothing if it cannot.
pub(super) fn metadata_field(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let header = HeaderName::try_from(name).ok().filter(|_| !OF_HTTP1.contains(&name))?;
    let value = match name.ends_with("-bin") {
        true => BASE64_NOPAD.encode(value.as_bytes()),
        false => value.to_owned(),
    };
    let is_text = value.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    let mut value = HeaderValue::from_str(&value).ok().filter(|_| is_text)?;
    value.set_sensitive(true);
    Some((header, value))
}

/// A target without the comment after it. The path of a socket may have a `#` that is none.
fn without_comment(entry: &str) -> &str {
    let mut comments = entry.match_indices('#').map(|(at, _)| entry.split_at(at).0);
    comments.find(|target| target.ends_with(char::is_whitespace)).unwrap_or(entry).trim_end()
}

/// Lines with something on them, each with its number.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Editors of Windows begin a file with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn read(path: &Path) -> Result<Zeroizing<String>, ListError> {
    let other = |kind| ListError::NotAList { path: path.to_owned(), kind };
    let bytes = input::read(path, LONGEST).map_err(|error| match error {
        InputError::Io(source) => ListError::Unreadable { path: path.to_owned(), source },
        InputError::TooLarge => other("larger than 1 MiB"),
        error => other(config::kind(&error)),
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| other("not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Why targets or metadata cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A line of a file of targets is no address.
    #[error("line {line} of `{}`: {source}", path.display())]
    Address {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: AddressError,
    },
    /// A file of targets names none.
    #[error("`{}` names no target", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Metadata without a name or a value.
    #[error("{place}: metadata is written as `name=value`")]
    Metadata {
        /// Flag, or line of a file.
        place: String,
    },
    /// A name that metadata cannot have.
    #[error("{place}: `{name}` cannot be the name of metadata")]
    MetadataName {
        /// Flag, or line of a file.
        place: String,
        /// As typed.
        name: String,
    },
    /// A value that is not text.
    #[error("{place}: the value of `{name}` is not printable ASCII")]
    MetadataValue {
        /// Flag, or line of a file.
        place: String,
        /// As typed.
        name: String,
    },
    /// Something else than a file of lines.
    #[error("`{}` is {kind}, and a list is expected", path.display())]
    NotAList {
        /// As typed.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A socket with a comma in its path, where a comma separates targets.
    #[error("a comma separates targets, and `{}` is one socket", path.display())]
    SplitSocket {
        /// As typed.
        path: PathBuf,
    },
    /// The file is not there, or not readable.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// As typed.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for ListError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { source, .. } => return source.hint(),
            Self::Empty { .. } | Self::NotAList { .. } => {
                "a list is a text file with one entry a line; `#` begins a comment".to_owned()
            }
            Self::Metadata { .. } => "for example `authorization=Bearer TOKEN`".to_owned(),
            Self::MetadataName { .. } => {
                "names have letters, digits, `-`, `_` and `.`; those that begin with `grpc-` are gRPC's own"
                    .to_owned()
            }
            Self::MetadataValue { .. } => "a name that ends in `-bin` takes any value".to_owned(),
            Self::SplitSocket { path } => {
                let target = Address::Unix(path.clone()).to_string();
                format!("name it in a file: `echo {} | egext probe --targets-file -`", shell_word(&target))
            }
            Self::Unreadable { path, .. } => format!("look at the path: `ls -ld {}`", shell_path(path)),
        })
    }
}

/// Header fields that a call has already.
const OURS: [&str; 2] = ["content-type", "te"];

/// Those of HTTP/1, which make a request of HTTP/2 malformed (RFC 9113 section 8.2.2).
const OF_HTTP1: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

const LONGEST: u64 = 1 << 20;
