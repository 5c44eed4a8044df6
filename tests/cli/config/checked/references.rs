//! What the objects in resource files refer to.

use std::fs;
use std::os::unix::fs::symlink;

use egext_test_support::Run;
use tempfile::TempDir;

use super::super::egext;

/// An EnvoyGateway file and one resource file.
struct Files(TempDir);

impl Files {
    fn new(resources: &str) -> Self {
        let this = Self(tempfile::tempdir().expect("a directory"));
        fs::create_dir(this.0.path().join("resources")).expect("a directory");
        this.write("resources/all.yaml", resources);
        this.configured(&this.0.path().join("resources").display().to_string());
        this
    }

    fn configured(&self, resources: &str) {
        self.write(
            "eg.yaml",
            &format!(
                "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {{controllerName: example.io/eg}}
provider:
  type: Custom
  custom:
    resource: {{type: File, file: {{paths: ['{resources}']}}}}
    infrastructure: {{type: Host, host: {{}}}}
extensionManager:
  hooks: {{xdsTranslator: {{post: [VirtualHost]}}}}
  service: {{unix: {{path: /run/a.sock}}}}
"
            ),
        );
    }

    #[expect(clippy::disallowed_methods, reason = "the product does not write these files, their user does")]
    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("a file");
    }

    fn check(&self) -> Run {
        self.check_by(&[])
    }

    fn check_by(&self, arguments: &[&str]) -> Run {
        let check = ["config", "check", "eg.yaml", "resources", "-o", "json"];
        egext(&check).args(arguments).current_dir(self.0.path()).run()
    }

    fn found(&self) -> Vec<String> {
        self.found_by(&[])
    }

    /// Place, id and message of each finding.
    fn found_by(&self, arguments: &[&str]) -> Vec<String> {
        let run = self.check_by(arguments);
        assert_eq!(run.stderr, "", "{run:?}");
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("a list");
        let line = |finding: &serde_json::Value| {
            let (path, line) = (&finding["location"]["path"], &finding["location"]["line"]);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}:{line} {}: {}", text(path), text(&finding["id"]), text(&finding["message"]))
        };
        findings.iter().map(line).collect()
    }
}

const WHOLE: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: example.io/eg
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: proxy, namespace: envoy-gateway-system}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: proxy}
spec: {provider: {type: Host, host: {envoyVersion: '1.39.1'}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway, namespace: own}
spec:
  gatewayClassName: eg
  listeners:
    - {name: a, tls: {certificateRefs: [{name: certificate}]}, port: 443, protocol: HTTPS}
---
apiVersion: v1
kind: Secret
metadata: {name: certificate, namespace: own}
type: kubernetes.io/tls
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: own}
spec:
  parentRefs: [{name: gateway}]
  rules:
    - filters: [{type: ExtensionRef, extensionRef: {group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: filter}}]
      backendRefs: [{name: service}, {group: gateway.envoyproxy.io, kind: Backend, name: backend}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: HTTPRouteFilter
metadata: {name: filter, namespace: own}
spec: {urlRewrite: {hostname: {type: Backend}}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: backend, namespace: own}
spec: {endpoints: [{fqdn: {hostname: a.b, port: 80}}]}
---
apiVersion: v1
kind: Service
metadata: {name: service, namespace: own}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: policy, namespace: own}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
";

#[test]
fn objects_that_are_all_there_are_fine() {
    assert_eq!(Files::new(WHOLE).found(), [""; 0]);
}

/// Each reference is broken alone.
#[test]
fn a_reference_to_nothing_is_named_with_its_line() {
    for (object, missing) in [
        (
            "metadata: {name: proxy}",
            "all.yaml:6 config.reference-missing: no EnvoyProxy `proxy` in namespace `envoy-gateway-system`",
        ),
        (
            "metadata: {name: certificate, namespace: own}",
            "all.yaml:19 config.reference-missing: no Secret `certificate` in namespace `own`",
        ),
        (
            "metadata: {name: gateway, namespace: own}",
            "all.yaml:30 config.reference-missing: no Gateway `gateway` in namespace `own`",
        ),
        (
            "metadata: {name: filter, namespace: own}",
            "all.yaml:32 config.reference-missing: no HTTPRouteFilter `filter` in namespace `own`",
        ),
        (
            "metadata: {name: service, namespace: own}",
            "all.yaml:33 config.reference-missing: no Service `service` in namespace `own`",
        ),
        (
            "metadata: {name: backend, namespace: own}",
            "all.yaml:33 config.reference-missing: no Backend `backend` in namespace `own`",
        ),
        (
            "metadata: {name: route, namespace: own}",
            "all.yaml:53 config.reference-missing: no HTTPRoute `route` in namespace `own`",
        ),
        ("metadata: {name: eg}", "all.yaml:17 config.reference-missing: no GatewayClass `eg`"),
    ] {
        let other = object.replace("name: ", "name: other-");
        let found = Files::new(&WHOLE.replace(object, &other)).found();
        assert_eq!(found, [format!("resources/{missing} is among the resources")], "{object}");
    }
}

