//! Configuration becomes text.

use super::configuration::host_and_port;
use super::header::header;
use super::hook::Called as _;
use super::include::translation;
use super::preset::extension_apis;
use super::provider::provider;
use super::releases::Fact;
use super::yaml::{Item, KeyValue, Node, comment, document};
use super::{Configuration, Mode, NativeTls, Resource, Service, WholeFile, comments, logging};
use crate::extension::Hook;
use crate::host::Host;
use crate::net::{Address, Transport};
use crate::units::Size;

/// The text of [`Configuration::yaml`].
pub(super) fn yaml(configuration: &Configuration) -> String {
    let mut text = String::new();
    comment(&mut text, &header(configuration), 0);
    let entries = match &configuration.request.file {
        Some(file) => envoy_gateway(configuration, file),
        None => extension_apis(&configuration.request)
            .into_iter()
            .chain([extension_manager(configuration)])
            .collect(),
    };
    let request = &configuration.request;
    if request.file.is_none() && (request.preset.is_some() || request.name.is_some()) {
        // What follows is a comment about the first key only.
        text.push('\n');
    }
    text.push_str(&document(&entries));
    text
}

fn envoy_gateway(configuration: &Configuration, file: &WholeFile) -> Vec<KeyValue> {
    let mut entries = vec![
        KeyValue::new("apiVersion", "gateway.envoyproxy.io/v1alpha1"),
        KeyValue::new("kind", "EnvoyGateway"),
        KeyValue::new("gateway", vec![KeyValue::new("controllerName", file.controller_name.as_str())]),
        KeyValue::new("provider", provider(configuration.request.mode, file)),
    ];
    entries.extend(logging::entry(&file.logging));
    entries.extend(extension_apis(&configuration.request));
    entries.push(extension_manager(configuration));
    entries
}

pub(super) fn extension_manager(configuration: &Configuration) -> KeyValue {
    let request = &configuration.request;
    let mut reached = service(&request.service);
    reached.extend(request.retry.entry());
    let name = request.name.as_ref().map(|name| KeyValue::new("name", name.as_str()));
    let mut entries = name.into_iter().chain([KeyValue::new("service", reached)]).collect::<Vec<_>>();
    let included = !request.include_all.is_empty();
    let note = |hook: Hook| {
        if included && hook == Hook::Translation { comments::TRANSLATION } else { hook.called() }
    };
    let post = request.hooks.iter().map(|hook| Item { value: hook.name().into(), note: note(*hook) });
    let mut translator = vec![KeyValue::new("post", Node::List(post.collect())).commented(comments::HOOKS)];
    translator.extend(translation(&configuration.request));
    entries.push(KeyValue::new("hooks", vec![KeyValue::new("xdsTranslator", translator)]));
    let mut note = match request.mode {
        Mode::Standalone if !request.version.has(Fact::LoadCustom) => comments::NOT_LOADABLE,
        Mode::Standalone => "",
        Mode::CustomKubernetes | Mode::Kubernetes => comments::WATCHED,
    };
    for (key, resources) in [
        ("resources", &request.resources),
        ("policyResources", &request.policy_resources),
        ("backendResources", &request.backend_resources),
    ] {
        if !resources.is_empty() {
            entries.push(KeyValue::new(key, kinds(resources)).commented(note));
            note = "";
        }
    }
    let on_error = match (request.fail_open, &request.name) {
        (false, _) => comments::FAIL_CLOSED,
        (true, None) => comments::FAIL_OPEN,
        (true, Some(_)) => comments::FAIL_OPEN_ONE_OF_SEVERAL,
    };
    entries.push(KeyValue::new("failOpen", Node::Bool(request.fail_open)).commented(on_error));
    if let Some(size) = request.max_message_size {
        entries
            .push(KeyValue::new("maxMessageSize", quantity(size).as_str()).commented(comments::MESSAGE_SIZE));
    }
    if request.name.is_some() {
        let list = vec![Item { value: Node::Map(entries), note: "" }];
        return KeyValue::new("extensionManagers", Node::List(list)).commented(comments::SEVERAL);
    }
    KeyValue::new("extensionManager", entries)
}

