//! What becomes of a set that was copied, restored or put into an image: plain files where links have been.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use egext::pki::SET_FILES;
use snapbox::str;

use super::Place;

/// `certs` is a copy of the set in `made`, by a command of the shell.
fn copied(by: &str) -> Place {
    let place = Place::new();
    place.init(&["--dir", "made"]).assert().success();
    place
        .verb(&["issue", "client", "--dir", "made", "--san", "a.internal", "--out", "gateway-2"])
        .assert()
        .success();
    copy(&place, by);
    place
}

fn copy(place: &Place, by: &str) {
    let run = Command::new("sh").current_dir(place.path("")).args(["-ec", by]).status().expect("a shell");
    assert!(run.success(), "{by}");
}

/// As the docs advise it, all of it, and by an archive.
const COPIES: [&str; 3] = [
    "mkdir -m 700 certs && cp -L made/* certs",
    "cp -rL made certs",
    "mkdir certs && tar -C made -chf - . | tar -C certs -xf -",
];

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

#[test]
fn a_copy_is_taken_over_by_whatever_changes_it() {
    let verbs: [&[&str]; 4] = [
        &["renew", "--force"],
        &["issue", "client", "--san", "b.internal", "--out", "gateway-3"],
        &["rotate-ca", "prepare"],
        &["init", "--force"],
    ];
    for by in COPIES {
        for verb in verbs {
            let place = copied(by);
            let files = place.files();
            place.verb(&["init"]).assert().success().stderr_eq("").stdout_eq(str![[r"
unchanged: there is a set in `certs`
...
"]]);
            place.verb(verb).assert().success();
            place.assert_whole();
            for name in SET_FILES.into_iter().chain(["gateway-2.crt", "gateway-2.key"]) {
                let is_gone = verb[0] == "init" && name.starts_with("gateway");
                assert_eq!(is_link(&place.certs().join(name)), !is_gone, "{name} after {by} and {verb:?}");
            }
            assert_eq!(place.sets(), 2, "{by} and {verb:?}");
            let previous = place.certs().join(".egext/previous");
            for name in SET_FILES {
                assert_eq!(fs::read(previous.join(name)).expect("kept"), files[name], "{name}");
            }
            place.verb(&["renew", "--force"]).assert().success();
        }
    }
}

#[test]
fn a_dry_run_on_a_copy_says_what_would_be_and_changes_nothing() {
    let place = copied(COPIES[1]);
    let before = place.tree();
    place.verb(&["renew", "--dry-run", "--force"]).assert().code(3).stderr_eq("").stdout_eq(str![[r"
would renew in `certs`
...
"]]);
    for verb in [&["init", "--dry-run", "--force"][..], &["rotate-ca", "prepare", "--dry-run"], &["renew"]] {
        place.verb(verb).assert().success();
    }
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
    fs::remove_file(place.path("server.tar")).expect("made");
    assert!(place.tree() == before, "something has changed");
}

#[test]
fn a_rotation_goes_on_in_a_copy_that_has_the_next_ca() {
    let place = Place::new();
    place.init(&["--dir", "made"]).assert().success();
    place.verb(&["rotate-ca", "prepare", "--dir", "made"]).assert().success();
    copy(&place, "cp -rL made certs");
    assert_eq!(place.phase(), "prepared");
    place.verb(&["rotate-ca", "activate"]).assert().success();
    place.verb(&["rotate-ca", "finish"]).assert().success();
    place.assert_whole();
}

#[test]
fn modes_of_a_copy_are_kept() {
    let place = copied(COPIES[0]);
    for (name, mode) in [("", 0o755), ("server.key", 0o640), ("ca.crt", 0o444)] {
        fs::set_permissions(place.certs().join(name), fs::Permissions::from_mode(mode)).expect("ours");
    }
    place.verb(&["renew", "--force"]).assert().success();
    let mode =
        |name: &str| fs::metadata(place.certs().join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("server.key"), mode("ca.crt"), mode("client.key")), (0o640, 0o444, 0o600));
    assert_eq!((mode(".egext"), mode(".egext/current")), (0o755, 0o755), "who could read it still can");
}

#[test]
fn what_does_not_belong_to_the_set_stays_what_it_is() {
    let place = copied(COPIES[0]);
    place.init(&["--dir", "other"]).assert().success();
    fs::copy(place.path("other/server.crt"), place.certs().join("foreign.crt")).expect("copied");
    fs::copy(place.path("other/server.key"), place.certs().join("foreign.key")).expect("copied");
    fs::write(place.certs().join("notes.crt"), "mine").expect("writable");
    place.verb(&["renew", "--force"]).assert().success();
    for name in ["foreign.crt", "foreign.key", "notes.crt"] {
        assert!(!is_link(&place.certs().join(name)), "{name}");
    }
    let report = place.verb_json(&["renew", "--dry-run"], 0);
    let names = report["certificates"].as_array().expect("a list").iter().map(|leaf| leaf["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["server", "client", "gateway-2"]);
}

#[test]
fn a_mixture_is_not_taken_over() {
    let place = copied(COPIES[0]);
    place.init(&["--dir", "other"]).assert().success();
    for name in ["client.crt", "client.key"] {
        fs::copy(place.path("other").join(name), place.certs().join(name)).expect("copied");
    }
    let before = place.tree();
    for verb in [&["renew", "--force"][..], &["init", "--force"], &["rotate-ca", "prepare"]] {
        place.verb(verb).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `certs/client.crt` was not issued by the CA in `certs/ca.crt`
  hint: copy the set again as a whole: files of two sets were mixed

"]]);
    }
    assert!(place.tree() == before, "something has changed");
}

#[test]
fn half_a_copy_is_the_same_error_for_every_verb() {
    let place = copied(COPIES[0]);
    for name in ["client.crt", "client.key"] {
        fs::remove_file(place.certs().join(name)).expect("there");
    }
    let before = place.tree();
    for verb in [&["init"][..], &["renew"], &["rotate-ca", "prepare"]] {
        place.verb(verb).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `certs` holds half a set: `client.crt`, `client.key` are missing
  hint: put back what is missing, or move the other files away, or name another directory with `--dir`

"]]);
    }
    assert!(place.tree() == before, "something has changed");
}

/// What a run has left that was killed between two links.
#[test]
fn a_take_over_that_was_killed_goes_on() {
    let place = copied(COPIES[0]);
    place.verb(&["renew", "--force"]).assert().success();
    for name in ["ca.crt", "client.key", "gateway-2.crt"] {
        let path = place.certs().join(name);
        let text = fs::read(&path).expect("there");
        fs::remove_file(&path).expect("a link");
        fs::write(&path, text).expect("writable");
    }
    symlink(".egext/current/ca.crt", place.certs().join(".egext/link.0123")).expect("a link");
    place.verb(&["init"]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    place.assert_whole();
    for name in SET_FILES.into_iter().chain(["gateway-2.crt"]) {
        assert!(is_link(&place.certs().join(name)), "{name}");
    }
    assert!(!is_link(&place.certs().join(".egext/link.0123")));
    // A file that is another one is somebody else's.
    fs::remove_file(place.certs().join("ca.key")).expect("a link");
    fs::write(place.certs().join("ca.key"), "theirs").expect("writable");
    place.verb(&["renew", "--force"]).assert().code(2).stderr_eq(str![[r"
error: `certs/ca.key` was not made by this command, and is not overwritten
  hint: move it away, or name another directory with `--dir`

"]]);
}

#[test]
fn a_discarded_ca_key_is_nowhere() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["rotate-ca", "prepare"]).assert().success();
    place.init(&["--force", "--discard-ca-key"]).assert().success().stderr_eq("").stdout_eq(str![[r"
replaced the set in `certs` by a new one, with a new CA
...
note: the CA's key is gone: nothing can be issued or renewed, and a new set has to replace this one before it ends
...
note: the previous set stays in `certs/.egext/previous` until the next one is made, without a CA's key
...
"]]);
    let keys = place.tree().into_keys().filter(|path| path.to_string_lossy().ends_with("ca.key"));
    assert_eq!(keys.count(), 0);
    assert!(place.certs().join(".egext/previous/server.key").exists(), "for who is still reading");
}

#[test]
fn a_finished_rotation_leaves_no_old_ca_key() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let old = place.files()["ca.key"].clone();
    for step in ["prepare", "activate", "finish"] {
        assert!(place.tree().into_values().any(|contents| contents == old), "before {step}");
        place.verb(&["rotate-ca", step]).assert().success();
    }
    assert!(place.tree().into_values().all(|contents| contents != old));
    place.assert_whole();
}

/// It belongs to whoever owns the project, and may be as large as they like.
#[test]
fn a_huge_gitignore_is_not_read() {
    let place = Place::new();
    fs::create_dir(place.path(".git")).expect("a work tree");
    let huge = format!("{}/deploy/\n", "#\n".repeat(1 << 20));
    fs::write(place.path(".gitignore"), huge).expect("writable");
    fs::create_dir(place.path("deploy")).expect("ours");
    place.init(&["--dir", "deploy"]).assert().success();
    fs::remove_file(place.path("deploy/.egext/.gitignore")).expect("it is there");
    let report = place.json(&["--dir", "deploy"], 0);
    assert_eq!(report["gitignore"]["lines"], serde_json::json!(["/deploy/*.key", "/deploy/.egext/"]));
}

#[test]
fn gitignore_is_written_only_into_a_directory_of_our_own() {
    let place = Place::new();
    fs::create_dir(place.path(".git")).expect("a work tree");
    place.init(&[]).assert().success();
    let ours = fs::read_to_string(place.certs().join(".gitignore")).expect("made");
    assert!(ours.lines().any(|line| line == "*"), "{ours}");

    assert_eq!(place.json(&["--dir", "."], 0).get("gitignore"), None, "no key is where Git would take it");
    assert!(!place.path(".gitignore").exists(), "the project's files would vanish from Git");
    assert_eq!(fs::read_to_string(place.path(".egext/.gitignore")).expect("made"), ours);
    fs::remove_file(place.path(".egext/.gitignore")).expect("it is there");
    let report = place.json(&["--dir", "."], 0);
    assert_eq!(report["gitignore"]["lines"], serde_json::json!(["/*.key", "/.egext/"]));
    fs::create_dir(place.path("deploy")).expect("a directory");
    place.init(&["--dir", "deploy"]).assert().success();
    fs::remove_file(place.path("deploy/.egext/.gitignore")).expect("it is there");
    place.init(&["--dir", "deploy"]).assert().success().stderr_eq("").stdout_eq(str![[r"
...
note: Git does not ignore the keys: add `/deploy/*.key` and `/deploy/.egext/` to `[..]/.gitignore`
...
"]]);
    fs::write(place.path(".gitignore"), "/deploy/*.key\n/deploy/.egext/\n").expect("writable");
    assert_eq!(place.json(&["--dir", "deploy"], 0).get("gitignore"), None, "it was added");
    fs::write(place.path(".gitignore"), "deploy/\n").expect("writable");
    assert_eq!(place.json(&["--dir", "deploy"], 0).get("gitignore"), None, "it is ignored as a whole");
}

/// A plain set by hand, whose keys the project's patterns keep out of Git.
#[test]
fn a_set_that_is_taken_over_keeps_its_keys_out_of_git() {
    let place = copied("mkdir -m 700 certs && cp -L made/*.crt made/*.key certs");
    assert!(!place.certs().join(".egext").exists() && !place.certs().join(".gitignore").exists());
    place.verb(&["renew", "--force"]).assert().success();
    assert!(place.certs().join(".egext/current/server.key").exists(), "it was taken over");
    let ignored = fs::read_to_string(place.certs().join(".egext/.gitignore")).expect("made");
    assert!(ignored.lines().any(|line| line == "*"), "{ignored}");
}

/// `rsync -r` and some archivers leave links out: the CA's key is in a directory that nothing leads to.
#[test]
fn a_copy_without_its_links_keeps_its_ca() {
    for links in ["-name .egext", "-name current"] {
        let place = copied("cp -a made certs");
        place.verb(&["rotate-ca", "prepare"]).assert().success();
        place.verb(&["renew", "--force"]).assert().success();
        let ca = place.files();
        let current = fs::read_link(place.certs().join(".egext/current")).expect("a link");
        // All links, or only those that users see.
        let lost = match links {
            "-name current" => "find certs -maxdepth 1 -type l -delete",
            _ => "find certs -type l -delete",
        };
        copy(&place, lost);
        let before = place.tree();
        for verb in [
            &["init"][..],
            &["init", "--force"],
            &["init", "--dry-run"],
            &["renew"],
            &["issue", "client", "--san", "b.internal", "--out", "gateway-3"],
            &["rotate-ca", "status"],
            &["pack", "server", "--out", "server.tar"],
        ] {
            let run = place.verb(verb).assert().code(2).stdout_eq("");
            let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
            assert!(said.contains("no link leads to "), "{verb:?}: {said}");
        }
        assert!(place.tree() == before, "something has changed");

        let run = place.verb(&["renew"]).assert().code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        let advice = said.split('`').find(|words| words.contains("cp -p")).expect("a command");
        copy(&place, &advice.replace("SET", &current.display().to_string()));
        place.verb(&["rotate-ca", "activate"]).assert().success();
        place.assert_whole();
        assert_eq!(place.phase(), "activated");
        assert!(is_link(&place.certs().join("gateway-2.key")));
        assert_ne!(place.files()["ca.key"], ca["ca.key"], "the next CA's was in the copy");
    }
}
