//! Certificates that other programs made: what their successors keep, what is refused, and what is reported as lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use egext_test_support::{Egext, has_openssl};
use rcgen::string::PrintableString;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P521_SHA512, SignatureAlgorithm,
};
use snapbox::str;
use time::Duration;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;

use super::other_ca::{Company, authority, files};
use super::{Place, now};

/// A set that another program filled, by a CA whose files are `corp.crt` and `corp.key`.
struct Theirs {
    place: Place,
    issuer: Issuer<'static, KeyPair>,
}

impl Theirs {
    /// Both sides' certificates are as `egext` would make them.
    fn new() -> Self {
        let (place, key) = (Place::new(), KeyPair::generate().expect("a key"));
        let ca = authority("corp");
        fs::create_dir(place.certs()).expect("new");
        fs::set_permissions(place.certs(), fs::Permissions::from_mode(0o700)).expect("ours");
        fs::write(place.path("corp.key"), key.serialize_pem()).expect("writable");
        let text = ca.self_signed(&key).expect("signed").pem();
        fs::write(place.path("corp.crt"), &text).expect("writable");
        fs::write(place.certs().join("ca.crt"), text).expect("writable");
        let theirs = Self { place, issuer: Issuer::new(ca, key) };
        theirs.write("server", &PKCS_ECDSA_P256_SHA256, |_| {});
        theirs.write("client", &PKCS_ECDSA_P256_SHA256, |client| {
            client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        theirs
    }

    /// The pair that is called `name`, of a server unless it is changed.
    fn write(
        &self,
        name: &str,
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        self.write_for(name, &KeyPair::generate_for(algorithm).expect("a key"), change);
    }

    fn write_for(&self, name: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) {
        let mut leaf = CertificateParams::new([format!("{name}.example")]).expect("a name");
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (leaf.not_before, leaf.not_after) = (now() - Duration::DAY, now() + Duration::days(99));
        change(&mut leaf);
        let text = leaf.signed_by(key, &self.issuer).expect("signed").pem();
        let file = |end: &str| self.place.certs().join(format!("{name}.{end}"));
        fs::write(file("crt"), text).expect("writable");
        fs::write(file("key"), key.serialize_pem()).expect("writable");
        fs::set_permissions(file("key"), fs::Permissions::from_mode(0o600)).expect("ours");
    }

    fn renew(&self, flags: &[&str]) -> Egext {
        self.place.verb(&[&["renew"], flags].concat()).args(files("corp"))
    }

    /// Subject, kind of key, key usage and extended key usage: all that a peer may look at besides names.
    fn look(&self, name: &str) -> (Vec<u8>, String, Vec<Vec<u8>>) {
        let der = self.place.certificate(&format!("certs/{name}.crt"));
        let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
        let usages = ["2.5.29.15", "2.5.29.37"].iter().filter_map(|wanted| {
            let found = certificate.extensions().iter().find(|found| found.oid.to_id_string() == *wanted)?;
            // RFC 5280 gives the usages no order.
            let mut value = found.value.to_vec();
            value.sort_unstable();
            Some(value)
        });
        (certificate.subject().as_raw().to_vec(), self.place.leaf(name).key.to_string(), usages.collect())
    }
}

#[test]
fn subject_usages_and_kind_of_key_stay_in_a_renewal_and_in_a_rotation() {
    let theirs = Theirs::new();
    theirs.write("server", &PKCS_ECDSA_P521_SHA512, |server| {
        let name = &mut server.distinguished_name;
        *name = DistinguishedName::new();
        // Not as we would write it: `PrintableString`, several attributes, and the common name first.
        name.push(DnType::CommonName, "srv");
        name.push(
            DnType::CountryName,
            DnValue::PrintableString(PrintableString::try_from("DE").expect("letters")),
        );
        name.push(DnType::OrganizationName, "Acme");
        name.push(DnType::OrganizationalUnitName, "Edge");
        server.key_usages.push(KeyUsagePurpose::KeyAgreement);
    });
    theirs.write("client", &PKCS_ECDSA_P256_SHA256, |client| {
        client.distinguished_name.push(DnType::CommonName, "CN=eg-gateway");
        client.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    });
    let before = ["server", "client"].map(|name| theirs.look(name));
    assert_eq!(before[0].1, "P-521");
    theirs.renew(&["--force"]).assert().success();
    assert_eq!(["server", "client"].map(|name| theirs.look(name)), before);
    Company::new(&["another CA"]).write(&theirs.place, "another");
    for step in ["prepare", "activate"] {
        theirs.place.rotate(step, Some("another")).assert().success();
    }
    assert_eq!(["server", "client"].map(|name| theirs.look(name)), before);
    let client = theirs.place.leaf("client");
    assert_eq!((client.issuer.as_str(), client.subject.as_str()), ("another CA", "CN=eg-gateway"));
    theirs.place.assert_whole();
}

#[test]
fn a_certificate_without_subject_and_usages_stays_one_for_both_sides() {
    let theirs = Theirs::new();
    theirs.write("client", &PKCS_ECDSA_P256_SHA256, |client| {
        client.distinguished_name = DistinguishedName::new();
        client.extended_key_usages.clear();
    });
    theirs.renew(&["--force"]).assert().success().stderr_eq("");
    let client = theirs.place.leaf("client");
    assert_eq!((client.client_auth, client.server_auth, client.subject.as_str()), (true, true, ""));
    let der = theirs.place.certificate("certs/client.crt");
    let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
    let names = certificate.subject_alternative_name().expect("readable").expect("there");
    assert!(names.critical, "RFC 5280 section 4.2.1.6");
    theirs.place.assert_whole();
}

/// `egext` has made it with a common name that looks like an attribute.
#[test]
fn a_common_name_with_an_equals_sign_stays() {
    let place = Place::new();
    place.init(&["--client-common-name", "CN=eg", "--server-common-name", "ext env=prod"]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    let names = ["client", "server"].map(|name| place.leaf(name).subject.to_string());
    assert_eq!(names, ["CN=eg", "ext env=prod"]);
}

#[test]
fn usages_that_cannot_be_kept_are_refused_before_anything_is_written() {
    let theirs = Theirs::new();
    theirs.write("server", &PKCS_ECDSA_P256_SHA256, |server| {
        server.extended_key_usages.push(ExtendedKeyUsagePurpose::EmailProtection);
        let must_staple = [0x30, 3, 2, 1, 5];
        server
            .custom_extensions
            .push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], must_staple.to_vec()));
    });
    let words = str![[r"
error: `certs/server.crt` has what a renewal cannot keep: [..]
  hint: let the program that issued it renew it; without what is listed: `egext certs issue server --out server --replace --san server.example --ca-cert corp.crt --ca-key corp.key`

"]];
    let before = theirs.place.tree();
    for flags in [&["--force"][..], &["--force", "--dry-run"], &["--name", "server", "--lifetime", "9d"]] {
        theirs.renew(flags).assert().code(2).stdout_eq("").stderr_eq(words.clone());
    }
    let run = theirs.renew(&["--force"]).assert().code(2);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    for lost in ["the extended key usage emailProtection", "the TLS feature extension (OCSP must-staple)"] {
        assert!(said.contains(lost), "{said}");
    }
    Company::new(&["another CA"]).write(&theirs.place, "another");
    theirs.place.rotate("prepare", Some("another")).assert().code(2).stdout_eq("");
    theirs.place.remove(&["another.crt", "another.key"]);
    assert_eq!(theirs.place.tree(), before);
    // The other one can be renewed, and this one as the hint says.
    theirs.renew(&["--name", "client", "--force"]).assert().success();
    let issue = ["issue", "server", "--out", "server", "--replace", "--san", "server.example"];
    theirs.place.verb(&issue).args(files("corp")).assert().success();
    theirs.renew(&["--force"]).assert().success();
}

#[test]
fn a_kind_of_key_that_is_not_made_here_is_kept_or_exchanged_only_when_asked() {
    if !has_openssl() {
        return;
    }
    let theirs = Theirs::new();
    theirs.place.openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2560",
        "-out",
        "odd.key",
    ]);
    let text = fs::read_to_string(theirs.place.path("odd.key")).expect("readable");
    let key = KeyPair::from_pem_and_sign_algo(&text, &rcgen::PKCS_RSA_SHA256).expect("a key");
    theirs.write_for("server", &key, |server| server.key_usages.push(KeyUsagePurpose::KeyEncipherment));
    theirs.renew(&["--force"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `certs/server.crt` has a key of a type that is not made here: RSA 2560
  hint: keep its key: `egext certs renew --name server --keep-key --force --ca-cert corp.crt --ca-key corp.key`, or give it one of another type: `egext certs renew --name server --key-type rsa3072 --ca-cert corp.crt --ca-key corp.key`

"]]);
    let before = theirs.look("server");
    theirs.renew(&["--name", "server", "--keep-key", "--force"]).assert().success();
    assert_eq!(theirs.look("server"), before, "keyEncipherment, too");
    Company::new(&["another CA"]).write(&theirs.place, "another");
    theirs.place.rotate("prepare", Some("another")).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `certs/server.crt` has a key of a type that is not made here: RSA 2560
  hint: give it a key of another type first: `egext certs renew --name server --key-type rsa3072 --ca-cert FILE --ca-key FILE`

"]]);
    theirs.renew(&["--name", "server", "--key-type", "p256"]).assert().success();
    let usage = |look: (Vec<u8>, String, Vec<Vec<u8>>)| (look.1, look.2[0].len());
    assert_eq!(usage(theirs.look("server")), ("P-256".to_owned(), 4), "RFC 8813: no keyEncipherment");
    theirs.place.rotate("prepare", Some("another")).assert().success();
}

#[test]
fn what_only_describes_a_certificate_is_reported_when_it_goes() {
    let theirs = Theirs::new();
    theirs.write("server", &PKCS_ECDSA_P256_SHA256, |server| {
        server.crl_distribution_points =
            vec![rcgen::CrlDistributionPoint { uris: vec!["http://corp.example/crl".to_owned()] }];
        let policies = [0x30, 6, 0x30, 4, 6, 2, 0x2a, 3];
        server.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], policies.to_vec()));
        server.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]));
        server.key_usages.push(KeyUsagePurpose::ContentCommitment);
    });
    let lost = |flags: &[&str], code: i32| {
        let flags = [&["renew", "--force"], flags].concat();
        let corp = files("corp");
        let flags = [flags, corp.each_ref().map(String::as_str).to_vec()].concat();
        let report = theirs.place.verb_json(&flags, code);
        let findings = report["findings"].as_array().expect("a list").clone();
        findings.into_iter().filter(|finding| finding["id"] == "certs.not-kept").collect::<Vec<_>>()
    };
    let before = lost(&["--dry-run"], 3);
    let done = lost(&[], 0);
    assert_eq!((before.len(), &before), (1, &done));
    assert_eq!((&done[0]["subject"], &done[0]["severity"]), (&"certs/server.crt".into(), &"warning".into()));
    let message = done[0]["message"].as_str().expect("text");
    for what in
        ["CRL distribution points", "certificate policies", "extension 1.2.3.4", "key usage nonRepudiation"]
    {
        assert!(message.contains(what), "{message}");
    }
    assert!(lost(&[], 0).is_empty(), "it is gone");
    // A rotation says so before it happens, and when it does.
    let theirs = Theirs::new();
    theirs.write("client", &PKCS_ECDSA_P256_SHA256, |client| {
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        client.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]));
    });
    Company::new(&["another CA"]).write(&theirs.place, "another");
    for step in ["prepare", "activate"] {
        let run = theirs.place.rotate(step, Some("another")).assert().success();
        let said = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        let words = "certs/client.crt: a renewal does not keep the extension 1.2.3.4";
        assert!(said.contains(words), "{step}: {said}");
    }
}

