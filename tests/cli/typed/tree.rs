//! Wrong usage of every command and every flag that there is: read from the tree of commands, so that a new one is in it.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};
use egext::cli::{Stop, UsageError, parse};
use egext::render::Format;
use egext::report::Hint as _;
use serde_json::Value;

use super::refused;
use crate::commands::{self, leaves};
use crate::egext;

/// Flags with a long name, without those that print something and end.
fn flags(command: &Command) -> impl Iterator<Item = (&Arg, String)> {
    let ends =
        |arg: &&Arg| matches!(arg.get_action(), ArgAction::Help | ArgAction::Version | ArgAction::HelpLong);
    let named = |arg| Option::zip(Some(arg), Arg::get_long(arg).map(|long| format!("--{long}")));
    command.get_arguments().filter(move |arg| !ends(arg)).filter_map(named)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// Something that the flag takes.
fn good_value(arg: &Arg) -> String {
    if let Some(value) = arg.get_possible_values().first() {
        return value.get_name().to_owned();
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match name.as_deref() {
        Some("DURATION" | "SPAN" | "SPAN|PERCENT") => "1h30m",
        Some("ADDRESS") => "tcp://localhost:1",
        Some("HOST:IP") => "localhost:127.0.0.1",
        Some("LEVEL") => "info",
        Some("MODE") => "0600",
        Some("NUMBER") => "7",
        Some("SIZE") => "4Mi",
        Some("ROLE" | "SIDE") => "server",
        _ => "x",
    }
    .to_owned()
}

/// What is wrong with this command line: without a trace of clap's own form, and about the command that was meant.
fn usage_error(path: &str, arguments: &[&str]) -> UsageError {
    let words = ["egext", "-o", "json"].into_iter().chain(path.split(' ')).chain(arguments.iter().copied());
    let error = match parse(words.map(OsString::from)) {
        Err(Stop::Usage(error)) => *error,
        other => panic!("{path} {arguments:?}: {other:?}"),
    };
    let (message, hint) = (error.to_string(), error.hint().unwrap_or_default());
    for text in [&message, &hint] {
        assert!(!text.is_empty() && !text.contains(['\n', '<']) && !text.ends_with('.'), "{error:?}");
        for clap in ["Usage:", "tip:", "For more", "similar argument", "to pass", "'-"] {
            assert!(!text.contains(clap), "{error:?}");
        }
        assert_eq!(text.matches('`').count() % 2, 0, "{error:?}");
    }
    assert_eq!(error.command(), Some(path), "{error:?}");
    assert_eq!(error.output.format, Format::Json, "{error:?}");
    error
}

#[test]
fn an_unknown_flag_has_a_hint() {
    for (path, command) in leaves() {
        let error = usage_error(&path, &["--no-such-flag"]);
        assert_eq!(error.to_string(), format!("`egext {path}` has no flag `--no-such-flag`"));
        assert_eq!(error.hint(), Some(format!("`egext {path} --help` lists all flags")));
        for (_, flag) in flags(&command).filter(|(_, flag)| flag.len() > 6) {
            // A letter is missing.
            let mistyped = [&flag[..4], &flag[5..]].concat();
            if flags(&command).any(|(_, other)| other == mistyped) {
                continue;
            }
            let hint = usage_error(&path, &[&mistyped]).hint().unwrap_or_default();
            assert!(hint.contains("did you mean `--") || hint.starts_with('`'), "{path} {mistyped}: {hint}");
        }
    }
}

#[test]
fn a_flag_without_its_value_says_what_it_takes() {
    for (path, command) in leaves() {
        for (_, flag) in flags(&command).filter(|(arg, _)| takes_value(arg)) {
            let error = usage_error(&path, &[&flag]);
            assert_eq!(error.to_string(), format!("`{flag}` has no value"));
            let hint = error.hint().unwrap_or_default();
            assert!(
                hint.starts_with(&format!("`{flag} ")) || hint.starts_with("it is one of `"),
                "{path}: {hint}"
            );
        }
    }
}

#[test]
fn a_value_that_begins_with_a_dash_needs_an_equals_sign() {
    for (path, command) in leaves() {
        for (arg, flag) in flags(&command).filter(|(arg, _)| takes_value(arg)) {
            // The letters of the second one are flags that there are. No value of a list begins with a dash.
            let values = if arg.get_possible_values().is_empty() { &["-xyz", "-qq"][..] } else { &["-xyz"] };
            for value in values {
                let error = usage_error(&path, &[&flag, value]);
                let hint = error.hint().unwrap_or_default();
                assert!(hint.ends_with(&format!("write `{flag}={value}`")), "{path}: {error:?}");
            }
        }
    }
}

#[test]
fn a_side_that_is_typed_without_its_flag_gets_the_flag() {
    for (path, command) in leaves() {
        let takes_words = command.get_positionals().next().is_some();
        if takes_words || !flags(&command).any(|(_, flag)| flag == "--role") {
            continue;
        }
        let hint = usage_error(&path, &["server"]).hint();
        assert_eq!(hint, Some(format!("`egext {path} --role server` takes one side")));
        return;
    }
    panic!("no command takes a side by a flag alone");
}

/// One rule for all lists, as for the hooks of Envoy Gateway and for switches.
#[test]
fn values_of_lists_are_read_in_any_case() {
    let mut lists = 0;
    for (path, command) in leaves() {
        for arg in command.get_arguments().filter(|arg| takes_value(arg)) {
            if !arg.get_possible_values().is_empty() && !arg.is_hide_possible_values_set() {
                assert!(arg.is_ignore_case_set(), "{path} {arg}");
                lists += 1;
            }
        }
    }
    assert!(lists > 20, "{lists}");
}

#[test]
fn a_value_that_is_not_on_the_list_gets_the_list() {
    let mut lists = 0;
    for (path, command) in leaves() {
        for (arg, flag) in flags(&command) {
            let possible = arg.get_possible_values();
            // What is only offered to a shell is refused later.
            let is_offered = arg.is_hide_possible_values_set();
            if !takes_value(arg) || possible.is_empty() || is_offered || flag == "--format" {
                continue;
            }
            lists += 1;
            let error = usage_error(&path, &[&flag, "nonsense"]);
            assert_eq!(error.to_string(), format!("`nonsense` is not a value of `{flag}`"));
            let names = possible.iter().map(|value| format!("`{}`", value.get_name())).collect::<Vec<_>>();
            assert_eq!(error.hint(), Some(format!("it is one of {}", names.join(", "))));
        }
    }
    assert!(lists > 10, "{lists}");
}

#[test]
fn a_flag_is_given_once() {
    for (path, command) in leaves() {
        for (arg, flag) in flags(&command) {
            let once = match arg.get_action() {
                // The first is that of the test itself.
                _ if flag == "--format" => continue,
                ArgAction::Set => vec![flag.clone(), good_value(arg)],
                ArgAction::SetTrue => vec![flag.clone()],
                _ => continue,
            };
            let twice = [&*once, &*once].concat();
            let error = usage_error(&path, &twice.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(error.to_string(), format!("`{flag}` is given twice"), "{path} {twice:?}");
        }
    }
}

#[test]
fn what_is_missing_is_named_with_an_example_or_what_it_is() {
    let mut missing = 0;
    for (path, command) in leaves() {
        let required = command.get_arguments().filter(|arg| arg.is_required_set()).collect::<Vec<_>>();
        if required.is_empty() {
            continue;
        }
        missing += 1;
        let error = usage_error(&path, &[]);
        for arg in required {
            let name = arg.get_long().map(|long| format!("--{long} "));
            let name = name.unwrap_or_else(|| arg.get_value_names().expect("a name")[0].to_string());
            assert!(error.to_string().contains(&format!("`{name}")), "{error:?}");
        }
        let hint = error.hint().unwrap_or_default();
        assert!(
            hint.starts_with(&format!("for example `egext {path} ")) || hint.contains("`: "),
            "{path}: {hint}"
        );
    }
    assert!(missing > 5, "{missing}");
}

#[test]
fn a_word_too_many_has_a_hint() {
    for (path, command) in leaves() {
        let many = |arg: &Arg| matches!(arg.get_action(), ArgAction::Append);
        if command.get_positionals().any(many) {
            continue;
        }
        let taken = command.get_positionals().map(good_value).collect::<Vec<_>>();
        let words = taken.iter().map(String::as_str).chain(["surplus"]).collect::<Vec<_>>();
        let error = usage_error(&path, &words);
        assert_eq!(error.to_string(), "unexpected argument `surplus`", "{path}");
    }
}

#[test]
fn an_unknown_command_gets_those_that_there_are() {
    for (path, group) in commands::all().into_iter().filter(|(_, command)| command.has_subcommands()) {
        let error = usage_error(&path, &["nonsense"]);
        assert_eq!(error.to_string(), format!("`egext {path}` has no command `nonsense`"));
        let hint = error.hint().unwrap_or_default();
        for command in group.get_subcommands().filter(|command| command.get_name() != "help") {
            assert!(hint.contains(&format!("`{}`", command.get_name())), "{hint}");
        }
        assert_eq!(usage_error(&path, &[]).to_string(), format!("`egext {path}` needs a command"));
    }
}

#[test]
fn what_is_missing_is_said_in_the_order_in_which_one_writes_it() {
    let (_, error, _) = refused(egext(["certs", "issue"]));
    assert_eq!(error, "`egext certs issue` needs `ROLE`, `--san NAME` and `--out NAME`");
}

#[test]
fn a_hint_leaves_abbreviations_their_capital_letters() {
    let (_, _, hint) = refused(egext(["probe", "localhost:5005", "--ca"]));
    assert!(hint.starts_with("`--ca FILE`: CA certificates to verify"), "{hint}");
    let (_, _, hint) = refused(egext(["certs", "init", "--dir"]));
    assert_eq!(hint, "`--dir DIR`: output directory");
}

#[test]
fn usage_errors_have_the_form_of_all_errors() {
    for line in [
        &["nonsense"][..],
        &["certs", "nonsense"],
        &["certs", "init", "--nonsense"],
        &["certs", "init", "--key-type", "dsa"],
        &["certs", "init", "--lifetime", "soon"],
        &["certs", "init", "--dir"],
        &["certs", "init", "--dir", "a", "--dir", "b"],
        &["certs", "init", "--discard-ca-key", "--ca-cert", "a", "--ca-key", "b"],
        &["certs", "check", "one", "two"],
        &["certs", "pack", "server"],
        &["probe"],
        &["explain", "--color", "blue"],
    ] {
        let run = |flags: &[&str]| egext([]).args(flags).args(line);
        let (human, error, hint) = refused(run(&[]));
        assert_eq!(human.stdout, "", "{human:?}");
        for flags in [&["-o", "json"][..], &["-ojson"], &["--format=json"], &["-qo", "json"], &["-qo=json"]] {
            let (json, same, _) = refused(run(flags));
            assert_eq!(same, error);
            let object: Value =
                serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
            assert_eq!(object["exit_code"], 2);
            assert_eq!(object["error"]["message"], error);
            assert_eq!(object["error"]["hint"], hint);
        }
        let (json, ..) = refused(run(&[]).env("EGEXT_FORMAT", "json"));
        assert!(json.stdout.starts_with('{'), "{json:?}");
    }
}

#[test]
fn colours_of_usage_errors_are_those_that_were_asked_for() {
    assert!(!egext(["nonsense"]).run().stderr.contains('\x1b'), "a pipe gets none");
    assert!(egext(["nonsense", "--color", "always"]).run().stderr.contains("\x1b["), "asked for");
    assert!(egext(["nonsense"]).env("EGEXT_COLOR", "always").run().stderr.contains("\x1b["), "asked for");
}
