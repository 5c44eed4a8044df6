//! Which module may use which is a table in `docs/architecture.md`; the code is held against it here. The source is read
//! as text, so this needs nothing but the files.

#[path = "architecture/harness.rs"]
mod harness;
#[path = "architecture/messages.rs"]
mod messages;
#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use clap::CommandFactory as _;
use messages::{attributes, messages, named};
use paths::{Arrow, Graph};
use source::Source;

#[test]
fn every_arrow_is_one_that_the_page_allows() {
    let graph = graph();
    let allowed: BTreeMap<_, _> = table().into_iter().collect();
    let modules: BTreeSet<_> =
        graph.files.iter().map(|file| file.wing().to_owned()).filter(|wing| wing != "lib").collect();
    assert_eq!(
        allowed.keys().cloned().collect::<BTreeSet<_>>(),
        modules,
        "the rows of the table and the modules"
    );
    let known = |arrow: &Arrow| {
        let (from, to) = (graph.files[arrow.from].wing(), graph.files[arrow.to].wing());
        from == to || allowed[from].contains(to)
    };
    let wrong: BTreeSet<_> =
        graph.arrows.iter().filter(|arrow| !known(arrow)).map(|arrow| graph.describe(arrow)).collect();
    assert!(wrong.is_empty(), "docs/architecture.md does not allow:\n{}", list(&wrong));
}

#[test]
fn every_arrow_of_the_page_is_used_and_points_down() {
    let graph = graph();
    let wings = |arrow: &Arrow| (graph.files[arrow.from].wing(), graph.files[arrow.to].wing());
    let used: BTreeSet<_> = graph.arrows.iter().map(wings).collect();
    let mut above = BTreeSet::new();
    for (from, to) in table() {
        for to in to {
            assert!(used.contains(&(from.as_str(), to.as_str())), "no code of `{from}` uses `{to}`");
            assert!(!above.contains(&to), "`{to}` stands above `{from}` in the table");
        }
        above.insert(from);
    }
}

#[test]
fn no_circle_runs_through_two_folders() {
    let graph = graph();
    let circles: Vec<_> = graph.circles().into_iter().filter(|circle| circle.folders > 1).collect();
    let words: Vec<_> = circles.iter().map(|circle| circle.words.as_str()).collect();
    assert!(words.is_empty(), "circles:\n{}", words.join("\n\n"));
}

/// A file of `pki` stands in a wing, where the page has it.
#[test]
fn every_module_of_pki_stands_in_its_wing() {
    let modules = sources().iter().filter_map(|source| match source.module.as_slice() {
        [pki, _] if pki == "pki" => {
            assert!(source.path.ends_with("/mod.rs"), "{} has no wing", source.path);
            None
        }
        [pki, wing, module] if pki == "pki" => Some((wing.clone(), module.clone())),
        _ => None,
    });
    let known = rows("| wing | modules | what they do |").into_iter().flat_map(|cells| {
        let wing = cells[0][0].clone();
        cells[1].clone().into_iter().map(move |module| (wing.clone(), module))
    });
    assert_eq!(known.collect::<BTreeSet<_>>(), modules.collect(), "the page and the folders");
}

/// The page has the wings from the bottom up.
#[test]
fn a_wing_of_pki_uses_only_those_below() {
    let wings = order_of_wings();
    let wrong = rising(graph(), &wings);
    assert!(wrong.is_empty(), "arrows up between the wings of `pki`:\n{}", list(&wrong));
}

#[test]
fn a_type_is_implemented_where_it_stands() {
    let graph = graph();
    assert!(graph.strays.is_empty(), "blocks of a type from another module:\n{}", list(&graph.strays));
}

/// A change of the provider is a change of one module.
#[test]
fn one_module_names_the_crypto_provider() {
    let names = |source: &&Source| source.tokens.iter().any(|token| token.starts_with("aws_lc"));
    let named: Vec<_> = sources().iter().filter(names).map(|source| source.path.as_str()).collect();
    assert_eq!(named, ["src/crypto.rs"]);
}

/// The library is used without its command line too. What is typed there, [`egext::commands`] adds.
#[test]
fn no_error_of_the_library_names_what_is_typed() {
    let commands = commands();
    let said = |source: &Source| {
        let text = fs::read_to_string(root().join(&source.path)).expect("UTF-8");
        let said = if PRINTING.contains(&&*source.path) { attributes(&text) } else { messages(&text) };
        let found = said.into_iter().filter_map(|message| named(message, &commands));
        found.map(|found| format!("{}: {found}", source.path)).collect::<Vec<_>>()
    };
    let library =
        sources().iter().filter(|source| !["cli", "commands", "demo", "main"].contains(&source.wing()));
    let wrong: BTreeSet<_> = library.flat_map(said).collect();
    assert!(wrong.is_empty(), "these are for the command line to say:\n{}", list(&wrong));
}

#[test]
fn what_is_typed_is_seen_in_every_form() {
    let text = "
#[error(\"`--home` is wrong\")]
#[error(
    \"set EGEXT_HOME for {}\",
    path.display()
)]
#[error(\"`egext` wrote it, as egext can -- `-o`\")]
impl Display for Odd { \"see `egext certs check`\"
}
impl Hint for Odd { \"pass `--ca`\"
}
#[cfg(test)]
#[error(\"--test\")]
";
    let commands = commands();
    let found: Vec<_> = messages(text).into_iter().filter_map(|message| named(message, &commands)).collect();
    assert_eq!(found, ["--home` is wrong\"", "EGEXT_HOME for {}\",", "egext certs check`\"", "--ca`\""]);
}

