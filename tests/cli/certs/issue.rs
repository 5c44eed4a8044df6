use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use snapbox::str;

use egext::pki::{Certificate, Identity, SubjectName};
use egext_test_support::TestPki;

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
        .stderr_eq("")
        .stdout_eq(str![[r"
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
  hint: choose another name, or change what is there: `egext certs renew --name gateway-2 --add-san NAME`; `--replace` issues a new one in its place

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
    let run =
        place.verb(&["issue", "server", "--csr", "request.csr"]).assert().success().stderr_eq(str![[r"
issued a certificate, which goes to stdout

  server   replica.internal
           until [..] (in 365 days), for the key of the request
           request `request.csr` from `replica`, P-256

note: the request also asks for what is not granted: [..]

"]]);
    let printed = &run.get_output().stdout;
    assert!(printed.starts_with(b"-----BEGIN CERTIFICATE-----\n"), "nothing else is printed");
    let leaf =
        Certificate::of(&CertificateDer::from_pem_slice(printed).expect("PEM")).expect("a certificate");
    assert!(leaf.server_auth && !leaf.client_auth && !leaf.is_ca);
    assert_eq!(leaf.names, [SubjectName::Dns("replica.internal".to_owned())]);
    Identity::from_pem((&place.path("out"), printed), (&place.path("key"), key.serialize_pem().as_bytes()))
        .expect("it is for the key of the request");
    fs::remove_file(place.path("request.csr")).expect("removable");
    assert_eq!(place.tree(), before, "nothing was written");
}

#[test]
fn the_operators_names_count_and_not_the_requesters() {
    let place = Place::new();
    place.init(&["--san", "eg.example"]).assert().success();
    write_request(&place, |request| {
        request.subject_alt_names.push(SanType::DnsName("eg.example".try_into().expect("ASCII")));
    });
    let issue = ["issue", "server", "--csr", "request.csr", "--san", "10.0.0.7,replica.internal"];
    let run = place.verb(&issue).assert().success().stderr_eq(str![[r"
issued a certificate, which goes to stdout

  server   10.0.0.7, replica.internal
           until [..] (in 365 days), for the key of the request
           request `request.csr` from `replica`, P-256

note: the request also asks for what is not granted: the name `eg.example`; names beyond `--san` are granted by `--accept-csr-names` only

"]]);
    let names = |printed: &[u8]| {
        let certificate = CertificateDer::from_pem_slice(printed).expect("PEM");
        let names = Certificate::of(&certificate).expect("a certificate").names;
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&run.get_output().stdout), ["10.0.0.7", "replica.internal"]);
    let accepted = [&issue[..], &["--accept-csr-names"]].concat();
    let run = place.verb(&accepted).assert().success();
    assert_eq!(names(&run.get_output().stdout), ["10.0.0.7", "replica.internal", "eg.example"]);
    let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert!(words.contains("the requester chose eg.example, which `certs/server.crt` has too"), "{words}");
}

#[test]
fn names_that_another_certificate_has_are_a_warning_where_the_requester_chose_them() {
    let place = Place::new();
    place.init(&["--san", "a.eg.example"]).assert().success();
    for (asked, is_warned) in [
        ("a.eg.example", true),
        ("A.EG.example", true),
        ("*.eg.example", true),
        ("localhost", true),
        ("client.egext.internal", true),
        ("b.eg.example", false),
        ("eg.example", false),
    ] {
        place.write_request("request", asked);
        let report = place.verb_json(&["issue", "server", "--csr", "request.csr"], 0);
        let ids = report["findings"].as_array().expect("findings").iter().map(|finding| &finding["id"]);
        let expected = if is_warned { vec!["certs.name-in-use"] } else { Vec::new() };
        assert_eq!(ids.collect::<Vec<_>>(), expected, "{asked}");
        assert_eq!(report["status"], if is_warned { "warning" } else { "ok" }, "{asked}");
        // Typed by the operator, it is no surprise.
        let report = place.verb_json(&["issue", "server", "--csr", "request.csr", "--san", asked], 0);
        assert_eq!(report["findings"], serde_json::json!([]), "{asked}");
    }
}

#[test]
fn the_cas_key_gets_no_leaf() {
    let place = Place::new();
    for key_type in ["p256", "rsa2048", "ed25519"] {
        place.init(&["--force", "--key-type", key_type]).assert().success();
        let own = fs::read_to_string(place.certs().join("ca.key")).expect("there");
        write_request_for(&place, &KeyPair::from_pem(&own).expect("a key"));
        for flags in [&[][..], &["--out", "replica"], &["--dry-run"], &["--san", "a"]] {
            let issue = [&["issue", "server", "--csr", "request.csr"][..], flags].concat();
            place.assert_fails(
                &issue,
                str![[r"
error: `request.csr` is for the key of the CA `egext CA [..]`, which is not issued to anyone
  hint: a server or client needs a key of its own: `openssl ecparam [..]

"]],
            );
        }
    }
    // The CA that will sign, too.
    place.verb(&["rotate-ca", "prepare"]).assert().success();
    let next = fs::read_to_string(place.certs().join(".egext/current/.next-ca.key")).expect("there");
    write_request_for(&place, &KeyPair::from_pem(&next).expect("a key"));
    place.verb(&["issue", "server", "--csr", "request.csr"]).assert().code(2).stdout_eq("");
}

#[test]
fn a_key_that_lies_in_the_set_gets_no_second_certificate() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let own = fs::read_to_string(place.certs().join("server.key")).expect("there");
    write_request_for(&place, &KeyPair::from_pem(&own).expect("a key"));
    for role in ["server", "client"] {
        place.assert_fails(&["issue", role, "--csr", "request.csr"], str![[r"
error: `request.csr` is for the key of `certs/server.crt`
  hint: to change its names: `egext certs renew --name server --add-san NAME --keep-key`; if a stranger sent the CSR, the key has leaked: `egext certs renew --name server --force`

"]]);
    }
    // The same requester once more is no leak: its key has never been here.
    let key = write_request(&place, |_| {});
    place.verb(&["issue", "server", "--csr", "request.csr", "--out", "replica"]).assert().success();
    write_request_for(&place, &key);
    let report = place.verb_json(&["issue", "server", "--csr", "request.csr", "--san", "b"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.key-in-use");
    let again = ["issue", "server", "--csr", "request.csr", "--san", "b", "--out", "replica", "--replace"];
    assert_eq!(place.verb_json(&again, 0)["findings"], serde_json::json!([]));
}

#[test]
fn a_certificate_is_replaced_by_one_with_the_names_that_were_typed() {
    let place = Place::new();
    place.init(&["--san", "old.example"]).assert().success();
    let before = place.files();
    for reserved in [
        &["issue", "server", "--out", "server", "--san", "eg.example"][..],
        &["issue", "client", "--out", "server", "--san", "eg.example", "--replace"],
    ] {
        place.assert_fails(reserved, str![[r"
error: `server` is a name of the set's own files
  hint: choose another name, or change the set's own: `egext certs renew --name server --add-san NAME`; `egext certs issue server --out server --replace --san NAME` issues a new one in its place

"]]);
    }
    let replace = ["issue", "server", "--out", "server", "--san", "eg.example", "--replace"];
    let dry = [&replace[..], &["--dry-run", "--lifetime", "90d"]].concat();
    let tree = place.tree();
    assert_eq!(place.verb_json(&dry, 0)["outcome"], "would-replace");
    assert_eq!(place.tree(), tree);
    place.verb(&replace).assert().success().stderr_eq("").stdout_eq(str![[r"
replaced `server` in `certs`

  server   eg.example
           until [..] (in 365 days), P-256

files
  to the server   certs/ca.crt  certs/server.crt  certs/server.key

note: the old one stays in `certs/.egext/previous` until the next change

"]]);
    for (name, text) in place.files() {
        assert_eq!(text == before[name], !name.starts_with("server"), "{name}");
    }
    assert_eq!(place.leaf("server").names, [SubjectName::Dns("eg.example".to_owned())]);
    place.assert_whole();
}

/// It is the way out where a renewal is refused, so it must not need what is broken.
#[test]
fn a_certificate_is_replaced_whatever_has_become_of_it() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let replace = ["issue", "client", "--out", "client", "--san", "gw.example", "--replace"];
    let pki = TestPki::new().client_self_signed();
    let foreign = fs::read(pki.client_certificate()).expect("there");
    for text in [&b""[..], b"no certificate", &foreign] {
        place.replace("client.crt", text);
        place.verb(&replace).assert().success();
        place.assert_whole();
    }
    fs::remove_file(place.certs().join(".egext/current/client.key")).expect("there");
    place.verb(&replace).assert().success();
    place.assert_whole();
}

#[test]
fn a_key_of_the_set_goes_when_its_holder_keeps_the_next_one() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["issue", "server", "--out", "replica", "--san", "replica.internal"]).assert().success();
    let key = write_request(&place, |_| {});
    let replace = ["issue", "server", "--csr", "request.csr", "--out", "replica", "--replace"];
    place.verb(&replace).assert().success();
    assert!(place.certs().join("replica.key").symlink_metadata().is_err(), "not even a link");
    let text = fs::read(place.certs().join("replica.crt")).expect("there");
    let key = key.serialize_pem();
    Identity::from_pem((&place.path("crt"), &text), (&place.path("key"), key.as_bytes())).expect("a pair");
    place.verb(&["issue", "server", "--out", "replica", "--san", "a", "--replace"]).assert().success();
    assert_eq!(place.leaf("replica").names.len(), 1);
    place.verb(&["renew", "--force"]).assert().success();
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
  hint: ask its sender for a new one: `openssl req [..]` makes one

"]
    ]);
    place.verb(&["issue", "server", "--csr", "certs/server.key"]).assert().code(2).stdout_eq("").stderr_eq(
        str![[r"
error: `certs/server.key` holds no certificate request: it holds a private key
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
    for (name, stem) in [("x.crt", "x"), ("x.y.KEY", "x.y"), ("x.pem", "x")] {
        let words = format!(
            "error: `{name}` is the name of a file, and `--out` takes the name of a certificate\n  \
             hint: leave out the ending: `--out {stem}` writes `{stem}.crt` and `{stem}.key`\n"
        );
        place.assert_fails(&["issue", "client", "--san", "a", "--out", name], words);
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

/// A request for a key that is there already.
fn write_request_for(place: &Place, key: &KeyPair) {
    let request = CertificateParams::new(["replica.internal".to_owned()]).expect("a name");
    let text = request.serialize_request(key).expect("a request").pem().expect("PEM");
    fs::write(place.path("request.csr"), text).expect("writable");
}

fn loaded(place: &Place, name: &str) -> Certificate {
    let path = |end: &str| place.certs().join(format!("{name}.{end}"));
    Identity::load(&path("crt"), &path("key")).expect("a pair").leaf().clone()
}
