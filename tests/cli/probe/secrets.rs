//! Manifests of Secrets, for `--gateway-config`: what `kubectl` and the API server of Kubernetes make of them.

use std::fs;

use data_encoding::{BASE64, BASE64URL};
use egext_test_support::{Run, TestPki, TestServer, assert_finding};
use serde_json::{Value, json};

use super::managers::{Configured, HOOKS, KUBERNETES, tls};

/// A server with mutual TLS that Envoy Gateway calls, and what its Secrets hold.
struct Called {
    pki: TestPki,
    server: TestServer,
    configured: Configured,
}

impl Called {
    fn new() -> Self {
        let pki = TestPki::new();
        let server = TestServer::mtls(&pki).takes_names_with_ports().spawn();
        let managers = format!("extensionManager: {{{HOOKS}, {}}}\n", tls(server.port()));
        let configured = Configured::new(KUBERNETES, &managers);
        Self { pki, server, configured }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.pki.directory().join(name)).expect("a file of the set")
    }

    fn encoded(&self, name: &str) -> String {
        BASE64.encode(&self.read(name))
    }

    fn ca(&self) -> Value {
        secret("egext-ca", &json!({"tls.crt": self.encoded("ca.crt")}))
    }

    fn client(&self) -> Value {
        let data = json!({"tls.crt": self.encoded("client.crt"), "tls.key": self.encoded("client.key")});
        secret("egext-client", &data)
    }

    #[expect(clippy::disallowed_methods, reason = "what a user wrote")]
    fn write(&self, name: &str, text: &str) {
        fs::write(self.configured.secrets().join(name), text).expect("a new file");
    }

    /// With `ca` in YAML as the text of the CA's value.
    fn with_ca(&self, ca: &str) -> Run {
        let name = "metadata: {name: egext-ca, namespace: envoy-gateway-system}";
        let text =
            format!("apiVersion: v1\nkind: Secret\n{name}\ndata:\n  tls.crt: {ca}\n---\n{}\n", self.client());
        self.write("s.yaml", &text);
        self.configured.probe().json()
    }

    /// The finding about the CA, which no connection shows: what was found in which place, and what to do.
    fn fault(&self, run: &Run) -> (String, String) {
        assert_eq!(self.server.connections(), 0, "{}", run.stdout);
        fault(assert_finding!(run, "probe.ca.unusable", subject = self.server.address()))
    }
}

fn fault(finding: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&finding["evidence"]["found"]), text(&finding["hint"]))
}

fn secret(name: &str, data: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": "envoy-gateway-system"});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
}

/// In braces, and without the quotes of JSON.
fn flow(value: &Value) -> String {
    value.to_string().replace('"', "").replace(':', ": ")
}

const ONE_LINE: &str =
    "write what `base64 -w0 FILE` prints, in one line, or the text itself under `stringData`";

#[test]
fn base64_is_read_as_kubernetes_reads_it() {
    let called = Called::new();
    let ca = called.encoded("ca.crt");
    let (begin, end) = ca.split_at(40);
    for fine in [ca.clone(), format!("\"{begin}\\n{end}\\r\\n\""), format!("|\n    {begin}\n    {end}")] {
        let run = called.with_ca(&fine);
        assert_eq!((run.exit_code, run.ids()), (0, vec![]), "{fine}: {}", run.stdout);
    }
    let called = Called::new();
    let ca = called.encoded("ca.crt");
    let (begin, end) = ca.split_at(40);
    let url = BASE64URL.encode(b"\xff\xff\xff");
    for (value, why) in [
        (
            format!("{begin} {end}"),
            "`tls.crt` has a blank in its Base64 (`illegal base64 data at input byte 40`)",
        ),
        (format!("\"{begin}\\t{end}\""), "`tls.crt` has a blank in its Base64 (`"),
        // What YAML folds has spaces.
        (format!(">\n    {begin}\n    {end}"), "`tls.crt` has a blank in its Base64 (`"),
        (format!("{begin}\n    {end}"), "`tls.crt` has a blank in its Base64 (`"),
        (
            format!("{begin}="),
            "`tls.crt` is Base64 with a wrong end (`illegal base64 data at input byte 40`)",
        ),
        (
            begin[..39].to_owned(),
            "`tls.crt` is Base64 with a wrong end (`illegal base64 data at input byte 36`)",
        ),
        (format!("{ca}{ca}="), "`tls.crt` is Base64 with a wrong end (`"),
        (url, "`tls.crt` is Base64 for URLs (`illegal base64 data at input byte 0`)"),
        // go-yaml decodes it, and the API server decodes that.
        (
            format!("!!binary {ca}"),
            "`tls.crt` is PEM, and not Base64 of it (`illegal base64 data at input byte 0`)",
        ),
        ("12".to_owned(), "`tls.crt` is no text"),
    ] {
        let run = called.with_ca(&value);
        let (found, hint) = called.fault(&run);
        let message = run.json["findings"][0]["message"].as_str().expect("words");
        assert!(
            message.ends_with("cannot find Secret egext-ca in namespace envoy-gateway-system"),
            "{message}"
        );
        assert!(
            found.contains("s.yaml:") && found.contains(": Kubernetes refuses a Secret of which "),
            "{found}"
        );
        assert!(found.contains(why), "{value}: {found}");
        assert!(hint == ONE_LINE || why.ends_with("no text"), "{value}: {hint}");
        assert!(!run.stdout.contains(&begin[5..35]), "no value is shown: {}", run.stdout);
    }
    // Also of what EG does not ask for.
    let mut other = called.ca();
    other["data"]["note"] = json!("no Base64");
    called.write("s.yaml", &format!("{other}\n---\n{}\n", called.client()));
    let (found, _) = called.fault(&called.configured.probe().json());
    assert!(
        found.contains("Kubernetes refuses a Secret of which `note` has a blank in its Base64"),
        "{found}"
    );
}

