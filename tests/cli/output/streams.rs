use std::collections::BTreeSet;
use std::io::{Read as _, pipe};

use egext_test_support::{Egext, Run, TestPki};

use serde_json::Value;

use super::places::{LINES, commands, each, full, is_data};
use crate::egext;

#[test]
fn a_report_is_on_stdout_and_beside_data_on_stderr() {
    each(|places, line, format, code| {
        let run = places.run(line).args(["-o", format]).run();
        assert_eq!(run.exit_code, code, "{line}: {run:?}");
        assert_eq!(run.stdout.is_empty(), says_nothing(format, code), "{line}: {run:?}");
        if !is_data(line) || format != "human" {
            assert_eq!(run.stderr, "", "{line} -o {format}");
        } else if line.contains("--csr") || line.contains("--native-tls") {
            assert_ne!(run.stderr, "", "{line}");
        }
        if format == "json" {
            let object: Value = serde_json::from_str(&run.stdout).expect("one object");
            let command = object["command"].as_str().expect("a command");
            assert!(line.starts_with(command) && commands().contains(command), "{line}: {command}");
            assert_eq!(object["exit_code"], code, "{line}");
        }
    });
}

#[test]
fn every_command_is_on_the_list() {
    let mut listed: BTreeSet<_> = LINES.iter().map(|(command, ..)| (*command).to_owned()).collect();
    // It runs until it is stopped: below.
    listed.insert("bridge".to_owned());
    assert_eq!(listed, commands());
}

/// A result that is lost is not success.
#[test]
fn a_full_device_is_an_error_of_one_line() {
    each(|places, line, format, code| {
        let run = places.run(line).args(["-o", format]).stdout_to(full()).run();
        match says_nothing(format, code) {
            true => assert_eq!(run.exit_code, 0, "{line}: {run:?}"),
            false => assert_lost(&run, line),
        }
    });
    let run = egext(["explain"]).stdout_to(full()).stderr_to(full()).run();
    assert_eq!(run.exit_code, 2, "where nothing can be said at all");
}

#[test]
fn help_is_lost_with_a_word_too() {
    for arguments in ["--help", "--version", "certs init --help", "probe -h"] {
        let run = egext([]).args(arguments.split(' '));
        assert_lost(&run.stdout_to(full()).run(), arguments);
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let run = egext([]).args(arguments.split(' ')).stdout_to(writer).run();
        assert_eq!((run.exit_code, run.stderr.as_str()), (0, ""), "{arguments}");
    }
}

/// `| head` has seen enough. The pipe ends before the first byte, or while the command writes to it.
#[test]
fn a_closed_pipe_is_success() {
    each(|places, line, format, code| {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let run = places.run(line).args(["-o", format]).stdout_to(writer).run();
        assert_eq!(run.exit_code, code, "{line} -o {format}: {run:?}");
        assert!(!run.stderr.contains("error:"), "{line} -o {format}: {run:?}");
    });
    let pki = TestPki::new();
    let (mut reader, writer) = pipe().expect("a pipe");
    let mut run = much(&pki).stdout_to(writer).start();
    reader.read_exact(&mut [0]).expect("its first byte");
    assert!(!run.has_ended(), "it has more to write");
    drop(reader);
    assert_eq!(run.finish(), (0, String::new()));
}

/// What cannot be said on stderr has no other place, and says nothing about the result.
#[test]
fn without_a_working_stderr_nothing_else_changes() {
    each(|places, line, format, code| {
        let run = |run: Egext| {
            let run = run.args(["-o", format]).run();
            assert_eq!(run.exit_code, code, "{line} -o {format}: {run:?}");
            run.stdout.lines().count()
        };
        let lines = run(places.run(line));
        assert_eq!(run(places.run(line).stderr_to(full())), lines, "{line} -o {format}");
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        assert_eq!(run(places.run(line).stderr_to(writer)), lines, "{line} -o {format}");
    });
}

/// A program that shares the stream can make it answer that it takes nothing at the moment.
#[test]
fn a_stream_that_is_not_ready_is_waited_for() {
    let pki = TestPki::new();
    let expected = much(&pki).run().stdout;
    let (mut reader, writer) = pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("not blocking");
    let run = much(&pki).stdout_to(writer).start();
    let mut printed = String::new();
    reader.read_to_string(&mut printed).expect("UTF-8");
    assert_eq!(run.finish(), (0, String::new()));
    assert!(printed == expected, "{} of {} bytes", printed.len(), expected.len());
}

/// The log never stops the bridge; its report can still be lost.
#[test]
fn a_bridge_ends_with_its_own_code() {
    for (format, stdout_is_full, code) in
        [("human", false, 0), ("human", true, 0), ("json", false, 0), ("json", true, 2)]
    {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("eg.sock");
        let listen = format!("unix:{}", socket.display());
        let run = egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1", "-o", format]);
        let mut running = if stdout_is_full { run.stdout_to(full()) } else { run }.start();
        running.wait_for_socket(&socket);
        let (found, log) = running.terminate();
        assert_eq!(found, code, "-o {format}: {log}");
        assert_eq!(log.contains("error: cannot write to stdout: "), code == 2, "-o {format}: {log}");
    }
}

/// GitHub has no annotation for what is fine.
fn says_nothing(format: &str, code: i32) -> bool {
    (format, code) == ("github", 0)
}

fn assert_lost(run: &Run, line: &str) {
    assert_eq!(run.exit_code, 2, "{line}: {run:?}");
    let said = run.stderr.rsplit_once("error: ").unwrap_or_else(|| panic!("{line}: {run:?}")).1;
    let (error, hint) = said.split_once('\n').expect("two lines");
    assert_eq!(error, "cannot write to stdout: No space left on device (os error 28)", "{line}");
    assert!(hint.starts_with("  hint: ") && hint.lines().count() == 1, "{line}: {hint}");
}

/// Prints more than the 64 KiB that a pipe holds.
fn much(pki: &TestPki) -> Egext {
    egext(["certs", "show", "-o", "pem"]).args(std::iter::repeat_n(pki.ca(), 200))
}
