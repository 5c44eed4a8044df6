//! What a rotation takes out of `ca.crt` is what it has put there, or what has signed before: CAs that the user has added
//! stay, in whatever order they stand.

use std::fs;

use snapbox::str;

use super::Place;
use super::other_ca::{Company, files};

impl Place {
    /// Writes `certs/ca.crt` anew, of these files.
    fn bundle(&self, names: &[&str]) {
        let parts = names.iter().map(|name| fs::read(self.path(name)).expect("readable")).collect::<Vec<_>>();
        self.replace("ca.crt", parts.concat());
    }
}

#[test]
fn a_ca_that_the_user_added_is_no_part_of_a_rotation_and_stays() {
    for order in [["own.crt", "beta.crt"], ["beta.crt", "own.crt"]] {
        let place = Place::new();
        place.init(&[]).assert().success();
        Company::new(&["beta"]).write(&place, "beta");
        fs::copy(place.certs().join("ca.crt"), place.path("own.crt")).expect("copied");
        place.bundle(&order);
        place.verb(&["rotate-ca", "status"]).assert().success().stdout_eq(str![[r"
no rotation is under way

  CA       egext CA [..]
           until [..] (in 5 years), signs
  also     beta
           until [..], trusted too, and no part of a rotation
           begin with `egext certs rotate-ca prepare` from [..] on

"]]);
        let before = place.tree();
        place.verb(&["rotate-ca", "finish"]).assert().success().stdout_eq("unchanged: [..]\n...\n");
        assert_eq!(place.tree(), before, "nothing goes");
        place.verb(&["renew", "--force", "--dry-run"]).assert().code(3);
        place.verb(&["renew", "--force"]).assert().success();
        for (step, phase) in [("prepare", "prepared"), ("activate", "activated"), ("finish", "idle")] {
            place.verb(&["rotate-ca", step]).assert().success();
            assert_eq!(place.phase(), phase);
            place.verb(&["renew", "--force"]).assert().success();
            assert!(place.trusted().contains(&"beta".to_owned()), "after {step}: {:?}", place.trusted());
            place.assert_whole();
        }
        assert_eq!(place.trusted().len(), 2, "the old CA is gone");
    }
}

#[test]
fn a_ca_that_was_trusted_before_it_was_prepared_stays_when_another_one_is() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["beta"]).write(&place, "beta");
    Company::new(&["gamma"]).write(&place, "gamma");
    place.join(&["certs/ca.crt", "beta.crt"], "both.crt");
    place.bundle(&["both.crt"]);
    place.rotate("prepare", Some("beta")).assert().success();
    assert_eq!((place.phase().as_str(), place.trusted().len()), ("prepared", 2));
    place.rotate("prepare", Some("gamma")).assert().success();
    assert_eq!(place.trusted()[1..], ["beta", "gamma"]);
    place.rotate("prepare", Some("beta")).assert().success();
    assert_eq!(place.trusted()[1..], ["beta"], "gamma was only prepared");
    place.rotate("activate", Some("beta")).assert().success();
    place.rotate("finish", None).assert().success();
    assert_eq!(place.trusted(), ["beta"]);
    place.assert_whole();
}

/// The copy does not have what a rotation has noted beside the certificates.
#[test]
fn a_copy_without_the_note_of_a_rotation_goes_back_to_its_beginning() {
    let place = Place::new();
    place.init(&["--dir", "made"]).assert().success();
    Company::new(&["beta"]).write(&place, "beta");
    let prepare = ["rotate-ca", "prepare", "--dir", "made"];
    place.verb(&prepare).args(files("beta")).assert().success();
    let copy =
        std::process::Command::new("cp").current_dir(place.path("")).args(["-rL", "made", "certs"]).status();
    assert!(copy.expect("cp").success());
    fs::remove_dir_all(place.path("certs/.egext")).expect("there");
    assert_eq!(place.phase(), "idle");
    place.rotate("activate", Some("beta")).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: no new CA is prepared in `certs`
  hint: begin with `egext certs rotate-ca prepare --ca-cert beta.crt --ca-key beta.key`

"]]);
    place.rotate("finish", None).assert().success().stdout_eq("unchanged: [..]\n...\n");
    assert_eq!(place.trusted()[1..], ["beta"], "both sides may present it");
    place.rotate_to("beta");
    assert_eq!(place.trusted(), ["beta"]);
    place.assert_whole();
}

#[test]
fn what_signs_is_what_issued_the_leafs_wherever_it_stands() {
    let place = Place::new();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    Company::new(&["beta"]).write(&place, "beta");
    place.init(&files("corp").each_ref().map(String::as_str)).assert().success();
    for name in ["server.crt", "client.crt"] {
        let chain = String::from_utf8(place.files_of(name)).expect("PEM");
        let (leaf, _) = chain.split_at(chain.find("-----END CERTIFICATE-----\n").expect("PEM") + 26);
        place.replace(name, leaf);
    }
    // The root first, then what issues.
    place.bundle(&["corp.crt"]);
    let status = place.verb_json(&["rotate-ca", "status"], 0);
    assert_eq!((&status["phase"], &status["signs"]), (&"idle".into(), &"corp".into()));
    assert_eq!(status["trusted"], serde_json::json!(["corp", "corp root"]));
    place.rotate("prepare", Some("beta")).assert().success();
    let status = place.verb_json(&["rotate-ca", "status"], 0);
    assert_eq!(status["trusted"], serde_json::json!(["corp", "corp root", "beta"]));
    place.rotate("activate", Some("beta")).assert().success();
    place.rotate("finish", None).assert().success();
    assert_eq!(place.trusted(), ["beta"]);
    place.assert_whole();
}

#[test]
fn neither_the_next_ca_nor_the_last_one_issues_in_between() {
    let place = Place::new();
    Company::new(&["acme root", "acme"]).write(&place, "acme");
    Company::new(&["beta root", "beta"]).write(&place, "beta");
    place.init(&files("acme").each_ref().map(String::as_str)).assert().success();
    place.rotate("prepare", Some("beta")).assert().success();
    let issue = ["issue", "client", "g.internal", "--out", "g"];
    let by = |verb: &[&str], file: &str| place.verb(verb).args(files(file));
    let before = place.tree();
    for verb in [&issue[..], &["renew", "--force"], &["renew", "--name", "server", "--lifetime", "9d"]] {
        by(verb, "beta").assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `beta` in `beta.crt` is prepared and does not sign yet: there may be peers that do not trust it
  hint: once both sides trust both CAs: `egext certs rotate-ca activate --ca-cert beta.crt --ca-key beta.key`; until then name the CA that signs: `--ca-cert FILE --ca-key FILE`

"]]);
    }
    assert_eq!(place.tree(), before);
    by(&issue, "acme").assert().success();
    place.rotate("activate", Some("beta")).assert().success();
    let issue = ["issue", "client", "h.internal", "--out", "h"];
    let before = place.tree();
    for verb in [&issue[..], &["renew", "--force"]] {
        by(verb, "acme").assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `acme` in `acme.crt` signs no longer: it is trusted only until the rotation is finished
  hint: name the CA that signs: `--ca-cert FILE --ca-key FILE`

"]]);
    }
    assert_eq!(place.tree(), before);
    by(&issue, "beta").assert().success();
    place.rotate("finish", None).assert().success();
    place.assert_whole();
}

#[test]
fn a_leaf_that_the_next_ca_issued_elsewhere_does_not_stop_the_rotation() {
    let place = Place::new();
    Company::new(&["acme root", "acme"]).write(&place, "acme");
    Company::new(&["beta root", "beta"]).write(&place, "beta");
    for (directory, file) in [("certs", "acme"), ("other", "beta")] {
        place.init(&["--dir", directory]).args(files(file)).assert().success();
    }
    place.rotate("prepare", Some("beta")).assert().success();
    for name in ["client.crt", "client.key"] {
        place.replace(name, fs::read(place.path("other").join(name)).expect("there"));
    }
    place.rotate("activate", Some("beta")).assert().success();
    place.rotate("finish", None).assert().success();
    place.assert_whole();
}

/// It is signed by a CA whose key is not in the directory, so that the command has to name one.
#[test]
fn the_way_out_of_a_strange_leaf_names_the_ca() {
    let place = Place::new();
    Company::new(&["acme root", "acme"]).write(&place, "acme");
    Company::new(&["beta root", "beta"]).write(&place, "beta");
    for (directory, file) in [("certs", "acme"), ("other", "beta")] {
        place.init(&["--dir", directory]).args(files(file)).assert().success();
    }
    for name in ["client.crt", "client.key"] {
        place.replace(name, fs::read(place.path("other").join(name)).expect("there"));
    }
    for step in ["prepare", "renew"] {
        let (run, named) = match step {
            "renew" => (place.verb(&["renew", "--force"]).args(files("acme")), "acme.crt --ca-key acme.key"),
            _ => (place.rotate("prepare", Some("beta")), "FILE --ca-key FILE"),
        };
        let hint = format!("`egext certs issue client --out client --replace --san NAME --ca-cert {named}`");
        run.assert().code(2).stderr_eq(format!(
            "error: `certs/client.crt` was not issued for the client by the CA that signs, `acme[..]`, so it is not renewed: its issuer is `beta`\n  hint: [..]{hint}\n"
        ));
    }
    let replace = ["issue", "client", "--out", "client", "--replace", "--san", "a.internal"];
    place.verb(&replace).args(files("acme")).assert().success();
    place.rotate_to("beta");
    place.assert_whole();
}