fn service(service: &Service) -> Vec<KeyValue> {
    match service {
        Service::Bridge(bridge) => {
            vec![KeyValue::new("unix", vec![KeyValue::new("path", bridge.socket.as_str())])]
        }
        Service::NativeTls(tls) => {
            let target = target(&tls.server, Transport::Tls);
            let mut secrets = vec![
                KeyValue::new("certificateRef", secret(tls, tls.ca_secret.as_str()))
                    .commented("The CA that issued the server's certificate, under the key `tls.crt`."),
            ];
            if let Some(name) = &tls.client_secret {
                secrets.push(
                    KeyValue::new("clientCertificateRef", secret(tls, name.as_str()))
                        .commented("EG's own certificate and key: `tls.crt` and `tls.key`."),
                );
            }
            vec![target, KeyValue::new("tls", secrets)]
        }
        Service::Plaintext(server) => vec![target(server, Transport::Plaintext)],
    }
}

/// The server that EG calls by itself.
fn target(server: &Address, with: Transport) -> KeyValue {
    let (host, port) = host_and_port(server, with).expect("`Configuration::decide` has checked it");
    let port = KeyValue::new("port", Node::Integer(port.into()));
    let (key, name, value) = match host {
        Host::Ip(address) => ("ip", "address", address.to_string()),
        Host::Name(name) => ("fqdn", "hostname", name.to_string()),
    };
    KeyValue::new(key, vec![KeyValue::new(name, value.as_str()), port])
}

/// A reference with everything written out: up to 1.5 EG refuses one without `kind`.
fn secret(tls: &NativeTls, name: &str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("group", ""),
        KeyValue::new("kind", "Secret"),
        KeyValue::new("name", name),
        KeyValue::new("namespace", tls.namespace.as_str()),
    ]
}

fn kinds(resources: &[Resource]) -> Node {
    let item = |Resource { group, version, kind }: &Resource| Item {
        value: Node::Map(vec![
            KeyValue::new("group", group.as_str()),
            KeyValue::new("version", version.as_str()),
            KeyValue::new("kind", kind.as_str()),
        ]),
        note: "",
    };
    Node::List(resources.iter().map(item).collect())
}

