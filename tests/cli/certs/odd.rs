//! Certificates that no tool of today makes, and that some verifier refuses: keys, signatures, encodings.

use egext::pki::inspect::Certificate;
use egext_test_support::{Run, assert_finding, has_openssl};
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
    case.write(&Certificate::of(&der.into()).expect("a certificate").pem());
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
        let said = format!("tls: failed to parse certificate: x509: {words}").replace("\\\"", "\"");
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
