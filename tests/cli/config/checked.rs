//! What `config check` says of files. Each finding stands in `checked.txt` with the file that has it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use egext_test_support::{Run, assert_text};
use serde_json::Value;
use snapbox::Data;
use tempfile::TempDir;

use super::egext;

/// The file of a case, and `config check` for it with the arguments.
#[expect(clippy::disallowed_methods, reason = "the product does not write this file, its user does")]
fn checked(contents: impl AsRef<[u8]>, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("eg.yaml"), contents).expect("a file");
    egext(&["config", "check", "eg.yaml"]).args(arguments).current_dir(directory.path()).run()
}

/// One case of the table.
struct Case<'a> {
    /// What it is about.
    title: &'a str,
    /// What is typed behind `egext config check eg.yaml`.
    arguments: Vec<&'a str>,
    file: &'a str,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    text.split("=== ").skip(1).map(|case| {
        let (head, rest) = case.split_once('\n').expect("a title");
        let (title, arguments) = head.split_once(" | ").unwrap_or((head, ""));
        let (file, _) = rest.split_once(">>>\n").expect("a file and what is said of it");
        Case { title, arguments: arguments.split_whitespace().collect(), file }
    })
}

#[test]
fn what_is_found_stands_in_the_table() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/config/checked.txt");
    let text = fs::read_to_string(&table).expect("the table");
    let mut found = String::new();
    for case in cases(&text) {
        let run = checked(case.file, &case.arguments);
        let has_errors = run.stdout.lines().any(|line| line.starts_with("  × "));
        assert_eq!((run.exit_code, &*run.stderr), (i32::from(has_errors), ""), "{}: {run:?}", case.title);
        let head = [&[case.title, "|"], &*case.arguments].concat();
        let head = if case.arguments.is_empty() { case.title.to_owned() } else { head.join(" ") };
        // Writing to a string does not fail.
        let _ = write!(found, "=== {head}\n{}>>>\n{}", case.file, run.stdout);
        if !run.stdout.ends_with("\n\n") {
            found.push('\n');
        }
    }
    assert_text(found, Data::read_from(&table, None).raw());
}

/// A file as people write it, and what they have to do until it is fine: nothing but what the hints say.
#[test]
fn three_typical_mistakes_are_repaired_by_the_hints() {
    let mut file = String::from(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\n\
         kind: EnvoyGateway\n\
         gateway:\n  controllerName: gateway.envoyproxy.io/gatewayclass-controller\n\
         provider:\n  type: Custom\n  custom:\n    resource:\n      type: File\n      file:\n        paths: [/etc/eg]\n\
         \x20   infrastructure:\n      type: Host\n      host:\n\
         extensionManager:\n  hooks:\n    xdsTranslator:\n      post: [HTTPListener, virtualHost]\n\
         \x20 service:\n    failOpen: true\n    unix:\n      path: /run/egext/eg.sock\n",
    );
    let run = checked(&file, &[]);
    assert_eq!(run.exit_code, 1, "{run:?}");
    assert_eq!(run.stdout.matches("  × ").count(), 3, "{}", run.stdout);
    // 1. `write `host: {}`: without a value the key does not count`
    assert!(run.stdout.contains("eg.yaml:14:7: ") && run.stdout.contains("hint: write `host: {}`"));
    file = file.replace("host:\n", "host: {}\n");
    // 2. `did you mean `VirtualHost`?`
    assert!(
        run.stdout.contains("eg.yaml:18:28: ") && run.stdout.contains("hint: did you mean `VirtualHost`?")
    );
    file = file.replace("virtualHost", "VirtualHost");
    // 3. `failOpen` belongs to `extensionManager`: move it there
    assert!(run.stdout.contains("eg.yaml:20:5: "));
    assert!(run.stdout.contains("hint: `failOpen` belongs to `extensionManager`: move it there"));
    file = file
        .replace("    failOpen: true\n", "")
        .replace("extensionManager:\n", "extensionManager:\n  failOpen: true\n");
    let run = checked(&file, &["--fail-on=warning"]);
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert_eq!(
        run.stdout,
        "  √ eg.yaml: EG 1.9 accepts it: standalone; hooks HTTPListener, VirtualHost; plaintext to unix:/run/egext/eg.sock\n"
    );
}

