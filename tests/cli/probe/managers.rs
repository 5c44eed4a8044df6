//! `--gateway-config`: the servers that Envoy Gateway calls, as it calls them.

use std::fs;
use std::path::Path;

use egext_test_support::{Egext, TestPki, TestServer, assert_finding};
use serde_json::json;
use tempfile::TempDir;

use super::layers;
use crate::egext;

/// A configuration for Kubernetes and a directory with Secrets.
struct Configured {
    directory: TempDir,
}

impl Configured {
    #[expect(clippy::disallowed_methods, reason = "what a user wrote")]
    fn new(provider: &str, managers: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("secrets")).expect("a new directory");
        let text = format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n\
             gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
             provider: {provider}\n{managers}"
        );
        fs::write(directory.path().join("eg.yaml"), text).expect("a new file");
        Self { directory }
    }

    fn secrets(&self) -> std::path::PathBuf {
        self.directory.path().join("secrets")
    }

    /// With the Secrets that `egext config secrets` makes of a set.
    fn with_secrets(self, set: &Path) -> Self {
        let out = self.secrets().join("secrets.yaml");
        let run = egext(["config", "secrets", "--dir"]).arg(set).arg("--out").arg(&out).run();
        assert_eq!(run.exit_code, 0, "{}", run.stderr);
        self
    }

    fn probe(&self) -> Egext {
        egext(["probe", "--timeout", "1h", "--gateway-config"])
            .arg(self.directory.path().join("eg.yaml"))
            .arg("--resources")
            .arg(self.secrets())
    }
}

const KUBERNETES: &str = "{type: Kubernetes}";

const HOOKS: &str = "hooks: {xdsTranslator: {post: [Route]}}";

fn tls(port: u16) -> String {
    format!(
        "service: {{fqdn: {{hostname: localhost, port: {port}}}, tls: {{certificateRef: {{kind: Secret, name: egext-ca}}, \
         clientCertificateRef: {{kind: Secret, name: egext-client}}}}}}"
    )
}

#[test]
fn each_manager_is_a_target_with_its_own_secrets() {
    let pki = TestPki::new();
    let (mutual, socket) =
        (TestServer::mtls(&pki).takes_names_with_ports().spawn(), TestServer::unix().spawn());
    let path = socket.socket().display();
    let configured = Configured::new(
        KUBERNETES,
        &format!(
            "extensionManagers:\n- {{name: a, {HOOKS}, {}}}\n\
             - {{name: b, maxMessageSize: 8Mi, {HOOKS}, service: {{unix: {{path: {path}}}, \
             retry: {{maxAttempts: 2, RetryableStatusCodes: [UNAVAILABLE, ABORTED]}}}}}}\n",
            tls(mutual.port())
        ),
    )
    .with_secrets(pki.directory());

    let run = configured.probe().json();

    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!(mutual.client_certificates(), 1);
    assert!(layers(&run, 0).contains(&("gateway", "passed")), "{}", run.stdout);
    assert!(layers(&run, 0).contains(&("policy", "passed")), "{}", run.stdout);
    assert_eq!(run.json["targets"][0]["address"], mutual.address());
    assert_eq!(
        run.json["targets"][0]["manager"],
        json!({"path": "extensionManagers[0]", "message_limit": "4Mi", "attempts": "4", "retried": ["UNAVAILABLE"]})
    );
    assert_eq!(run.json["targets"][1]["address"], socket.address());
    assert_eq!(
        run.json["targets"][1]["manager"],
        json!({
            "path": "extensionManagers[1]", "message_limit": "8Mi", "attempts": "2",
            "retried": ["UNAVAILABLE", "ABORTED"]
        })
    );

    let run = configured.probe().run();
    let line = "  as `extensionManagers[1]`: messages of up to 8Mi, 2 attempts while UNAVAILABLE, ABORTED\n";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[test]
fn a_release_that_presents_no_certificate_is_refused_by_a_server_that_wants_one() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();
    let managers = format!("extensionManager: {{{HOOKS}, {}}}\n", tls(server.port()));
    let configured = Configured::new(KUBERNETES, &managers).with_secrets(pki.directory());

    let run = configured.probe().args(["--eg-version", "1.5"]).json();

    assert_finding!(run, "probe.client-cert.required", subject = server.address());
    assert_eq!(configured.probe().json().exit_code, 0, "1.9 does");
}

#[test]
fn a_secret_that_is_missing_is_told_in_the_words_of_eg() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let managers = format!("extensionManager: {{{HOOKS}, {}}}\n", tls(server.port()));
    let configured = Configured::new(KUBERNETES, &managers);

    let run = configured.probe().json();

    let finding = assert_finding!(run, "probe.ca.unusable", subject = server.address());
    let message = finding["message"].as_str().expect("words");
    assert!(message.ends_with("cannot find Secret egext-ca in namespace envoy-gateway-system"), "{message}");
    assert_eq!((run.exit_code, server.connections()), (1, 0));
}

#[test]
fn tls_that_eg_never_uses_is_an_error_whatever_the_server_says() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();
    let provider = "{type: Custom, custom: {resource: {type: File, file: {paths: [/r]}}, \
                    infrastructure: {type: Host, host: {}}}}";
    let managers = format!("extensionManager: {{failOpen: true, {HOOKS}, {}}}\n", tls(server.port()));
    let configured = Configured::new(provider, &managers).with_secrets(pki.directory());

    let run = configured.probe().json();

    let finding = assert_finding!(run, "config.native-tls-unusable", subject = server.address());
    let effect = finding["evidence"]["effect"].as_str().expect("words");
    assert!(effect.starts_with("EG publishes without the extension: "), "{effect}");
    assert_eq!((run.exit_code, &run.json["targets"][0]["failed_layer"]), (1, &json!("gateway")));
}
