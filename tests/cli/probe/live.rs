//! The line on a terminal that says what is going on.

use std::time::Duration;

use egext_test_support::{Egext, ReservedPort, Terminal, TestPki, TestServer};

use super::{every_layer, probe, with_pki};
use crate::egext;

/// On a terminal that can move its cursor.
fn on(terminal: &Terminal, run: Egext) -> Egext {
    run.env("TERM", "xterm").stderr_to(terminal.side())
}

/// What a terminal shows after this was printed on it, without colours.
fn screen(printed: &str) -> String {
    let mut lines = vec![String::new()];
    let mut column = 0;
    let mut rest = printed.chars();
    while let Some(letter) = rest.next() {
        let line = lines.last_mut().expect("one at least");
        match letter {
            '\r' => column = 0,
            '\n' => lines.push(String::new()),
            '\x1b' => {
                let end = rest.by_ref().find(char::is_ascii_alphabetic);
                if end == Some('K') {
                    *line = line.chars().take(column).collect();
                }
            }
            letter => {
                let (before, behind) = (line.chars().take(column), line.chars().skip(column + 1));
                *line = before.chain([letter]).chain(behind).collect();
                column += 1;
            }
        }
    }
    lines.join("\n")
}

#[test]
fn the_layer_that_takes_long_is_shown_and_nothing_of_it_stays() {
    let pki = TestPki::new();
    let silent = TestServer::plaintext().hangs().spawn();
    let no_frame = TestServer::tls(&pki).hangs().spawn();
    let no_answer = TestServer::plaintext().never_answers().spawn();
    for (address, layer) in [
        (silent.tls_address(), "tls"),
        (no_frame.address(), "http2"),
        (silent.address(), "http2"),
        (no_answer.address(), "grpc"),
    ] {
        let terminal = Terminal::new();
        let run = with_pki(on(&terminal, probe(&address)), &address, &pki).start();
        terminal.wait_for(&format!("probing \x1b[1m{address}\x1b[0m: {layer}"));
        assert_eq!(run.interrupt(), (2, String::new()));
        assert_eq!(screen(&terminal.all()), "error: interrupted\n");
    }
}

/// They are looked at when the others stand.
#[test]
fn what_others_see_is_a_layer_too() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).hangs_on_names_with_ports().spawn();
    let terminal = Terminal::new();
    let run = on(&terminal, every_layer(&server.address()).pki(&pki)).run();
    let all = terminal.all();
    assert_eq!(run.exit_code, 1, "{run:?}");
    assert!(all.contains(": gateway"), "{all:?}");
}

#[test]
fn the_time_is_shown_that_a_layer_takes() {
    let server = TestServer::plaintext().never_answers().spawn();
    let terminal = Terminal::new();
    let run = on(&terminal, probe(&server.address())).start();
    terminal.wait_for(": grpc\x1b[2m, ");
    assert_eq!(run.interrupt().0, 2);
}

/// A report on the same terminal stands where the line was.
#[test]
fn the_report_stands_alone() {
    let port = ReservedPort::new();
    let address = port.tcp_address();
    let terminal = Terminal::new();
    let run = on(&terminal, probe(&address)).args(["--wait", "1h"]).stdout_to(terminal.side()).start();
    terminal.wait_for("waiting for ");
    let _server = port.spawn(TestServer::plaintext());
    assert_eq!(run.finish().0, 0);
    let shown = screen(&terminal.all());
    let (said, report) = shown.split_once('\n').expect("two lines at least");
    assert!(said.ends_with("; trying again for up to 1h"), "{shown:?}");
    assert!(report.starts_with(&format!("{address}\n  √ resolve")), "{shown:?}");
    assert!(!shown.contains("waiting for"), "{shown:?}");
}

#[test]
fn while_a_server_is_waited_for_the_cause_and_the_time_left_are_shown() {
    let port = ReservedPort::new();
    let address = port.tcp_address();
    let terminal = Terminal::new();
    let run = on(&terminal, probe(&address)).args(["--wait", "1h"]).start();
    let cause = "connection refused: nothing listens there";
    terminal.wait_for(&format!("waiting for \x1b[1m{address}\x1b[0m\x1b[2m, 59m"));
    terminal.wait_for(&format!("s left\x1b[0m: {cause}"));
    assert_eq!(run.interrupt().0, 2);
    let shown = screen(&terminal.all());
    let lines: Vec<_> = shown.lines().collect();
    // What was said once stays, and the line does not.
    assert_eq!(lines.len(), 3, "{shown}");
    assert!(lines[0].starts_with(&format!("{address}: {cause}; trying again for up to ")), "{shown}");
    assert!(lines[1].starts_with("error: interrupted while"), "{shown}");
}

