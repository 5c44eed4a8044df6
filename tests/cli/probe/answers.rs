//! What a server answers to the health check, told as what it is.

use egext_test_support::{Manner, Run, TestPki, TestServer, assert_finding};
use serde_json::Value;

use super::{assert_fault, assert_healthy, layers, probe};
use crate::egext;

#[test]
fn only_the_content_types_of_grpc_are_grpc() {
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc+json",
        "application/grpc;charset=utf-8",
        "application/grpc+",
    ] {
        let server = TestServer::plaintext().answers_content_type(content_type).spawn();
        assert_healthy(&probe(&server.address()).json());
    }
    for content_type in [
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
        "application/grpcfoo",
        "application/grpc ",
        "application/json",
        "",
    ] {
        let (run, finding) = fault(TestServer::plaintext().answers_content_type(content_type), "grpc");
        assert_eq!(finding["id"], "probe.grpc.not-grpc", "{content_type}: {}", run.stdout);
        let found = format!("status 200, content type `{content_type}`");
        assert_eq!(finding["evidence"]["found"], found, "{finding:#}");
    }
}

#[test]
fn grpc_web_is_called_by_its_name() {
    let (_, finding) =
        fault(TestServer::plaintext().answers_content_type("application/grpc-web+proto"), "grpc");
    assert_eq!(finding["message"], "the server answers in gRPC-Web, which gRPC clients do not speak");
}

/// grpc-go has looked at it until 1.76, which is in Envoy Gateway 1.6.
#[test]
fn a_status_of_http_beside_an_answer_in_grpc_counts_for_old_releases() {
    let server = TestServer::plaintext().answers_header(":status", "503").spawn();
    let run = probe(&server.address()).json();
    assert_eq!((run.exit_code, run.ids()), (0, vec!["probe.grpc.tolerated"]), "{}", run.stdout);
    let finding =
        assert_finding!(run, "probe.grpc.tolerated", subject = server.address(), severity = "warning");
    let words = "Envoy Gateway accepts the answer, other clients do not: it has the HTTP status 503";
    assert_eq!(finding["message"], words);
    let run = probe(&server.address()).args(["--eg-version", "1.6"]).json();
    let finding = assert_fault(&run, "probe.grpc.not-grpc", &server.address(), "grpc");
    let words = "the server answered in gRPC, but with the HTTP status 503, which some gRPC clients report in its place";
    assert_eq!(finding["message"], words);
    let found = "status 503, content type `application/grpc`, `grpc-status: 0`";
    assert_eq!(finding["evidence"]["found"], found);
}

#[test]
fn a_web_server_or_a_proxy_is_told_by_its_status() {
    let (_, finding) = fault(TestServer::plaintext().answers_page(503, "busy"), "grpc");
    assert_eq!(finding["message"], "an HTTP/2 server answered with status 503, and not in gRPC");
    let hint = |finding: &Value| finding["hint"].as_str().expect("words").to_owned();
    assert!(hint(&finding).contains("does not reach the server behind it"), "{finding:#}");
    let (_, finding) = fault(TestServer::plaintext().answers_page(404, "no route"), "grpc");
    assert!(hint(&finding).starts_with("check the port"), "{finding:#}");
}

#[test]
fn a_message_that_cannot_be_read_is_told_as_such() {
    for (manner, words) in [
        (
            TestServer::plaintext().answers_compressed("snappy"),
            "the server answered OK, but its message is compressed (`snappy`), and no compression was offered",
        ),
        (
            TestServer::plaintext().answers_octets(&[0, 0, 0, 0, 3, 0xff, 0xff, 0xff]),
            "the server answered OK, but its message is no health answer: ",
        ),
        (
            TestServer::plaintext().answers_octets(&[0, 0xff, 0xff, 0xff, 0xff, 8, 1]),
            "the server answered OK, but its message is announced with 4294967295 bytes, and 2 came",
        ),
        (
            TestServer::plaintext().answers_octets(&[0, 0, 0, 0, 9, 8, 1]),
            "the server answered OK, but its message is announced with 9 bytes, and 2 came",
        ),
        (
            TestServer::plaintext().answers_octets(&[0, 0]),
            "the server answered OK, but its message ends within its 5-byte prefix",
        ),
        (TestServer::plaintext().answers_without_message(), "the server answered OK without a message"),
        (
            TestServer::plaintext().answers_octets(&[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 0]),
            "the server answered OK, but 5 bytes follow its message",
        ),
        (
            TestServer::plaintext().answers_octets(&[7, 0, 0, 0, 2, 8, 1]),
            "the server answered OK, but its message begins with the flag 7, which gRPC does not know",
        ),
        (
            TestServer::plaintext()
                .answers_octets(&[[0, 0, 1, 0x86, 0xa0].as_slice(), &[0; 100_000]].concat()),
            "the server's answer is longer than 64KiB",
        ),
    ] {
        let (run, finding) = fault(manner, "grpc");
        assert_eq!(finding["id"], "probe.grpc.invalid-message", "{}", run.stdout);
        let message = finding["message"].as_str().expect("text");
        assert!(message.starts_with(words), "{message}");
        let is_long = words.ends_with("64KiB");
        assert_eq!(finding["hint"].to_string().contains("--max-message-size"), is_long, "{finding:#}");
    }
}

