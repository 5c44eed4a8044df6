//! Callers that are too many, silent or dead, and servers that turn us away: nobody else suffers, and the log stays
//! short.

use std::sync::Arc;
use std::time::Duration;

use egext::net::{Alpn, CallerLimits, Target};
use egext_test_support::TestPki;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::fixture::{Bridge, Call, Caller, Upstream, within_limit};
use crate::tls_listener::Front;

/// A bridge in this process, whose callers have less time than those of the binary.
struct Impatient {
    socket: std::path::PathBuf,
    running: JoinHandle<()>,
    _directory: TempDir,
}

impl Impatient {
    async fn start(upstream: &Upstream, callers: CallerLimits) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("eg.sock");
        let address = |text: String| text.parse().expect("an address");
        let target = Target::new(address(upstream.address().to_owned()), None, None, Alpn::Preferred);
        let plan = egext::bridge::BridgePlan {
            listen: address(format!("unix:{}", socket.display())),
            server: None,
            upstream: target.expect("a target"),
            own: None,
            credentials: None,
            directory: "certs".into(),
            searched: false,
            connect_wait: Some(Duration::from_secs(5)),
            call_timeout: None,
            drain_timeout: Duration::from_secs(1),
            resync: egext::bridge::ResyncPlan::default(),
            socket: egext::net::SocketAccess::default(),
            callers,
            keepalive: None,
            clock: || time::OffsetDateTime::UNIX_EPOCH,
        };
        let bridge = egext::bridge::Bridge::bind(plan).await.expect("a free path");
        let running = tokio::spawn(async move {
            bridge.run(&Notify::new()).await.expect("nothing fails");
        });
        Self { socket, running, _directory: directory }
    }

    async fn connect(&self) -> UnixStream {
        within_limit(UnixStream::connect(&self.socket)).await.expect("it listens")
    }
}

impl Drop for Impatient {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn raise_our_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the maximum it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_strangers_use_up_neither_connections_nor_descriptors() {
    raise_our_limit();
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start_with_descriptors(1024, &pki, &upstream);
    let served = Caller::over(front.handshake(pki.client_config()).await.expect("let in")).await;
    assert_eq!(served.hook().await.code(), 0);
    let mut silent = Vec::new();
    for _ in 0..1500 {
        silent.push(front.connect().await);
    }
    front.running.wait_for_line("a connection that proved nothing was closed for a newer one");
    let newcomer = front.handshake(pki.client_config()).await.expect("let in");
    assert_eq!(Caller::over(newcomer).await.hook().await.code(), 0);
    // Nor does the bridge lack a descriptor for the server.
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    assert_eq!(served.hook().await.code(), 0, "who was there before is still there");
    drop(silent);
    let (code, log) = front.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("cannot accept"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_failed_handshakes_are_a_few_lines() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = Front::start(&pki, &upstream);
    for _ in 0..1000 {
        let mut stream = front.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        // An alert, and the end. A reset is as good.
        let _ = within_limit(stream.read_to_end(&mut Vec::new())).await;
    }
    let (code, log) = front.running.terminate();
    assert_eq!(code, 0, "{log}");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("TLS handshake failed")).collect();
    let counted = lines.iter().map(|line| match line.split(" times=").nth(1) {
        Some(rest) => rest.split(' ').next().expect("a word").parse::<u64>().expect("a number"),
        None => 1,
    });
    assert_eq!(counted.sum::<u64>(), 1000, "{log}");
    // One at once, one for every ten seconds, one at the end.
    assert!(lines.len() <= 5, "{log}");
    assert!(lines[1].contains("from 127.0.0.1"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_begin_is_let_go() {
    let upstream = Upstream::unix(Call::echo);
    let callers = CallerLimits { preface: Duration::from_millis(50), ..CallerLimits::default() };
    let bridge = Impatient::start(&upstream, callers).await;
    for beginning in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
        let mut stream = bridge.connect().await;
        stream.write_all(beginning).await.expect("sent");
        // Our own SETTINGS may come first.
        within_limit(stream.read_to_end(&mut Vec::new())).await.expect("closed in good order");
    }
}

/// Envoy Gateway has nothing to say for weeks, and answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_caller_stays_as_long_as_it_answers() {
    let upstream = Upstream::unix(Call::echo);
    let callers = CallerLimits { ping_after: Duration::from_millis(10), ..CallerLimits::default() };
    let bridge = Impatient::start(&upstream, callers).await;
    let idle = Caller::over(bridge.connect().await).await;
    let impatient = CallerLimits { ping_limit: Duration::from_millis(50), ..callers };
    let other = Impatient::start(&upstream, impatient).await;

    // Begins HTTP/2, and never answers a PING.
    let mut dead = other.connect().await;
    dead.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let mut heard = Vec::new();
    // A reset is as good an end as any: it has not read everything.
    let _ = within_limit(dead.read_to_end(&mut heard)).await;
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
    assert!(heard.windows(9).any(|frame| frame == ping), "it was asked: {heard:?}");

    // Meanwhile the idle one was asked several times.
    assert_eq!(idle.hook().await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_every_connection_is_a_few_lines() {
    let upstream = Upstream::greeting_only();
    let bridge = Bridge::plaintext(upstream.address()).flag("--connect-wait", "2s").start();
    let caller = Arc::new(bridge.caller().await);
    // Calls want the connection all the time.
    let calling = tokio::spawn({
        let caller = Arc::clone(&caller);
        async move {
            loop {
                assert_eq!(caller.hook().await.code(), 14);
            }
        }
    });
    upstream.wait_for_connections(12).await;
    calling.abort();
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert_eq!(log.matches("connections end as soon as they begin").count(), 1, "{log}");
    assert!(log.lines().count() <= 10, "{log}");
}
