//! Results for programs that watch.

use egext_test_support::{ReservedPort, Run, TestPki, TestServer};
use regex::Regex;
use serde_json::Value;

use super::probe;

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

#[test]
fn findings_are_annotations_and_results_of_an_analyser() {
    let port = ReservedPort::new();
    let run = probe(&port.tcp_address()).args(["-o", "github"]).run();
    let begin = format!("::error title=probe.connect.refused::{}: connection refused", port.tcp_address());
    assert!(run.stdout.starts_with(&begin), "{run:?}");
    let run = probe(&port.tcp_address()).args(["-o", "sarif"]).run();
    let sarif: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (run.exit_code, &sarif["runs"][0]["results"][0]["ruleId"]),
        (1, &"probe.connect.refused".into())
    );
}
