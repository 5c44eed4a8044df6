//! Results for programs that watch.

use egext_test_support::{ReservedPort, Run, TestPki, TestServer};
use regex::Regex;
use serde_json::Value;

use super::probe;
use crate::egext;

fn prometheus(run: &Run) -> &str {
    let sample = Regex::new(r#"^[a-z_0-9]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e-]+$"#).expect("valid");
    for line in run.stdout.lines() {
        assert!(line.starts_with("# ") || sample.is_match(line), "{line}");
    }
    &run.stdout
}

#[test]
fn numbers_have_the_names_of_blackbox_exporter() {
    let pki = TestPki::new();
    let (server, port) = (TestServer::mtls(&pki).spawn(), ReservedPort::new());
    let (address, refused) = (server.address(), port.tls_address());
    let run = probe(&address).args([&*refused, &address, "-o", "prometheus"]).pki(&pki).run();
    assert_eq!(run.exit_code, 1);
    let metrics = prometheus(&run);
    for line in [
        format!("probe_success{{target=\"{address}\"}} 1\n"),
        format!("probe_success{{target=\"{refused}\"}} 0\n"),
        format!("probe_tls_version_info{{target=\"{address}\",version=\"TLS 1.3\"}} 1\n"),
        format!("probe_grpc_ssl{{target=\"{refused}\"}} 1\n"),
        format!("probe_grpc_status_code{{target=\"{address}\",service=\"\"}} 0\n"),
        format!(
            "probe_grpc_healthcheck_response{{target=\"{address}\",service=\"\",serving_status=\"SERVING\"}} 1\n"
        ),
        format!(
            "probe_grpc_healthcheck_response{{target=\"{address}\",service=\"\",serving_status=\"NOT_SERVING\"}} 0\n"
        ),
        format!("egext_probe_layer_success{{target=\"{address}\",layer=\"health\"}} 1\n"),
        format!("egext_probe_layer_success{{target=\"{refused}\",layer=\"connect\"}} 0\n"),
        "egext_probe_completed 1\n".to_owned(),
    ] {
        assert_eq!(metrics.matches(&line).count(), 1, "{line} in {metrics}");
    }
    for name in ["probe_duration_seconds", "probe_ssl_earliest_cert_expiry", "probe_ip_protocol"] {
        assert!(metrics.contains(&format!("# TYPE {name} gauge\n")), "{name}: {metrics}");
        assert!(metrics.contains(&format!("\n{name}{{target=\"{address}\"}} ")), "{name}: {metrics}");
    }
    for phase in ["resolve", "check"] {
        let begin = format!("probe_grpc_duration_seconds{{target=\"{address}\",phase=\"{phase}\"}} 0.");
        assert!(metrics.contains(&begin), "{metrics}");
    }
    assert!(!metrics.contains(&format!("probe_ssl_earliest_cert_expiry{{target=\"{refused}\"")), "{metrics}");
}

/// A sample that stands twice makes a reader refuse all of them.
#[test]
fn a_service_that_is_named_twice_is_asked_for_once() {
    let server = TestServer::plaintext().spawn();
    let services = ["--service", "a.B", "--service", "", "--service", "a.B"];
    let run = egext(["probe", &server.address(), "-o", "prometheus"]).args(services).run();
    let samples: Vec<_> =
        prometheus(&run).lines().filter(|line| line.starts_with("probe_grpc_status_code{")).collect();
    assert_eq!(samples.len(), 2, "{samples:?}");
}

/// What took long is the layer that failed.
#[test]
fn the_duration_is_that_of_the_whole_attempt() {
    let server = TestServer::plaintext().hangs().spawn();
    let at_least = |seconds: f64, text: &str| {
        let took: f64 = text.trim().parse().expect("a number");
        assert!(took >= seconds, "{text}");
    };
    let run = egext(["probe", &server.address(), "--timeout", "300ms"]);
    let metrics = run.args(["-o", "prometheus"]).run().stdout;
    let begin = format!("probe_duration_seconds{{target=\"{}\"}} ", server.address());
    let line = metrics.lines().find_map(|line| line.strip_prefix(&begin)).expect("it is measured");
    at_least(0.3, line);
    let run = egext(["probe", &server.address(), "--timeout", "300ms"]).json();
    at_least(300.0, &run.json["targets"][0]["milliseconds"].to_string());
}

/// For `awk -F'\t'`, in the order in which the targets were typed.
#[test]
fn a_target_is_one_line_of_fields_between_tabs() {
    let pki = TestPki::new();
    let (server, port) = (TestServer::mtls(&pki).spawn(), ReservedPort::new());
    let plain = TestServer::plaintext().without_health().spawn();
    let targets = [port.tls_address(), server.address(), plain.address()];
    let run = probe(&targets[0]).args(&targets[1..]).args(["-o", "short"]).pki(&pki).run();
    assert_eq!((run.exit_code, &*run.stderr), (1, ""), "{run:?}");
    let lines: Vec<Vec<_>> = run.stdout.lines().map(|line| line.split('\t').collect()).collect();
    let begins = lines.iter().map(|line| line[..4].join(" ")).collect::<Vec<_>>();
    let expected = [
        format!("{} failed connect probe.connect.refused", targets[0]),
        format!("{} ok - -", targets[1]),
        format!("{} ok health probe.health.unimplemented", targets[2]),
    ];
    assert_eq!(begins, expected, "{run:?}");
    assert!(
        lines.iter().all(|line| line.len() == 5 && line.iter().all(|field| !field.is_empty())),
        "{run:?}"
    );
    assert!(lines[0][4].starts_with("connection refused"), "{run:?}");
    let run = probe(&targets[1]).args(["--within", "100%", "-o", "short"]).pki(&pki).run();
    let begin = format!("{}\twarning\ttls\tprobe.server-cert.expiring\t", targets[1]);
    assert!(run.exit_code == 0 && run.stdout.starts_with(&begin), "{run:?}");
}

/// As `ExecStartPost=` and an exec probe of Kubernetes show it.
#[test]
fn quiet_is_one_line_for_each_target_that_is_not_healthy() {
    let pki = TestPki::new().server_expired();
    let (server, port) = (TestServer::mtls(&pki).spawn(), ReservedPort::new());
    let plain = TestServer::plaintext().spawn();
    let several = ["--server-name", "other.example", "-q"];
    let run =
        probe(&server.address()).args([port.tcp_address(), plain.address()]).args(several).pki(&pki).run();
    assert_eq!((run.exit_code, &*run.stderr), (1, ""), "{run:?}");
    let lines: Vec<_> = run.stdout.lines().collect();
    let [expired, refused] = lines[..] else { panic!("{run:?}") };
    assert!(expired.starts_with(&format!("{}: ", server.address())), "{run:?}");
    assert!(expired.ends_with(" (probe.server-cert.expired)"), "{run:?}");
    assert!(refused.starts_with(&format!("{}: connection refused", port.tcp_address())), "{run:?}");
    assert!(refused.ends_with(" (probe.connect.refused)"), "{run:?}");
    let run = probe(&plain.address()).arg("-q").run();
    assert_eq!((run.exit_code, &*run.stdout, &*run.stderr), (0, "", ""));
}

#[test]
fn findings_are_annotations_and_results_of_an_analyser() {
    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).args(["-o", "github"]).run();
    let begin = format!("::error title=probe.connect.refused::{}: connection refused", port.tcp_address());
    assert!(run.stdout.starts_with(&begin), "{run:?}");
    let run = probe(&port.tcp_address()).args(["-o", "sarif"]).run();
    let sarif: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((run.exit_code, &result["ruleId"]), (1, &"probe.connect.refused".into()));
    // Which of several targets it is.
    let words = result["message"]["text"].as_str().expect("words");
    assert!(words.starts_with(&format!("{}: connection refused", port.tcp_address())), "{words}");
    let place = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(place, &port.tcp_address());
}

