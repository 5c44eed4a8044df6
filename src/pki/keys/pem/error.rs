use std::path::Path;

use crate::shell::shell_path;

/// A block cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each means")]
pub enum PemError {
    #[error("the block that begins in line {line} is not Base64")]
    Base64 { line: usize },
    #[error("line {line} has an `END` without a `BEGIN` before it")]
    End { line: usize },
    #[error("the `BEGIN` or `END` in line {line} is indented")]
    Indented { line: usize },
    #[error("line {line} ends a block of `{begin}` with `{end}`")]
    Label { line: usize, begin: String, end: String },
    #[error("the `BEGIN` or `END` in line {line} is malformed")]
    Marker { line: usize },
    #[error("line {line} has a `{word}` that is not at the start of the line")]
    NotAtStart { line: usize, word: &'static str },
    #[error("the `{label}` in line {line} is a certificate that most TLS stacks pass over")]
    OtherCertificate { line: usize, label: String },
    #[error(
        "the `{label}` in line {line} is a key that Go does not read, and it reads only the first of a file"
    )]
    OtherKey { line: usize, label: String },
    #[error("the block that begins in line {line} has no `END`: the file was cut short")]
    Unfinished { line: usize },
}

impl PemError {
    /// How to mend the file called `path`.
    pub(crate) fn hint(&self, path: &Path) -> String {
        let path = shell_path(path);
        match self {
            Self::Indented { .. } => format!("take the indentation away: `sed 's/^[ \\t]*//' {path}`"),
            Self::NotAtStart { .. } => {
                format!(
                    "each marker needs a line of its own: `sed 's/-----BEGIN/\\n&/g' {path}` separates the blocks"
                )
            }
            Self::OtherCertificate { .. } => {
                format!(
                    "convert it: `openssl x509 -in {path}` prints the first certificate in the usual form"
                )
            }
            Self::OtherKey { .. } => {
                format!("move the other key to the front of `{path}`, or take this one away")
            }
            _ => AGAIN.to_owned(),
        }
    }
}

/// What to do about a file that was damaged on its way.
pub(in crate::pki) const AGAIN: &str = "copy the file again from where it was made, in one piece";
