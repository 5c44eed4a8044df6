//! What `certs check` advises, where it is.

use std::fs;
use std::os::unix::fs::symlink;

use egext::pki::issue::SetPlan;
use egext::pki::rotation::NewCa;
use egext::units::Span;
use snapbox::str;
use time::OffsetDateTime;

use super::Place;

#[test]
fn a_file_in_place_of_the_directory_is_answered_with_what_takes_files() {
    let place = Place::new();
    place.init(&["--dir", "a b"]).assert().success();
    place.assert_fails(
        &["check", "a b/ca.crt"],
        str![[r"
error: `a b/ca.crt` is a file, and a directory is expected
  hint: `egext certs show 'a b/ca.crt'` says what is in it; to check single files, name them with `--ca`, `--cert` and `--key`

"]],
    );
}

/// The set is there: another one is not what is missing.
#[test]
fn a_broken_file_of_a_set_is_replaced_by_the_command_of_its_hint() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for (file, role) in [("client.key", "client"), ("server.crt", "server")] {
        #[expect(clippy::disallowed_methods, reason = "the operator's mistake")]
        fs::write(place.certs().join(file), "garbage").expect("a file of the set");
        let report = place.verb_json(&["check"], 1);
        let command = format!("egext certs issue {role} --out {role} --san NAME --replace`");
        let hint = report["findings"][0]["hint"].as_str().expect("a hint");
        assert!(hint.starts_with("put the right file back") && hint.ends_with(&command), "{hint}");
        place.verb(&["issue", role, "--out", role, "--san", "localhost", "--replace"]).assert().success();
        place.verb(&["check", "-q"]).assert().success().stdout_eq("");
    }
}

/// Without the link the key is still there, and the next command that writes would put the link back.
#[test]
fn a_ca_key_that_was_left_in_the_set_is_a_warning() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    let key = place.certs().join("ca.key");
    fs::copy(&key, place.path("kept.key")).expect("copied");
    fs::remove_file(&key).expect("a link");
    place.verb(&["check", "-q"]).assert().success().stdout_eq(str![[r"
  ‼ certs/.egext/current/ca.key: the set still has the CA's key, though `certs/ca.key` is not there
    hint: if it was moved away, remove it here too: `rm certs/.egext/set-*/ca.key`; otherwise put its link back: `ln -s .egext/current/ca.key certs/ca.key`

1 warning (`egext explain certs.ca-key-left` says more)

"]]);
    let shell = |script: &str| {
        let run = std::process::Command::new("sh").current_dir(place.path("")).args(["-ec", script]).status();
        assert!(run.expect("a shell").success(), "{script}");
    };
    shell("ln -s .egext/current/ca.key certs/ca.key");
    place.verb(&["check", "-q"]).assert().success().stdout_eq("");
    shell("rm certs/ca.key certs/.egext/set-*/ca.key");
    place.verb(&["check", "-q"]).assert().success().stdout_eq("");
    assert!(!place.tree().keys().any(|path| path.ends_with("ca.key")), "it is gone");
    let named = ["--ca-cert", "certs/ca.crt", "--ca-key", "kept.key"];
    place.verb(&["renew", "--force"]).args(named).assert().success();
    assert!(!place.tree().keys().any(|path| path.ends_with("ca.key")), "it stays away");
    // Only the file was moved away: a pack, which other links are mended by, never has this key.
    symlink(".egext/current/ca.key", &key).expect("a link");
    let report = place.verb_json(&["check"], 1);
    assert_eq!(
        report["findings"][0]["hint"],
        "copy the key back, or remove the link if the key is kept elsewhere: `rm certs/ca.key`"
    );
}

#[test]
fn what_is_due_is_renewed_in_a_way_that_works_where_it_is() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.init(&["--dir", "ci", "--discard-ca-key"]).assert().success();
    place
        .init(&["--dir", "corp", "--ca-cert", "certs/ca.crt", "--ca-key", "certs/ca.key"])
        .assert()
        .success();
    let hint = |arguments: &[&str], file: &str| {
        let report = place.verb_json(&[&["check", "--within", "400d"], arguments].concat(), 3);
        let findings = report["findings"].as_array().expect("a list").clone();
        let found = findings.into_iter().find(|finding| finding["subject"] == file).expect("due");
        found["hint"].as_str().expect("a hint").to_owned()
    };
    assert_eq!(hint(&[], "certs/server.crt"), "renew it: `egext certs renew --name server --within 400d`");
    let discarded = "renew it with the CA's key: `egext certs renew --name client --within 400d --ca-cert FILE --ca-key FILE --dir ci`; \
                     if that key was discarded, `egext certs rotate-ca prepare --private-ca --dir ci` begins to replace the CA";
    assert_eq!(hint(&["ci"], "ci/client.crt"), discarded);
    assert_eq!(
        hint(&["ci"], "ci/ca.crt"),
        "replace the CA, which keeps all names: `egext certs rotate-ca prepare --private-ca --dir ci`"
    );
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
    fs::create_dir(place.path("there")).expect("a directory");
    let extract = ["-xf", "server.tar", "-C", "there"];
    let run = std::process::Command::new("tar").current_dir(place.path("")).args(extract).status();
    assert!(run.expect("a tar").success());
    assert_eq!(
        hint(&["there"], "there/server.crt"),
        "renew it where its CA is: `egext certs renew --name server --within 400d --dir there`"
    );
}

/// Nothing is renewed below a CA that has expired.
#[test]
fn below_a_ca_that_has_expired_no_renewal_is_advised() {
    let place = Place::new();
    let plan = SetPlan { ca_lifetime: Span::from_days(30), ..SetPlan::default() };
    place.write_plan(&plan, OffsetDateTime::now_utc() - time::Duration::days(40));
    for verb in ["check", "init", "renew --within 1d", "rotate-ca status"] {
        let arguments = verb.split(' ').collect::<Vec<_>>();
        let run = place.verb(&arguments).output();
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        assert!(!said.contains("certs renew"), "{verb}: {said}");
        assert!(said.contains("`egext certs rotate-ca prepare`"), "{verb}: {said}");
    }
}

/// The next step of a rotation replaces the CA, with the passphrase of the key that waits.
#[test]
fn in_a_rotation_the_next_step_is_advised() {
    let place = Place::new();
    let plan = SetPlan { ca_lifetime: Span::from_days(30), ..SetPlan::default() };
    place.write_plan(&plan, OffsetDateTime::now_utc() - time::Duration::days(40));
    fs::write(place.path("phrase"), "secret\n").expect("writable");
    place.verb(&["rotate-ca", "prepare", "--ca-key-passphrase-file", "phrase"]).assert().success();
    for verb in ["check", "renew --within 1d", "renew --force", "issue client --san a.x --out a"] {
        let arguments = verb.split(' ').collect::<Vec<_>>();
        let run = place.verb(&arguments).output();
        let said = String::from_utf8([run.stdout, run.stderr].concat()).expect("UTF-8");
        let next = "`egext certs rotate-ca activate --ca-key-passphrase-file FILE`";
        assert!(said.contains(next) && !said.contains("prepare"), "{verb}: {said}");
    }
}

/// Where the new CA signs already, nothing can be prepared before the rotation has an end.
#[test]
fn an_expired_ca_is_replaced_once_its_rotation_is_finished() {
    let place = Place::new();
    let plan = SetPlan { ca_lifetime: Span::from_days(30), ..SetPlan::default() };
    let then = OffsetDateTime::now_utc() - time::Duration::days(40);
    place.write_plan(&plan, then);
    place.rotate_by(|rotation| rotation.prepare(&NewCa::Private(rotation.like(then)), None, then));
    place.rotate_by(|rotation| rotation.activate(None, None, then));
    let report = place.verb_json(&["rotate-ca", "status"], 1);
    let expired = report["findings"].as_array().expect("a list").iter();
    let expired = expired.filter(|finding| finding["id"] == "certs.expired");
    let hints = expired.filter_map(|finding| finding["hint"].as_str()).collect::<Vec<_>>();
    let next = "`egext certs rotate-ca finish`, then `egext certs rotate-ca prepare`";
    assert!(hints.iter().all(|hint| hint.contains(next)) && hints.len() == 3, "{hints:?}");
    place.verb(&["rotate-ca", "prepare"]).assert().code(2);
    place.verb(&["rotate-ca", "finish"]).assert().success();
    place.verb(&["rotate-ca", "prepare"]).assert().success();
}

#[test]
fn a_ca_in_the_place_of_a_leaf_is_not_to_be_replaced() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let report = place.verb_json(&["check", "--cert", "certs/ca.crt", "--key", "certs/ca.key"], 1);
    for finding in report["findings"].as_array().expect("a list") {
        let hint = finding["hint"].as_str().expect("a hint");
        assert!(!hint.contains("--out ca") && !hint.contains("--name ca"), "{hint}");
    }
}

#[test]
fn a_certificate_that_stands_in_its_file_twice_is_one_series() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.replace("ca.crt", place.files_of("ca.crt").repeat(2));
    let run = place.verb(&["check", "-o", "prometheus"]).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let mut series = text.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect::<Vec<_>>();
    series.retain(|line| !line.starts_with('#'));
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "{text}");
}
