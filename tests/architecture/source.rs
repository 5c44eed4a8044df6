//! The words of a file of Rust, without comments, texts and tests.

use std::fs;
use std::path::Path;

/// One file of `src/`.
pub struct Source {
    /// From the root, such as `src/net/dial/mod.rs`.
    pub path: String,
    /// The names of its module, such as `net`, `dial`; none for `lib.rs`.
    pub module: Vec<String>,
    /// Its words and signs; `::` is one.
    pub tokens: Vec<String>,
}

impl Source {
    /// The file at `path`, which has this text.
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), module: module(path), tokens: without_tests(&tokens(text)) }
    }
}

/// Every file below `src/`, in the order of their paths.
pub fn sources(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    gather(root, &root.join("src"), &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn gather(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(root, &path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let path = path.strip_prefix(root).expect("below it").to_str().expect("UTF-8");
            found.push(Source::of(path, &text));
        }
    }
}

fn module(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let names = inner.split('/').filter(|name| *name != "mod" && *name != "lib");
    names.map(str::to_owned).collect()
}

/// Words, `::`, and every other sign by itself.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens: Vec<String> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at += match *rest {
            ['/', '/', ..] => length_of_line(rest),
            ['/', '*', ..] => length_of_comment(rest),
            ['"', ..] => length_of_text(rest),
            ['\'', '\\', ..] => 3 + rest[3..].iter().take_while(|c| **c != '\'').count() + 1,
            ['\'', _, '\'', ..] => 3,
            ['\'', ..] => 1 + length_of_word(&rest[1..]),
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                2
            }
            [c, ..] if is_of_a_word(c) => {
                let length = length_of_word(rest);
                match length_of_raw(&rest[length..]) {
                    Some(raw) if rest[length - 1] == 'r' => length + raw,
                    _ => {
                        tokens.push(rest[..length].iter().collect());
                        length
                    }
                }
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                1
            }
            [] => unreachable!("there is a rest"),
        };
    }
    tokens
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn length_of_word(text: &[char]) -> usize {
    text.iter().take_while(|c| is_of_a_word(**c)).count()
}

fn length_of_line(text: &[char]) -> usize {
    text.iter().take_while(|c| **c != '\n').count()
}

/// Comments can stand in comments.
fn length_of_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn length_of_text(text: &[char]) -> usize {
    let mut at = 1;
    while text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// What follows the `r` of a raw text; `None` where it is none.
fn length_of_raw(text: &[char]) -> Option<usize> {
    let marks = text.iter().take_while(|c| **c == '#').count();
    if text.get(marks) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let begin = marks + 1;
    let inner = text[begin..].windows(end.len()).position(|window| window == end)?;
    Some(begin + inner + end.len())
}

/// Without what is compiled for tests only: a test may use what it tests with.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&mark.map(str::to_owned)) {
            at += mark.len() + length_of_item(&tokens[at + mark.len()..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Up to its semicolon, or to the end of its braces.
fn length_of_item(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(token.as_str(), ";" | "}") {
            return index + 1;
        }
    }
    tokens.len()
}
