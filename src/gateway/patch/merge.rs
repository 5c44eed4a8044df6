use std::ops::Range;

use super::lines::Lines;
use super::{Edits, Entry, Kind, Node, PatchError, flow, lists, managers};

/// Finds out what has to change in a file. `source` is the text of what is wanted, whose lines are taken over.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) source: &'a Lines<'a>,
    pub(super) edits: Edits,
    /// Paths below the extension whose values stay if there are any.
    pub(super) defaults: &'a [&'a [&'a str]],
    /// Where we are, from the extension on.
    pub(super) path: Vec<String>,
}

impl Merge<'_> {
    /// Puts `wanted` into the mapping at the end of `path`; what is missing on the way is made. `end` is the line after `parent`.
    pub(super) fn below(
        &mut self,
        parent: &Node,
        path: &[&str],
        wanted: &Node,
        end: usize,
    ) -> Result<(), PatchError> {
        if flow::is_flow(self.lines, parent) && !is_empty(parent) {
            return flow::below(self, parent, path, wanted);
        }
        let Some((first, rest)) = path.split_first() else {
            return self.map(parent, (wanted, self.source.count()), end);
        };
        let Some(entry) = parent.get(first) else {
            let indent = indent(parent);
            let at = self.end_of_map(parent, end);
            self.put_in(at, self.nested(path, wanted, indent));
            return Ok(());
        };
        let lines = span(self.lines, parent, entry, end);
        if is_empty(&entry.value) {
            let deeper = indent(parent) + STEP;
            self.open(entry);
            self.put_in(lines.start + 1, self.nested(rest, wanted, deeper));
            return Ok(());
        }
        if !matches!(entry.value.kind, Kind::Map(_)) {
            return Err(PatchError::NoMapping { key: entry.key.to_string(), place: entry.key_place });
        }
        self.below(&entry.value, rest, wanted, lines.end)
    }

    /// Puts an entry in the place of the one that is there.
    fn entry(
        &mut self,
        old: &Entry,
        old_lines: Range<usize>,
        new: &Entry,
        new_lines: Range<usize>,
    ) -> Result<(), PatchError> {
        self.path.push(new.key.to_string());
        let changed = match self.is_default() && !is_empty(&old.value) {
            true => Ok(()),
            false => self.value(old, old_lines, new, new_lines),
        };
        self.path.pop();
        changed
    }

    fn value(
        &mut self,
        old: &Entry,
        old_lines: Range<usize>,
        new: &Entry,
        new_lines: Range<usize>,
    ) -> Result<(), PatchError> {
        match (&old.value.kind, &new.value.kind) {
            _ if are_equal(&old.value, &new.value) => {}
            (Kind::Map(olds), Kind::Map(news)) if !olds.is_empty() && !news.is_empty() => {
                if flow::is_flow(self.lines, &old.value) {
                    return flow::map(self, &old.value, &new.value);
                }
                for entry in olds {
                    if !self.is_leaving(entry, &new.value) {
                        continue;
                    }
                    let lines = span(self.lines, &old.value, entry, old_lines.end);
                    let begin = self.lines.begin_of_comments(lines.start).max(old_lines.start + 1);
                    self.edits.replace(self.lines.bytes(begin..lines.end), String::new());
                }
                self.map(&old.value, (&new.value, new_lines.end), old_lines.end)?;
            }
            (Kind::List(olds), Kind::List(news)) if !olds.is_empty() && !news.is_empty() => {
                let is_flow = flow::is_flow(self.lines, &old.value);
                match (self.is_at_managers(), is_flow) {
                    (true, _) => managers::put(self, (&old.value, old_lines.end), (news, new_lines.end))?,
                    (false, true) => flow::list(self, &old.value, &new.value),
                    (false, false) => lists::sync(self, (olds, old_lines.end), (news, new_lines.end)),
                }
            }
            (_, Kind::Map(_)) if !is_empty(&old.value) => {
                return Err(PatchError::NoMapping { key: old.key.to_string(), place: old.key_place });
            }
            (Kind::Map(_) | Kind::List(_) | Kind::Null, _) | (_, Kind::Map(_) | Kind::List(_)) => {
                self.replace(old, old_lines, new, new_lines);
            }
            _ if old_lines.len() > 1 => self.replace(old, old_lines, new, new_lines),
            _ => {
                let text = self.in_style(&old.value, &new.value);
                self.token(old, text);
            }
        }
        Ok(())
    }

    /// Puts each entry of `wanted` into a mapping in block style.
    pub(super) fn map(
        &mut self,
        node: &Node,
        (wanted, wanted_end): (&Node, usize),
        end: usize,
    ) -> Result<(), PatchError> {
        for new in wanted.entries() {
            let new_lines = span(self.source, wanted, new, wanted_end);
            match node.get(&new.key) {
                Some(old) => self.entry(old, span(self.lines, node, old, end), new, new_lines)?,
                None if self.is_left_out(node, &new.key) => {}
                None => {
                    let begin = self.source.begin_of_comments(new_lines.start).max(first_line(wanted));
                    let to = indent(node);
                    let text = self.taken(begin..new_lines.end, indent(wanted), to);
                    let at = self.end_of_map(node, end);
                    self.put_in(at, text);
                }
            }
        }
        Ok(())
    }

    /// Whole lines of the file for whole lines of the source.
    fn replace(&mut self, old: &Entry, old_lines: Range<usize>, new: &Entry, new_lines: Range<usize>) {
        let (from, to) = (new.key_place.column as usize - 1, old.key_place.column as usize - 1);
        let text = self.taken(new_lines, from, to);
        // A dash can stand before the key.
        let range = self.lines.byte(old.key_place)..self.lines.bytes(old_lines).end;
        self.edits.replace(range, text.trim_start_matches(' ').to_owned());
    }

    /// A value that is part of a line for another one.
    fn token(&mut self, old: &Entry, text: String) {
        let begin = self.lines.byte(old.value.place);
        let length = scalar(self.lines, &old.value).len();
        self.edits.replace(begin..begin + length, text);
    }

    /// A scalar of the source in the quotes of the one whose place it takes.
    pub(super) fn in_style(&self, old: &Node, new: &Node) -> String {
        let text = scalar(self.source, new);
        let quote = self.lines.rest(old.place).chars().next().filter(|c| ['"', '\''].contains(c));
        match quote {
            // What the source has without quotes needs no escapes in any.
            Some(quote) if new.text() == Some(text) => format!("{quote}{text}{quote}"),
            _ => text.to_owned(),
        }
    }

    /// An entry without a value, or with `{}`, gets room for lines below it.
    fn open(&mut self, entry: &Entry) {
        if let Kind::Map(_) = entry.value.kind {
            let begin = self.lines.byte(entry.value.place);
            self.edits.replace(begin..begin + scalar(self.lines, &entry.value).len(), String::new());
        }
    }

    /// Keys that are not there yet, and what is wanted below them.
    fn nested(&self, path: &[&str], wanted: &Node, indent_of_first: usize) -> String {
        let mut text = String::new();
        for (depth, key) in path.iter().enumerate() {
            text.extend(std::iter::repeat_n(' ', indent_of_first + depth * STEP));
            text.push_str(key);
            text.push(':');
            text.push_str(self.lines.end);
        }
        let all = first_line(wanted)..self.source.count();
        text + &self.taken(all, indent(wanted), indent_of_first + path.len() * STEP)
    }

    pub(super) fn taken(&self, lines: Range<usize>, from: usize, to: usize) -> String {
        self.source.moved(lines, from, to, self.lines.end)
    }

    /// New lines before the line `at`.
    pub(super) fn put_in(&mut self, at: usize, text: String) {
        let byte = self.lines.bytes(at..at).start;
        self.edits.replace(byte..byte, text);
    }

    fn end_of_map(&self, node: &Node, end: usize) -> usize {
        let begin = node.entries().last().map_or(0, |last| Lines::number(last.key_place));
        match node.kind {
            Kind::Map(_) => self.lines.end_of_contents(begin..end),
            _ => end,
        }
    }

    /// Does the value stay if the file has one?
    pub(super) fn is_default(&self) -> bool {
        self.defaults.iter().any(|path| self.path[1..] == **path)
    }

    /// What `Translation` gets belongs to the hooks: if those of the file stay, so does that it says nothing of it.
    pub(super) fn is_left_out(&self, node: &Node, key: &str) -> bool {
        let has_hooks = || node.set("post").is_some_and(|post| !post.items().is_empty());
        let is_here = |path: &&[&str]| {
            path.split_last().is_some_and(|(last, rest)| {
                *last == key && self.path.get(1..).is_some_and(|path| path == rest)
            })
        };
        key == TRANSLATION && self.defaults.iter().any(is_here) && has_hooks()
    }

    /// Is it another way to the extension than the one that is wanted?
    pub(super) fn is_leaving(&self, entry: &Entry, wanted: &Node) -> bool {
        self.path.last().is_some_and(|key| is_way(key, entry)) && wanted.get(&entry.key).is_none()
    }

    /// Are the items extensions, which have names?
    pub(super) fn is_at_managers(&self) -> bool {
        self.path == [managers::KEY]
    }
}

