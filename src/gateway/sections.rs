//! A configuration by its top-level keys, so that a file of Envoy Gateway can be compared in part.

use crate::printable::without_user_of_url;

/// What belongs to one key of the top level, with the comment before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section<'a> {
    /// The key; empty for comments without one.
    pub key: &'a str,
    /// All of its lines.
    pub text: &'a str,
}

/// Splits a text that is one YAML mapping in block style. All sections together are the text.
pub fn sections(text: &str) -> Vec<Section<'_>> {
    let (mut all, mut key, mut begin) = (Vec::new(), "", 0);
    // Where the comment before the next key begins.
    let (mut comment, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let is_indented = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        let is_comment = line.starts_with('#') || line.trim().is_empty() || line.trim_end() == "---";
        let next = at + line.len();
        if is_indented {
            comment = next;
        } else if !is_comment {
            if !key.is_empty() {
                all.push(Section { key, text: &text[begin..comment] });
                begin = comment;
            }
            key = line.split(':').next().unwrap_or_default();
            comment = next;
        }
        at = next;
    }
    all.push(Section { key, text: &text[begin..] });
    all
}

/// A line of a file with `***` in place of what may be a secret: the user in a URL, a token, the value of a key that
/// says so.
pub fn masked(line: &str) -> String {
    let mut masked = String::new();
    let mut is_secret = false;
    for word in line.split_inclusive([' ', '\t']) {
        let content = word.trim_end();
        let end = &word[content.len()..];
        masked += &match content {
            "" => String::new(),
            _ if is_secret => HIDDEN.to_owned(),
            _ => without_user_of_url(content).unwrap_or_else(|| content.to_owned()),
        };
        masked += end;
        is_secret |= is_label(content);
    }
    masked
}

/// Is what stands behind it a secret?
fn is_label(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'']).to_ascii_lowercase();
    let is_key = || {
        let key = word.strip_suffix(':').unwrap_or_default().trim_matches(['"', '\'']);
        ["apikey", "credential", "credentials", "passphrase", "password", "passwd", "secretkey", "token"]
            .iter()
            .any(|end| key.replace(['-', '_'], "").ends_with(end))
    };
    ["basic", "bearer"].contains(&&*word) || is_key()
}

const HIDDEN: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_key_behind_it() {
        let parts = ["# top\n\na:\n  b: 1\n  # more\n", "\n# of c\nc: 2\n", "---\nd:\n- 1\n"];
        let text = parts.concat().replace("- 1", "  - 1");
        let found = sections(&text);
        assert_eq!(found.iter().map(|section| section.key).collect::<Vec<_>>(), ["a", "c", "d"]);
        assert_eq!((found[0].text, found[1].text), (parts[0], parts[1]));
        assert_eq!(found.iter().map(|section| section.text).collect::<String>(), text);
        assert_eq!(sections("# x\n"), [Section { key: "", text: "# x\n" }]);
    }

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (line, shown) in [
            ("  url: redis://user:hunter2@redis:6379\n", "  url: redis://***@redis:6379\n"),
            ("  value: Bearer 0123 4567\n", "  value: Bearer *** ***\n"),
            ("  value: \"Bearer 0123\"\n", "  value: \"Bearer ***\n"),
            ("  redisPassword: hunter2", "  redisPassword: ***"),
            ("  \"api-key\":\thunter2\r\n", "  \"api-key\":\t***\r\n"),
            ("  kind: Secret\n", "  kind: Secret\n"),
            ("  path: /run/a@b.sock\n", "  path: /run/a@b.sock\n"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
