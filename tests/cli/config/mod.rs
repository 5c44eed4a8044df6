//! What `config` writes, and what it refuses. Whole texts stand in files beside this one, one for each form; of other
//! files counts what they mean.

mod check;
mod checked;
mod example;
mod kubernetes;
mod patch;
mod secrets;
mod versions;

use egext_test_support::Egext;
use serde_json::{Value, json};
use snapbox::cmd::OutputAssert;

fn egext(arguments: &[&str]) -> Egext {
    crate::egext([]).args(arguments)
}

/// Each command of a table with what it says on stderr.
fn rows(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("$ egext ").skip(1).map(|row| row.split_once('\n').expect("more than a command"))
}

/// stdout of a run that must succeed without a word on stderr.
fn written(arguments: &[&str]) -> String {
    let assert = egext(arguments).assert().success().stderr_eq("");
    String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8")
}

/// What a file means that `config stanza ARGUMENTS` writes, with or without a warning.
fn stanza(arguments: &[&str]) -> Value {
    let run = egext(&["config", "stanza"]).args(arguments).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let file: Value = serde_saphyr::from_str(&text).expect("what we wrote");
    file["extensionManager"].clone()
}

fn json(assert: OutputAssert) -> Value {
    let output = assert.stderr_eq("");
    serde_json::from_slice(&output.get_output().stdout).expect("one object")
}

#[test]
fn each_form_is_written_as_it_stands_here() {
    let stanza = [
        "config",
        "stanza",
        "--eg-version=v1.8.3",
        "--socket=/run/my socket",
        "--upstream=tcp://[::1]:5005",
        "--hook=translation,Endpoints",
        "--hook=Cluster",
        "--hook=Translation",
        "--resource=example.io/v1alpha1/HeaderPolicy,example.io/v1/Other",
        "--policy-resource=example.io/v1/Policy",
        "--backend-resource=example.io/v1/Bucket",
        "--fail-open",
        "--max-message-size=16MiB",
    ];
    assert_eq!(written(&stanza), include_str!("stanza.yaml"));
    let gateway = [
        "config",
        "gateway",
        "--resources-dir=/etc/eg/resources",
        "--resources-dir=/etc/eg/more",
        "--resources-dir=/etc/eg/resources",
        "--home=/srv/my eg",
        "--resource=example.io/v1alpha1/HeaderPolicy",
        "--enable-backend-api",
    ];
    assert_eq!(written(&gateway), include_str!("gateway.yaml"));
    let preset = ["config", "gateway", "--resources-dir=/etc/eg", "--preset=ai-gateway"];
    assert_eq!(written(&preset), include_str!("ai-gateway.yaml"));
    let kubernetes = [
        "config",
        "gateway",
        "--mode=kubernetes",
        "--native-tls",
        "--server=extension.example.svc:5005",
        "--resource=example.io/v1alpha1/HeaderPolicy",
    ];
    assert_eq!(written(&kubernetes), include_str!("kubernetes.yaml"));
    let custom = ["config", "gateway", "--mode=custom-kubernetes", "--home=/srv/eg"];
    assert_eq!(written(&custom), include_str!("custom-kubernetes.yaml"));
    let native = ["config", "stanza", "--native-tls", "--server=extension.internal:5005", "--dir=/etc/egext"];
    let run = egext(&native).assert().success();
    assert_eq!(String::from_utf8_lossy(&run.get_output().stdout), include_str!("native-tls.yaml"));
}

/// Its own switches stand beside the `extensionManager`, so that a stanza has two keys.
#[test]
fn a_preset_is_what_its_server_needs_and_other_flags_come_first() {
    let yaml = written(&["config", "stanza", "--preset=ai-gateway"]);
    let file: Value = serde_saphyr::from_str(&yaml).expect("what we wrote");
    let switches = json!({ "enableBackend": true, "enableEnvoyPatchPolicy": true });
    assert_eq!(file["extensionApis"], switches);
    let manager = &file["extensionManager"];
    assert_eq!(manager["hooks"]["xdsTranslator"]["post"], json!(["Route", "Cluster", "Translation"]));
    let pool = json!({ "group": "inference.networking.k8s.io", "version": "v1", "kind": "InferencePool" });
    assert_eq!(manager["backendResources"], json!([pool]));
    assert!(yaml.contains(" --upstream tcp://localhost:1063 "), "{yaml}");

    let flags = ["--hook=Translation", "--include-all=listener,route", "--backend-resource=example.io/v1/A"];
    let arguments = [&["--preset=ai-gateway", "--upstream=localhost:1"][..], &flags].concat();
    let other = stanza(&arguments);
    assert_eq!(other["hooks"], stanza(&flags)["hooks"]);
    assert_eq!(other["backendResources"], stanza(&flags)["backendResources"]);
}