#[test]
fn of_several_targets_it_is_counted_how_many_are_done() {
    let fast = TestServer::plaintext().spawn();
    let slow = TestServer::unix().never_answers().spawn();
    let terminal = Terminal::new();
    let run = on(&terminal, probe(&slow.address())).arg(fast.address()).start();
    terminal.wait_for(&format!("1 of 2 done: \x1b[0mprobing \x1b[1m{}\x1b[0m: grpc", slow.address()));
    assert_eq!(run.interrupt().0, 2);
}

/// Nothing flashes. On a busy machine a probe may be slow, so one that is fast is waited for.
#[test]
fn a_fast_probe_shows_nothing() {
    let server = TestServer::plaintext().spawn();
    for _ in 0..100 {
        let terminal = Terminal::new();
        let run = on(&terminal, probe(&server.address())).run();
        if run.duration < Duration::from_millis(100) {
            assert_eq!(terminal.all(), "");
            return;
        }
    }
    panic!("none of them was fast");
}

#[test]
fn there_is_no_line_for_programs_or_where_none_is_wanted() {
    let server = TestServer::plaintext().answers_after(Duration::from_millis(300)).spawn();
    for flags in [&["-q"][..], &["-o", "json"], &["-o", "short"], &["-o", "prometheus"]] {
        let terminal = Terminal::new();
        let run = on(&terminal, probe(&server.address())).args(flags).run();
        assert_eq!((run.exit_code, &*terminal.all()), (0, ""), "{flags:?}");
    }
    for name in ["dumb", ""] {
        let terminal = Terminal::new();
        let run = on(&terminal, probe(&server.address())).env("TERM", name).run();
        assert_eq!((run.exit_code, &*terminal.all()), (0, ""), "TERM={name}");
    }
}

#[test]
fn without_colours_it_has_none() {
    let server = TestServer::plaintext().never_answers().spawn();
    for (name, value) in [("NO_COLOR", "1"), ("EGEXT_COLOR", "never")] {
        let terminal = Terminal::new();
        let run = on(&terminal, probe(&server.address())).env(name, value).start();
        terminal.wait_for(&format!("\r\x1b[?7lprobing {}: grpc", server.address()));
        assert_eq!(run.interrupt().0, 2);
        let all = terminal.all();
        let sequences = ["\x1b[?7l", "\x1b[?7h", "\x1b[K"].map(|it| all.matches(it).count());
        assert_eq!(all.matches('\x1b').count(), sequences.iter().sum::<usize>(), "{name}: {all:?}");
    }
}

/// Its line would stand in what another program writes.
#[test]
fn a_job_in_the_background_shows_none() {
    let server = TestServer::plaintext().answers_after(Duration::from_millis(500)).spawn();
    let shown = |job: &str| {
        let run = crate::on_a_terminal(&format!("set -m; $0 probe {} {job}", server.address()))?;
        Some(run.env("TERM", "xterm").run())
    };
    let Some(background) = shown("& wait $!") else {
        return egext_test_support::skipped("script not found");
    };
    assert_eq!(background.exit_code, 0, "{background:?}");
    assert!(background.stdout.contains("healthy"), "{background:?}");
    assert!(!background.stdout.contains("probing"), "{background:?}");
    let foreground = shown("").expect("it was there before");
    assert!(foreground.stdout.contains("probing"), "{foreground:?}");
}

/// A terminal that would go on in the next line keeps what cannot be erased.
#[test]
fn what_is_longer_than_a_line_does_not_wrap() {
    let port = ReservedPort::new();
    let terminal = Terminal::new();
    let run = on(&terminal, probe(&port.tcp_address())).args(["--wait", "1h"]).start();
    terminal.wait_for("nothing listens there\x1b[K\x1b[?7h");
    assert_eq!(run.interrupt().0, 2);
    let all = terminal.all();
    let lines = all.matches("\r\x1b[?7lwaiting for ").count();
    assert!(lines > 0 && lines == all.matches("there\x1b[K\x1b[?7h").count(), "{all:?}");
}

/// `doctor` probes one after the other.
#[test]
fn the_doctor_shows_what_takes_long_too() {
    let server = TestServer::plaintext().never_answers().spawn();
    let pki = TestPki::new();
    let doctor = |limit| egext(["doctor", "--timeout", limit, "--server", &server.tcp_address()]).pki(&pki);
    let terminal = Terminal::new();
    let run = on(&terminal, doctor("1h")).start();
    terminal.wait_for(&format!("probing \x1b[1m{}\x1b[0m: grpc", server.tcp_address()));
    assert_eq!(run.interrupt(), (2, String::new()));
    assert_eq!(screen(&terminal.all()), "error: interrupted\n");
    let terminal = Terminal::new();
    let run = on(&terminal, doctor("300ms")).args(["-o", "json"]).run();
    assert_eq!((run.exit_code, &*terminal.all()), (1, ""), "none for a program");
}
