use std::fs;

use egext::pki::{Anchors, Role};
use egext_test_support::has_openssl;
use snapbox::str;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Place;
use super::channel::Channel;
use super::other_ca::Company;

#[test]
fn a_server_and_a_client_that_reload_between_the_steps_never_see_a_failed_call() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let channel = Channel::open(&place);
    for order in [[Role::Server, Role::Client], [Role::Client, Role::Server]] {
        for step in ["prepare", "activate", "finish"] {
            place.verb(&["rotate-ca", step]).assert().success();
            channel.more_calls();
            for side in order {
                channel.reload(side, &place);
                channel.more_calls();
            }
        }
    }
    assert_eq!(channel.close(), Vec::<String>::new());
}

#[test]
fn without_a_rotation_a_call_would_have_failed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let channel = Channel::open(&place);
    place.init(&["--force"]).assert().success();
    channel.reload(Role::Server, &place);
    channel.more_calls();
    assert!(!channel.close().is_empty(), "the calls are real ones");
}

#[test]
fn each_step_says_what_goes_where_and_which_is_next() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let first = place.files();
    place.verb(&["rotate-ca", "prepare"]).assert().success().stderr_eq("").stdout_eq(str![[r"
made a new CA, trusted in addition to the old one, in `certs`

  CA       egext CA [..]
           until [..] (in 5 years), signs
  next     egext CA [..]
           until [..] (in 5 years), trusted, and signs after `activate`

files
  to both sides   certs/ca.crt

hint: give both sides the new `ca.crt`, in any order: the bridge reloads it by itself, restart other programs that do not. Once both trust both CAs: `egext certs rotate-ca activate`

"]]);
    let prepared = place.files();
    for (name, text) in &prepared {
        assert_eq!(*text == first[name], *name != "ca.crt", "{name}");
    }
    place.verb(&["rotate-ca", "activate"]).assert().success().stderr_eq("").stdout_eq(str![[r"
issued all certificates from the new CA in `certs`

  CA       egext CA [..]
           until [..] (in 5 years), signs
  old      egext CA [..]
           until [..] (in 5 years), trusted until `finish`

files
  to the server   certs/ca.crt  certs/server.crt  certs/server.key
  to the client   certs/ca.crt  certs/client.crt  certs/client.key

hint: give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. When neither side presents a certificate of the old CA any longer: `egext certs rotate-ca finish`

"]]);
    assert!(!place.certs().join(".egext/current/.next-ca.key").exists());
    place.verb(&["rotate-ca", "finish"]).assert().success().stderr_eq("").stdout_eq(str![[r"
the old CA is no longer trusted in `certs`
...
files
  to both sides   certs/ca.crt

hint: give both sides the new `ca.crt`: the bridge reloads it by itself, restart other programs that do not. After that the old CA's key is worthless and can be deleted

"]]);
    place.assert_whole();
    assert_eq!(Anchors::load(&place.certs().join("ca.crt")).expect("a CA").certificates().len(), 1);
    assert!(place.files().iter().all(|(name, text)| *text != first[name]), "everything is new");
}

#[test]
fn a_step_is_repeated_without_effect_and_never_made_out_of_order() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: no new CA is prepared in `certs`
  hint: `egext certs rotate-ca prepare` makes one

"]]);
    for (step, phase, too_early, next) in [
        ("prepare", "prepared", Some("finish"), Some("activate")),
        ("activate", "activated", Some("prepare"), Some("finish")),
        ("finish", "idle", Some("activate"), None),
    ] {
        let before = place.tree();
        let planned = place.verb_json(&["rotate-ca", step, "--dry-run"], 0);
        assert_eq!(planned["outcome"], "dry-run");
        assert_eq!(place.tree(), before, "{step}");
        assert_eq!(place.verb_json(&["rotate-ca", step], 0)["outcome"], "done");
        let before = place.tree();
        let again = place.verb_json(&["rotate-ca", step], 0);
        assert_eq!((&again["outcome"], &again["phase"]), (&"unchanged".into(), &phase.into()));
        let status = place.verb_json(&["rotate-ca", "status"], 0);
        assert_eq!((&status["phase"], status["next"].as_str()), (&phase.into(), next));
        if let Some(step) = too_early {
            place.verb(&["rotate-ca", step]).assert().code(2);
        }
        assert_eq!(place.tree(), before, "{step}");
        place.assert_whole();
    }
}

#[test]
fn a_renewal_in_the_middle_keeps_the_rotation() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for (step, phase) in [("prepare", "prepared"), ("activate", "activated"), ("finish", "idle")] {
        place.verb(&["rotate-ca", step]).assert().success();
        place.verb(&["renew", "--force"]).assert().success();
        assert_eq!(place.phase(), phase);
        place.assert_whole();
    }
}

#[test]
fn the_new_ca_of_a_constrained_one_is_constrained_too() {
    let place = Place::new();
    place.init(&["--name-constraints", "--san", "extension.internal"]).assert().success();
    place.verb(&["rotate-ca", "prepare", "--permit", "later.internal"]).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().success();
    place.assert_whole();
    let authority = Anchors::load(&place.certs().join("ca.crt")).expect("a CA");
    let (_, new) = X509Certificate::from_der(&authority.certificates()[0].der).expect("DER");
    let constraints = new.name_constraints().expect("at most one").expect("there").value;
    let permitted = constraints.permitted_subtrees.as_ref().expect("some");
    let is_permitted = |name: &str| permitted.iter().any(|tree| tree.base == GeneralName::DNSName(name));
    for name in ["extension.internal", "localhost", "later.internal"] {
        assert!(is_permitted(name), "{name} in {permitted:?}");
    }
    if has_openssl() {
        for name in ["DNS:other.internal", "IP:8.8.8.8"] {
            place.sign_by_hand(name);
            place.refuse_strictly("stray.crt");
        }
    }
}

#[test]
fn the_old_ca_stays_trusted_while_a_leaf_of_it_is_there() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let old = place.files();
    for step in ["prepare", "activate"] {
        place.verb(&["rotate-ca", step]).assert().success();
    }
    let new = place.files();
    for name in ["server", "client"] {
        let files = ["crt", "key"].map(|kind| format!("{name}.{kind}"));
        for file in &files {
            place.replace(file, &old[&**file]);
        }
        place.assert_fails(
            &["rotate-ca", "finish"],
            format!("error: `certs/{name}.crt` [..]\n  hint: [..]`egext certs issue {name} --out {name} --replace [..]\n"),
        );
        assert_eq!(place.phase(), "activated");
        for file in &files {
            place.replace(file, &new[&**file]);
        }
    }
    place.verb(&["rotate-ca", "finish"]).assert().success();
    place.assert_whole();
}

#[test]
fn a_ca_whose_key_was_discarded_is_replaced_but_no_key_is_stored_unasked() {
    let place = Place::new();
    place.init(&["--discard-ca-key"]).assert().success();
    place.assert_fails(
        &["rotate-ca", "prepare"],
        str![[r"
error: `certs/ca.key` is not here: the CA's key was discarded or is kept elsewhere, so the key of a new one is not stored here unasked
  hint: `egext certs rotate-ca prepare --private-ca` makes a CA and stores its key; `egext certs rotate-ca prepare --ca-cert FILE --ca-key FILE` begins to replace it by a CA of your own

"]],
    );
    let prepare = ["prepare", "--private-ca", "--ca-lifetime", "5y"];
    for step in [&prepare[..], &["activate"], &["finish"]] {
        place.verb(&["rotate-ca"]).args(step).assert().success();
        assert_eq!(place.verb_json(&[&["rotate-ca"], step].concat(), 0)["outcome"], "unchanged");
    }
    place.assert_whole();
    place.verb(&["renew", "--force"]).assert().success();
}

#[test]
fn an_encrypted_key_is_followed_by_an_encrypted_key() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::write(place.path("phrase"), "correct horse\n").expect("writable");
    let passphrase = ["--ca-key-passphrase-file", "phrase"];
    let step = |step: &str| place.verb(&["rotate-ca", step]).args(passphrase);
    step("prepare").assert().success();
    step("activate").assert().success();
    place.verb(&["rotate-ca", "finish"]).assert().success();
    let key = fs::read_to_string(place.certs().join("ca.key")).expect("there");
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    place.verb(&["rotate-ca", "prepare"]).assert().code(2).stderr_eq(str![[r"
error: the key in `certs/ca.key` is encrypted, so that of the new CA has to be, too
  hint: name the file with its passphrase: `egext certs rotate-ca prepare --ca-key-passphrase-file FILE`

"]]);
    place.verb(&["renew", "--force"]).assert().code(2);
    place.verb(&["renew", "--force"]).args(passphrase).assert().success();
    step("prepare").assert().success();
    step("activate").assert().success();
}

/// A copy of it would make certificates that nobody has asked for.
#[test]
fn no_copy_of_a_ca_key_is_left_that_nobody_needs() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let is_there = |place: &Place, key: &[u8]| place.tree().values().any(|content| content == key);
    let old = place.files_of("ca.key");
    place.rotate("prepare", None).assert().success();
    let waiting = place.files_of(".egext/current/.next-ca.key");
    // A company's CA in its place: the private one has signed nothing.
    Company::new(&["corp"]).write(&place, "corp");
    place.rotate("prepare", Some("corp")).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    assert!(!is_there(&place, &waiting), "the key of a CA that was never used");
    place.rotate("activate", Some("corp")).assert().success();
    place.rotate("finish", None).assert().success();
    assert!(!is_there(&place, &old), "the key of the CA that was replaced");

    let place = Place::new();
    place.init(&[]).assert().success();
    let old = place.files_of("ca.key");
    for step in ["prepare", "activate"] {
        place.rotate(step, None).assert().success();
    }
    assert!(is_there(&place, &old), "kept until the last step");
    place.rotate("finish", None).assert().success();
    assert!(!is_there(&place, &old));
    let own = place.files_of("ca.key");
    assert_eq!(place.tree().values().filter(|content| **content == own).count(), 1, "none in the set before");
}