#[test]
fn a_gateway_class_of_another_controller_is_none() {
    let files =
        Files::new(&WHOLE.replace("controllerName: example.io/eg", "controllerName: example.io/other"));
    let found = files.found();
    assert_eq!(
        found,
        [
            "eg.yaml:3 config.gateway-class-missing: no GatewayClass of the controller `example.io/eg` is among the \
          resources, so EG serves nothing and calls no hook"
        ]
    );
    assert!(files.check().stdout.contains("GatewayClass `eg` has `controllerName: example.io/other`"));
}

/// EG validates the objects of its own groups by their CRDs.
#[test]
fn a_gateway_class_without_a_controller_keeps_all_files_from_being_loaded() {
    let files = Files::new(&WHOLE.replace("  controllerName: example.io/eg\n", ""));
    let found = files.found();
    assert_eq!(
        found[1],
        "resources/all.yaml:5 config.load-broken: EG 1.9 loads no resources at all because of this file: \
         spec.controllerName: Required value"
    );
    assert!(
        found.len() == 2 && found[0].starts_with("eg.yaml:3 config.gateway-class-missing: "),
        "{found:?}"
    );
    assert!(!files.check().stdout.contains("controllerName: `"), "a name that cannot be copied");
}

#[test]
fn what_is_loaded_and_not_read_is_told_of() {
    let list = "---\napiVersion: v1\nkind: List\nitems: []\n";
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n";
    let found = Files::new(&format!("{WHOLE}{list}{secret}")).found();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("resources/all.yaml:55 config.list-ignored: "), "{found:?}");
    assert!(found[1].starts_with("resources/all.yaml:62 config.secret-string-data: "), "{found:?}");
}

/// No API server makes `Opaque` of none, and no listener takes either.
#[test]
fn the_secret_of_a_listener_has_a_type() {
    for (kind, release, line) in [
        ("", "1.9", Some(21)),
        ("type: Opaque\n", "1.9", Some(24)),
        ("type: gateway.envoyproxy.io/sds\n", "1.8", Some(24)),
        ("type: gateway.envoyproxy.io/sds\n", "1.9", None),
    ] {
        let files = Files::new(&WHOLE.replace("type: kubernetes.io/tls\n", kind));
        let found = files.found_by(&["--eg-version", release]);
        let expected = line.map(|line| {
            format!(
                "resources/all.yaml:{line} config.secret-type: EG {release} serves no listener with this Secret: its type \
                 is not `kubernetes.io/tls`"
            )
        });
        assert_eq!(found, Vec::from_iter(expected), "{kind}");
    }
}

#[test]
fn the_version_of_envoy_has_to_be_there() {
    let written = "{envoyVersion: '1.39.1'}";
    for (host, release, expected) in [
        ("{envoyVersion: latest}", "1.9", ":11 config.envoy-version: `latest` is no version number"),
        ("{envoyVersion: v1.39.1}", "1.9", ":11 config.envoy-version: `v1.39.1` is no version number"),
        ("{envoyVersion: '1.38.3'}", "1.9", ":11 config.envoy-version: Envoy 1.38.3 is older than 1.39.1"),
        ("{envoyVersion: '1.40.0'}", "1.9", ""),
        ("{envoyVersion: '1.38.0'}", "1.8", ""),
        ("{}", "1.9", ":11 config.envoy-version: no version of Envoy is named, so EG 1.9 asks the network"),
        ("{}", "1.9.0", ""),
        ("{}", "1.8", ""),
        ("{envoyVersion: 1.39}", "1.9", ":11 config.load-broken: EG 1.9 loads no resources at all"),
        (written, "1.5", ":11 config.load-broken: EG 1.5 loads no resources at all"),
    ] {
        let files = Files::new(&WHOLE.replace(written, host));
        let found = files.found_by(&["--eg-version", release]);
        let found = found.iter().filter(|line| !line.starts_with("eg.yaml")).collect::<Vec<_>>();
        match expected {
            "" => assert_eq!(found, [""; 0], "{host} {release}"),
            _ => assert!(
                found.len() == 1 && found[0].starts_with(&format!("resources/all.yaml{expected}")),
                "{host} {release}: {found:?}"
            ),
        }
    }
}

/// EG takes it for a file, and reads nothing at all.
#[test]
fn a_resource_directory_that_is_a_link_is_an_error() {
    let files = Files::new(WHOLE);
    let link = files.0.path().join("link");
    symlink("resources", &link).expect("a link");
    files.configured(&link.display().to_string());
    let found = files.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("eg.yaml:7 config.path: "), "{found:?}");
    assert_eq!(files.check().exit_code, 1);
}
