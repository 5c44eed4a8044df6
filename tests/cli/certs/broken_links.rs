//! Links of a set of which something is missing: no command takes that for nothing, and makes another CA.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use super::other_ca::{Company, files};
use super::{Place, command};

/// Runs the command that is printed in backticks behind `before`, as a user pastes it.
fn paste(place: &Place, words: &str, before: &str) {
    let (_, rest) = words.split_once(before).expect("a hint");
    let (line, _) = rest.trim_start_matches('`').split_once('`').expect("a command");
    command("sh").current_dir(place.0.path()).args(["-c", line]).assert().success();
}

#[test]
fn links_without_what_they_lead_to_are_no_empty_directory() {
    let place = Place::new();
    place.init(&[]).assert().success();
    command("sh").current_dir(place.0.path()).args(["-c", "mkdir x && cp -a certs/* x/"]).assert().success();
    for verb in [&["init"][..], &["init", "--dry-run"], &["renew"], &["rotate-ca", "status"]] {
        place.assert_fails(&[verb, &["--dir", "x"]].concat(), str![[r"
error: the links in `x` lead to `.egext`, which is not there
  hint: copy the directory again with its `.egext` (`cp -a`); to begin anew with another CA, remove the links: `rm x/ca.crt x/ca.key x/server.crt x/server.key x/client.crt x/client.key`

"]]);
    }
    // Who wants another CA says so.
    place.init(&["--dir", "x", "--force"]).assert().success();
    place.verb(&["check", "--dir", "x"]).assert().success();
}

#[test]
fn a_set_that_current_does_not_lead_to_is_not_replaced() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for writes in 0..2 {
        if writes > 0 {
            place.verb(&["renew", "--force"]).assert().success();
        }
        let (files, link) = (place.files(), place.certs().join(".egext/current"));
        let set = fs::read_link(&link).expect("a link");
        for is_dangling in [false, true] {
            fs::remove_file(&link).expect("there");
            if is_dangling {
                symlink("set-0123", &link).expect("new");
            }
            let mut words = String::new();
            for verb in [&["init"][..], &["init", "--force"], &["renew"], &["rotate-ca", "status"]] {
                let before = place.tree();
                let run = place.verb(verb).assert().code(2).stdout_eq("");
                words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
                let error = format!("error: no link leads to the set `certs/.egext/{}`\n", set.display());
                assert!(words.starts_with(&error), "{verb:?}: {words}");
                assert_eq!(place.tree(), before, "{verb:?}");
            }
            paste(&place, &words, "hint: put it back: ");
            assert_eq!(place.files(), files);
            place.init(&[]).assert().success().stdout_eq(str![["unchanged: there is a set in `certs`\n..."]]);
        }
    }
}

#[test]
fn a_missing_link_of_a_whole_set_is_put_back() {
    let place = Place::new();
    place.init(&["--san", "foo.example"]).assert().success();
    let before = place.files();
    place.remove(&["certs/server.crt"]);
    place.assert_fails(&["init"], str![[r"
error: `certs` lacks the link `server.crt`
  hint: the set in `.egext` is whole: `ln -s .egext/current/server.crt certs/server.crt` puts back what is missing

"]]);
    place.remove(&["certs/client.key"]);
    let run = place.init(&[]).assert().code(2);
    let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert!(words.starts_with("error: `certs` lacks the links `server.crt`, `client.key`\n"), "{words}");
    paste(&place, &words, "is whole: ");
    assert_eq!(place.files(), before);
    place.init(&[]).assert().success();
}

#[test]
fn a_directory_inside_of_a_set_is_refused() {
    let place = Place::new();
    Company::new(&["corp"]).write(&place, "corp");
    place.init(&[]).assert().success();
    let set = fs::read_link(place.certs().join(".egext/current")).expect("a link");
    let inside =
        [format!("certs/.egext/{}", set.display()), "certs/.egext/current".into(), "certs/.egext".into()];
    let before = place.tree();
    for directory in inside.iter().map(String::as_str).chain(["certs/.egext/new/deep"]) {
        let issue = ["issue", "client", "a.example", "--out", "a"];
        for verb in
            [&["init"][..], &["init", "--force"], &["renew", "--force"], &["rotate-ca", "prepare"], &issue]
        {
            let words = format!(
                "error: `{directory}` is inside of the set `certs`\n  hint: name the set: `--dir certs`\n\n"
            );
            place.assert_fails(&[verb, &["--dir", directory]].concat(), words.trim_end().to_owned() + "\n");
        }
    }
    // By where it is, not by how it was typed.
    place
        .verb(&["renew", "--force", "--dir", "."])
        .current_dir(place.certs().join(".egext/current"))
        .assert()
        .code(2)
        .stderr_eq(str![["error: `.` is inside of the set `[..]certs`\n..."]]);
    assert_eq!(place.tree(), before);
    // A set in a directory that happens to have the name.
    place.init(&["--dir", ".egext"]).assert().success();
    place.verb(&["renew", "--force", "--dir", ".egext"]).assert().success();
}

#[test]
fn a_set_with_many_certificates_is_changed_with_few_descriptors() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["issue", "client", "c.internal", "--out", "c"]).assert().success();
    let set = place.certs().join(".egext/current");
    for (number, end) in (0..30).flat_map(|number| [(number, "crt"), (number, "key")]) {
        let file = format!("c{number}.{end}");
        fs::copy(set.join(format!("c.{end}")), set.join(&file)).expect("copied");
        symlink(format!(".egext/current/{file}"), place.certs().join(&file)).expect("a link");
    }
    for verb in ["renew", "rotate-ca"] {
        let rest: &[&str] = if verb == "renew" { &["--force"] } else { &["prepare"] };
        place.shell_verb("ulimit -n 40", verb).args(rest).assert().success();
    }
    place.assert_whole();
}

/// OpenSSL tells two CAs of one name apart by their key identifiers only.
#[test]
fn two_cas_of_one_name_without_key_identifiers_are_warned_of() {
    let place = Place::new();
    let bare = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n";
    for name in ["one", "two"] {
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        place.make_root(name, &ec, "CN=Corp Root\n", bare);
    }
    place.init(&files("one").each_ref().map(String::as_str)).assert().success();
    let two = files("two");
    let prepare = [&["rotate-ca", "prepare"][..], &two.each_ref().map(String::as_str)].concat();
    let report = place.verb_json(&prepare, 0);
    let ids = report["findings"].as_array().expect("findings").iter().map(|finding| finding["id"].as_str());
    assert!(ids.flatten().any(|id| id == "certs.ca-namesake"), "{report}");
    // What it warns of.
    for step in ["prepare", "activate"] {
        if step == "activate" {
            place.rotate(step, Some("two")).assert().success();
        }
        command("cp").current_dir(place.0.path()).args(["-a", "certs", step]).assert().success();
    }
    let verify = ["verify", "-CAfile", "prepare/ca.crt", "activate/server.crt"];
    command("openssl").current_dir(place.0.path()).args(verify).assert().failure();
}

#[test]
fn two_cas_of_one_name_that_can_be_told_apart_are_fine() {
    let place = Place::new();
    for name in ["one", "two"] {
        Company::new(&["Corp Root"]).write(&place, name);
    }
    place.init(&files("one").each_ref().map(String::as_str)).assert().success();
    let two = files("two");
    let prepare = [&["rotate-ca", "prepare"][..], &two.each_ref().map(String::as_str)].concat();
    assert!(!place.verb_json(&prepare, 0).to_string().contains("certs.ca-namesake"));
}
