//! EG's own TLS: the server is asked with EG's Secrets, or not said to work.

use egext_test_support::{Egext, ReservedPort, TestPki, TestServer, assert_finding};

use super::{Channel, assert_first, steps, write};
use crate::egext;

const BOTH: &str = "certificateRef: {name: egext-ca}, clientCertificateRef: {name: egext-client}";

/// The set of `channel` is in the directory `certs`, at its usual place.
fn here(channel: &Channel) -> Egext {
    let run = egext(["doctor"]).current_dir(channel.path(""));
    if !channel.path("certs").exists() {
        std::os::unix::fs::symlink(channel.pki.directory(), channel.path("certs")).expect("a link");
    }
    run
}

fn native(channel: &Channel, server: &TestServer, tls: &str) -> Egext {
    write(
        &channel.path("native.yaml"),
        &format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{type: Kubernetes}}\n\
             gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
             extensionManager:\n  hooks: {{xdsTranslator: {{post: [VirtualHost]}}}}\n\
             \x20 service: {{fqdn: {{hostname: localhost, port: {}}}, tls: {{{tls}}}}}\n",
            server.port()
        ),
    );
    here(channel).arg("native.yaml")
}

fn secrets(channel: &Channel, pki: &TestPki) {
    let run = egext(["config", "secrets", "--dir"]).arg(pki.directory()).arg("--out");
    let run = run.arg(channel.path("secrets.yaml")).run();
    assert_eq!(run.exit_code, 0, "{}", run.stderr);
}

#[test]
fn the_server_is_asked_with_the_secrets_of_eg() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    secrets(&channel, &channel.pki);
    let run = native(&channel, &server, BOTH).arg("secrets.yaml").json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!(steps(&run)[..2], [("certificates", "skipped"), ("server", "works")], "{}", run.stdout);
    let human = native(&channel, &server, BOTH).arg("secrets.yaml").run();
    assert!(human.stdout.contains("\nnothing is wrong; not looked at: "), "{}", human.stdout);

    // The set on disk is right, and not what EG has.
    std::fs::remove_file(channel.path("secrets.yaml")).expect("ours");
    secrets(&channel, &TestPki::new());
    let run = native(&channel, &server, BOTH).arg("secrets.yaml").json();
    assert_first(&run, "server", "probe.server-cert.unknown-issuer");

    write(
        &channel.path("secrets.yaml"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: egext-ca}\ndata: {tls.crt: AAAA}\n",
    );
    let run = native(&channel, &server, BOTH).arg("secrets.yaml").json();
    assert_eq!((run.exit_code, steps(&run)[1]), (1, ("server", "failed")), "{}", run.stdout);
    assert!(!run.stdout.contains("--resources"), "no flag of the doctor: {}", run.stdout);
}

#[test]
fn eg_without_a_client_certificate_is_not_helped_by_ours() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    for has_secrets in [true, false] {
        if has_secrets {
            secrets(&channel, &channel.pki);
        }
        let doctor = |tls| {
            let doctor = native(&channel, &server, tls);
            if has_secrets { doctor.arg("secrets.yaml") } else { doctor }
        };
        let run = doctor("certificateRef: {name: egext-ca}").json();
        assert_first(&run, "server", "probe.client-cert.required");
        let next = run.json["first"]["next"].as_str().expect("words");
        assert!(next.contains("`clientCertificateRef`"), "{next}");
        let run = doctor(BOTH).args(["--eg-version", "1.5"]).json();
        assert_first(&run, "server", "probe.client-cert.required");
        let next = run.json["first"]["next"].as_str().expect("words");
        assert!(next.contains("presents no certificate"), "{next}");
    }
}

