//! A ConfigMap, and the EnvoyGateway file that is a text in it.

use super::document::{Node, Place};

/// The text of a ConfigMap that EG's Deployment mounts as its configuration, and its key.
pub(super) fn embedded(root: &Node) -> Option<(&str, &Node)> {
    let entries = root.set("data").map(Node::entries).unwrap_or_default().iter();
    let is_configuration = |text: &str| text.contains(KIND) && !text.contains("-----BEGIN ");
    let mut texts = entries.filter(|entry| entry.value.text().is_some_and(is_configuration));
    texts.find(|entry| !entry.is_overridden).map(|entry| (&*entry.key, &entry.value))
}

/// From a place in a part of a file to its place in the file.
#[derive(Clone, Copy)]
pub(super) enum Shift {
    /// All of the part stands in the lines of one place, such as a text in quotes.
    At(Place),
    /// The part is a block in the file: its first line, and how far it is indented.
    Block { line: u32, indent: u32 },
    /// The same place.
    None,
}

impl Shift {
    pub(super) fn outer(self, inner: Place) -> Place {
        match self {
            Self::At(place) => place,
            Self::Block { line, indent } => {
                Place { line: line + inner.line - 1, column: inner.column + indent }
            }
            Self::None => inner,
        }
    }

    /// `node` is a text of the file.
    pub(super) fn of(node: &Node) -> Self {
        let Some(text) = node.text().filter(|_| node.is_block) else { return Self::At(node.place) };
        // The place is that of the first letter. Lines without any may stand before it, and blanks of the text itself.
        let number = |length: usize| u32::try_from(length).unwrap_or_default();
        let letters = text.trim_start_matches('\n');
        let blanks = letters.len() - letters.trim_start_matches(' ').len();
        let line = node.place.line.saturating_sub(number(text.len() - letters.len()));
        Self::Block { line: line.max(1), indent: (node.place.column - 1).saturating_sub(number(blanks)) }
    }
}

const KIND: &str = "EnvoyGateway";
