//! Runs the Go module in `tests/interop/` where somebody asked for it: it builds Envoy Gateway, which takes minutes,
//! and wants ports that cannot be chosen.

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(reason) => {
            say(&format!("interop: skipped: {reason}"));
            ExitCode::SUCCESS
        }
    }
}

/// Runs the suite; the error is why it does not run.
fn run() -> Result<ExitCode, String> {
    if filters().any(|filter| !"interop".contains(&filter)) {
        return Err("filtered out".to_owned());
    }
    if Command::new("go").arg("version").output().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err("go not found".to_owned());
    }
    if env::var_os("EGEXT_INTEROP").is_none_or(|value| value != "1") {
        return Err("EGEXT_INTEROP=1 cargo test --test interop runs it (tests/interop/README.md)".to_owned());
    }
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let mut go = Command::new("go");
    let asked =
        env::vars().filter(|(name, _)| name.starts_with("EGEXT_INTEROP") || name.starts_with("EGEXT_PEERS"));
    egext_test_support::scrub(&mut go);
    let status = go
        .envs(asked)
        .args(["test", "-count=1", "-v", "-timeout", "60m", "."])
        .current_dir(suite)
        .env("EGEXT_BIN", env!("CARGO_BIN_EXE_egext"))
        .status();
    match status {
        Ok(status) if status.success() => Ok(ExitCode::SUCCESS),
        Ok(status) => {
            say(&format!("interop: failed: go test: {status}"));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            say(&format!("interop: failed: go test: {error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The arguments that name tests, as the harness of the other test binaries takes them.
fn filters() -> impl Iterator<Item = String> {
    let arguments: Vec<_> = env::args().collect();
    let is_value = |before: &str| WITH_VALUE.contains(&before);
    let named = |pair: &[String]| !pair[1].starts_with('-') && !is_value(&pair[0]);
    arguments
        .windows(2)
        .filter(|pair| named(pair))
        .map(|pair| pair[1].clone())
        .collect::<Vec<_>>()
        .into_iter()
}

#[expect(clippy::print_stderr, reason = "a test binary without a harness talks for itself")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// Flags of the harness whose value is an argument of its own.
const WITH_VALUE: &[&str] =
    &["--color", "--format", "--logfile", "--shuffle-seed", "--skip", "--test-threads", "-Z"];
