//! Who uses what: the paths of a file, followed to the files where the things stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// A use of one file by another.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    /// As it would be written in full.
    pub what: String,
}

/// Files that use each other, directly or through others.
pub struct Circle {
    pub folders: usize,
    pub words: String,
}

/// All files and arrows.
pub struct Graph<'a> {
    pub files: Vec<&'a Source>,
    pub arrows: BTreeSet<Arrow>,
    /// Blocks of a type that stands in another module.
    pub strays: BTreeSet<String>,
    modules: BTreeMap<&'a [String], usize>,
    names: Vec<BTreeMap<String, Vec<String>>>,
}

impl Source {
    /// The uppermost module that it belongs to.
    pub fn wing(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// A name that `use` brings in.
struct Import {
    path: Vec<String>,
    name: String,
    public: bool,
}

impl<'a> Graph<'a> {
    pub fn of(sources: &'a [Source]) -> Self {
        let files: Vec<_> = sources.iter().collect();
        let modules = files.iter().enumerate().map(|(index, file)| (file.module.as_slice(), index)).collect();
        let mut graph =
            Self { files, arrows: BTreeSet::new(), strays: BTreeSet::new(), modules, names: Vec::new() };
        let imports: Vec<Vec<Import>> = graph.files.iter().map(|file| imports(&file.tokens)).collect();
        graph.names = graph
            .files
            .iter()
            .zip(&imports)
            .map(|(file, imports)| {
                let whole = |import: &Import| Some((import.name.clone(), graph.whole(file, &import.path)?));
                imports.iter().filter_map(whole).collect()
            })
            .collect();
        for (from, imports) in imports.iter().enumerate() {
            graph.follow(from, imports);
            graph.find_strays(from);
        }
        graph
    }

    /// An arrow in words.
    pub fn describe(&self, arrow: &Arrow) -> String {
        let (from, to) = (self.files[arrow.from], self.files[arrow.to]);
        format!("{} > {}: {} uses {}", from.wing(), to.wing(), from.path, arrow.what)
    }

    /// Every circle of two files or more. A module is one thing with those below it: they may use what stands in it,
    /// such as its error, although it calls them.
    pub fn circles(&self) -> Vec<Circle> {
        let is_below = |from: usize, to: usize| self.files[from].module.starts_with(&self.files[to].module);
        let arrows: Vec<_> = self.arrows.iter().filter(|arrow| !is_below(arrow.from, arrow.to)).collect();
        let mut next = vec![BTreeSet::new(); self.files.len()];
        for arrow in &arrows {
            next[arrow.from].insert(arrow.to);
        }
        let reach: Vec<_> = (0..next.len()).map(|from| reach(&next, from)).collect();
        let circle = |from: usize| {
            let others = reach[from].iter().copied().filter(|other| reach[*other].contains(&from));
            others.collect::<BTreeSet<_>>()
        };
        let circles: BTreeSet<_> = (0..next.len()).map(circle).filter(|circle| circle.len() > 1).collect();
        let words = |circle: &BTreeSet<usize>| {
            let within = |arrow: &&&Arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to);
            arrows.iter().filter(within).map(|arrow| self.describe(arrow)).collect::<Vec<_>>().join("\n")
        };
        let folders = |circle: &BTreeSet<usize>| {
            circle.iter().map(|file| self.files[*file].folder()).collect::<BTreeSet<_>>()
        };
        circles.iter().map(|circle| Circle { folders: folders(circle).len(), words: words(circle) }).collect()
    }

    fn follow(&mut self, from: usize, imports: &[Import]) {
        let file = self.files[from];
        let mut paths: Vec<Vec<String>> = Vec::new();
        for import in imports {
            let Some(path) = self.whole(file, &import.path) else { continue };
            // What a module only hands on from the modules below it is no use of them.
            let is_below = |to: usize| self.files[to].module.starts_with(&file.module);
            if !(import.public && self.resolve(&path, 0).is_some_and(is_below)) {
                paths.push(path);
            }
        }
        for path in inline_paths(&file.tokens) {
            let by_name = || {
                let known = self.names[from].get(&path[0])?;
                Some([known, &path[1..]].concat())
            };
            paths.extend(by_name().or_else(|| self.whole(file, &path)));
        }
        for path in paths {
            if let Some(to) = self.resolve(&path, 0).filter(|to| *to != from) {
                self.arrows.insert(Arrow { from, to, what: format!("crate::{}", path.join("::")) });
            }
        }
    }

    /// `path` as it is seen from the root; `None` for other crates.
    fn whole(&self, file: &Source, path: &[String]) -> Option<Vec<String>> {
        let mut base = file.module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => return Some(rest[1..].to_vec()),
            "egext" if file.wing() == "main" => return Some(rest[1..].to_vec()),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                self.modules.get(base.as_slice())?;
                return Some([&base[..], &rest[1..]].concat());
            }
        }
        Some([&base[..], rest].concat())
    }

    /// The file where the thing stands.
    fn resolve(&self, path: &[String], depth: usize) -> Option<usize> {
        let mut at = 0;
        while at < path.len() && self.modules.contains_key(&path[..=at]) {
            at += 1;
        }
        let file = *self.modules.get(&path[..at])?;
        let Some(name) = path.get(at).filter(|_| depth < 9) else { return Some(file) };
        match self.names[file].get(name) {
            Some(origin) => self.resolve(&[origin, &path[at + 1..]].concat(), depth + 1),
            None => Some(file),
        }
    }

    fn declares(&self, file: usize, interface: &str) -> bool {
        self.files[file].tokens.windows(2).any(|pair| pair[0] == "trait" && pair[1] == interface)
    }

    /// Blocks of types that stand neither here nor in a module that this one is a part of.
    fn find_strays(&mut self, from: usize) {
        let file = self.files[from];
        for (interface, name) in blocks(&file.tokens) {
            let Some(home) = self.names[from].get(&name).and_then(|path| self.resolve(path, 0)) else {
                continue;
            };
            let is_above = |home: usize| file.module.starts_with(&self.files[home].module);
            let is_ours = interface.is_some_and(|interface| {
                let stands = self.names[from].get(&interface).and_then(|path| self.resolve(path, 0));
                is_above(stands.unwrap_or(from)) && self.declares(stands.unwrap_or(from), &interface)
            });
            if home != from && !is_ours && !is_above(home) {
                self.strays.insert(format!("{}: {name} of {}", file.path, self.files[home].path));
            }
        }
    }
}

