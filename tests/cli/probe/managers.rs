//! `--gateway-config`: the servers that Envoy Gateway calls, as it calls them.

use std::fs;
use std::path::Path;

use egext_test_support::{Egext, ReservedPort, TestPki, TestServer, assert_finding};
use regex::Regex;
use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

use super::layers;
use crate::egext;

/// A configuration for Kubernetes and a directory with Secrets.
pub(super) struct Configured {
    pub(super) directory: TempDir,
}

impl Configured {
    #[expect(clippy::disallowed_methods, reason = "what a user wrote")]
    pub(super) fn new(provider: &str, managers: &str) -> Self {
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

    pub(super) fn secrets(&self) -> std::path::PathBuf {
        self.directory.path().join("secrets")
    }

    /// With the Secrets that `egext config secrets` makes of a set.
    fn with_secrets(self, set: &Path) -> Self {
        let out = self.secrets().join("secrets.yaml");
        let run = egext(["config", "secrets", "--dir"]).arg(set).arg("--out").arg(&out).run();
        assert_eq!(run.exit_code, 0, "{}", run.stderr);
        self
    }

    pub(super) fn probe(&self) -> Egext {
        egext(["probe", "--timeout", "1h", "--gateway-config"])
            .arg(self.directory.path().join("eg.yaml"))
            .arg("--resources")
            .arg(self.secrets())
    }
}

pub(super) const KUBERNETES: &str = "{type: Kubernetes}";

pub(super) const HOOKS: &str = "hooks: {xdsTranslator: {post: [Route]}}";

pub(super) fn tls(port: u16) -> String {
    format!(
        "service: {{fqdn: {{hostname: localhost, port: {port}}}, tls: {{certificateRef: {{kind: Secret, name: egext-ca}}, \
         clientCertificateRef: {{kind: Secret, name: egext-client}}}}}}"
    )
}

#[test]
fn managers_can_be_watched() {
    let server = TestServer::unix().watched().spawn();
    let path = server.socket().display();
    let managers = format!("extensionManager: {{service: {{unix: {{path: {path}}}}}, {HOOKS}}}\n");
    let configured = Configured::new(KUBERNETES, &managers);
    let mut watching = configured.probe().args(["--watch", "--interval", "1h", "-o", "json"]).start();
    let line = watching.wait_for_line("\"healthy\":true");
    let change: serde_json::Value = serde_json::from_str(&line).expect("an object");
    assert_eq!(change["targets"][0]["manager"]["path"], "extensionManager", "{change:#}");
    server.wait_for_calls(2);
    server.set_serving(false);
    watching.wait_for_line("\"healthy\":false");
    assert_eq!(watching.terminate().0, 1);
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

    let finding = assert_finding!(run, "probe.client-cert.required", subject = server.address());
    assert_eq!(
        finding["hint"],
        "this release of Envoy Gateway presents no certificate: use 1.6 or later, or let it connect through a bridge, which \
         presents one: `egext config stanza` prints that part and the command"
    );
    assert_eq!(configured.probe().json().exit_code, 0, "1.9 does");
}

/// No hint names a flag that is refused here, whatever the directory has.
#[test]
fn what_helps_is_to_change_the_file_or_its_secrets() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();
    let port = server.port();
    let service =
        format!("fqdn: {{hostname: localhost, port: {port}}}, tls: {{certificateRef: {{name: egext-ca}}}}");
    let managers = format!("extensionManager: {{{HOOKS}, service: {{{service}}}}}\n");
    let run = Configured::new(KUBERNETES, &managers).with_secrets(pki.directory()).probe().json();
    let finding = assert_finding!(run, "probe.client-cert.required", subject = server.address());
    assert_eq!(
        finding["hint"],
        "add `clientCertificateRef` to `tls` in the file: `egext config secrets` makes its Secret"
    );

    let hint = |pki: &TestPki, id: &str| {
        let server = TestServer::mtls(pki).spawn();
        let managers = format!("extensionManager: {{{HOOKS}, {}}}\n", tls(server.port()));
        let run = Configured::new(KUBERNETES, &managers).with_secrets(pki.directory()).probe().json();
        assert_finding!(run, id)["hint"].as_str().expect("words").to_owned()
    };
    let other_name = hint(&TestPki::new().server_for_other_name(), "probe.server-cert.name-mismatch");
    assert!(other_name.starts_with("write a name that it has as host in the file; or add "), "{other_name}");
    let other_ca = hint(&TestPki::new().server_from_other_ca(), "probe.server-cert.unknown-issuer");
    let secret = "put the CA that issued it into the Secret of `certificateRef`: `egext config secrets` does so for a set";
    assert!(other_ca.starts_with(secret), "{other_ca}");
}

