//! The state of the bridge, as `/readyz`, `/status`, `/metrics` and the page tell it: always the same.

use std::time::{Duration, Instant};

use egext_test_support::{Signal, TestPki};
use tokio::sync::watch;

use super::openmetrics::Metrics;
use crate::fixture::{Bridge, Call, HOOK, Upstream, answer, post};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_told_with_cause_and_hint_until_it_is_back() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let address = format!("unix:{}", path.display());
    let (bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "200ms").start_with_admin();
    assert_eq!(admin.get("/healthz").await.code, 200, "the process is alive");
    let failing =
        admin.wait_for("/readyz", |reply| reply.body.contains("probe.connect.socket-missing")).await;
    assert_eq!(failing.code, 503, "{failing:?}");
    assert!(failing.body.starts_with("not ready\nreason: unix:"), "{}", failing.body);
    assert!(failing.body.contains("\n  hint: start the program"), "{}", failing.body);
    assert_ne!(bridge.caller().await.hook().await.code(), 0);
    let status = admin.status().await;
    assert_eq!(status["upstream"]["state"], "failing");
    assert_eq!(status["upstream"]["cause"]["id"], "probe.connect.socket-missing");
    assert_eq!(status["ready"], false);
    assert!(
        status["upstream"]["failures"]["probe.connect.socket-missing"]
            .as_u64()
            .is_some_and(|times| times > 0)
    );
    let metrics = Metrics::parse(&admin.metrics().await);
    assert_eq!(metrics.count("egext_bridge_ready"), 0);
    assert_eq!(metrics.count("egext_bridge_upstream_state{state=\"failing\"}"), 1);
    assert_eq!(metrics.count("egext_bridge_upstream_state{state=\"connected\"}"), 0);
    assert!(
        metrics.count("egext_bridge_upstream_connect_failures_total{cause=\"probe.connect.socket-missing\"}")
            > 0
    );
    let page = admin.get("/").await.body;
    assert!(page.contains("<title>Failing") && page.contains("probe.connect.socket-missing"), "{page}");

    let _upstream = Upstream::unix_at(&path, Call::echo);
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    let metrics = Metrics::parse(&admin.metrics().await);
    assert_eq!(metrics.count("egext_bridge_ready"), 1);
    assert_eq!(metrics.count("egext_bridge_upstream_connects_total"), 1);
    assert_eq!(metrics.count("egext_bridge_upstream_state{state=\"connected\"}"), 1);
    assert!(admin.get("/").await.body.contains("<title>Connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_held_are_seen_until_the_server_is_there() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let address = format!("unix:{}", path.display());
    let (bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "1h").start_with_admin();
    let caller = bridge.caller().await;
    let held = [caller.send(post(HOOK), "").await, caller.send(post(HOOK), "").await];
    admin.wait_for("/metrics", |reply| reply.body.contains("egext_bridge_calls_held 2.0\n")).await;
    assert!(admin.status().await["upstream"]["held_since"].is_string());
    assert!(admin.get("/").await.body.contains("<b>2 calls</b> held since"));
    let metrics = Metrics::parse(&admin.metrics().await);
    assert!(metrics.value("egext_bridge_calls_held_since_timestamp_seconds") > 0.0);
    assert_eq!(metrics.count("egext_bridge_calls_in_flight{method=\"PostRouteModify\"}"), 2);
    let _upstream = Upstream::unix_at(&path, Call::echo);
    for call in held {
        assert_eq!(answer(call).await.code(), 0);
    }
    admin.wait_for("/metrics", |reply| reply.body.contains("egext_bridge_calls_held 0.0\n")).await;
}

/// The cause is told as soon as an attempt has failed, not when calls begin to fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_cause_is_told_while_the_bridge_is_still_connecting() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let address = format!("unix:{}", directory.path().join("server.sock").display());
    let (_bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "1h").start_with_admin();
    admin.wait_for("/status", |reply| reply.body.contains("probe.connect.socket-missing")).await;
    let ready = admin.get("/readyz").await;
    let status = admin.status().await;
    // For six seconds. On a machine that is slower than that the test shows nothing.
    if status["upstream"]["state"] == "connecting" {
        assert!(ready.body.contains("probe.connect.socket-missing"), "{}", ready.body);
        assert_eq!(status["upstream"]["cause"]["id"], "probe.connect.socket-missing", "{status}");
    }
}

