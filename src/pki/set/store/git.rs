//! Would Git commit the keys?

use std::fs;
use std::path::{Path, PathBuf};

use super::place::HIDDEN;
use crate::input;

/// What a work tree does not ignore yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unignored {
    /// The `.gitignore` at the top of the work tree.
    pub file: PathBuf,
    /// What to add to it.
    pub lines: Vec<String>,
}

/// What to add to which `.gitignore`, so that no key of `directory` is committed. None outside of a work tree, and
/// where a plain line says it already.
///
/// Patterns are compared, not matched: advice that is not needed does no harm.
pub fn unignored(directory: &Path) -> Option<Unignored> {
    let directory = fs::canonicalize(directory).ok()?;
    let top = directory.ancestors().find(|ancestor| ancestor.join(".git").symlink_metadata().is_ok())?;
    let below = directory.strip_prefix(top).ok()?.to_str()?;
    let (own, file) = (lines_of(&directory.join(IGNORE)), top.join(IGNORE));
    let (theirs, lines) = (lines_of(&file), lines_for(below));
    let whole = [below.to_owned(), format!("{below}/"), format!("{below}/*"), format!("{below}/**")];
    let is_whole = |line: &String| {
        !below.is_empty() && whole.iter().any(|whole| line.strip_prefix('/').unwrap_or(line) == whole)
    };
    // The names that users know are links: the keys are all in there.
    let hidden = lines_of(&directory.join(HIDDEN).join(IGNORE));
    let is_ignored = own.iter().chain(&hidden).any(|line| line == "*" || line == "/*")
        || theirs.iter().any(is_whole)
        || lines.iter().all(|line| theirs.contains(line));
    (!is_ignored).then_some(Unignored { file, lines })
}

/// Keys, and where the sets are.
fn lines_for(below: &str) -> Vec<String> {
    let place = if below.is_empty() { String::new() } else { format!("/{below}") };
    vec![format!("{place}/*.key"), format!("{place}/.egext/")]
}

/// None of a file that cannot be read, or is too large for a file written by hand: what it ignores is then advised
/// once more. The directories above ours may belong to others.
fn lines_of(path: &Path) -> Vec<String> {
    // A pipe would be waited for.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let text = if is_file { input::read(path, LIMIT).unwrap_or_default() } else { Default::default() };
    String::from_utf8_lossy(&text).lines().map(|line| line.trim_end().to_owned()).collect()
}

const LIMIT: u64 = 1 << 20;

const IGNORE: &str = ".gitignore";
