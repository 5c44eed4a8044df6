//! Puts an extension into a file that a person keeps: an EnvoyGateway file, a ConfigMap with one in it, or Helm values of Envoy
//! Gateway's (EG's) chart.
//!
//! Lines are cut out and put in, and parts of lines in a collection in braces; nothing is written anew. So comments, order
//! and style of everything else stay as they are, byte for byte. The new text is read again, and refused if anything but
//! the extension has changed its meaning.
//!
//! Two libraries were tried with one edit (another way to the server, `failOpen` changed, `maxMessageSize` added) on ten
//! files of the corpus, to some of which comments, braces and CR LF were added:
//!
//! - yaml-edit 0.3.6 made all ten right: comments, quotes, braces, CR LF and the second document stayed. What it cannot do is
//!   put a comment above a key that it adds, or take away the one above a key that it removes, which then stands above another
//!   key. It has a parser of its own, which takes a tab as indentation and a key twice without a word, so ours would have
//!   to read the file before and after it all the same. Below it is rowan, with 60 places of unsafe code.
//! - yamlpatch 1.32 made four right, and left the same comments. It wrote two collections in braces anew, with other blanks and
//!   quotes, put lines with LF into the file with CR LF, and in three files refused to replace a mapping in braces. Its parser
//!   is C, and it needs Rust 1.97.
//!
//! So code of our own stays as long as comments come with the keys. Look again at yaml-edit when it can write comments.

mod block;
mod edits;
mod error;
mod flow;
mod lines;
mod lists;
mod managers;
mod merge;
mod target;
mod verify;

use self::block::Block;
use self::edits::Edits;
use self::lines::Lines;
use self::merge::Merge;
use super::config_map::{Shift, embedded};
use super::document::{self, Document, Entry, Format, Kind, Node, Place, Unreadable};
use crate::yaml_documents::documents;

pub use self::error::PatchError;
pub use self::target::Target;

/// A text that an extension can be put into.
#[derive(Debug)]
pub struct Patchable<'a> {
    /// What stands before the document, and behind it. Both stay as they are.
    around: (&'a str, &'a str),
    text: &'a str,
    document: Document,
    target: Target,
}

impl<'a> Patchable<'a> {
    /// Reads a text. Says what it is, unless the caller knows.
    ///
    /// # Errors
    /// If it cannot be read, is no [`Target`], or is not what the caller has said.
    pub fn read(text: &'a str, known: Option<Target>) -> Result<Self, PatchError> {
        let parts = Parts::of(text)?;
        parts.read(known).map_err(|error| error.shifted(parts.shift()))
    }

    /// What the text is.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The text with a stanza in it, which [`Configuration::yaml`](super::Configuration::yaml) has written without a whole
    /// file. Other keys of the extension stay. So do the values at `defaults`, paths below the extension.
    ///
    /// # Errors
    /// If a person has to decide what becomes of something.
    pub fn with(&self, stanza: &str, defaults: &[&[&str]]) -> Result<String, PatchError> {
        let (before, behind) = self.around;
        let patched = self.document_with(stanza, defaults).map_err(|error| error.shifted(below(before)))?;
        Ok([before, &patched, behind].concat())
    }

    fn document_with(&self, stanza: &str, defaults: &[&[&str]]) -> Result<String, PatchError> {
        let wanted = Wanted { stanza, document: read(stanza)?, defaults };
        let text = Lines::new(self.text).ended();
        let edits = plan(&text, &self.document, self.target, &wanted)?;
        if edits.is_empty() {
            return Ok(self.text.to_owned());
        }
        let patched = edits.apply(&text).ok_or(PatchError::Unsure)?;
        match readable(&patched).is_ok_and(|after| self.is_verified(&patched, &after, &wanted)) {
            true => Ok(patched),
            false => Err(PatchError::Unsure),
        }
    }

    /// The new text has what is wanted, and all else is what it was.
    fn is_verified(&self, patched: &str, after: &Document, wanted: &Wanted<'_>) -> bool {
        let is_whole = plan(patched, after, self.target, wanted).is_ok_and(|again| again.is_empty());
        is_whole && verify::is_kept(self.target, &self.document.root, &after.root, &wanted.document.root)
    }
}

/// The document of a text that is patched.
struct Parts<'a> {
    before: &'a str,
    text: &'a str,
    behind: &'a str,
}

impl<'a> Parts<'a> {
    /// All of it, or of a stream of objects, as `helm template` prints it, the one ConfigMap with EG's file.
    fn of(text: &'a str) -> Result<Self, PatchError> {
        let all = Self { before: "", text, behind: "" };
        if Format::of(text) == Format::Json || read(text)?.rest.is_none() {
            return Ok(all);
        }
        let is_config_map = |part: &str| {
            let target = read(part).and_then(|document| Target::of(&document.root, None));
            matches!(target, Ok(Target::ConfigMap))
        };
        let mut found = documents(text).into_iter().filter(|(_, part)| is_config_map(part));
        // Without one, the second document is what is refused.
        let Some((_, part)) = found.next() else { return Ok(all) };
        if let Some((lines, _)) = found.next() {
            let line = u32::try_from(lines + 1).unwrap_or(u32::MAX);
            return Err(PatchError::SecondConfigMap { place: Place { line, column: 1 } });
        }
        let start = part.as_ptr().addr() - text.as_ptr().addr();
        Ok(Self { before: &text[..start], text: part, behind: &text[start + part.len()..] })
    }

    fn read(&self, known: Option<Target>) -> Result<Patchable<'a>, PatchError> {
        let document = readable(self.text)?;
        let target = Target::of(&document.root, known)?;
        Ok(Patchable { around: (self.before, self.behind), text: self.text, document, target })
    }

    fn shift(&self) -> Shift {
        below(self.before)
    }
}

/// From a place in a document to its place below `before`.
fn below(before: &str) -> Shift {
    let lines = u32::try_from(before.lines().count()).unwrap_or(u32::MAX - 1);
    Shift::Block { line: lines + 1, indent: 0 }
}

/// What is put in.
struct Wanted<'a> {
    stanza: &'a str,
    document: Document,
    defaults: &'a [&'a [&'a str]],
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
    if target == Target::ConfigMap {
        return plan_inside(text, document, wanted);
    }
    let (lines, source) = (Lines::new(text), Lines::new(wanted.stanza));
    let (edits, path) = (Edits::default(), Vec::new());
    let mut merge = Merge { lines: &lines, source: &source, edits, defaults: wanted.defaults, path };
    target.refuse_odd(&document.root, &wanted.document.root)?;
    merge.below(&document.root, target.path(), &wanted.document.root, lines.end_of_document())?;
    Ok(merge.edits)
}

/// The text of a ConfigMap is a file of its own.
fn plan_inside(text: &str, document: &Document, wanted: &Wanted<'_>) -> Result<Edits, PatchError> {
    let lines = Lines::new(text);
    let foreign = |place| PatchError::Foreign { place };
    let (key, node) = embedded(&document.root).ok_or_else(|| foreign(document.root.place))?;
    let quoted = || PatchError::Quoted { key: key.to_owned(), place: node.place };
    let block = Block::of(&lines, node).ok_or_else(quoted)?;
    let (inner, shift) = (block.text(), Shift::of(node));
    let edits = Patchable::read(&inner, None).and_then(|patchable| match patchable.target {
        Target::EnvoyGateway => plan(&inner, &patchable.document, patchable.target, wanted),
        Target::ConfigMap | Target::HelmValues => Err(foreign(Place::START)),
    });
    Ok(block.outer(edits.map_err(|error| error.shifted(shift))?, &inner))
}
