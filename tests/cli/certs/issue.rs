use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use snapbox::str;

use egext::pki::{Identity, SubjectName, Summary};

use super::Place;

#[test]
fn a_second_client_has_files_of_its_own_and_is_renewed_with_the_others() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.files();
    place
        .verb(&["issue", "client", "--out", "gateway-2", "--san", "Gateway-2.internal"])
        .assert()
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r"
issued `gateway-2` in `certs`

  client   gateway-2.internal
           until [..] (in 365 days), P-256

files
  to `gateway-2`  certs/ca.crt  certs/gateway-2.crt  certs/gateway-2.key

"]]);
    assert_eq!(place.files(), before, "the others are as they were");
    let leaf = loaded(&place, "gateway-2");
    assert!(leaf.client_auth && !leaf.server_auth);
    place.verb(&["renew", "--force"]).assert().success();
    let renewed = loaded(&place, "gateway-2");
    assert_eq!(renewed.names, leaf.names);
    assert_ne!(renewed.serial, leaf.serial);
    place.assert_whole();
    place.verb(&["issue", "client", "--out", "gateway-2", "--san", "a"]).assert().code(2).stderr_eq(str![[
        r"
error: there is a `gateway-2` in `certs` already
  hint: choose another name; `egext certs renew --force` makes what is there anew

"
    ]]);
    place.init(&["--force"]).assert().success();
    assert!(place.certs().join("gateway-2.crt").symlink_metadata().is_err(), "it was of the CA before");
}

#[test]
fn of_a_request_only_the_key_and_the_plain_names_are_taken() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    let key = write_request(&place, |request| {
        request.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        request.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.subject_alt_names.push(SanType::URI("spiffe://example.com/all".try_into().expect("ASCII")));
    });
    let run = place
        .verb(&["issue", "server", "--csr", "request.csr", "--san", "10.0.0.7"])
        .assert()
        .success()
        .stderr_eq(str![[r"
issued a certificate, which goes to stdout

  server   10.0.0.7, replica.internal
           until [..] (in 365 days), for the key of the request
           request `request.csr` from `replica`, P-256

note: the request also asks for what is not granted: [..]

"]]);
    let printed = &run.get_output().stdout;
    assert!(printed.starts_with(b"-----BEGIN CERTIFICATE-----\n"), "nothing else is printed");
    let leaf = Summary::of(&CertificateDer::from_pem_slice(printed).expect("PEM")).expect("a certificate");
    assert!(leaf.server_auth && !leaf.client_auth && !leaf.is_ca);
    assert_eq!(leaf.names.len(), 2);
    Identity::from_pem((&place.path("out"), printed), (&place.path("key"), key.serialize_pem().as_bytes()))
        .expect("it is for the key of the request");
    fs::remove_file(place.path("request.csr")).expect("removable");
    assert_eq!(place.tree(), before, "nothing was written");
}

#[test]
fn what_was_issued_for_a_request_is_renewed_for_the_same_key() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let key = write_request(&place, |_| {});
    place.verb(&["issue", "server", "--csr", "request.csr", "--out", "replica"]).assert().success();
    assert!(!place.certs().join("replica.key").exists());
    for verb in [&["renew", "--force"][..], &["rotate-ca", "prepare"], &["rotate-ca", "activate"]] {
        place.verb(verb).assert().success();
        let text = fs::read(place.certs().join("replica.crt")).expect("there");
        let key = key.serialize_pem();
        let replica = Identity::from_pem((&place.path("crt"), &text), (&place.path("key"), key.as_bytes()));
        let name = SubjectName::Dns("replica.internal".to_owned());
        assert_eq!(replica.expect("the same key").leaf().names, [name]);
    }
}

#[test]
fn a_request_that_proves_nothing_is_refused() {
    let place = Place::new();
    place.init(&[]).assert().success();
    write_request(&place, |_| {});
    let text = fs::read_to_string(place.path("request.csr")).expect("there");
    // Within the last octets of the signature.
    let place_in_signature = text.find("\n-----END").expect("PEM") - 10;
    let other = if text.as_bytes()[place_in_signature] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &text[..place_in_signature], &text[place_in_signature + 1..]);
    fs::write(place.path("request.csr"), forged).expect("writable");
    place.verb(&["issue", "server", "--csr", "request.csr"]).assert().code(2).stdout_eq("").stderr_eq(str![
        [r"
error: `request.csr` is not signed by the key that it is for
  hint: ask its sender for a new one; keys are P-256, P-384, RSA or Ed25519

"]
    ]);
    place.verb(&["issue", "server", "--csr", "certs/server.key"]).assert().code(2).stdout_eq("").stderr_eq(
        str![[r"
error: `certs/server.key` holds no certificate request
  hint: a key stays with its owner, who sends a request: `openssl req [..]` makes one

"]],
    );
}

#[test]
fn names_that_would_be_other_files_are_refused() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    for name in ["ca", "client", "server", "", ".hidden", "-x", "../up", "a/b", "a b"] {
        let out = format!("--out={name}");
        place.verb(&["issue", "client", "--san", "a", &out]).assert().code(2).stdout_eq("");
    }
    fs::write(place.certs().join("theirs.key"), "theirs").expect("writable");
    place.verb(&["issue", "client", "--san", "a", "--out", "theirs"]).assert().code(2).stderr_eq(str![[r"
error: `certs/theirs.key` was not made by this command, and is not overwritten
  hint: move it away, or name another directory with `--dir`

"]]);
    fs::remove_file(place.certs().join("theirs.key")).expect("removable");
    place.verb(&["issue", "client", "--san", "a", "--out", "a", "--dry-run"]).assert().success();
    assert_eq!(place.tree(), before);
}

fn write_request(place: &Place, change: impl FnOnce(&mut CertificateParams)) -> KeyPair {
    let key = KeyPair::generate().expect("a key");
    let mut request = CertificateParams::new(["replica.internal".to_owned()]).expect("a name");
    request.distinguished_name = rcgen::DistinguishedName::new();
    request.distinguished_name.push(rcgen::DnType::CommonName, "replica");
    change(&mut request);
    let text = request.serialize_request(&key).expect("a request").pem().expect("PEM");
    fs::write(place.path("request.csr"), text).expect("writable");
    key
}

fn loaded(place: &Place, name: &str) -> Summary {
    let path = |end: &str| place.certs().join(format!("{name}.{end}"));
    Identity::load(&path("crt"), &path("key")).expect("a pair").leaf().clone()
}
