use std::process::Command;

use egext_test_support::Egext;
use serde_json::Value;

use super::refused;
use crate::{commands, egext};

fn typed(line: &str) -> Egext {
    egext([]).args(line.split_whitespace())
}

#[test]
fn help_is_a_word_as_well_as_a_flag() {
    for (word, flag) in [
        ("help", "--help"),
        ("help certs", "certs --help"),
        ("certs help", "certs --help"),
        ("help certs init", "certs init --help"),
        ("certs help init", "certs init --help"),
        ("certs init help", "certs init --help"),
        ("help certs rotate-ca prepare", "certs rotate-ca prepare --help"),
        ("certs rotate-ca help prepare", "certs rotate-ca prepare --help"),
        ("probe help", "probe --help"),
        ("help completions", "completions --help"),
    ] {
        let (word, flag) = (typed(word).run(), typed(flag).run());
        assert_eq!((word.exit_code, &*word.stderr), (0, ""), "{word:?}");
        assert!(word.stdout.contains("Usage: egext"), "{word:?}");
        assert_eq!(word.stdout, flag.stdout);
    }
}

/// A directory, and a name that goes with it.
#[test]
fn help_behind_a_name_is_a_name() {
    let (_, error, _) = refused(typed("certs init ./d help"));
    assert_eq!(error, "`./d` is a path, and a name is expected");
}

#[test]
fn the_help_of_a_command_begins_with_what_it_does() {
    let run = egext(["certs", "-h"]).run();
    assert_eq!(
        run.stdout.lines().next(),
        Some("Create, check, renew and replace the certificates of both sides")
    );
    let listed =
        run.stdout.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let commands = listed
        .take_while(|line| !line.starts_with("help"))
        .map(|line| line.split_once(' ').expect("two columns"));
    let commands = commands.collect::<Vec<_>>();
    assert!(commands.len() > 6, "{commands:?}");
    for (name, about) in commands {
        let run = egext(["certs", name, "-h"]).run();
        assert_eq!(run.stdout.lines().next(), Some(about.trim()), "{name}");
    }
}

#[test]
fn the_program_alone_says_what_there_is() {
    let run = typed("").run();
    assert_eq!((run.exit_code, &*run.stderr), (0, ""), "{run:?}");
    assert!(run.stdout.lines().any(|line| line.trim_start().starts_with("probe ")), "{run:?}");
}

/// `egext certs rotate-ca $STEP` with an empty variable has done nothing.
#[test]
fn a_group_of_commands_alone_is_no_success() {
    for (line, verb) in [("certs", "init"), ("config", "stanza"), ("certs rotate-ca", "prepare")] {
        let (run, error, hint) = refused(typed(line));
        assert_eq!((&*run.stdout, error), ("", format!("`egext {line}` needs a command")));
        assert!(hint.contains(&format!("`{verb}`")) && hint.contains(" --help`"), "{hint}");
    }
    let (_, error, _) = refused(egext(["-o", "json", "certs"]));
    assert_eq!(error, "`egext certs` needs a command");
    let (run, error, hint) = refused(egext(["certs", "-o", "json"]));
    assert_eq!(error, "`egext certs` needs a command");
    assert!(hint.starts_with("one of `init`, `show`,"), "{hint}");
    assert!(!hint.contains("help`, "), "{hint}");
    serde_json::from_str::<Value>(&run.stdout).expect("JSON");
}

#[test]
fn help_has_the_colours_that_were_asked_for() {
    let is_coloured = |run: egext_test_support::Run| run.stdout.contains('\x1b');
    assert!(!is_coloured(egext(["--help"]).run()), "a pipe");
    assert!(is_coloured(egext(["--color", "always", "--help"]).run()));
    assert!(is_coloured(egext(["certs", "init", "--help"]).env("EGEXT_COLOR", "always").run()));
    let forced = |value| egext(["--help"]).env("CLICOLOR_FORCE", value);
    assert!(is_coloured(forced("1").run()));
    assert!(!is_coloured(forced("0").run()), "a pipe");
    assert!(!is_coloured(forced("1").args(["--color", "never"]).run()));
}

