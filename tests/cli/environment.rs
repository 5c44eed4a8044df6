//! Every variable of every command, as the tree of commands has them: a new flag is tested without a word here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::{Arg, Command};
use egext_test_support::Run;
use regex::Regex;
use tempfile::TempDir;

use crate::{commands, egext};

/// What each command is called with, and in which state of `certs`. Where it runs until it is stopped, something that
/// it cannot do ends it.
const CALLS: &[(&str, State, &[&str])] = &[
    ("bridge", State::Made, &["--listen=unix:missing/eg.sock", "--upstream=127.0.0.1:1"]),
    ("certs check", State::Made, &[]),
    ("certs init", State::Nothing, &[]),
    ("certs issue", State::Made, &["client", "--out=other", "--san=other.internal"]),
    ("certs pack", State::Made, &["server", "--out=server.tar"]),
    ("certs remove", State::Made, &["other"]),
    ("certs renew", State::Made, &[]),
    ("certs rotate-ca activate", State::Prepared, &[]),
    ("certs rotate-ca finish", State::Activated, &[]),
    ("certs rotate-ca prepare", State::Made, &[]),
    ("certs rotate-ca status", State::Prepared, &[]),
    ("certs show", State::Made, &[]),
    ("completions", State::Nothing, &["bash"]),
    ("config check", State::Made, &["certs/ca.crt"]),
    ("config gateway", State::Nothing, &["--resources-dir=/etc/envoy-gateway/resources"]),
    ("config kubernetes", State::Nothing, &[]),
    ("config patch", State::Nothing, &["-", "--helm-values"]),
    ("config secrets", State::Made, &["--out=secrets.yaml"]),
    ("config stanza", State::Nothing, &[]),
    ("config versions", State::Nothing, &[]),
    ("demo", State::Nothing, &[]),
    ("doctor", State::Made, &["--server=127.0.0.1:1"]),
    ("explain", State::Nothing, &[]),
    ("generate compatibility", State::Nothing, &[]),
    ("generate completions", State::Nothing, &["bash"]),
    ("generate findings", State::Nothing, &[]),
    ("generate man", State::Nothing, &[]),
    ("generate schema", State::Nothing, &[]),
    ("generate status-schema", State::Nothing, &[]),
    ("man", State::Nothing, &[]),
    ("probe", State::Made, &["127.0.0.1:1"]),
    ("version", State::Nothing, &[]),
];

