//! What a script needs: which part of a channel failed, and every target that can be probed.

use egext_test_support::{ReservedPort, TestPki, TestServer, assert_finding};
use serde_json::json;
use tonic::Code;

use super::{layers, probe, with_pki};
use crate::egext;

#[test]
fn a_script_tells_failures_apart() {
    let pki = TestPki::new();
    let port = ReservedPort::new();
    let other = TestServer::mtls(&TestPki::new()).spawn();
    let broken = TestServer::plaintext().answers_status(Code::Internal).spawn();
    let resting = TestServer::plaintext().not_serving().spawn();
    let healthy = TestServer::mtls(&pki).spawn();
    for (address, layer, cause) in [
        (port.tcp_address(), json!("connect"), json!("probe.connect.refused")),
        (other.address(), json!("tls"), json!("probe.server-cert.unknown-issuer")),
        (broken.address(), json!("grpc"), json!("probe.grpc.status")),
        (resting.address(), json!("health"), json!("probe.health.not-serving")),
        (healthy.address(), json!(null), json!(null)),
    ] {
        let run = with_pki(probe(&address), &address, &pki).json();
        let target = &run.json["targets"][0];
        assert_eq!((&target["failed_layer"], &target["cause"]), (&layer, &cause), "{}", run.stdout);
    }
}

#[test]
fn a_missing_file_stops_only_the_targets_that_need_it() {
    let pki = TestPki::new();
    let first = TestServer::unix().spawn();
    let tls = TestServer::mtls(&pki).spawn();
    let last = TestServer::plaintext().spawn();
    let mixed = || probe(&first.address()).args([tls.address(), last.address()]);

    let run = mixed().args(["--ca", "missing.crt"]).json();
    let finding = assert_finding!(run, "probe.ca.unusable", subject = tls.address(), severity = "error");
    assert!(finding["message"].as_str().is_some_and(|words| words.contains("missing.crt")), "{finding:#}");
    assert!(finding["hint"].is_string(), "{finding:#}");
    let healthy = [0, 1, 2].map(|target| run.json["targets"][target]["healthy"].clone());
    assert_eq!((run.exit_code, healthy), (1, [json!(true), json!(false), json!(true)]));
    assert_eq!(run.json["targets"][1]["address"], tls.address());
    assert!(layers(&run, 1).contains(&("tls", "failed")), "{}", run.stdout);

    let person = mixed().args(["--ca", "missing.crt"]).run();
    assert!(person.stdout.contains("× tls       cannot read `missing.crt`"), "{}", person.stdout);

    let other = TestPki::new();
    let with = |key| mixed().pki(&pki).arg("--cert").arg(pki.client_certificate()).arg("--key").arg(key);
    let run = with(other.client_key()).json();
    assert_finding!(run, "probe.client-cert.key-mismatch", subject = tls.address());
    assert!(layers(&run, 1).contains(&("mtls", "failed")), "{}", run.stdout);
    let run = with("missing.key".into()).json();
    assert_finding!(run, "probe.client-cert.unreadable", subject = tls.address());

    // What every target needs keeps the command from running.
    let run = egext(["probe", &tls.address(), "--ca", "missing.crt"]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{}", run.stderr);
}
