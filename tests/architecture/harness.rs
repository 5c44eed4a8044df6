//! Who starts the built binary: `egext_test_support::Egext`, with an environment without surprises and a time limit.

use std::fs;
use std::path::Path;

/// Each place below `folder` that starts the binary in another way, or that holds a text against a snapshot in which a
/// backslash is a slash.
pub fn strays(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(root, &root.join(folder), &mut found);
    found.sort();
    found
}

fn gather(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("below it").to_str().expect("UTF-8").to_owned();
        if EXEMPT.contains(&&*name) {
        } else if path.is_dir() {
            gather(root, &path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            found.extend(in_text(&text).map(|line| format!("{name}:{line}")));
        }
    }
}

/// The numbers of such lines, each with the word that is wrong there.
pub fn in_text(text: &str) -> impl Iterator<Item = String> {
    let words = [BINARY, "cargo_bin", "assert_data_eq", "cmd::Command"];
    words.into_iter().flat_map(move |word| {
        let starts = text.match_indices(word).map(|(start, _)| start);
        let stray = starts.filter(move |start| word != BINARY || !is_of_harness(&text[..*start]));
        stray.map(move |start| format!("{} {word}", text[..start].lines().count()))
    })
}

/// Is what follows an argument of `Egext::new`?
fn is_of_harness(before: &str) -> bool {
    let begin = before.rfind([';', '{', '}']).map_or(0, |end| end + 1);
    before[begin..].contains("Egext::new(")
}

const BINARY: &str = "CARGO_BIN_EXE_egext";

/// The harness itself, this test, and what hands the path on: to a suite in Go, to the search path of the shells that the
/// harness starts, and to a look at the age of the binary.
const EXEMPT: [&str; 6] = [
    "tests/architecture",
    "tests/architecture.rs",
    "tests/interop.rs",
    "tests/provoked.rs",
    "tests/support",
    "tests/transcripts/session.rs",
];
