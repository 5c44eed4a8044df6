//! A CA's key that only its passphrase opens.

use std::fs;

use super::Place;

/// A set whose CA key is encrypted, a passphrase that fits and one that does not.
fn locked() -> Place {
    let place = Place::new();
    fs::write(place.path("fits"), "open sesame\n").expect("writable");
    fs::write(place.path("wrong"), "open barley\n").expect("writable");
    place.init(&["--ca-key-passphrase-file", "fits"]).assert().success();
    place
}

fn with<'a>(verb: &[&'a str], passphrase: &'a str) -> Vec<&'a str> {
    [verb, &["--ca-key-passphrase-file", passphrase]].concat()
}

#[test]
fn check_compares_it_when_it_can_be_opened() {
    let place = locked();
    let state = |arguments: &[&str], code| {
        let report = place.verb_json(arguments, code);
        let checks = report["checks"].as_array().expect("a list").clone();
        let of_key =
            |check: &&serde_json::Value| check["check"] == "key" && check["subject"] == "certs/ca.key";
        checks.iter().find(of_key).expect("its key").clone()
    };
    assert_eq!(state(&["check"], 0)["reason"], "not compared: the key is encrypted");
    assert_eq!(state(&with(&["check"], "fits"), 0)["state"], "passed");
    assert_eq!(state(&with(&["check"], "wrong"), 1)["ids"][0], "certs.unusable");
    let found = &place.verb_json(&with(&["check"], "wrong"), 1)["findings"][0];
    assert_eq!(found["message"], "cannot open the key in `certs/ca.key`: the passphrase is wrong");

    place.init(&with(&["--dir", "other"], "fits")).assert().success();
    let other = fs::read(place.path("other/ca.key")).expect("there");
    fs::write(place.certs().join("ca.key"), other).expect("writable");
    assert_eq!(state(&with(&["check"], "fits"), 1)["ids"][0], "certs.key-mismatch");
}

#[test]
fn show_says_whose_it_is_when_it_can_be_opened() {
    let place = locked();
    let key = |arguments: &[&str]| {
        let report = place.verb_json(arguments, 0);
        let keys = report["keys"].as_array().expect("a list").clone();
        keys.iter().find(|key| key["source"] == "certs/ca.key").expect("its key").clone()
    };
    let closed = key(&["show"]);
    assert_eq!(
        (&closed["state"], &closed["certificate_file"]),
        (&"encrypted".into(), &serde_json::Value::Null)
    );
    let open = key(&with(&["show"], "fits"));
    assert_eq!((&open["state"], &open["certificate_file"]), (&"usable".into(), &"certs/ca.crt".into()));
    place.verb(&with(&["show"], "wrong")).assert().code(2).stderr_eq(
        "error: cannot open the key in `certs/ca.key`: the passphrase is wrong\n  \
         hint: `--ca-key-passphrase-file` takes the first line of the file as it is, spaces and all\n",
    );
}

/// One variable serves a whole pipeline, so a passphrase that nothing needs is no mistake, and is not read.
#[test]
fn a_passphrase_that_is_not_needed_is_not_read() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for verb in ["check", "show"] {
        place.verb(&with(&[verb], "nowhere")).assert().success();
    }
    place.init(&["--force", "--ca-key-passphrase-file", "-"]).stdin("open sesame").assert().success();
    for verb in ["check", "show"] {
        place.verb(&with(&[verb], "nowhere")).assert().code(2).stderr_eq(
            "error: cannot read `nowhere`: No such file or directory (os error 2)\n  \
             hint: name a file with the passphrase on its first line, or `-` for stdin\n",
        );
    }
}

/// Editors of Windows put a byte order mark in front, which nobody typed.
#[test]
fn a_byte_order_mark_is_no_part_of_a_passphrase() {
    let place = locked();
    fs::write(place.path("marked"), "\u{feff}open sesame\r\n").expect("writable");
    place.verb(&with(&["renew", "--force"], "marked")).assert().success();
    let wide = "\u{feff}open sesame\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    fs::write(place.path("wide"), wide).expect("writable");
    place.verb(&with(&["renew", "--force"], "wide")).assert().code(2).stderr_eq(
        "error: `wide` is text in UTF-16, and a passphrase is read as bytes\n  \
         hint: convert it: `(umask 077; iconv -f UTF-16 -t UTF-8 wide > wide.utf8)`\n",
    );
    let convert = ["-c", "iconv -f UTF-16 -t UTF-8 wide > wide.utf8"];
    let status = std::process::Command::new("sh").args(convert).current_dir(place.path("")).status();
    assert!(status.expect("a shell").success());
    place.verb(&with(&["renew", "--force"], "wide.utf8")).assert().success();
}
