//! JSON as Go's `encoding/json` reads it, with places. Two objects of one name are merged.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Budget, Cause, Entry, Kind, Node, Place, Unreadable, size};

pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let mut reader = Reader { text, rest: text, seen: 0, place: Place::START, budget: Budget::new() };
    let root = reader.value(0)?;
    if !reader.is_at_end() {
        return Err(reader.wrong("something follows the value"));
    }
    Ok(root)
}

/// All values of a text, one after the other.
pub(super) fn all(text: &str) -> Result<Vec<Node>, Unreadable> {
    let mut reader = Reader { text, rest: text, seen: 0, place: Place::START, budget: Budget::new() };
    let mut values = Vec::new();
    while !reader.is_at_end() {
        reader.budget = Budget::new();
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    /// How many bytes `place` is about.
    seen: usize,
    place: Place,
    budget: Budget,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Unreadable> {
        self.skip_blanks();
        let place = self.place();
        self.budget.spend(1, place)?;
        Budget::enter(depth, place)?;
        let kind = match self.rest.as_bytes().first() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::Text(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return Err(self.wrong("it ends too early")),
        };
        Ok(Node { kind, place, is_block: false, is_shared: false })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Unreadable> {
        self.take('{');
        let mut entries: Vec<Entry> = Vec::new();
        let mut last: HashMap<Arc<str>, usize> = HashMap::new();
        if self.take('}') {
            return Ok(Kind::Map(entries));
        }
        loop {
            self.skip_blanks();
            let key_place = self.place();
            if !self.rest.starts_with('"') {
                return Err(self.wrong("a key in double quotes is expected"));
            }
            let key: Arc<str> = self.string()?.into();
            if !self.take(':') {
                return Err(self.wrong("a colon is expected"));
            }
            let mut value = self.value(depth + 1)?;
            if let Some(at) = last.insert(Arc::clone(&key), entries.len()) {
                entries[at].is_overridden = true;
                self.budget.spend(size(&entries[at].value), key_place)?;
                merge(&entries[at].value, &mut value);
            }
            entries.push(Entry { key, key_place, value, is_overridden: false });
            if self.take('}') {
                return Ok(Kind::Map(entries));
            }
            if !self.take(',') {
                return Err(self.wrong("a comma or `}` is expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Unreadable> {
        self.take('[');
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(Kind::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Ok(Kind::List(items));
            }
            if !self.take(',') {
                return Err(self.wrong("a comma or `]` is expected"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let body = &self.rest[1..];
        let mut is_escaped = false;
        let end = body.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends || byte == b'\n'
        });
        let quoted = match end {
            Some(end) if body.as_bytes()[end] == b'"' => &self.rest[..end + 2],
            _ => return Err(self.wrong("a text has no closing quote on its line")),
        };
        let Ok(text) = serde_json::from_str(quoted) else {
            return Err(self.wrong("a text has a wrong escape or a control character"));
        };
        self.rest = &self.rest[quoted.len()..];
        Ok(text)
    }

    fn number(&mut self) -> Result<Kind, Unreadable> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c));
        let text = &self.rest[..end.unwrap_or(self.rest.len())];
        if !is_number(text) {
            return Err(self.wrong("a number is malformed"));
        }
        self.rest = &self.rest[text.len()..];
        Ok(text.parse().map_or_else(|_| Kind::Fraction(text.into()), Kind::Integer))
    }

    fn word(&mut self) -> Result<Kind, Unreadable> {
        let known = [("true", Kind::Bool(true)), ("false", Kind::Bool(false)), ("null", Kind::Null)];
        let found = known.into_iter().find(|(word, _)| self.rest.starts_with(word));
        let Some((word, kind)) = found else { return Err(self.wrong("a value is expected")) };
        self.rest = &self.rest[word.len()..];
        Ok(kind)
    }

    /// Is this the next character? Then it is passed.
    fn take(&mut self, character: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Goes on from the place before, since a text can be one long line.
    fn place(&mut self) -> Place {
        let here = self.text.len() - self.rest.len();
        for character in self.text[self.seen..here].chars() {
            self.place = match character {
                '\n' => Place { line: self.place.line.saturating_add(1), column: 1 },
                _ => Place { column: self.place.column.saturating_add(1), ..self.place },
            };
        }
        self.seen = here;
        self.place
    }

    fn wrong(&mut self, why: &str) -> Unreadable {
        Unreadable { place: self.place(), why: why.to_owned(), cause: Cause::Syntax }
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_zero_before = whole.len() > 1 && whole.starts_with('0');
    is_digits(whole) && is_digits(fraction) && is_digits(exponent) && !has_zero_before
}

/// Go decodes both objects into one struct: keys of the later one replace those of the earlier one.
fn merge(earlier: &Node, later: &mut Node) {
    let (Kind::Map(before), Kind::Map(after)) = (&earlier.kind, &mut later.kind) else { return };
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (index, entry) in after.iter().enumerate().filter(|(_, entry)| !entry.is_overridden) {
        places.insert(Arc::clone(&entry.key), index);
    }
    for entry in before.iter().filter(|entry| !entry.is_overridden) {
        match places.get(&entry.key) {
            Some(&index) => merge(&entry.value, &mut after[index].value),
            None => after.push(entry.clone()),
        }
    }
}
