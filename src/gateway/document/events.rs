use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::tabs::Covered;
use super::{
    Budget, Cause, Document, Entry, Format, Kind, Node, Place, Unreadable, directives, scalar, size,
};
use crate::gateway::base64;

/// The first document, which is all that EG reads.
pub(super) fn first(text: &str) -> Result<Document, Unreadable> {
    directives::refused(text).map_or(Ok(()), Err)?;
    let mut reader = Reader::new(text);
    let mut root = None;
    let mut rest = None;
    let mut end = text.len();
    while let Some(next) = reader.parser.next_event() {
        match next {
            Ok((Event::DocumentStart(..), span)) if root.is_some() => {
                rest = Some(place(span));
                break;
            }
            Ok((Event::DocumentEnd, span)) => end = span.start.byte_offset().unwrap_or(end),
            Ok((event, span)) if event.is_node() => root = Some(reader.node(event, span, 0)?),
            Ok(_) => {}
            // EG does not see what is wrong after the first document.
            Err(error) if root.is_some() => {
                rest = Some(point(&error));
                break;
            }
            Err(error) => return Err(syntax(&error)),
        }
    }
    if let Some(tab) = reader.covered.misplaced(&text[..end]) {
        return Err(Unreadable { place: tab, why: super::INDENTED_WITH_TAB.to_owned(), cause: Cause::Tab });
    }
    let root =
        root.unwrap_or(Node { kind: Kind::Null, place: Place::START, is_block: false, is_shared: false });
    Ok(Document { root, format: Format::Yaml, rest })
}