#[test]
fn a_status_of_another_type_is_a_field_that_go_does_not_know() {
    let serving = [0, 0, 0, 0, 7, 0x0d, 1, 0, 0, 0, 8, 1].as_slice();
    assert_healthy(&probe(&TestServer::plaintext().answers_octets(serving).spawn().address()).json());
    let (_, finding) = fault(TestServer::plaintext().answers_octets(&[0, 0, 0, 0, 3, 0x0a, 1, 1]), "health");
    assert_eq!(finding["message"], "the server says UNKNOWN");
}

#[test]
fn a_request_for_which_there_is_no_window_is_told() {
    let long = "x".repeat(70_000);
    for (manner, service, found) in [
        (TestServer::plaintext().gives_no_window(), "", 0),
        (TestServer::plaintext().answers_octets(&[0, 0, 0, 0, 2, 8, 1]), &*long, 65_535),
    ] {
        let server = manner.spawn();

        let run = egext(["probe", &server.address(), "--timeout", "500ms", "--service", service]).json();

        let finding = assert_fault(&run, "probe.grpc.timeout", &server.address(), "grpc");
        assert_eq!(finding["message"], "the server gave no window for the whole request within 500 ms");
        let found = format!("SETTINGS_INITIAL_WINDOW_SIZE {found}, and no WINDOW_UPDATE that suffices");
        assert_eq!(finding["evidence"]["found"], found);
        assert_eq!(server.calls(), 0, "it has no whole request");
    }
}

#[test]
fn a_status_that_is_no_number_is_shown() {
    let (_, finding) = fault(TestServer::plaintext().answers_text("fine", ""), "grpc");
    assert_eq!(finding["id"], "probe.grpc.status");
    assert_eq!(finding["message"], "the server's gRPC status is `fine`, which is no number");
    let (_, finding) = fault(TestServer::plaintext().answers_text("99", "%F0%9F%90%99"), "grpc");
    assert_eq!(finding["message"], "the server answered with the gRPC status 99, which has no name: 🐙");
}

/// The servers of tests/interop/probe/odd_answers_test.go show more of it, beside grpc-go.
#[test]
fn a_status_in_headers_counts_only_if_nothing_follows_them() {
    let server = TestServer::plaintext().answers_header("grpc-status", "14").spawn();
    assert_healthy(&probe(&server.address()).json());
    let (_, finding) = fault(TestServer::plaintext().answers_header("grpc-status", "fine"), "grpc");
    assert_eq!(finding["id"], "probe.grpc.status");
    let (_, finding) = fault(TestServer::plaintext().answers_without_status(), "grpc");
    assert_eq!(finding["id"], "probe.grpc.closed");
    assert_eq!(finding["evidence"]["expected"], "`grpc-status` in the trailers, behind the message");
}

#[test]
fn metadata_that_is_no_base64_ends_the_call_as_in_grpc_go() {
    for (value, is_fine) in [("", true), ("YQ", true), ("YQ==", true), ("a!", false), ("=", false)] {
        let server = TestServer::plaintext().answers_header("x-bin", value).spawn();
        let run = probe(&server.address()).json();
        let expected: &[&str] = if is_fine { &[] } else { &["probe.grpc.malformed"] };
        assert_eq!(run.ids(), expected, "{value}: {}", run.stdout);
    }
}