/// The lines of an entry, from its key to the end of its contents. Comments above the next key belong to that.
pub(super) fn span(lines: &Lines<'_>, node: &Node, entry: &Entry, end: usize) -> Range<usize> {
    let begin = Lines::number(entry.key_place);
    let begins = node.entries().iter().map(|other| Lines::number(other.key_place));
    let next = begins.filter(|other| *other > begin).min().unwrap_or(end).min(end);
    begin..lines.end_of_contents(begin..next)
}

fn first_line(node: &Node) -> usize {
    node.entries().first().map_or(0, |first| Lines::number(first.key_place))
}

/// How far the keys of a mapping are indented.
fn indent(node: &Node) -> usize {
    node.entries().first().map_or(0, |first| first.key_place.column as usize - 1)
}

/// A scalar, or a collection in braces, as it is written on its line.
pub(super) fn scalar<'a>(lines: &Lines<'a>, node: &Node) -> &'a str {
    let rest = lines.rest(node.place);
    let end = if rest.starts_with(['"', '\'']) {
        flow::quoted(rest)
    } else if rest.starts_with(['{', '[']) {
        rest.rfind(['}', ']']).map_or(rest.len(), |at| at + 1)
    } else {
        rest.find(" #").into_iter().chain(rest.find("\t#")).min().unwrap_or(rest.len())
    };
    rest[..end].trim_end()
}