/// The server of Rust that most of them have.
#[test]
fn a_server_that_takes_no_port_in_a_name_needs_a_bridge() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let managers = format!("extensionManager: {{{HOOKS}, {}}}\n", tls(server.port()));
    let configured = Configured::new(KUBERNETES, &managers).with_secrets(pki.directory());

    let run = configured.probe().json();

    let finding = assert_finding!(run, "probe.gateway.sni-refused", subject = server.address());
    assert_eq!(
        finding["hint"],
        format!(
            "let Envoy Gateway connect through a bridge, which sends the name alone: `egext bridge --listen \
             unix:/run/egext/eg.sock --upstream {}`; `egext config stanza` prints the part of the file for it",
            server.address()
        )
    );
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
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("`--resources DIR`")), "{finding:#}");
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

/// A configuration for one server on a socket, with these keys of the manager and of its service.
pub(super) fn on_a_socket(server: &TestServer, manager: &str, service: &str) -> Configured {
    let path = server.socket().display();
    Configured::new(
        KUBERNETES,
        &format!("extensionManager: {{{HOOKS}, {manager}service: {{unix: {{path: {path}}}{service}}}}}\n"),
    )
}

#[test]
fn an_answer_that_eg_would_not_take_is_an_error() {
    let server = TestServer::unix().spawn();
    let (one, two) =
        (on_a_socket(&server, "maxMessageSize: 1, ", ""), on_a_socket(&server, "maxMessageSize: 2, ", ""));

    let run = one.probe().json();

    let finding = assert_finding!(run, "probe.grpc.invalid-message", subject = server.address());
    assert_eq!(finding["message"], "the server's answer is longer than 1");
    assert_eq!(
        finding["evidence"]["effect"],
        "EG ends the call with RESOURCE_EXHAUSTED, and does not try again: the hook fails, and EG publishes no new configuration"
    );
    assert_eq!((run.exit_code, server.calls()), (1, 1));
    assert_eq!(two.probe().json().exit_code, 0, "gRPC counts the message alone, which has two bytes");

    // Without a size, gRPC's own limit counts.
    let long = TestServer::unix().answers_message_of((4 << 20) + 1).spawn();
    let run = on_a_socket(&long, "", "").probe().json();
    let finding = assert_finding!(run, "probe.grpc.invalid-message", subject = long.address());
    assert_eq!(finding["message"], "the server's answer is longer than 4MiB");
    let run = on_a_socket(&long, "maxMessageSize: 8Mi, ", "").probe().json();
    assert!(!run.stdout.contains("is longer than"), "{}", run.stdout);
}

#[test]
fn a_request_that_eg_would_not_send_is_not_sent() {
    let server = TestServer::unix().spawn();
    let configured = on_a_socket(&server, "maxMessageSize: 8, ", "");

    let run = configured.probe().args(["--service", "", "--service", "a.long.name"]).json();

    let finding = assert_finding!(run, "probe.grpc.invalid-message", subject = server.address());
    assert_eq!(finding["message"], "EG does not send the request for `a.long.name`: it is too long");
    assert_eq!(finding["evidence"], json!({"expected": "at most 8 bytes", "found": "13 bytes"}));
    assert_eq!(server.calls(), 1);
}