#[test]
fn a_variable_is_unset_empty_or_false_or_has_its_say() {
    let places = Places::new();
    let calls = Mutex::new(leaves().into_iter().flat_map(|leaf| leaf.calls()).collect::<Vec<_>>());
    let next = || calls.lock().expect("no test has failed").pop();
    // A thread for each call, so that all that fail are shown.
    let failed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(call) = next() {
                    let checked = thread::scope(|scope| scope.spawn(|| call.check(&places)).join());
                    failed.fetch_add(usize::from(checked.is_err()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0);
}

/// `--socket` and `--native-tls` exclude each other.
#[test]
fn a_switch_that_is_off_displaces_no_other_variable() {
    let run = egext(["config", "stanza"])
        .env("EGEXT_SOCKET", "/run/other.sock")
        .env("EGEXT_NATIVE_TLS", "off")
        .run();
    assert_eq!(run.exit_code, 0, "{run:?}");
    assert!(run.stdout.contains("path: /run/other.sock"), "{run:?}");
}

/// The flag that excludes the other one in our definition gives way, so that variables alone are never an error.
#[test]
fn of_two_variables_that_exclude_each_other_one_counts() {
    let run = egext(["config", "stanza", "--server", "extension.internal:5005"])
        .env("EGEXT_SOCKET", "/run/other.sock")
        .env("EGEXT_NATIVE_TLS", "true")
        .run();
    assert_eq!(run.exit_code, 0, "{run:?}");
    assert!(run.stdout.contains("hostname: extension.internal"), "{run:?}");
    assert!(!run.stdout.contains("/run/other.sock"), "{run:?}");
}

/// As people write them, and for a flag that is repeated as well.
#[test]
fn a_list_has_commas_and_may_have_blanks() {
    for (command, name, value, printed) in [
        ("gateway", "EGEXT_RESOURCES_DIR", "/a, /b", "- /a\n          - /b\n"),
        ("stanza", "EGEXT_HOOK", "Route, Translation", "- Translation"),
        ("stanza", "EGEXT_RESOURCE", "a.b/v1/K, a.b/v1/L", "kind: L\n"),
        ("stanza", "EGEXT_INCLUDE_ALL", "listener, route", "includeAll: true"),
    ] {
        let run = egext(["config", command]).env(name, value).run();
        assert_eq!(run.exit_code, 0, "{name}: {run:?}");
        assert!(run.stdout.contains(printed), "{name}: {}", run.stdout);
    }
    let run = egext(["config", "stanza"]).env("EGEXT_HOOK", "Route, Nonsense").run();
    assert!(run.stderr.starts_with("error: EG has no hook `Nonsense` (from `EGEXT_HOOK`)\n"), "{run:?}");
}

#[test]
fn a_flag_wins_over_the_variables_that_it_excludes() {
    let places = Places::new();
    let mut pairs = 0;
    for leaf in leaves() {
        let command = &leaf.command;
        let excludes = |one: &Arg, other: &Arg| command.get_arg_conflicts_with(one).contains(&other);
        for call in leaf.calls() {
            for typed in command
                .get_arguments()
                .filter(|typed| excludes(&call.arg, typed) || excludes(typed, &call.arg))
                // Else it would exclude a word of the call itself.
                .filter(|typed| !command.get_positionals().any(|word| excludes(typed, word)))
            {
                let run = call.run(&places, Some("1"), typed.get_long().map(|long| flag(long, typed)));
                assert!(!run.stderr.contains("cannot be used with"), "{call:?} {typed}: {}", run.stderr);
                pairs += 1;
            }
        }
    }
    assert!(pairs > 5, "{pairs}");
}

#[test]
fn a_name_means_one_flag() {
    let mut flags = BTreeMap::new();
    for leaf in leaves() {
        for arg in leaf.command.get_arguments() {
            let Some(name) = arg.get_env() else { continue };
            assert!(name.to_string_lossy().starts_with("EGEXT_"), "{name:?}");
            let first = flags.entry(name.to_owned()).or_insert_with(|| arg.get_id().clone());
            assert_eq!(first, arg.get_id(), "{name:?}");
        }
    }
}

#[test]
fn flags_that_destroy_have_no_variable() {
    let mut found = 0;
    for leaf in leaves() {
        for arg in leaf.command.get_arguments() {
            if matches!(arg.get_long(), Some("discard-ca-key" | "force" | "replace")) {
                assert_eq!(arg.get_env(), None, "{} {arg}", leaf.words);
                found += 1;
            }
        }
    }
    assert_eq!(found, 5);
}

#[test]
fn no_variable_is_refused_where_its_flag_has_no_use() {
    let places = Places::new();
    let made = |words: &[&str], variables: &[(&str, &str)]| {
        let place = places.copy(State::Made);
        let run = egext([]).args(words).current_dir(place.path());
        variables.iter().fold(run, |run, (name, value)| run.env(name, value)).run()
    };
    for (words, name, value) in [
        (&["certs", "show"][..], "EGEXT_SERVER_NAME", "other.internal"),
        (&["certs", "check"], "EGEXT_SERVER_NAME", "other.internal"),
        (&["probe", "unix:missing.sock"], "EGEXT_SERVER_NAME", "other.internal"),
        (&["probe", "--dir=certs", "127.0.0.1:1"], "EGEXT_CA", "missing.crt"),
        (&["certs", "check", "--dir=certs"], "EGEXT_CERT", "missing.crt"),
        (&["certs", "show", "certs/ca.crt"], "EGEXT_CONNECT", "127.0.0.1:1"),
        (&["certs", "init"], "EGEXT_FORCE", "1"),
        (&["certs", "renew"], "EGEXT_FORMAT", "junit"),
        (&["generate", "findings"], "EGEXT_FORMAT", "json"),
        (&["config", "stanza"], "EGEXT_SERVER", "localhost:5005"),
        (&["config", "stanza"], "EGEXT_NAMESPACE", "other"),
        (&["config", "stanza", "--native-tls", "--server=a:1"], "EGEXT_UPSTREAM", "localhost:5005"),
        (&["certs", "issue", "client", "--out=b", "--san=b", "--dry-run"], "EGEXT_OUT", "server.tar"),
        (&["certs", "issue", "client", "--out=b", "--san=b", "--dry-run"], "EGEXT_SAN", "other.internal"),
    ] {
        let (with, without) = (made(words, &[(name, value)]), made(words, &[]));
        assert_eq!(seen(&with), seen(&without), "{words:?} {name}={value}");
    }
}

#[test]
fn half_of_what_belongs_together_is_told_with_its_variable() {
    let places = Places::new();
    for (words, name) in [
        (&["certs", "check"][..], "EGEXT_CERT"),
        (&["probe", "127.0.0.1:1"], "EGEXT_KEY"),
        (&["certs", "init", "--dir=new"], "EGEXT_CA_CERT"),
        (&["certs", "renew", "--force"], "EGEXT_CA_KEY"),
        (&["certs", "renew"], "EGEXT_CA_CERT"),
        (&["certs", "init", "--dir=new"], "EGEXT_NO_LOCAL_NAMES"),
        (&["config", "stanza"], "EGEXT_NATIVE_TLS"),
    ] {
        let place = places.copy(State::Made);
        let run = egext([]).args(words).current_dir(place.path()).env(name, "1").run();
        assert_eq!(run.exit_code, 2, "{words:?} {name}: {}", run.stdout);
        let error = run.stderr.lines().next().unwrap_or_default();
        assert!(error.contains("is given without") && error.contains(&format!("`{name}`")), "{}", run.stderr);
    }
}

/// A command that does something, and has no commands below it.
struct Leaf {
    words: String,
    command: Command,
}

impl Leaf {
    /// One for each of its variables.
    fn calls(&self) -> Vec<Call> {
        let (_, state, arguments) = CALLS
            .iter()
            .find(|(words, ..)| *words == self.words)
            .unwrap_or_else(|| panic!("`CALLS` does not say how to call `egext {}`", self.words));
        let with_variable = self.command.get_arguments().filter(|arg| arg.get_env().is_some());
        let call = |arg: &Arg| {
            let own = |typed: &&&str| {
                arg.get_long()
                    .map_or(!typed.starts_with('-'), |long| typed.starts_with(&format!("--{long}=")))
            };
            let others = arguments.iter().filter(|typed| !own(typed)).map(ToString::to_string);
            Call { words: self.words.clone(), state: *state, others: others.collect(), arg: arg.clone() }
        };
        with_variable.map(call).collect()
    }
}

fn leaves() -> Vec<Leaf> {
    let leaves = commands::leaves().into_iter().map(|(words, command)| Leaf { words, command });
    let leaves = leaves.collect::<Vec<_>>();
    assert!(leaves.len() >= CALLS.len(), "a call of a command that is no more");
    leaves
}

/// A command, and one flag of it that has a variable.
#[derive(Debug)]
struct Call {
    words: String,
    state: State,
    /// What is typed, without the flag.
    others: Vec<String>,
    arg: Arg,
}

impl Call {
    fn check(&self, places: &Places) {
        let unset = self.run(places, None, None);
        assert_ended_well(&unset);
        let same = |value| {
            assert_eq!(seen(&self.run(places, Some(value), None)), seen(&unset), "{}", self.shown(value));
        };
        same("");
        if self.arg.get_action().takes_values() {
            for value in ["0", "false", "junk", "\u{202e}", ","] {
                self.check_value(places, value, &unset);
            }
            return;
        }
        ["0", "false", "NO", "Off"].into_iter().for_each(same);
        let junk = self.check_value(places, "junk", &unset);
        assert_eq!(junk.exit_code, 2, "{}", self.shown("junk"));
        if self.words != "demo" {
            let typed = self.run(places, None, self.arg.get_long().map(|long| format!("--{long}")));
            let set = self.run(places, Some("Yes"), None);
            let both_refused = (set.exit_code, typed.exit_code) == (2, 2);
            // It may be meant for other arguments.
            let has_no_effect = typed.exit_code == 2 && seen(&set) == seen(&unset);
            assert!(
                both_refused || has_no_effect || seen(&set) == seen(&typed),
                "{}: {set:?} {typed:?}",
                self.shown("Yes")
            );
        }
    }

    /// A value that means something or is refused.
    fn check_value(&self, places: &Places, value: &str, unset: &Run) -> Run {
        let run = self.run(places, Some(value), None);
        assert_ended_well(&run);
        if run.exit_code == 2 && seen(&run) != seen(unset) {
            let error = run.stderr.lines().next().unwrap_or_default();
            let name = self.arg.get_env().expect("it has one").to_string_lossy();
            assert!(error.contains(&*name), "{}: {}", self.shown(value), run.stderr);
        }
        run
    }

    fn run(&self, places: &Places, value: Option<&str>, typed: Option<String>) -> Run {
        let place = places.copy(self.state);
        let run =
            egext([]).args(self.words.split(' ')).args(&self.others).args(typed).current_dir(place.path());
        match (self.arg.get_env().and_then(|name| name.to_str()), value) {
            (Some(name), Some(value)) => run.env(name, value).run(),
            _ => run.run(),
        }
    }

    fn shown(&self, value: &str) -> String {
        format!("{:?}={value:?} egext {} {:?}", self.arg.get_env(), self.words, self.others)
    }
}

/// `--flag`, or `--flag=1`.
fn flag(long: &str, arg: &Arg) -> String {
    if arg.get_action().takes_values() { format!("--{long}=1") } else { format!("--{long}") }
}

fn assert_ended_well(run: &Run) {
    assert!((0..=3).contains(&run.exit_code), "{run:?}");
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    if run.exit_code == 2 {
        let errors = run.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{run:?}");
    }
}

/// What a run did, without what differs from run to run.
fn seen(run: &Run) -> (i32, String, String) {
    let chance = Regex::new(r"egext-demo-\w+|\b[0-9a-f]{8,}\b|[0-9]+|\s+").expect("a pattern");
    let plain = |text: &str| chance.replace_all(text, "#").into_owned();
    (run.exit_code, plain(&run.stdout), plain(&run.stderr))
}

/// What is in `certs`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum State {
    Activated,
    Made,
    Nothing,
    Prepared,
}

/// A directory for each state, of which every run gets a copy.
struct Places(BTreeMap<State, TempDir>);

impl Places {
    fn new() -> Self {
        let steps: [(State, &[&str]); 4] = [
            (State::Nothing, &[]),
            (State::Made, &["init"]),
            (State::Prepared, &["rotate-ca", "prepare"]),
            (State::Activated, &["rotate-ca", "activate"]),
        ];
        let mut places = BTreeMap::new();
        let place = directory();
        for (state, step) in steps {
            if !step.is_empty() {
                let run = egext(["certs"]).args(step).current_dir(place.path()).run();
                assert_eq!(run.exit_code, 0, "{}", run.stderr);
            }
            let copy = directory();
            copy_all(place.path(), copy.path());
            places.insert(state, copy);
        }
        Self(places)
    }

    fn copy(&self, state: State) -> TempDir {
        let copy = directory();
        copy_all(self.0[&state].path(), copy.path());
        copy
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("egext-environment-").tempdir().expect("a temporary directory")
}

/// With links and modes.
fn copy_all(from: &Path, to: &Path) {
    if fs::read_dir(from).expect("our directory").next().is_some() {
        let copied = Process::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
        assert!(copied.expect("cp").success(), "{}", from.display());
    }
}