/// The owner of such a key needs another one most.
#[test]
fn a_key_that_tls_rejects_is_replaced_as_the_hint_says() {
    if !has_openssl() {
        return;
    }
    for (key, kind) in [
        (["RSA", "rsa_keygen_bits:1024"], "certs.weak-key"),
        (["EC", "ec_paramgen_curve:secp256k1"], "certs.unsupported-key"),
    ] {
        let theirs = Theirs::new();
        let place = &theirs.place;
        let file = "certs/server.key";
        place.openssl(&["genpkey", "-algorithm", key[0], "-pkeyopt", key[1], "-out", file]);
        fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o600)).expect("ours");
        place.openssl(&["req", "-new", "-key", file, "-subj", "/CN=s", "-out", "s.csr"]);
        fs::write(place.path("s.ext"), "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
            .expect("writable");
        let sign =
            ["x509", "-req", "-days", "90", "-extfile", "s.ext", "-CA", "corp.crt", "-CAkey", "corp.key"];
        place.openssl(&[&sign[..], &["-in", "s.csr", "-out", "certs/server.crt"]].concat());
        let report = place.verb_json(&["check"], 1);
        let findings = report["findings"].as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["id"] == kind).expect("found");
        let hint = finding["hint"].as_str().expect("a hint");
        let issue = "egext certs issue server --out server --san NAME --replace";
        assert!(kind != "certs.weak-key" || hint.contains(issue), "{hint}");
        let issue = ["issue", "server", "--out", "server", "--replace", "--san", "localhost"];
        place.verb(&issue).args(files("corp")).assert().success();
        assert_eq!(place.leaf("server").key.to_string(), "P-256");
        place.assert_whole();
    }
}
