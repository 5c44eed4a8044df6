use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::header::{header, json_type};
use super::nearest::{Meant, meant};
use super::quantity::Quantity;
use super::{Reason, Refused, go};
use crate::gateway::document::{Document, Entry, Format, Kind, Node, Place};
use crate::gateway::releases::{Fact, Release};
use crate::gateway::schema::{ROOT, Shape, field};

/// What EG's decoder makes of a document.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Decoded {
    /// Keys that EG does not read.
    pub(in crate::gateway) ignored: Vec<Ignored>,
    /// Keys that stand twice.
    pub(in crate::gateway) twice: Vec<Twice>,
    /// Why EG ends, if it does.
    pub(in crate::gateway) refused: Option<Refused>,
    /// Why it ends once that is mended, and so on.
    pub(in crate::gateway) further: Vec<Refused>,
}

/// A key that EG does not read.
#[derive(Debug)]
pub(in crate::gateway) struct Ignored {
    /// With all keys above it: `extensionManager.service.TLS`.
    pub(in crate::gateway) path: String,
    /// Where the key stands.
    pub(in crate::gateway) place: Place,
    /// What was probably meant.
    pub(in crate::gateway) meant: Option<Meant>,
}

/// A key that stands twice in one mapping.
#[derive(Debug)]
pub(in crate::gateway) struct Twice {
    /// With all keys above it.
    pub(in crate::gateway) path: String,
    /// Where the key stands that counts less.
    pub(in crate::gateway) first: Place,
    /// Where the key stands that counts.
    pub(in crate::gateway) last: Place,
}

/// Decodes as `release` does.
pub(in crate::gateway) fn decode(document: &Document, release: Release) -> Decoded {
    let root = &document.root;
    let early = match document.format {
        // JSON has no such numbers.
        Format::Json => header(root, document.format, release),
        Format::Yaml => not_a_number(root).or_else(|| header(root, document.format, release)),
    };
    if early.is_some() && !is_ours(root, release) {
        return Decoded { refused: early, ..Decoded::default() };
    }
    let mut decoder = Decoder {
        release,
        format: document.format,
        out: Decoded::default(),
        ended: Vec::from_iter(early),
        saved: Vec::new(),
        path: String::new(),
        go: Vec::new(),
    };
    decoder.object(root, ROOT);
    let mut refused = decoder.ended.into_iter().chain(decoder.saved);
    decoder.out.refused = refused.next();
    // The header is decoded twice, and so is a number that is none.
    let mut seen: BTreeSet<_> = decoder.out.refused.iter().map(|first| first.place).collect();
    decoder.out.further = refused.filter(|refused| seen.insert(refused.place)).collect();
    decoder.out.ignored.sort_by_key(|ignored| ignored.place);
    decoder.out.twice.sort_by_key(|twice| twice.last);
    decoder.out
}

/// Is it a file for EG in spite of its header? It has a key that EG reads.
fn is_ours(root: &Node, release: Release) -> bool {
    let is_read =
        |key: &str| !["apiVersion", "kind"].contains(&key) && field(ROOT, key, release.minor).is_some();
    root.entries().iter().any(|entry| is_read(&entry.key))
}

struct Decoder {
    release: Release,
    format: Format,
    out: Decoded,
    /// Each of these ends the decoding at once.
    ended: Vec<Refused>,
    /// Types that do not fit: EG goes on and tells the first one at the end.
    saved: Vec<Refused>,
    /// As the strict decoder writes it: `a.b[0].c`.
    path: String,
    /// The keys as Go names them in a type error.
    go: Vec<&'static str>,
}

impl Decoder {
    fn value(&mut self, node: &Node, shape: &Shape, owner: &str) {
        match (&node.kind, shape) {
            (Kind::Null, _)
            | (Kind::Text(_), Shape::Text(_) | Shape::Bytes(_))
            | (Kind::Bool(_), Shape::Bool(_))
            | (Kind::Integer(_) | Kind::Float(_) | Kind::Fraction(_), Shape::Float(_)) => {}
            (_, Shape::Custom(of)) => self.custom(node, of, owner),
            (Kind::Integer(_) | Kind::Float(_) | Kind::Fraction(_), Shape::Integer(go, bits)) => {
                if let Some(number) = out_of_range(&node.kind, go, *bits) {
                    self.mismatch(&format!("number {number}"), "number", shape, owner, node.place);
                }
            }
            (Kind::Map(_), Shape::Object(of)) => self.object(node, of),
            (Kind::Map(entries), Shape::Map(_, inner)) => {
                self.note_twice(entries);
                for entry in ordered(entries, self.format) {
                    let length = self.enter(&entry.key);
                    self.value(&entry.value, inner, owner);
                    self.path.truncate(length);
                }
            }
            (Kind::List(items), Shape::List(_, inner)) => {
                for (index, item) in items.iter().enumerate() {
                    let length = self.path.len();
                    // Writing to a string does not fail.
                    let _ = write!(self.path, "[{index}]");
                    self.value(item, inner, owner);
                    self.path.truncate(length);
                }
            }
            (kind, shape) => self.mismatch(json_type(kind), json_type(kind), shape, owner, node.place),
        }
    }