#[test]
fn a_call_is_made_again_as_eg_does_it() {
    let quick = ", retry: {maxAttempts: 3, initialBackoff: 1ms, maxBackoff: 2ms";
    let server = || TestServer::unix().answers_status_first(Code::Unavailable, 2).spawn();

    let heard = server();
    let run = on_a_socket(&heard, "", &format!("{quick}}}")).probe().json();
    assert_eq!((run.exit_code, heard.calls(), heard.connections()), (0, 3, 1), "{}", run.stdout);
    let grpc = &run.json["targets"][0]["layers"][6];
    assert_eq!(grpc["detail"], "answers, at attempt 3, after UNAVAILABLE, UNAVAILABLE");

    let others = server();
    let run =
        on_a_socket(&others, "failOpen: true, ", &format!("{quick}, RetryableStatusCodes: [ABORTED]}}"))
            .probe()
            .json();
    let finding = assert_finding!(run, "probe.grpc.unavailable", subject = others.address());
    assert_eq!(
        finding["evidence"]["effect"],
        "EG does not try again after UNAVAILABLE; then EG publishes without the extension"
    );
    assert_eq!(others.calls(), 1);

    let late = TestServer::unix().answers_status(Code::Unavailable).spawn();
    let run = on_a_socket(&late, "", &format!("{quick}}}")).probe().json();
    let finding = assert_finding!(run, "probe.grpc.unavailable", subject = late.address());
    assert_eq!(
        finding["evidence"]["effect"],
        "EG makes 3 attempts; then the hook fails, and EG publishes no new configuration"
    );
    assert_eq!(late.calls(), 3);

    // More than gRPC makes by itself: EG raises that limit.
    let often = TestServer::unix().answers_status_first(Code::Unavailable, 6).spawn();
    let many = ", retry: {maxAttempts: 7, initialBackoff: 1ms, maxBackoff: 2ms}";
    assert_eq!(on_a_socket(&often, "", many).probe().json().exit_code, 0);
    assert_eq!(often.calls(), 7);
}

/// By gRPC's rules: what is not a status alone is not tried again, and a server can forbid it.
#[test]
fn a_server_can_keep_eg_from_trying_again() {
    for (server, words) in [
        (
            TestServer::unix().answers_status_late("14"),
            "EG does not try again, because the answer began before its status; ",
        ),
        (
            TestServer::unix().forbids_retries("14"),
            "EG does not try again, because the server forbids it (`grpc-retry-pushback-ms`); ",
        ),
    ] {
        let server = server.spawn();
        let run = on_a_socket(&server, "", "").probe().json();
        let finding = assert_finding!(run, "probe.grpc.unavailable", subject = server.address());
        let effect = finding["evidence"]["effect"].as_str().expect("words");
        assert!(effect.starts_with(words), "{effect}");
        assert_eq!(server.calls(), 1);
    }
}

/// The probe's own limit comes before the pause.
#[test]
fn a_pause_is_not_longer_than_the_limit() {
    let server = TestServer::unix().answers_status(Code::Unavailable).spawn();
    let configured = on_a_socket(&server, "", ", retry: {initialBackoff: 2h, maxBackoff: 2h}");

    let run = configured.probe().json();

    assert_finding!(run, "probe.grpc.unavailable", subject = server.address());
    assert_eq!(server.calls(), 1);
}

#[test]
fn what_makes_every_hook_fail_is_an_error_whatever_the_server_says() {
    for (manager, service, id, words) in [
        (
            "maxMessageSize: 100m, ",
            "",
            "config.message-size",
            "`extensionManager.maxMessageSize`: it is not a whole",
        ),
        (
            "",
            ", retry: {maxAttempts: 1}",
            "config.retry-policy",
            "`extensionManager.service`: `maxAttempts` is less than 2",
        ),
        (
            "",
            ", retry: {RetryableStatusCodes: [UNAVAILBLE]}",
            "config.retry-status",
            "`extensionManager.service`: `UNAVAILBLE` is not a code",
        ),
    ] {
        let server = TestServer::unix().spawn();

        let run = on_a_socket(&server, manager, service).probe().json();

        let finding = assert_finding!(run, id, subject = server.address());
        assert!(finding["message"].as_str().is_some_and(|it| it.starts_with(words)), "{finding:#}");
        assert_eq!((run.exit_code, &run.json["targets"][0]["failed_layer"]), (1, &json!("gateway")));
    }
}

#[test]
fn what_is_wrong_with_the_file_is_not_said_of_certificates() {
    let unused = ReservedPort::new();
    let service = format!("service: {{fqdn: {{hostname: localhost, port: {}}}}}", unused.port());
    let managers = format!("extensionManager: {{maxMessageSize: 0, {HOOKS}, {service}}}\n");
    let configured = Configured::new(KUBERNETES, &managers);

    let run = configured.probe().run();

    assert!(
        run.stdout.contains("\n  × configuration: `extensionManager.maxMessageSize`: "),
        "{}",
        run.stdout
    );
    let run = configured.probe().args(["-o", "junit"]).run();
    assert!(run.stdout.contains("name=\"configuration\">"), "{}", run.stdout);
}