/// All documents, each with limits of its own.
pub(super) fn all(text: &str) -> Result<Vec<Document>, Unreadable> {
    directives::refused(text).map_or(Ok(()), Err)?;
    let mut reader = Reader::new(text);
    let mut documents = Vec::new();
    while let Some(next) = reader.parser.next_event() {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        if event.is_node() {
            reader.budget = Budget::new();
            reader.anchors.clear();
            let root = reader.node(event, span, 0)?;
            documents.push(Document { root, format: Format::Yaml, rest: None });
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    /// What each anchor stands for, and how many values that is.
    anchors: HashMap<usize, (Node, usize)>,
    budget: Budget,
    covered: Covered,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let parser = Parser::new_from_str(text);
        Self { text, parser, anchors: HashMap::new(), budget: Budget::new(), covered: Covered::default() }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Unreadable> {
        self.covered.note(&event, span);
        let at = place(span);
        self.budget.spend(1, at)?;
        Budget::enter(depth, at)?;
        let is_block = matches!(&event, Event::Scalar(_, ScalarStyle::Literal, ..));
        let mut has_merge = false;
        let (kind, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(value, style, anchor, tag) => {
                let suffix = tag.as_deref().and_then(|tag| tag.suffix_in_namespace(YAML_TAGS));
                let kind = match suffix.as_deref() {
                    Some("binary") => binary(&value, at)?,
                    Some("bool" | "float" | "int" | "null") => scalar::resolve(&value),
                    // A tag of another kind makes a text of it.
                    None if style == ScalarStyle::Plain && tag.is_none() => scalar::resolve(&value),
                    _ => Kind::Text(value.into()),
                };
                (kind, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Kind::List(self.items(depth)?), anchor),
            Event::MappingStart(_, anchor, _) => {
                let entries = self.entries(depth)?;
                has_merge = entries.has_merge;
                (Kind::Map(entries.all), anchor)
            }
            _ => (Kind::Null, 0),
        };
        let node = Node { kind, place: at, is_block, is_shared: anchor != 0 || has_merge };
        if anchor != 0 {
            let size = size(&node);
            // Before the copy is made.
            self.budget.spend(size, at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Unreadable> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(wrong(place, "the value of an anchor contains an alias of itself"));
        };
        self.budget.spend(*size, place)?;
        Ok(Node { place, is_block: false, is_shared: true, ..node.clone() })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (event @ Event::SequenceEnd, span) => {
                    self.covered.note(&event, span);
                    return Ok(items);
                }
                (event, span) if event.is_node() => items.push(self.node(event, span, depth + 1)?),
                _ => {}
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Entries, Unreadable> {
        let mut entries = Entries::default();
        loop {
            let (event, span) = match self.next()? {
                (event @ Event::MappingEnd, span) => {
                    self.covered.note(&event, span);
                    return Ok(entries);
                }
                next if next.0.is_node() => next,
                _ => continue,
            };
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if &**text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let value = loop {
                let (event, span) = self.next()?;
                if event.is_node() {
                    break self.node(event, span, depth + 1)?;
                }
            };
            if is_merge {
                entries.has_merge = true;
                self.merge(&mut entries, value)?;
            } else {
                entries.add(Entry { key: name(&key)?, key_place: key.place, value, is_overridden: false });
            }
        }
    }

    /// `<<` in go-yaml v2: what it brings replaces what stands before it, and is replaced by what follows.
    fn merge(&mut self, entries: &mut Entries, value: Node) -> Result<(), Unreadable> {
        let place = value.place;
        let sources = match value.kind {
            Kind::Map(_) => vec![value],
            Kind::List(items) => items,
            _ => Vec::new(),
        };
        if sources.is_empty() || sources.iter().any(|source| !matches!(source.kind, Kind::Map(_))) {
            return Err(wrong(place, "`<<` takes a mapping or a list of mappings"));
        }
        // Of several, the first one wins.
        for source in sources.into_iter().rev() {
            let Kind::Map(brought) = source.kind else { continue };
            for entry in brought.into_iter().filter(|entry| !entry.is_overridden) {
                entries.merge(entry);
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(next) => next.map_err(|error| syntax(&error)),
            None => Err(wrong(Place::of(self.text.as_bytes(), self.text.len()), "it ends too early")),
        }
    }
}

/// The entries of a mapping, with an index: a mapping can have as many as a text has values.
#[derive(Default)]
struct Entries {
    all: Vec<Entry>,
    /// Where the entry of a key stands that counts, and whether `<<` has brought it.
    last: HashMap<Arc<str>, (usize, bool)>,
    /// `<<` is among them.
    has_merge: bool,
}

impl Entries {
    fn add(&mut self, entry: Entry) {
        self.insert(entry, false);
    }

    fn merge(&mut self, entry: Entry) {
        self.insert(entry, true);
    }

    fn insert(&mut self, entry: Entry, is_merged: bool) {
        let key = Arc::clone(&entry.key);
        match self.last.get(&key) {
            // To replace what `<<` has brought is what it is for: nothing stands twice.
            Some(&(at, true)) => {
                self.all[at] = entry;
                self.last.insert(key, (at, is_merged));
                return;
            }
            Some(&(at, false)) => self.all[at].is_overridden = true,
            None => {}
        }
        self.last.insert(key, (self.all.len(), is_merged));
        self.all.push(entry);
    }
}

fn name(key: &Node) -> Result<Arc<str>, Unreadable> {
    Ok(match &key.kind {
        Kind::Text(text) => Arc::clone(text),
        Kind::Bool(value) => value.to_string().into(),
        Kind::Integer(value) => value.to_string().into(),
        Kind::Float(value) => value.to_string().into(),
        Kind::Fraction(_) | Kind::Null => return Err(wrong(key.place, "a key has no text")),
        Kind::List(_) | Kind::Map(_) => return Err(wrong(key.place, "a key is a list or a mapping")),
    })
}

/// The namespace of `!!`.
const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// go-yaml gives what the text stands for, which is not Base64 any more.
fn binary(text: &str, place: Place) -> Result<Kind, Unreadable> {
    let value =
        base64::decode(text).map_err(|_| wrong(place, "`!!binary` stands before what is not Base64"))?;
    Ok(Kind::Text(String::from_utf8_lossy(&value).into()))
}

fn syntax(error: &ScanError) -> Unreadable {
    wrong(point(error), error.info().replace('`', "'"))
}

fn wrong(place: Place, why: impl Into<String>) -> Unreadable {
    Unreadable { place, why: why.into(), cause: Cause::Syntax }
}

fn place(span: Span) -> Place {
    at(span.start.line(), span.start.col())
}

fn point(error: &ScanError) -> Place {
    at(error.marker().line(), error.marker().col())
}

/// `column` counts from 0.
fn at(line: usize, column: usize) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Place { line: number(line.max(1)), column: number(column + 1) }
}