/// What `config` writes is what `config check` accepts, for every release.
#[test]
fn what_we_write_is_accepted() {
    for version in ["1.4", "1.5", "1.6", "1.7", "1.8", "1.9"] {
        for (command, more) in [
            ("stanza", &[][..]),
            ("stanza", &["--preset=ai-gateway"]),
            ("gateway", &["--resources-dir=/etc/eg"]),
            ("gateway", &["--resources-dir=/etc/eg", "--preset=ai-gateway"]),
        ] {
            // Before, there is a warning about objects from files.
            if version < "1.7" && more.contains(&"--preset=ai-gateway") {
                continue;
            }
            let flags = [&["config", command, "--eg-version", version], more].concat();
            let run = checked(super::written(&flags), &["--eg-version", version, "-o=json"]);
            assert_eq!(run.exit_code, 0, "{}", run.stdout);
            let object: Value = serde_json::from_str(&run.stdout).expect("one object");
            // Without `--hook` it writes EG's own default.
            let findings = object["findings"].as_array().expect("a list");
            assert!(findings.iter().all(|finding| finding["id"] == "config.translation-blind"), "{object:#}");
        }
    }
}

#[test]
fn a_program_gets_places_and_verdicts() {
    let run = checked("kind: EnvoyGateway\n", &["-o=json"]);
    let object: Value = serde_json::from_str(&run.stdout).expect("one object");
    assert_eq!(object["eg_version"], "1.9");
    assert_eq!(object["files"], serde_json::json!([{ "file": "eg.yaml", "verdict": "refused" }]));
    let location = &object["findings"][0]["location"];
    assert_eq!(location, &serde_json::json!({ "path": "eg.yaml", "line": 1, "column": 1 }));
    let run = checked("kind: EnvoyGateway\n", &["-o=sarif"]);
    let log: Value = serde_json::from_str(&run.stdout).expect("one object");
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"config.refused".into(), &"error".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "eg.yaml");
    assert_eq!(place["region"], serde_json::json!({ "startLine": 1, "startColumn": 1 }));
    let run = checked("kind: EnvoyGateway\n", &["-o=github"]);
    assert_eq!(
        run.stdout,
        "::error file=eg.yaml,line=1,col=1,title=config.refused::EG 1.9 ends at its start: \
         Object 'apiVersion' is missing in '...'%0Ahint: write `apiVersion: gateway.envoyproxy.io/v1alpha1`\n"
    );
    let run = checked("kind: EnvoyGateway\n", &["-o=junit"]);
    assert!(run.stdout.contains("type=\"config.refused\""), "{run:?}");
}

#[test]
fn a_file_can_come_from_a_pipe() {
    let run = egext(&["config", "check", "-"]).stdin("extensionManager: {}\n").run();
    assert_eq!(run.exit_code, 1);
    assert!(run.stdout.starts_with("  × -:1:1: EG 1.9 ends at its start: "), "{run:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the product does not write these files, their user does")]
fn two_gateways_with_one_name_are_found() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["a.yaml", "b.yaml"] {
        let text = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n";
        fs::write(directory.path().join(name), text).expect("a file");
    }
    let run = egext(&["config", "check", "a.yaml", "b.yaml"]).current_dir(directory.path()).run();
    assert_eq!(
        run.stdout,
        "  √ a.yaml: EG 1.9 accepts it: resources from Kubernetes; no extension\n  \
         ‼ b.yaml:1:1: `gateway.envoyproxy.io/gatewayclass-controller` is the controller of `a.yaml` as well: both \
         would serve the same GatewayClasses\n    \
         hint: give each EG that runs a `controllerName` of its own\n\n\
         1 warning (`egext explain config.controller-twice` says more)\n"
    );
}

