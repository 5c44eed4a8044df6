//! Texts of strangers, made safe for a terminal and for a line of a log.

/// `text` without anything that moves the cursor or changes the terminal: certificates are strangers' data.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_printable(character) {
            printable.push(character);
        } else {
            printable.extend(character.escape_unicode());
        }
    }
    printable
}

/// No control character, none of those that reorder or hide what stands around them, and no noncharacter, of which two
/// cannot stand in XML.
pub(crate) fn is_printable(character: char) -> bool {
    let is_hidden = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    let is_noncharacter =
        matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe;
    !character.is_control() && !is_hidden && !is_noncharacter
}

/// `text` with `***` in place of the user's name and password in a URL, both of which may have an `@`: what stands between
/// the scheme and the last `@`. None if it has none.
pub(crate) fn without_user_of_url(text: &str) -> Option<String> {
    let (before, behind) = text.rsplit_once('@')?;
    let begin = before.find("://")? + "://".len();
    Some(format!("{}***@{behind}", &before[..begin]))
}
