//! What a run tells its user to type: every command parses, is quoted for a shell, and acts on the set that the run
//! was about.
//!
//! A command is what stands in backticks and begins with `egext `, and a line that begins so. In a hint a command is
//! there to be pasted, so it must parse as it is, with values for its placeholders (`NAME`, `FILE`); elsewhere the name
//! of a command may stand alone. Of other programs only the quoting can be judged.

mod words;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _};
use egext::cli::{Cli, health_probe};
use serde_json::Value;

use words::{filled, in_backticks, simple_commands};

/// Looks at all that a run with these arguments has printed.
///
/// # Panics
/// When a command cannot be pasted.
pub fn check_output(arguments: &[OsString], stdout: &str, stderr: &str) {
    let directory = directory_of(arguments);
    for output in [stdout, stderr] {
        match serde_json::from_str::<Value>(output) {
            Ok(value @ Value::Object(_)) => check_value(&value, directory.as_deref()),
            _ => output.lines().for_each(|line| check_line(line, directory.as_deref())),
        }
    }
}

/// Looks at the commands of a page of the documentation, or of a help text.
///
/// # Panics
/// When one does not parse.
pub fn check_page(name: &str, text: &str) {
    let mut is_code = false;
    for (index, line) in text.lines().enumerate() {
        is_code ^= line.trim_start().starts_with("```");
        // In a block of code commands stand at the start of a line, with `&` or a comment at their end.
        let words = line.trim_end_matches('&').split(" # ").next().unwrap_or(line);
        // A script has variables.
        let words = words.trim_start_matches("$ ").replace('$', "_");
        let indented = format!("  {words}");
        if let Err(complaint) = commands_of_line(if is_code { &indented } else { line }, false, None) {
            panic!("{name}:{}: {complaint}: {line}", index + 1);
        }
    }
}

fn check_value(value: &Value, directory: Option<&str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| check_value(item, directory)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "hint" => check_line(&format!("hint: {text}"), directory),
                    Value::String(text) => text.lines().for_each(|line| check_line(line, directory)),
                    other => check_value(other, directory),
                }
            }
        }
        _ => {}
    }
}

fn check_line(line: &str, directory: Option<&str>) {
    // It is about what was typed.
    if line.starts_with("error: ") {
        return;
    }
    // A field of a log, the last one of its line.
    if let Some((_, hint)) = line.split_once(" hint=\"") {
        return check_line(&format!("hint: {hint}"), directory);
    }
    let is_hint = line.trim_start().starts_with("hint: ");
    if let Err(complaint) = commands_of_line(line, is_hint, directory) {
        panic!("{complaint}\nin the line: {line}");
    }
}

fn commands_of_line(line: &str, is_hint: bool, directory: Option<&str>) -> Result<(), String> {
    for quoted in in_backticks(line) {
        for command in simple_commands(&quoted, is_hint)? {
            if command.first().is_some_and(|program| program == "egext") {
                check_command(&command, is_hint, directory)
                    .map_err(|error| format!("`{quoted}`: {error}"))?;
            }
        }
    }
    let bare = line.trim_start_matches(['#', '$', ' ']);
    // The bridge begins its answers with its name.
    if bare.starts_with("egext ") && !line.starts_with("egext ") && !bare.starts_with("egext bridge: ") {
        // What follows after two blanks describes the command.
        let command = bare.split("  ").next().unwrap_or(bare);
        for command in simple_commands(command, true)? {
            if command.first().is_some_and(|program| program == "egext") {
                check_command(&command, true, directory)?;
            }
        }
    }
    Ok(())
}

