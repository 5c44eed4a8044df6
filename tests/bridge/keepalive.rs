//! A server that nothing is heard of during calls is asked whether it is still there. Between it and the bridge is a relay,
//! which can stand still without closing anything, as load balancers, tunnels and frozen machines do.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tonic::Code;

use crate::admin::Metrics;
use crate::fixture::{Bridge, Call, HOOK, Plan, Reply, Upstream, answer, post, within_limit};
use crate::reload::{held, held_until};

/// Forwards what comes to a server and back.
struct Relay {
    path: PathBuf,
    /// How many connections there were until they all stood still.
    frozen: watch::Sender<usize>,
    /// What the server sends is kept back.
    mute: watch::Sender<bool>,
    /// Of each connection.
    pings: Pings,
    task: JoinHandle<()>,
    _directory: TempDir,
}

impl Relay {
    fn start(upstream: &Upstream) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("relay.sock");
        let listener = UnixListener::bind(&path).expect("a free path");
        let (server, frozen) = (upstream.path(), watch::Sender::new(0));
        let (mute, pings) = (watch::Sender::new(false), Pings::default());
        let task = tokio::spawn({
            let (frozen, never, pings) = (frozen.clone(), watch::Sender::new(false), Arc::clone(&pings));
            let mute = mute.clone();
            async move {
                let mut directions = JoinSet::new();
                for number in 1.. {
                    let (client, _) = listener.accept().await.expect("a connection");
                    let server = UnixStream::connect(&server).await.expect("the server listens");
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    let thaw = |frozen: &watch::Sender<usize>| (number, frozen.subscribe());
                    pings.lock().expect("whole").push(0);
                    let counted = Some(Arc::clone(&pings));
                    let (open, muted) = (never.subscribe(), mute.subscribe());
                    directions.spawn(forward(from_client, to_server, thaw(&frozen), open, counted));
                    directions.spawn(forward(from_server, to_client, thaw(&frozen), muted, None));
                }
            }
        });
        Self { path, frozen, mute, pings, task, _directory: directory }
    }

    fn bridge(&self) -> Plan {
        Bridge::plaintext(&format!("unix:{}", self.path.display()))
    }

    /// The first so many connections stand still from now on.
    fn freeze(&self, connections: usize) {
        self.frozen.send_replace(connections);
    }

    /// How many PING frames came from the client.
    fn pings(&self) -> usize {
        self.pings.lock().expect("whole").iter().sum()
    }

    /// On each connection.
    fn pings_of_each(&self) -> Vec<usize> {
        self.pings.lock().expect("whole").clone()
    }

    async fn wait_for_pings(&self, pings: usize) {
        within_limit(async {
            while self.pings() < pings {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (number, mut frozen): (usize, watch::Receiver<usize>),
    mut mute: watch::Receiver<bool>,
    pings: Option<Pings>,
) {
    let mut octets = vec![0; 16 << 10];
    let stands_still = async { drop(frozen.wait_for(|frozen| *frozen >= number).await) };
    let forwarding = async {
        while let Ok(read @ 1..) = from.read(&mut octets).await {
            if let Some(pings) = &pings {
                let found = octets[..read].windows(PING.len()).filter(|frame| frame == &PING).count();
                pings.lock().expect("whole")[number - 1] += found;
            }
            let is_open = mute.wait_for(|mute| !mute).await.is_ok();
            if !is_open || to.write_all(&octets[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        // What comes after the order to stand still is not passed on.
        biased;
        // Both ends stay open.
        () = stands_still => std::future::pending().await,
        () = forwarding => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stands_still_is_left_and_the_next_call_gets_through() {
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "200ms"), ("--keepalive-timeout", "1s")];
    let mut bridge = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value)).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let call = caller.send(held(), "held").await;
    relay.freeze(1);
    let answer = within_limit(answer(call)).await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    let words =
        "the connection was cut, because the server is silent: no answer to a PING within 1s; hint: restart";
    assert!(answer.words().contains(words), "{answer:?}");
    assert!(answer.words().ends_with("(bridge.upstream.silent)"), "{answer:?}");
    let line = bridge.running.wait_for_line("bridge.upstream.silent");
    assert!(line.contains("no answer to a PING within 1s"), "{line}");
    assert_eq!(caller.hook().await.code(), 0, "over a new connection");
    assert_eq!(upstream.connections(), 2);
}

/// Its successor stands still from the start, so no attempt has a cause before its time is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stood_still_is_told_at_the_admin_address() {
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "200ms"), ("--keepalive-timeout", "1s"), ("--connect-wait", "1h")];
    let plan = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value));
    let (bridge, admin) = plan.start_with_admin();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let call = caller.send(held(), "held").await;
    relay.freeze(2);
    assert_eq!(within_limit(answer(call)).await.code(), Code::Unavailable as i32);

    let lost = admin.wait_for("/readyz", |reply| reply.code == 503).await;
    // Until the next attempt has failed, after seconds.
    if !lost.body.contains("probe.http2.timeout") {
        let words = "the connection was cut, because the server is silent: no answer to a PING within 1s";
        assert!(lost.body.contains(words) && lost.body.contains("(bridge.upstream.silent)"), "{}", lost.body);
    }
    let status = admin.status().await;
    assert_eq!(status["upstream"]["causes"][0]["id"], "bridge.upstream.silent", "{status}");
    assert_eq!(status["upstream"]["ends"], serde_json::json!({"silent": 1}), "{status}");
    assert!(status["upstream"]["failures"]["bridge.upstream.silent"].is_null(), "no attempt: {status}");
    let metrics = Metrics::parse(&admin.metrics().await);
    assert_eq!(metrics.count("egext_bridge_upstream_disconnects_total{cause=\"silent\"}"), 1);
    let page = admin.get("/").await.body;
    assert!(
        page.contains("Why there was no connection") && page.contains("bridge.upstream.silent"),
        "{page}"
    );
}

