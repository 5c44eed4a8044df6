use std::time::Duration;

use egext_test_support::{ReservedPort, TestPki, TestServer};
use serde_json::{Value, json};
use snapbox::str;

use super::{assert_at_limit, assert_healthy, every_layer, layers, probe};
use crate::egext;

#[test]
fn a_healthy_mtls_server_passes_every_layer() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

    let run = every_layer(&server.address()).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(
        layers(&run, 0),
        ["resolve", "connect", "tls", "alpn", "mtls", "http2", "grpc", "health", "gateway", "policy"]
            .map(|layer| (layer, "passed"))
    );
    assert_eq!(server.client_certificates(), 1);
    assert_eq!(server.server_names(), [Some("localhost".to_owned())]);
    assert_eq!(server.paths(), ["/grpc.health.v1.Health/Check"], "and no hook");
}

#[test]
fn the_json_of_a_target_has_layers_with_durations() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

    let run = every_layer(&server.address()).pki(&pki).args(["-o", "json"]).run();

    egext_test_support::assert_text(
        run.stdout,
        str![[r#"
{
  "schema": "egext.report/1",
  "command": "probe",
  "status": "ok",
  "exit_code": 0,
  "findings": [],
  "targets": [
    {
      "address": "localhost:[..]",
      "healthy": true,
      "attempts": 1,
      "failed_layer": null,
      "cause": null,
      "milliseconds": [..],
      "layers": [
        {
          "layer": "resolve",
          "state": "passed",
          "detail": "[..]127.0.0.1[..]",
          "milliseconds": [..]
        },
        {
          "layer": "connect",
          "state": "passed",
          "detail": "127.0.0.1:[..]",
          "milliseconds": [..]
        },
        {
          "layer": "tls",
          "state": "passed",
          "detail": "TLS 1.3, X25519MLKEM768, TLS13_AES_256_GCM_SHA384",
          "milliseconds": [..]
        },
        {
          "layer": "alpn",
          "state": "passed",
          "detail": "h2",
          "milliseconds": [..]
        },
        {
          "layer": "mtls",
          "state": "passed",
          "detail": "`egext client` accepted",
          "milliseconds": [..]
        },
        {
          "layer": "http2",
          "state": "passed",
          "detail": "SETTINGS received",
          "milliseconds": [..]
        },
        {
          "layer": "grpc",
          "state": "passed",
          "detail": "answers",
          "milliseconds": [..]
        },
        {
          "layer": "health",
          "state": "passed",
          "detail": "SERVING",
          "milliseconds": [..]
        },
        {
          "layer": "gateway",
          "state": "passed",
          "detail": "certificate and SNI `localhost:[..]` (EG sends the port, too) accepted",
          "milliseconds": [..]
        },
        {
          "layer": "policy",
          "state": "passed",
          "detail": "no certificate: refused, another CA: refused",
          "milliseconds": [..]
        }
      ],
      "facts": {
        "addresses": [
...
          {
            "address": "127.0.0.1:[..]"
          }
        ],
        "tls": {
          "version": "TLS 1.3",
          "key_exchange": "X25519MLKEM768",
          "cipher_suite": "TLS13_AES_256_GCM_SHA384",
          "alpn": "h2"
        },
        "server_certificates": [
          {
            "subject": "egext server",
            "issuer": "egext test CA",
            "serial": "[..]",
            "names": [
              "localhost",
              "127.0.0.1",
              "::1"
            ],
            "not_before": "[..]",
            "not_after": "[..]",
            "days_left": 364,
            "sha256": "[..]"
          }
        ],
        "accepted_authorities": [
          "egext test CA"
        ],
        "client_certificate": {
          "subject": "egext client",
          "issuer": "egext test CA",
          "serial": "[..]",
          "names": [
            "egext-client"
          ],
          "not_before": "[..]",
          "not_after": "[..]",
          "days_left": 364,
          "sha256": "[..]"
        },
        "http2_settings": {
          "max_concurrent_streams": 200,
          "initial_window_size": 1048576,
          "max_frame_size": 16384,
          "max_header_list_size": 16384
        },
        "health": "SERVING"
      }
    }
  ]
}

"#]],
    );
}

/// What was learned before the fault is there all the same.
#[test]
fn a_channel_that_fails_has_facts_too() {
    let pki = TestPki::new().server_expired();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let facts = &run.json["targets"][0]["facts"];
    assert_eq!(facts["server_certificates"][0]["subject"], "egext server");
    // It has expired a day before it was made, which was some seconds ago on a busy machine.
    let left = facts["server_certificates"][0]["days_left"].as_i64();
    assert!(matches!(left, Some(-2 | -1)), "{left:?}");
    assert_eq!(facts["health"], Value::Null);
    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).json();
    let tried = &run.json["targets"][0]["facts"]["addresses"][0];
    assert_eq!(tried["address"], format!("127.0.0.1:{}", port.port()));
    assert!(tried["error"].as_str().is_some_and(|error| error.contains("refused")), "{tried:#}");
    let pki = TestPki::new().client_from_other_ca();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let facts = &run.json["targets"][0]["facts"];
    assert_eq!(facts["client_certificate"]["issuer"], "another CA");
    assert_eq!(facts["accepted_authorities"], json!(["egext test CA"]));
}

