//! Renewals at the end of the CA's life, and commands that are repeated.

use egext::pki::issue::SetPlan;
use snapbox::str;
use time::Duration;

use super::{Place, now};

fn ids(report: &serde_json::Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().filter_map(|finding| finding["id"].as_str()).collect()
}

#[test]
fn a_key_that_has_leaked_is_replaced_also_where_the_certificate_ends_with_its_ca() {
    let place = Place::new();
    let lifetime = SetPlan::default().ca_lifetime;
    place.write_plan(&SetPlan { lifetime, ..SetPlan::default() }, now() - Duration::HOUR);
    let (before, files) = (place.leaf("server"), place.files());
    let report = place.verb_json(&["renew", "--role", "server", "--force"], 0);
    assert_eq!(ids(&report), ["certs.lifetime-cut"]);
    let message = report["findings"][0]["message"].as_str().expect("text");
    assert!(message.ends_with("sooner than in 5y"), "{message}");
    assert_eq!(place.leaf("server").not_after, before.not_after);
    assert_ne!(place.files()["server.key"], files["server.key"]);
    // A change keeps the end, too.
    place.verb(&["renew", "--name", "server", "--add-san", "a.example"]).assert().success();
    assert_eq!(place.leaf("server").not_after, before.not_after);
    place.assert_whole();
}

#[test]
fn a_lifetime_that_the_ca_cuts_is_granted_once() {
    let place = Place::new();
    place.write_set(now() - Duration::HOUR);
    let renew = ["renew", "--name", "client", "--lifetime", "10y"];
    let dry = place.verb_json(&[&renew[..], &["--dry-run"]].concat(), 3);
    assert_eq!(ids(&dry), ["certs.lifetime-cut"], "before it happens");
    place.verb(&renew).assert().success();
    let before = place.tree();
    place.verb(&renew).assert().success().stdout_eq("nothing to change or renew in `certs`\n...\n");
    place.verb(&[&renew[..], &["--dry-run"]].concat()).assert().code(0);
    assert_eq!(place.tree(), before);
    let report = place.verb(&["renew", "--name", "client", "--lifetime", "9d"]).assert().success();
    let said = String::from_utf8_lossy(&report.get_output().stdout).into_owned();
    assert!(said.contains("change: lifetime 9d instead of 5y\n"), "{said}");
}

#[test]
fn a_certificate_that_is_due_as_soon_as_it_is_issued_is_warned_about() {
    let place = Place::new();
    place.init(&["--lifetime", "90d"]).assert().success();
    for (within, code) in [("400d", 3), ("90d", 3), ("100%", 3), ("89d", 0)] {
        let report = place.verb_json(&["renew", "--within", within, "--dry-run"], code);
        let expected = if code == 3 { vec!["certs.always-due"; 2] } else { Vec::new() };
        assert_eq!(ids(&report), expected, "{within}");
        let checked = place.verb_json(&["check", "--within", within], code);
        let mut found = ids(&checked);
        found.retain(|id| *id == "certs.always-due");
        assert_eq!(found, expected, "{within}: nor would a renewal end it");
        let due = report["certificates"][0]["due_from"].as_str().expect("a date");
        let due = time::OffsetDateTime::parse(due, &time::format_description::well_known::Rfc3339);
        assert!(
            due.expect("a date") > place.leaf("server").not_before - Duration::DAY,
            "not before it was made"
        );
    }
    place.verb(&["renew", "--within", "400d", "--role", "client"]).assert().success().stdout_eq(str![[r"
...
  ‼ certs/client.crt: its lifetime of 90d is not longer than `--within 400d`, so it is due again at once
    hint: shorten `--within`, for example to `33%`, or give it a longer lifetime: `egext certs renew --name client --lifetime SPAN`
...
"]]);
}

#[test]
fn a_name_that_was_removed_already_is_no_error_unless_something_else_changes() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let renew = ["renew", "--name", "server", "--add-san", "eg.example", "--remove-san", "127.0.0.1"];
    place.verb(&renew).assert().success();
    let before = place.tree();
    place.verb(&renew).assert().success().stderr_eq("").stdout_eq(str![[r"
nothing to change or renew in `certs`

  server   localhost, ::1, eg.example
           until [..] (in 365 days), due from [..]

note: `certs/server.crt` does not have `127.0.0.1`; its names are localhost, ::1, eg.example

"]]);
    assert_eq!(place.tree(), before);
    let mistyped = ["renew", "--name", "server", "--add-san", "b.example", "--remove-san", "eg.exmaple"];
    place.assert_fails(
        &mistyped,
        str![[r"
error: `certs/server.crt` does not have the name `eg.exmaple`
  hint: its names are localhost, ::1, eg.example

"]],
    );
}

#[test]
fn what_is_typed_for_one_certificate_wins_over_variables_for_all() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let key = ["renew", "--name", "client", "--key-type", "p384"];
    place.verb(&key).env("EGEXT_KEEP_KEY", "1").assert().success();
    assert_eq!(place.leaf("client").key.to_string(), "P-384");
    let name = ["renew", "--name", "client", "--force"];
    place.verb(&name).env("EGEXT_ROLE", "server").assert().success();
}
