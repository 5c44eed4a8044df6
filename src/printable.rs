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

/// No control character, and none of those that reorder or hide what stands around them.
pub(crate) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` with `***` in place of the user's name and password in a URL, both of which may have an `@`: what stands between
/// the scheme and the last `@`. None if it has none.
pub(crate) fn without_user_of_url(text: &str) -> Option<String> {
    let (before, behind) = text.rsplit_once('@')?;
    let begin = before.find("://")? + "://".len();
    Some(format!("{}***@{behind}", &before[..begin]))
}