const REFERENCES: &str = ", tls: {certificateRef: {kind: Secret, name: egext-ca}, clientCertificateRef: {kind: Secret, name: egext-client}}";

#[test]
fn a_socket_with_tls_is_probed_by_the_name_that_eg_has_for_it() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).on_a_socket().spawn();

    let run = on_a_socket(&server, "", REFERENCES).with_secrets(pki.directory()).probe().json();

    assert_eq!((run.exit_code, run.ids()), (0, vec![]), "{}", run.stdout);
    let states = layers(&run, 0);
    assert_eq!(states[0], ("resolve", "absent"));
    assert!(states[1..].iter().all(|(_, state)| *state == "passed"), "{states:?}");
    assert_eq!(run.json["targets"][0]["layers"][8]["detail"], "certificate and SNI `localhost` accepted");
    // Of ours, without a certificate, and of another CA.
    assert_eq!(server.connections(), 3);
    assert!(server.server_names().contains(&Some("localhost".to_owned())), "{:?}", server.server_names());
    let metrics = on_a_socket(&server, "", REFERENCES)
        .with_secrets(pki.directory())
        .probe()
        .args(["-o", "prometheus"])
        .run();
    assert!(metrics.stdout.contains("} 1\n") && metrics.stdout.contains("probe_grpc_ssl{"), "{metrics:?}");
}

#[test]
fn what_is_wrong_with_tls_on_a_socket_has_its_finding() {
    let pki = TestPki::new().server_for_other_name();
    let other_name = TestServer::mtls(&pki).on_a_socket().spawn();
    let run = on_a_socket(&other_name, "", REFERENCES).with_secrets(pki.directory()).probe().json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch", subject = other_name.address());
    assert_eq!(finding["evidence"]["expected"], "localhost");

    let pki = TestPki::new();
    let without = TestServer::mtls(&pki).on_a_socket().spawn();
    let run = on_a_socket(&without, "", REFERENCES)
        .with_secrets(pki.directory())
        .probe()
        .args(["--eg-version", "1.5"])
        .json();
    assert_finding!(run, "probe.client-cert.required", subject = without.address());

    let plain = TestServer::unix().spawn();
    let run = on_a_socket(&plain, "", REFERENCES).with_secrets(pki.directory()).probe().json();
    let finding = assert_finding!(run, "probe.tls.not-tls", subject = plain.address());
    let hint = finding["hint"].as_str().expect("words");
    assert!(hint.ends_with(&format!("`egext probe {}`", plain.address())), "{hint}");

    let run = on_a_socket(&without, "", REFERENCES).probe().json();
    assert_finding!(run, "probe.ca.unusable", subject = without.address());
    assert_eq!(layers(&run, 0)[2], ("tls", "failed"));
}

/// Also where colours, and with them the control characters of a text, are not filtered on the way to a terminal.
#[test]
fn no_text_of_a_configuration_moves_the_cursor_in_any_format() {
    let path = r"/nowhere/\e[31m\e]0;x\a\u061C\u202E\u0085\uFFFE\U000E0041\n::error::b.sock";
    let managers = format!("extensionManager: {{service: {{unix: {{path: \"{path}\"}}}}, {HOOKS}}}\n");
    let configured = Configured::new(KUBERNETES, &managers);
    let colours = Regex::new(r"\x1b\[\d+m").expect("valid");
    for format in ["human", "short", "github", "junit", "prometheus", "json", "sarif"] {
        let run = configured.probe().args(["-o", format, "--color", "always"]).run();
        assert_eq!(run.exit_code, 1, "{run:?}");
        let text = colours.replace_all(&run.stdout, "");
        let is_raw = |c: &char| {
            let is_hidden = matches!(c, '\u{61c}' | '\u{202e}' | '\u{fffe}' | '\u{e0041}');
            is_hidden || c.is_control() && !"\n\t".contains(*c)
        };
        assert_eq!(text.chars().find(is_raw), None, "{format}: {text:?}");
        assert!(!text.contains("\n::error::"), "{format}: {text}");
        assert!(text.contains("u202e") || text.contains(r"u{202e}"), "{format}: {text}");
    }
    // A program gets the path as it is.
    let run = configured.probe().json();
    assert_eq!(
        run.json["findings"][0]["subject"],
        "unix:/nowhere/\u{1b}[31m\u{1b}]0;x\u{7}\u{61c}\u{202e}\u{85}\u{fffe}\u{e0041}\n::error::b.sock"
    );
}
