//! CAs that are brought along, and what becomes of a CA's key.

use std::fs;
use std::path::Path;

use egext::pki::ca_files;
use egext_test_support::has_openssl;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    SerialNumber,
};
use snapbox::str;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::Place;

/// Subjects as OpenSSL's configuration has them, each with what makes it hard.
const SUBJECTS: &[(&str, &str)] = &[
    ("domain components", "1.DC=com\n2.DC=example\nCN=Example Issuing CA\n"),
    ("several units", "O=Example\n1.OU=one\n2.OU=two\nCN=CA\n"),
    ("attributes side by side", "O=Example\nCN=CA\n+OU=beside\n"),
    ("letters beyond ASCII", "O=Bücher & Söhne\nCN=Prüfstelle €\nemailAddress=ca@example.com\n"),
];

#[test]
fn every_subject_becomes_the_issuer_octet_by_octet() {
    if !has_openssl() {
        return;
    }
    for (what, subject) in SUBJECTS {
        let place = Place::new();
        place.make_root("ca", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], subject, "");
        place.init(&["--ca-cert", "ca.crt", "--ca-key", "ca.key"]).assert().success();
        assert_issued_by(&place, "ca.crt", what);
    }
}

#[test]
fn every_kind_and_form_of_key_signs() {
    if !has_openssl() {
        return;
    }
    for key in [
        ["RSA", "rsa_keygen_bits:2048"],
        ["EC", "ec_paramgen_curve:P-256"],
        ["EC", "ec_paramgen_curve:P-384"],
        ["EC", "ec_paramgen_curve:P-521"],
        ["ED25519", ""],
    ] {
        let place = Place::new();
        let [algorithm, option] = key;
        let option: &[&str] = if option.is_empty() { &[] } else { &["-pkeyopt", option] };
        place.openssl(&[&["genpkey", "-algorithm", algorithm, "-out", "ca.key"], option].concat());
        place.make_root("ca", &["-key", "ca.key"], "CN=CA\n", "");
        let mut forms = vec!["ca.key", "aes.key", "sha1.key", "des3.key", "scrypt.key"];
        let encrypt = |cipher: &str, hash: &str, out: &str| {
            let form = ["pkcs8", "-topk8", "-in", "ca.key", "-out", out];
            place.openssl(
                &[&form[..], &["-v2", cipher, "-v2prf", hash, "-passout", "pass:open sesame"]].concat(),
            );
        };
        encrypt("aes-256-cbc", "hmacWithSHA512", "aes.key");
        encrypt("aes-128-cbc", "hmacWithSHA1", "sha1.key");
        // As `openssl genrsa -des3` writes it.
        encrypt("des3", "hmacWithSHA256", "des3.key");
        let scrypt = ["pkcs8", "-topk8", "-in", "ca.key", "-out", "scrypt.key", "-scrypt"];
        place.openssl(&[&scrypt[..], &["-passout", "pass:open sesame"]].concat());
        if algorithm != "ED25519" {
            place.openssl(&["pkey", "-traditional", "-in", "ca.key", "-out", "older.key"]);
            forms.push("older.key");
        }
        fs::write(place.path("passphrase"), "open sesame\r\n").expect("writable");
        for form in forms {
            let flags = ["--ca-cert", "ca.crt", "--ca-key", form, "--ca-key-passphrase-file", "passphrase"];
            place.init(&[&flags[..], &["--force"]].concat()).assert().success();
            assert_issued_by(&place, "ca.crt", &format!("{key:?} {form}"));
        }
    }
}