#[test]
fn without_secrets_it_says_that_it_did_not_look() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    let run = native(&channel, &server, BOTH).run();
    assert!(!run.stdout.contains("nothing is wrong"), "{}", run.stdout);
    assert!(run.stdout.contains("its Secrets are not among the files"), "{}", run.stdout);
    let run = native(&channel, &server, BOTH).json();
    assert_first(&run, "server", "doctor.secrets-missing");
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.contains("`egext doctor native.yaml secrets.yaml`"), "{next}");

    // The usual set may not be that of EG, so that it proves nothing.
    let stranger = TestServer::mtls(&TestPki::new()).takes_names_with_ports().spawn();
    let run = native(&channel, &stranger, BOTH).json();
    assert_first(&run, "server", "doctor.secrets-missing");
    assert_eq!(run.ids(), ["doctor.secrets-missing"]);

    std::fs::remove_file(channel.path("certs")).expect("ours");
    let run = egext(["doctor", "native.yaml"]).current_dir(channel.path("")).json();
    assert_eq!(run.ids(), ["doctor.secrets-missing"], "{}", run.stdout);

    // Whether the server is there depends on no certificate.
    let port = stranger.port();
    stranger.stop();
    write(
        &channel.path("native.yaml"),
        &std::fs::read_to_string(channel.path("native.yaml"))
            .expect("ours")
            .replace("5005", &port.to_string()),
    );
    let run = here(&channel).arg("native.yaml").json();
    assert_finding!(run, "probe.connect.refused", subject = format!("localhost:{port}"));
}

/// In plaintext the socket may work, and EG does not use it so.
#[test]
fn tls_on_a_socket_is_spoken_there() {
    let channel = Channel::new(TestPki::new());
    let mutual = TestServer::mtls(&channel.pki).on_a_socket().spawn();
    let plaintext = TestServer::unix().spawn();
    let configured = |server: &TestServer| {
        write(
            &channel.path("eg.yaml"),
            &format!(
                "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{type: Kubernetes}}\n\
                 gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
                 extensionManager:\n  hooks: {{xdsTranslator: {{post: [VirtualHost]}}}}\n\
                 \x20 service: {{unix: {{path: {}}}, tls: {{{BOTH}}}}}\n",
                server.socket().display()
            ),
        );
        egext(["doctor", "eg.yaml"]).current_dir(channel.path(""))
    };
    let run = configured(&plaintext).json();
    assert_first(&run, "socket", "doctor.secrets-missing");
    secrets(&channel, &channel.pki);
    let run = configured(&plaintext).arg("secrets.yaml").json();
    assert_eq!((run.exit_code, steps(&run)[4]), (1, ("socket", "failed")), "{}", run.stdout);
    let run = configured(&mutual).arg("secrets.yaml").json();
    assert_eq!((run.exit_code, steps(&run)[4]), (0, ("socket", "works")), "{}", run.stdout);
}

#[test]
fn secrets_can_be_in_the_namespace_of_eg() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    let run = egext(["config", "secrets", "--namespace", "gateways", "--dir"]).arg(channel.pki.directory());
    let run = run.arg("--out").arg(channel.path("secrets.yaml")).run();
    assert_eq!(run.exit_code, 0, "{}", run.stderr);
    let run = native(&channel, &server, BOTH).args(["secrets.yaml", "--namespace", "gateways"]).json();
    assert_eq!((run.exit_code, steps(&run)[1]), (0, ("server", "works")), "{}", run.stdout);
    // Without it, EG looks in the namespace of its own Helm chart.
    let run = native(&channel, &server, BOTH).arg("secrets.yaml").json();
    assert_eq!((run.exit_code, steps(&run)[1]), (1, ("server", "failed")), "{}", run.stdout);

    let run = egext(["doctor", "--namespace", "A b"]).run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(run.stderr.contains("`A b`"), "{}", run.stderr);
}

#[test]
fn every_server_that_eg_calls_is_asked() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    let unused = ReservedPort::new();
    secrets(&channel, &channel.pki);
    let manager = |name: &str, port: u16| {
        format!(
            "- {{name: {name}, hooks: {{xdsTranslator: {{post: [VirtualHost]}}}}, \
             service: {{fqdn: {{hostname: localhost, port: {port}}}, tls: {{{BOTH}}}}}}}\n"
        )
    };
    write(
        &channel.path("eg.yaml"),
        &format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{type: Kubernetes}}\n\
             gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
             extensionManagers:\n{}{}",
            manager("a", server.port()),
            manager("b", unused.port())
        ),
    );
    let run = egext(["doctor", "eg.yaml", "secrets.yaml"]).current_dir(channel.path("")).json();
    assert_first(&run, "server", "probe.connect.refused");
    assert_eq!(run.json["steps"][1]["state"], "works", "{}", run.stdout);
    assert_eq!(run.json["steps"][3]["subject"], format!("localhost:{}", unused.port()));
}
