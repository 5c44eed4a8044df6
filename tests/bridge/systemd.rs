//! What systemd is told, and what the journal gets.

use std::path::Path;
use std::time::{Duration, Instant};

use egext_test_support::{Egext, Signal, TestPki};
use rustix::time::{ClockId, clock_gettime};

use crate::fixture::{Bridge, Call, HOOK, Manager, Upstream, post, within_limit};
use crate::script;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_tells_its_life_from_ready_to_stopping() {
    for mut manager in [Manager::at_path(), Manager::at_abstract_name()] {
        let upstream = Upstream::unix(Call::echo);
        let bridge = Bridge::plaintext(upstream.address()).env("NOTIFY_SOCKET", manager.name()).start();
        manager.wait_for("READY=1");
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
        bridge.running.signal(Signal::HUP);
        let reloading = manager.wait_for("RELOADING=1");
        let told = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect(&reloading);
        let told: i64 = told.parse().expect("a number");
        let now = clock_gettime(ClockId::Monotonic);
        let now = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        assert!((now - told) < 60_000_000 && told <= now, "{told} at {now}");
        manager.wait_for("READY=1");
        assert_eq!(bridge.running.terminate().0, 0);
        assert!(manager.wait_for("STOPPING=1").contains("STATUS=draining: "));
    }
}

