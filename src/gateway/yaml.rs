//! A writer for the YAML that we emit.
//!
//! Its comments matter as much as its values: lines above a key, and a note after each item of a list. A serialiser has one place
//! for the comments of a file, if it has any. That of serde-saphyr 2.1 puts those above a value between the key and the
//! value, joined to one line: a test below shows it.
//!
//! EG reads it with go-yaml, which follows YAML 1.1 for `yes`, `on` and U+2028 as a line break; others
//! follow 1.2. What is written here means the same in both: a scalar that one of them could read in another way
//! is in double quotes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Bool(bool),
    Integer(u64),
    List(Vec<Item>),
    Map(Vec<KeyValue>),
    Text(String),
}

/// A key, its value, and the comment above it.
#[derive(Clone, Debug)]
pub(super) struct KeyValue {
    comment: String,
    key: &'static str,
    value: Node,
}

impl KeyValue {
    pub(super) fn new(key: &'static str, value: impl Into<Node>) -> Self {
        Self { comment: String::new(), key, value: value.into() }
    }

    pub(super) fn commented(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }
}

/// A value in a list, and the note behind it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Node,
    pub(super) note: &'static str,
}

impl From<Vec<KeyValue>> for Node {
    fn from(entries: Vec<KeyValue>) -> Self {
        Self::Map(entries)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The document.
pub(super) fn document(entries: &[KeyValue]) -> String {
    let mut text = String::new();
    map(&mut text, entries, 0);
    text
}

/// Each line of `text` as a comment. Nothing in it may break a line for a YAML reader: [`is_printable`].
pub(super) fn comment(out: &mut String, text: &str, indent: usize) {
    for line in text.lines() {
        let space = if line.is_empty() { "" } else { " " };
        push(out, indent, &format!("#{space}{line}\n"));
    }
}

/// True for what may stand in a comment or a quoted scalar as it is: the printable characters of YAML 1.2
/// without those that a YAML 1.1 reader treats as line breaks, and without the byte order mark.
pub(super) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// `text` as a scalar that every reader reads as this string.
pub(super) fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match (c, u32::from(c)) {
            ('"' | '\\', _) => quoted.extend(['\\', c]),
            (c, _) if is_printable(c) => quoted.push(c),
            // Writing to a string does not fail.
            (_, code @ ..=0xff) => _ = write!(quoted, "\\x{code:02x}"),
            (_, code) => _ = write!(quoted, "\\u{code:04x}"),
        }
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

fn map(out: &mut String, entries: &[KeyValue], indent: usize) {
    for KeyValue { comment: above, key, value } in entries {
        comment(out, above, indent);
        push(out, indent, &format!("{key}:"));
        match value {
            Node::List(items) if !items.is_empty() => {
                out.push('\n');
                list(out, items, indent + STEP);
            }
            Node::Map(entries) if !entries.is_empty() => {
                out.push('\n');
                map(out, entries, indent + STEP);
            }
            value => {
                out.push(' ');
                out.push_str(&inline(value));
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, items: &[Item], indent: usize) {
    let width = items.iter().map(|item| inline(&item.value).chars().count()).max().unwrap_or(0);
    for Item { value, note } in items {
        push(out, indent, "- ");
        match value {
            Node::Map(entries) if !entries.is_empty() => {
                // Its first key stands behind the dash.
                let mut text = String::new();
                map(&mut text, entries, indent + STEP);
                out.push_str(text.trim_start());
            }
            value if note.is_empty() => {
                out.push_str(&inline(value));
                out.push('\n');
            }
            value => {
                // Writing to a string does not fail.
                let _ = writeln!(out, "{:width$}  # {note}", inline(value));
            }
        }
    }
}

/// A value on one line.
fn inline(value: &Node) -> Cow<'_, str> {
    match value {
        Node::Bool(flag) => Cow::Owned(flag.to_string()),
        Node::Integer(number) => Cow::Owned(number.to_string()),
        Node::List(_) => Cow::Borrowed("[]"),
        Node::Map(_) => Cow::Borrowed("{}"),
        Node::Text(text) => scalar(text),
    }
}

fn push(out: &mut String, indent: usize, text: &str) {
    out.extend(std::iter::repeat_n(' ', indent));
    out.push_str(text);
}

// Stricter than YAML is: quotes too many cost nothing, one too few changes a value. A letter or a slash in front
// rules out numbers, dates, indicators and `~`; no colon, so no key and no base-60 number.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Words that YAML 1.1 or 1.2 reads as booleans or null.
const RESERVED: &[&str] = &["y", "yes", "n", "no", "true", "false", "on", "off", "null"];

const STEP: usize = 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scalars_are_quoted_where_a_reader_could_err() {
        for (text, written) in [
            ("/run/egext/eg.sock", "/run/egext/eg.sock"),
            ("gateway.envoyproxy.io/v1alpha1", "gateway.envoyproxy.io/v1alpha1"),
            ("", r#""""#),
            ("yes", r#""yes""#),
            ("On", r#""On""#),
            ("NULL", r#""NULL""#),
            ("~", r#""~""#),
            ("1.9", r#""1.9""#),
            ("0x1F", r#""0x1F""#),
            ("1:30", r#""1:30""#),
            ("a: b", r#""a: b""#),
            ("a:", r#""a:""#),
            ("a #b", r#""a #b""#),
            ("- a", r#""- a""#),
            ("*a", r#""*a""#),
            ("{a}", r#""{a}""#),
            (" a ", r#"" a ""#),
            (r#"say "a\b""#, r#""say \"a\\b\"""#),
            ("/srv/über", r#""/srv/über""#),
            ("a\nb\t\0\u{85}\u{2028}\u{feff}", r#""a\x0ab\x09\x00\x85\u2028\ufeff""#),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn structure_and_comments() {
        let item = |value: Node, note| Item { value, note };
        let pair = vec![KeyValue::new("one", "1"), KeyValue::new("two", Node::Bool(true))];
        let entries = [
            KeyValue::new("map", vec![KeyValue::new("empty", vec![]), KeyValue::new("n", Node::Integer(7))])
                .commented("why\n\nand how"),
            KeyValue::new("list", Node::List(vec![item("a".into(), "first"), item("long".into(), "second")])),
            KeyValue::new("maps", Node::List(vec![item(pair.into(), "")])),
            KeyValue::new("none", Node::List(vec![])),
        ];
        snapbox::assert_data_eq!(
            document(&entries),
            snapbox::str![[r#"
# why
#
# and how
map:
  empty: {}
  n: 7
list:
  - a     # first
  - long  # second
maps:
  - one: "1"
    two: true
none: []

"#]]
        );
    }

    /// When this fails, look whether the serialiser can take the place of this writer.
    #[test]
    fn a_serialiser_has_no_place_for_lines_above_a_key() {
        let options = serde_saphyr::ser_options! { comment_position: serde_saphyr::CommentPosition::Above };
        let map = BTreeMap::from([("key", serde_saphyr::Commented(5, "why\nand how".to_owned()))]);
        let written = serde_saphyr::to_string_with_options(&map, options).expect("written");
        assert_eq!(written, "key:\n  # why and how\n  5\n");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_itself(text in any::<String>()) {
            let written = document(&[KeyValue::new("key", text.as_str())]);
            prop_assert_eq!(written.lines().count(), 1);
            let read: BTreeMap<String, String> = serde_saphyr::from_str(&written).expect("what we wrote");
            prop_assert_eq!(&read["key"], &text);
        }

        #[test]
        fn what_looks_like_another_type_stays_text(
            text in "[-+.0-9eExXoO_:]{1,8}|(?i)(y|yes|n|no|true|false|on|off|null|nan|inf|\\.nan|~|<<|=)"
        ) {
            let written = document(&[KeyValue::new("key", text.as_str())]);
            let read: serde_json::Value = serde_saphyr::from_str(&written).expect("what we wrote");
            prop_assert_eq!(&read["key"], &serde_json::Value::String(text));
        }
    }
}