#[test]
fn a_server_without_an_overall_health_wants_a_service_name() {
    let (run, finding) = fault(TestServer::plaintext().answers_text("5", "unknown service"), "health");
    assert_eq!(finding["id"], "probe.health.unknown-service");
    assert_eq!(finding["message"], "the server's health service has no entry for the server as a whole");
    assert_eq!(finding["hint"], "name a service that it knows: `--service NAME`");
    assert_eq!(layers(&run, 0)[6], ("grpc", "passed"));
}

/// Envoy without a route, and other proxies that speak gRPC: no server was asked.
#[test]
fn an_answer_of_a_proxys_own_is_no_answer_of_a_server() {
    for (headers, found) in [
        (&[("server", "envoy")][..], "`server: envoy`"),
        (&[("via", "1.1 google")], "`via: 1.1 google`"),
        (&[("server", "istio-envoy"), ("via", "2 a")], "`server: istio-envoy`, `via: 2 a`"),
    ] {
        let server = TestServer::plaintext().answers_unimplemented(headers).spawn();
        let run = probe(&server.address()).json();
        assert_eq!((run.exit_code, run.ids()), (0, vec!["probe.health.from-proxy"]), "{}", run.stdout);
        let finding =
            assert_finding!(run, "probe.health.from-proxy", subject = server.address(), severity = "warning");
        assert_eq!(finding["evidence"]["found"], format!("{found}, UNIMPLEMENTED without a message"));
        assert_eq!(probe(&server.address()).args(["--fail-on", "warning"]).run().exit_code, 1);
        let run = probe(&server.address()).run();
        assert!(!run.stdout.contains("healthy"), "{}", run.stdout);
        assert!(run.stdout.contains("\n  reached a proxy after "), "{}", run.stdout);
    }
    // What a server behind the proxy says, or one without a proxy.
    for manner in [
        TestServer::plaintext()
            .answers_unimplemented(&[("server", "envoy"), ("x-envoy-upstream-service-time", "0")]),
        TestServer::plaintext()
            .answers_unimplemented(&[("server", "envoy"), ("grpc-message", "unknown service")]),
        TestServer::plaintext().answers_unimplemented(&[]),
    ] {
        let server = manner.spawn();
        let run = probe(&server.address()).json();
        assert_eq!(run.ids(), ["probe.health.unimplemented"], "{}", run.stdout);
    }
}

/// The words of a bridge are about its own flags: those of a probe would do nothing there.
#[test]
fn the_answer_of_a_bridge_is_told_from_that_of_a_server() {
    let words = "egext bridge: localhost:1: no; hint: start the bridge with `--ca FILE` (probe.server-cert.unknown-issuer)";
    let (run, finding) = fault(TestServer::plaintext().answers_text("9", words), "grpc");
    assert_eq!(finding["id"], "probe.grpc.status", "{}", run.stdout);
    let message = "the bridge answered FAILED_PRECONDITION: localhost:1: no; hint: start the bridge with `--ca FILE` \
                   (probe.server-cert.unknown-issuer)";
    assert_eq!(finding["message"], message);
    let hint = "the bridge works, and its upstream does not: `egext explain probe.server-cert.unknown-issuer` says more";
    assert_eq!(finding["hint"], hint);
    // The id stands at the end, also of words that are too long to be shown.
    let long = format!("egext bridge: {} (probe.tls.alert)", "x".repeat(1200));
    let (_, finding) = fault(TestServer::plaintext().answers_text("14", &long), "grpc");
    assert_eq!(finding["id"], "probe.grpc.unavailable");
    assert_eq!(
        finding["hint"],
        "the bridge works, and its upstream does not: `egext explain probe.tls.alert` says more"
    );
    for words in ["egext bridge: the bridge is stopping", "egext bridge: x (no such id)"] {
        let (_, finding) = fault(TestServer::plaintext().answers_text("14", words), "grpc");
        assert_eq!(finding["hint"], "the bridge works: look at its upstream, and at its log");
    }
}

