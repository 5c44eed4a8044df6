//! `strconv.Quote`, which is `%q` of Go's messages.

use std::fmt::Write as _;

/// `text` in double quotes, with nothing in it that a terminal would act upon.
pub(super) fn quote(text: impl AsRef<[u8]>) -> String {
    let mut quoted = String::from("\"");
    for chunk in text.as_ref().utf8_chunks() {
        chunk.valid().chars().for_each(|character| push(&mut quoted, character));
        for octet in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(quoted, "\\x{octet:02x}");
        }
    }
    quoted.push('"');
    quoted
}

fn push(quoted: &mut String, character: char) {
    let short = match character {
        '"' | '\\' => Some(character),
        '\x07' => Some('a'),
        '\x08' => Some('b'),
        '\x0c' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\x0b' => Some('v'),
        _ => None,
    };
    let code = u32::from(character);
    let _ = match short {
        Some(short) => write!(quoted, "\\{short}"),
        None if is_printable(character) => write!(quoted, "{character}"),
        None if code < 0x80 => write!(quoted, "\\x{code:02x}"),
        None if code < 0x1_0000 => write!(quoted, "\\u{code:04x}"),
        None => write!(quoted, "\\U{code:08x}"),
    };
}

/// `unicode.IsPrint`. The standard library has the same rule where it escapes a text for debugging; a quotation mark it escapes
/// as well. Behind a letter, so that combining marks stay what they are.
fn is_printable(character: char) -> bool {
    character == '\'' || ['a', character].iter().collect::<String>().escape_debug().eq(['a', character])
}