/// True if both mean the same. The order of keys means nothing.
pub(super) fn are_equal(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(one), Kind::Bool(other)) => one == other,
        (Kind::Integer(one), Kind::Integer(other)) => one == other,
        (Kind::Float(one), Kind::Float(other)) => one.to_bits() == other.to_bits(),
        (Kind::Fraction(one), Kind::Fraction(other)) | (Kind::Text(one), Kind::Text(other)) => one == other,
        (Kind::List(one), Kind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_equal(one, other))
        }
        (Kind::Map(ours), Kind::Map(theirs)) => {
            let is_in = |(index, entry): (usize, &Entry)| {
                // Mostly in the same order: a mapping can be as long as a file.
                let beside = theirs.get(index).filter(|beside| beside.key == entry.key);
                let found = beside.or_else(|| other.get(&entry.key));
                found.is_some_and(|found| are_equal(&entry.value, &found.value))
            };
            ours.len() == theirs.len() && ours.iter().enumerate().all(is_in)
        }
        _ => false,
    }
}

/// Is an entry below `key` a way to the extension?
pub(super) fn is_way(key: &str, entry: &Entry) -> bool {
    key == SERVICE && TARGETS.contains(&&*entry.key)
}

pub(super) fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Null => true,
        Kind::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

const SERVICE: &str = "service";

const TRANSLATION: &str = "translation";

/// Ways to reach the extension: EG takes one of them. `tls` belongs to the way that it is given with.
const TARGETS: &[&str] = &["fqdn", "host", "hostname", "ip", "port", "tls", "unix"];

const STEP: usize = 2;