/// The server has said goodbye, so only its last calls are there, and new ones go over another connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_while_it_drains_is_told_and_counted() {
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "200ms"), ("--keepalive-timeout", "1s")];
    let plan = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value));
    let (mut bridge, admin) = plan.start_with_admin();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    let call = caller.send(held(), "held").await;
    // One that the server has not got yet would be sent again over the next connection.
    upstream.wait_for_calls(2).await;
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    relay.freeze(1);

    let answer = within_limit(answer(call)).await;
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    assert!(answer.words().ends_with("(bridge.upstream.silent)"), "{answer:?}");
    let line = bridge.running.wait_for_line("bridge.upstream.silent");
    let words = "new calls went elsewhere, then the connection was cut, because the server is silent";
    assert!(line.contains(words) && line.contains("no answer to a PING within 1s"), "{line}");
    let is_counted = |reply: &Reply| {
        let metrics = Metrics::parse(&reply.body);
        let count =
            |cause| metrics.count(&format!("egext_bridge_upstream_disconnects_total{{cause=\"{cause}\"}}"));
        count("silent") == 1 && count("goaway") == 1
    };
    admin.wait_for("/metrics", is_counted).await;
    assert_eq!(caller.hook().await.code(), 0, "over the other connection");
    assert_eq!(upstream.connections(), 2);
    let status = admin.status().await;
    assert_eq!(status["upstream"]["state"], "connected", "{status}");
}

/// Health checks of a second, say, and a server that is asked after ten.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_end_before_the_interval_show_a_server_that_stands_still() {
    let upstream = Upstream::unix(Call::echo);
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "1s"), ("--keepalive-timeout", "1s"), ("--call-timeout", "100ms")];
    let mut bridge = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value)).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    relay.freeze(1);
    assert_eq!(caller.hook().await.code(), Code::DeadlineExceeded as i32);
    let line = bridge.running.wait_for_line("bridge.upstream.silent");
    assert!(line.contains("no answer to a PING within 1s"), "{line}");
    assert_eq!(caller.hook().await.code(), 0, "over a new connection");
}

