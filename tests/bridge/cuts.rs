//! Calls whose connection the bridge ends: they are told why, and counted as answers of the bridge.

use std::sync::Arc;

use egext_test_support::TestPki;
use http::HeaderValue;
use tokio::sync::Semaphore;
use tonic::Code;

use crate::admin::Metrics;
use crate::egext;
use crate::fixture::{Answer, Bridge, Call, HOOK, Plan, Reply, Upstream, answer, post, within_limit};
use crate::reload::{held, held_until};
use crate::tls_listener::Front;

/// Old soon, but not before its calls have begun.
fn short_lived(plan: Plan) -> Plan {
    plan.flag("--max-connection-age", "500ms").flag("--drain-timeout", "100ms")
}

fn assert_told(answer: &Answer, reason: &str) {
    assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
    let words = format!(
        "egext bridge: the call was cut: {reason}, and the call did not finish within `--drain-timeout`"
    );
    assert!(answer.words().contains(&words), "{answer:?}");
}

const OLD: &str = "its connection has reached its greatest age (`--max-connection-age`)";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_an_old_connection_is_told_when_the_drain_timeout_is_over() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    let flags = ["--max-connection-age", "500ms", "--drain-timeout", "100ms", "--log-level", "debug"];
    let mut front = Front::run(egext(arguments).args(flags).pki(&pki));
    let stream = front.handshake(pki.client_config()).await.expect("let in");
    let caller = crate::fixture::Caller::over(stream).await;
    let call = caller.send(held(), "held").await;
    assert_told(&within_limit(answer(call)).await, OLD);
    front.running.wait_for_line("a caller's connection is closed");
    front.running.wait_for_line("its calls did not finish in time after GOAWAY");
    caller.ended().await;
}

/// As at the end of the bridge: also calls that have a part of their answer, and those that wait for a server.
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_in_whatever_they_are_doing() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        let answering = call.request.headers().contains_key("x-answer");
        let _body = answering.then(|| call.open());
        std::future::pending::<()>().await;
    });
    let bridge = short_lived(Bridge::plaintext(upstream.address())).start();
    let caller = bridge.caller().await;
    let mut answering = post(HOOK);
    answering.headers_mut().insert("x-answer", HeaderValue::from_static("1"));
    for call in [caller.send(post(HOOK), "message").await, caller.send(answering, "message").await] {
        assert_told(&within_limit(answer(call)).await, OLD);
    }
    caller.ended().await;

    let directory = tempfile::tempdir().expect("a temporary directory");
    let nobody = format!("unix:{}", directory.path().join("server.sock").display());
    let bridge = short_lived(Bridge::plaintext(&nobody).flag("--connect-wait", "forever")).start();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "").await;
    assert_told(&within_limit(answer(call)).await, OLD);
    caller.ended().await;
}

/// A server that refuses the call again and again: the bridge waits between two attempts.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_sent_again_and_again_is_told() {
    let upstream = Upstream::unix(|mut call: Call| async move {
        call.respond.send_reset(h2::Reason::REFUSED_STREAM);
    });
    let bridge = short_lived(Bridge::plaintext(upstream.address())).start();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "").await;
    assert_told(&within_limit(answer(call)).await, OLD);
}

#[tokio::test(flavor = "multi_thread")]
async fn such_calls_count_as_answers_of_the_bridge() {
    let upstream = Upstream::unix(held_until(&Arc::new(Semaphore::new(0))));
    let (bridge, admin) = short_lived(Bridge::plaintext(upstream.address())).start_with_admin();
    let caller = bridge.caller().await;
    let call = caller.send(held(), "held").await;
    assert_told(&within_limit(answer(call)).await, OLD);
    caller.ended().await;
    let metrics = Metrics::parse(&admin.metrics().await);
    let calls = metrics.of("egext_bridge_calls_total");
    let [(series, count)] = calls[..] else { panic!("{calls:?}") };
    assert!(series.contains("code=\"UNAVAILABLE\"") && series.contains("answered_by=\"bridge\""), "{series}");
    assert!((count - 1.0).abs() < f64::EPSILON, "{count}");
    let status = admin.status().await;
    assert_eq!(status["calls"][0]["caller_gone"], 0, "{status}");
}

/// It stands still: its port accepts connections, and no TLS hello is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_spoke_tls_before_is_not_taken_for_plaintext() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let port = upstream.address().rsplit_once(':').expect("a port").1.to_owned();
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    upstream.die().await;
    bridge.running.wait_for_line("connection ended");
    let silent =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("it was free before");
    let line = bridge.running.wait_for_line("probe.tls.timeout");
    let words = "it has spoken TLS before: restart the server, or what is on the way to it";
    assert!(line.contains(words) && !line.contains("tcp://"), "{line}");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_of_connections_to_the_server_are_counted_by_cause() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let (_bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    upstream.wait_for_connections(1).await;
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    upstream.go_away();
    upstream.wait_for_connections(2).await;
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    pki.renew("client");
    upstream.wait_for_connections(3).await;
    let is_counted = |cause: &'static str| {
        move |reply: &Reply| {
            let series = format!("egext_bridge_upstream_disconnects_total{{cause=\"{cause}\"}}");
            Metrics::parse(&reply.body)
                .of("egext_bridge_upstream_disconnects_total")
                .contains(&(&*series, 1.0))
        }
    };
    admin.wait_for("/metrics", is_counted("goaway")).await;
    admin.wait_for("/metrics", is_counted("replaced")).await;
    upstream.die().await;
    admin.wait_for("/metrics", is_counted("closed")).await;
}
