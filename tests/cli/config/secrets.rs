//! `config secrets`: what Kubernetes and Envoy Gateway read in the manifests.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use data_encoding::BASE64;
use egext::pki::{Anchors, Identity};
use egext_test_support::{Egext, has_openssl, skipped};
use serde_json::{Value, json};
use snapbox::str;
use tempfile::TempDir;

use super::super::on_a_terminal;

/// A directory with a set.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().expect("a temporary directory"));
        place.run(&["certs", "init"]).assert().success();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Egext {
        crate::egext([]).args(arguments).current_dir(self.0.path())
    }

    fn secrets(&self, arguments: &[&str]) -> Egext {
        self.run(&["config", "secrets"]).args(arguments)
    }

    /// What is printed.
    fn text(&self, arguments: &[&str]) -> String {
        let run = self.secrets(arguments).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8")
    }

    /// The files of the data, in a directory of their own, and the rest of the manifests.
    fn unpacked(&self, text: &str) -> (Vec<Value>, PathBuf) {
        let directory = self.path("unpacked");
        fs::create_dir_all(&directory).expect("a directory");
        let manifests = text.split("---\n").map(|text| {
            let mut manifest: Value = serde_saphyr::from_str(text).expect("what we wrote");
            let data = manifest.as_object_mut().and_then(|keys| keys.remove("data")).expect("data");
            let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
            for (key, value) in data.as_object().expect("an object") {
                write(&directory.join(format!("{name}.{key}")), &decoded(value));
            }
            manifest["keys"] =
                data.as_object().map(|data| data.keys().cloned().collect()).expect("an object");
            manifest
        });
        (manifests.collect(), directory)
    }
}

#[expect(clippy::disallowed_methods, reason = "the product does not write these files")]
fn write(path: &Path, contents: &[u8]) {
    fs::write(path, contents).expect("writable");
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().expect("text").as_bytes()).expect("Base64")
}

fn manifest(name: &str, namespace: &str, kind: &str, keys: &[&str]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind, "keys": keys,
        "metadata": { "name": name, "namespace": namespace },
    })
}

/// What a killed run leaves has keys in it.
#[test]
fn what_a_killed_run_has_left_is_removed_by_the_next_one() {
    let place = Place::new();
    let out = ["--out", "out/secrets.yaml"];
    fs::create_dir(place.path("out")).expect("a directory");
    let file = place.path("out/secrets.yaml");
    let started = Instant::now();
    place.secrets(&out).assert().success();
    let one_run = started.elapsed();
    let whole = fs::read(&file).expect("written").len();
    for number in 0..KILLS {
        fs::remove_file(&file).ok();
        let run = place.secrets(&out).start();
        let random = RandomState::new().hash_one(number) % 1000;
        thread::sleep(one_run * u32::try_from(random).expect("below a thousand") / 900);
        run.kill();
        assert!(fs::read(&file).map_or(true, |text| text.len() == whole), "all of it or nothing");
    }
    fs::remove_file(&file).ok();
    let (left, busy) =
        (place.path("out/.secrets.yaml.0123456789abcdef"), place.path("out/.secrets.yaml.fedcba9876543210"));
    write(&left, b"key");
    write(&busy, b"key");
    // Another run is writing it.
    let other_run = fs::File::open(&busy).expect("a file");
    other_run.lock().expect("a lock");
    place.secrets(&out).assert().success();
    let names = || {
        let entries = fs::read_dir(place.path("out")).expect("a directory");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), [".secrets.yaml.fedcba9876543210", "secrets.yaml"]);
    drop(other_run);
    fs::remove_file(&file).expect("a file");
    place.secrets(&out).assert().success();
    assert_eq!(names(), ["secrets.yaml"]);
}

const KILLS: u32 = 40;

#[test]
fn both_secrets_are_what_envoy_gateway_reads() {
    let place = Place::new();
    let text = place.text(&[]);
    let (manifests, directory) = place.unpacked(&text);
    let pair = &["tls.crt", "tls.key"];
    assert_eq!(
        manifests,
        [
            manifest("egext-ca", "envoy-gateway-system", "Opaque", &["tls.crt"]),
            manifest("egext-client", "envoy-gateway-system", "kubernetes.io/tls", pair),
        ]
    );
    let file = |name: &str| directory.join(name);
    let anchors = Anchors::load(&file("egext-ca.tls.crt")).expect("a CA");
    assert_eq!(anchors.certificates().len(), 1);
    let pair = Identity::load(&file("egext-client.tls.crt"), &file("egext-client.tls.key")).expect("a pair");
    assert_eq!(
        pair.leaf(),
        Identity::load(&place.path("certs/client.crt"), &place.path("certs/client.key"))
            .expect("a pair")
            .leaf()
    );
    assert_eq!(place.text(&[]), text, "the same set gives the same text");
    if !has_openssl() {
        return;
    }
    let verify = ["verify", "-x509_strict", "-CAfile", "egext-ca.tls.crt", "egext-client.tls.crt"];
    openssl(&directory, &verify);
    openssl(&directory, &["pkey", "-noout", "-in", "egext-client.tls.key"]);
}

