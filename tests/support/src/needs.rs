use std::env;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::thread;

/// Says that the test which calls this does not run, or not all of it.
///
/// Not by a macro that prints: the test harness shows what these print only if the test fails.
///
/// # Panics
/// Where everything has to run: `.ci/run` sets `EGEXT_CI_COMPLETE` in CI.
#[track_caller]
pub fn skipped(reason: &str) {
    let complete = env::var_os("EGEXT_CI_COMPLETE").is_some_and(|value| value == "1");
    assert!(!complete, "this test has to run in CI: {reason}");
    let thread = thread::current();
    let line = format!("\nskipped: {}: {reason}\n", thread.name().unwrap_or("a test"));
    // A closed stderr is no reason to fail.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Is OpenSSL there to hold certificates against? Says so where it is not.
#[track_caller]
pub fn has_openssl() -> bool {
    let version = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    let has_openssl = version.is_ok_and(|status| status.success());
    if !has_openssl {
        skipped("openssl not found");
    }
    has_openssl
}

/// Can this process be several users? Says so where it cannot.
#[track_caller]
pub fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped("two users are needed, and only root can be both");
    }
    is_root
}
