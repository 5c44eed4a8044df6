//! What errors of the library say, read from its source.

/// The messages in `text`, which is Rust: of `#[error]`, of `Display`, and of hints.
pub fn messages(text: &str) -> Vec<&str> {
    let ours = text.split("#[cfg(test)]").next().unwrap_or_default();
    let displays = ["impl Display for ", "impl fmt::Display for "].map(|begin| between(ours, begin, "\n}\n"));
    // Of a trait, since findings have hints, too, and the words of those are part of them.
    let hints = between(ours, "impl Hint for ", "\n}\n");
    [attributes(text), displays.concat(), hints].concat()
}

/// Those of `#[error]` alone.
pub fn attributes(text: &str) -> Vec<&str> {
    between(text.split("#[cfg(test)]").next().unwrap_or_default(), "#[error(", ")]\n")
}

/// The flag, variable or command of ours that a message names.
pub fn named<'a>(message: &'a str, commands: &[String]) -> Option<&'a str> {
    let flag = message.match_indices("--").find(|(at, _)| {
        let begins = !message[..*at].ends_with('-');
        begins && message[at + 2..].starts_with(|next: char| next.is_ascii_lowercase())
    });
    let variable = message.match_indices("EGEXT_").next();
    let command = message.match_indices("egext ").find(|(at, begin)| {
        let word = message[at + begin.len()..].split(|next: char| !next.is_ascii_lowercase()).next();
        commands.iter().any(|command| Some(command.as_str()) == word)
    });
    let (at, _) = [flag, variable, command].into_iter().flatten().min()?;
    message[at..].lines().next()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts.map(|part| part.find(end).map_or(part, |end| &part[..end])).collect()
}
