//! Forms of a file beside one extension in block style: a list of them, collections in braces, a ConfigMap.

use serde_json::{Value, json};
use snapbox::str;

use super::Place;

const HEADER: &str = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n";

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

#[test]
fn an_extension_of_a_list_is_found_by_its_name() {
    let file = format!(
        "{HEADER}extensionManagers:
# The first one.
- service:
    # Where it is.
    fqdn:
      hostname: ext.example.com
      port: 5005
  name: tuner  # ours
  failOpen: true
# Of another team.
- name: other
  service: &other
    ip: {{address: 10.0.0.7, port: 5005}}
  hooks: {{xdsTranslator: {{post: [Route]}}}}
- {{name: inline, service: {{unix: {{path: /run/a.sock}}}}, failOpen: true}}
# The end.
"
    );
    let arguments = ["--mode", "kubernetes", "--hook", "VirtualHost"];
    let text = Place::with(&file).patched(&[&arguments[..], &["--name", "tuner"]].concat());
    egext_test_support::assert_text(
        text,
        str![[r#"
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
extensionManagers:
# The first one.
- service:
    unix:
      path: /run/egext/eg.sock
  name: tuner  # ours
  failOpen: true
  hooks:
    xdsTranslator:
      # The server must answer each of these: UNIMPLEMENTED is an error like any other.
      post:
        - VirtualHost  # for each virtual host that has a route
# Of another team.
- name: other
  service: &other
    ip: {address: 10.0.0.7, port: 5005}
  hooks: {xdsTranslator: {post: [Route]}}
- {name: inline, service: {unix: {path: /run/a.sock}}, failOpen: true}
# The end.

"#]],
    );

    let text = Place::with(&file).patched(&[&arguments[..], &["--name", "inline"]].concat());
    let changed = "- {name: inline, service: {unix: {path: /run/egext/eg.sock}}, failOpen: true, hooks: {xdsTranslator: {post: [VirtualHost]}}}\n# The end.\n";
    assert!(text.ends_with(changed), "{text}");

    let text =
        Place::with(&file).patched(&[&arguments[..], &["--name", "new", "--server", "tcp://a.b:1"]].concat());
    let (kept, end) = file.split_once("# The end.").expect("its last line");
    let added = text.strip_prefix(kept).and_then(|rest| rest.strip_suffix(&format!("# The end.{end}")));
    assert!(added.is_some_and(|added| added.starts_with("- name: new\n  service:\n")), "{text}");
}

#[test]
fn a_list_is_made_where_there_is_none() {
    for (file, kept) in [
        (HEADER.to_owned(), HEADER),
        (format!("{HEADER}extensionManagers: []\n"), HEADER),
        (format!("{HEADER}extensionManagers:\n"), HEADER),
        (format!("{HEADER}extensionManagers: [{{name: a, service: {{host: b}}}}]\n"), HEADER),
        ("config: {envoyGateway: {provider: {type: Kubernetes}}}  # ours\n".to_owned(), "config: "),
    ] {
        let text = Place::with(&file).patched(&["--name", "tuner", "--mode", "kubernetes"]);
        assert!(text.starts_with(kept), "{text}");
        let mut read = read(&text);
        if file.starts_with("config") {
            assert!(text.ends_with("}}  # ours\n"), "{text}");
            read = read["config"]["envoyGateway"].clone();
        }
        let managers = read["extensionManagers"].as_array().expect("a list");
        let last = managers.last().expect("at least ours");
        assert_eq!(
            (&last["name"], &last["service"]),
            (&json!("tuner"), &json!({"unix": {"path": "/run/egext/eg.sock"}}))
        );
        assert_eq!(managers.len(), 1 + usize::from(file.contains("name: a")), "{text}");
    }
}

/// What is edited in braces stays in braces, with its quotes, its comments and its lines.
#[test]
fn a_mapping_in_braces_stays_one() {
    let arguments = ["--hook", "Route,Translation", "--mode", "kubernetes"];
    for (extension, expected) in [
        (
            "{service: {fqdn: {hostname: a.b, port: 1}}, failOpen: true}",
            "{service: {unix: {path: /run/egext/eg.sock}}, failOpen: true, hooks: {xdsTranslator: {post: [Route, Translation], translation: {listener: {includeAll: true}, route: {includeAll: true}, cluster: {includeAll: true}, secret: {includeAll: true}}}}}",
        ),
        (
            "\n  service: { tls: {certificateRef: {name: \"a, b}\"}}, 'fqdn': {hostname: \"a\", port: 1}, retry: {maxAttempts: 4} }  # one\n  hooks: {xdsTranslator: {post: [ 'Route', Route, Cluster ]}}",
            "\n  service: { unix: {path: /run/egext/eg.sock}, retry: {maxAttempts: 4} }  # one\n  hooks: {xdsTranslator: {post: [ 'Route', Route, Translation ], translation: {",
        ),
        (
            "\n  service: {\n    # Where it is.\n    unix: {path: '/it''s'}, # here\n  }\n  failOpen: false",
            "\n  service: {\n    # Where it is.\n    unix: {path: '/run/egext/eg.sock'}, # here\n  }\n  failOpen: false\n  hooks:\n",
        ),
        (
            "\n  hooks: {xdsTranslator: {pre: [it's, \"}\"], post}, # {\n    }",
            "\n  hooks: {xdsTranslator: {pre: [it's, \"}\"], post: [Route, Translation], translation: {",
        ),
        ("{ }", "\n  service:\n    unix:\n"),
        ("{service: }", "{service: {unix: {path: /run/egext/eg.sock}}, hooks: "),
    ] {
        let text =
            Place::with(&format!("{HEADER}extensionManager: {extension}\n# The end.\n")).patched(&arguments);
        let found = text
            .strip_prefix(HEADER)
            .and_then(|text| text.strip_prefix("extensionManager:"))
            .unwrap_or_default();
        assert!(found.trim_start_matches(' ').starts_with(expected), "{extension}: {text}");
        let manager = &read(&text)["extensionManager"];
        assert_eq!(manager["service"]["unix"]["path"], "/run/egext/eg.sock", "{text}");
        assert!(manager["hooks"]["xdsTranslator"]["translation"]["secret"]["includeAll"] == true, "{text}");
        assert!(text.ends_with("\n# The end.\n"), "{text}");
    }
}

#[test]
fn the_text_of_a_config_map_keeps_its_indentation() {
    let map = "apiVersion: v1
kind: ConfigMap
metadata:
  name: envoy-gateway-config
data:
    # Read at the start.
    envoy-gateway.yaml: |-

      apiVersion: gateway.envoyproxy.io/v1alpha1
      kind: EnvoyGateway
      extensionManager:
        failOpen: true
        service: {fqdn: {hostname: ext.example.com, port: 5005}}

      # The rest.
      logging: {level: {default: info}}
    other: text  # stays
";
    egext_test_support::assert_text(
        Place::with(map).patched(&["--hook", "VirtualHost", "--server", "tcp://10.0.0.7:5005"]),
        str![[r#"
apiVersion: v1
kind: ConfigMap
metadata:
  name: envoy-gateway-config
data:
    # Read at the start.
    envoy-gateway.yaml: |-

      apiVersion: gateway.envoyproxy.io/v1alpha1
      kind: EnvoyGateway
      extensionManager:
        failOpen: true
        service: {ip: {address: "10.0.0.7", port: 5005}}
        hooks:
          xdsTranslator:
            # The server must answer each of these: UNIMPLEMENTED is an error like any other.
            post:
              - VirtualHost  # for each virtual host that has a route

      # The rest.
      logging: {level: {default: info}}
    other: text  # stays

"#]],
    );
    // At its end, with other line ends, and a text whose first line has blanks before it.
    for map in [
        format!(
            "kind: ConfigMap\r\ndata:\r\n  a: |+\r\n    {}\r\n",
            HEADER.trim_end().replace('\n', "\r\n    ")
        ),
        format!(
            "kind: ConfigMap\ndata:\n  a: |2\n      # ours\n    {}",
            HEADER.trim_end().replace('\n', "\n    ")
        ),
    ] {
        let text = Place::with(&map).patched(&[]);
        assert!(text.starts_with(&map), "{text}");
        let inner = read(read(&text)["data"]["a"].as_str().expect("a text"));
        assert_eq!(inner["extensionManager"]["service"]["unix"]["path"], "/run/egext/eg.sock");
        assert_eq!(text.contains("\r\n"), map.contains("\r\n"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count().max(text.lines().count()));
    }
}

/// As `helm template` and `kubectl get -o yaml` print them: one of many objects.
#[test]
fn a_config_map_of_a_stream_of_objects_is_patched_where_it_is() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: eg}\ndata:\n  envoy-gateway.yaml: |\n    \
               apiVersion: gateway.envoyproxy.io/v1alpha1\n    kind: EnvoyGateway\n    provider: {type: Kubernetes}\n";
    let (before, behind) = (
        "---\n# Source: eg/a.yaml\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: eg}\n---\n# the file\n",
        "---\napiVersion: v1\nkind: ConfigMap\ndata: {other: text}\n--- # last\nkind: Service\nb:\t{c: '...'}\n",
    );
    let arguments = ["--hook", "VirtualHost"];
    let alone = Place::with(map).patched(&arguments);
    for end in ["\n", "\r\n"] {
        let [map, alone, before, behind] = [map, &alone, before, behind].map(|text| text.replace('\n', end));
        let place = Place::with(&format!("{before}{map}{behind}"));
        assert_eq!(place.patched(&arguments), format!("{before}{alone}{behind}"));
    }
    // Places are those of the whole file.
    let place = Place::with(&format!("{before}{}{behind}", map.replace("{type: Kubernetes}", "&a *b")));
    let run = place.patch(&arguments).run();
    assert!(run.stderr.starts_with("error: `file.yaml:15:"), "{run:?}");
    // Of two, a person has to choose.
    let place = Place::with(&format!("{map}---\n{map}"));
    let run = place.patch(&arguments).run();
    assert!(run.stderr.starts_with("error: `file.yaml:10:1` was not changed: it has a second"), "{run:?}");
}

/// Where an inner mapping ends, the outer ones end as well: what is put into each comes in at the same line.
#[test]
fn what_stands_last_in_the_extension_does_not_matter() {
    let all = [
        "  failOpen: true\n",
        "  hooks:\n    xdsTranslator:\n      post:\n      - Route\n",
        "  hooks:\n    xdsTranslator:\n      post:\n        - Translation  # ours\n",
        "  hooks:\n    xdsTranslator:\n      translation:\n        listener:\n          includeAll: true\n",
        "  resources:\n  - group: a.example\n    version: v1\n    kind: A\n",
        "  service:\n    retry:\n      maxAttempts: 3\n",
    ];
    let arguments = ["--hook", "Route,Translation", "--resource", "b.example/v1/B"];
    for last in all {
        for first in [""].into_iter().chain(all) {
            if !first.is_empty() && first.split(':').next() == last.split(':').next() {
                continue;
            }
            let text = Place::with(&format!("{HEADER}extensionManager:\n{first}{last}# The end.\n"))
                .patched(&arguments);
            let extension = &read(&text)["extensionManager"];
            assert_eq!(extension["service"]["unix"]["path"], "/run/egext/eg.sock", "{text}");
            assert_eq!(
                extension["resources"],
                json!([{"group": "b.example", "version": "v1", "kind": "B"}]),
                "{text}"
            );
            assert!(extension["failOpen"].is_boolean(), "{text}");
            assert_eq!(
                extension["hooks"]["xdsTranslator"]["translation"]["secret"]["includeAll"], true,
                "{text}"
            );
            assert!(text.ends_with("# The end.\n"), "{text}");
        }
    }
}

/// A server that attaches filters to listeners, such as ai-gateway's, gets none if this is taken away, and nothing says so.
#[test]
fn what_translation_gets_stays_with_the_hooks() {
    let switches = "      translation:\n        listener: {includeAll: true}\n        secret:\n          includeAll: false\n";
    let block = |switches: &str| {
        format!(
            "{HEADER}extensionManager:\n  hooks:\n    xdsTranslator:\n      post: [Translation]\n{switches}"
        )
    };
    let flow = format!(
        "{HEADER}extensionManager: {{hooks: {{xdsTranslator: {{post: [Translation], translation: {{route: {{includeAll: true}}}}}}}}}}\n"
    );
    let flow_without =
        format!("{HEADER}extensionManager: {{hooks: {{xdsTranslator: {{post: [Translation]}}}}}}\n");
    for file in [block(switches), block(""), flow, flow_without] {
        let text = Place::with(&file).patched(&[]);
        let hooks = |text: &str| read(text)["extensionManager"]["hooks"].clone();
        assert_eq!(hooks(&text), hooks(&file), "{text}");
        assert_eq!(
            read(&text)["extensionManager"]["service"]["unix"]["path"],
            "/run/egext/eg.sock",
            "{text}"
        );

        for arguments in [["--include-all", "listener,route"], ["--hook", "Translation"]] {
            let text = Place::with(&file).patched(&arguments);
            let translation = &hooks(&text)["xdsTranslator"]["translation"];
            assert_eq!(translation["route"]["includeAll"], true, "{text}");
            assert_eq!(translation["secret"]["includeAll"], arguments[0] == "--hook", "{text}");
        }
    }
}

#[test]
fn a_document_can_have_an_end_and_lines_of_blanks() {
    let rest = "...\n# The end.\n";
    for extension in ["", "extensionManager:\n  failOpen: true\n"] {
        let text = Place::with(&format!("{HEADER}{extension}{rest}")).patched(&[]);
        assert!(text.starts_with(&format!("{HEADER}extensionManager:\n")) && text.ends_with(rest), "{text}");
    }

    let file = "apiVersion: v1\nkind: ConfigMap\ndata:\n  envoy-gateway.yaml: |\n    kind: EnvoyGateway\n \n    extensionManager:\n      failOpen: true\n  \n  other: a\n";
    let text = Place::with(file).patched(&[]);
    assert!(text.contains("\n \n    extensionManager:\n      failOpen: true\n      service:\n"), "{text}");
    assert!(text.ends_with("\n  \n  other: a\n"), "{text}");
}
