//! Certificates that no tool of today makes, and that some verifier refuses: keys, signatures, encodings.

use egext::pki::Certificate;
use egext::pki::inspect::block;
use egext_test_support::{Run, TestPki, TestServer, assert_finding, has_openssl};
use rcgen::{KeyPair, PKCS_ED25519};

use super::Place;
use super::check::Foreign;

/// A server's certificate in which octets were replaced by as many others. Its signature is no longer right then, and
/// that must not hide what is wrong.
fn changed(case: &Foreign, key: &KeyPair, changes: &[(&[u8], &[u8])]) -> Run {
    let certificate = case.leaf.signed_by(key, &case.issuer()).expect("signed");
    let mut der = certificate.der().to_vec();
    for (from, to) in changes {
        assert_eq!(from.len(), to.len());
        let places = (0..der.len() - from.len()).filter(|place| der[*place..].starts_with(from));
        let places = places.collect::<Vec<_>>();
        assert!(!places.is_empty(), "{from:x?} is in it");
        for place in places {
            der[place..place + to.len()].copy_from_slice(to);
        }
    }
    case.write(&block(&Certificate::of(&der.into()).expect("a certificate")));
    case.check()
}

#[test]
fn keys_that_no_peer_takes_are_named_by_their_kind() {
    let case = Foreign::new();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let p256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    for (key, from, to, kind) in [
        (&case.key, p256, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1][..], "P-192"),
        (&case.key, p256, &[0x2b, 0x24, 3, 3, 2, 8, 1, 1], "EC curve 1.3.36.3.3.2.8.1.1"),
        (&ed25519, &[0x2b, 0x65, 0x70][..], &[0x2b, 0x65, 0x71], "Ed448"),
        (&ed25519, &[0x2b, 0x65, 0x70], &[0x2b, 0x65, 0x6e], "X25519"),
    ] {
        let run = changed(&case, key, &[(from, to)]);
        let finding = assert_finding!(run, "certs.unsupported-key", severity = "error");
        assert_eq!(finding["evidence"]["found"], kind);
        assert_eq!(run.exit_code, 1);
        assert!(gateway(&run) != "passed", "{}", run.stdout);
    }
}

#[test]
fn signatures_that_no_peer_verifies_are_named() {
    let case = Foreign::new();
    let sha256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let run = changed(&case, &case.key, &[(sha256, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1])]);
    let finding = assert_finding!(run, "certs.unsupported-signature", severity = "error");
    assert_eq!(finding["evidence"]["found"], "ECDSA with SHA-224");
    let words = "x509: certificate signed by unknown authority (possibly because of \"x509: cannot verify signature: \
                 algorithm unimplemented\" while trying to verify candidate authority certificate \"foreign CA\")";
    assert_eq!(run.json["verifiers"][0]["go"], words);
}

#[test]
fn what_go_cannot_parse_is_said_in_its_words() {
    let mut case = Foreign::new();
    case.leaf.serial_number = Some(rcgen::SerialNumber::from_slice(&[1, 0x11, 0x12, 0x13]));
    let serial: &[u8] = &[2, 4, 1, 0x11, 0x12, 0x13];
    let name: &[u8] = b"foreign server";
    for (from, to, words) in [
        (serial, &[2, 4, 0, 0x11, 0x12, 0x13][..], "malformed serial number"),
        (serial, &[2, 4, 0x81, 0x11, 0x12, 0x13], "negative serial number"),
        // The second of two extensions gets the number of the first.
        (
            &[0x55, 0x1d, 0x25],
            &[0x55, 0x1d, 0x11],
            "certificate contains duplicate extension with OID \\\"2.5.29.17\\\"",
        ),
        (name, b"foreign s\xffrver", "invalid RDNSequence: invalid attribute value: invalid UTF-8 string"),
    ] {
        let run = changed(&case, &case.key, &[(from, to)]);
        let said =
            format!("tls: failed to parse certificate from server: x509: {words}").replace("\\\"", "\"");
        assert!(gateway(&run) != "passed", "{}", run.stdout);
        let verdicts = run.json["verifiers"].as_array().expect("a list");
        if let Some(verdict) = verdicts.first() {
            assert_eq!(verdict["go"], said);
        } else {
            assert_eq!(run.ids(), ["certs.unusable"], "{}", run.stdout);
        }
        assert_eq!(run.exit_code, 1);
    }
}

