//! `config kubernetes`: what it writes and where. What Kubernetes and cert-manager make of it stands in
//! `tests/interop/kubernetes`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use egext_test_support::Egext;
use serde_json::{Value, json};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Egext {
    crate::egext(["config", "kubernetes"]).args(arguments)
}

fn text(arguments: &[&str]) -> String {
    let assert = run(arguments).arg("-q").assert().success();
    String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8")
}

fn documents(arguments: &[&str]) -> Vec<Value> {
    let text = text(arguments);
    text.split("---\n").map(|text| serde_saphyr::from_str(text).expect("what we wrote")).collect()
}

#[test]
fn each_form_is_written_as_it_stands_here() {
    let forms: [(&[&str], _, _); 3] = [
        (
            &["--resource=example.io/v1alpha1/Thing", "--namespace=extensions"],
            "native-tls.yaml",
            include_str!("kubernetes/native-tls.yaml"),
        ),
        (
            &["--bridge=both", "--image=example.org/egext:1", "--part=values,server,gateway"],
            "bridges.yaml",
            include_str!("kubernetes/bridges.yaml"),
        ),
        (
            &["--trust-secret=egext-trust", "--also-trust=egext-ca-2", "--part=ca,trust,values,server"],
            "trust.yaml",
            include_str!("kubernetes/trust.yaml"),
        ),
    ];
    for (arguments, file, expected) in forms {
        let written = text(arguments);
        assert_eq!(written, expected, "{file}");
        assert_eq!(text(arguments), written, "the same text every time");
    }
}