/// One of several has a name, and is otherwise what it is alone.
#[test]
fn a_named_extension_is_an_entry_of_a_list() {
    let flags = ["--mode=kubernetes", "--resource=example.io/v1/A", "--hook=Translation"];
    let yaml = written(&[&["config", "stanza", "--name=mine"], &flags[..]].concat());
    let file: Value = serde_saphyr::from_str(&yaml).expect("what we wrote");
    let mut entry = stanza(&flags);
    entry["name"] = json!("mine");
    assert_eq!(file, json!({ "extensionManagers": [entry] }));
}

/// Of several EG passes over the error of one that may fail, and its log says nothing.
#[test]
fn a_named_extension_that_may_fail_is_not_said_to_be_logged() {
    let alone = written(&["config", "stanza", "--fail-open"]);
    assert!(alone.contains("EG logs it and publishes"), "{alone}");
    let named = written(&["config", "stanza", "--fail-open", "--name=mine"]);
    assert!(!named.contains("EG logs it"), "{named}");
    assert!(named.contains("it does not log the error"), "{named}");
    assert!(named.contains("the log of the bridge says why"), "{named}");
}

#[test]
fn only_what_was_asked_for_is_said_about_retries() {
    let retry = |flags: &[&str]| stanza(flags)["service"]["retry"].clone();
    assert_eq!(retry(&[]), Value::Null);
    assert_eq!(retry(&["--retry-attempts=2"]), json!({ "maxAttempts": 2 }));
    assert_eq!(retry(&["--retry-attempts=7"]), json!({ "maxAttempts": 7 }), "EG raises gRPC's own limit");
    let all = [
        "--retry-attempts=5",
        "--retry-backoff=200ms",
        "--retry-max-backoff=1m30s",
        "--retry-multiplier=1.5",
        "--retry-code=unavailable,Resource-Exhausted",
    ];
    assert_eq!(
        retry(&all),
        json!({
            "maxAttempts": 5,
            "initialBackoff": "200ms",
            "maxBackoff": "90s",
            "backoffMultiplier": { "numerator": 150, "denominator": 100 },
            "RetryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
        })
    );
}

#[test]
fn of_two_levels_for_a_component_the_last_counts() {
    let flags = ["config", "gateway", "--mode=kubernetes", "--logging=warn,xds=debug", "--logging=info"];
    let file: Value = serde_saphyr::from_str(&written(&flags)).expect("what we wrote");
    assert_eq!(file["logging"], json!({ "level": { "default": "info", "xds": "debug" } }));
}

/// What every other file has beside the wishes.
#[test]
fn without_wishes_the_defaults_are_written() {
    let yaml = written(&["config", "stanza"]);
    let file: Value = serde_saphyr::from_str(&yaml).expect("what we wrote");
    let [all, none] = [true, false].map(|include| json!({ "includeAll": include }));
    let translation = json!({ "listener": none, "route": none, "cluster": all, "secret": all });
    let post = json!(["VirtualHost", "HTTPListener", "Translation"]);
    assert_eq!(
        file,
        json!({ "extensionManager": {
            "service": { "unix": { "path": "/run/egext/eg.sock" } },
            "hooks": { "xdsTranslator": { "post": post, "translation": translation } },
            "failOpen": false,
        } })
    );
    let bridge = "#   egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs --admin unix:/run/egext/admin.sock --connect-wait forever\n";
    assert!(yaml.contains(bridge), "{yaml}");
}

#[test]
fn the_oldest_version_has_no_directories_of_its_own() {
    let yaml = written(&["config", "gateway", "--resources-dir=/etc/eg", "--eg-version=1.4"]);
    let file: Value = serde_saphyr::from_str(&yaml).expect("what we wrote");
    assert_eq!(file["provider"]["custom"]["infrastructure"], json!({ "type": "Host", "host": {} }));
    assert_eq!(file["extensionApis"], Value::Null);
    assert!(yaml.contains("#   envoy-gateway certgen --local\n"), "{yaml}");
}

#[test]
fn envoy_gateway_calls_a_plaintext_server_by_itself() {
    let service = |arguments: &[&str]| stanza(arguments)["service"].clone();
    let name = json!({ "fqdn": { "hostname": "extension.internal", "port": 5005 } });
    assert_eq!(service(&["--server=tcp://extension.internal:5005"]), name);
    let address = json!({ "ip": { "address": "::1", "port": 5005 } });
    assert_eq!(service(&["--server=tcp://[::1]:5005"]), address);
    let preset = ["--preset=ai-gateway", "--mode=kubernetes"];
    let name = "ai-gateway-controller.envoy-ai-gateway-system.svc.cluster.local";
    assert_eq!(service(&preset), json!({ "fqdn": { "hostname": name, "port": 1063 } }));
    let bridge = [&preset[..], &["--upstream=localhost:5005"]].concat();
    assert_eq!(service(&bridge), json!({ "unix": { "path": "/run/egext/eg.sock" } }));
}