#[test]
fn no_message_holds_the_debug_text_of_an_error() {
    let case = Foreign::new();
    let sha256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let version: &[u8] = &[0xa0, 3, 2, 1, 2];
    for change in [
        (sha256, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1][..]),
        (version, &[0xa0, 3, 2, 1, 0]),
        (&[0x55, 0x1d, 0x25], &[0x55, 0x1d, 0x63]),
        (&[0x55, 0x1d, 0x25], &[0x55, 0x1d, 0x11]),
    ] {
        let run = changed(&case, &case.key, &[change]);
        assert!(!run.findings().is_empty(), "{}", run.stdout);
        let verdicts = run.json["verifiers"].as_array().expect("a list");
        let words = run.findings().iter().map(|finding| &finding["message"]);
        for words in words.chain(verdicts.iter().map(|verdict| &verdict["webpki"])) {
            let words = words.as_str().expect("text");
            assert!(!words.contains(['{', '[']) && !words.contains("(Other"), "{words}");
        }
    }
}

#[test]
fn no_malformed_certificate_brings_debug_text_into_a_message() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let [ca, server] =
        ["ca.crt", "server.crt"].map(|name| std::fs::read_to_string(place.certs().join(name)).expect("PEM"));
    let file = |name: &str| place.certs().join(name).display().to_string();
    let (key, ca_key) = (file("server.key"), file("ca.key"));
    let mut broken = 0;
    // Tags and lengths of the first fields, then here and there.
    let body = "-----BEGIN CERTIFICATE-----\n".len();
    for place_in_body in (0..40).chain((40..360).step_by(31)) {
        for (text, name) in [(&ca, "ca.crt"), (&server, "server.crt")] {
            let mut text = text.clone().into_bytes();
            let digit = &mut text[body + place_in_body];
            *digit = if *digit == b'e' { b'5' } else { b'e' };
            std::fs::write(place.path(name), text).expect("written");
        }
        let (ca, server) = (place.path("ca.crt"), place.path("server.crt"));
        for run in [
            crate::egext(["certs", "check", "--key", &key, "--ca"]).arg(&ca).arg("--cert").arg(&server).run(),
            crate::egext(["certs", "show"]).arg(&ca).run(),
            crate::egext(["certs", "init", "--dir", "none", "--ca-key", &ca_key, "--ca-cert"]).arg(&ca).run(),
            crate::egext(["probe", "localhost:1", "--key", &key, "--ca"])
                .arg(&ca)
                .arg("--cert")
                .arg(&server)
                .run(),
        ] {
            broken += usize::from(run.exit_code == 2);
            for line in (run.stdout.clone() + &run.stderr).lines() {
                // What `{:?}` writes: `Some(`, `Tag(2)`, `Context { .. }`, `[6, 9]`.
                let call =
                    line.split('(').rev().skip(1).any(|before| before.ends_with(char::is_alphanumeric));
                assert!(!call && !line.contains(['{', '[']), "{line}");
            }
        }
    }
    assert!(broken > 40, "{broken}");
}

#[test]
fn a_key_in_another_form_is_the_same_key() {
    if !has_openssl() {
        return;
    }
    for (form, said) in [
        (
            ["-conv_form", "compressed"],
            "(P-256 with a compressed point): Go, rustls and Java do not read compressed points",
        ),
        (["-param_enc", "explicit"], "(EC with explicit parameters): the curve has to be named"),
    ] {
        let place = Place::new();
        place.init(&[]).assert().success();
        place.openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.key"]);
        place.openssl(&[&["ec", "-in", "server.key", "-out", "form.key"], &form[..]].concat());
        place.openssl(&["req", "-new", "-subj", "/CN=x", "-key", "form.key", "-out", "x.csr"]);
        std::fs::write(
            place.path("x.ext"),
            "basicConstraints=critical,CA:false\nsubjectAltName=DNS:localhost\n",
        )
        .expect("written");
        let sign =
            ["x509", "-req", "-in", "x.csr", "-CA", "certs/ca.crt", "-CAkey", "certs/ca.key", "-extfile"];
        place.openssl(&[&sign[..], &["x.ext", "-out", "server.crt"]].concat());
        let [ca, certificate, key] =
            ["certs/ca.crt", "server.crt", "server.key"].map(|name| place.path(name));
        let with_files = |run: egext_test_support::Egext| {
            run.arg("--ca").arg(&ca).arg("--cert").arg(&certificate).arg("--key").arg(&key)
        };
        let run = with_files(crate::egext(["certs", "check", "--role", "server"])).json();
        let finding = assert_finding!(run, "certs.unsupported-key", severity = "error");
        assert!(finding["message"].as_str().is_some_and(|words| words.ends_with(&said[said.len() - 20..])));
        assert!(!run.ids().contains(&"certs.key-mismatch"), "{}", run.stdout);
        let run = with_files(crate::egext(["probe", "localhost:1"])).run();
        assert_eq!(run.exit_code, 2);
        let words =
            format!("`{}` has its key in a form that TLS stacks reject {said}", certificate.display());
        assert!(run.stderr.starts_with(&format!("error: {words}\n  hint: ")), "{}", run.stderr);
        let run = crate::egext(["certs", "show"]).arg(&certificate).arg(&key).json();
        assert_eq!(run.json["keys"][0]["certificate_file"], certificate.display().to_string());
    }
}

