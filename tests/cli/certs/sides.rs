//! `certs check`: which side a certificate is for, and what only some verifiers look at.

use std::fs;

use egext_test_support::{TestPki, TestServer, assert_finding, has_openssl};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use serde_json::Value;

use super::Place;
use super::check::Foreign;
use crate::egext;

fn hint(report: &Value) -> String {
    report["findings"][0]["hint"].as_str().expect("a hint").to_owned()
}

/// Go and rustls do not look at it, OpenSSL does.
#[test]
fn a_key_usage_without_signatures_is_a_warning() {
    let case = Foreign::new();
    let usages = [
        (
            KeyUsagePurpose::ContentCommitment,
            "OpenSSL, Python and Node.js reject it",
            "nonRepudiation",
            false,
        ),
        (KeyUsagePurpose::KeyCertSign, "OpenSSL, Python and Node.js reject it", "keyCertSign", false),
        (
            KeyUsagePurpose::KeyEncipherment,
            "BoringSSL and GnuTLS reject it with TLS 1.3",
            "keyEncipherment",
            true,
        ),
    ];
    for (usage, who, found, by_openssl) in usages {
        case.sign(|leaf, _| leaf.key_usages = vec![usage]);
        let run = case.check();
        let finding = assert_finding!(run, "certs.key-usage", severity = "warning");
        assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
        assert_eq!(finding["message"], format!("its key usage permits no signature, so {who}"));
        assert_eq!(finding["evidence"]["expected"], "key usage digitalSignature");
        assert_eq!(finding["evidence"]["found"], found);
        if has_openssl() {
            let path = |name: &str| case.directory.path().join(name);
            let verify = super::command("openssl")
                .args(["verify", "-purpose", "sslserver", "-CAfile"])
                .args([path("ca.crt"), path("server.crt")])
                .assert();
            if by_openssl {
                verify.success()
            } else {
                verify.failure()
            };
        }
    }
    case.sign(|leaf, _| {
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    });
    assert_eq!(case.check().ids(), [""; 0]);
    // A client's key is not encrypted to.
    case.sign(|leaf, _| {
        leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    for end in ["crt", "key"] {
        let path = |name: &str| case.directory.path().join(format!("{name}.{end}"));
        fs::rename(path("server"), path("client")).expect("renamed");
    }
    let run = case.check();
    let finding = assert_finding!(run, "certs.key-usage");
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("OpenSSL")), "{finding}");
}

#[test]
fn a_leaf_without_an_authority_key_identifier_is_a_warning() {
    let case = Foreign::new();
    case.sign(|leaf, _| leaf.use_authority_key_identifier_extension = false);
    let run = case.check();
    let finding = assert_finding!(run, "certs.not-strict", severity = "warning");
    assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
    assert_eq!(finding["message"], "it has no authority key identifier, so strict verifiers reject it");
    case.sign(|_, _| {});
    assert_eq!(case.check().ids(), [""; 0]);
}

/// The certificate of a server is good, and was named for the wrong side.
#[test]
fn a_good_certificate_of_the_other_side_is_not_to_be_replaced() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["issue", "server", "--san", "replica.x", "--out", "replica"]).assert().success();
    let files = ["--cert", "certs/replica.crt", "--key", "certs/replica.key"];
    let report = place.verb_json(&[&["check", "--role", "client"], &files[..]].concat(), 1);
    assert_eq!(
        hint(&report),
        "it is a certificate of a server: check it with `--role server`, or name the client's own; \
         `egext certs issue client --out NAME --san NAME` issues one"
    );
    place.verb(&[&["check", "--role", "server"], &files[..]].concat()).assert().success();
}