#[test]
fn the_version_is_a_command_as_well_as_a_flag() {
    let expected = format!("egext {}\n", env!("CARGO_PKG_VERSION"));
    for line in ["version", "--version", "-V", "certs init --version", "certs rotate-ca prepare -V"] {
        let run = typed(line).run();
        assert_eq!((run.exit_code, &*run.stdout), (0, &*expected), "{run:?}");
    }
    assert_eq!(egext(["version"]).json().json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_value_for_a_flag_that_takes_none_is_answered() {
    for line in ["config stanza --version=1.9", "config --version=1.9 stanza", "config stanza --version 1.9"]
    {
        let (_, error, hint) = refused(typed(line));
        assert_eq!(error, "`--version` is given with other arguments");
        assert!(hint.contains("--eg-version 1.9"), "{line}: {hint}");
    }
    let (_, error, hint) = refused(typed("certs check --quiet=yes"));
    assert_eq!(error, "`--quiet` takes no value");
    assert_eq!(hint, "write `--quiet` alone, without `=yes`");
}

/// As bash asks it: the script is sourced, its function called with the words so far.
fn completed(words: &[&str]) -> Vec<String> {
    let script = egext(["completions", "bash"]).run();
    assert_eq!((script.exit_code, &*script.stderr), (0, ""));
    let (last, before) =
        (words.last().expect("a word"), words.get(words.len().wrapping_sub(2)).expect("two words"));
    let asked = format!(
        "eval \"$SCRIPT\"; COMP_WORDS=({}) COMP_CWORD={} && _egext egext '{last}' '{before}' && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &asked])
        .env("SCRIPT", &script.stdout)
        .output()
        .expect("bash");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(completed(&["egext", "ce"]), ["certs"]);
    assert_eq!(completed(&["egext", "comp"]), ["completions"]);
    assert_eq!(completed(&["egext", "certs", "rot"]), ["rotate-ca"]);
    assert_eq!(completed(&["egext", "certs", "init", "--life"]), ["--lifetime"]);
    assert_eq!(completed(&["egext", "certs", "init", "--key-type", "p"]), ["p256", "p384"]);
    assert_eq!(completed(&["egext", "help", "ce"]), ["certs"]);
    assert_eq!(completed(&["egext", "config", "stanza", "--hook", "Ro"]), ["Route"]);
    assert_eq!(completed(&["egext", "explain", "certs.expir"]), ["certs.expired", "certs.expiring"]);
}

#[test]
fn every_shell_gets_a_script_and_every_command_a_page() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let [script, same] = [&["completions"][..], &["generate", "completions"]].map(|words| {
            let run = egext([]).args(words).arg(shell).prints_data().run();
            assert_eq!((run.exit_code, &*run.stderr), (0, ""));
            run.stdout
        });
        assert!(script.contains("rotate-ca") && script.contains("keep-key"), "{shell}");
        assert_eq!(script, same);
    }
    let page = egext(["man", "certs", "rotate-ca", "prepare"]).run();
    assert!(page.stdout.contains(".TH egext-certs-rotate-ca-prepare 1"), "{page:?}");
    assert!(page.stdout.contains(r"\-\-ca\-lifetime"), "{page:?}");
    assert!(page.stdout.contains("EGEXT_CA_LIFETIME"), "{page:?}");
    assert!(page.stdout.contains(concat!("\"egext ", env!("CARGO_PKG_VERSION"), "\"")), "{page:?}");
    let group = egext(["man", "certs", "rotate-ca"]).run().stdout;
    let example = "\n  egext certs rotate\\-ca finish    # then install `ca.crt` on both sides\n";
    assert!(group.contains(".SH EXAMPLES\n.nf\n") && group.contains(example), "{group}");
    assert!(!group.contains("help(1)"), "{group}");
    let (_, error, hint) = refused(egext(["man", "certs", "nosuch"]));
    assert_eq!(error, "there is no command `egext certs nosuch`");
    assert_eq!(hint, "`egext --help` lists them");
    let (_, error, hint) = refused(egext(["completions", "tcsh"]));
    assert_eq!(error, "`tcsh` is not a value of `SHELL`");
    assert!(hint.contains("`bash`, `elvish`, `fish`, `powershell`, `zsh`"), "{hint}");
}

/// `-h` is a list to find a flag in, `--help` explains it: two texts, as far as there is something to explain.
#[test]
fn the_short_help_of_a_flag_is_one_line_and_the_long_one_is_sentences() {
    let default = regex::Regex::new(r" \[default: [^]]*\]$").expect("a pattern");
    for (words, command) in commands::all() {
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let flag = format!("egext {words}: {argument}");
            let line = argument.get_help().unwrap_or_else(|| panic!("{flag} has no help")).to_string();
            let line = default.replace(&line, "");
            assert!(line.chars().count() <= 80 && !line.contains('\n'), "{flag}: {line}");
            assert!(line.starts_with(|first: char| !first.is_lowercase()), "{flag}: {line}");
            assert!(!line.ends_with('.') && !line.contains("; with"), "{flag}: {line}");
            let long = argument.get_long_help().map(ToString::to_string).unwrap_or_default();
            let more = long.split_once("\n\n").map(|(_, more)| more);
            assert!(more.is_none_or(|more| more.ends_with('.')), "{flag}: {long}");
        }
        let about = command.get_about().unwrap_or_else(|| panic!("egext {words} has no help")).to_string();
        assert!(about.chars().count() <= 80 && !about.ends_with('.'), "egext {words}: {about}");
    }
}

/// What stands behind a command in an example is a comment to a shell, and the line is not broken.
#[test]
fn an_example_can_be_pasted_as_it_stands() {
    let mut commands = 0;
    for (words, command) in commands::all() {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let example = line.trim_start();
            assert!(line.chars().count() < 100, "egext {words}: {line}");
            assert!(
                example
                    .split("  ")
                    .skip(1)
                    .all(|rest| rest.trim().is_empty() || rest.trim().starts_with("# ")),
                "egext {words}: {line}"
            );
            commands += 1;
        }
    }
    assert!(commands > 30, "{commands}");
}

/// What `-h` says of a command or a flag fits into a line; the rest is for `--help`.
#[test]
fn a_short_help_is_one_line() {
    for (path, command) in commands::all() {
        let flags =
            command.get_arguments().map(|flag| (format!("{path} {}", flag.get_id()), flag.get_help()));
        let own = std::iter::once((path.clone(), command.get_about()));
        for (whose, help) in own.chain(flags) {
            let help = help.map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && help.chars().count() <= 80, "{whose}: {help}");
            assert!(!help.ends_with('.') && !help.contains('\n'), "{whose}: {help}");
        }
    }
}
