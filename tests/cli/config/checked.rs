//! What `config check` says of files. Each finding stands in `checked.txt` with the file that has it.

mod bad_input;
mod references;
mod together;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use egext_test_support::{Run, assert_text};
use serde_json::Value;
use snapbox::Data;

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
        // The words name the first finding only, JSON has the ids of all.
        let json = checked(case.file, &[&*case.arguments, &["-o", "json"]].concat());
        let marks =
            ["  × ", "  ‼ "].map(|mark| run.stdout.lines().filter(|line| line.starts_with(mark)).count());
        let grave =
            ["error", "warning"].map(|it| json.stdout.matches(&format!("\"severity\": \"{it}\"")).count());
        assert_eq!((json.exit_code, grave), (run.exit_code, marks), "{}: {json:?}", case.title);
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