/// What EG reads from the API it does not load from files.
#[test]
fn in_kubernetes_no_release_is_warned_of_objects_or_tls() {
    for version in ["1.4", "1.6", "1.9"] {
        let flags = ["--mode=kubernetes", "--resource=example.io/v1/A", "--native-tls", "--server=a:1"];
        let yaml = written(&[&["config", "stanza", "--eg-version", version], &flags[..]].concat());
        assert!(yaml.contains(&format!("# For Envoy Gateway (EG) {version} in Kubernetes.")), "{yaml}");
        assert!(!yaml.contains("standalone") && !yaml.contains("--resync"), "{yaml}");
    }
}

#[test]
fn native_tls_before_1_6_has_no_client_certificate() {
    let arguments = ["--native-tls", "--server=[::1]:5005", "--eg-version=1.5"];
    let service =
        &stanza(&[&arguments[..], &["--ca-secret=my-ca", "--namespace=my-namespace"]].concat())["service"];
    let secret = json!({ "group": "", "kind": "Secret", "name": "my-ca", "namespace": "my-namespace" });
    assert_eq!(
        *service,
        json!({ "ip": { "address": "::1", "port": 5005 }, "tls": { "certificateRef": secret } })
    );
}

#[test]
fn what_has_no_effect_is_a_warning() {
    for (command, expected) in rows(include_str!("warned.txt")) {
        let run = egext(&command.split(' ').collect::<Vec<_>>()).assert().success();
        assert_eq!(String::from_utf8_lossy(&run.get_output().stderr), expected, "{command}");
    }
    let blind = ["config", "stanza", "--hook=Translation", "--eg-version=1.4", "--fail-on=warning"];
    egext(&blind).assert().code(1);
}

#[test]
fn what_translation_gets_is_written_out() {
    let included = |arguments: &[&str]| stanza(arguments)["hooks"]["xdsTranslator"]["translation"].clone();
    let kinds = |listener: bool, route: bool, cluster: bool, secret: bool| {
        let kind = |include: bool| json!({ "includeAll": include });
        json!({ "listener": kind(listener), "route": kind(route), "cluster": kind(cluster), "secret": kind(secret) })
    };
    assert_eq!(included(&[]), kinds(false, false, true, true), "EG's default, where no hook is named");
    assert_eq!(included(&["--eg-version=1.4"]), Value::Null);
    assert_eq!(included(&["--hook=Route", "--resource=example.io/v1/A"]), Value::Null);
    assert_eq!(included(&["--hook=Translation"]), kinds(true, true, true, true));
    assert_eq!(included(&["--hook=Translation", "--eg-version=1.5"]), kinds(true, true, true, true));
    let two = ["--hook=Translation", "--include-all=route,listener", "--include-all=route"];
    assert_eq!(included(&two), kinds(true, true, false, false));
    assert_eq!(included(&["--include-all=listener"]), kinds(true, false, false, false));
}

#[test]
fn a_message_size_may_be_typed_as_kubernetes_writes_it() {
    for (typed, in_file) in [("4Mi", "4Mi"), ("4MiB", "4Mi"), ("1000M", "1G"), ("1Gi", "1Gi"), ("64k", "64k")]
    {
        assert_eq!(stanza(&["--max-message-size", typed])["maxMessageSize"], in_file, "{typed}");
    }
}

#[test]
fn without_hooks_those_are_asked_for_that_can_be_called() {
    for (arguments, expected) in [
        (&["--resource=example.io/v1/A"][..], &["Route", "VirtualHost", "HTTPListener", "Translation"][..]),
        (&["--policy-resource=example.io/v1/A"], &["Route", "VirtualHost", "HTTPListener", "Translation"]),
        (
            &["--policy-resource=example.io/v1/A", "--eg-version=1.8"],
            &["VirtualHost", "HTTPListener", "Translation"],
        ),
        (
            &["--backend-resource=example.io/v1/A"],
            &["Route", "VirtualHost", "HTTPListener", "Cluster", "Translation"],
        ),
    ] {
        assert_eq!(stanza(arguments)["hooks"]["xdsTranslator"]["post"], json!(expected), "{arguments:?}");
    }
}

