//! The commands, run as their users run them: the built binary, its output, its exit code.

mod addresses;
mod certs;
mod commands;
mod compare;
mod config;
mod demo;
mod descriptors;
mod doctor;
mod environment;
mod explain;
mod hints;
mod output;
mod pages;
mod probe;
mod typed;
#[cfg(target_os = "linux")]
mod units;

use egext_test_support::Egext;

/// A run of the built binary.
fn egext<const N: usize>(arguments: [&str; N]) -> Egext {
    Egext::new(env!("CARGO_BIN_EXE_egext"), arguments)
}

/// A run of a script, in which the built binary is `$0` and the arguments that follow are `$@`.
fn script(shell: &str, script: &str) -> Egext {
    Egext::new(shell, ["-c", script, env!("CARGO_BIN_EXE_egext")])
}

/// A run of a script on a terminal of its own, in which the built binary is `$0`. What it prints there is on stdout.
/// None if this machine has no `script`.
fn on_a_terminal(line: &str) -> Option<Egext> {
    let is_there = Egext::new("sh", ["-c", "command -v script"]).run().exit_code == 0;
    // `script` passes no arguments on.
    let run = script("sh", r#"export EGEXT="$0"; exec script --quiet --return --command "$1" /dev/null"#);
    is_there.then(|| run.arg(line.replace("$0", r#""$EGEXT""#)))
}