fn check_command(words: &[String], is_hint: bool, directory: Option<&str>) -> Result<(), String> {
    if let [_, name] = words {
        // Names that our certificates have.
        if ["client", "server"].contains(&name.as_str()) {
            return Ok(());
        }
    }
    if words.get(1).is_some_and(|word| ["CA", "test"].contains(&word.as_str())) {
        return Ok(());
    }
    let filled = words.iter().map(|word| filled(word)).collect::<Result<Vec<_>, _>>()?;
    match health_probe(&filled.iter().map(OsString::from).collect::<Vec<_>>()) {
        Some(Err(error)) if is_hint => return Err(format!("{filled:?} does not parse: {error:?}")),
        Some(_) => return Ok(()),
        None => {}
    }
    let matches = match Cli::command().try_get_matches_from(&filled) {
        Ok(matches) => matches,
        Err(error) => {
            let is_name = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
                _ if is_name && !is_hint => Ok(()),
                _ => Err(format!("{filled:?} does not parse: {error}")),
            };
        }
    };
    let Some(directory) = directory.filter(|_| is_hint) else { return Ok(()) };
    let (leaf, definition) = leaf(&matches);
    let knows = definition.get_arguments().any(|argument| argument.get_id() == "dir");
    let named = ["dir", "directory", "paths"].iter().any(|id| is_typed(&leaf, id));
    // What is plaintext, or only shown, needs no set.
    let plaintext = filled.iter().any(|word| word.starts_with("tcp://") || word.starts_with("unix:"));
    match knows && !named && !plaintext && !is_typed(&leaf, "connect") {
        true => Err(format!("it is about another directory than `{directory}`, which was named in this run")),
        false => Ok(()),
    }
}

/// The directory that a run is about, if it is not the default.
fn directory_of(arguments: &[OsString]) -> Option<String> {
    let program = OsString::from("egext");
    let matches = Cli::command().try_get_matches_from([&program].into_iter().chain(arguments)).ok()?;
    let (leaf, _) = leaf(&matches);
    let id = ["directory", "dir"].into_iter().find(|id| is_typed(&leaf, id))?;
    let directory = leaf.get_raw(id)?.next()?.to_string_lossy().into_owned();
    (directory != "certs").then_some(directory)
}

fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.try_contains_id(id), Ok(true))
        && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// The matches and the definition of the command that was named in the end.
fn leaf(matches: &ArgMatches) -> (ArgMatches, Command) {
    let mut definition = Cli::command();
    definition.build();
    let mut matches = matches.clone();
    while let Some((name, below)) = matches.subcommand() {
        definition = definition.find_subcommand(name).expect("it was parsed").clone();
        matches = below.clone();
    }
    (matches, definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(line: &str, directory: Option<&str>) -> Option<String> {
        commands_of_line(line, line.starts_with("hint: "), directory).err()
    }

    #[test]
    fn what_can_be_pasted_passes() {
        for line in [
            "hint: renew it: `egext certs renew --role client`; `egext certs show` says more",
            "hint: the client's: `egext certs issue ROLE --out NAME --san NAME,10.0.0.7 --replace`",
            r"hint: `egext certs renew --dir 'it'\''s `mine`; $x'` and more",
            r"hint: `egext certs renew --dir $'a\nb\'c'`",
            "hint: `sudo -u nobody egext probe unix:/run/x.sock`; it's told by `egext --help`",
            "`egext certs` and `egext CA 7f3a91c4`, `egext client`",
            "#   egext bridge --listen unix:/run/eg.sock --upstream localhost:5005",
            "  egext probe localhost:5005 --wait 60s          wait for a server that is starting",
            "hint: `rm '/tmp/a b'`, and `cat issuer.crt root.crt >> x`",
        ] {
            assert_eq!(complaint(line, None), None, "{line}");
        }
        let line = "hint: `egext certs renew --dir x`, `egext certs check x`, `egext explain`, `egext certs show x/a.crt`";
        assert_eq!(complaint(line, Some("x")), None);
    }

    #[test]
    fn what_cannot_be_pasted_is_found() {
        for line in [
            "hint: `egext certs`",
            "hint: `egext certs renew --typo`",
            "hint: `egext certs renew --dir it's mine`",
            "hint: `egext certs renew --dir a b`",
            "hint: `egext certs renew --dir $HOME`",
            "hint: `egext certs renew --dir \"a b`",
            "hint: `egext certs renew --name WHATEVER`",
            "hint: `systemd-ask-password | egext ...`, `egext ...`",
            "hint: `egext bridge --listen tls://... --upstream x:1`",
            "hint: `rm it's mine`",
            "hint: `openssl x509 -in $x`",
            "`egext cert show` is not a command",
            "#   egext bridge --upstream localhost:5005",
        ] {
            assert!(complaint(line, None).is_some(), "{line}");
        }
        let line = "hint: `egext certs renew --role client`";
        assert!(complaint(line, Some("x")).is_some());
        let arguments = ["certs", "check", "x"].map(OsString::from);
        assert_eq!(directory_of(&arguments).as_deref(), Some("x"));
        let arguments = ["probe", "h:1", "--dir", "certs"].map(OsString::from);
        assert_eq!(directory_of(&arguments), None);
    }
}
