//! Files that belong to a configuration: Secrets, certificates, resources.

use std::fs;
use std::os::unix::fs::symlink;

use data_encoding::BASE64;
use tempfile::TempDir;

use super::super::egext;
use super::checked;

/// A set, the Secrets made of it, and a file that refers to them.
struct Referring(TempDir);

impl Referring {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let run = |arguments: &[&str]| egext(arguments).current_dir(directory.path()).run();
        assert_eq!(run(&["certs", "init"]).exit_code, 0);
        let secrets = run(&["config", "secrets"]).stdout;
        let this = Self(directory);
        this.write("secrets.yaml", &secrets);
        this.write("eg.yaml", REFERRING);
        this
    }

    #[expect(clippy::disallowed_methods, reason = "the product does not write these files, their user does")]
    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("a file")
    }

    /// As a value of a Secret.
    fn encoded(&self, name: &str) -> String {
        BASE64.encode(self.read(name).as_bytes())
    }

    fn checked(&self, arguments: &[&str]) -> String {
        let run = egext(&["config", "check", "eg.yaml", "secrets.yaml"]).args(arguments);
        let run = run.current_dir(self.0.path()).run();
        assert_eq!(run.stderr, "", "{run:?}");
        without_note(&run.stdout)
    }
}

/// The report without its last lines, and without the note about the server's name, which is always the same.
fn without_note(report: &str) -> String {
    let note =
        |line: &&str| line.contains(" as the server's name (SNI): ") || line.contains("asks the server;");
    let report = report.split("\n\n").next().unwrap_or_default();
    report.lines().filter(|line| !note(line)).collect::<Vec<_>>().join("\n")
}

const REFERRING: &str = "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
extensionManager:
  hooks: {xdsTranslator: {post: [VirtualHost]}}
  service:
    fqdn: {hostname: a.b, port: 5005}
    tls:
      certificateRef: {name: egext-ca}
      clientCertificateRef: {name: egext-client}
";

#[test]
fn secrets_are_looked_up_as_envoy_gateway_does() {
    let files = Referring::new();
    let fine =
        "  √ eg.yaml: EG 1.9 accepts it: resources from Kubernetes; hooks VirtualHost; TLS to a.b:5005";
    assert_eq!(files.checked(&[]), fine);
    let found = files.checked(&["--namespace=other"]);
    assert!(
        found.starts_with("  × eg.yaml:8:23: no Secret `egext-ca` for namespace `other` is in these files")
    );
    assert!(found.contains("hint: it is in namespace `envoy-gateway-system`: write `namespace: "), "{found}");
    files.write("eg.yaml", &REFERRING.replace("egext-ca", "ca"));
    let found = files.checked(&[]);
    assert!(found.contains("cannot find Secret ca in namespace envoy-gateway-system\n"), "{found}");
    assert!(found.contains("hint: the files have `egext-ca`, `egext-client`: "), "{found}");
    // Without any manifest nothing is known of them.
    assert_eq!(checked(REFERRING, &[]).exit_code, 0);
}

