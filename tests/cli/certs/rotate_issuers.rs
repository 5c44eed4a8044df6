//! Which of several CAs of one company issues: those above it and beside it are others.

use std::fs;

use egext::pki::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    SerialNumber,
};
use snapbox::str;

use super::Place;
use super::other_ca::{Company, authority, files, write_branches};
use super::rotate_flags::paste;

impl Place {
    fn issuer(&self) -> String {
        Certificate::of(&self.certificate("certs/server.crt")).expect("a leaf").issuer.to_string()
    }
}

#[test]
fn the_ca_above_the_one_that_signs_is_another_ca() {
    let place = Place::new();
    write_branches(&place, "root", &["first"]);
    place.init(&files("first").each_ref().map(String::as_str)).assert().success();
    place.rotate("activate", Some("root")).assert().code(2).stdout_eq("");
    place.rotate("prepare", Some("root")).assert().success();
    place.rotate("activate", Some("root")).assert().success();
    assert_eq!((place.issuer().as_str(), place.phase().as_str()), ("root", "idle"));
    place.rotate("activate", Some("root")).assert().success().stdout_eq("unchanged: [..]\n...\n");
    place.rotate("prepare", Some("first")).assert().success();
    place.rotate("activate", Some("first")).assert().success();
    assert_eq!(place.issuer(), "first");
    place.assert_whole();
}

#[test]
fn a_leaf_of_the_ca_beside_the_named_one_is_renewed_by_its_own() {
    let place = Place::new();
    write_branches(&place, "root", &["first", "second"]);
    place.init(&files("first").each_ref().map(String::as_str)).assert().success();
    let by_the_second = files("second");
    for flags in [&["--force"][..], &["--force", "--dry-run"], &["--name", "server", "--lifetime", "9d"]] {
        let renew = [&["renew"], flags, &by_the_second.each_ref().map(String::as_str)].concat();
        place.assert_fails(&renew, str![[r"
error: `certs/server.crt` was issued by `first`, not by the CA in `second.crt`
  hint: name the CA that issued it: `--ca-cert FILE --ca-key FILE`; `egext certs rotate-ca prepare --ca-cert second.crt --ca-key second.key` begins to replace that CA by the one that you named

"]]);
    }
    paste(&place, place.verb(&["renew", "--force"]).args(files("second")), 2, "");
    place.rotate("activate", Some("second")).assert().success();
    place.verb(&["renew", "--force"]).args(files("second")).assert().success();
    assert_eq!(place.issuer(), "second");
}

#[test]
fn the_key_of_a_companys_ca_is_not_called_worthless() {
    let place = Place::new();
    Company::new(&["acme"]).write(&place, "acme");
    Company::new(&["beta"]).write(&place, "beta");
    place.init(&files("acme").each_ref().map(String::as_str)).assert().success();
    for step in ["prepare", "activate"] {
        place.rotate(step, Some("beta")).assert().success();
    }
    place.rotate("finish", None).assert().success().stdout_eq(str![[r"
...
hint: give both sides the new `ca.crt`: the bridge reloads it by itself, restart other programs that do not. After that nothing here needs the old CA

"]]);
}

#[test]
fn two_paths_of_one_ca_are_told_apart_by_their_roots() {
    let place = Place::new();
    let key = || KeyPair::generate().expect("a key");
    let (old_key, new_key, issuing_key) = (key(), key(), key());
    let (old, new, issuing) = (authority("old root"), authority("new root"), authority("issuing"));
    let cross = {
        let above = Issuer::from_params(&old, &old_key);
        new.signed_by(&new_key, &above).expect("signed").pem()
    };
    let issuing =
        issuing.signed_by(&issuing_key, &Issuer::from_params(&new, &new_key)).expect("signed").pem();
    let [old, new] =
        [(old, &old_key), (new, &new_key)].map(|(ca, key)| ca.self_signed(key).expect("signed").pem());
    for (name, text) in [("direct", format!("{issuing}{new}")), ("crossed", format!("{issuing}{cross}{old}"))]
    {
        fs::write(place.path(&format!("{name}.crt")), text).expect("writable");
        fs::write(place.path(&format!("{name}.key")), issuing_key.serialize_pem()).expect("writable");
    }
    place.init(&[]).assert().success();
    place.rotate("prepare", Some("direct")).assert().success();
    for step in ["prepared", "activated"] {
        assert_eq!(place.phase(), step);
        let run = place.rotate("activate", Some("crossed")).assert().code(2).stdout_eq("");
        let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        let error = "error: the CA that was prepared leads to `new root`, and this `issuing` to `old root`\n";
        assert!(words.starts_with(error) && words.contains("--ca-cert crossed.crt"), "{words}");
        place.rotate("activate", Some("direct")).assert().success();
    }
    // Two roots with one name.
    Company::new(&["new root"]).write(&place, "namesake");
    place.rotate("finish", None).assert().success();
    place.rotate("prepare", Some("namesake")).assert().success();
    Company::new(&["new root"]).write(&place, "third");
    let run = place.rotate("activate", Some("third")).assert().code(2);
    let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert_eq!(words.matches("`new root` with SHA-256 ").count(), 2, "{words}");
}

fn params(name: &str, identifier: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = KeyIdMethod::PreSpecified(vec![identifier]);
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(SerialNumber::from_slice(&[identifier]));
    params
}

/// The root was renewed with its key. What it has issued names the old one, which OpenSSL looks for.
#[test]
fn the_last_root_that_openssl_accepts_is_not_taken_out() {
    let place = Place::new();
    let [root, key] = [(); 2].map(|()| KeyPair::generate().expect("a key"));
    let [old, new] = [1, 2].map(|number| params("root", number));
    let [old_root, new_root] =
        [&old, &new].map(|params| params.clone().self_signed(&root).expect("signed").pem());
    // The same CA: by the old root, and issued again by the new one.
    let [by_the_old, by_the_new] = [(&old, 3), (&new, 4)].map(|(issuer, number)| {
        let issuing = params("issuing", number).signed_by(&key, &Issuer::from_params(issuer, &root));
        issuing.expect("signed").pem()
    });
    for (file, issuing, root) in
        [("old", &by_the_old, &old_root), ("new", &by_the_old, &new_root), ("again", &by_the_new, &new_root)]
    {
        fs::write(place.path(&format!("{file}.crt")), format!("{issuing}{root}")).expect("writable");
        fs::write(place.path(&format!("{file}.key")), key.serialize_pem()).expect("writable");
    }
    place.init(&files("old").each_ref().map(String::as_str)).assert().success();
    place.rotate("prepare", Some("new")).assert().success();
    place.rotate("activate", Some("new")).assert().success();
    place.assert_fails(
        &["rotate-ca", "finish"],
        str![[r"
error: without the old CA OpenSSL rejects `issuing`: its authority key identifier does not fit the new `root`
  hint: have `issuing` issued again by the new `root`, renew with it (`egext certs renew --force --ca-cert FILE --ca-key FILE`), and repeat this step

"]],
    );
    place.verb(&["renew", "--force"]).args(files("again")).assert().success();
    place.rotate("finish", None).assert().success();
    place.assert_whole();
}
