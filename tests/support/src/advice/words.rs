//! Commands in the lines of a text, and their words as a shell reads them.

/// What stands between backticks and is a command, as far as one can tell. A backtick between single quotes is a part of
/// the command, but only where that is one: elsewhere an apostrophe is an apostrophe.
pub(super) fn in_backticks(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        rest = &rest[start + 1..];
        let is_command = PROGRAMS.iter().any(|program| {
            rest.trim_start_matches('(').strip_prefix(program).is_some_and(|after| after.starts_with(' '))
        });
        let end = if is_command { end_of_command(rest) } else { rest.find('`') };
        let Some(end) = end else {
            if is_command {
                found.push(rest.to_owned());
            }
            break;
        };
        if is_command {
            found.push(rest[..end].to_owned());
        }
        rest = &rest[end + 1..];
    }
    found
}

fn end_of_command(text: &str) -> Option<usize> {
    let mut quote = Quote::None;
    for (index, character) in text.char_indices() {
        if quote == Quote::None && character == '`' {
            return Some(index);
        }
        quote = quote.after(character);
    }
    // An apostrophe after the command, so it was not quoted.
    text.find('`')
}

/// How a character is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Quote {
    None,
    Escaped,
    /// After a `$`.
    Dollar,
    /// `$'...'`, and after a backslash in it.
    DollarSingle,
    DollarEscaped,
    Single,
}

impl Quote {
    fn after(self, character: char) -> Self {
        match (self, character) {
            (Self::None, '\\') => Self::Escaped,
            (Self::None, '$') => Self::Dollar,
            (Self::None, '\'') => Self::Single,
            (Self::Single, '\'') => Self::None,
            (Self::Single, _) => Self::Single,
            (Self::Dollar, '\'') | (Self::DollarEscaped, _) => Self::DollarSingle,
            (Self::DollarSingle, '\\') => Self::DollarEscaped,
            (Self::DollarSingle, '\'') => Self::None,
            (Self::DollarSingle, _) => Self::DollarSingle,
            (Self::None | Self::Escaped | Self::Dollar, _) => Self::None,
        }
    }
}

/// The words of each command of a list or a pipe, read as a shell reads them.
pub(super) fn simple_commands(text: &str, is_hint: bool) -> Result<Vec<Vec<String>>, String> {
    let mut plain = String::new();
    let mut quote = Quote::None;
    for character in text.chars() {
        let next = quote.after(character);
        match (quote, next) {
            (Quote::None, Quote::None) if "|;<>()".contains(character) => plain.extend([' ', character, ' ']),
            (Quote::None, Quote::Dollar) => {}
            (Quote::Dollar, next) if next != Quote::DollarSingle => {
                return Err(format!("`{text}` has a `$` that a shell replaces"));
            }
            (Quote::DollarEscaped, _) => plain.push('_'),
            (_, Quote::DollarEscaped) => {}
            _ => plain.push(character),
        }
        quote = next;
    }
    let words = shell_words::split(&plain).map_err(|_| format!("`{text}` is not quoted for a shell"))?;
    let mut commands = vec![Vec::new()];
    let mut is_file = false;
    for word in words {
        match &*word {
            "|" | "&&" | ";" | "(" | ")" | "&" => commands.push(Vec::new()),
            "<" | ">" => is_file = true,
            _ if is_file => is_file = false,
            _ => commands.last_mut().expect("never empty").push(word),
        }
    }
    if is_hint && commands.iter().flatten().any(|word| word == "...") {
        return Err(format!("`{text}` leaves out what is to be typed"));
    }
    Ok(commands)
}

/// A word with values where it has placeholders: capitals that the user replaces.
pub(super) fn filled(word: &str) -> Result<String, String> {
    let is_part = |character: char| character.is_ascii_uppercase() || character == '_';
    let mut filled = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(is_part) {
        let length = rest[start..].find(|c| !is_part(c)).unwrap_or(rest.len() - start);
        let (before, part) = (&rest[..start], &rest[start..start + length]);
        let after = &rest[start + length..];
        filled.push_str(before);
        let is_whole = |text: &str, at_end: bool| {
            let neighbour = if at_end { text.chars().next_back() } else { text.chars().next() };
            neighbour.is_none_or(|character| ",:/=[]".contains(character))
        };
        let alone = length > 1 && is_whole(before, true) && is_whole(after, false);
        // A path can look like anything.
        match PLACEHOLDERS.iter().find(|(name, _)| *name == part && alone) {
            Some((_, value)) => filled.push_str(value),
            None if alone && word.len() == length => return Err(format!("no value is known for `{word}`")),
            None => filled.push_str(part),
        }
        rest = after;
    }
    Ok(filled + rest)
}

/// Those whose commands stand in texts of ours.
const PROGRAMS: &[&str] = &[
    "cat",
    "chmod",
    "chown",
    "cp",
    "date",
    "egext",
    "fuser",
    "install",
    "keytool",
    "kubectl",
    "ls",
    "mkdir",
    "mv",
    "openssl",
    "rm",
    "sed",
    "ss",
    "sudo",
    "systemctl",
    "tar",
    "umask",
];

/// What stands for what the user has to fill in, and something that could stand there.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("ADDRESS", "host.example:5005"),
    ("DIR", "directory"),
    ("FILE", "file.pem"),
    ("GROUP", "group.example"),
    ("HOST", "host.example"),
    ("ID", "probe.connect.refused"),
    ("KIND", "Kind"),
    ("NAME", "name.example"),
    ("PORT", "5005"),
    ("ROLE", "server"),
    ("SET", "set"),
    ("SPAN", "5y"),
    ("VERSION", "v1"),
];