/// What h2 rejects and grpc-go, so Envoy Gateway, does not.
#[test]
fn what_grpc_go_does_not_look_at_is_a_warning() {
    for (name, value, words) in [
        ("connection", "close", "the field `connection`, which HTTP/2 does not allow"),
        ("transfer-encoding", "chunked", "the field `transfer-encoding`, which HTTP/2 does not allow"),
        ("te", "gzip", "the field `te`, which HTTP/2 does not allow"),
        ("content-length", "100", "`content-length: 100` before a body of 7 bytes"),
        ("content-length", "1", "`content-length: 1` before a body of 7 bytes"),
    ] {
        let server = TestServer::plaintext().answers_header(name, value).spawn();
        let run = probe(&server.address()).json();
        assert_eq!((run.exit_code, run.ids()), (0, vec!["probe.grpc.tolerated"]), "{}", run.stdout);
        let finding = assert_finding!(run, "probe.grpc.tolerated");
        let words = format!(
            "Envoy Gateway accepts the answer where it connects itself, `egext bridge` and other clients do not: it has {words}"
        );
        assert_eq!(finding["message"], words);
        assert!(finding["hint"].to_string().contains("keeps to HTTP/2"), "{finding:#}");
        // Several services, and one answer of the kind.
        let run = probe(&server.address()).args(["--service", "a", "--service", "b"]).json();
        assert_eq!(run.ids(), ["probe.grpc.tolerated"], "{}", run.stdout);
    }
    let server = TestServer::plaintext().answers_header("content-length", "7").spawn();
    assert_healthy(&probe(&server.address()).json());
}

#[test]
fn header_fields_that_no_client_takes_are_named() {
    let long = "a".repeat(2 << 20);
    for (name, value, words) in [
        ("X-Upper-Case", "1", "`X-Upper-Case` has the byte 0x58, which no header field can have"),
        ("x-long", &*long, "2097"),
    ] {
        let (run, finding) = fault(TestServer::plaintext().answers_header(name, value), "grpc");
        assert_eq!(finding["id"], "probe.grpc.malformed", "{}", run.stdout);
        let message = finding["message"].as_str().expect("words");
        let expected = format!("the server's header fields cannot be used: {words}");
        assert!(message.starts_with(&expected), "{message}");
        assert_eq!(
            finding["hint"].to_string().contains("EG reads up to 16 MiB"),
            value.len() > 1,
            "{finding:#}"
        );
    }
}

#[test]
fn what_our_side_ends_is_told_as_ours() {
    // SETTINGS with a window that is too large: the value is in the next part of the frame.
    let settings = [0, 4, 0xff, 0xff, 0xff, 0xff];
    let (run, finding) = fault(TestServer::plaintext().pours_frames(4, &settings), "grpc");
    assert_eq!(finding["id"], "probe.grpc.malformed", "{}", run.stdout);
    let words = "we ended the server's connection: its frames break the rules of HTTP/2";
    assert_eq!(finding["message"], words);
    assert_eq!(finding["evidence"]["found"], "PROTOCOL_ERROR, by our side");
    assert!(finding["evidence"]["expected"].to_string().contains("SETTINGS"), "{finding:#}");
}

#[test]
fn what_the_server_resets_is_told_as_the_servers() {
    let (_, finding) = fault(TestServer::plaintext().resets_calls(), "grpc");
    assert_eq!(finding["id"], "probe.grpc.closed");
    assert_eq!(finding["message"], "the server reset the call");
    assert_eq!(finding["evidence"]["found"], "RST_STREAM, INTERNAL_ERROR");
    let (_, finding) = fault(TestServer::plaintext().goes_away_with(0, ""), "grpc");
    assert_eq!(finding["id"], "probe.grpc.closed");
    assert_eq!(finding["message"], "the server ended the connection in good order before it answered");
    assert_eq!(finding["evidence"]["found"], "GOAWAY, NO_ERROR");
}

