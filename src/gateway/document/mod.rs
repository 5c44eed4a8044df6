//! The text of a configuration as a tree, as Envoy Gateway (EG) reads it. Each key and each value knows its place.
//!
//! EG has two parsers. A text whose first character is `{` is JSON. Everything else is YAML 1.1, read by go-yaml v2: only
//! the first document counts, and of several equal keys the last one.

mod directives;
mod events;
mod json;
mod scalar;
mod tabs;

use std::sync::Arc;

use crate::yaml_documents;

/// Where something stands. Both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// As a place in a text in which `lines` stand above it.
    fn below(self, lines: u32) -> Self {
        Self { line: self.line.saturating_add(lines), ..self }
    }

    /// Where the byte at `offset` of `text` stands.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // Bytes that continue a character are not counted.
        let column = before[begin..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Self { line: number(line), column: number(column) }
    }
}

/// A value.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands. A value that comes from an alias has the place of the alias.
    pub place: Place,
    /// Is it a text written as a block of lines (`|`), each as it is?
    pub is_block: bool,
    /// Has it an anchor, is it an alias, or does `<<` bring some of its entries? Then it is not alone in what it says.
    pub is_shared: bool,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// No value, `~` or `null`.
    Null,
    /// In YAML also `yes`, `on`, `y` and the like.
    Bool(bool),
    /// In YAML also `0x10`, `010` and `1_000`.
    Integer(i128),
    /// In YAML also `.inf` and `.nan`.
    Float(f64),
    /// A number of JSON with a fraction or an exponent, as it is written: Go takes none of them for a whole number.
    Fraction(Arc<str>),
    /// All other scalars. Shared, so that an alias of a long text costs nothing.
    Text(Arc<str>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as text.
    pub key: Arc<str>,
    /// Where the key stands.
    pub key_place: Place,
    /// Its value.
    pub value: Node,
    /// A later entry with the same key counts instead.
    pub is_overridden: bool,
}

impl Node {
    /// As a part of a text in which `lines` stand above it.
    fn move_below(&mut self, lines: u32) {
        self.place = self.place.below(lines);
        match &mut self.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| item.move_below(lines)),
            Kind::Map(entries) => {
                for entry in entries {
                    entry.key_place = entry.key_place.below(lines);
                    entry.value.move_below(lines);
                }
            }
            _ => {}
        }
    }

    /// The entry with this key that counts.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key && !entry.is_overridden)
    }

    /// The value of this key, unless it is null.
    pub fn set(&self, key: &str) -> Option<&Self> {
        self.get(key).map(|entry| &entry.value).filter(|value| !matches!(value.kind, Kind::Null))
    }

    /// The value at the end of a path of keys, unless one of them is null.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.set(key))
    }

    /// All entries of a mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// All items of a sequence.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Has it no value?
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Is it `true`?
    pub fn is_true(&self) -> bool {
        matches!(self.kind, Kind::Bool(true))
    }
}

/// Which of EG's parsers reads a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// The text begins with `{`.
    Json,
    /// Everything else.
    Yaml,
}

impl Format {
    /// Which parser EG chooses for `text`.
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') { Self::Json } else { Self::Yaml }
    }

    /// For a message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }
}

/// What EG reads of a text.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its value; null if the text has none.
    pub root: Node,
    /// Which parser read it.
    pub format: Format,
    /// Where the second document begins, which EG does not read.
    pub rest: Option<Place>,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// Where.
    pub place: Place,
    /// Why: lower case, no full stop.
    pub why: String,
    /// What may be the cause.
    pub cause: Cause,
}

/// What may be the cause if a text cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// A line above the document that begins with `%`.
    Directive,
    /// It has more values, or a deeper one, than we read.
    Limit,
    /// Its syntax is wrong.
    Syntax,
    /// A line begins with a tab.
    Tab,
    /// It is a template that has not been rendered.
    Template,
}

/// Reads a configuration as EG does.
///
/// # Errors
/// If EG ends with `failed to decode config file`, or if the text has more than we read.
pub fn read(text: &str) -> Result<Document, Unreadable> {
    let format = Format::of(text);
    let read = match format {
        Format::Json => json::read(text).map(|root| Document { root, format, rest: None }),
        Format::Yaml => events::first(text),
    };
    read.map_err(|unreadable| explained(unreadable, text))
}

/// Reads an object in a file of a resource directory. JSON is YAML there.
///
/// # Errors
/// If EG cannot load it, or if it has more than we read.
pub fn read_yaml(text: &str) -> Result<Document, Unreadable> {
    events::first(text).map_err(|unreadable| explained(unreadable, text))
}

