//! Every finding of `probe`, provoked by a real server. A fault that shows at once is reported at once.

mod answers;
mod calls;
mod calls_flags;
mod certificates;
mod connection;
mod endless;
mod gateway;
mod health_probe;
mod healthy;
mod input;
mod live;
mod managers;
mod outputs;
mod parts;
mod plaintext;
mod policy;
mod resolve;
mod secrets;
mod short_limit;
mod skip;
mod spiffe;
mod uncalled;
mod unseen;
mod wait;
mod watch;

use egext_test_support::{Egext, Run, TestPki, assert_finding};
use serde_json::{Value, json};

use crate::egext;

/// A run of `probe` whose own limit is far beyond that of a test: what it finds, it finds without that limit. Its layers
/// are those of one connection.
fn probe(address: &str) -> Egext {
    egext(["probe", address, "--timeout", "1h", "--no-gateway", "--no-policy"])
}

/// The same with all layers.
fn every_layer(address: &str) -> Egext {
    egext(["probe", address, "--timeout", "1h"])
}

/// With certificates for a target that has TLS; others refuse them.
fn with_pki(probe: Egext, address: &str, pki: &TestPki) -> Egext {
    let is_plaintext = ["tcp:", "unix:"].iter().any(|begin| address.starts_with(begin));
    if is_plaintext { probe } else { probe.pki(pki) }
}

/// One error finding, about this address, on this layer. It says what to do next.
fn assert_fault<'a>(run: &'a Run, id: &str, address: &str, layer: &str) -> &'a Value {
    let finding = assert_finding!(run, id, subject = address, severity = "error");
    assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    let failed: Vec<_> = layers(run, 0).into_iter().filter(|(_, state)| *state == "failed").collect();
    assert_eq!(failed, [(layer, "failed")], "{finding:#}");
    assert!(finding["hint"].is_string(), "{finding:#}");
    finding
}

/// The same for faults that only a limit brings to light: `probe` runs with the flag for it. A busy machine
/// can use up a short limit before the layer in question is reached, so longer ones are tried after it.
fn assert_at_limit(flag: &str, probe: impl Fn() -> Egext, id: &str, address: &str) -> Value {
    let mut run = probe().args([flag, "300ms"]).json();
    for limit in ["1s", "4s", "15s"] {
        if run.finding(id).is_none() && run.ids().iter().any(|id| id.ends_with(".timeout")) {
            run = probe().args([flag, limit]).json();
        }
    }
    assert_fault(&run, id, address, id.split('.').nth(1).expect("a layer")).clone()
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
