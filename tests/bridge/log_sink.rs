//! A log output that fails, stalls or ends costs log lines, never a call.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use egext_test_support::Running;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Call, Caller, HOOK, Upstream, post, within_limit};
use crate::script;

/// A bridge whose stderr is a file that the test names.
struct Logging {
    running: Running,
    socket: PathBuf,
    _directory: TempDir,
}

impl Logging {
    /// Starts a bridge whose stderr is opened by the shell at `stderr`.
    async fn start(stderr: &Path, upstream: &Upstream, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("eg.sock");
        let listen = format!("unix:{}", socket.display());
        let mut running = script(r#"log=$1; shift; exec "$0" "$@" 2>"$log""#)
            .arg(stderr)
            .args(["bridge", "--listen", &listen, "--upstream", upstream.address()])
            .args(flags)
            .start();
        running.wait_for_socket(&socket);
        Self { running, socket, _directory: directory }
    }

    async fn caller(&self) -> Caller {
        let stream = within_limit(tokio::net::UnixStream::connect(&self.socket)).await;
        Caller::over(stream.expect("the bridge listens")).await
    }
}

/// A pipe by name, and both of its ends, so that neither side waits for the other to open it.
fn pipe() -> (TempDir, PathBuf, File) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("log");
    let made = Command::new("mkfifo").arg(&path).status().expect("every unix has mkfifo");
    assert!(made.success());
    let both = OpenOptions::new().read(true).write(true).open(&path).expect("ours");
    (directory, path, both)
}

/// Calls that log far more than a pipe and the queue hold.
async fn calls(caller: &Caller, number: usize) {
    let path = format!("{HOOK}/{}", "x".repeat(2048));
    for _ in 0..number {
        assert_eq!(caller.call(post(&path), "message").await.code(), 0);
    }
}

const DEBUG: &[&str] = &["--log-level", "debug", "--log-format", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_stalls_no_call_and_the_lost_lines_are_counted() {
    let upstream = Upstream::unix(Call::echo);
    let (_directory, path, mut reader) = pipe();
    let logging = Logging::start(&path, &upstream, DEBUG).await;
    calls(&logging.caller().await, 2000).await;

    // Somebody reads at last: what was kept comes, and then how much was not.
    let log = thread::spawn({
        let reader = BufReader::new(reader.try_clone().expect("a second handle"));
        move || {
            let mut events = Vec::new();
            for line in reader.lines() {
                let line = line.expect("readable");
                let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                let told = event["message"].as_str().is_some_and(|words| words.contains("were lost"));
                events.push(event);
                if told {
                    break;
                }
            }
            events
        }
    });
    let events = log.join().expect("no panic");
    let calls = events.iter().filter(|event| event["message"] == "call").count();
    let lost = events.last().expect("the last one")["lines"].as_u64().expect("a number");
    assert!(lost > 0 && calls > 0);
    assert_eq!(calls as u64 + lost, 2000);
    let (code, _) = logging.running.terminate();
    assert_eq!(code, 0);
    // What came after the notice is still in the pipe.
    let mut rest = [0; 4096];
    let length = reader.read(&mut rest).expect("readable");
    assert!(String::from_utf8_lossy(&rest[..length]).contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let upstream = Upstream::unix(Call::echo);
    let (_directory, path, _reader) = pipe();
    let logging = Logging::start(&path, &upstream, DEBUG).await;
    let caller = logging.caller().await;
    calls(&caller, 2000).await;
    assert_eq!(logging.running.terminate().0, 0);
}

/// As with `2>&1 | head -1`.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_has_gone_costs_no_call() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = directory.path().join("server.sock");
    let upstream = Upstream::unix_at(&server, Call::echo);
    let (_pipe, path, reader) = pipe();
    let logging = Logging::start(&path, &upstream, &[]).await;
    let mut first = String::new();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut first).expect("readable");
    assert!(first.contains("bridge is up"), "{first}");
    drop(reader);
    let caller = logging.caller().await;
    for round in 0..3 {
        // Ends of connections are logged; the first such line was the end of the service once.
        assert_eq!(caller.hook().await.code(), 0, "round {round}");
        upstream.go_away();
        upstream.wait_for_connections(round + 2).await;
    }
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(logging.running.terminate().0, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_call() {
    let upstream = Upstream::unix(Call::echo);
    let logging = Logging::start(Path::new("/dev/full"), &upstream, DEBUG).await;
    let caller = logging.caller().await;
    calls(&caller, 10).await;
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(logging.running.terminate().0, 0);
}

/// The report of calls that were cut goes to the same output.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_report_does_not_wait_for_a_reader_either() {
    let (begun, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call: Call| {
        let never = call.request.uri().path() == HOOK;
        begun.send(()).expect("the test listens");
        async move {
            match never {
                true => std::future::pending().await,
                false => call.echo().await,
            }
        }
    });
    let (_directory, path, _reader) = pipe();
    let flags = [DEBUG, &["--drain-timeout", "100ms", "--fail-on", "warning"]].concat();
    let logging = Logging::start(&path, &upstream, &flags).await;
    let caller = logging.caller().await;
    calls(&caller, 1000).await;
    while seen.try_recv().is_ok() {}
    let _call = caller.send(post(HOOK), "").await;
    within_limit(seen.recv()).await.expect("it arrives");
    let (code, _) = logging.running.terminate();
    assert_eq!(code, 1, "the finding, although nobody can read it");
}

/// Nothing goes on without a part of itself: the bridge ends, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_dies_ends_the_bridge() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket =
        |name: &str| format!("unix:{}", directory.path().join(name).display()).parse().expect("good");
    let upstream = egext::net::Target::new(socket("nobody"), None, None, egext::net::Alpn::Preferred);
    let plan = egext::bridge::BridgePlan {
        listen: socket("eg.sock"),
        server: None,
        upstream: upstream.expect("a target"),
        own: None,
        credentials: None,
        directory: "certs".into(),
        searched: false,
        connect_wait: Some(std::time::Duration::from_secs(1)),
        call_timeout: None,
        drain_timeout: std::time::Duration::from_secs(1),
        resync: egext::bridge::ResyncPlan::default(),
        socket: egext::net::SocketAccess::default(),
        callers: egext::net::CallerLimits::default(),
        keepalive: None,
        clock: || match STARTED.load(Ordering::SeqCst) {
            false => time::OffsetDateTime::UNIX_EPOCH,
            // Asked for when the first attempt to connect has failed.
            true => panic!("the clock has stopped"),
        },
    };
    let bridge = egext::bridge::Bridge::bind(plan).await.expect("a free path");
    STARTED.store(true, Ordering::SeqCst);
    let ended = within_limit(bridge.run(&tokio::sync::Notify::new())).await;
    let error = ended.expect_err("it cannot go on");
    let words = egext::report::chain(&error);
    assert!(words.contains("the clock has stopped"), "{words}");
}