#[test]
fn a_secret_is_judged_by_what_envoy_gateway_reads() {
    let files = Referring::new();
    let secrets = files.read("secrets.yaml");
    let (ca, leaf) = (files.encoded("certs/ca.crt"), files.encoded("certs/server.crt"));
    let (key, other) = (files.encoded("certs/client.key"), files.encoded("certs/server.key"));
    for (from, to, expected, says) in [
        (
            format!("tls.crt: {ca}"),
            format!("ca.crt: {ca}"),
            "the CA is under `ca.crt`",
            "no CA certificate found in",
        ),
        (format!("tls.crt: {ca}"), format!("x: {ca}"), "there is no `tls.crt`", "no CA certificate found in"),
        (
            "type: Opaque".to_owned(),
            "type: kubernetes.io/tls".to_owned(),
            "Kubernetes refuses a Secret of this type without `tls.key`",
            "cannot find Secret egext-ca in",
        ),
        (ca.clone(), leaf, "`tls.crt` has the server's certificate `egext server` in place of its CA's", ""),
        (
            ca.clone(),
            BASE64.encode(ca.as_bytes()),
            "`tls.crt` was encoded in Base64 twice",
            "failed to append certificates",
        ),
        (
            ca.clone(),
            "Tk9ORQ==".to_owned(),
            "`tls.crt` has no certificate in PEM",
            "failed to append certificates",
        ),
        // What the API server refuses is not there.
        (ca.clone(), "'?'".to_owned(), "`tls.crt` is not Base64", "cannot find Secret egext-ca in"),
        (
            ca.clone(),
            format!("{} {}", &ca[..8], &ca[8..]),
            "`tls.crt` has a blank in its Base64",
            "cannot find Secret",
        ),
        (ca.clone(), format!("{ca}{ca}="), "`tls.crt` is Base64 with a wrong end", "cannot find Secret"),
        (
            ca.clone(),
            "|-\n    -----BEGIN X-----".to_owned(),
            "`tls.crt` is PEM, and not Base64 of it",
            "cannot find Secret",
        ),
        ("tls.key".to_owned(), "key".to_owned(), "there is no `tls.key`", "no client private key found in"),
        (
            key.clone(),
            other,
            "`tls.key` is not the key of `tls.crt`",
            "failed to load client certificate and key",
        ),
        (key, "'?'".to_owned(), "`tls.key` is not Base64", "cannot find Secret egext-client in"),
    ] {
        files.write("secrets.yaml", &secrets.replace(&from, &to));
        let found = files.checked(&[]);
        assert_eq!(found.matches("secrets.yaml:").count(), 1, "{expected}: {found}");
        assert!(found.contains(expected) && found.contains(says), "{expected}: {found}");
        assert!(!found.contains(&*ca), "{expected}: {found}");
    }
    files.write("secrets.yaml", &secrets.replace("\ndata:", "\nstringData:").replace(&ca, "PEM"));
    assert!(files.checked(&[]).contains("`tls.crt` has no certificate in PEM"));
}

#[test]
fn secrets_are_read_in_each_form_that_kubectl_reads() {
    let files = Referring::new();
    let secret = |name: &str, data: &[(&str, &str)]| {
        let data: Vec<_> = data
            .iter()
            .map(|(key, file)| format!("{key}: {}", files.encoded(&format!("certs/{file}"))))
            .collect();
        let metadata = format!("{{name: {name}, namespace: envoy-gateway-system}}");
        format!("{{apiVersion: v1, kind: Secret, metadata: {metadata}, data: {{{}}}}}", data.join(", "))
    };
    let ca = secret("egext-ca", &[("tls.crt", "ca.crt")]);
    let client = secret("egext-client", &[("tls.crt", "client.crt"), ("tls.key", "client.key")]);
    for text in [
        format!("{ca}\n---\n{client}\n"),
        format!("---\n{ca}\n---\n{client}\n"),
        format!("apiVersion: v1\nkind: List\nitems:\n- {ca}\n- {client}\n"),
    ] {
        files.write("secrets.yaml", &text);
        let found = files.checked(&[]);
        assert!(found.starts_with("  √ eg.yaml: ") && found.lines().count() == 1, "{text}: {found}");
    }

    let other = secret("egext-ca", &[("tls.crt", "client.crt")]);
    files.write("secrets.yaml", &format!("{other}\n---\n{ca}\n---\n{client}\n"));
    let found = files.checked(&[]);
    let words = "Secret `egext-ca` is in secrets.yaml:1:93 and in secrets.yaml:3:93, with another certificate or key: ";
    assert!(found.contains("  ‼ secrets.yaml:3:93: ") && found.contains(words), "{found}");

    // EG's own file is JSON if it begins with a brace.
    files.write("eg.yaml", "{kind: EnvoyGateway}\n---\n{}\n");
    assert!(files.checked(&[]).contains("  × eg.yaml:1:2: not JSON: a key in double quotes is expected"));
}