#[test]
fn the_facts_of_each_layer_are_printed_if_asked_for() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let run = |more: &[&str]| probe(&server.address()).args(more).pki(&pki).run();
    let brief = run(&[]).stdout;
    for words in [
        " TLS13_AES_256_GCM_SHA384, 365 days left ",
        " accepted, 365 days left ",
        " received, 200 calls at once ",
    ] {
        assert!(brief.contains(words), "{words}: {brief}");
    }
    let verbose = run(&["-v"]).stdout;
    assert_eq!(verbose.lines().count(), brief.lines().count() + 4, "{verbose}");
    for words in [
        "\n    presented `egext server` for localhost, 127.0.0.1, ::1, until ",
        " (in 365 days), issued by `egext test CA`\n  √ alpn ",
        "\n    asks for  a certificate of `egext test CA`\n    sent      `egext client` for egext-client, until ",
        "\n    settings  MAX_CONCURRENT_STREAMS 200, INITIAL_WINDOW_SIZE ",
    ] {
        assert!(verbose.contains(words), "{words}: {verbose}");
    }
    // Also of a layer that failed.
    let elsewhere = run(&["-v", "--server-name", "other.example"]).stdout;
    assert!(elsewhere.contains("\n  × tls "), "{elsewhere}");
    assert!(elsewhere.contains("\n    presented `egext server` for localhost, "), "{elsewhere}");
}
