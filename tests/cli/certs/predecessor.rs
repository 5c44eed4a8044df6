//! What is renewed was issued by the CA that signs: nothing else that lies in the directory gets its signature.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use egext::pki::Certificate;
use egext::pki::inspect::block;
use egext_test_support::{LIMIT, TestPki};
use rcgen::{CertificateParams, KeyPair};
use snapbox::str;

use super::Place;

/// Every verb that takes names from a certificate of the set.
const VERBS: [&[&str]; 3] =
    [&["renew", "--force"], &["renew", "--force", "--dry-run"], &["rotate-ca", "prepare"]];

#[test]
fn a_certificate_that_signs_itself_is_not_renewed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    plant(&place, &TestPki::new().client_for("server.bank.example").client_self_signed());
    for verb in VERBS {
        assert_refused(&place, verb);
    }
}

#[test]
fn a_certificate_of_another_ca_is_not_renewed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    plant(&place, &TestPki::new().client_for("server.bank.example"));
    for verb in VERBS {
        assert_refused(&place, verb);
    }
    place.assert_fails(&["renew", "--force", "--role", "client"], str![[r"
error: `certs/client.crt` was not issued for the client by the CA that signs, `egext CA [..]`, so it is not renewed: its issuer is `[..]`
  hint: copy back the certificate that this CA issued, or issue a new one: `egext certs issue client --out client --replace --san NAME`

"]]);
    // What it has nothing to do with goes on.
    place.verb(&["renew", "--force", "--role", "server"]).assert().success();
}

#[test]
fn a_certificate_whose_names_were_changed_is_not_renewed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let mut der = place.certificate("certs/client.crt").to_vec();
    let (name, other) = (b"client.egext.internal", b"server.egext.internal");
    let at = der.windows(name.len()).position(|window| window == name).expect("its name");
    der[at..at + name.len()].copy_from_slice(other);
    place.replace("client.crt", block(&Certificate::of(&der.into()).expect("still a certificate")));
    assert_eq!(place.leaf("client").names[0].to_string(), "server.egext.internal");
    for verb in VERBS {
        assert_refused(&place, verb);
    }
}

#[test]
fn the_other_sides_certificate_is_not_renewed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let files = place.files();
    place.replace("client.crt", &files["server.crt"]);
    place.replace("client.key", &files["server.key"]);
    for verb in VERBS {
        assert_refused(&place, verb);
    }
}

/// Somebody else keeps its key, so that nothing else shows that it is not the one that was issued.
#[test]
fn a_certificate_without_a_key_is_not_renewed_for_somebody_else() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_request("replica", "replica.internal");
    let issue = ["issue", "client", "--csr", "replica.csr", "--out", "replica"];
    place.verb(&issue).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    let stranger = TestPki::new().client_for("server.bank.example").client_self_signed();
    place.replace("replica.crt", fs::read(stranger.client_certificate()).expect("there"));
    for verb in VERBS {
        assert_refused(&place, verb);
    }
}

#[test]
fn a_rotation_carries_no_stranger_over_to_the_new_ca() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["rotate-ca", "prepare"]).assert().success();
    let files = place.files();
    plant(&place, &TestPki::new().client_for("server.bank.example"));
    assert_refused(&place, &["rotate-ca", "activate"]);
    place.replace("client.crt", &files["client.crt"]);
    place.replace("client.key", &files["client.key"]);
    place.verb(&["rotate-ca", "activate"]).assert().success();
    // One of the CA that goes is not of the CA that signs.
    place.replace("client.crt", &files["client.crt"]);
    place.replace("client.key", &files["client.key"]);
    assert_refused(&place, &["renew", "--force"]);
    assert_refused(&place, &["renew", "--force", "--dry-run"]);
    place.assert_fails(&["rotate-ca", "finish"], str![[r"
error: `certs/client.crt` is not of the new CA
  hint: copy back the certificate that the new CA issued, or issue a new one: `egext certs issue client --out client --replace --san NAME`

"]]);
}

#[test]
fn a_certificate_that_has_expired_is_renewed_all_the_same() {
    let place = Place::new();
    place.write_set(super::now() - time::Duration::days(500));
    place.verb(&["renew"]).assert().success();
    place.assert_whole();
}

fn plant(place: &Place, pki: &TestPki) {
    place.replace("client.crt", fs::read(pki.client_certificate()).expect("there"));
    place.replace("client.key", fs::read(pki.client_key()).expect("there"));
}

fn assert_refused(place: &Place, verb: &[&str]) {
    let words = "error: `certs/[..].crt` was not issued for the client by the CA that signs, `egext CA [..]`, so it \
                 is not renewed: [..]\n  hint: copy back [..]\n";
    place.assert_fails(verb, words);
}

/// What is judged is what is renewed, though the file is exchanged all the time: it is read once.
#[test]
fn a_certificate_that_is_exchanged_meanwhile_is_not_renewed_either() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let files = place.files();
    let key = KeyPair::from_pem(std::str::from_utf8(&files["client.key"]).expect("PEM")).expect("a key");
    let forged = CertificateParams::new(["server.bank.example".to_owned()]).expect("a name");
    // For the same key, so that nothing but its issuer is wrong.
    let forged = forged.self_signed(&key).expect("signed").pem().into_bytes();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                for text in [&forged, &files["client.crt"]] {
                    fs::write(place.path("next.crt"), text).expect("writable");
                    // Misses where a new set has just come.
                    let _ =
                        fs::rename(place.path("next.crt"), place.certs().join(".egext/current/client.crt"));
                }
            }
        });
        let (mut renewed, begin) = (0, Instant::now());
        while renewed < 20 && begin.elapsed() < LIMIT {
            let run =
                place.verb(&["renew", "--force", "--keep-key", "--role", "client", "-o", "json"]).assert();
            if run.get_output().status.success() {
                let report =
                    serde_json::from_slice::<serde_json::Value>(&run.get_output().stdout).expect("JSON");
                let names = &report["certificates"][0]["names"];
                assert_eq!(*names, serde_json::json!(["client.egext.internal"]));
                renewed += 1;
            }
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(renewed > 0, "some of them find the real one");
    });
}