/// A quantity of Kubernetes: `4Mi`, not `4MiB`.
fn quantity(size: Size) -> String {
    match size.to_string().strip_suffix('B') {
        Some(binary) => binary.to_owned(),
        None => size.decimal(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::gateway::{AbsolutePath, BridgeCommand, Request, SocketPath, TextPath, Version};

    /// What a reader that is not ours makes of it.
    fn read(yaml: &str) -> Value {
        serde_saphyr::from_str(yaml).expect("what we wrote")
    }

    fn bridge(socket: &str, upstream: &str, material: &str) -> Option<BridgeCommand> {
        Some(BridgeCommand {
            socket: SocketPath::try_from(Path::new(socket)).ok()?,
            alone: true,
            upstream: upstream.parse().ok()?,
            material: TextPath::try_from(Path::new(material)).ok()?,
            hold: false,
            resync: Vec::new(),
        })
    }

    fn hooks() -> impl Strategy<Value = Vec<Hook>> {
        proptest::sample::subsequence(Hook::ALL.to_vec(), 1..=Hook::ALL.len())
    }

    fn resources() -> impl Strategy<Value = Vec<Resource>> {
        let resource = "[a-z0-9]{1,3}(\\.[a-z0-9]{1,3}){0,2}/[a-z][a-z0-9]{0,3}/[A-Za-z][A-Za-z0-9]{0,5}";
        vec(resource.prop_map(|text| text.parse().expect("well formed")), 1..4)
    }

    fn kinds_read(resources: &[Resource]) -> Value {
        let mut seen: Vec<&Resource> = Vec::new();
        for resource in resources {
            if !seen.contains(&resource) {
                seen.push(resource);
            }
        }
        let kind = |r: &&Resource| json!({"group": r.group, "version": r.version, "kind": r.kind});
        seen.iter().map(kind).collect()
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_read_back_as_it_was_typed(
            socket in "/\\PC{0,20}|/.{0,20}",
            material in ".{0,12}",
            upstream in "localhost:5005|tcp://\\[::1\\]:1|unix:.{0,12}",
            hooks in hooks(),
            resources in resources(),
            policies in resources(),
            backends in resources(),
            fail_open: bool,
            octets in 1_u64..(2 << 30),
        ) {
            let Some(bridge) = bridge(&socket, &upstream, &material) else { return Ok(()) };
            let request = Request {
                hooks: hooks.clone(),
                resources: resources.clone(),
                policy_resources: policies.clone(),
                backend_resources: backends.clone(),
                fail_open,
                max_message_size: Some(Size::from_octets(octets)),
                ..Request::new(bridge)
            };
            let Ok(configuration) = Configuration::decide(request) else { return Ok(()) };
            let manager = &read(&configuration.yaml())["extensionManager"];
            prop_assert_eq!(&manager["service"], &json!({"unix": {"path": socket}}));
            let names: Vec<&str> = hooks.iter().map(|hook| hook.name()).collect();
            prop_assert_eq!(&manager["hooks"]["xdsTranslator"]["post"], &json!(names));
            prop_assert_eq!(&manager["resources"], &kinds_read(&resources));
            prop_assert_eq!(&manager["policyResources"], &kinds_read(&policies));
            prop_assert_eq!(&manager["backendResources"], &kinds_read(&backends));
            prop_assert_eq!(&manager["failOpen"], &json!(fail_open));
            prop_assert_eq!(octets_read(manager["maxMessageSize"].as_str().expect("text")), octets);
        }

        #[test]
        fn every_path_of_a_whole_file_is_read_back(directory in "/.{0,20}", home in "/.{0,20}") {
            let absolute = |text: &str| AbsolutePath::try_from(Path::new(text)).ok();
            let home_path = absolute(&home).filter(|home| !home.is_root());
            let (Some(directory_path), Some(home_path)) = (absolute(&directory), home_path) else {
                return Ok(());
            };
            let request = Request {
                file: Some(WholeFile {
                    resources_dirs: vec![directory_path],
                    controller_name: "example.io/mine".parse().expect("well formed"),
                    home: Some(home_path.clone()),
                    backend_api: true,
                    logging: Vec::new(),
                }),
                ..Request::new(bridge("/run/eg.sock", "localhost:5005", "certs").expect("well formed"))
            };
            let file = read(&Configuration::decide(request).expect("1.9 has all of it").yaml());
            let custom = &file["provider"]["custom"];
            prop_assert_eq!(&custom["resource"], &json!({"type": "File", "file": {"paths": [directory]}}));
            prop_assert_eq!(&custom["infrastructure"]["host"], &json!({
                "configHome": home_path.join("config").as_str(),
                "dataHome": home_path.join("data").as_str(),
                "stateHome": home_path.join("state").as_str(),
                "runtimeDir": home_path.join("run").as_str(),
            }));
            prop_assert_eq!(&file["gateway"]["controllerName"], "example.io/mine");
        }
    }

    /// As Kubernetes reads a quantity.
    fn octets_read(quantity: &str) -> u64 {
        let digits = quantity.trim_end_matches(char::is_alphabetic);
        let factor = match &quantity[digits.len()..] {
            "" => 1,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            "k" => 1000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            other => panic!("`{other}` is no unit"),
        };
        digits.parse::<u64>().expect("a number") * factor
    }

    #[test]
    fn a_size_is_written_in_units_of_kubernetes() {
        for (typed, written) in [
            ("4MiB", "4Mi"),
            ("1GiB", "1Gi"),
            ("64KiB", "64Ki"),
            ("4194305", "4194305"),
            ("1000M", "1G"),
            ("1500k", "1500k"),
        ] {
            assert_eq!(quantity(typed.parse().expect(typed)), written);
        }
    }

    #[test]
    fn every_version_gets_a_file_without_keys_that_it_does_not_know() {
        for version in Version::ALL {
            let request = Request {
                version: *version,
                ..Request::new(bridge("/run/eg.sock", "localhost:5005", "certs").expect("well formed"))
            };
            let configuration = Configuration::decide(request).expect("the default works with every version");
            assert!(configuration.findings().is_empty(), "{version}");
            let manager = read(&configuration.yaml())["extensionManager"].clone();
            let keys: Vec<&String> = manager.as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["service", "hooks", "failOpen"], "{version}");
        }
    }
}