#[test]
fn the_report_says_where_the_key_is_and_who_is_let_in() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    place.make_root("ca", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "CN=corp CA\n", "");
    let flags = ["--ca-cert", "ca.crt", "--ca-key", "ca.key"];
    place.init(&flags).assert().success().stderr_eq("").stdout_eq(str![[r"
made a certificate for each side, issued by `corp CA`, in `certs`

  CA      corp CA
          until [..], P-256
  server  localhost, 127.0.0.1, ::1
          until [..], P-256
  client  client.egext.internal
          until [..], P-256

files
  to the server  certs/ca.crt  certs/server.crt  certs/server.key
  to the client  certs/ca.crt  certs/client.crt  certs/client.key

note: the CA key was not copied; pass it again to issue or renew: `--ca-cert ca.crt --ca-key ca.key`

note: a server that trusts this CA accepts every client certificate that the CA has issued

hint: start the server with its files, then `egext probe localhost:5005 --no-gateway`

"]]);
    assert!(!place.certs().join("ca.key").exists());
    let before = place.tree();
    let report = place.json(&flags, 0);
    assert_eq!(report["outcome"], "unchanged");
    assert_eq!(report["certificates"][0].get("key"), None);
    place.make_root("other", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "CN=other\n", "");
    let report = place.json(&["--ca-cert", "other.crt", "--ca-key", "other.key"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.differs");
    place.remove(&["other.crt", "other.key", "other.cnf"]);
    assert_eq!(place.tree(), before);
    place.init(&["--force"]).assert().success();
    assert!(place.certs().join("ca.key").exists(), "a CA of our own in place of theirs");
    place.init(&[&flags[..], &["--force"]].concat()).assert().success();
    assert!(place.certs().join("ca.key").symlink_metadata().is_err(), "not even a link");
    place.init(&[]).assert().success();
}

#[test]
fn leafs_carry_their_intermediates_in_order() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    place.make_chain("");
    // In any order: the key says which of them signs.
    let text = |name: &str| fs::read_to_string(place.path(name)).expect("readable");
    fs::write(place.path("mixed.crt"), [text("root.crt"), text("issuing.crt"), text("middle.crt")].concat())
        .expect("writable");
    place.init(&["--ca-cert", "mixed.crt", "--ca-key", "issuing.key"]).assert().success();
    let server = text("certs/server.crt");
    assert!(server.ends_with(&[text("issuing.crt"), text("middle.crt")].concat()), "leaf, issuing, middle");
    assert_eq!(text("certs/ca.crt"), text("root.crt"), "and the root is what peers trust");
    place.verify_strictly();
    place.init(&[]).assert().success();
}

#[test]
fn what_cannot_sign_is_refused_with_its_reason() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    place.make_root("good", &ec, "CN=good\n", "");
    place.make_root("leaf", &ec, "CN=leaf\n", "basicConstraints=critical,CA:false\n");
    place.make_root("mute", &ec, "CN=mute\n", "basicConstraints=CA:true\nkeyUsage=critical,cRLSign\n");
    place.make_root("one", &ec, "CN=one\n", "basicConstraints=CA:true\nextendedKeyUsage=serverAuth\n");
    for (out, form) in [
        ("closed.key", &[][..]),
        ("scrypt.key", &["-scrypt"]),
        ("des3.key", &["-v2", "des3"]),
        ("older.key", &["-v1", "PBE-SHA1-3DES"]),
    ] {
        let flags = ["pkcs8", "-topk8", "-in", "good.key", "-out", out, "-passout", "pass:a"];
        place.openssl(&[&flags[..], form].concat());
    }
    fs::write(place.path("wrong"), "b\n").expect("writable");
    fs::write(place.path("empty"), "\n").expect("writable");
    for (certificate, key, passphrase, reason) in [
        ("good.crt", "leaf.key", None, "`leaf.key` is not the key of `good.crt`"),
        ("leaf.crt", "leaf.key", None, "`leaf` in `leaf.crt` is not a CA"),
        ("mute.crt", "mute.key", None, "may not sign certificates: its key usage lacks keyCertSign"),
        ("one.crt", "one.key", None, "the CA may not issue client certificates"),
        ("good.crt", "closed.key", None, "the key in `closed.key` is encrypted"),
        ("good.crt", "closed.key", Some("wrong"), "the passphrase is wrong"),
        ("good.crt", "closed.key", Some("empty"), "`empty` holds no passphrase"),
        ("good.crt", "closed.key", Some("good.key"), "does not look like a passphrase"),
        ("good.crt", "scrypt.key", Some("wrong"), "the passphrase is wrong"),
        ("good.crt", "des3.key", Some("wrong"), "the passphrase is wrong"),
        ("good.crt", "older.key", Some("wrong"), "encrypted in a way that is not supported"),
        ("good.key", "good.key", None, "`good.key` holds no certificate"),
        ("good.crt", "good.crt", None, "`good.crt` holds no private key"),
    ] {
        let mut flags = vec!["--ca-cert", certificate, "--ca-key", key];
        flags.extend(passphrase.iter().flat_map(|file| ["--ca-key-passphrase-file", *file]));
        place.assert_refused(&flags, reason);
    }
}

#[test]
fn a_chain_that_does_not_hold_is_refused() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    place.make_chain("");
    place.assert_refused(
        &["--ca-cert", "issuing.crt", "--ca-key", "issuing.key"],
        "ends at `issuing`: the certificate of `middle` is missing",
    );
    // A root of the same name, and another key.
    place.make_root("root", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "CN=root\n", "");
    place.join(&["issuing.crt", "middle.crt", "root.crt"], "chain.crt");
    place.assert_refused(
        &["--ca-cert", "chain.crt", "--ca-key", "issuing.key"],
        "the certificate of `root` that is in it did not sign `middle`",
    );
    let place = Place::new();
    place.make_chain(",pathlen:1");
    place
        .assert_refused(&["--ca-cert", "chain.crt", "--ca-key", "issuing.key"], "its path length is used up");
}

#[test]
fn a_leaf_ends_with_its_ca_and_the_report_says_so() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "20"];
    place.make_root("ca", &ec, "CN=CA\n", "");
    let report = place.json(&["--ca-cert", "ca.crt", "--ca-key", "ca.key"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.lifetime-cut");
    assert_eq!(report["certificates"][0]["not_after"], report["certificates"][1]["not_after"]);
}

#[test]
fn a_ca_that_strict_verifiers_refuse_is_used_with_a_warning() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    place.make_root("ca", &ec, "", "basicConstraints=CA:true\nsubjectKeyIdentifier=none\n");
    let report = place.json(&["--ca-cert", "ca.crt", "--ca-key", "ca.key"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.ca-not-strict");
    assert_eq!(
        report["findings"][0]["message"],
        "the CA has no key usage and no subject key identifier and an empty subject and basicConstraints that are not critical, so strict verifiers reject what it signs"
    );
    let check = place.verb_json(&["check"], 0);
    let found = check["findings"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "once, for both sides: {check}");
    assert_eq!(
        (&found[0]["id"], &found[0]["subject"]),
        (&"certs.ca-not-strict".into(), &"certs/ca.crt".into())
    );
    for role in ["server", "client"] {
        let certificate = format!("certs/{role}.crt");
        place.openssl(&[
            "verify",
            "-CAfile",
            "certs/ca.crt",
            "-purpose",
            &format!("ssl{role}"),
            &certificate,
        ]);
    }
}

/// Go, OpenSSL and webpki take it for a CA as a root, and only there.
#[test]
fn a_root_of_version_1_is_used_with_a_warning() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let key = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"];
    for name in ["old", "below"] {
        let [key_file, request] = ["key", "csr"].map(|kind| format!("{name}.{kind}"));
        place.openssl(&[&key[..], &[&key_file]].concat());
        place.openssl(&["req", "-new", "-subj", &format!("/CN={name}"), "-key", &key_file, "-out", &request]);
    }
    let sign = ["x509", "-req", "-days", "3650", "-in"];
    place.openssl(&[&sign[..], &["old.csr", "-signkey", "old.key", "-out", "old.crt"]].concat());
    place.openssl(
        &[
            &sign[..],
            &["below.csr", "-CA", "old.crt", "-CAkey", "old.key", "-set_serial", "7", "-out", "below.crt"],
        ]
        .concat(),
    );
    place.join(&["below.crt", "old.crt"], "chain.crt");
    place.assert_refused(
        &["--ca-cert", "chain.crt", "--ca-key", "below.key"],
        "`below` in `chain.crt` is an X.509 version 1 certificate, which can be a CA only as a root",
    );

    let report = place.json(&["--ca-cert", "old.crt", "--ca-key", "old.key"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.ca-not-strict");
    assert_eq!(
        report["findings"][0]["message"],
        "the CA is an X.509 version 1 certificate, which cannot say that it is a CA, so strict verifiers reject what it signs"
    );
    for role in ["server", "client"] {
        let [certificate, purpose] = [format!("certs/{role}.crt"), format!("ssl{role}")];
        place.openssl(&["verify", "-CAfile", "certs/ca.crt", "-purpose", &purpose, &certificate]);
    }
    let check = place.verb_json(&["check"], 0);
    assert_eq!(check["status"], "warning", "webpki and Go's rules accept both: {check}");
    place.verb(&["renew", "--force", "--ca-cert", "old.crt", "--ca-key", "old.key"]).assert().success();
}

/// Only OpenSSL looks at it, and what is built on it.
#[test]
fn an_issuer_that_does_not_fit_its_name_in_the_certificate_is_a_warning() {
    let place = Place::new();
    let [root, key] = [(); 2].map(|()| KeyPair::generate().expect("a key"));
    let params = |name: &str, identifier: &[u8]| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.to_vec());
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from_slice(identifier));
        params
    };
    // The root was renewed with its key, and got another key identifier.
    let [old, new] = [&[1][..], &[2]].map(|identifier| params("root", identifier));
    let issuing =
        params("issuing", &[3]).signed_by(&key, &Issuer::from_params(&old, &root)).expect("signed").pem();
    let [old, new] = [old, new].map(|root_params| root_params.self_signed(&root).expect("signed").pem());
    fs::write(place.path("ca.key"), key.serialize_pem()).expect("writable");
    for (file, certificates) in
        [("fits.crt", [&*issuing, &*old, ""].concat()), ("renewed.crt", [&*issuing, &*new, ""].concat())]
    {
        fs::write(place.path(file), certificates).expect("writable");
    }
    place.init(&["--ca-cert", "fits.crt", "--ca-key", "ca.key", "--dir", "fits"]).assert().success();
    assert_eq!(place.verb_json(&["check", "fits"], 0)["findings"], serde_json::json!([]));
    let report = place.json(&["--ca-cert", "renewed.crt", "--ca-key", "ca.key"], 0);
    let check = place.verb_json(&["check"], 0);
    for findings in [&report["findings"], &check["findings"]] {
        let finding = &findings[0];
        assert_eq!(finding["id"], "certs.issuer-misfit", "{findings}");
        assert_eq!(
            finding["message"],
            "the authority key identifier of `issuing` does not fit `root`, so OpenSSL rejects it"
        );
        assert_eq!(
            (&finding["evidence"]["expected"], &finding["evidence"]["found"]),
            (&"key identifier 01".into(), &"key identifier 02".into())
        );
    }
    if has_openssl() {
        let verify = |set: &str| {
            let [ca, server] = [format!("{set}/ca.crt"), format!("{set}/server.crt")];
            let arguments = ["verify", "-CAfile", &ca, "-untrusted", &server, &server];
            super::command("openssl").current_dir(place.path("").as_path()).args(arguments).assert()
        };
        verify("fits").success();
        verify("certs").failure();
    }
    // With the certificate that it names next to the new one OpenSSL finds its way.
    place.join(&["certs/ca.crt", "fits/ca.crt"], "both.crt");
    fs::copy(place.path("both.crt"), place.certs().join(".egext/current/ca.crt")).expect("writable");
    assert_eq!(place.verb_json(&["check"], 0)["findings"], serde_json::json!([]));
}