    fn object(&mut self, node: &Node, of: &str) {
        self.note_twice(node.entries());
        for entry in ordered(node.entries(), self.format) {
            let length = self.enter(&entry.key);
            match field(of, &entry.key, self.release.minor) {
                None => {
                    let (path, place) = (self.path.clone(), entry.key_place);
                    // To look for what was meant takes longer than all the rest.
                    let is_asked = self.out.ignored.len() < EXPLAINED;
                    let meant =
                        is_asked.then(|| meant(node, of, &path, &entry.key, self.release.minor)).flatten();
                    self.out.ignored.push(Ignored { path, place, meant });
                }
                Some(field) => {
                    let depth = self.go.len();
                    if self.release.has(Fact::EmbeddedNames) && !field.embedded.is_empty() {
                        self.go.push(field.embedded);
                    }
                    self.go.push(field.key);
                    self.value(&entry.value, &field.shape, of);
                    self.go.truncate(depth);
                }
            }
            self.path.truncate(length);
        }
    }

    /// Types with a parser of their own. Their errors end EG's decoding; we go on, for the keys that it would ignore once
    /// the value is right.
    fn custom(&mut self, node: &Node, of: &str, owner: &str) {
        match of {
            "resource.Quantity" => {
                if let Err(text) = Quantity::parse(node) {
                    let written = node.text().map_or_else(|| json_type(&node.kind).to_owned(), str::to_owned);
                    let reason = Reason::Quantity(written);
                    self.end(Refused { place: node.place, text: text.to_owned(), reason });
                }
            }
            "v1.Duration" => {
                if let Some(text) = node.text() {
                    if let Err(text) = go::duration(text) {
                        self.end(Refused { place: node.place, text, reason: Reason::Other });
                    }
                    return;
                }
                let found = json_type(&node.kind);
                let refused = self.mismatched(found, found, &Shape::Text("string"), owner, node.place);
                let reason = Reason::Type { found, expected: "duration" };
                self.end(Refused { reason, ..refused });
            }
            _ => {}
        }
    }

    /// EG ends here, unless it has ended before.
    fn end(&mut self, refused: Refused) {
        if self.ended.len() < EXPLAINED {
            self.ended.push(refused);
        }
    }

    fn mismatch(&mut self, words: &str, found: &'static str, shape: &Shape, owner: &str, place: Place) {
        if self.saved.len() < EXPLAINED {
            self.saved.push(self.mismatched(words, found, shape, owner, place));
        }
    }

    fn mismatched(
        &self,
        words: &str,
        found: &'static str,
        shape: &Shape,
        owner: &str,
        place: Place,
    ) -> Refused {
        let owner = owner.rsplit('.').next().unwrap_or(owner);
        let text = format!(
            "json: cannot unmarshal {words} into Go struct field {owner}.{} of type {}",
            self.go.join("."),
            shape.go()
        );
        let expected = match shape {
            Shape::Bool(_) => "bool",
            Shape::Float(_) | Shape::Integer(..) => "number",
            Shape::List(..) => "array",
            Shape::Map(..) | Shape::Object(_) | Shape::Custom(_) => "object",
            Shape::Text("v1.Duration") => "duration",
            Shape::Bytes(_) | Shape::Text(_) => "string",
        };
        Refused { place, text, reason: Reason::Type { found, expected } }
    }

    fn note_twice(&mut self, entries: &[Entry]) {
        if entries.iter().all(|entry| !entry.is_overridden) {
            return;
        }
        let counting = sorted(entries);
        for entry in entries.iter().filter(|entry| entry.is_overridden) {
            let found = counting.binary_search_by(|other| other.key.cmp(&entry.key));
            let Some(last) = found.ok().map(|at| counting[at].key_place) else { continue };
            let length = self.enter(&entry.key);
            self.out.twice.push(Twice { path: self.path.clone(), first: entry.key_place, last });
            self.path.truncate(length);
        }
    }

    /// Adds a key to the path; the length before it takes it off again.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }
}

/// The first number that JSON does not have, in the order of EG.
fn not_a_number(node: &Node) -> Option<Refused> {
    match &node.kind {
        Kind::Float(value) if !value.is_finite() => {
            let name = match value.is_nan() {
                true => "NaN",
                false if *value > 0.0 => "+Inf",
                false => "-Inf",
            };
            let text = format!("json: unsupported value: {name}");
            Some(Refused { place: node.place, text, reason: Reason::NotANumber })
        }
        Kind::List(items) => items.iter().find_map(not_a_number),
        Kind::Map(entries) => sorted(entries).into_iter().find_map(|entry| not_a_number(&entry.value)),
        _ => None,
    }
}

/// The number as Go writes it, if `go` cannot hold it.
fn out_of_range(kind: &Kind, go: &str, bits: u8) -> Option<String> {
    let is_unsigned = go.starts_with("uint");
    match kind {
        Kind::Integer(value) => {
            let range = match is_unsigned {
                true => 0..1_i128 << bits,
                false => -(1_i128 << (bits - 1))..1_i128 << (bits - 1),
            };
            (!range.contains(value)).then(|| value.to_string())
        }
        Kind::Float(value) => {
            let limit = 2_f64.powi(i32::from(bits) - i32::from(!is_unsigned));
            let low = if is_unsigned { 0.0 } else { -limit };
            let fits = value.fract() == 0.0 && (low..limit).contains(value);
            (!fits).then(|| go::number(*value))
        }
        Kind::Fraction(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The entries that count, in the order in which EG decodes them: YAML becomes JSON first, with sorted keys.
pub(super) fn ordered(entries: &[Entry], format: Format) -> Vec<&Entry> {
    match format {
        Format::Json => entries.iter().filter(|entry| !entry.is_overridden).collect(),
        Format::Yaml => sorted(entries),
    }
}

/// The entries that count, by name.
fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut entries: Vec<_> = entries.iter().filter(|entry| !entry.is_overridden).collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries
}

/// No file that was written by a person has so many keys that EG does not read, or values that it refuses.
const EXPLAINED: usize = 200;
