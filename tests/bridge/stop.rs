//! The end of the bridge: nobody who is being served is cut off, and nobody else holds it up.

use std::time::{Duration, Instant};

use bytes::Bytes;
use egext_test_support::Signal;
use http::HeaderValue;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};

use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post, read, within_limit};

/// A server that answers once it is told to, or never.
fn slow() -> (Upstream, watch::Sender<bool>, watch::Receiver<usize>) {
    let (release, released) = watch::channel(false);
    let (begun, seen) = watch::channel(0);
    let upstream = Upstream::unix(move |call: Call| {
        let mut released = released.clone();
        begun.send_modify(|begun| *begun += 1);
        async move {
            // An error means that the test is over.
            if released.wait_for(|released| *released).await.is_ok() {
                call.echo().await;
            }
        }
    });
    (upstream, release, seen)
}

async fn begun(calls: usize, seen: &mut watch::Receiver<usize>) {
    within_limit(seen.wait_for(|begun| *begun >= calls)).await.expect("still serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_under_way_come_to_their_end_and_nobody_new_comes_in() {
    let (upstream, release, mut seen) = slow();
    let mut bridge = Bridge::plaintext(upstream.address()).start();
    let (one, other) = (bridge.caller().await, bridge.caller().await);
    let calls = [one.send(post(HOOK), "one").await, other.send(post(HOOK), "other").await];
    begun(2, &mut seen).await;
    bridge.running.signal(Signal::TERM);
    bridge.running.wait_for_line("stopping");
    UnixStream::connect(bridge.socket()).await.expect_err("nobody new");
    assert!(!bridge.socket().exists());
    release.send_replace(true);
    let [first, second] = calls;
    assert_eq!(answer(first).await.message, "one");
    assert_eq!(answer(second).await.message, "other");
    let (code, log) = bridge.running.finish();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("bridge.drain.cut"), "{log}");
}