#[test]
fn a_file_is_read_as_kubectl_reads_it() {
    let called = Called::new();
    let (ca, client) = (called.ca(), called.client());
    let list = |kind: &str, items: [&Value; 2]| json!({"apiVersion": "v1", "kind": kind, "items": items});
    let mut bare = ca.clone();
    bare.as_object_mut().expect("an object").remove("kind");
    for text in [
        format!("{ca}\n---\n{client}\n"),
        format!("{ca}\n{client}\n"),
        format!("{}\n---\n{}\n", flow(&ca), flow(&client)),
        format!("# two\n{ca}\n---\n{}\n", flow(&client)),
        format!("{client}\n---\n{}---\n", yaml(&ca)),
        format!("{}---\n{client}\n", yaml(&ca)),
        format!("{:#}\n", list("List", [&ca, &client])),
        format!("{}\n", flow(&list("List", [&ca, &client]))),
        format!("{}\n", list("SecretList", [&bare, &client])),
    ] {
        called.write("s.yaml", &text);
        let run = called.configured.probe().json();
        assert_eq!((run.exit_code, run.ids()), (0, vec![]), "{text}: {}", run.stdout);
    }
}

fn yaml(secret: &Value) -> String {
    let line = |(key, value): (&String, &Value)| format!("{key}: {value}\n");
    secret.as_object().expect("an object").iter().map(line).collect()
}

#[test]
fn a_file_that_cannot_be_read_is_named_if_a_secret_is_missing() {
    let called = Called::new();
    called.write("a.yaml", &called.client().to_string());
    called.write("key.pem", "-----BEGIN CERTIFICATE-----\n@\n");
    called
        .write("s.yaml", &format!("{}\n---\n{{kind: Secret, metadata: {{name: egext-ca\n", called.client()));
    let (_, hint) = called.fault(&called.configured.probe().json());
    assert!(hint.starts_with('`') && hint.contains("s.yaml:"), "{hint}");
    assert!(hint.ends_with("; correct it if the Secret is there"), "{hint}");
}

#[test]
fn each_fault_of_a_secret_has_its_own_next_step() {
    let called = Called::new();
    let ca = called.encoded("ca.crt");
    let twice = "write what `base64 -w0 FILE` prints under `data`, or the PEM itself under `stringData`, which is encoded for you";
    for (value, why, what) in [
        (BASE64.encode(ca.as_bytes()), "`tls.crt` was encoded in Base64 twice, so every hook fails", twice),
        (
            BASE64.encode(b"nothing"),
            "`tls.crt` has no certificate in PEM, so every hook fails",
            "put the CA's certificate into it, which begins with `-----BEGIN CERTIFICATE-----`: `egext config secrets` does so for a set",
        ),
    ] {
        let (found, hint) = called.fault(&called.with_ca(&value));
        assert!(found.ends_with(&format!("s.yaml:5:12: {why}")), "{found}");
        assert_eq!(hint, what);
    }

    let of_client = |certificate: &str, key: &str| {
        let client = secret("egext-client", &json!({"tls.crt": certificate, "tls.key": key}));
        called.write("s.yaml", &format!("{}\n---\n{client}\n", called.ca()));
        let run = called.configured.probe().json();
        fault(assert_finding!(run, "probe.client-cert.unreadable", subject = called.server.address()))
    };
    let (certificate, key) = (called.encoded("client.crt"), called.encoded("client.key"));
    for ((found, hint), why, what) in [
        (of_client(&ca, &key), "`tls.key` is not the key of `tls.crt`", "put both of one pair into it"),
        (
            of_client(&key, &certificate),
            "",
            "put the certificate under `tls.crt` and the key under `tls.key`",
        ),
        (
            of_client(&certificate, &BASE64.encode(key.as_bytes())),
            "`tls.key` was encoded in Base64 twice",
            twice,
        ),
        (
            of_client(&BASE64.encode(b"nothing"), &key),
            "no certificate",
            "put the certificate into it, which begins with",
        ),
        (of_client("%", &key), "`tls.crt` is not Base64", ONE_LINE),
    ] {
        assert!(found.contains("s.yaml:3:") && found.contains(why), "{why}: {found}");
        assert!(hint.starts_with(what), "{what}: {hint}");
    }

    called.write("s.yaml", &called.client().to_string());
    let (found, hint) = called.fault(&called.configured.probe().json());
    assert!(found.contains("no Secret `egext-ca` for namespace `envoy-gateway-system`"), "{found}");
    assert!(hint.starts_with("the files have `egext-client`: "), "{hint}");
}

#[test]
fn of_two_secrets_of_one_name_the_last_one_counts() {
    let called = Called::new();
    let other = secret("egext-ca", &json!({"tls.crt": Called::new().encoded("ca.crt")}));
    called.write("a.yaml", &other.to_string());
    called.write("b.yaml", &format!("{}\n---\n{}\n", called.client(), called.ca()));

    let run = called.configured.probe().json();

    let finding = assert_finding!(run, "config.secret-twice", subject = "egext-ca", severity = "warning");
    let message = finding["message"].as_str().expect("words");
    assert!(
        message.contains("a.yaml:1:") && message.contains("b.yaml:3:") && finding["location"]["line"] == 3,
        "{finding:#}"
    );
    assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);

    // The same twice is no contradiction, and one without a namespace may be for another one.
    let mut elsewhere = other;
    elsewhere["metadata"].as_object_mut().expect("an object").remove("namespace");
    called.write("a.yaml", &format!("{}\n---\n{elsewhere}\n", called.ca()));
    assert_eq!(called.configured.probe().json().ids(), Vec::<&str>::new());
}