/// Calls pass again, and Envoy Gateway is left with what it made of the errors.
#[tokio::test(flavor = "multi_thread")]
async fn a_resync_that_is_needed_and_fails_is_a_warning_of_readiness() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let resources = tempfile::tempdir().expect("a temporary directory");
    let (bridge, admin) = Bridge::plaintext(&format!("unix:{}", path.display()))
        .flag("--connect-wait", "200ms")
        .flag("--resync", resources.path().display().to_string())
        .start_with_admin();
    assert_eq!(bridge.caller().await.hook().await.code(), 14);
    let _upstream = Upstream::unix_at(&path, Call::echo);
    let ready = admin.wait_for("/readyz", |reply| reply.body.contains("bridge.resync.no-gateway")).await;
    assert_eq!(ready.code, 200, "{ready:?}");
    assert!(ready.body.starts_with("ready\nwarning: "), "{}", ready.body);
}

/// What waits for the upstream has attempts made without long pauses, but not without any.
#[tokio::test(flavor = "multi_thread")]
async fn a_resync_that_waits_for_the_server_does_not_hammer_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let resources = tempfile::tempdir().expect("a temporary directory");
    let address = format!("unix:{}", directory.path().join("server.sock").display());
    let (bridge, admin) = Bridge::plaintext(&address)
        .flag("--connect-wait", "200ms")
        .flag("--resync", resources.path().display().to_string())
        .start_with_admin();
    assert_eq!(bridge.caller().await.hook().await.code(), 14);
    let failures = |status: &serde_json::Value| status["upstream"]["causes"][0]["times"].as_u64();
    let reached = |number: u64| {
        move |reply: &crate::fixture::Reply| {
            let status = serde_json::from_str(&reply.body).expect("JSON");
            failures(&status).is_some_and(|times| times >= number)
        }
    };
    // The first pauses are short.
    admin.wait_for("/status", reached(10)).await;
    let begin = Instant::now();
    admin.wait_for("/status", reached(22)).await;
    // A pause is at least 125 ms long then.
    assert!(begin.elapsed() > Duration::from_millis(1200), "{:?}", begin.elapsed());
}

/// It accepts connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_not_ready() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&path).expect("a free path");
    let address = format!("unix:{}", path.display());
    let (_bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "300ms").start_with_admin();
    let first = admin.get("/readyz").await;
    assert_eq!(first.code, 503, "{first:?}");
    let failing = admin.wait_for("/readyz", |reply| reply.body.contains("probe.http2.timeout")).await;
    assert_eq!(failing.code, 503);
}

