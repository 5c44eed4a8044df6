//! Calls that the server refuses before it looks at them: EG's gRPC makes them again, whatever its configuration says.

use egext_test_support::{Manner, TestServer, assert_finding};
use serde_json::json;

use super::managers::on_a_socket;
use super::{assert_fault, probe};

/// RFC 9113 section 7.
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Of a configuration without a word about retries: after each other status there is no second attempt.
const NO_POLICY: &str = ", retry: {maxAttempts: 2, RetryableStatusCodes: [ABORTED]}";

#[test]
fn a_call_that_was_not_looked_at_is_made_again() {
    for (manner, found, connections) in [
        (TestServer::unix().resets_first_with(REFUSED_STREAM, 1), "RST_STREAM, REFUSED_STREAM", 1),
        (TestServer::unix().goes_away_first(1), "GOAWAY, NO_ERROR", 2),
    ] {
        let server = manner.spawn();
        let run = on_a_socket(&server, "", NO_POLICY).probe().json();
        let finding = assert_finding!(run, "probe.grpc.repeated", subject = server.address());
        assert_eq!(
            (&finding["severity"], &finding["evidence"]),
            (&"warning".into(), &json!({"found": found}))
        );
        assert_eq!(
            (run.exit_code, server.calls(), server.connections()),
            (0, 2, connections),
            "{}",
            run.stdout
        );
        let target = &run.json["targets"][0];
        assert_eq!(target["healthy"], true);
        assert_eq!(target["layers"][6]["detail"], format!("answers, at attempt 2, after {found}"));

        let human = on_a_socket(&server, "", NO_POLICY).probe().run();
        assert!(!human.stdout.contains("probe.grpc.repeated"), "it was so at first only: {}", human.stdout);
    }
}

#[test]
fn it_is_told_where_it_belongs() {
    let server = TestServer::unix().resets_first_with(REFUSED_STREAM, 1).spawn();
    let run = on_a_socket(&server, "", "").probe().run();
    assert!(run.stdout.contains("\n  ‼ grpc"), "{}", run.stdout);
    let server = TestServer::unix().resets_first_with(REFUSED_STREAM, 1).spawn();
    assert_eq!(on_a_socket(&server, "", "").probe().args(["--fail-on", "warning"]).run().exit_code, 1);
}

/// Whether the call had left us then or not.
#[test]
fn connections_that_end_before_the_call_are_replaced() {
    for (connections, policy) in [(1, NO_POLICY), (3, "")] {
        let server = TestServer::unix().goes_away_at_first(connections).spawn();
        let run = on_a_socket(&server, "", policy).probe().json();
        let finding = assert_finding!(run, "probe.grpc.repeated", subject = server.address());
        assert_eq!(finding["evidence"]["found"], "GOAWAY, NO_ERROR");
        let seen = (run.exit_code, server.calls(), server.connections());
        assert_eq!(seen, (0, 1, connections + 1), "{}", run.stdout);
    }
}

/// The second time the configuration counts, and it does not count the first.
#[test]
fn a_server_that_refuses_again_fails() {
    let quick = ", retry: {maxAttempts: 3, initialBackoff: 1ms, maxBackoff: 2ms}";
    let refuses = |calls| -> [Manner; 2] {
        [
            TestServer::unix().resets_first_with(REFUSED_STREAM, calls),
            TestServer::unix().goes_away_first(calls),
        ]
    };
    for manner in refuses(3) {
        let server = manner.spawn();
        let run = on_a_socket(&server, "", quick).probe().json();
        assert_eq!((run.exit_code, server.calls()), (0, 4), "{}", run.stdout);
    }
    for manner in refuses(4) {
        let server = manner.spawn();
        let run = on_a_socket(&server, "", quick).probe().json();
        let finding = &run.findings()[0];
        assert_eq!((run.exit_code, server.calls()), (1, 4), "{}", run.stdout);
        assert_eq!(
            finding["evidence"]["effect"],
            "EG makes 3 attempts; then the hook fails, and EG publishes no new configuration"
        );
    }
    for manner in refuses(2) {
        let server = manner.spawn();
        let run = on_a_socket(&server, "", NO_POLICY).probe().json();
        assert_eq!((run.exit_code, server.calls()), (1, 2), "{}", run.stdout);
    }
}

/// Other codes are about a call that the server may have looked at: they have a status of gRPC, and the configuration counts.
#[test]
fn other_resets_are_left_to_the_configuration() {
    let manner = || TestServer::unix().resets_first_with(ENHANCE_YOUR_CALM, 1);
    let server = manner().spawn();
    let run = on_a_socket(&server, "", "").probe().json();
    let finding = assert_finding!(run, "probe.grpc.refused", subject = server.address());
    let effect = finding["evidence"]["effect"].as_str().expect("words");
    assert!(effect.starts_with("EG does not try again after RESOURCE_EXHAUSTED; "), "{effect}");
    assert_eq!(server.calls(), 1);

    let server = manner().spawn();
    let codes = ", retry: {maxAttempts: 2, initialBackoff: 1ms, RetryableStatusCodes: [RESOURCE_EXHAUSTED]}";
    let run = on_a_socket(&server, "", codes).probe().json();
    assert_eq!((run.exit_code, run.ids(), server.calls()), (0, vec![], 2), "{}", run.stdout);

    // UNAVAILABLE, and on a new connection.
    let server = TestServer::unix().cuts_during_call().spawn();
    let run = on_a_socket(&server, "", ", retry: {maxAttempts: 3, initialBackoff: 1ms}").probe().json();
    assert_finding!(run, "probe.grpc.closed", subject = server.address());
    assert_eq!((run.exit_code, server.calls(), server.connections()), (1, 3, 3), "{}", run.stdout);
}

/// The probe itself is no client of gRPC, and says what it sees.
#[test]
fn without_the_configuration_a_call_is_made_once() {
    let goodbye = "GOAWAY, NO_ERROR";
    for (manner, id, found) in [
        (
            TestServer::plaintext().resets_first_with(REFUSED_STREAM, 1),
            "probe.grpc.refused",
            "RST_STREAM, REFUSED_STREAM",
        ),
        (TestServer::plaintext().goes_away_first(1), "probe.grpc.closed", goodbye),
        (TestServer::plaintext().goes_away_at_first(1), "probe.grpc.closed", goodbye),
    ] {
        let server = manner.spawn();
        let run = probe(&server.address()).json();
        let finding = assert_fault(&run, id, &server.address(), "grpc");
        assert_eq!(finding["evidence"]["found"], found, "{}", run.stdout);
        assert_eq!(server.connections(), 1);
    }
}

/// grpc-health-probe is one of gRPC for Go.
#[test]
fn in_place_of_grpc_health_probe_it_is_made_again() {
    for manner in [
        TestServer::plaintext().resets_first_with(REFUSED_STREAM, 1),
        TestServer::plaintext().goes_away_first(1),
    ] {
        let server = manner.spawn();
        let address = format!("127.0.0.1:{}", server.port());
        let run = crate::egext(["probe", "--compat", "grpc-health-probe", "-addr", &address]).run();
        assert_eq!((run.exit_code, &*run.stderr), (0, "status: SERVING\n"), "{run:?}");
    }
}
