//! Findings that are known and left out.

use egext_test_support::{TestPki, TestServer};

use super::probe;

#[test]
fn a_skipped_warning_changes_nothing_else() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let run = |more: &[&str]| {
        probe(&server.address())
            .args(["--within", "100%", "--fail-on", "warning"])
            .args(more)
            .pki(&pki)
            .json()
    };
    assert_eq!(run(&[]).exit_code, 1);
    let both = ["--skip", "probe.server-cert.expiring", "--skip", "probe.client-cert.expiring"];
    let skipped = run(&both);
    assert_eq!((skipped.exit_code, skipped.findings()), (0, &[][..]), "{skipped:?}");
    assert_eq!(skipped.json["targets"][0]["healthy"], true);
    let variable = probe(&server.address())
        .args(["--within", "100%", "--fail-on", "warning"])
        .env("EGEXT_SKIP", "probe.server-cert.expiring, probe.client-cert.expiring")
        .pki(&pki)
        .run();
    assert_eq!(variable.exit_code, 0, "{variable:?}");
}

#[test]
fn a_skipped_error_makes_no_target_healthy() {
    let server = TestServer::plaintext().not_serving().spawn();
    let run = || probe(&server.address()).args(["--skip", "probe.health.not-serving"]);
    let human = run().run();
    assert_eq!(human.exit_code, 0, "{human:?}");
    assert!(human.stdout.contains("  - health    skipped: "), "{human:?}");
    assert!(human.stdout.contains("(probe.health.not-serving)\n"), "{human:?}");
    assert!(human.stdout.ends_with("\n  not healthy, but every error is skipped\n"), "{human:?}");
    let json = run().json();
    let target = &json.json["targets"][0];
    assert_eq!((json.exit_code, json.findings()), (0, &[][..]), "{json:?}");
    assert_eq!((&target["healthy"], &target["cause"]), (&false.into(), &().into()), "{json:?}");
    let health =
        target["layers"].as_array().and_then(|layers| layers.iter().find(|it| it["layer"] == "health"));
    assert_eq!(health.expect("every layer")["state"], "ignored", "{json:?}");
    let short = run().args(["-o", "short"]).run();
    assert_eq!(short.stdout, format!("{}\tskipped\thealth\t-\t-\n", server.address()));
    let metrics = run().args(["-o", "prometheus"]).run();
    assert!(metrics.stdout.contains(&format!("probe_success{{target=\"{}\"}} 0\n", server.address())));
    let junit = run().args(["-o", "junit"]).run();
    assert!(junit.exit_code == 0 && junit.stdout.contains("its finding is skipped"), "{junit:?}");
}

/// Of several faults of one layer.
#[test]
fn what_is_not_skipped_is_the_cause() {
    let pki = TestPki::new().server_expired();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address())
        .args(["--server-name", "other.example", "--skip", "probe.server-cert.expired"])
        .pki(&pki)
        .json();
    let target = &run.json["targets"][0];
    assert_eq!(run.exit_code, 1, "{run:?}");
    assert_eq!(target["failed_layer"], "tls", "{run:?}");
    assert_eq!(target["cause"], "probe.server-cert.name-mismatch", "{run:?}");
}

#[test]
fn an_id_that_is_none_gets_the_nearest() {
    let run = probe("127.0.0.1:1").args(["--skip", "probe.helth.not-serving"]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    assert_eq!(
        run.stderr,
        "error: no finding is called `probe.helth.not-serving`\n  \
         hint: did you mean `probe.health.not-serving`? `egext explain` lists all ids\n"
    );
}

#[test]
fn a_skipped_error_is_not_waited_for() {
    let server = TestServer::plaintext().not_serving().spawn();
    let run = || probe(&server.address()).args(["--wait", "1h", "--skip", "probe.health.not-serving"]);
    let skipped = run().json();
    assert_eq!((skipped.exit_code, &*skipped.stderr), (0, ""), "{skipped:?}");
    assert_eq!((&skipped.json["targets"][0]["healthy"], server.calls()), (&false.into(), 1));
    // Another one is.
    let server = TestServer::plaintext().not_serving().recovers_after(1).spawn();
    let recovered =
        probe(&server.address()).args(["--wait", "1h", "--skip", "probe.health.not-serving"]).json();
    assert_eq!(
        (recovered.exit_code, &recovered.json["targets"][0]["attempts"]),
        (0, &2.into()),
        "{recovered:?}"
    );
    assert!(recovered.stderr.contains("before its first HTTP/2 frame; trying again"), "{recovered:?}");
}