#[test]
fn a_person_reads_one_line_a_layer() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();

    let run = every_layer(&server.address()).pki(&pki).run();

    assert_eq!((run.exit_code, &*run.stderr), (0, ""));
    egext_test_support::assert_text(
        run.stdout,
        str![[r"
localhost:[..]
  √ resolve   [..]127.0.0.1[..] ms
  √ connect   127.0.0.1:[..] ms
  √ tls       TLS 1.3, X25519MLKEM768, TLS13_AES_256_GCM_SHA384[..] ms
  √ alpn      h2[..] ms
  √ mtls      `egext client` accepted[..] ms
  √ http2     SETTINGS received[..] ms
  √ grpc      answers[..] ms
  √ health    SERVING[..] ms
  √ gateway   certificate and SNI `localhost:[..]` (EG sends the port, too) accepted[..] ms
  √ policy    no certificate: refused, another CA: refused[..] ms
  healthy after [..] ms

"]],
    );
}

#[test]
fn a_person_reads_where_it_broke_and_what_to_do() {
    let pki = TestPki::new().client_from_other_ca();
    let server = TestServer::mtls(&pki).spawn();

    let run = every_layer(&server.address()).pki(&pki).run();

    assert_eq!((run.exit_code, &*run.stderr), (1, ""));
    egext_test_support::assert_text(
        run.stdout,
        str![[r"
localhost:[..]
  √ resolve   [..]127.0.0.1[..] ms
  √ connect   127.0.0.1:[..] ms
  √ tls       TLS 1.3, X25519MLKEM768, TLS13_AES_256_GCM_SHA384[..] ms
  √ alpn      h2[..] ms
  × mtls      the server rejected our certificate: unknown CA
    sent      our certificate `egext client` was issued by `another CA`
    expected  a certificate of `egext test CA`
    found     alert `unknown_ca`
    hint: give the server our CA as client CA, or use a certificate of a CA that it trusts
  - http2, grpc, health, gateway, policy not reached

1 error (`egext explain probe.client-cert.rejected` says more)

"]],
    );
}

#[test]
fn a_server_that_asks_for_no_certificate_is_healthy() {
    let pki = TestPki::new();
    let server = TestServer::tls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(layers(&run, 0)[4], ("mtls", "noted"));
}

#[test]
fn tls_1_2_is_good_enough() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).only_tls12().spawn();
    assert_healthy(&probe(&server.address()).pki(&pki).json());
}

#[test]
fn an_intermediate_that_the_server_sends_is_used() {
    let pki = TestPki::new().server_chain();
    let server = TestServer::mtls(&pki).spawn();
    assert_healthy(&probe(&server.address()).pki(&pki).json());
}

#[test]
fn plaintext_needs_no_certificates() {
    for server in [TestServer::plaintext().spawn(), TestServer::unix().spawn()] {
        let run = probe(&server.address()).json();
        assert_healthy(&run);
        let absent: Vec<_> = layers(&run, 0).into_iter().filter(|(_, state)| *state == "absent").collect();
        assert!(
            absent.ends_with(&["tls", "alpn", "mtls", "gateway", "policy"].map(|layer| (layer, "absent"))),
            "{absent:?}"
        );
    }
}

#[test]
fn a_server_that_speaks_second_is_waited_for() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).waits_for_preface().spawn();
    assert_healthy(&probe(&server.address()).pki(&pki).json());
    let server = TestServer::plaintext().waits_for_preface().spawn();
    assert_healthy(&probe(&server.address()).json());
}

