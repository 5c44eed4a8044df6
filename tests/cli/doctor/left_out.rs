//! What is known and left out: findings by their id, and clients that the server may answer on purpose.

use egext_test_support::{Run, TestPki, TestServer};

use super::{Channel, steps};

const NOT_REQUIRED: &str = "probe.policy.client-cert-not-required";

/// A server that asks for no certificate, behind a bridge.
fn without_client_certificates(run: impl Fn(&Channel)) {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::tls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    run(&channel);
}

fn server_step(run: &Run) -> &serde_json::Value {
    &run.json["steps"][1]
}

#[test]
fn clients_that_the_server_answers_on_purpose_are_left_out() {
    without_client_certificates(|channel| {
        let run = channel.configuration("eg.sock").arg("--no-policy").json();
        assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
        assert_eq!(server_step(&run)["state"], "works", "{}", run.stdout);
        let detail = server_step(&run)["detail"].as_str().expect("words");
        assert!(detail.ends_with(", health; policy not used"), "{detail}");

        let human = channel.configuration("eg.sock").env("EGEXT_NO_POLICY", "yes").run();
        assert_eq!(human.exit_code, 0, "{human:?}");
        assert!(human.stdout.contains(", health; policy not used\n"), "{}", human.stdout);
    });
}

#[test]
fn a_skipped_error_is_told_and_is_not_called_fine() {
    without_client_certificates(|channel| {
        let doctor = || channel.configuration("eg.sock").args(["--skip", NOT_REQUIRED]);
        let json = doctor().json();
        assert_eq!((json.exit_code, json.findings()), (0, &[][..]), "{}", json.stdout);
        assert_eq!(json.json["first"], serde_json::Value::Null);
        let server = server_step(&json);
        assert_eq!((&server["state"], &server["left_out"]), (&"ignored".into(), &[NOT_REQUIRED][..].into()));

        let human = doctor().run();
        assert_eq!(human.exit_code, 0, "{human:?}");
        assert!(human.stdout.contains("\n  - server        localhost:"), "{}", human.stdout);
        assert!(human.stdout.contains(": skipped: the server answers "), "{}", human.stdout);
        let end = format!("\nnothing else is wrong; left out: server (`{NOT_REQUIRED}`)\n");
        assert!(human.stdout.ends_with(&end), "{}", human.stdout);

        let junit = doctor().args(["-o", "junit"]).run();
        let server = "name=\"server\"><skipped message=\"its finding is skipped\"/>";
        assert!(junit.exit_code == 0 && junit.stdout.contains(server), "{}", junit.stdout);
    });
}

#[test]
fn a_skipped_warning_leaves_the_rest_of_its_part() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    channel.pki.renew("server");
    let doctor = || channel.doctor().args(["--server", &server.address(), "--fail-on", "warning"]);
    assert_eq!(doctor().run().exit_code, 1);

    let run = doctor().env("EGEXT_SKIP", "certs.presented-differs").json();
    assert_eq!((run.exit_code, steps(&run)[2]), (0, ("on-disk", "works")), "{}", run.stdout);
    assert_eq!(run.json["steps"][2]["left_out"], serde_json::json!(["certs.presented-differs"]));
    let human = doctor().args(["--skip", "certs.presented-differs"]).run();
    let end = "nothing else is wrong; left out: on disk (`certs.presented-differs`); not looked at: ";
    assert!(human.stdout.contains(end), "{}", human.stdout);
}

#[test]
fn what_is_not_skipped_comes_first() {
    let channel = Channel::new(TestPki::new().server_expired());
    let server = TestServer::mtls(&channel.pki).spawn();
    let run = channel.doctor().args(["--server", &server.address(), "--skip", "certs.expired"]).json();
    assert_eq!(run.exit_code, 1);
    assert_eq!(steps(&run)[0], ("certificates", "ignored"), "{}", run.stdout);
    super::assert_first(&run, "server", "probe.server-cert.expired");
}

#[test]
fn an_id_that_is_none_gets_the_nearest() {
    let run = crate::egext(["doctor", "--skip", "certs.expird"]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    assert!(run.stderr.contains("hint: did you mean `certs.expired`?"), "{}", run.stderr);
}
