//! What a hint says to type does what it promises: below the same CA, and in the same directory.

use std::fs;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use serde_json::Value;
use time::Duration;

use super::{Place, now};

#[test]
fn what_init_finds_is_cured_by_what_it_advises() {
    for flags in [
        &["--san", "other.internal"][..],
        &["--san", "*.other.internal,10.0.0.7"],
        &["--key-type", "p384"],
        &["--lifetime", "30d"],
        &["--san", "localhost", "--no-local-names", "--lifetime", "30d"],
        &["--san", "other.internal", "--dir", "it's mine"],
    ] {
        let place = Place::new();
        let directory = if flags.contains(&"--dir") { &flags[flags.len() - 2..] } else { &[] };
        place.init(directory).assert().success();
        let ca = place.verb_json(&[&["rotate-ca", "status"], directory].concat(), 0)["signs"].clone();
        let report = place.verb(&[&["init"], flags, &["-o", "json"]].concat()).assert();
        follow(&place, &json(&report.get_output().stdout));
        let report = place.verb(&[&["init"], flags, &["-o", "json"]].concat()).assert().success();
        let report = json(&report.get_output().stdout);
        assert_eq!(report["findings"], Value::Array(Vec::new()), "{flags:?}");
        let status = place.verb_json(&[&["rotate-ca", "status"], directory].concat(), 0);
        assert_eq!(status["signs"], ca, "{flags:?}");
    }
}

#[test]
fn what_check_finds_is_cured_by_what_it_advises() {
    let place = Place::new();
    place.write_set(now() - Duration::days(400));
    assert_cured(&place, &[], "certs.expired");

    let place = Place::new();
    place.write_set(now() - Duration::days(200));
    assert_cured(&place, &["--within", "300d"], "certs.expiring");

    let place = Place::new();
    place.init(&[]).assert().success();
    assert_cured(&place, &["--for-name", "eg.example,10.0.0.7"], "certs.names-missing");

    let place = Place::new();
    place.init(&["--key-type", "ed25519"]).assert().success();
    assert_cured(&place, &[], "certs.ed25519");

    let place = Place::new();
    place.init(&[]).assert().success();
    write_misplaced_address(&place);
    assert_cured(&place, &[], "certs.ip-as-dns");
}

fn assert_cured(place: &Place, flags: &[&str], id: &str) {
    let check = [&["check"][..], flags, &["-o", "json"]].concat();
    let look = || {
        let run = place.verb(&check).assert();
        let report = json(&run.get_output().stdout);
        let found = report["findings"].as_array().expect("findings").iter();
        let is_there = found.clone().any(|finding| finding["id"] == id);
        (is_there, report)
    };
    let ca = fs::read(place.certs().join("ca.crt")).expect("there");
    let (is_there, report) = look();
    assert!(is_there, "{id}: {report:#}");
    follow(place, &report);
    let (is_there, report) = look();
    assert!(!is_there, "{id}: {report:#}");
    assert_eq!(fs::read(place.certs().join("ca.crt")).expect("there"), ca, "{id}");
    place.assert_whole();
}

#[test]
fn a_lost_leaf_is_issued_anew_by_the_same_ca() {
    for (name, role) in [("server.crt", "server"), ("server.key", "server"), ("client.key", "client")] {
        let place = Place::new();
        place.init(&[]).assert().success();
        let ca = place.files()["ca.crt"].clone();
        fs::remove_file(place.certs().join(".egext/current").join(name)).expect("there");
        let run = place.init(&[]).assert().code(2);
        let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        let command = format!("`egext certs issue {role} --out {role} --san NAME --replace`");
        assert!(words.contains(&command), "{words}");
        run_advice(&place, &words);
        assert_eq!(place.files()["ca.crt"], ca, "{name}");
        place.assert_whole();
    }
}