#[test]
fn a_certificate_is_judged_as_envoy_gateway_does() {
    let files = Referring::new();
    let check = |arguments: &[&str]| {
        let run = egext(&["config", "check", "eg.yaml"]).args(arguments).current_dir(files.0.path()).run();
        without_note(&run.stdout)
    };
    for ca in ["secrets.yaml", "certs/ca.crt"] {
        let found = check(&[ca, "certs/server.crt"]);
        let refused = "  × eg.yaml:6:22: EG 1.9 refuses `certs/server.crt`: x509: certificate is valid for localhost, not a.b\n";
        assert!(found.starts_with(refused), "{ca}: {found}");
        assert!(found.contains("`egext certs show certs/server.crt`"), "{ca}: {found}");
    }
    files.write("eg.yaml", &REFERRING.replace("a.b", "localhost"));
    let found = check(&["secrets.yaml", "certs/server.crt", "certs/client.crt"]);
    assert!(found.starts_with("  √ eg.yaml: ") && found.lines().count() == 1, "{found}");
    let run = egext(&["certs", "init", "--dir=other"]).current_dir(files.0.path()).run();
    assert_eq!(run.exit_code, 0);
    let found = check(&["secrets.yaml", "other/server.crt"]);
    assert!(found.contains("x509: certificate signed by unknown authority"), "{found}");
    assert!(found.contains("hint: put the CA that issued it into the Secret"), "{found}");
    // Alone they mean nothing here.
    let run = egext(&["config", "check", "certs/server.crt", "certs/server.key"]);
    let run = run.current_dir(files.0.path()).run();
    assert_eq!((run.exit_code, run.stdout.matches("which is not checked").count()), (0, 2), "{run:?}");
}

/// As `helm template` prints it.
#[test]
fn the_file_is_found_among_many_objects() {
    let inner = REFERRING.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let config_map = format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  envoy-gateway.yaml: |\n{inner}");
    let stream = format!(
        "kind: ServiceAccount\n---\n# empty\n---\nkind: ConfigMap\n---\n{config_map}---\nkind: Job\n"
    );
    let run = checked(stream.replace("fqdn: ", "FQDN: "), &[]);
    assert!(
        run.stdout.contains("  × eg.yaml:16:9: EG 1.9 ignores `extensionManager.service.FQDN`"),
        "{run:?}"
    );
    let run = checked(stream + "---\na: [\n", &[]);
    assert!(run.stdout.starts_with("  × eg.yaml:23:4: not YAML: "), "{run:?}");
}

#[test]
fn a_secret_alone_is_not_checked() {
    let run = checked("apiVersion: v1\nkind: Secret\n", &[]);
    assert_eq!(run.exit_code, 0);
    assert!(
        run.stdout.starts_with("  · eg.yaml:1:1: this is a Secret without the file that refers to it"),
        "{run:?}"
    );
}