#[test]
fn a_certificate_that_was_copied_over_the_other_sides_is_put_back() {
    let place = Place::new();
    place.init(&[]).assert().success();
    // Without links, as a Secret is mounted or a backup restored.
    fs::create_dir(place.path("copy")).expect("a directory");
    for name in ["ca.crt", "client.crt", "client.key"] {
        fs::copy(place.certs().join(name), place.path("copy").join(name)).expect("copied");
    }
    for end in ["crt", "key"] {
        let path = |name: &str| place.path("copy").join(format!("{name}.{end}"));
        fs::copy(path("client"), path("server")).expect("copied");
    }
    let report = place.verb_json(&["check", "copy"], 1);
    assert_eq!(report["findings"][0]["id"], "certs.wrong-purpose");
    assert_eq!(
        hint(&report),
        "the client's certificate was copied to this name: copy the server's own certificate and key"
    );
}

/// Clients call `server.crt`. A replica has a name of its own, and must not get that of the server.
#[test]
fn a_name_is_asked_of_the_sets_server_only() {
    let place = Place::new();
    place.init(&["extension.internal"]).assert().success();
    place.verb(&["issue", "server", "--san", "replica.internal", "--out", "replica"]).assert().success();
    place.verb(&["check", "-q", "--for-name", "extension.internal"]).assert().success().stdout_eq("");
    let report = place.verb_json(&["check", "--for-name", "replica.internal"], 1);
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!((findings.len(), &findings[0]["subject"]), (1, &"certs/server.crt".into()), "{findings:?}");
    let replica = ["check", "--cert", "certs/replica.crt", "--key", "certs/replica.key"];
    place.verb(&replica).args(["--for-name", "replica.internal"]).assert().success();
    place.verb(&replica).args(["--for-name", "extension.internal"]).assert().code(1);
    place.assert_fails(
        &["check", "--for-name", "spiffe://a/b"],
        "error: `spiffe://a/b` is a SPIFFE id\n  hint: leave it out: clients connect to host names and IP addresses\n",
    );
}

/// A file with many CAs, none of which issued the certificate: a system's bundle.
#[test]
fn of_many_cas_some_are_named_and_none_is_to_be_replaced() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let expired = super::expired_root();
    let bundle = (0..20).map(|_| TestPki::new()).map(|pki| fs::read_to_string(pki.ca()).expect("readable"));
    fs::write(place.path("bundle.crt"), bundle.chain([expired]).collect::<String>()).expect("writable");
    let files = ["--cert", "certs/server.crt", "--key", "certs/server.key"];
    let report = place.verb_json(&[&["check", "--ca", "bundle.crt"], &files[..]].concat(), 1);
    let findings = report["findings"].as_array().expect("a list");
    let of = |id: &str| findings.iter().find(|finding| finding["id"] == id).expect("found");
    let expected = of("certs.chain-broken")["evidence"]["expected"].as_str().expect("a text").to_owned();
    assert!(expected.ends_with(" or one of 18 other CAs") && expected.len() < 300, "{expected}");
    assert_eq!(of("certs.expired")["severity"], "info");
    assert!(findings.iter().all(|finding| !finding.to_string().contains("rotate-ca")), "{findings:?}");
}

#[test]
fn what_a_server_presents_is_shown_with_a_verdict() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let address = server.address();
    let show = |arguments: &[&str]| egext(["certs", "show", "--connect", &address]).args(arguments);
    let verdict = |run: egext_test_support::Run| {
        assert_eq!(run.exit_code, 0, "{run:?}");
        (run.json["verification"]["state"].clone(), run.json["verification"]["reason"].clone())
    };
    assert_eq!(verdict(show(&[]).pki(&pki).json()), ("verified".into(), Value::Null));
    let (state, reason) = verdict(show(&["--server-name", "bad.example"]).pki(&pki).json());
    assert_eq!(state, "refused");
    assert!(reason.as_str().is_some_and(|reason| reason.contains("localhost")), "{reason}");
    assert_eq!(verdict(show(&[]).pki(&TestPki::new()).json()).0, "refused");
    assert_eq!(verdict(show(&[]).json()).0, "skipped");
    let text = show(&[]).pki(&pki).run().stdout;
    let host = address.rsplit_once(':').expect("a port").0;
    assert!(text.contains(&format!("{address}: verified for `{host}` with `")), "{text}");
    let run = show(&["--dir", "missing"]).run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(run.stderr.contains("`egext certs init --dir missing`"), "{run:?}");
}
