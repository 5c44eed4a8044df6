//! Limits in which no server could answer: nothing about the server follows from them.

use egext_test_support::{ReservedPort, Run, TestPki, TestServer};

use super::probe;
use crate::egext;

/// Whatever it had come to, the limit is what is told.
fn assert_too_short(run: &Run, flag: &str) {
    let [finding] = run.findings() else { panic!("{}", run.stdout) };
    let words = |key: &str| finding[key].as_str().expect("words");
    assert!(words("message").ends_with(" within 1 ms"), "{finding}");
    let hint = format!("1 ms is too short to tell what is wrong: pass a longer `{flag}`");
    assert_eq!(words("hint"), hint, "{finding}");
}

#[test]
fn a_limit_in_which_nothing_can_answer_is_the_cause() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).stops_after(0).spawn();
    for set in [Some(&pki), None] {
        for (flags, flag) in [
            (&["--timeout", "1ms"][..], "--timeout"),
            (&["--wait", "1ms"], "--wait"),
            (&["--wait", "1ms", "--timeout", "1h"], "--wait"),
        ] {
            let run = match set {
                Some(pki) => egext(["probe", &server.address()]).pki(pki),
                None => egext(["probe", &server.tcp_address()]),
            };
            let run = run.args(flags).json();
            assert_eq!(run.exit_code, 1, "{}", run.stdout);
            assert_too_short(&run, flag);
        }
    }
    let doctor = egext(["doctor", "--server", &server.address(), "--timeout", "1ms"]).pki(&pki).json();
    let first = &doctor.json["first"];
    assert_eq!(
        first["next"], "1 ms is too short to tell what is wrong: pass a longer `--timeout`",
        "{}",
        doctor.stdout
    );
}

/// The limit as it was typed, not what was left of it a moment later.
#[test]
fn a_short_wait_is_told_as_it_was_typed() {
    let server = TestServer::plaintext().stops_after(0).spawn();
    let run = probe(&server.tcp_address()).args(["--wait", "300ms"]).json();
    let message = run.findings()[0]["message"].as_str().expect("words").to_owned();
    assert!(message.ends_with(" within 300 ms"), "{message}");
    let run = probe(&server.tcp_address()).args(["--wait", "1s"]).json();
    let message = run.findings()[0]["message"].as_str().expect("words").to_owned();
    assert!(message.ends_with(" within 1 s"), "{message}");

    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).args(["--wait", "300ms"]).run();
    let left = run.stderr.rsplit_once("; trying again for up to ").map(|(_, left)| left.trim_end());
    let milliseconds: Option<u32> = left.and_then(|left| left.strip_suffix("ms")?.parse().ok());
    assert!(milliseconds.is_some_and(|left| (1..=300).contains(&left)), "{}", run.stderr);
}