fn openssl(directory: &Path, arguments: &[&str]) {
    Egext::new("openssl", arguments).current_dir(directory).assert().success();
}

#[test]
fn the_manifests_warn_of_the_key_and_say_what_to_type() {
    let place = Place::new();
    let text = place.text(&["--ca-secret=1", "--client-secret=my-client", "--namespace=on"]);
    let words = text.split_inclusive('\n').map(|line| match line.split_once(": LS0t") {
        Some((key, _)) => format!("{key}: LS0t...\n"),
        None => line.to_owned(),
    });
    egext_test_support::assert_text(
        words.collect::<String>(),
        str![[r#"
# Secrets for `extensionManager.service.tls` of Envoy Gateway (EG). Made by `egext config secrets`.
#   kubectl apply --server-side -f FILE
# Without `--server-side` kubectl copies all of it into an annotation.

# For `certificateRef`: the CA that issued the server's certificate. EG reads `tls.crt`, and nothing else.
apiVersion: v1
kind: Secret
metadata:
  name: "1"
  namespace: "on"
type: Opaque
data:
  tls.crt: LS0t...
---
# WARNING: this holds a private key, which Base64 does not hide. Keep it out of Git and of logs.
# For `clientCertificateRef`, EG 1.6 and later: EG's own certificate and its key.
apiVersion: v1
kind: Secret
metadata:
  name: my-client
  namespace: "on"
type: kubernetes.io/tls
data:
  tls.crt: LS0t...
  tls.key: LS0t...

"#]],
    );
}

#[test]
fn a_file_is_for_its_owner_and_replaces_nothing() {
    let place = Place::new();
    place.secrets(&["--out", "secrets.yaml"]).assert().success().stderr_eq("").stdout_eq(str![[r"
wrote Secrets for EG 1.9 to `secrets.yaml`

  client   [..]
           until [..] (in 365 days), P-256

files
  egext-ca        certs/ca.crt
  egext-client    certs/client.crt  certs/client.key

hint: `kubectl apply --server-side -f secrets.yaml`, then remove the file: it holds a private key

"]]);
    let file = place.path("secrets.yaml");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&file).expect("UTF-8");
    assert_eq!(text, place.text(&[]));
    place.secrets(&["--out", "secrets.yaml"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `secrets.yaml` exists, and is not overwritten
  hint: name another file, or remove this one

"]]);
    assert_eq!(fs::read_to_string(&file).expect("UTF-8"), text);
}

#[test]
fn while_a_ca_is_replaced_both_are_in_the_bundle() {
    let place = Place::new();
    place.run(&["certs", "rotate-ca", "prepare"]).assert().success();
    let run = place.secrets(&[]).assert().success();
    let output = run.get_output();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(talk.contains("note: `egext-ca` has 2 CA certificates, and EG trusts each of them"), "{talk}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("# It has 2 certificates, as while a CA is being replaced"), "{text}");
    let (_, directory) = place.unpacked(&text);
    let bundle = Anchors::load(&directory.join("egext-ca.tls.crt")).expect("CAs");
    let set = Anchors::load(&place.path("certs/ca.crt")).expect("CAs");
    assert_eq!(bundle.certificates(), set.certificates());
    assert_eq!(bundle.certificates().len(), 2);
}

#[test]
fn before_1_6_there_is_only_the_ca() {
    let place = Place::new();
    fs::remove_file(place.path("certs/client.key")).expect("there");
    let text = place.text(&["--eg-version=1.5"]);
    let (manifests, directory) = place.unpacked(&text);
    assert_eq!(manifests, [manifest("egext-ca", "envoy-gateway-system", "Opaque", &["tls.crt"])]);
    Anchors::load(&directory.join("egext-ca.tls.crt")).expect("a CA");
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn the_report_in_json_names_the_secrets_and_holds_no_key() {
    let place = Place::new();
    let run = place.secrets(&["--out=secrets.yaml", "-o=json"]).assert().success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("one object");
    assert_eq!(
        report["secrets"],
        json!([
            { "name": "egext-ca", "files": ["certs/ca.crt"] },
            { "name": "egext-client", "files": ["certs/client.crt", "certs/client.key"] },
        ])
    );
    assert_eq!(
        (&report["namespace"], &report["ca_certificates"]),
        (&json!("envoy-gateway-system"), &json!(1))
    );
    assert!(!report.to_string().contains("LS0t"), "{report}");
}

#[test]
fn a_key_is_not_written_to_a_terminal() {
    let place = Place::new();
    let Some(run) = on_a_terminal("$0 config secrets") else { return skipped("script not found") };
    let run = run.current_dir(place.path("")).run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(run.stdout.contains("the Secrets hold a private key, and stdout is a terminal"), "{run:?}");
    assert!(!run.stdout.contains("LS0t"), "{run:?}");
}