fn reach(next: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        open.extend(next[file].iter().filter(|file| reached.insert(**file)));
    }
    reached
}

/// What the `use` items bring in.
fn imports(tokens: &[String]) -> Vec<Import> {
    let mut imports = Vec::new();
    for at in uses(tokens) {
        let public = at > 0 && matches!(tokens[at - 1].as_str(), "pub" | ")");
        let mut rest = &tokens[at + 1..];
        tree(&mut rest, &[], public, &mut imports);
    }
    imports
}

/// Where `use` items begin; `use<'a>` in a type is none.
fn uses(tokens: &[String]) -> impl Iterator<Item = usize> {
    tokens.windows(2).enumerate().filter(|(_, pair)| pair[0] == "use" && pair[1] != "<").map(|(at, _)| at)
}

fn tree(tokens: &mut &[String], before: &[String], public: bool, imports: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let mut alias = None;
    while let [token, rest @ ..] = *tokens {
        match token.as_str() {
            "," | "}" | ";" => break,
            "::" => *tokens = rest,
            "as" => {
                alias = rest.first().cloned();
                *tokens = &rest[1..];
            }
            "{" => {
                *tokens = rest;
                while tokens[0] != "}" {
                    tree(tokens, &path, public, imports);
                    if tokens[0] == "," {
                        *tokens = &tokens[1..];
                    }
                }
                *tokens = &tokens[1..];
                return;
            }
            word => {
                // `net::{self, ...}` is `net`.
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                *tokens = rest;
            }
        }
    }
    if path.last().is_some_and(|last| last == "*") {
        path.pop();
    }
    if let Some(name) = alias.or_else(|| path.last().cloned()) {
        imports.push(Import { path, name, public });
    }
}

/// Paths of two names or more outside of `use`.
fn inline_paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut within: BTreeSet<usize> = BTreeSet::new();
    for at in uses(tokens) {
        within.extend(at..at + tokens[at..].iter().take_while(|token| *token != ";").count());
    }
    let mut paths = Vec::new();
    for at in (0..tokens.len()).filter(|at| !within.contains(at)) {
        let begins = is_word(&tokens[at]) && (at == 0 || tokens[at - 1] != "::");
        let mut path = vec![tokens[at].clone()];
        let mut rest = &tokens[at + 1..];
        while let [colons, name, more @ ..] = rest
            && colons == "::"
            && is_word(name)
        {
            path.push(name.clone());
            rest = more;
        }
        if begins && path.len() > 1 {
            paths.push(path);
        }
    }
    paths
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The trait, if there is one, and the type of every `impl` block.
fn blocks(tokens: &[String]) -> Vec<(Option<String>, String)> {
    let begins = |at: &usize| {
        tokens[*at] == "impl" && (*at == 0 || matches!(tokens[at - 1].as_str(), "}" | ";" | "]"))
    };
    let heads = (0..tokens.len()).filter(begins).map(|at| {
        let end = tokens[at..].iter().position(|token| token == "{" || token == "where");
        outer_words(&tokens[at + 1..at + end.unwrap_or(1)])
    });
    heads
        .filter_map(|head| {
            let mut parts = head.split(|word| word == "for");
            let (first, second) = (parts.next()?.last()?.clone(), parts.next());
            Some(match second.and_then(<[String]>::last) {
                Some(of) => (Some(first), of.clone()),
                None => (None, first),
            })
        })
        .collect()
}

/// The words outside of angle brackets.
fn outer_words(tokens: &[String]) -> Vec<String> {
    let mut depth = 0;
    let mut words = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "<" => depth += 1,
            ">" if at > 0 && tokens[at - 1] != "-" => depth -= 1,
            word if depth == 0 && is_word(word) => words.push(word.to_owned()),
            _ => {}
        }
    }
    words
}