#[test]
fn a_directory_gets_a_file_for_each_part_and_none_twice() {
    let place = TempDir::new().expect("a temporary directory");
    let bridges = ["--bridge=both", "--image=e:1", "--trust-secret=t", "--out=."];
    let report = run(&bridges).current_dir(place.path()).assert().success();
    let printed = String::from_utf8(report.get_output().stdout.clone()).expect("UTF-8");
    for command in [
        "kubectl apply -f ./ca.yaml",
        "kubectl apply -f ./certificates.yaml",
        "kubectl apply -f ./trust-bundle.yaml",
        "kubectl patch deployment extension-server --namespace envoy-gateway-system --patch-file ./extension-server-patch.yaml",
        "kubectl patch deployment envoy-gateway --namespace envoy-gateway-system --patch-file ./envoy-gateway-patch.yaml",
        "helm upgrade RELEASE CHART --reuse-values -f ./envoy-gateway-values.yaml",
    ] {
        assert!(printed.contains(command), "{printed}");
    }
    assert_eq!(
        names(place.path()),
        [
            "ca.yaml",
            "certificates.yaml",
            "envoy-gateway-patch.yaml",
            "envoy-gateway-values.yaml",
            "extension-server-patch.yaml",
            "trust-bundle.yaml"
        ]
    );
    for (part, file) in [("certificates", "certificates.yaml"), ("values", "envoy-gateway-values.yaml")] {
        let written = fs::read_to_string(place.path().join(file)).expect("readable");
        assert_eq!(written, text(&["--bridge=both", "--image=e:1", "--trust-secret=t", "--part", part]));
    }
    // One that is left is enough.
    for file in ["ca.yaml", "certificates.yaml", "trust-bundle.yaml"] {
        fs::remove_file(place.path().join(file)).expect("removed");
    }
    let again = run(&bridges).current_dir(place.path()).assert().code(2);
    let said = String::from_utf8(again.get_output().stderr.clone()).expect("UTF-8");
    assert!(said.contains("envoy-gateway-values.yaml` exists"), "{said}");
    assert_eq!(names(place.path()).len(), 3, "nothing was written");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn json_has_the_text_of_each_part() {
    let assert = run(&["--part=values", "-o", "json"]).assert().success();
    let object: Value = serde_json::from_slice(&assert.get_output().stdout).expect("one object");
    let parts = json!([{ "part": "values", "file": null, "yaml": text(&["--part=values"]) }]);
    assert_eq!(object["parts"], parts);
    assert_eq!(
        (&object["eg_version"], &object["namespace"]),
        (&json!("1.9"), &json!("envoy-gateway-system"))
    );
}

/// EG reads the CA under `tls.crt`. Of the Secrets that cert-manager makes, only that of the CA itself has it there.
#[test]
fn the_ca_is_read_from_the_secret_of_the_ca() {
    let all = documents(&["--part=ca,certificates,values", "--ca-secret=trust", "--namespace=extensions"]);
    let tls = &all.last().expect("values")["config"]["envoyGateway"]["extensionManager"]["service"]["tls"];
    let secret = |name: &str| json!({"group": "", "kind": "Secret", "name": name, "namespace": "extensions"});
    assert_eq!(
        *tls,
        json!({"certificateRef": secret("trust"), "clientCertificateRef": secret("egext-client")})
    );
    let is_of = |object: &&Value, name: &str| object["spec"]["secretName"] == name;
    let made = |name: &str| all.iter().find(|object| is_of(object, name)).expect("a Certificate");
    assert_eq!(made("trust")["spec"]["isCA"], true);
    assert_eq!(made("egext-client")["spec"]["usages"], json!(["digital signature", "client auth"]));
    let names = made("egext-server")["spec"]["dnsNames"].clone();
    let host = "extension-server.extensions.svc";
    assert!(names.as_array().expect("names").contains(&json!(host)), "{names}");
}

/// Both sides trust what is in the Bundle's Secret, and not the one CA that cert-manager copies.
#[test]
fn with_a_bundle_both_sides_read_its_secret() {
    let trust = ["--trust-secret=both", "--also-trust=old,older"];
    let native = documents(&[&trust[..], &["--part=trust,values,server"]].concat());
    let [bundle, values, server] = &native[..] else { panic!("{native:?}") };
    let sources = bundle["spec"]["sources"].as_array().expect("a list").iter();
    let names: Vec<_> = sources.map(|source| source["secret"]["name"].as_str().expect("a name")).collect();
    assert_eq!((names, &bundle["metadata"]["name"]), (vec!["egext-ca", "old", "older"], &json!("both")));
    let tls = &values["config"]["envoyGateway"]["extensionManager"]["service"]["tls"];
    assert_eq!(tls["certificateRef"]["name"], "both");
    let bridges =
        documents(&[&trust[..], &["--bridge=both", "--image=e:1", "--part=server,gateway"]].concat());
    for deployment in [server].into_iter().chain(&bridges) {
        let pod = &deployment["spec"]["template"]["spec"];
        let is_trust = |volume: &&Value| volume["secret"]["secretName"] == "both";
        let volume = pod["volumes"].as_array().expect("a list").iter().find(is_trust).expect("the Secret");
        let container = &pod["containers"][0];
        let mounts = container["volumeMounts"].as_array().expect("a list").iter();
        let mount = mounts.clone().find(|mount| mount["name"] == volume["name"]).expect("a mount");
        let ca = format!("{}/tls.crt", mount["mountPath"].as_str().expect("a path"));
        let commands = [&container["command"], &container["readinessProbe"]["exec"]["command"]];
        for command in commands.into_iter().filter_map(Value::as_array) {
            assert!(command.windows(2).any(|pair| pair == [json!("--ca"), json!(ca)]), "{command:?}");
        }
    }
}

#[test]
fn a_release_without_a_client_certificate_gets_none() {
    let all = documents(&["--eg-version=1.5", "--part=certificates,values"]);
    assert!(all.iter().all(|object| object["spec"]["secretName"] != "egext-client"), "{all:?}");
    let tls = &all.last().expect("values")["config"]["envoyGateway"]["extensionManager"]["service"]["tls"];
    assert_eq!(tls.get("clientCertificateRef"), None);
    // The bridge has one all the same.
    let bridges = documents(&["--eg-version=1.5", "--part=certificates", "--bridge=gateway", "--image=e"]);
    assert!(bridges.iter().any(|object| object["spec"]["secretName"] == "egext-client"), "{bridges:?}");
}

/// As `certs init` does it with its own.
#[test]
fn the_directory_is_made_if_it_is_missing() {
    let directory = TempDir::new().expect("a directory");
    let out = directory.path().join("a/manifests");
    let write = || run(&["--part=ca", "--out=a/manifests"]).current_dir(directory.path());
    write().assert().success();
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&out), out.join("ca.yaml").is_file()), (0o700, true));
    // One that is there stays as it is.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o755)).expect("ours");
    fs::remove_file(out.join("ca.yaml")).expect("a file");
    write().assert().success();
    assert_eq!(mode(&out), 0o755);
    // What is in the way of a directory stays, too.
    let run = run(&["--part=ca", "--out=a/manifests/ca.yaml/b"]).current_dir(directory.path()).run();
    assert!(run.exit_code == 2 && run.stderr.contains("`a/manifests/ca.yaml"), "{run:?}");
}

#[test]
fn every_release_takes_the_values() {
    let place = TempDir::new().expect("a temporary directory");
    for (index, release) in ["1.4", "1.5", "1.6", "1.7", "1.8", "1.9"].iter().enumerate() {
        for (form, bridge) in ["none", "gateway", "both"].iter().enumerate() {
            let out = place.path().join(format!("{index}{form}"));
            fs::create_dir(&out).expect("a directory");
            let out = out.to_str().expect("UTF-8");
            let flags = [
                "--eg-version",
                release,
                "--bridge",
                bridge,
                "--image=e:1",
                "--part=values",
                "--hook=VirtualHost",
            ];
            run(&flags).args(["--out", out]).assert().success();
            let values = format!("{out}/envoy-gateway-values.yaml");
            let check = ["config", "check", &values, "--eg-version", release, "--fail-on=warning"];
            crate::egext(check).assert().success();
        }
    }
}