/// A backend of the extension's own kind is a reason to ask for the route, too.
#[test]
fn a_backend_of_the_extension_makes_envoy_gateway_call_route() {
    let arguments = ["config", "stanza", "--hook=Route", "--backend-resource=example.io/v1/A"];
    written(&arguments);
    written(&[&arguments[..], &["--policy-resource=example.io/v1/B", "--eg-version=1.8"]].concat());
}

#[test]
fn what_envoy_gateway_would_misread_or_does_not_know_is_refused() {
    let refused = |words: &[&str], expected: &str| {
        let run = egext(words).assert().code(2).stdout_eq("");
        assert_eq!(String::from_utf8_lossy(&run.get_output().stderr), expected, "{words:?}");
    };
    for (command, expected) in rows(include_str!("refused.txt")) {
        refused(&command.split(' ').collect::<Vec<_>>(), expected);
    }
    refused(
        &["config", "stanza", "--dir=a\nb"],
        "error: the path `a\\nb` is empty, not UTF-8 or has control characters\n  hint: rename it, or reach it by a symbolic link\n",
    );
    let long = format!("/{}", "x".repeat(107));
    refused(
        &["config", "stanza", "--socket", &long],
        &format!(
            "error: the path of a unix socket has at most 107 bytes, `{long}` has 108\n  hint: choose a plain short path, such as `/run/egext/eg.sock`\n"
        ),
    );
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    for arguments in [
        &["--native-tls"][..],
        &["--native-tls", "--server=a:1", "--socket=/run/eg.sock"],
        &["--native-tls", "--server=a:1", "--upstream=a:1"],
        &["--server=a:1"],
        &["--client-secret=a"],
        &["--ca-secret=a"],
        &["--namespace=a"],
    ] {
        egext(&["config", "stanza"]).args(arguments).assert().code(2).stdout_eq("");
    }
}

#[test]
fn flags_may_come_from_the_environment() {
    let typed = written(&["config", "stanza", "--eg-version=1.7", "--hook=VirtualHost", "--socket=/run/a"]);
    let from_environment = egext(&["config", "stanza"])
        .env("EGEXT_EG_VERSION", "1.7")
        .env("EGEXT_HOOK", "VirtualHost")
        .env("EGEXT_SOCKET", "/run/a")
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&from_environment.get_output().stdout), typed);
}

#[test]
fn the_order_of_hooks_and_repetitions_change_nothing() {
    let one = written(&["config", "stanza", "--hook=Translation,VirtualHost"]);
    let other = written(&["config", "stanza", "--hook=virtualhost", "--hook=Translation,VirtualHost"]);
    assert_eq!(one, other);
}

#[test]
fn the_report_in_json_has_what_a_person_gets_and_more() {
    let flags = ["config", "stanza", "--hook=VirtualHost", "--eg-version=v1.8.1"];
    let json = json(egext(&flags).arg("-o=json").assert().success());
    assert_eq!(json["command"], "config stanza");
    assert_eq!(json["status"], "ok");
    assert_eq!(json["eg_version"], "1.8");
    assert_eq!(json["mode"], "standalone");
    assert_eq!(
        json["bridge_command"],
        "egext bridge --listen unix:/run/egext/eg.sock --upstream localhost:5005 --dir certs --admin unix:/run/egext/admin.sock --connect-wait forever"
    );
    assert_eq!(json["yaml"], written(&flags));
}

/// `egext doctor` looks for the admin server next to the socket.
#[test]
fn the_bridge_has_an_admin_server_beside_its_socket() {
    let admin = |flags: &[&str]| {
        let run = egext(&["config", "stanza", "--hook=VirtualHost", "-o=json"]).args(flags).assert();
        let json = json(run.success());
        let command = json["bridge_command"].as_str().expect("a command").to_owned();
        command.split_once(" --admin ").map(|(_, rest)| rest.split(' ').next().unwrap_or(rest).to_owned())
    };
    assert_eq!(admin(&["--socket", "/run/a/b.sock"]).as_deref(), Some("unix:/run/a/admin.sock"));
    assert_eq!(admin(&["--socket", "/run/a/admin.sock"]), None, "EG calls it");
    // A long path with a short name at its end has no room for it.
    assert_eq!(admin(&["--socket", &format!("/{}/s", "x".repeat(100))]), None);
    // Another manager's bridge may have the one next to its socket.
    assert_eq!(admin(&["--socket", "/run/a/b.sock", "--name", "one"]), None);
}

#[test]
fn with_native_tls_there_is_no_bridge_command() {
    let json =
        json(egext(&["config", "stanza", "--native-tls", "--server=a:1", "-o=json"]).assert().success());
    assert!(json["bridge_command"].is_null());
    assert_eq!(json["findings"][0]["id"], "config.native-tls-unusable");
    assert_eq!(json["findings"][0]["severity"], "warning");
}
