use super::{Cause, Place, Unreadable};

/// A directive above the first document that go-yaml v2 refuses: it knows `%TAG`, and `%YAML` with the version that it reads.
pub(super) fn refused(text: &str) -> Option<Unreadable> {
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let mut directives = lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .take_while(|(_, line)| line.starts_with('%'));
    directives.find_map(|(index, line)| {
        let mut words = line.split_ascii_whitespace();
        let (name, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let why = match (name, value) {
            ("%TAG", _) | ("%YAML", "1.1") => return None,
            ("%YAML", _) => format!("`%YAML {value}` asks for another version than 1.1, which EG reads"),
            _ => format!("`{name}` is a directive that EG does not know"),
        };
        let place = Place { line: u32::try_from(index + 1).unwrap_or(u32::MAX), column: 1 };
        Some(Unreadable { place, why, cause: Cause::Directive })
    })
}