/// Many do: they are not held up, once it is known that nothing they say can be lost.
#[test]
fn a_server_that_speaks_second_is_healthy_within_a_fifth_of_a_second() {
    let pki = TestPki::new();
    let secure = TestServer::mtls(&pki).waits_for_preface().spawn();
    let plain = TestServer::plaintext().waits_for_preface().spawn();
    let limit = ["--timeout", "200ms"];
    // Envoy Gateway's name in a hello would be refused.
    let secure =
        || egext(["probe", &secure.address(), "--no-gateway"]).args(limit).pki(&pki).json().exit_code;
    let plain = || egext(["probe", &plain.address()]).args(limit).json().exit_code;
    // A busy machine can take that long, but not every time.
    assert!((0..10).any(|_| secure() == 0));
    assert!((0..10).any(|_| plain() == 0));
}

/// What is read first is not lost to a write that fails.
#[test]
fn nothing_is_written_before_the_first_frame_was_waited_for() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).cuts_who_speaks_first().spawn();
    // The patience of both sides can look short on a busy machine, but not every time.
    let healthy = (0..10).any(|_| probe(&server.address()).pki(&pki).json().exit_code == 0);
    assert!(healthy, "the server always heard something before it said anything");
}

#[test]
fn several_targets_are_reported_in_their_order() {
    let pki = TestPki::new();
    let slow = TestServer::mtls(&pki).answers_after(Duration::from_millis(100)).spawn();
    let broken = ReservedPort::new();
    let fast = TestServer::unix().spawn();

    let run = probe(&slow.address()).args([broken.tls_address(), fast.address()]).pki(&pki).json();

    assert_eq!(run.exit_code, 1);
    assert_eq!(run.ids(), ["probe.connect.refused"]);
    let of_all = |key: &str| -> Vec<_> {
        run.json["targets"].as_array().expect("a list").iter().map(|target| target[key].clone()).collect()
    };
    assert_eq!(of_all("address"), [slow.address(), broken.tls_address(), fast.address()]);
    assert_eq!(of_all("healthy"), [true, false, true]);
}

#[test]
fn the_service_that_is_asked_for_is_the_one_that_is_meant() {
    // It would not be healthy if the server as a whole were asked for.
    let server = TestServer::plaintext().not_serving().spawn();
    let service = "envoygateway.extension.EnvoyGatewayExtension";
    assert_healthy(&probe(&server.address()).args(["--service", service]).json());
}

#[test]
fn another_server_name_is_verified_and_sent() {
    let pki = TestPki::new().server_for_other_name();
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&server.address()).args(["--server-name", "other.example"]).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(server.server_names(), [Some("other.example".to_owned())]);
}

#[test]
fn an_address_is_in_the_certificate_too() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let address = format!("127.0.0.1:{}", server.port());
    assert_healthy(&probe(&address).pki(&pki).json());
    assert_eq!(server.server_names(), [None], "RFC 6066: no address as SNI");
}

#[test]
fn files_can_be_named_one_by_one() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&server.address())
        .arg("--ca")
        .arg(pki.ca())
        .arg("--cert")
        .arg(pki.client_certificate())
        .arg("--key")
        .arg(pki.client_key())
        .json();
    assert_healthy(&run);

    let run = probe(&server.address()).env("EGEXT_DIR", pki.directory()).json();
    assert_healthy(&run);
}

#[test]
fn waiting_ends_when_the_server_is_there() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).recovers_after(2).spawn();

    let run = probe(&server.address()).args(["--wait", "1h"]).pki(&pki).json();

    assert_healthy(&run);
    assert_eq!(run.json["targets"][0]["attempts"], 3);
}

#[test]
fn waiting_ends_when_the_server_serves() {
    let server = TestServer::plaintext().not_serving().spawn();
    let probe = probe(&server.address()).args(["--wait", "1h"]).start();
    server.wait_for_calls(2);
    server.set_serving(true);
    let (exit_code, stderr) = probe.finish();
    assert_eq!(exit_code, 0, "{stderr}");
}

#[test]
fn the_wait_bounds_an_attempt_too() {
    let server = TestServer::plaintext().hangs().spawn();
    assert_at_limit("--wait", || probe(&server.address()), "probe.http2.timeout", &server.address());
}

#[test]
fn limits_of_any_length_are_limits() {
    let server = TestServer::plaintext().recovers_after(1).spawn();
    let run = egext(["probe", &server.address(), "--timeout", "999y", "--wait", "999y"]).json();
    assert_healthy(&run);
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let server = TestServer::plaintext().not_serving().spawn();
    // A busy machine may need more than the shortest of them for one attempt.
    for wait in ["300ms", "2s", "10s", "40s"] {
        let calls = server.calls();
        let run = probe(&server.address()).args(["--wait", wait]).json();
        assert_eq!(run.exit_code, 1);
        if server.calls() > calls + 1 && run.finding("probe.health.not-serving").is_some() {
            return;
        }
    }
    panic!("not tried again");
}