/// One file that Envoy Gateway cannot load keeps it from loading any.
#[test]
#[expect(clippy::disallowed_methods, reason = "the product does not write these files, their user does")]
fn a_resource_directory_is_read_as_envoy_gateway_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let write = |name: &str, text: &str| fs::write(path(name), text).expect("a file");
    fs::create_dir_all(path("r/below")).expect("a directory");
    symlink("nowhere", path("r/dangling")).expect("a link");
    symlink("below", path("r/directory")).expect("a link");
    write("r/.hidden", "[");
    write("r/below/README", "[");
    write("r/README.md", "Notes: see: there\n");
    write(
        "r/comment.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\n# nothing\n---\n{apiVersion: v1, kind: Secret, metadata: {name: b}}\n",
    );
    write("r/eg.yaml", "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n");
    let class = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: a}\nspec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n";
    write(
        "r/fine.yaml",
        &format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\n---\n{{apiVersion: apps/v1, kind: Deployment}}\n---\n{class}"
        ),
    );
    write("r/kinds.yaml", "apiVersion: a.b/v1\nkind: Mine\n---\napiVersion: a.b/v1\nkind: Other\n");
    write("r/list.yaml", "- a\n");
    write("r/no-kind.json", "{\"apiVersion\": \"v1\"}\n");
    let resource = "  resources: [{group: a.b, version: v1, kind: Mine}]\n";
    let service = "  service: {unix: {path: /run/a.sock}}\n  hooks: {xdsTranslator: {post: [Route]}}\n";
    write("eg.yaml", &format!("{STANDALONE}extensionManager:\n{resource}{service}"));
    let check = |arguments: &[&str]| {
        let run = egext(&["config", "check"]).args(arguments).current_dir(directory.path()).run();
        let lines = run.stdout.lines().filter_map(|line| line.trim_start().strip_prefix(['√', '×']));
        lines.map(|line| line.trim_start().replace(REASON, "*")).collect::<Vec<_>>()
    };
    assert_eq!(
        check(&["eg.yaml", "r"]),
        [
            "eg.yaml: EG 1.9 accepts it: standalone; hooks Route; plaintext to unix:/run/a.sock",
            "r/README.md:1:11: *it is not YAML: mapping values are not allowed in this context",
            "r/comment.yaml:5:1: *a document in it has nothing but comments or blank lines",
            "r/dangling:1:1: *No such file or directory (os error 2)",
            "r/directory:1:1: *it is a directory",
            "r/eg.yaml:2:7: *EG's own configuration file is no resource",
            "r/fine.yaml: found nothing that EG 1.9 refuses: 3 objects",
            "r/kinds.yaml:5:7: *no kind \"Other\" is registered for version \"a.b/v1\" in scheme",
            "r/list.yaml:1:1: *it is not a Kubernetes object",
            "r/no-kind.json:1:1: *a document in it has no `apiVersion` or no `kind`",
        ]
    );
    // Without the file it is not known which kinds the extension has.
    assert!(check(&["r"]).contains(&"r/kinds.yaml: found nothing that EG 1.9 refuses: 2 objects".to_owned()));
    let before = check(&["eg.yaml", "r", "--eg-version=1.6"]);
    let foreign = before.iter().filter(|line| line.contains("r/kinds.yaml:") && line.contains("no kind "));
    assert_eq!(foreign.count(), 2, "{before:?}");
}