/// Another set, in the default directory, is left alone by whoever pastes it.
#[test]
fn what_is_advised_is_for_the_directory_that_it_was_asked_of() {
    let place = Place::new();
    let other = ["--dir", "it's mine"];
    place.init(&[]).assert().success();
    place.init(&other).assert().success();
    let issue = |name| ["issue", "server", "--san", "a.example", "--out", name];
    place.verb(&[&issue("two"), &other[..]].concat()).assert().success();
    let before = place.files();
    let advised = |verb: &[&str], start: &str| {
        let run = place.verb(&[verb, &other].concat()).assert().code(2);
        let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        assert!(words.contains(&format!("`egext certs {start}")), "{words}");
        for command in words.split('`').filter(|part| part.starts_with("egext certs ")) {
            assert!(command.ends_with(r" --dir 'it'\''s mine'"), "{words}");
        }
        run_advice(&place, &words);
    };
    advised(&issue("two"), "renew --name two");
    advised(&issue("server"), "renew --name server");
    advised(&["rotate-ca", "activate"], "rotate-ca prepare");
    advised(&["rotate-ca", "finish"], "rotate-ca activate");
    advised(&["rotate-ca", "prepare"], "rotate-ca finish");
    place.verb(&["rotate-ca", "finish"]).assert().success();
    assert_eq!(place.verb_json(&[&["rotate-ca", "status"], &other[..]].concat(), 0)["phase"], "idle");

    let mine = |name: &str| place.path("it's mine").join(".egext/current").join(name);
    fs::remove_file(mine("ca.key")).expect("there");
    fs::remove_file(place.path("it's mine/ca.key")).expect("there");
    advised(&["renew", "--force"], "rotate-ca prepare");
    assert!(place.files() == before, "the other set has changed");
}

/// A hint is pasted as it is, whatever a file is called.
#[test]
fn the_name_of_a_file_is_one_word_of_a_command() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let name = "it's $(touch one);touch two;.crt";
    fs::write(place.path(name), place.certificate("certs/ca.crt")).expect("writable");
    let run = place.init(&["--dir", "x", "--ca-cert", name, "--ca-key", "certs/ca.key"]).assert().code(2);
    let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    let command = words.split('`').find(|part| part.starts_with("openssl x509 -inform DER")).expect(&words);
    // Whether there is an OpenSSL to run does not matter here.
    let status = std::process::Command::new("sh").current_dir(place.path("")).args(["-c", command]).status();
    status.expect("a shell");
    assert!(!place.path("one").exists() && !place.path("two").exists(), "{command}");
}

/// Runs the command of each hint, with a name where it says `NAME`.
fn follow(place: &Place, report: &Value) {
    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.is_empty(), "{report:#}");
    for finding in findings {
        run_advice(place, finding["hint"].as_str().expect("a hint"));
    }
}

fn run_advice(place: &Place, words: &str) {
    let start = words.find("`egext certs ").expect("a command") + "`egext certs ".len();
    let length = words[start..].find('`').expect("its end");
    let command = &words[start..start + length];
    place.shell_verb(":", &command.replace("san NAME", "san new.example")).assert().success();
}

fn json(printed: &[u8]) -> Value {
    serde_json::from_slice(printed).expect("JSON")
}

/// A server's certificate of the set's own CA, with an address where a host name belongs.
fn write_misplaced_address(place: &Place) {
    let read = |name: &str| fs::read_to_string(place.certs().join(name)).expect("there");
    let signer = KeyPair::from_pem(&read("ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), signer).expect("a CA");
    let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    leaf.subject_alt_names.push(SanType::DnsName("10.0.0.7".try_into().expect("ASCII")));
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (leaf.not_before, leaf.not_after) = (now() - Duration::HOUR, now() + Duration::days(100));
    let key = KeyPair::generate().expect("a key");
    place.replace("server.crt", leaf.signed_by(&key, &issuer).expect("signed").pem());
    place.replace("server.key", key.serialize_pem());
}