/// EG may be ordered after the bridge, and the extension server after EG.
#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_is_ready_before_its_upstream_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let nobody = format!("unix:{}", directory.path().join("server.sock").display());
    let mut manager = Manager::at_path();
    let bridge = Bridge::plaintext(&nobody).env("NOTIFY_SOCKET", manager.name()).start();
    manager.wait_for("READY=1");
    assert_eq!(bridge.running.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_line_follows_the_upstream() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let mut manager = Manager::at_path();
    let address = format!("unix:{}", path.display());
    let bridge = Bridge::plaintext(&address).env("NOTIFY_SOCKET", manager.name()).start();
    let line = manager.wait_for_status("failing since ");
    assert!(line.contains("Z: ") && line.contains(&address) && line.contains(" (probe."), "{line}");
    let upstream = Upstream::unix_at(&path, Call::echo);
    let line = manager.wait_for_status("connected to ");
    assert!(line.starts_with(&format!("connected to `{address}` since 20")), "{line}");
    upstream.die().await;
    manager.wait_for_status("failing since ");
    bridge.running.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    assert_eq!(bridge.running.finish().0, 0);
    let after = manager.messages().concat();
    assert!(!after.contains("STATUS="), "draining is the last state: {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_line_has_what_is_wrong_with_the_certificates() {
    let pki = TestPki::new().client_expired();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut manager = Manager::at_path();
    let bridge = Bridge::mtls(upstream.address(), &pki).env("NOTIFY_SOCKET", manager.name()).start();
    let line = manager.wait_for_status("failing since ");
    let expired = format!("; the certificate `{}` expired at ", pki.client_certificate().display());
    assert!(line.contains(&expired), "{line}");
    pki.renewed("client");
    let line = manager.wait_for_status("connected to ");
    assert!(!line.contains("; "), "{line}");
    // Not a key at all, as after a copy that failed.
    let key = pki.client_key();
    std::fs::copy(&key, key.with_extension("before")).expect("ours");
    std::fs::copy(pki.ca(), &key).expect("ours");
    bridge.running.signal(Signal::HUP);
    manager.wait_for_state("of a failed reload", |line| {
        line.starts_with("connected to ") && line.contains("bridge.reload.failed")
    });
    std::fs::copy(key.with_extension("before"), &key).expect("ours");
    bridge.running.signal(Signal::HUP);
    manager.wait_for_state("without a failure", |line| {
        line.starts_with("connected to ") && !line.contains("; ")
    });
    assert_eq!(bridge.running.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_hears_from_a_bridge_that_works() {
    let mut manager = Manager::at_path();
    let (upstream, release) = stalling();
    let bridge = Bridge::plaintext(upstream.address())
        .env("NOTIFY_SOCKET", manager.name())
        .env("WATCHDOG_USEC", "200000")
        .flag("--drain-timeout", "1h")
        .start();
    let begin = Instant::now();
    for _ in 0..4 {
        manager.wait_for("WATCHDOG=1");
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(250),
        "no more often than needed: {:?}",
        begin.elapsed()
    );
    // Also while it drains, which may take longer than the watchdog waits.
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "").await;
    upstream.wait_for_calls(1).await;
    bridge.running.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    release.send_replace(true);
    within_limit(call).await.expect("an answer");
    assert_eq!(bridge.running.finish().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_of_another_process_and_odd_settings_are_left_alone() {
    for (name, value) in [("WATCHDOG_PID", "1"), ("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", "x")] {
        let mut manager = Manager::at_path();
        let upstream = Upstream::unix(Call::echo);
        let bridge = Bridge::plaintext(upstream.address())
            .env("NOTIFY_SOCKET", manager.name())
            .env("WATCHDOG_USEC", "1000")
            .env(name, value)
            .start();
        manager.wait_for("READY=1");
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
        assert_eq!(bridge.running.terminate().0, 0);
        let messages = manager.messages().concat();
        assert!(!messages.contains("WATCHDOG"), "{name}={value}: {messages}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_systemd_that_cannot_be_used_costs_a_line() {
    for name in ["/nowhere/notify", "@nowhere", "vsock:2:1234", "relative"] {
        let upstream = Upstream::unix(Call::echo);
        let bridge = Bridge::plaintext(upstream.address()).env("NOTIFY_SOCKET", name).start();
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
        let (code, log) = bridge.running.terminate();
        assert_eq!(code, 0, "{log}");
        assert_eq!(log.matches("cannot notify systemd").count(), 1, "{name}: {log}");
    }
}

/// A bridge whose stderr is a file, as the journal's is a socket: only its device and inode count.
fn journal(stderr: &Path, is_journal: bool, arguments: &[&str]) -> Egext {
    let stream = if is_journal { r#"$(stat -L -c %d:%i "$log")"# } else { "1:2" };
    let start = format!(r#"log=$1; shift; : >"$log"; JOURNAL_STREAM={stream} exec "$0" "$@" 2>"$log""#);
    script(&start).arg(stderr).args(arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_gets_levels_and_no_times() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (socket, log) = (directory.path().join("eg.sock"), directory.path().join("log"));
    let listen = format!("unix:{}", socket.display());
    let upstream = Upstream::unix(Call::echo);
    let bridge = ["bridge", "--listen", &listen, "--upstream", upstream.address()];
    for (is_journal, flags) in [(true, &[][..]), (true, &["--log-format", "text"]), (false, &[])] {
        let start = journal(&log, is_journal, &[&bridge, flags].concat());
        let mut running = start.env("NOTIFY_SOCKET", "/nowhere").start();
        running.wait_for_socket(&socket);
        upstream.wait_for_connections(1).await;
        assert_eq!(running.terminate().0, 0);
        let log = std::fs::read_to_string(&log).expect("readable");
        let has = |line: &str| log.lines().any(|found| found.starts_with(line));
        if is_journal && flags.is_empty() {
            assert!(
                has("<6>bridge is up listen=") && has("<4>cannot notify systemd") && has("<6>stopped"),
                "{log}"
            );
        } else {
            assert!(!log.contains("<6>") && log.contains(" INFO bridge is up"), "{log}");
        }
    }
}

/// What keeps the bridge from starting is an error in the journal, too.
#[test]
fn an_error_has_its_level_in_the_journal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let log = directory.path().join("log");
    let running =
        journal(&log, true, &["bridge", "--listen", "unix:/x/eg.sock", "--upstream", "unix:/y"]).start();
    assert_eq!(running.finish().0, 2);
    let log = std::fs::read_to_string(&log).expect("readable");
    let lines = log.lines().collect::<Vec<_>>();
    assert!(lines.len() == 2 && lines[0].starts_with("<3>error: "), "{log}");
    assert!(lines[1].starts_with("<3>  hint: "), "{log}");
}

/// The same lines, as objects, when they are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn json_stays_json_in_the_journal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (socket, log) = (directory.path().join("eg.sock"), directory.path().join("log"));
    let listen = format!("unix:{}", socket.display());
    let arguments = ["bridge", "--listen", &listen, "--upstream", "unix:/nowhere", "--log-format", "json"];
    let mut running = journal(&log, true, &arguments).start();
    running.wait_for_socket(&socket);
    assert_eq!(running.terminate().0, 0);
    let log = std::fs::read_to_string(&log).expect("readable");
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

/// A server that answers once it is told to.
fn stalling() -> (Upstream, tokio::sync::watch::Sender<bool>) {
    let (release, released) = tokio::sync::watch::channel(false);
    let upstream = Upstream::unix(move |call: Call| {
        let mut released = released.clone();
        async move {
            // An error means that the test is over.
            if released.wait_for(|released| *released).await.is_ok() {
                call.echo().await;
            }
        }
    });
    (upstream, release)
}