/// Reads all documents of a text, of which none need be a configuration. What begins with a brace is read as `kubectl` does
/// it: JSON, one value after the other, or YAML.
///
/// # Errors
/// If one of them cannot be read, or has more than we read.
pub fn read_all(text: &str) -> Result<Vec<Document>, Unreadable> {
    let format = Format::of(text);
    if format == Format::Yaml {
        return events::all(text).map_err(|unreadable| explained(unreadable, text));
    }
    let mut documents = Vec::new();
    for (before, part) in yaml_documents::documents(text) {
        let lines = u32::try_from(before).unwrap_or(u32::MAX);
        let read = |error: Unreadable| match Format::of(part) {
            Format::Json => read_yaml(part).map(|document| vec![document.root]).map_err(|_| error),
            Format::Yaml => read_yaml(part).map(|document| vec![document.root]),
        };
        let roots = json::all(part).or_else(read);
        let roots = roots.map_err(|error| Unreadable { place: error.place.below(lines), ..error })?;
        documents.extend(roots.into_iter().map(|mut root| {
            root.move_below(lines);
            Document { root, format, rest: None }
        }));
    }
    Ok(documents)
}

/// Where each line begins, and the end of the text. A carriage return alone ends a line too (YAML 1.2.2 section 5.4).
pub(super) fn line_begins(text: &str) -> Vec<usize> {
    let ends =
        |at: usize, byte: u8| byte == b'\n' || byte == b'\r' && text.as_bytes().get(at + 1) != Some(&b'\n');
    let mut begins = vec![0];
    begins.extend(text.bytes().enumerate().filter(|(at, byte)| ends(*at, *byte)).map(|(at, _)| at + 1));
    if begins.last() != Some(&text.len()) {
        begins.push(text.len());
    }
    begins
}

/// Finds out what may be the cause of a syntax error.
fn explained(mut unreadable: Unreadable, text: &str) -> Unreadable {
    if unreadable.cause != Cause::Syntax {
        return unreadable;
    }
    let number = unreadable.place.line.saturating_sub(1) as usize;
    // A parser can see a tab at the end of the line before it.
    let tab = text.lines().enumerate().skip(number.saturating_sub(1)).take(3).find_map(|(index, line)| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        line[blanks..].starts_with('\t').then_some((index, blanks))
    });
    if let Some(at) = expression(text, number) {
        unreadable.place = Place::of(text.as_bytes(), at);
        unreadable.why = "`{{` begins an expression of a template".to_owned();
        unreadable.cause = Cause::Template;
    } else if let Some((line, blanks)) = tab.filter(|_| Format::of(text) == Format::Yaml) {
        let number = |value: usize| u32::try_from(value + 1).unwrap_or(u32::MAX);
        unreadable.place = Place { line: number(line), column: number(blanks) };
        unreadable.why = INDENTED_WITH_TAB.to_owned();
        unreadable.cause = Cause::Tab;
    }
    unreadable
}

/// Where an expression of a template begins that has led to an error in this line: in the line itself, or a line that is
/// nothing else. In quotes an expression is a fine text.
fn expression(text: &str, number: usize) -> Option<usize> {
    let mut offset = 0;
    let mut alone = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match line.find("{{") {
            Some(at) if index == number => return Some(offset + at),
            Some(at) if line[..at].trim_start().is_empty() => alone = alone.or(Some(offset + at)),
            _ => {}
        }
        offset += line.len();
    }
    alone
}

/// How many values a copy has.
fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Map(entries) => 1 + entries.iter().map(|entry| 1 + size(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

/// What is left of the limits while a text is read.
struct Budget(usize);

impl Budget {
    const fn new() -> Self {
        Self(VALUE_LIMIT)
    }

    fn spend(&mut self, values: usize, place: Place) -> Result<(), Unreadable> {
        self.0 = self.0.checked_sub(values).ok_or_else(|| Unreadable {
            place,
            why: format!("it has more than {VALUE_LIMIT} values, if each alias counts as what it stands for"),
            cause: Cause::Limit,
        })?;
        Ok(())
    }

    fn enter(depth: usize, place: Place) -> Result<(), Unreadable> {
        if depth <= DEPTH_LIMIT {
            return Ok(());
        }
        Err(Unreadable {
            place,
            why: format!("its values are nested more than {DEPTH_LIMIT} levels deep"),
            cause: Cause::Limit,
        })
    }
}

const INDENTED_WITH_TAB: &str = "the line is indented with a tab";

/// The most bytes of a text that are read. A ConfigMap has at most 1 MiB.
pub const FILE_LIMIT: u64 = 8 << 20;

/// go-yaml refuses `excessive aliasing` at about 400,000 values.
const VALUE_LIMIT: usize = 200_000;

const DEPTH_LIMIT: usize = 100;
