//! What has happened, on the page.

#![expect(clippy::disallowed_methods, reason = "the test is Envoy Gateway's operator, who writes files")]

use std::fs;
use std::path::Path;

use egext_test_support::TestPki;
use serde_json::Value;

use crate::egext;
use crate::fixture::{Admin, Call, Caller, Reply, Upstream};
use crate::tls_listener::Front;

#[tokio::test(flavor = "multi_thread")]
async fn reloads_and_resyncs_are_listed_together_with_the_newest_first() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| place.path().join(name);
    let (server, resources) = (path("server.sock"), path("resources"));
    fs::create_dir(&resources).expect("ours");
    let pki = TestPki::new();
    let address = |path: &Path| format!("unix:{}", path.display());
    let bridge = egext(["bridge", "--listen", "tls://127.0.0.1:0", "--connect-wait", "200ms"])
        .args(["--upstream", &address(&server), "--admin", &address(&path("admin.sock"))])
        .arg("--resync")
        .arg(&resources)
        .pki(&pki);
    let mut front = Front::run(bridge);
    front.running.wait_for_line("admin server is up");
    let admin = Admin::at(&path("admin.sock"));
    let hook = async || {
        let stream = front.handshake(pki.client_config()).await.expect("accepted");
        Caller::over(stream).await.hook().await.code()
    };

    pki.renew("server");
    let first = admin.wait_for("/status", |reply| status(reply)["reloads"]["loaded"] == 1).await;
    let first = status(&first)["reloads"]["last"]["at"].clone();
    // Times are told in seconds. Strings of one time zone have the order of the times.
    admin.wait_for("/status", |reply| status(reply)["now"].as_str() > first.as_str()).await;
    // The server is down; then it is there, and there is no Gateway.
    assert_eq!(hook().await, 14);
    let _server = Upstream::unix_at(&server, Call::echo);
    admin.wait_for("/status", |reply| status(reply)["resync"]["failed"].as_u64() > Some(0)).await;
    fs::write(resources.join("all.yaml"), GATEWAY).expect("ours");
    // Envoy Gateway sees the marker, and asks.
    admin.wait_for("/healthz", |_| fs::read_dir(&resources).expect("ours").any(is_marker)).await;
    assert_eq!(hook().await, 0);
    // That takes two seconds at least, from the marker on.
    admin.wait_for("/status", |reply| status(reply)["resync"]["done"] == 1).await;
    pki.renew("server");
    admin.wait_for("/status", |reply| status(reply)["reloads"]["loaded"] == 2).await;

    let page = admin.get("/").await.body;
    let mut shown = events(&page);
    // There are several attempts if it takes long until there is a Gateway.
    shown.dedup();
    let expected = [("Reload", "loaded"), ("Resync", "done"), ("Resync", "failed"), ("Reload", "loaded")];
    assert_eq!(shown, expected, "{page}");
}

/// The first text between these two.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once(end))
        .map(|(found, _)| found)
        .unwrap_or_else(|| panic!("no {begin}: {text}"))
}

fn status(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).expect("JSON")
}

fn is_marker(entry: std::io::Result<fs::DirEntry>) -> bool {
    entry.expect("readable").file_name().to_string_lossy().starts_with("egext-resync")
}

/// The rows of the page's list, from above: what it was, and how it ended.
fn events(page: &str) -> Vec<(&str, &str)> {
    let list = between(page, "<h2>Reloads and resyncs</h2>", "</section>");
    let rows = list.split("<tr>").filter(|row| row.contains("<th scope=\"row\">"));
    rows.map(|row| {
        let (_, chip) = row.split_once("<span class=\"chip ").expect("a chip");
        (between(row, "<th scope=\"row\">", "</th>"), between(chip, ">", "</span>"))
    })
    .collect()
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: local }
spec:
  gatewayClassName: eg
  listeners: [{ name: http, protocol: HTTP, port: 80 }]
";