/// The words that call our commands.
fn commands() -> Vec<String> {
    let cli = egext::cli::Cli::command();
    cli.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The first is a command to be printed. The hints of the other are those of findings too, whose data they are.
const PRINTING: &[&str] = &["src/gateway/bridge_command.rs", "src/pki/keys/identity_error.rs"];

/// Without the harness a variable of the developer's shell changes what a test sees, and a hang has no end.
#[test]
fn only_the_harness_starts_the_binary() {
    let strays = harness::strays(root(), "tests");
    assert!(strays.is_empty(), "use `Egext`, and `assert_text` for snapshots:\n{}", strays.join("\n"));
    for (text, seen) in [
        ("fn a() { Egext::new(\n env!(\"CARGO_BIN_EXE_egext\"), []) }", 0),
        ("fn a() { Egext::new(\"sh\", []); Command::new(env!(\"CARGO_BIN_EXE_egext\")) }", 1),
        ("const EGEXT: &str = env!(\"CARGO_BIN_EXE_egext\");", 1),
        ("Command::new(snapbox::cmd::cargo_bin!(\"egext\"))", 1),
        ("snapbox::assert_data_eq!(text, str![])", 1),
    ] {
        assert_eq!(harness::in_text(text).count(), seen, "{text}");
    }
}

/// What the tests above would not notice, they could not forbid.
#[test]
fn arrows_are_seen_in_every_form() {
    let file = |path, text| Source::of(path, text);
    let sources = [
        file("src/ground.rs", "pub struct Clay; #[cfg(test)] mod tests { use crate::roof::Tile; }"),
        file("src/roof/mod.rs", "mod tile; mod gutter; pub use tile::{Tile, lay as put}; pub struct Ridge;"),
        file(
            "src/roof/tile.rs",
            "use super::Ridge; /* use crate::a::B; */ pub struct Tile; pub fn lay() { \"crate::b::C\"; }",
        ),
        file(
            "src/roof/gutter.rs",
            "use crate::roof; fn drip<'a>() { let _ = ('\"', roof::put); crate::ground::Clay; }",
        ),
        file(
            "src/wall.rs",
            "use crate::{ground::Clay, roof::{self, Tile as Brick}}; impl Brick {} impl From<Clay> for Own {}",
        ),
    ];
    let graph = Graph::of(&sources);
    let arrows: Vec<_> = graph.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
    assert_eq!(arrows, [(2, 1), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2)]);
    assert_eq!(graph.strays.iter().collect::<Vec<_>>(), ["src/wall.rs: Brick of src/roof/tile.rs"]);
}

/// The wings of `pki` in the order of the page, each once.
fn order_of_wings() -> Vec<String> {
    let mut wings: Vec<_> =
        rows("| wing | modules | what they do |").into_iter().map(|cells| cells[0][0].clone()).collect();
    wings.dedup();
    assert!(
        wings.iter().collect::<BTreeSet<_>>().len() == wings.len(),
        "rows of a wing stand apart: {wings:?}"
    );
    wings
}

/// Uses of a wing of `pki` by one that stands before it in `order`.
fn rising(graph: &Graph<'_>, order: &[String]) -> BTreeSet<String> {
    let place = |file: usize| match graph.files[file].module.as_slice() {
        [pki, wing, ..] if pki == "pki" => order.iter().position(|known| known == wing),
        _ => None,
    };
    let rises =
        |arrow: &&Arrow| matches!((place(arrow.from), place(arrow.to)), (Some(from), Some(to)) if from < to);
    graph.arrows.iter().filter(rises).map(|arrow| graph.describe(arrow)).collect()
}

#[test]
fn an_arrow_up_between_wings_is_seen() {
    let sources = [
        Source::of("src/pki/mod.rs", "mod low; mod high; pub use high::Roof;"),
        Source::of("src/pki/low/wall.rs", "use crate::pki::Roof;"),
        Source::of("src/pki/high/mod.rs", "pub struct Roof; use crate::pki::low::wall;"),
    ];
    let wrong = rising(&Graph::of(&sources), &["low".to_owned(), "high".to_owned()]);
    assert_eq!(list(&wrong), "pki > pki: src/pki/low/wall.rs uses crate::pki::Roof");
}

/// The rows of the table of modules in their order, from the top down.
fn table() -> Vec<(String, BTreeSet<String>)> {
    rows("| module | may use |")
        .into_iter()
        .map(|cells| {
            let [module, uses] = cells.as_slice() else { panic!("two cells: {cells:?}") };
            let [module] = module.as_slice() else { panic!("one module: {module:?}") };
            (module.clone(), uses.iter().cloned().collect())
        })
        .collect()
}

/// The names in the cells of the table below `head`.
fn rows(head: &str) -> Vec<Vec<Vec<String>>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
    let rows = page.lines().skip_while(|line| *line != head).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(names).collect()).collect()
}

/// The words between backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn list(lines: &BTreeSet<String>) -> String {
    lines.iter().cloned().collect::<Vec<_>>().join("\n")
}

/// Read once for all tests.
fn graph() -> &'static Graph<'static> {
    static GRAPH: LazyLock<Graph<'static>> = LazyLock::new(|| Graph::of(sources()));
    &GRAPH
}

fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| source::sources(root()));
    &SOURCES
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
