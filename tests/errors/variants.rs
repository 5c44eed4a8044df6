//! The variants of the error types in `src`, read from its text: a new one cannot be forgotten.
//!
//! The name of a variant is in the debug text of an error, without the name of its type. What type each part of the text
//! is of, the declarations say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The error types by their names, the variants of each with the types that they hold.
pub(crate) struct Variants(BTreeMap<String, Vec<Variant>>);

struct Variant {
    name: String,
    /// What stands before a value in debug text, such as `source: `, and the type of the value.
    holds: Vec<(String, String)>,
}

impl Variants {
    /// Every type that a user can be told of: it has messages, or hints.
    pub(crate) fn read() -> Self {
        let mut declared = Vec::new();
        for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let text = fs::read_to_string(&file).expect("readable");
            let items: Vec<_> = text.split("\n}\n").collect();
            let having_hints: Vec<_> = items
                .iter()
                .filter(|item| item.contains("fn hint(") || item.contains("fn advice("))
                .filter_map(|item| implementing(item))
                .collect();
            for (name, body) in items.iter().filter_map(|item| declaration(item)) {
                let has_messages = name.ends_with("Error") && body.contains("#[error(");
                if has_messages || having_hints.contains(&name) {
                    declared.push((name.to_owned(), variants(body)));
                }
            }
        }
        let number = declared.len();
        let types: BTreeMap<_, _> = declared.into_iter().collect();
        assert_eq!(types.len(), number, "of {:?}, two have one name", types.keys());
        Self(types)
    }

    /// All of them, such as `InputError::Directory`.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        let of_one = |(name, variants): (&String, &Vec<Variant>)| {
            variants.iter().map(|variant| format!("{name}::{}", variant.name)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_one).collect()
    }

    /// Those that the debug text of an error of type `name` is made of.
    pub(crate) fn of(&self, name: &str, text: &str) -> Vec<String> {
        let variants = &self.0[name];
        let word = text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        let variant = variants.iter().find(|variant| variant.name == word);
        let variant = variant.unwrap_or_else(|| panic!("a variant of `{name}` in {text}"));
        let mut found = vec![format!("{name}::{word}")];
        for (before, holds) in variant.holds.iter().filter(|(_, holds)| self.0.contains_key(holds)) {
            let (_, held) = text.split_once(before.as_str()).expect("its fields");
            found.extend(self.of(holds, held));
        }
        found
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("readable").path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let deeper = directories.iter().flat_map(|directory| self::files(directory));
    files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "rs")).chain(deeper).collect()
}

/// Name and body of an enum.
fn declaration(item: &str) -> Option<(&str, &str)> {
    let (before, rest) = item.rsplit_once("enum ")?;
    let begins = before.lines().last().is_none_or(|line| line.is_empty() || line.starts_with("pub"));
    let (name, body) = rest.split_once(" {\n")?;
    (begins && name.chars().all(char::is_alphanumeric)).then_some((name, body))
}

/// The type that a block of functions with `fn hint` is about.
fn implementing(item: &str) -> Option<&str> {
    let head = item.lines().find(|line| line.starts_with("impl"))?.strip_suffix(" {")?;
    head.split(' ').next_back()
}

/// As rustfmt writes them: each begins a line with four blanks, its fields with eight.
fn variants(body: &str) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for line in body.lines() {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        if line.starts_with(['#', '/']) {
            continue;
        }
        if depth == 4 && line.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            let end = line.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(line.len());
            let holds = line[end..].strip_prefix('(').map(|held| ("(".to_owned(), type_of(held)));
            variants.push(Variant { name: line[..end].to_owned(), holds: holds.into_iter().collect() });
        }
        let is_field =
            |name: &str| depth == 8 && name.chars().all(|letter| letter == '_' || letter.is_alphabetic());
        let field = line.split_once(": ").filter(|(name, _)| is_field(name));
        if let (Some((field, held)), Some(variant)) = (field, variants.last_mut()) {
            variant.holds.push((format!("{field}: "), type_of(held)));
        }
    }
    variants
}

/// Without attributes before it and what is behind it.
fn type_of(text: &str) -> String {
    let text = text.rsplit("] ").next().unwrap_or(text);
    match text.trim_end_matches([',', ')']) {
        // One of the others, with another hint: its debug text is that one's.
        "Advised" => "CertsError".to_owned(),
        name => name.to_owned(),
    }
}