/// Its successor accepts connections and says nothing, so no attempt has failed yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ended_is_told_from_one_that_never_was() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [path, other] = ["server.sock", "next.sock"].map(|name| directory.path().join(name));
    let address = format!("unix:{}", path.display());
    let first = Upstream::unix_at(&path, Call::echo);
    let (_bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "1h").start_with_admin();
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    let _silent = std::os::unix::net::UnixListener::bind(&other).expect("a free path");
    #[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
    std::fs::rename(&other, &path).expect("ours");
    drop(first);
    let lost = admin.wait_for("/readyz", |reply| reply.code == 503).await;
    assert!(!lost.body.contains("there is no connection to"), "{}", lost.body);
    // Until the attempt fails, after seconds. On a machine that is slower than that the test shows only this.
    if !lost.body.contains("probe.http2.timeout") {
        let ended = format!("reason: the connection to `{address}` ended, and the bridge connects again\n");
        assert!(lost.body.contains(&ended), "{}", lost.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_until_the_last_call_has_ended_and_says_that_the_bridge_stops() {
    let (release, released) = watch::channel(false);
    let upstream = Upstream::unix(move |call: Call| {
        let mut released = released.clone();
        async move {
            // An error means that the test is over.
            if released.wait_for(|released| *released).await.is_ok() {
                call.echo().await;
            }
        }
    });
    let (mut bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let caller = bridge.caller().await;
    let call = caller.send(post(HOOK), "message").await;
    admin
        .wait_for("/metrics", |reply| reply.body.contains("in_flight{method=\"PostRouteModify\"} 1.0"))
        .await;
    bridge.running.signal(Signal::TERM);
    bridge.running.wait_for_line("stopping");
    let draining = admin.get("/readyz").await;
    assert_eq!(draining.code, 503, "{draining:?}");
    assert!(draining.body.contains("reason: the bridge is stopping"), "{}", draining.body);
    assert_eq!(admin.status().await["phase"], "draining");
    assert!(admin.get("/").await.body.contains("<title>Stopping"));
    assert_eq!(admin.get("/healthz").await.code, 200);
    release.send_replace(true);
    assert_eq!(answer(call).await.code(), 0);
    assert_eq!(bridge.running.finish().0, 0);
}

/// Names of files, causes and certificates may be markup.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_no_markup() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hostile = "<script>alert('1')</script>\"&";
    let address = format!("unix:{}", directory.path().join(hostile.replace('/', "_")).display());
    let (_bridge, admin) = Bridge::plaintext(&address).flag("--connect-wait", "200ms").start_with_admin();
    admin.wait_for("/status", |reply| reply.body.contains("socket-missing")).await;
    let page = admin.get("/").await.body;
    assert_eq!(page.matches("<script>").count(), 1, "only ours: {page}");
    assert!(!page.contains("alert('1')") && page.contains("alert(&#39;1&#39;)"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_a_reason() {
    let pki = TestPki::new().client_expired();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let (_bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    let reply = admin.wait_for("/readyz", |reply| reply.body.contains("(certs.expired)")).await;
    assert_eq!(reply.code, 503, "{reply:?}");
    assert!(reply.body.contains("hint: renew it"), "{}", reply.body);
    let page = admin.get("/").await.body;
    assert!(page.contains("<span class=\"chip error\">expired</span>"), "{page}");
    let status = admin.status().await;
    assert_eq!(status["certificates"][0]["role"], "client");
    assert_eq!(status["certificates"][0]["validity"], "expired");
    assert!(status["certificates"][0]["days_left"].as_i64().is_some_and(|days| days < 0), "{status:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_their_reloads_are_shown() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let (bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    let shown = Metrics::parse(&admin.metrics().await);
    let certificates = shown.of("egext_bridge_certificate_not_after_timestamp_seconds");
    let of = |role: &str| certificates.iter().filter(|(series, _)| series.contains(role)).count();
    assert_eq!((of("role=\"client\""), of("role=\"ca\""), certificates.len()), (1, 1, 2), "{certificates:?}");
    assert_eq!(shown.count("egext_bridge_reloads_total{result=\"loaded\"}"), 0);
    let before = admin.status().await["certificates"][0]["fingerprint"].clone();
    pki.renew("client");
    bridge.running.signal(Signal::HUP);
    let loaded = "egext_bridge_reloads_total{result=\"loaded\"} 1\n";
    admin.wait_for("/metrics", |reply| reply.body.contains(loaded)).await;
    let status = admin.status().await;
    assert_ne!(status["certificates"][0]["fingerprint"], before);
    assert_eq!(status["reloads"]["loaded"], 1);
    // The files may have been seen before the signal came, which then found nothing new.
    let last = status["reloads"]["last"]["outcome"].as_str();
    assert!(matches!(last, Some("loaded" | "unchanged")), "{status:#}");
    assert!(admin.get("/").await.body.contains("Reloads and resyncs"));

    #[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
    std::fs::write(pki.client_key(), "garbage").expect("writable");
    bridge.running.signal(Signal::HUP);
    let warned = admin.wait_for("/readyz", |reply| reply.body.contains("warning: ")).await;
    assert_eq!(warned.code, 200, "the old ones serve: {warned:?}");
    assert!(warned.body.contains("\n  hint: "), "{}", warned.body);
    let reloads = &admin.status().await["reloads"];
    let recent = reloads["recent"].as_array().expect("a list");
    assert_eq!(recent.last(), Some(&reloads["last"]), "{reloads:#}");
    assert!(recent.iter().any(|event| event["outcome"] == "loaded"), "{reloads:#}");
    assert_eq!(reloads["last"]["finding"]["id"], "bridge.reload.failed", "{reloads:#}");
}

/// What has happened stays visible, however often a manager asks for a reload; and there is an end to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_reloads_are_kept_and_no_more() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let (bridge, admin) = Bridge::mtls(upstream.address(), &pki).start_with_admin();
    let unchanged = |number: u64| format!("egext_bridge_reloads_total{{result=\"unchanged\"}} {number}\n");
    let loaded = |number: u64| format!("egext_bridge_reloads_total{{result=\"loaded\"}} {number}\n");
    let outcomes = async || {
        let status = admin.status().await;
        let recent = status["reloads"]["recent"].as_array().expect("a list").clone();
        recent.iter().map(|event| event["outcome"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    pki.renew("client");
    admin.wait_for("/metrics", |reply| reply.body.contains(&loaded(1))).await;
    for number in 1..=3 {
        bridge.running.signal(Signal::HUP);
        admin.wait_for("/metrics", |reply| reply.body.contains(&unchanged(number))).await;
    }
    assert_eq!(outcomes().await, ["loaded", "unchanged"]);
    // Usually both are of the same second.
    let page = admin.get("/").await.body;
    let of = |outcome: &str| page.find(&format!("<span class=\"chip ok\">{outcome}</span>"));
    assert!(of("unchanged").is_some() && of("unchanged") < of("loaded"), "the newest first: {page}");
    for number in 2..=12 {
        pki.renew("client");
        admin.wait_for("/metrics", |reply| reply.body.contains(&loaded(number))).await;
    }
    assert_eq!(outcomes().await, ["loaded"; 10]);
}