#[test]
fn an_old_root_and_a_pinned_certificate_are_anchors_with_a_warning() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let request = |name: &str| {
        let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
        let flags = ["req", "-new", "-nodes", "-subj", "/CN=old", "-keyout", &key, "-out", &csr];
        place.openssl(&[&flags[..], &ec].concat());
    };
    request("ca");
    request("server");
    // Without extensions, OpenSSL writes version 1.
    place.openssl(&["x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-out", "ca.crt"]);
    assert!(place.openssl(&["x509", "-in", "ca.crt", "-noout", "-text"]).contains("Version: 1"));
    let leaf =
        "basicConstraints=critical,CA:false\nsubjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n";
    std::fs::write(place.path("leaf.ext"), leaf).expect("written");
    let sign = ["x509", "-req", "-in", "server.csr", "-extfile", "leaf.ext", "-out", "server.crt"];
    place.openssl(&[&sign[..], &["-CA", "ca.crt", "-CAkey", "ca.key"]].concat());
    assert_anchor(&place, "certs.ca-not-strict");

    place.openssl(&[&sign[..], &["-signkey", "server.key"]].concat());
    std::fs::copy(place.path("server.crt"), place.path("ca.crt")).expect("copied");
    assert_anchor(&place, "certs.leaf-as-ca");
}

/// `ca.crt` is trusted with a warning: by check, by OpenSSL, and by a probe of a server that presents `server.crt`.
fn assert_anchor(place: &Place, id: &str) {
    place.openssl(&["verify", "-CAfile", "ca.crt", "server.crt"]);
    let pki = TestPki::new();
    for (name, file) in
        [("ca.crt", pki.ca()), ("server.crt", pki.server_certificate()), ("server.key", pki.server_key())]
    {
        std::fs::copy(place.path(name), file).expect("copied");
    }
    let pki = pki.without_client();
    let run = crate::egext(["certs", "check"]).arg(pki.directory()).json();
    assert_finding!(run, id, severity = "warning");
    let verdicts = &run.json["verifiers"][0];
    assert_eq!(
        (&verdicts["webpki"], &verdicts["go"]),
        (&"accepts".into(), &"accepts".into()),
        "{}",
        run.stdout
    );
    assert!(run.findings().iter().all(|finding| finding["severity"] != "error"), "{}", run.stdout);
    let server = TestServer::tls(&pki).spawn();
    let run = crate::egext(["probe", &server.address(), "--no-gateway", "--no-policy", "--ca"])
        .arg(pki.ca())
        .json();
    assert!(run.findings().iter().all(|finding| finding["severity"] != "error"), "{}", run.stdout);
}

#[test]
fn an_import_and_a_request_with_such_a_key_are_refused_by_name() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    place.init(&[]).assert().success();
    place.make_root("odd", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "CN=odd\n", "");
    let run = place.verb(&["init", "--dir", "other", "--ca-cert", "odd.crt", "--ca-key", "odd.key"]);
    let run = run.assert().code(2);
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.contains("the key in `odd.key` is secp256k1, which TLS stacks do not take"), "{words}");
    for (curve, kind) in [("secp256k1", "secp256k1"), ("brainpoolP256r1", "brainpoolP256r1")] {
        let request =
            ["req", "-new", "-nodes", "-subj", "/CN=x", "-keyout", "x.key", "-out", "x.csr", "-newkey", "ec"];
        place.openssl(&[&request[..], &["-pkeyopt", &format!("ec_paramgen_curve:{curve}")]].concat());
        let run = place.verb(&["issue", "client", "--csr", "x.csr", "--san", "x"]).assert().code(2);
        let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(words.contains(&format!("`x.csr` is for a key that TLS stacks refuse ({kind})")), "{words}");
    }
}

/// What came of the gateway's check; `absent` where it was not made.
fn gateway(run: &Run) -> &str {
    let checks = run.json["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["check"] == "gateway");
    found.and_then(|check| check["state"].as_str()).unwrap_or("absent")
}
