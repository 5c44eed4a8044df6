//! A configuration by its top-level keys, so that a file of Envoy Gateway can be compared in part.

use super::document::{self, Document, Entry, Format, Place, Unreadable, line_begins};

/// What belongs to one key of the top level, with the comment before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section<'a> {
    /// The key.
    pub key: &'a str,
    /// All of its lines.
    pub text: &'a str,
}

/// Why a text has no sections.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoSections {
    /// It is something else.
    Foreign,
    /// It has an extension, but in another form: where, and in words.
    Other(Place, &'static str),
    /// It has an extension, but cannot be read.
    Unreadable(Unreadable),
}

/// Splits a text into sections; all of them together are the text. It is one YAML document, whose top level is a mapping in
/// block style with an `extensionManager`: what this program writes, or a file of Envoy Gateway that has it pasted in.
///
/// # Errors
/// If it is something else.
pub fn sections(text: &str) -> Result<Vec<Section<'_>>, NoSections> {
    let document = document::read(text).map_err(|error| match text.lines().any(is_extension) {
        true => NoSections::Unreadable(error),
        false => NoSections::Foreign,
    })?;
    if !is_envoy_gateway(&document) {
        let is_extension = EXTENSIONS.iter().any(|key| document.root.get(key).is_some());
        return Err(match (document.format, document.rest) {
            (Format::Json, _) if is_extension => NoSections::Other(Place::START, "it is JSON"),
            (_, Some(place)) if is_extension => NoSections::Other(place, "it has a second document"),
            _ => NoSections::Foreign,
        });
    }
    let lines: Vec<_> = line_begins(text).windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
    let number = |entry: &Entry| entry.key_place.line as usize - 1;
    let mut begins: Vec<_> = document.root.entries().iter().map(number).collect();
    begins.sort_unstable();
    let mut sections = Vec::new();
    let (mut begin, mut rest) = (0, text);
    for (index, at) in begins.iter().enumerate() {
        let end = match begins.get(index + 1) {
            None => lines.len(),
            Some(next) => {
                let comment = lines[at + 1..*next].iter().rev().take_while(|line| is_beside(line));
                next - comment.count()
            }
        };
        let length = lines[begin..end].iter().map(|line| line.len()).sum();
        let (own, others) = rest.split_at(length);
        sections.push(Section { key: key(lines[*at]), text: own });
        (begin, rest) = (end, others);
    }
    Ok(sections)
}

fn is_envoy_gateway(document: &Document) -> bool {
    let root = &document.root;
    let is_own = |entry: &Entry| {
        let is_key = !entry.key.is_empty() && entry.key.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_key
            && entry.key_place.column == 1
            && (&*entry.key != "kind" || entry.value.text() == Some("EnvoyGateway"))
    };
    document.format == Format::Yaml
        && document.rest.is_none()
        && !root.is_shared
        && root.entries().iter().all(is_own)
        && EXTENSIONS.iter().any(|key| root.get(key).is_some())
}

/// The key of a line, as it is written.
fn key(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' '])
}

/// Does a line belong to the key behind it?
fn is_beside(line: &str) -> bool {
    line.starts_with('#') || line.trim().is_empty() || line.trim_end() == "---"
}

fn is_extension(line: &str) -> bool {
    EXTENSIONS.contains(&key(line.trim_start()))
}

const EXTENSIONS: [&str; 2] = ["extensionManager", "extensionManagers"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_key_behind_it() {
        let parts = [
            "# top\n\nextensionManager:\n  b: 1\n  # more\n",
            "\n# of c\n'c': {a: 1,\nb: 2\n}\n",
            "# of d\nd:\n- 1\n# |\n- |\n  c: 2\n\n",
        ];
        let text = parts.concat();
        let found = sections(&text).expect("what is expected");
        assert_eq!(
            found.iter().map(|section| section.key).collect::<Vec<_>>(),
            ["extensionManager", "c", "d"]
        );
        for (section, part) in found.iter().zip(parts) {
            assert_eq!(section.text, part);
        }
    }

    #[test]
    fn other_files_are_not_taken_for_it() {
        for text in [
            "extensionManager:\n  failOpen: true\n",
            "# note\n---\nkind: EnvoyGateway\nextensionManager: {}\n",
            "kind: 'EnvoyGateway'\r\nextensionManagers:\r\n- indented\r\n",
            "kind: EnvoyGateway\rextensionManager:\r  failOpen: true\r",
        ] {
            assert!(sections(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "# x\n",
            "other\n",
            "kind: Secret\ndata:\n  key: c2VjcmV0\n",
            "password=1\nextensionManager:\n",
            " extensionManager:\n",
            "# x\n{extensionManager: {}}\n",
            "kind: Secret\nextensionManager: {}\n",
            "a: &a {kind: b}\nextensionManager: {}\n<<: *a\n",
        ] {
            assert_eq!(sections(text), Err(NoSections::Foreign), "{text}");
        }
        for text in [
            "{\"extensionManager\": {}}\n",
            "extensionManager: {}\n---\nkind: Secret\ndata:\n  key: c2VjcmV0\n",
            "extensionManager: {}\n---\nstringData:\n  key: c2VjcmV0\n",
        ] {
            assert!(matches!(sections(text), Err(NoSections::Other(..))), "{text}");
        }
        for text in ["\textensionManager:\n", "extensionManager:\n\tfailOpen: true\n"] {
            assert!(matches!(sections(text), Err(NoSections::Unreadable(_))), "{text}");
        }
    }
}