/// Whatever a file contains: one line with its place, at once, and no more memory than the file has.
#[test]
fn bad_input_has_one_line() {
    let header = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n";
    let bomb = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("{text}a{level}: &a{level} [{aliases}]\n")
    });
    let merges = format!("a: &a {{{}}}\nb: [{}]\n", list("k", 1000), vec!["{<<: *a}"; 2000].join(", "));
    for (contents, expected) in [
        (format!("{header}{bomb}").into_bytes(), "eg.yaml:8:10: it has more than 200000 values"),
        (merges.into_bytes(), "eg.yaml:2:980: it has more than 200000 values"),
        ([header.as_bytes(), &vec![b'#'; 50 << 20]].concat(), "eg.yaml:1:1: it has more than 8 MiB"),
        (b"kind: \xff\xfe\0".to_vec(), "eg.yaml:1:7: it is not text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "eg.yaml:1:1: not YAML: "),
        (b"a: b\n\tc: d\n".to_vec(), "eg.yaml:2:1: not YAML: the line is indented with a tab"),
        (b"a:\n-\tb\n".to_vec(), "eg.yaml:2:2: not YAML: the line is indented with a tab"),
        (b"\xff\xfea\0\n".to_vec(), "eg.yaml:1:1: it is not text in UTF-16"),
        (
            b"{{- if .x }}\na: b\n{{ end }}\n".to_vec(),
            "eg.yaml:1:1: not JSON: `{{` begins an expression of a template",
        ),
        (
            b"a: b\nc: {{ .Values.c }}\n".to_vec(),
            "eg.yaml:2:4: not YAML: `{{` begins an expression of a template",
        ),
        (format!("a: {}", "[".repeat(100_000)).into_bytes(), "eg.yaml:1:259: not YAML: "),
        (format!("{{\"a\": {}", "[".repeat(100_000)).into_bytes(), "eg.yaml:1:107: its values are nested"),
        (
            b"{\"kind\": \"EnvoyGateway\",\n \"a\": 1,}\n".to_vec(),
            "eg.yaml:2:9: not JSON: a key in double quotes is expected",
        ),
        (b"{kind: EnvoyGateway}".to_vec(), "eg.yaml:1:2: not JSON: a key in double quotes is expected"),
        (b"a: [b\n".to_vec(), "eg.yaml:"),
        (b"a: *b\n".to_vec(), "eg.yaml:1:4: not YAML: "),
        (format!("{header}{}: 1\n", "k".repeat(1 << 20)).into_bytes(), "eg.yaml:"),
        (format!("{header}x: {{{}}}\n", list("k", 50_000)).into_bytes(), "eg.yaml:3:1: EG 1.9 ignores `x`"),
    ] {
        let begin = Instant::now();
        let run = checked(&contents, &[]);
        assert!(begin.elapsed() < Duration::from_secs(30), "{expected}");
        let first = run.stdout.lines().next().unwrap_or_default();
        assert!(first.trim_start_matches([' ', '×', '‼']).starts_with(expected), "{first}: {expected}");
        assert!(run.stdout.len() < 2000 && run.stderr.is_empty(), "{expected}: {}", run.stdout);
    }
}

/// go-yaml takes what the shell of Windows writes with `>`.
#[test]
fn utf_16_is_read() {
    let text = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nx: ü\n";
    for (mark, unit) in
        [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)]
    {
        let bytes: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect();
        let run = checked(bytes, &[]);
        assert!(run.stdout.starts_with("  ‼ eg.yaml:3:1: EG 1.9 ignores `x`"), "{run:?}");
    }
}

/// `k0: 0, k1: 1` and so on.
fn list(key: &str, number: usize) -> String {
    (0..number).map(|index| format!("{key}{index}: {index}")).collect::<Vec<_>>().join(", ")
}

