//! Links of a set that were removed, or replaced by files: what commands that only read say.

use std::fs;
use std::process::Command;

use snapbox::str;

use super::Place;

/// Runs what stands behind `put back` in the report, and checks again.
fn put_back(place: &Place, directory: &str, id: &str) {
    let report = place.verb_json(&["check", directory], 1);
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|finding| finding["id"] == id), "{findings:?}");
    let hints = findings.iter().map(|finding| finding["hint"].as_str().expect("a hint"));
    for hint in hints {
        let command =
            hint.strip_prefix("put back what the set has: `").and_then(|rest| rest.strip_suffix('`'));
        let command = command.unwrap_or_else(|| panic!("{hint}"));
        let run = Command::new("sh").current_dir(place.path("")).args(["-ec", command]).status();
        assert!(run.expect("a shell").success(), "{command}");
    }
    place.verb(&["check", "-q", directory]).assert().success().stdout_eq("");
    place.verb(&["renew", "--force", "--dir", directory]).assert().success();
}

#[test]
fn the_wrong_side_in_the_place_of_links_is_put_back() {
    let place = Place::new();
    place.init(&["--dir", "a b"]).assert().success();
    for end in ["crt", "key"] {
        let path = |name: &str| place.path(&format!("a b/{name}.{end}"));
        fs::remove_file(path("client")).expect("a link");
        fs::copy(path("server"), path("client")).expect("copied");
    }
    put_back(&place, "a b", "certs.wrong-purpose");
}

#[test]
fn a_link_that_is_missing_is_put_back() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::remove_file(place.certs().join("server.crt")).expect("a link");
    put_back(&place, "certs", "certs.unusable");
    fs::remove_file(place.certs().join("client.key")).expect("a link");
    let report = place.verb_json(&["check"], 1);
    assert_eq!(
        report["findings"][0]["hint"],
        "put back what the set has: `ln -sfn .egext/current/client.key certs/client.key`"
    );
}

#[test]
fn an_empty_file_in_the_place_of_a_link_is_put_back() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::remove_file(place.certs().join("server.crt")).expect("a link");
    fs::write(place.certs().join("server.crt"), "").expect("written");
    put_back(&place, "certs", "certs.unusable");
}

#[test]
fn the_link_of_a_ca_is_put_back_before_a_set_is_made() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::remove_file(place.certs().join("ca.crt")).expect("a link");
    place.assert_fails(
        &["check"],
        str![[r"
error: cannot read `certs/ca.crt`: No such file or directory (os error 2)
  hint: put its link back: `ln -sfn .egext/current/ca.crt certs/ca.crt`

"]],
    );
}

#[test]
fn without_a_set_the_hint_is_how_to_get_one() {
    let place = Place::new();
    for verb in ["check", "show"] {
        place.assert_fails(
            &[verb],
            str![[r"
error: cannot read `certs`: No such file or directory (os error 2)
  hint: name the directory of a set with `--dir`, or make one: `egext certs init`

"]],
        );
    }
    place.assert_fails(
        &["check", "nowhere"],
        str![[r"
error: cannot read `nowhere`: No such file or directory (os error 2)
  hint: check the path: `ls -a .`

"]],
    );
}
