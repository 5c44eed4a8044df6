//! `config gateway --with-example`: the resources that are written next to the configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::egext;

/// A directory that Envoy Gateway reads resources from.
struct Resources(TempDir);

impl Resources {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("UTF-8")
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("egext-example.yaml")
    }

    /// What `config gateway` prints.
    fn written(&self, flags: &[&str]) -> Value {
        let run = egext(&["config", "gateway", "--with-example", self.path()]).args(flags).assert().success();
        serde_saphyr::from_str(&String::from_utf8_lossy(&run.get_output().stdout)).expect("what we wrote")
    }

    /// The objects of the example, by kind.
    fn objects(&self, flags: &[&str]) -> Vec<(String, Value)> {
        let _ = fs::remove_file(self.file());
        self.written(flags);
        let text = fs::read_to_string(self.file()).expect("readable");
        let read = |text: &str| {
            let object: Value = serde_saphyr::from_str(text).expect("what we wrote");
            (object["kind"].as_str().expect("a kind").to_owned(), object["spec"].clone())
        };
        text.split("---\n").map(read).collect()
    }
}

fn kinds(objects: &[(String, Value)]) -> Vec<&str> {
    objects.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[test]
fn the_example_is_what_a_first_hook_call_needs() {
    let resources = Resources::new();
    let flags = ["--resource=example.io/v1/Header", "--policy-resource=example.io/v1/Policy"];
    let paths = &resources.written(&flags)["provider"]["custom"]["resource"]["file"]["paths"];
    assert_eq!(*paths, json!([resources.path()]), "EG reads the directory");
    let objects = resources.objects(&flags);
    assert_eq!(
        kinds(&objects),
        ["GatewayClass", "EnvoyProxy", "Gateway", "HTTPRouteFilter", "HTTPRoute", "Header", "Policy"]
    );
    let text = fs::read_to_string(resources.file()).expect("readable");
    assert_eq!(text.matches("# Fill in what the extension reads").count(), 2, "{text}");
    let spec =
        |kind: &str| objects.iter().find(|(found, _)| found == kind).map(|(_, spec)| spec).expect(kind);
    assert_eq!(spec("GatewayClass")["controllerName"], "gateway.envoyproxy.io/gatewayclass-controller");
    assert_eq!(spec("EnvoyProxy")["provider"]["host"]["envoyVersion"], "1.39.1");
    // An answer ends the list of filters.
    let filters = spec("HTTPRoute")["rules"][0]["filters"].as_array().expect("filters");
    let names = filters.iter().map(|filter| &filter["extensionRef"]["kind"]).collect::<Vec<_>>();
    assert_eq!(names, ["Header", "HTTPRouteFilter"]);
    assert_eq!(fs::metadata(resources.file()).expect("there").permissions().mode() & 0o777, 0o644);
}

#[test]
fn the_example_has_only_what_the_release_can_load() {
    let resources = Resources::new();
    let with = |flags: &[&str]| {
        let objects = resources.objects(&[&["--resource=example.io/v1/Header"], flags].concat());
        kinds(&objects).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = ["GatewayClass", "Gateway", "HTTPRouteFilter", "HTTPRoute"];
    let proxy = ["GatewayClass", "EnvoyProxy", "Gateway", "HTTPRouteFilter", "HTTPRoute"];
    assert_eq!(with(&["--eg-version=1.4"]), plain);
    assert_eq!(with(&["--eg-version=1.6"]), proxy);
    assert_eq!(with(&["--name=mine"]), proxy, "a list of extensions keeps EG from loading their objects");
}

#[test]
fn an_example_is_written_once_and_a_changed_one_is_kept() {
    let resources = Resources::new();
    let flags = ["--controller-name=example.io/controller"];
    assert_eq!(resources.objects(&flags)[0].1["controllerName"], "example.io/controller");
    resources.written(&flags);
    let before = fs::read(resources.file()).expect("there");
    let other = egext(&["config", "gateway", "--with-example", resources.path()]).assert().code(2);
    let said = String::from_utf8_lossy(&other.stdout_eq("").get_output().stderr).into_owned();
    assert!(said.contains("exists, and is not overwritten\n  hint: it is of other flags"), "{said}");
    assert_eq!(fs::read(resources.file()).expect("there"), before);
}
