//! Every finding of `probe`, provoked by a real server. A fault that shows at once is reported at once.

mod calls;
mod certificates;
mod connection;
mod healthy;
mod input;

use std::time::Duration;

use egext::report::Id;
use egext_test_support::{Run, assert_finding};
use serde_json::{Value, json};

#[test]
fn every_finding_is_provoked() {
    let tests = [
        include_str!("calls.rs"),
        include_str!("certificates.rs"),
        include_str!("connection.rs"),
        include_str!("healthy.rs"),
    ];
    for id in Id::ALL.iter().map(|id| id.name()).filter(|name| name.starts_with("probe.")) {
        let provoked = tests.iter().any(|text| text.contains(&format!("\"{id}\"")));
        assert_eq!(provoked, !BEYOND_TESTS.contains(&id), "`{id}`");
    }
}

/// One error finding, about this address, on this layer, without waiting for any limit.
fn assert_fault<'a>(run: &'a Run, id: &str, address: &str, layer: &str) -> &'a Value {
    let finding = assert_finding!(run, id, subject = address, severity = "error");
    assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    let failed: Vec<_> = layers(run, 0).into_iter().filter(|(_, state)| *state == "failed").collect();
    assert_eq!(failed, [(layer, "failed")], "{finding:#}");
    assert!(run.duration < AT_ONCE, "{id} took {:?}", run.duration);
    finding
}

/// The same for faults that nothing but a limit brings to light.
fn assert_timeout(run: &Run, id: &str, address: &str) {
    assert_fault(run, id, address, id.split('.').nth(1).expect("a layer"));
}

fn assert_healthy(run: &Run) {
    assert_eq!((run.exit_code, &run.json["status"]), (0, &json!("ok")), "{}", run.stdout);
    assert_eq!(run.json["targets"][0]["healthy"], true);
    assert!(run.findings().is_empty(), "{}", run.stdout);
}

/// Name and state of each layer of a target.
fn layers(run: &Run, target: usize) -> Vec<(&str, &str)> {
    let layers = run.json["targets"][target]["layers"].as_array().expect("a list");
    layers
        .iter()
        .map(|layer| (layer["layer"].as_str().expect("text"), layer["state"].as_str().expect("text")))
        .collect()
}

/// Well below the five seconds of the default limit, well above what a busy machine needs.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A reset in the moment in which a connection opens: a firewall does that, a server cannot do it reliably.
const BEYOND_TESTS: [&str; 1] = ["probe.connect.reset"];
