//! Certificate requests as other tools write them: their labels, keys and signatures.

use std::fs;

use snapbox::str;

use super::Place;

/// A set, and `request.csr` for `request.key` by OpenSSL.
fn requested(key: &[&str], signature: &[&str]) -> Place {
    let place = Place::new();
    place.init(&[]).assert().success();
    request(&place, key, signature);
    place
}

fn request(place: &Place, key: &[&str], signature: &[&str]) {
    let make = ["req", "-new", "-nodes", "-subj", "/CN=replica", "-addext", "subjectAltName=DNS:replica"];
    let files = ["-keyout", "request.key", "-out", "request.csr"];
    place.openssl(&[&make[..], &files, key, signature].concat());
}

fn curve(name: &str) -> [String; 4] {
    ["-newkey", "ec", "-pkeyopt", &format!("ec_paramgen_curve:{name}")].map(str::to_owned)
}

const ISSUE: [&str; 4] = ["issue", "server", "--csr", "request.csr"];

#[test]
fn the_label_of_other_tools_and_a_byte_order_mark_are_read() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_request("request", "replica.internal");
    let text = fs::read_to_string(place.path("request.csr")).expect("there");
    for other in [
        text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        format!("\u{feff}{text}"),
        format!("\u{feff}{}", text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")),
        text.replace('\n', "\r\n"),
    ] {
        fs::write(place.path("request.csr"), &other).expect("writable");
        let report = place.verb_json(&ISSUE, 0);
        assert_eq!(report["issued"]["names"][0], "replica.internal", "{other}");
    }
}

#[test]
fn a_signature_with_any_usual_hash_proves_the_key() {
    let place = requested(&["-newkey", "rsa:2048"], &["-sha256"]);
    for (name, hashes) in [
        ("P-256", &["-sha1", "-sha256", "-sha384", "-sha512"][..]),
        ("P-384", &["-sha256", "-sha384", "-sha512"]),
        ("P-521", &["-sha224", "-sha256", "-sha384", "-sha512"]),
    ] {
        for hash in hashes {
            let key = curve(name);
            request(&place, &key.each_ref().map(String::as_str), &[hash]);
            let report = place.verb_json(&ISSUE, 0);
            assert_eq!(report["issued"]["key_type"], name, "{hash}");
        }
    }
}

/// OpenSSL takes the longest salt by default, most others one as long as the hash.
#[test]
fn rsa_pss_proves_the_key_whatever_its_salt() {
    let place = requested(&["-newkey", "rsa:2048"], &["-sha256"]);
    for (hash, salt) in [("-sha256", "digest"), ("-sha256", "max"), ("-sha512", "max"), ("-sha384", "20")] {
        let salt = format!("rsa_pss_saltlen:{salt}");
        let sign = ["-key", "request.key", hash, "-sigopt", "rsa_padding_mode:pss", "-sigopt", &salt];
        place.openssl(
            &[
                &["req", "-new", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:x", "-out", "request.csr"]
                    [..],
                &sign,
            ]
            .concat(),
        );
        place.verb_json(&ISSUE, 0);
    }
}

#[test]
fn a_signature_that_cannot_be_verified_is_named() {
    let place = requested(&["-newkey", "rsa:2048"], &["-sha224"]);
    let pss = ["-sigopt", "rsa_padding_mode:pss"];
    for (key, signature, words) in [
        (&["-newkey", "rsa:2048"][..], &["-sha224"][..], "RSA with SHA-224, RSA 2048 key"),
        (&["-newkey", "rsa:2048"], &["-sha3-256"], "RSA with SHA3-256, RSA 2048 key"),
        (&["-newkey", "rsa:2048"], &[&["-sha224"][..], &pss].concat(), "RSA-PSS with SHA-224"),
        (
            &["-newkey", "rsa:2048"],
            &[&["-sha256"][..], &pss, &["-sigopt", "rsa_mgf1_md:sha1"]].concat(),
            "RSA-PSS with SHA-256[..]",
        ),
        (&curve("P-256").each_ref().map(String::as_str), &["-sha224"], "ECDSA with SHA-224, P-256 key"),
    ] {
        request(&place, key, signature);
        let expected = format!(
            "error: `request.csr` is signed in a way that is not supported: {words}\n  \
             hint: ask its sender for one signed with SHA-256: `openssl req -new -sha256 [..]`\n"
        );
        place.assert_fails(&ISSUE, expected);
    }
}

#[test]
fn a_request_for_a_key_that_is_too_small_says_so() {
    let place = requested(&["-newkey", "rsa:1024"], &["-sha256"]);
    place.assert_fails(&ISSUE, str![[r"
error: `request.csr` is for a key that TLS stacks refuse (RSA 1024): RSA keys of less than 2048 bits can be broken, and most verifiers refuse them
  hint: ask its sender for one with a P-256 key

"]]);
}

#[test]
fn a_changed_request_proves_nothing_with_any_key() {
    for key in ["P-521", "P-384"] {
        let key = curve(key);
        let place = requested(&key.each_ref().map(String::as_str), &["-sha512"]);
        let der = place.path("request.der");
        place.openssl(&["req", "-in", "request.csr", "-outform", "DER", "-out", "request.der"]);
        let mut octets = fs::read(&der).expect("there");
        let name = octets.windows(7).position(|window| window == b"replica").expect("its subject");
        octets[name] = b'R';
        fs::write(&der, octets).expect("writable");
        place.openssl(&["req", "-inform", "DER", "-in", "request.der", "-out", "request.csr"]);
        place.assert_fails(
            &ISSUE,
            str![[r"
error: `request.csr` is not signed by the key that it is for
  hint: ask its sender for a new one: `openssl req [..]` makes one

"]],
        );
    }
}
