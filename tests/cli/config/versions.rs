//! What `config versions` says of the releases, and that the page about them is current.

use std::path::Path;

use egext_test_support::assert_text;
use serde_json::Value;
use snapbox::Data;

use super::{egext, json};

fn versions(arguments: &[&str]) -> Value {
    json(egext(&["config", "versions", "-o=json"]).args(arguments).assert().success())
}

/// What `id` is in each release of the report.
fn fact(report: &Value, id: &str) -> Value {
    let facts = report["facts"].as_array().expect("a list");
    facts.iter().find(|fact| fact["id"] == id).expect(id)["releases"].clone()
}

/// A line of the report, without the rest.
fn line<'a>(report: &'a str, about: &str) -> &'a str {
    report.lines().find(|line| line.contains(about)).unwrap_or_else(|| panic!("{about}: {report}"))
}

#[test]
fn the_compatibility_page_is_what_the_table_says() {
    let run = egext(&["generate", "compatibility"]).run();
    assert_eq!(run.exit_code, 0);
    assert_text(run.stdout, Data::read_from(Path::new("docs/compatibility.md"), None).raw());
}

#[test]
fn a_person_sees_in_which_release_a_hook_begins() {
    let report = super::written(&["config", "versions"]);
    assert_eq!(
        line(&report, "Envoy Gateway (EG)"),
        "1.4      1.5      1.6      1.7      1.8      1.9      Envoy Gateway (EG)"
    );
    assert_eq!(
        line(&report, "`Endpoints`"),
        "never    never    never    never    yes      yes      `Endpoints`"
    );
    assert!(
        line(&report, "`host.dataHome`")
            .ends_with(": 1.4 to 1.5 `/tmp/envoy-gateway`, 1.6 to 1.9 `~/.local/share/envoy-gateway`")
    );
}

#[test]
fn one_release_comes_with_what_envoy_gateway_says() {
    let report = super::written(&["config", "versions", "--eg-version=v1.7"]);
    assert_eq!(line(&report, "Envoy Gateway (EG)"), "Envoy Gateway (EG) 1.7, as read in the code of 1.7.2");
    assert_eq!(line(&report, "`Endpoints`"), "never    `Endpoints`");
    assert!(report.contains("\n  registered extension has no hooks specified\n"), "{report}");
    assert!(!report.contains("mutually exclusive"), "that is 1.8's: {report}");
}

#[test]
fn a_patch_release_may_differ_from_its_minor_release() {
    for (release, state) in [("1.9", "never"), ("1.9.0", "yes"), ("1.9.1", "never")] {
        let report = versions(&["--eg-version", release]);
        assert_eq!(fact(&report, "offline-envoy"), json!({ release: state }));
        assert_eq!(report["releases"], json!([{ "version": release, "read_from": "1.9.1" }]));
    }
    let report = super::written(&["config", "versions"]);
    assert!(line(&report, "1.9.0: ").starts_with("yes "), "{report}");
}

#[test]
fn a_program_gets_every_release_and_every_source() {
    let report = versions(&[]);
    assert_eq!(
        fact(&report, "backend-resources"),
        json!({ "1.4": "ignored", "1.5": "yes", "1.6": "yes", "1.7": "yes", "1.8": "yes", "1.9": "yes" })
    );
    for key in ["facts", "defaults"] {
        for row in report[key].as_array().expect("a list") {
            assert!(row["sources"][0].is_string(), "{row}");
        }
    }
    for (key, id) in [("refusals", "hooks"), ("failures", "no-client")] {
        let rows = report[key].as_array().expect("a list");
        assert!(rows.iter().any(|row| row["id"] == id && row["source"].is_string()), "{key}");
    }
}

#[test]
fn the_release_may_come_from_the_environment() {
    let run = egext(&["config", "versions"]).env("EGEXT_EG_VERSION", "1.4").run();
    assert_eq!(run.stdout, super::written(&["config", "versions", "--eg-version=1.4"]));
}
