//! Puts an extension into a file that a person keeps: an EnvoyGateway file, or Helm values of Envoy Gateway's (EG's) chart.
//!
//! Lines are cut out and put in; nothing is written anew. So comments, order and style of everything else stay as they
//! are, byte for byte. The new text is read again, and refused if anything but the extension has changed its meaning.
//!
//! Two libraries were looked at, by their sources and documentation. yamlpatch 1.32 brings a C parser and a serialiser whose
//! quotes cannot be chosen; yaml-edit 0.3 has unsafe code below it and no comment above a key that it adds. What is needed here is less
//! than they do: one mapping, in block style.

mod edits;
mod lines;
mod lists;
mod merge;
mod target;

use self::edits::Edits;
use self::lines::Lines;
use self::merge::Merge;
use super::document::{self, Document, Entry, Format, Kind, Node, Place, Unreadable};

pub use self::target::Target;

/// A text that an extension can be put into.
#[derive(Debug)]
pub struct Patchable<'a> {
    text: &'a str,
    document: Document,
    target: Target,
}

impl<'a> Patchable<'a> {
    /// Reads a text. Says what it is, unless the caller knows.
    ///
    /// # Errors
    /// If it cannot be read, is neither [`Target`], or is not what the caller has said.
    pub fn read(text: &'a str, known: Option<Target>) -> Result<Self, PatchError> {
        let document = readable(text)?;
        let target = Target::of(&document.root, known)?;
        Ok(Self { text, document, target })
    }

    /// What the text is.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The text with a stanza in it, which [`Configuration::yaml`](super::Configuration::yaml) has written without a whole
    /// file. Other keys of the extension stay. So do the values at `defaults`, paths below `extensionManager`.
    ///
    /// # Errors
    /// If a person has to decide what becomes of something.
    pub fn with(&self, stanza: &str, defaults: &[&[&str]]) -> Result<String, PatchError> {
        let wanted = Wanted { stanza, document: read(stanza)?, defaults };
        let text = Lines::new(self.text).ended();
        let edits = plan(&text, &self.document, self.target, &wanted)?;
        if edits.is_empty() {
            return Ok(self.text.to_owned());
        }
        let patched = edits.apply(&text);
        self.verify(&patched, &wanted)?;
        Ok(patched)
    }

    /// The new text has what is wanted, and all else is what it was.
    fn verify(&self, patched: &str, wanted: &Wanted<'_>) -> Result<(), PatchError> {
        let after = readable(patched).map_err(|_| PatchError::Unsure)?;
        let again = plan(patched, &after, self.target, wanted).map_err(|_| PatchError::Unsure)?;
        // A preset has keys beside the extension.
        let keys: Vec<_> = wanted.document.root.entries().iter().map(|entry| &*entry.key).collect();
        let (before, after) = (Some(&self.document.root), Some(&after.root));
        if again.is_empty() && are_equal_beside(before, after, self.target.path(), &keys) {
            return Ok(());
        }
        Err(PatchError::Unsure)
    }
}

/// What is put in.
struct Wanted<'a> {
    stanza: &'a str,
    document: Document,
    defaults: &'a [&'a [&'a str]],
}

/// Why a text is left alone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// It has parts that stand for others.
    #[error("{}, its extension has an anchor, an alias or a merge key", at(*place))]
    Anchor {
        /// Where.
        place: Place,
    },
    /// It is of another kind.
    #[error("it is neither an EnvoyGateway file nor Helm values with `config.envoyGateway`")]
    Foreign,
    /// Another style is needed.
    #[error("{}, `{key}` is written in braces", at(*place))]
    Flow {
        /// What is.
        key: String,
        /// Where.
        place: Place,
    },
    /// It is JSON.
    #[error("it is JSON")]
    Json,
    /// It has a value where a mapping is expected.
    #[error("{}, `{key}` is no mapping", at(*place))]
    NoMapping {
        /// What is not.
        key: String,
        /// Where.
        place: Place,
    },
    /// It has more than one document.
    #[error("it has a second document, which begins in line {}", place.line)]
    Several {
        /// Where it begins.
        place: Place,
    },
    /// It lists its extensions.
    #[error("{}, it has `extensionManagers`, a list", at(*place))]
    Plural {
        /// Where.
        place: Place,
    },
    /// A key stands there twice.
    #[error("{}, `{key}` is there for the second time", at(*place))]
    Twice {
        /// Which.
        key: String,
        /// Where.
        place: Place,
    },
    /// It cannot be read.
    #[error("{}, {}", at(.0.place), .0.why)]
    Unreadable(Unreadable),
    /// The new text would not mean what it should.
    #[error("it is written in a way in which nothing can be put in safely")]
    Unsure,
}

fn at(place: Place) -> String {
    format!("in line {}", place.line)
}

/// What may be changed: one document of YAML.
fn readable(text: &str) -> Result<Document, PatchError> {
    let document = read(text)?;
    match (document.format, document.rest) {
        (Format::Json, _) => Err(PatchError::Json),
        (_, Some(place)) => Err(PatchError::Several { place }),
        _ => Ok(document),
    }
}

fn read(text: &str) -> Result<Document, PatchError> {
    document::read(text).map_err(PatchError::Unreadable)
}

fn plan(text: &str, document: &Document, target: Target, wanted: &Wanted<'_>) -> Result<Edits, PatchError> {
    let (lines, source) = (Lines::new(text), Lines::new(wanted.stanza));
    let (edits, path) = (Edits::default(), Vec::new());
    let mut merge = Merge { lines: &lines, source: &source, edits, defaults: wanted.defaults, path };
    target.refuse_odd(&lines, document)?;
    merge.below(&document.root, target.path(), &wanted.document.root, lines.count())?;
    Ok(merge.edits)
}

/// All is equal but the values of `keys` in the mapping at `path`. A mapping on the way may be new.
fn are_equal_beside(before: Option<&Node>, after: Option<&Node>, path: &[&str], keys: &[&str]) -> bool {
    let left_out = path.first().map_or(keys, std::slice::from_ref);
    let (old, new) = (others(before, left_out), others(after, left_out));
    let are_equal = old.len() == new.len()
        && old
            .iter()
            .zip(&new)
            .all(|(old, new)| old.key == new.key && merge::are_equal(&old.value, &new.value));
    let Some((first, rest)) = path.split_first() else { return are_equal };
    let [before, after] = [before, after].map(|node| node?.get(first).map(|entry| &entry.value));
    are_equal && are_equal_beside(before, after, rest, keys)
}

fn others<'n>(node: Option<&'n Node>, left_out: &[&str]) -> Vec<&'n Entry> {
    let entries = node.map_or(&[][..], Node::entries).iter();
    entries.filter(|entry| !left_out.contains(&&*entry.key)).collect()
}