/// PowerShell writes it.
#[test]
fn utf_16_is_read_as_well() {
    let text = "\u{feff}apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nü: 1\n";
    for bytes in [
        text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ] {
        let run = checked(&bytes, &[]);
        assert!(run.stdout.starts_with("  ‼ eg.yaml:3:1: EG 1.9 ignores `ü`"), "{run:?}");
        let run = checked(&bytes[..bytes.len() - 1], &[]);
        assert!(run.stdout.starts_with("  × eg.yaml:1:1: it is not text in UTF-16"), "{run:?}");
    }
}

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

    /// The report without its last lines.
    fn checked(&self, arguments: &[&str]) -> String {
        let run = egext(&["config", "check", "eg.yaml", "secrets.yaml"]).args(arguments);
        let run = run.current_dir(self.0.path()).run();
        assert_eq!(run.stderr, "", "{run:?}");
        run.stdout.split("\n\n").next().unwrap_or_default().trim_end().to_owned()
    }
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
        (ca.clone(), leaf, "`tls.crt` has no CA certificate but that of `egext server`", ""),
        (
            ca.clone(),
            BASE64.encode(ca.as_bytes()),
            "`tls.crt` has no certificate in PEM",
            "failed to append certificates",
        ),
        (ca.clone(), "'?'".to_owned(), "`tls.crt` is not Base64", "failed to append certificates"),
        ("tls.key".to_owned(), "key".to_owned(), "there is no `tls.key`", "no client private key found in"),
        (
            key.clone(),
            other,
            "`tls.key` is not the key of `tls.crt`",
            "failed to load client certificate and key",
        ),
        (key, "'?'".to_owned(), "`tls.key` is not Base64", "failed to load client certificate and key"),
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
fn a_certificate_is_judged_as_envoy_gateway_does() {
    let files = Referring::new();
    let check = |arguments: &[&str]| {
        let run = egext(&["config", "check", "eg.yaml"]).args(arguments).current_dir(files.0.path()).run();
        run.stdout.split("\n\n").next().unwrap_or_default().trim_end().to_owned()
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
        "apiVersion: v1\nkind: Secret\n---\n# nothing\n---\napiVersion: v1\nkind: Secret\n",
    );
    write("r/eg.yaml", "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n");
    write("r/fine.yaml", "---\napiVersion: v1\nkind: Secret\n---\n{apiVersion: apps/v1, kind: Deployment}\n");
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
            "r/comment.yaml:4:1: *a document in it has nothing but comments or blank lines",
            "r/dangling:1:1: *No such file or directory (os error 2)",
            "r/directory:1:1: *it is a directory",
            "r/eg.yaml:2:7: *EG's own configuration file is no resource",
            "r/fine.yaml: EG 1.9 accepts it: 2 objects",
            "r/kinds.yaml:5:7: *no kind \"Other\" is registered for version \"a.b/v1\" in scheme",
            "r/list.yaml:1:1: *it is not a Kubernetes object",
            "r/no-kind.json:1:1: *a document in it has no `apiVersion` or no `kind`",
        ]
    );
    // Without the file it is not known which kinds the extension has.
    assert!(check(&["r"]).contains(&"r/kinds.yaml: EG 1.9 accepts it: 2 objects".to_owned()));
    let before = check(&["eg.yaml", "r", "--eg-version=1.6"]);
    let foreign = before.iter().filter(|line| line.contains("r/kinds.yaml:") && line.contains("no kind "));
    assert_eq!(foreign.count(), 2, "{before:?}");
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

#[test]
fn a_long_list_of_findings_is_cut() {
    let keys = (0..20_000).map(|index| format!("  unknown{index}: 1\n")).collect::<String>();
    let run = checked(format!("extensionManager:\n{keys}"), &[]);
    assert_eq!(run.stdout.matches("  × ").count(), 200);
    assert!(run.stdout.contains("not shown 19801 more findings"), "{}", run.stdout);
}
