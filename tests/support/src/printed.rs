//! All that runs of the binary print, whichever test has started them: no text in it is one for debugging, and the
//! findings in it are recorded.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::{provoked, schema};

/// Looks at what a run has printed on stdout or stderr.
///
/// # Panics
/// When a value stands in a message as Rust writes it for debugging, or an object is not what the JSON Schema says.
#[track_caller]
pub fn printed(text: &str) {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            if value["schema"].is_string() {
                schema::assert_conforms(&value);
            }
            if let Some(findings) = value["findings"].as_array() {
                provoked::record(findings.iter().filter_map(|finding| finding["id"].as_str()));
            }
            in_words(&value);
        }
        // Lines of a log are an object each; other commands print for a person.
        Err(_) => text.lines().for_each(|line| match serde_json::from_str::<Value>(line) {
            Ok(event) => {
                provoked::record(event["id"].as_str());
                in_words(&event);
            }
            Err(_) => {
                provoked::record(named(line));
                assert_words(line, text);
            }
        }),
    }
}

/// The id of a finding in a line of a log, or at the end of a report for a person.
fn named(line: &str) -> Option<&str> {
    static FORMS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bid=([a-z0-9.-]+)|\(`egext explain ([a-z0-9.-]+)` says more\)").expect("forms")
    });
    let found = FORMS.captures(line)?;
    found.get(1).or(found.get(2)).map(|id| id.as_str())
}

/// Looks at the text of a status that the bridge has made; it names the finding at its end.
///
/// # Panics
/// As [`printed`].
#[track_caller]
pub fn answered(text: &str) {
    assert_words(text, text);
    if let Some((_, id)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        provoked::record(Some(id).filter(|id| id.contains('.')));
    }
}

/// Every string of a JSON document.
#[track_caller]
fn in_words(value: &Value) {
    match value {
        Value::String(text) => assert_words(text, text),
        Value::Array(values) => values.iter().for_each(in_words),
        Value::Object(values) => {
            // The first bytes of another protocol are shown as they are.
            let foreign = values.get("id").is_some_and(|id| id == "probe.http2.not-http2");
            values
                .iter()
                // Nor are lines of a file words of ours.
                .filter(|(key, _)| !(foreign && *key == "evidence") && *key != "diff")
                .for_each(|(_, value)| in_words(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[track_caller]
fn assert_words(text: &str, whole: &str) {
    if let Some(found) = debug_text(text) {
        panic!("`{found}` is for debugging, not for people, in:\n{whole}");
    }
}

/// The name of a Rust type, an enum's variant or a list of numbers behind a bracket, or what has such brackets.
fn debug_text(text: &str) -> Option<&str> {
    static FORMS: LazyLock<Regex> = LazyLock::new(|| {
        let forms = [
            // `(InvalidContentType`, `{ OtherError`
            r"[{(\[]\s*(?:[A-Z][a-z0-9]+){2,}",
            // `Other(`, `Some(`, `Os {`
            r"\b[A-Z][A-Za-z0-9]*(?:\(| \{ ?[a-z_]+:)",
            // `[6, 9, 42`
            r"[{(\[]\s*\d+, ?\d+, ?\d+",
        ];
        Regex::new(&forms.join("|")).expect("forms")
    });
    FORMS
        .find_iter(text)
        .map(|found| found.as_str())
        .find(|found| !NAMES.iter().any(|name| found.contains(name)))
}

/// Names that look like those of Rust types and are none.
const NAMES: [&str; 1] = ["OpenSSL"];

#[cfg(test)]
mod tests {
    use super::debug_text;

    #[test]
    fn debug_texts_are_told_from_words() {
        for text in [
            "it is malformed: Other(OtherError(UnsupportedCertVersion))",
            "UnsupportedSignatureAlgorithmContext { signature_algorithm_id: [6, 9, 42] }",
            "refused (UnsupportedCertVersion)",
            "Os { code: 2, kind: NotFound }",
            "[6, 9, 42, 134]",
            "Ok(3)",
        ] {
            assert!(debug_text(text).is_some(), "{text}");
        }
        for text in [
            "the server answered INTERNAL: says the test server",
            "extended key usage serverAuth",
            "other.example, 127.0.0.1, ::1",
            "Connection reset by peer (os error 104)",
            "write its address as `tls://127.0.0.1:5005`",
            "start the server of `/tmp/egext-ExlRw1/server.sock`",
            "verifiers (OpenSSL, Go)",
            "(Debian: gnutls-bin)",
        ] {
            assert_eq!(debug_text(text), None, "{text}");
        }
    }
}
