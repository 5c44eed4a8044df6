//! `/metrics` and `/status` are held against the calls that were made.

use tokio::sync::watch;

use super::openmetrics::Metrics;
use crate::fixture::{Admin, Bridge, Call, HOOK, Upstream, answer, grpc_head, post, status};

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Answers with an error if the path says so, waits until it is released if it says that, and echoes otherwise.
fn upstream() -> (Upstream, watch::Sender<bool>) {
    let (release, released) = watch::channel(false);
    let upstream = Upstream::unix(move |mut call: Call| {
        let mut released = released.clone();
        async move {
            match call.request.uri().path() {
                "/test/Wait" => {
                    // An error means that the test is over.
                    let _ = released.wait_for(|released| *released).await;
                    call.echo().await;
                }
                "/test/Fail" => {
                    let mut head = grpc_head();
                    head.headers_mut().extend(status("5"));
                    // Fails when the caller has gone.
                    let _ = call.respond.send_response(head, true);
                }
                _ => call.echo().await,
            }
        }
    });
    (upstream, release)
}

async fn metrics(admin: &Admin) -> Metrics {
    Metrics::parse(&admin.metrics().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_counted_once_by_method_code_and_who_answered() {
    let (upstream, _release) = upstream();
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let caller = bridge.caller().await;
    for _ in 0..3 {
        assert_eq!(caller.call(post(HOOK), "12345").await.code(), 0);
    }
    caller.call(post(CHECK), "").await;
    for invented in ["/test/Fail", "/invented/A", "/invented/B", NEWER_HOOK] {
        caller.call(post(invented), "").await;
    }
    assert_eq!(caller.call(post("/malformed"), "").await.code(), 12);
    let metrics = metrics(&admin).await;
    let of = |method: &str, code: &str, by: &str| {
        let labels = format!("method=\"{method}\",code=\"{code}\",answered_by=\"{by}\"");
        metrics.count(&format!("egext_bridge_calls_total{{{labels}}}"))
    };
    assert_eq!(of("PostRouteModify", "OK", "server"), 3);
    assert_eq!(of("Health/Check", "OK", "server"), 1);
    assert_eq!(of("other_hook", "OK", "server"), 1);
    assert_eq!(of("other", "NOT_FOUND", "server"), 1);
    assert_eq!(of("other", "OK", "server"), 2);
    assert_eq!(of("other", "UNIMPLEMENTED", "bridge"), 1);
    assert_eq!(metrics.of("egext_bridge_calls_total").len(), 6, "and no other: {metrics:#?}");
    for (name, expected) in [
        ("egext_bridge_request_bytes_total", 15),
        ("egext_bridge_response_bytes_total", 15),
        ("egext_bridge_call_duration_seconds_count", 3),
        ("egext_bridge_calls_in_flight", 0),
    ] {
        assert_eq!(metrics.count(&format!("{name}{{method=\"PostRouteModify\"}}")), expected, "{name}");
    }
    let status = admin.status().await;
    let routes = &status["calls"][0];
    assert_eq!(routes["method"], "PostRouteModify");
    assert_eq!(routes["answered_by_server"]["OK"], 3);
    assert_eq!(routes["request_bytes"], 15);
    assert!(routes["duration"]["p50_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{routes}");
    assert_eq!(bridge.running.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_seen_and_so_are_callers_who_go_away() {
    let (upstream, release) = upstream();
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let (stays, goes) = (bridge.caller().await, bridge.caller().await);
    let waiting = stays.send(post("/test/Wait"), "message").await;
    let _lost = goes.send(post("/test/Wait"), "message").await;
    let in_flight = |number: u64| {
        let line = format!("egext_bridge_calls_in_flight{{method=\"other\"}} {number}.0\n");
        move |reply: &crate::fixture::Reply| reply.body.contains(&line)
    };
    admin.wait_for("/metrics", in_flight(2)).await;
    goes.disconnect().await;
    admin.wait_for("/metrics", in_flight(1)).await;
    release.send_replace(true);
    assert_eq!(answer(waiting).await.code(), 0);
    admin.wait_for("/metrics", in_flight(0)).await;
    let metrics = metrics(&admin).await;
    let gone = "egext_bridge_calls_total{method=\"other\",code=\"CANCELLED\",answered_by=\"caller\"}";
    assert_eq!(metrics.count(gone), 1);
    assert_eq!(metrics.count("egext_bridge_call_duration_seconds_count{method=\"other\"}"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_callers_the_levels_are_where_they_were() {
    let (upstream, _release) = upstream();
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let settled = |reply: &crate::fixture::Reply| {
        let metrics = Metrics::parse(&reply.body);
        metrics.count("egext_bridge_connections_open") == 0
            && metrics.count("egext_bridge_calls_in_flight{method=\"PostRouteModify\"}") == 0
    };
    let before = Metrics::parse(&admin.wait_for("/metrics", settled).await.body);
    for _ in 0..50 {
        let caller = bridge.caller().await;
        let abandoned = caller.send(post(HOOK), "message").await;
        drop(abandoned);
        assert_eq!(caller.hook().await.code(), 0);
    }
    let after = Metrics::parse(&admin.wait_for("/metrics", settled).await.body);
    let accepted = "egext_bridge_connections_accepted_total";
    assert_eq!(after.count(accepted) - before.count(accepted), 50);
    let calls = |metrics: &Metrics| {
        metrics.count("egext_bridge_call_duration_seconds_count{method=\"PostRouteModify\"}")
    };
    assert_eq!(calls(&after) - calls(&before), 100);
    // Linux only: `/proc`.
    if cfg!(target_os = "linux") {
        let descriptors = |metrics: &Metrics| metrics.count("process_open_fds");
        assert!(descriptors(&after) <= descriptors(&before) + 2, "{before:?} {after:?}");
        assert!(after.value("process_cpu_seconds_total") > 0.0);
        assert!(after.value("process_resident_memory_bytes") > 1e6);
        assert!(after.value("process_threads") >= 2.0);
    }
}

/// docs/bridge-reference.md names every metric with its type, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_docs_is_what_there_is() {
    let (upstream, _release) = upstream();
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    bridge.caller().await.hook().await;
    let metrics = metrics(&admin).await;
    let docs = include_str!("../../../docs/bridge-reference.md");
    let documented = docs.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(|cell| cell.trim().trim_end_matches('`'));
        let (name, kind) = (cells.next()?, cells.next()?);
        (name.starts_with("egext_bridge_") || name.starts_with("process_")).then_some((name, kind))
    });
    let documented: Vec<_> = documented.collect();
    for (name, kind) in metrics.families() {
        let exposed = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(
            documented.contains(&(exposed.as_str(), kind)),
            "docs/bridge-reference.md lacks `{exposed}`, a {kind}"
        );
    }
    for name in ["egext_bridge_calls_total", "process_start_time_seconds"] {
        assert!(documented.iter().any(|(known, _)| *known == name), "the table is read: {documented:?}");
    }
}

/// And docs/bridge-status.schema.json is what `/status` says.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_the_docs_is_that_of_the_status() {
    let generated = crate::egext(["generate", "status-schema"]).run();
    let stored = include_str!("../../../docs/bridge-status.schema.json");
    assert_eq!(generated.stdout, stored, "write it again: `egext generate status-schema`");
    let (upstream, _release) = upstream();
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    bridge.caller().await.hook().await;
    let status = admin.status().await;
    assert_eq!(status.as_object().expect("an object").keys().next().map(String::as_str), Some("schema"));
    egext_test_support::assert_conforms_to(stored, &status);
}

/// As a later release of Envoy Gateway may have one.
const NEWER_HOOK: &str = "/envoygateway.extension.EnvoyGatewayExtension/PostSecretModify";