/// EG validates an object as the API server would, and ends with all of them at one that is wrong.
#[test]
fn a_field_that_keeps_a_file_from_being_loaded_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n";
    let listener = "name: a, port: 80, protocol: HTTP";
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: h}\n";
    let filter = "type: RequestRedirect, requestRedirect: {}";
    let core =
        |kind: &str, rest: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n{rest}\n");
    let unknown = "Invalid value: value provided for unknown field";
    for (text, expected) in [
        (
            format!("{gateway}spec: {{gatewayClassName: c, listeners: [{{{listener}}}]}}\nmetadata: {{name: g}}\n"),
            String::new(),
        ),
        (
            format!("{gateway}spec: {{gatewayClassName: c, listeners: [{{{listener}}}]}}\n"),
            "1:1: *metadata.name: Required value: name or generateName is required; write `metadata".to_owned(),
        ),
        (
            gateway.replace("v1", "v2"),
            "1:13: *failed to locate OpenAPI spec for GV: gateway.networking.k8s.io/v2; write `apiVersion: gateway".to_owned(),
        ),
        (
            core("Configmap", ""),
            "2:7: *no kind \"Configmap\" is registered for version \"v1\" in scheme; did you mean `ConfigMap`?".to_owned(),
        ),
        (
            format!("{gateway}spec: {{gatewayClassName: c, listener: []}}\n"),
            format!("3:29: *spec.listener: {unknown}; did you mean `listeners`?"),
        ),
        (
            format!("{gateway}spec: {{gatewayClassName: c}}\n"),
            "3:7: *spec.listeners: Required value; write `listeners`".to_owned(),
        ),
        (
            format!("{gateway}spec: {{gatewayClassName: c, listeners: [{{{listener}}}, {{{listener}, hostnames: [a]}}]}}\n"),
            format!("3:114: *spec.listeners[1].hostnames: {unknown}; did you mean `hostname`?"),
        ),
        (
            format!("{gateway}metadata: {{name: 8080}}\n"),
            "3:18: *json: cannot unmarshal number into Go struct field ObjectMeta.name of type string; put it".to_owned(),
        ),
        (
            format!("{gateway}specs: {{}}\n"),
            format!("3:1: *specs: {unknown}; did you mean `spec`?"),
        ),
        (
            gateway.replace("Gateway", "gateway"),
            "2:7: *kind gateway not found in gateway.networking.k8s.io/v1 groupversion; did you mean `Gateway`?".to_owned(),
        ),
        (format!("{route}spec: {{rules: [{{filters: [{{{filter}}}]}}]}}\n"), String::new()),
        (
            format!("{route}spec: {{rules: [{{backendRef: []}}]}}\n"),
            format!("4:17: *spec.rules[0].backendRef: {unknown}; did you mean `backendRefs`?"),
        ),
        (
            "apiVersion: gateway.envoyproxy.io/v1\nkind: Backend\n".to_owned(),
            "1:13: *failed to locate OpenAPI spec for GV: gateway.envoyproxy.io/v1; write `apiVersion: gateway".to_owned(),
        ),
        (
            format!("{route}spec: {{rules: [{{matches: [{{path: {{values: /}}}}]}}]}}\n"),
            format!("4:35: *spec.rules[0].matches[0].path.values: {unknown}; did you mean `value`?"),
        ),
        (
            format!("{gateway}metadata: {{name: g, label: {{}}}}\n"),
            format!("3:21: *metadata.label: {unknown}; did you mean `labels`?"),
        ),
        (
            format!("{gateway}metadata: {{name: g}}\nkind: Gateway\n"),
            "4:1: *key \"kind\" already set in map; line 2 has it, too".to_owned(),
        ),
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyPatchPolicy\nmetadata: {name: a}\nspec: {type: JSONPatch, targetRef: {group: a.b, kind: C}}\n".to_owned(),
            "4:36: *spec.targetRef.name: Required value; write `name`".to_owned(),
        ),
        (
            gateway.replace("Gateway", "Mesh"),
            "2:7: *kind Mesh not found in gateway.networking.k8s.io/v1 groupversion; move the object out of".to_owned(),
        ),
        (core("ConfigMap", "data: {a: y}"), "4:11: *the value of `a` is no text; put it into quotes".to_owned()),
        (core("Secret", "data: {a: '%%%'}"), "4:11: *the value of `a` is not Base64; write what".to_owned()),
        (core("Secret", "data: {a: YQ==YQ==}"), "4:11: *the value of `a` is not Base64; write what".to_owned()),
        (core("Secret", "data: {a: YR==}"), String::new()),
        (core("Secret", "data: {a: YQ==}\nstringData: {b: '%'}"), String::new()),
        // Unknown fields of Kubernetes' own kinds are passed over.
        (core("ConfigMap", "foo: {a: 1}"), String::new()),
    ] {
        #[expect(clippy::disallowed_methods, reason = "the product does not write these files, their user does")]
        fs::write(directory.path().join("a.yaml"), &text).expect("a file");
        let run = egext(&["config", "check", "."]).current_dir(directory.path()).run();
        let mut lines = run.stdout.lines().map(str::trim_start);
        let first = lines.next().unwrap_or_default().replace(REASON, "*");
        let found = first.strip_prefix("× ./a.yaml:").map(|found| {
            let hint = lines.next().and_then(|line| line.strip_prefix("hint: ")).unwrap_or_default();
            format!("{found}; {hint}")
        });
        let found = found.unwrap_or_default();
        assert!(found.starts_with(&expected) && found.is_empty() == expected.is_empty(), "{expected}: {run:?}");
    }
}