#[test]
fn a_refusal_by_a_code_of_http2_is_told_with_the_code() {
    for (manner, id, found) in [
        (TestServer::plaintext().resets_with(7), "probe.grpc.refused", "RST_STREAM, REFUSED_STREAM"),
        (TestServer::plaintext().resets_with(11), "probe.grpc.refused", "RST_STREAM, ENHANCE_YOUR_CALM"),
        (TestServer::plaintext().resets_with(12), "probe.grpc.refused", "RST_STREAM, INADEQUATE_SECURITY"),
        (TestServer::plaintext().resets_with(13), "probe.grpc.not-grpc", "RST_STREAM, HTTP_1_1_REQUIRED"),
        (TestServer::plaintext().resets_with(8), "probe.grpc.closed", "RST_STREAM, CANCEL"),
        (
            TestServer::plaintext().goes_away_with(11, "too_many_pings"),
            "probe.grpc.refused",
            "GOAWAY, ENHANCE_YOUR_CALM: `too_many_pings`",
        ),
        (
            TestServer::plaintext().goes_away_with(2, "out of \u{1b}[31mmemory"),
            "probe.grpc.closed",
            "GOAWAY, INTERNAL_ERROR: `out of \\x1b[31mmemory`",
        ),
    ] {
        let (run, finding) = fault(manner, "grpc");
        assert_eq!(
            (&finding["id"], &finding["evidence"]["found"]),
            (&id.into(), &found.into()),
            "{}",
            run.stdout
        );
    }
}

/// It waits for the call's turn, which never comes.
#[test]
fn a_server_that_allows_no_calls_is_named_before_the_limit() {
    let (_, finding) = fault(TestServer::plaintext().allows_no_calls(), "grpc");
    assert_eq!(finding["id"], "probe.grpc.no-streams");
    assert_eq!(finding["evidence"]["found"], "SETTINGS_MAX_CONCURRENT_STREAMS 0");
}

#[test]
fn a_web_server_that_wants_a_certificate_is_no_proof_of_mtls() {
    let pki = TestPki::new().without_client();
    for status in [400, 403] {
        let server = TestServer::tls_asking(&pki)
            .answers_page(status, "<center>No required SSL certificate was sent</center>")
            .spawn();
        let run = probe(&server.address()).pki(&pki).json();
        assert_fault(&run, "probe.client-cert.required", &server.address(), "mtls");
        let finding = assert_finding!(run, "probe.client-cert.required");
        assert_eq!(finding["evidence"]["found"], format!("status {status}, content type `text/html`"));
    }
}

#[test]
fn a_web_server_that_refuses_our_certificate_in_http_is_understood() {
    let pki = TestPki::new();
    let server =
        TestServer::tls_asking(&pki).answers_page(400, "<center>The SSL certificate error</center>").spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
}

#[test]
fn what_does_not_prove_mtls_does_not_claim_it() {
    let (pki, without) = (TestPki::new(), TestPki::new().without_client());
    for (pki, server, words) in [
        (&pki, TestServer::tls(&pki), "not proven: the server asks for no client certificate"),
        (&without, TestServer::tls(&without), "not proven: the server asks for no client certificate"),
        (
            &without,
            TestServer::tls_asking(&without),
            "not proven: the server asks for a client certificate, and serves us without one",
        ),
    ] {
        let server = server.spawn();
        let run = probe(&server.address()).pki(pki).json();
        assert_healthy(&run);
        assert_eq!(layers(&run, 0)[4], ("mtls", "noted"));
        assert_eq!(run.json["targets"][0]["layers"][4]["detail"], words);
        let run = probe(&server.address()).pki(pki).run();
        assert!(run.stdout.contains("  healthy, without mTLS, after "), "{}", run.stdout);
    }
}

#[test]
fn a_peers_text_does_not_reach_the_terminal_raw() {
    let server = TestServer::plaintext().answers_text("13", "%1B[31mred%7F %C2%9B%E2%80%AE\u{9}end").spawn();
    for run in [probe(&server.address()).args(["--color", "always"]).run(), probe(&server.address()).json()] {
        let text = format!("{}{}", run.stdout, run.stderr).replace("\u{1b}[", "");
        assert!(text.contains("red"), "{text}");
        let raw = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(raw, None, "{text:?}");
        assert!(!run.stdout.contains("\\u001b") && !run.stdout.contains("\\u007f"), "{}", run.stdout);
        // The colours are ours: none of the server's is among them.
        assert!(!run.stdout.contains("\u{1b}[31mred"), "{:?}", run.stdout);
    }
}

/// The only finding of a probe of this server, on this layer.
fn fault(manner: Manner, layer: &str) -> (Run, Value) {
    let server = manner.spawn();
    let run = probe(&server.address()).json();
    let id =
        run.ids().first().map(|id| (*id).to_owned()).unwrap_or_else(|| panic!("healthy: {}", run.stdout));
    let finding = assert_fault(&run, &id, &server.address(), layer).clone();
    (run, finding)
}