/// GOAWAY says which calls were not begun: a client makes those again elsewhere without asking.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_call_that_crosses_the_order_to_stop_is_served_or_told_that_it_was_not() {
    for _ in 0..10 {
        let upstream = Upstream::unix(Call::echo);
        let mut bridge = Bridge::plaintext(upstream.address()).start();
        bridge.running.wait_for_line("connected");
        let caller = bridge.caller().await;
        bridge.running.signal(Signal::TERM);
        if let Ok(mut call) = caller.try_begin(post(HOOK)).await {
            // Fails where the connection has ended since, which the response tells in better words.
            let _ = call.message.send_data(Bytes::from_static(b"just in time"), true);
            match within_limit(call.response).await {
                Ok(response) => assert_eq!(read(&mut response.into_body()).await, "just in time"),
                Err(error) => assert!(error.is_go_away(), "{error}"),
            }
        }
        assert_eq!(bridge.running.finish().0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_to_drain_is_bounded() {
    for fail_on in ["error", "warning"] {
        let (upstream, _release, mut seen) = slow();
        let bridge = Bridge::plaintext(upstream.address())
            .flag("--drain-timeout", "300ms")
            .flag("--fail-on", fail_on)
            .start();
        let caller = bridge.caller().await;
        let _call = caller.send(post(HOOK), "").await;
        begun(1, &mut seen).await;
        let begin = Instant::now();
        let (code, log) = bridge.running.terminate();
        assert_eq!(code, 1, "{log}");
        // 30 s is the default. Nothing but the time tells one limit from the other.
        let possible = Duration::from_millis(300)..Duration::from_secs(30);
        assert!(possible.contains(&begin.elapsed()), "{:?}", begin.elapsed());
        assert!(log.contains("bridge.drain.cut") && log.contains("`--drain-timeout`"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts() {
    let (upstream, _release, mut seen) = slow();
    let mut bridge = Bridge::plaintext(upstream.address()).flag("--drain-timeout", "1h").start();
    let caller = bridge.caller().await;
    let _call = caller.send(post(HOOK), "").await;
    begun(1, &mut seen).await;
    bridge.running.signal(Signal::INT);
    bridge.running.wait_for_line("stopping");
    let (code, log) = bridge.running.interrupt();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("bridge.drain.cut"), "{log}");
}

/// Also one whose answer has begun, and one that waits for a server.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_cut_at_the_end_get_a_status() {
    let (begun, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |mut call: Call| {
        let begun = begun.clone();
        async move {
            let answering = call.request.headers().contains_key("x-answer");
            let _body = answering.then(|| call.open());
            begun.send(()).expect("the test listens");
            std::future::pending::<()>().await;
        }
    });
    for second_signal in [false, true] {
        let limit = if second_signal { "1h" } else { "200ms" };
        let mut bridge = Bridge::plaintext(upstream.address()).flag("--drain-timeout", limit).start();
        let caller = bridge.caller().await;
        let mut answering = post(HOOK);
        answering.headers_mut().insert("x-answer", HeaderValue::from_static("1"));
        let calls = [caller.send(post(HOOK), "message").await, caller.send(answering, "message").await];
        for _ in &calls {
            within_limit(seen.recv()).await.expect("it arrives");
        }
        bridge.running.signal(Signal::TERM);
        bridge.running.wait_for_line("stopping");
        if second_signal {
            bridge.running.signal(Signal::TERM);
        }
        for call in calls {
            let answer = answer(call).await;
            assert_eq!(answer.code(), 14, "{answer:?}");
            assert!(answer.words().contains("the bridge is stopping"), "{answer:?}");
        }
        caller.ended().await;
        let (code, log) = bridge.running.finish();
        assert_eq!(code, 1, "{log}");
        assert!(log.contains("bridge.drain.cut"), "{log}");
    }
}

/// Connections without calls: idle, silent from the start, in the middle of the preface.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_call_under_way_does_not_hold_up_the_end() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).flag("--drain-timeout", "1h").start();
    let _silent = bridge.connect().await;
    let mut half = bridge.connect().await;
    half.write_all(b"PRI * HTTP/2.0\r\n").await.expect("sent");
    let idle = bridge.caller().await;
    assert_eq!(idle.hook().await.code(), 0);
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("bridge.drain.cut"), "{log}");
    idle.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_a_server_are_let_go_with_the_cause() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let nobody = format!("unix:{}", directory.path().join("server.sock").display());
    let mut bridge = Bridge::plaintext(&nobody).flag("--connect-wait", "2s").start();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "").await;
    bridge.running.wait_for_line("probe.connect.socket-missing");
    // Calls are taken in their order: when the second one has its answer, the first one waits.
    let mut impatient = post(HOOK);
    impatient.headers_mut().insert("grpc-timeout", "1m".parse().expect("a timeout"));
    answer(caller.send(impatient, "").await).await;
    bridge.running.signal(Signal::TERM);
    let answer = answer(call).await;
    assert!(answer.words().contains("probe.connect.socket-missing"), "{answer:?}");
    assert_eq!(bridge.running.finish().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_one_json_object_where_it_is_asked_for() {
    let upstream = Upstream::unix(Call::echo);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let listen = format!("unix:{}", directory.path().join("eg.sock").display());
    let mut running = crate::egext(["bridge", "--listen", &listen, "--upstream", upstream.address()])
        .args(["-o", "json"])
        .start();
    running.wait_for_line("bridge is up");
    running.signal(Signal::TERM);
    let line = running.wait_for_line("egext.report/1");
    assert!(line.contains("egext.report/1"));
    assert_eq!(running.finish().0, 0);
}

/// What a terminal sends when it is closed, and what other programs take as an order to read their files again.
#[tokio::test(flavor = "multi_thread")]
async fn signals_that_mean_something_elsewhere_do_not_end_the_bridge() {
    let upstream = Upstream::unix(Call::echo);
    let mut bridge = Bridge::plaintext(upstream.address()).start();
    let caller = bridge.caller().await;
    for _ in 0..2 {
        bridge.running.signal(Signal::HUP);
        bridge.running.wait_for_line("there is nothing to reload: the bridge uses no files of certificates");
        assert_eq!(caller.hook().await.code(), 0);
    }
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2"), (Signal::ALARM, "SIGALRM")] {
        bridge.running.signal(signal);
        bridge.running.wait_for_line(name);
        assert_eq!(caller.hook().await.code(), 0, "{name}");
    }
    let socket = bridge.socket().to_owned();
    assert_eq!(bridge.running.terminate().0, 0);
    assert!(!socket.exists());
}