/// A server whose sockets are full takes no PING, and the bridge waits to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_into_nothing_does_not_keep_the_connection() {
    let upstream = Upstream::unix(Call::echo);
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "200ms"), ("--keepalive-timeout", "1s")];
    let bridge = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value)).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    relay.freeze(1);
    // As much as the windows of the server allow.
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(caller.send(post(HOOK), vec![0; 1 << 20]).await);
    }
    for call in calls {
        assert_eq!(within_limit(answer(call)).await.code(), Code::Unavailable as i32);
    }
    assert_eq!(caller.hook().await.code(), 0, "over a new connection");
}

/// grpc-go allows one PING in five minutes during a call, and none without calls. An answer makes it count anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_asked_once_and_an_idle_one_never() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let relay = Relay::start(&upstream);
    let bridge = relay.bridge().flag("--keepalive-interval", "100ms").start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    // Many times the interval.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(relay.pings(), 0, "without a call");
    for asked in 1..=2 {
        let call = caller.send(held(), "held").await;
        relay.wait_for_pings(asked).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(relay.pings(), asked);
        permits.add_permits(1);
        assert_eq!(within_limit(answer(call)).await.code(), 0);
    }
    assert_eq!(upstream.connections(), 1);
}

/// While an old connection comes to its end, calls go over the next one. Neither is asked because of the other's calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_asked_about_its_own_calls() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let relay = Relay::start(&upstream);
    let bridge = relay.bridge().flag("--keepalive-interval", "100ms").start();
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    relay.wait_for_pings(1).await;
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    assert_eq!(caller.hook().await.code(), 0);
    // Many times the interval, in which the new connection has no call.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(relay.pings_of_each(), [1, 0]);
    // As many again, in which it has some, and the server answers them.
    for _ in 0..10 {
        assert_eq!(caller.hook().await.code(), 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(relay.pings_of_each(), [1, 0]);
    permits.add_permits(1);
    assert_eq!(within_limit(answer(call)).await.code(), 0);
}

/// The call goes on here, and is over for the server.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_is_no_reason_to_ask() {
    let upstream = Upstream::unix(|call: Call| async move {
        // More than the caller has room for, and less than it and the bridge have.
        call.reply(vec![0; 3 << 19].into());
    });
    let relay = Relay::start(&upstream);
    let bridge = relay.bridge().flag("--keepalive-interval", "100ms").start();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "").await;
    let unread = within_limit(call).await.expect("a head");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(relay.pings(), 0);
    drop(unread);
}

/// A machine that was suspended finds its own time over, and the answer of the server in its socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_stood_still_itself_does_not_blame_the_server() {
    let permits = Arc::new(Semaphore::new(0));
    let upstream = Upstream::unix(held_until(&permits));
    let relay = Relay::start(&upstream);
    let flags = [("--keepalive-interval", "100ms"), ("--keepalive-timeout", "4s")];
    let bridge = flags.iter().fold(relay.bridge(), |plan, (flag, value)| plan.flag(flag, value)).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    relay.mute.send_replace(true);
    let call = caller.send(held(), "held").await;
    relay.wait_for_pings(1).await;
    bridge.running.stop();
    tokio::time::sleep(Duration::from_millis(4200)).await;
    relay.mute.send_replace(false);
    tokio::time::sleep(Duration::from_millis(200)).await;
    bridge.running.signal(Signal::CONT);
    permits.add_permits(1);
    assert_eq!(within_limit(answer(call)).await.code(), 0);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keepalive_the_limit_of_the_call_counts() {
    let upstream = Upstream::unix(Call::echo);
    let relay = Relay::start(&upstream);
    let plan = relay.bridge().env("EGEXT_KEEPALIVE_INTERVAL", "0s").env("EGEXT_KEEPALIVE_TIMEOUT", "1s");
    let bridge = plan.flag("--call-timeout", "1s").start();
    let caller = bridge.caller().await;
    // Else it may be the next connection that the call goes over.
    assert_eq!(caller.hook().await.code(), 0);
    relay.freeze(1);
    assert_eq!(caller.hook().await.code(), Code::DeadlineExceeded as i32);
    assert_eq!((relay.pings(), upstream.calls()), (0, 1));
}

type Pings = Arc<Mutex<Vec<usize>>>;

/// The head of a PING that is no answer.
const PING: [u8; 9] = [0, 0, 8, 6, 0, 0, 0, 0, 0];
