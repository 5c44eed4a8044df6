//! `certs show`: what files hold and what servers present.

use std::fs;

use egext_test_support::{TestPki, TestServer, assert_finding};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use snapbox::str;

use super::Place;
use crate::egext;

#[test]
fn a_set_is_described_file_by_file() {
    let place = Place::new();
    place.init(&["--san", "extension.internal"]).assert().success();
    place.verb(&["show"]).assert().success().stderr_eq("").stdout_eq(str![[r"
certs/ca.crt
  subject     egext CA [..]
  issuer      itself
  names       none
  usages      CA, path length 0; keyCertSign, cRLSign
  key         P-256, in `certs/ca.key`
  from        [..]
  until       [..] in 5 years ([..]Z)
  serial      [..]
  signature   ECDSA with SHA-256
  SHA-256     [..]
  of its key  [..]
  belongs to  both sides, which trust it
certs/ca.key: a P-256 key, belongs to `certs/ca.crt`; it stays where certificates are made: anyone who holds it can impersonate either side

certs/client.crt
  subject     egext client
  issuer      egext CA [..], in `certs/ca.crt`
  names       client.egext.internal
  usages      digitalSignature; clientAuth
...
  belongs to  the client
certs/client.key: a P-256 key, belongs to `certs/client.crt`

certs/server.crt
  subject     egext server
  issuer      egext CA [..], in `certs/ca.crt`
  names       extension.internal, localhost, 127.0.0.1, ::1
  usages      digitalSignature; serverAuth
  key         P-256, in `certs/server.key`
...
  belongs to  the server
certs/server.key: a P-256 key, belongs to `certs/server.crt`

"]]);
}

#[test]
fn no_format_shows_a_key() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let keys = place.files().into_iter().filter(|(name, _)| name.ends_with(".key"));
    let secrets = keys.map(|(_, text)| {
        let text = String::from_utf8(text).expect("PEM");
        text.lines().nth(1).expect("Base64").to_owned()
    });
    let secrets = secrets.collect::<Vec<_>>();
    for format in ["human", "json", "pem"] {
        let run = place.verb(&["show", "-o", format]).assert().success();
        let output = run.get_output();
        let printed =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(secrets.iter().all(|secret| !printed.contains(secret)), "{format}");
    }
}

#[test]
fn pem_is_what_the_file_has() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let server = place.files()["server.crt"].clone();
    let shown = place.verb(&["show", "certs/server.crt", "certs/server.key", "-o", "pem"]);
    shown.assert().success().stderr_eq("").stdout_eq(String::from_utf8(server).expect("PEM"));
}

#[test]
fn json_says_which_key_belongs_to_which_certificate() {
    let pki = TestPki::new();
    let run = egext(["certs", "show"]).pki(&pki).json();
    assert_eq!(run.exit_code, 0);
    let path = |path: std::path::PathBuf| Value::from(path.display().to_string());
    let keys = run.json["keys"].as_array().expect("a list");
    let owners = keys.iter().map(|key| key["certificate_file"].clone()).collect::<Vec<_>>();
    assert_eq!(owners, [path(pki.client_certificate()), path(pki.server_certificate())]);
    let certificates = run.json["certificates"].as_array().expect("a list");
    let server = certificates.iter().find(|found| found["belongs_to"] == "server").expect("the server's");
    assert_eq!(server["key_file"], path(pki.server_key()));
    assert_eq!(server["issuer_file"], path(pki.ca()));
    assert_eq!(server["extended_key_usages"], Value::from(vec!["serverAuth"]));
    let owner = keys.iter().find(|key| key["sha256"] == server["key_sha256"]).expect("its key");
    assert_eq!(owner["source"], path(pki.server_key()));
}

#[test]
fn the_order_of_a_chain_is_told() {
    for (pki, in_order) in
        [(TestPki::new().server_chain(), true), (TestPki::new().server_chain_in_wrong_order(), false)]
    {
        let run = egext(["certs", "show"]).arg(pki.server_certificate()).json();
        assert_eq!(run.json["chains"][0]["in_order"], in_order);
        let run = egext(["certs", "show"]).arg(pki.server_certificate()).run();
        assert_eq!(run.stdout.contains("in the right order"), in_order, "{}", run.stdout);
        let places = run.stdout.lines().filter_map(|line| line.split_once(": certificate "));
        let places =
            places.map(|(_, place)| place).filter(|place| place.contains(" of ")).collect::<Vec<_>>();
        let counted = (1..=places.len()).map(|place| format!("{place} of {}", places.len()));
        assert!(places.len() > 1 && places.iter().copied().eq(counted), "{}", run.stdout);
    }
}

#[test]
fn what_a_server_presents_is_shown_whether_it_is_trusted_or_not() {
    let pki = TestPki::new().server_expired();
    let server = TestServer::mtls(&pki).spawn();
    let fingerprint = |run: &egext_test_support::Run| run.json["certificates"][0]["sha256"].clone();
    let on_disk = egext(["certs", "show"]).arg(pki.server_certificate()).json();
    for run in [
        egext(["certs", "show", "--connect", &server.address()]).pki(&pki).json(),
        egext(["certs", "show", "--connect", &server.address()]).json(),
    ] {
        assert_eq!((run.exit_code, fingerprint(&run)), (0, fingerprint(&on_disk)), "{}", run.stdout);
        assert_eq!(run.json["certificates"][0]["source"], server.address());
    }
}

#[test]
fn a_server_without_tls_presents_nothing() {
    let server = TestServer::plaintext().spawn();
    let address = server.address().replace("tcp://", "");
    let run = egext(["certs", "show", "--connect", &address]).json();
    assert_eq!(run.exit_code, 1);
    assert_finding!(run, "probe.tls.not-tls", subject = address);
    let run = egext(["certs", "show", "--connect", "unix:/run/egext.sock"]).run();
    assert_eq!(run.exit_code, 2);
    assert_eq!(
        run.stderr,
        "error: `unix:/run/egext.sock` is plaintext, so no certificate is presented there\n  hint: write it as `tls://HOST:PORT`\n"
    );
}

#[test]
fn what_is_no_certificate_is_an_error_with_advice() {
    let place = Place::new();
    fs::write(place.path("notes"), "nothing").expect("written");
    place.verb(&["show", "notes"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `notes` holds no certificate: it is not PEM
  hint: name another file, or make certificates and keys: `egext certs init --dir DIR`

"]]);
    place.verb(&["show", "."]).assert().code(2).stderr_eq(str![[r"
error: `.` holds no certificate and no key
  hint: make a set: `egext certs init --dir .`

"]]);
    place.verb(&["show", "missing"]).assert().code(2);
}

#[test]
fn a_broken_file_among_others_is_a_finding() {
    let pki = TestPki::new();
    fs::write(pki.directory().join("torn.crt"), "-----BEGIN CERTIFICATE-----\nMIIB\n").expect("written");
    let run = egext(["certs", "show"]).pki(&pki).json();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["certs.unusable"]));
    assert_eq!(run.json["certificates"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_a_directory_has_in_another_form_is_named() {
    let pki = TestPki::new();
    let directory = pki.directory();
    let write = |name: &str, contents: &[u8]| fs::write(directory.join(name), contents).expect("written");
    let pem = fs::read(pki.server_certificate()).expect("PEM");
    write("server.der", &CertificateDer::from_pem_slice(&pem).expect("a certificate"));
    write("large.pem", &pem.repeat((1 << 20) / pem.len() + 1));
    write("notes.txt", b"of no interest");
    fs::remove_file(pki.server_certificate()).expect("removable");
    let _socket = std::os::unix::net::UnixListener::bind(directory.join("socket")).expect("bound");
    let run = egext(["certs", "show"]).pki(&pki).json();
    assert_eq!((run.exit_code, run.ids()), (0, vec![]));
    let left_out = run.json["left_out"].as_array().expect("a list");
    let left_out = left_out.iter().map(|file| {
        let source = file["source"].as_str().expect("a path");
        (source.rsplit('/').next().expect("a name"), file["reason"].as_str().expect("words"))
    });
    assert_eq!(
        left_out.collect::<Vec<_>>(),
        [
            ("large.pem", "it is larger than 1024 KiB"),
            ("server.der", "it is a certificate in DER, not PEM"),
            ("socket", "it is a socket"),
        ]
    );
    let run = egext(["certs", "show"]).pki(&pki).run();
    let words = "server.der: not shown: it is a certificate in DER, not PEM\n  hint: convert it: `openssl x509 -inform DER";
    assert!(run.stdout.contains(words), "{}", run.stdout);
    let words = "belongs to none of these certificates; some files could not be read";
    assert!(run.stdout.contains(words), "{}", run.stdout);
    assert!(!run.stdout.contains("notes.txt"), "{}", run.stdout);
    let run = egext(["certs", "show", "--short"]).pki(&pki).run();
    assert!(run.stderr.contains("server.der: not shown"), "{}", run.stderr);
}

#[test]
fn a_directory_with_nothing_but_another_form_is_an_error_with_its_command() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.openssl(&["x509", "-in", "certs/server.crt", "-outform", "DER", "-out", "server.der"]);
    let run = place.verb(&["show", "."]).assert().code(2);
    run.stderr_eq(str![[r"
error: `./server.der` holds no certificate: it is a certificate in DER, not PEM
  hint: convert it: `openssl x509 -inform DER -in ./server.der -out ./server.der.pem`

"]]);
}

#[test]
fn a_link_to_nowhere_is_named() {
    let pki = TestPki::new();
    std::os::unix::fs::symlink("nowhere", pki.directory().join("old.crt")).expect("a link");
    let run = egext(["certs", "show"]).pki(&pki).json();
    let finding = assert_finding!(run, "certs.unusable");
    assert!(
        finding["message"].as_str().is_some_and(|words| words.contains("a link to `nowhere`")),
        "{finding}"
    );
}

#[test]
fn the_version_is_told_where_it_is_not_the_third() {
    let place = Place::new();
    place.make_root("root", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "CN=root\n", "");
    place.openssl(&["req", "-new", "-key", "root.key", "-subj", "/CN=old", "-out", "old.csr"]);
    // Without extensions OpenSSL writes version 1.
    place.openssl(&["x509", "-req", "-in", "old.csr", "-signkey", "root.key", "-out", "old.crt"]);
    let lines = |name: &str| {
        let run = place.verb(&["show", name]).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8")
    };
    assert!(lines("old.crt").contains("\n  version     1\n"), "{}", lines("old.crt"));
    assert!(!lines("root.crt").contains("version"), "{}", lines("root.crt"));
    for (name, version) in [("old.crt", 1), ("root.crt", 3)] {
        assert_eq!(place.verb_json(&["show", name], 0)["certificates"][0]["version"], version);
    }
}

#[test]
fn short_is_one_line_for_each_certificate() {
    let place = Place::new();
    place.init(&["--san", "extension.internal", "--lifetime", "30d"]).assert().success();
    place.verb(&["show", "--short"]).assert().success().stderr_eq("").stdout_eq(str![[r"
certs/ca.crt	ca	-	[..]Z	1824
certs/client.crt	client	client.egext.internal	[..]Z	29
certs/server.crt	server	extension.internal,localhost,127.0.0.1,::1	[..]Z	29

"]]);
    place.verb(&["show", "--short", "certs/server.key"]).assert().success().stdout_eq("");
    let run = place.verb(&["show", "--short"]).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let until = text.lines().next().and_then(|line| line.split('\t').nth(3)).expect("five fields");
    assert_eq!(place.verb_json(&["show"], 0)["certificates"][0]["not_after"], until);
    place.verb(&["show", "--short", "-o", "json"]).assert().code(2);
    // What has expired, and a name that would break the line.
    let now = super::now();
    place.init(&["--force"]).assert().success();
    let other = Place::new();
    other.write_set(now - time::Duration::days(365) - time::Duration::HOUR);
    fs::rename(other.certs().join(".egext/current/server.crt"), place.path("a\tb.crt")).expect("renamed");
    place.verb(&["show", "--short", "a\tb.crt"]).assert().success().stdout_eq(str![[r"
a\u{9}b.crt	server	localhost,127.0.0.1,::1	[..]Z	-1

"]]);
}