/// Each of them has a certificate from each other, and only one is a root: paths go in circles.
#[test]
fn of_cas_that_certify_each_other_the_shortest_way_is_taken() {
    let place = Place::new();
    let keys = [(); 6].map(|()| KeyPair::generate().expect("a key"));
    let params = |number: usize| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("M{number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    };
    let mut file = String::new();
    for (subject, key) in keys.iter().enumerate() {
        for (issuer, issuer_key) in keys.iter().enumerate() {
            if subject != issuer || subject == 5 {
                let issuer = params(issuer);
                let issuer = Issuer::from_params(&issuer, issuer_key);
                file += &params(subject).signed_by(key, &issuer).expect("signed").pem();
            }
        }
    }
    fs::write(place.path("ca.crt"), file).expect("writable");
    fs::write(place.path("ca.key"), keys[0].serialize_pem()).expect("writable");
    place.init(&["--ca-cert", "ca.crt", "--ca-key", "ca.key"]).assert().success();
    let server = String::from_utf8(place.files_of("server.crt")).expect("PEM");
    assert_eq!(server.matches("BEGIN CERTIFICATE").count(), 2, "the certificate, and M0 by M5");
    place.verb(&["check"]).assert().success();
}

#[test]
fn a_ca_with_name_constraints_gets_only_what_it_permits() {
    if !has_openssl() {
        return;
    }
    let place = Place::new();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let constraints = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
                       nameConstraints=critical,permitted;DNS:example.com\n";
    place.make_root("ca", &ec, "CN=CA\n", constraints);
    let flags = ["--ca-cert", "ca.crt", "--ca-key", "ca.key", "--san", "extension.example.com"];
    place.assert_refused(&flags, "the CA permits no client certificate for client.egext.internal");
    let flags = [&flags[..], &["--client-san", "gateway.example.com"]].concat();
    let report = place.json(&flags, 0);
    assert_eq!(report["certificates"][1]["names"], serde_json::json!(["extension.example.com"]));
    place.verify_strictly();
}

#[test]
fn an_encrypted_key_of_our_own_opens_with_its_passphrase() {
    let place = Place::new();
    fs::write(place.path("passphrase"), "open sesame\nnot this line\n").expect("writable");
    for key_type in ["p256", "rsa2048"] {
        place
            .init(&["--key-type", key_type, "--ca-key-passphrase-file", "passphrase", "--force"])
            .assert()
            .success();
        let key = fs::read_to_string(place.certs().join("ca.key")).expect("readable");
        assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        place.init(&[]).assert().success();
        let (certificate, key) = (place.certs().join("ca.crt"), place.certs().join("ca.key"));
        let load = |passphrase: Option<&Path>| {
            ca_files::load(
                &certificate,
                &key,
                passphrase,
                time::OffsetDateTime::from(fs::metadata(&key).expect("there").modified().expect("a time")),
            )
        };
        load(Some(&place.path("passphrase"))).expect("the passphrase fits");
        load(None).expect_err("no passphrase");
        if has_openssl() {
            place.openssl(&["pkey", "-noout", "-in", "certs/ca.key", "-passin", "pass:open sesame"]);
        }
    }
    place
        .init(&["--dir", "by-stdin", "--ca-key-passphrase-file", "-"])
        .stdin("open sesame")
        .assert()
        .success();
    let by_ours = ["--dir", "theirs", "--ca-cert", "by-stdin/ca.crt", "--ca-key", "by-stdin/ca.key"];
    let opened = [&by_ours[..], &["--ca-key-passphrase-file", "passphrase"]].concat();
    place.init(&opened).assert().success();
    let found = place.json(&["--discard-ca-key"], 0);
    assert_eq!(found["findings"][0]["message"], "the key of the existing CA is there, and was not discarded");
}

#[test]
fn a_discarded_key_was_never_there() {
    let place = Place::new();
    place.init(&["--discard-ca-key"]).assert().success().stderr_eq("").stdout_eq(str![[r"
made a private CA and a certificate for each side in `certs`

  CA      egext CA [..]
          until [..] (in 24 hours), P-256
  server  localhost, 127.0.0.1, ::1
          until [..] (in 24 hours), P-256
  client  client.egext.internal
          until [..] (in 24 hours), P-256

files
  to the server  certs/ca.crt  certs/server.crt  certs/server.key
  to the client  certs/ca.crt  certs/client.crt  certs/client.key

note: the CA's key is gone: nothing can be issued or renewed, and a new set has to replace this one before it ends

hint: start the server with its files, then `egext probe localhost:5005 --no-gateway`

"]]);
    assert!(place.tree().keys().all(|path| !path.ends_with("ca.key")));
    place.init(&["--discard-ca-key"]).assert().success();
    place.init(&["--discard-ca-key", "--ca-key-passphrase-file", "x"]).assert().code(2);
    place.init(&["--discard-ca-key", "--ca-cert", "x", "--ca-key", "y"]).assert().code(2);
    place.init(&["--ca-cert", "x"]).assert().code(2);
}

/// Both leaf certificates name `authority` as it names itself, and OpenSSL's strict mode accepts them.
fn assert_issued_by(place: &Place, authority: &str, what: &str) {
    let authority = place.certificate(authority);
    let (_, authority) = X509Certificate::from_der(&authority).expect("a certificate");
    let identifier = authority.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
        _ => None,
    });
    for role in ["server", "client"] {
        let leaf = place.certificate(&format!("certs/{role}.crt"));
        let (_, leaf) = X509Certificate::from_der(&leaf).expect("a certificate");
        assert_eq!(leaf.issuer().as_raw(), authority.subject().as_raw(), "{what}");
        let copied = leaf.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                identifier.key_identifier.as_ref().map(|identifier| identifier.0)
            }
            _ => None,
        });
        assert_eq!(copied, identifier, "{what}");
    }
    place.verify_strictly();
    place.assert_whole();
}