/// Each release has CRDs of its own.
#[test]
fn what_a_release_does_not_know_yet_or_any_more_keeps_a_file_from_being_loaded() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = |key: &str| {
        let listeners = "listeners: [{name: a, port: 80, protocol: HTTP}]";
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g}}\nspec: {{{key}: {{}}, gatewayClassName: c, {listeners}}}\n"
        )
    };
    let route = |kind: &str, version: &str| {
        let rules = "rules: [{backendRefs: [{name: a, port: 9}]}]";
        format!(
            "apiVersion: gateway.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: r}}\nspec: {{hostnames: [a.b], {rules}}}\n"
        )
    };
    let tcp = |version: &str| route("TCPRoute", version).replace("hostnames: [a.b], ", "");
    for (release, text, expected) in [
        (
            "1.4",
            gateway("tls"),
            "4:8: 1 loads no: spec.tls: Invalid value: value provided for unknown field; take it out: EG has it from 1.6 on",
        ),
        ("1.6", gateway("tls"), ""),
        ("1.5", gateway("backendTLS"), ""),
        (
            "1.6",
            gateway("backendTLS"),
            "4:8: 1 loads no: spec.backendTLS: Invalid value: value provided for unknown field; take it out: EG had it up to 1.5",
        ),
        (
            "1.8",
            tcp("v1"),
            "1:13: 1 loads no: kind TCPRoute not found in gateway.networking.k8s.io/v1 groupversion; write `apiVersion: gateway.networking.k8s.io/v1alpha2`",
        ),
        ("1.9", tcp("v1"), ""),
        ("1.8", tcp("v1alpha2"), ""),
        (
            "1.9",
            tcp("v1alpha2"),
            "1:13: 1 ends: panic: interface conversion: interface {} is v1alpha2.TCPRouteSpec, not v1.TCPRouteSpec; write `apiVersion: gateway.networking.k8s.io/v1`",
        ),
        (
            "1.5",
            route("TLSRoute", "v1alpha3"),
            "1:13: 1 loads no: kind TLSRoute not found in gateway.networking.k8s.io/v1alpha3 groupversion; write `apiVersion: gateway.networking.k8s.io/v1alpha2`",
        ),
        (
            "1.7",
            route("TLSRoute", "v1alpha2"),
            "1:13: 1 ends: panic: interface conversion: interface {} is v1alpha2.TLSRouteSpec, not v1alpha3.TLSRouteSpec; write `apiVersion: gateway.networking.k8s.io/v1alpha3`",
        ),
        (
            "1.7",
            gateway("x").replace("Gateway\n", "ListenerSet\n"),
            "2:7: 1 loads no: kind ListenerSet not found in gateway.networking.k8s.io/v1 groupversion; EG has this kind from 1.8 on: move the object out of the directory",
        ),
    ] {
        #[expect(
            clippy::disallowed_methods,
            reason = "the product does not write these files, their user does"
        )]
        fs::write(directory.path().join("a.yaml"), &text).expect("a file");
        let run =
            egext(&["config", "check", "--eg-version", release, "."]).current_dir(directory.path()).json();
        let finding = run.json["findings"].as_array().and_then(|all| all.first());
        let found = finding.map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let message = text("message").replace(&format!("EG {release} "), "1 ");
            let message = message
                .replace("resources at all because of this file", "")
                .replace("because of this file", "");
            let at = &finding["location"];
            format!("{}:{}: {}; {}", at["line"], at["column"], message.replace(" : ", ": "), text("hint"))
        });
        assert_eq!(found.unwrap_or_default(), expected, "{release}: {text}");
    }
}

/// What `config kubernetes --out` has written is no resource directory, nor is one with EG's own file.
#[test]
fn a_file_that_is_no_resource_is_checked_by_its_own_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = egext(&["config", "kubernetes", "--out", "."]).current_dir(directory.path()).run();
    assert_eq!(run.exit_code, 0);
    let run = egext(&["config", "check", "."]).current_dir(directory.path()).run();
    assert!(run.stdout.contains("hint: it looks like Helm values: check it by its own name"), "{run:?}");
}

const REASON: &str = "EG 1.9 loads no resources at all because of this file: ";

const STANDALONE: &str = "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
provider:
  type: Custom
  custom:
    resource: {type: File, file: {paths: [/etc/eg]}}
    infrastructure: {type: Host, host: {}}
";
