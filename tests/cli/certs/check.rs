//! `certs check`: every finding, provoked by files and servers as they are found.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use egext::pki::Certificate;
use egext::pki::inspect::block;
use egext_test_support::{Run, TestPki, TestServer, assert_finding};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use snapbox::str;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Place;
use crate::egext;

#[test]
fn a_new_set_has_nothing_to_find() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["check"]).assert().success().stderr_eq("").stdout_eq(str![[r"
certs/ca.crt
  √ file, dates, is a CA, strength, place
certs/ca.key
  √ key, key mode
certs/server.crt
  √ file, key, key mode, order, dates, strength, usage, names, chain, gateway
certs/client.crt
  √ file, key, key mode, order, dates, strength, usage, names, chain, gateway

fine until [..] (in 365 days)

"]]);
}

#[test]
fn what_is_due_has_an_exit_code_of_its_own() {
    let place = Place::new();
    place.init(&["--lifetime", "10d"]).assert().success();
    let json = |arguments: &[&str], code: i32| -> serde_json::Value {
        let run = place.verb(&["check", "-o", "json"]).args(arguments).assert().code(code);
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    };
    for within in [&["--within", "9d"][..], &["--within", "10%"], &[]] {
        assert_eq!(json(within, 0)["status"], "ok", "{within:?}");
    }
    for within in ["11d", "100%"] {
        let report = json(&["--within", within], 3);
        assert_eq!(
            (&report["status"], &report["due"], &report["exit_code"]),
            (&"warning".into(), &true.into(), &3.into())
        );
        assert_eq!(report["findings"][0]["id"], "certs.expiring");
    }
    json(&["--within", "11d", "--fail-on", "warning"], 1);
    json(&["--within", "11d", "--for-name", "missing.internal"], 1);
}

#[test]
fn every_defect_of_a_leaf_has_its_finding() {
    for (pki, id) in [
        (TestPki::new().server_expired(), "certs.expired"),
        (TestPki::new().server_not_yet_valid(), "certs.not-yet-valid"),
        (TestPki::new().server_without_san(), "certs.no-san"),
        (TestPki::new().server_from_other_ca(), "certs.chain-broken"),
        (TestPki::new().server_from_namesake_ca(), "certs.chain-broken"),
        (TestPki::new().server_chain_incomplete(), "certs.chain-broken"),
        (TestPki::new().server_self_signed(), "certs.chain-broken"),
        (TestPki::new().client_from_other_ca(), "certs.chain-broken"),
        (TestPki::new().server_with_client_usage(), "certs.wrong-purpose"),
        (TestPki::new().client_with_server_usage(), "certs.wrong-purpose"),
        (TestPki::new().server_is_ca(), "certs.is-ca"),
        (TestPki::new().server_chain_in_wrong_order(), "certs.chain-order"),
        (TestPki::new().server_with_unknown_critical_extension(), "certs.refused"),
    ] {
        let run = check(&pki);
        assert_eq!((run.exit_code, run.ids()), (1, vec![id]), "{}", run.stdout);
    }
    assert_eq!(check(&TestPki::new().server_chain()).exit_code, 0);
}

#[test]
fn a_missing_name_is_named() {
    let pki = TestPki::new();
    let run = egext(["certs", "check", "--for-name", "localhost,10.0.0.7"]).pki(&pki).json();
    let finding = assert_finding!(run, "certs.names-missing");
    assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    assert_eq!(finding["evidence"]["expected"], "10.0.0.7");
    assert_eq!(run.json["verifiers"][0]["go"], "x509: certificate is valid for 127.0.0.1, ::1, not 10.0.0.7");
    let run = egext(["certs", "check", "--for-name", "*.example.com"]).pki(&pki).run();
    assert_eq!(run.exit_code, 2, "nobody calls a wildcard");
}

#[test]
fn confused_files_are_told_apart() {
    let pki = TestPki::new();
    fs::copy(pki.server_certificate(), pki.ca()).expect("copied");
    let run = check(&pki);
    assert_finding!(run, "certs.leaf-as-ca", subject = pki.ca().display().to_string());
    assert_eq!(run.ids(), ["certs.leaf-as-ca"], "and nothing that follows from it");

    let pki = TestPki::new();
    let (certificate, key) = (pki.server_certificate(), pki.server_key());
    fs::rename(&certificate, pki.directory().join("aside")).expect("renamed");
    fs::rename(&key, &certificate).expect("renamed");
    fs::rename(pki.directory().join("aside"), &key).expect("renamed");
    assert_finding!(check(&pki), "certs.swapped", subject = certificate.display().to_string());

    let pki = TestPki::new();
    fs::copy(pki.client_key(), pki.server_key()).expect("copied");
    assert_finding!(check(&pki), "certs.key-mismatch", subject = pki.server_key().display().to_string());

    let pki = TestPki::new();
    fs::remove_file(pki.server_key()).expect("removed");
    let run = check(&pki);
    assert_finding!(run, "certs.key-missing", severity = "warning");
    assert_eq!(run.exit_code, 0);

    // Where the CA's key is, both sides' keys are, too.
    for role in ["server", "client"] {
        let place = Place::new();
        place.init(&[]).assert().success();
        let key = format!("{role}.key");
        place.remove(&[format!("certs/{key}").as_str(), format!("certs/.egext/current/{key}").as_str()]);
        let report = place.verb_json(&["check"], 1);
        assert_eq!(report["findings"][0]["id"], "certs.key-missing");
        let hint = report["findings"][0]["hint"].as_str().expect("a hint");
        let replace = format!("`egext certs issue {role} --out {role} --san NAME --replace`");
        assert_eq!(hint, format!("put it back, or issue a new certificate: {replace}"));
        place.verb(&["issue", role, "--out", role, "--san", "a.example", "--replace"]).assert().success();
        place.verb(&["check"]).assert().success();

        // In a copy of plain files no command writes while one is missing.
        let copy = place.path("copy");
        fs::create_dir(&copy).expect("a directory");
        for (name, text) in place.files().into_iter().filter(|(name, _)| *name != key) {
            fs::write(copy.join(name), text).expect("writable");
        }
        let run = egext(["certs", "check"]).arg(&copy).json();
        let finding = assert_finding!(run, "certs.key-missing", severity = "error");
        assert_eq!(finding["hint"], "put it back, from where these files were copied or from a backup");
    }

    let pki = TestPki::new();
    fs::write(pki.server_key(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .expect("written");
    assert_finding!(check(&pki), "certs.unusable", subject = pki.server_key().display().to_string());
}

#[test]
fn a_key_is_for_its_owner() {
    let pki = TestPki::new();
    let set = |mode| fs::set_permissions(pki.server_key(), fs::Permissions::from_mode(mode)).expect("ours");
    let root = owner(&pki.server_key()) == 0;
    for (mode, flag, exposed) in [
        (0o600, "0", false),
        (0o400, "0", false),
        (0o640, "0", !root),
        (0o640, "0640", false),
        (0o644, "0640", true),
        (0o660, "0640", true),
        (0o644, "0644", false),
    ] {
        set(mode);
        let run = egext(["certs", "check", "--allow-key-mode", flag]).pki(&pki).json();
        assert_eq!(run.ids().contains(&"certs.key-exposed"), exposed, "{mode:o} {flag}");
        assert_eq!(run.exit_code, i32::from(exposed));
    }
}

#[test]
fn a_mounted_secret_is_not_the_users_fault() {
    let pki = TestPki::new();
    let mount = tempfile::tempdir().expect("a directory");
    let path = |name: &str| mount.path().join(name);
    fs::create_dir(path("..2026_01_01")).expect("a directory");
    symlink("..2026_01_01", path("..data")).expect("a link");
    for (from, to) in
        [(pki.ca(), "ca.crt"), (pki.server_certificate(), "tls.crt"), (pki.server_key(), "tls.key")]
    {
        let file = path("..2026_01_01").join(to);
        fs::copy(from, &file).expect("copied");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("ours");
        symlink(Path::new("..data").join(to), path(to)).expect("a link");
    }
    let run = egext(["certs", "check"]).arg(mount.path()).json();
    assert_finding!(run, "certs.key-exposed", severity = "info");
    assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
}

#[test]
fn files_are_checked_one_by_one_as_well() {
    let pki = TestPki::new();
    let files = |certificate: &Path, key: &Path| {
        let run = egext(["certs", "check", "--ca"]).arg(pki.ca());
        run.arg("--cert").arg(certificate).arg("--key").arg(key)
    };
    let server = || files(&pki.server_certificate(), &pki.server_key());
    assert_eq!(server().json().exit_code, 0);
    assert_eq!(files(&pki.client_certificate(), &pki.client_key()).json().exit_code, 0);
    let run = server().args(["--role", "client"]).json();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["certs.wrong-purpose"]));
    let run = files(&pki.server_certificate(), Path::new("missing.key")).run();
    assert_eq!(run.exit_code, 2, "{}", run.stderr);
    assert_eq!(egext(["certs", "check"]).run().exit_code, 2, "there is no set");
}

#[test]
fn a_side_that_is_not_there_is_not_fine() {
    let pki = TestPki::new().without_client();
    let run = egext(["certs", "check", "--role", "client"]).pki(&pki).json();
    let error =
        format!("`{}` holds no certificate of a client with its key to check", pki.directory().display());
    assert_eq!(run.exit_code, 2, "{}", run.stdout);
    assert!(run.stdout.contains(&error), "{}", run.stdout);
}

#[test]
fn what_the_server_presents_is_held_against_the_disk() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let connect = |pki: &TestPki| egext(["certs", "check", "--connect", &server.address()]).pki(pki).json();
    let run = connect(&pki);
    assert_eq!((run.exit_code, run.ids().len()), (0, 0), "{}", run.stdout);
    let renewed = pki.server("localhost");
    let run = connect(&renewed);
    assert_finding!(run, "certs.presented-differs", subject = server.address());
    assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
    let run = connect(&TestPki::new());
    assert_eq!(run.ids(), ["certs.presented-differs", "certs.chain-broken"]);
    let address = server.address();
    drop(server);
    let run = egext(["certs", "check", "--connect", &address]).pki(&renewed).json();
    assert_finding!(run, "probe.connect.refused", subject = address);
}

/// On the client's machine there is no server's certificate to compare with, and names are asked of the server.
#[test]
fn a_name_is_asked_of_what_the_server_presents() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let client = tempfile::tempdir().expect("a directory");
    for (from, name) in
        [(pki.ca(), "ca.crt"), (pki.client_certificate(), "client.crt"), (pki.client_key(), "client.key")]
    {
        fs::copy(from, client.path().join(name)).expect("copied");
    }
    let check = |name: &str| {
        let words = ["certs", "check", "--connect", &server.address(), "--for-name", name, "--dir"];
        egext(words).arg(client.path()).json()
    };
    let run = check("localhost");
    assert_eq!((run.exit_code, run.ids().len()), (0, 0), "{}", run.stdout);
    let checks = run.json["checks"].as_array().expect("a list");
    let same = checks.iter().find(|check| check["check"] == "same as on disk").expect("named");
    assert_eq!(same["state"], "skipped", "{same}");
    let run = check("nope.example");
    let finding = assert_finding!(run, "certs.names-missing", subject = server.address());
    assert_eq!((run.exit_code, finding["evidence"]["expected"].as_str()), (1, Some("nope.example")));
    let run = egext(["certs", "check", "--for-name", "localhost", "--dir"]).arg(client.path()).run();
    assert_eq!(run.exit_code, 2, "nothing was asked: {run:?}");
}

#[test]
fn what_no_tool_of_today_makes_is_found_too() {
    let case = Foreign::new();
    case.sign(|_, ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign]);
    assert_eq!(case.check().ids(), ["certs.ca-cannot-sign"]);
    case.sign(|_, ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let run = case.check();
    let finding = assert_finding!(run, "certs.gateway-refuses");
    assert_eq!(finding["evidence"]["found"], "x509: certificate specifies an incompatible key usage");
    assert_eq!(run.ids().len(), 1);
    // A warning about the same certificate does not stand for the refusal.
    case.sign(|leaf, ca| {
        ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.subject_alt_names.push(dns("10.0.0.7"));
    });
    let run = case.check();
    assert_eq!((run.exit_code, run.ids()), (1, vec!["certs.ip-as-dns", "certs.gateway-refuses"]));
    case.sign(|leaf, _| leaf.subject_alt_names.push(dns("10.0.0.7")));
    assert_eq!(case.check().ids(), ["certs.ip-as-dns"]);
    case.sign(|leaf, ca| leaf.not_after = ca.not_after + time::Duration::DAY);
    let run = case.check();
    assert_eq!((run.exit_code, run.ids()), (0, vec!["certs.outlives-ca"]));
}

#[test]
fn weak_keys_and_signatures_are_found() {
    let case = Foreign::new();
    case.write(&case.leaf.signed_by(&ShortKey::new(), &case.issuer()).expect("signed").pem());
    let run = case.check();
    let weak = assert_finding!(run, "certs.weak-key");
    assert_eq!(weak["evidence"]["found"], "RSA 1024");

    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("an RSA key");
    let case = Foreign::with_ca_key(key);
    let certificate = case.leaf.signed_by(&case.key, &case.issuer()).expect("signed");
    let mut der = certificate.der().to_vec();
    // sha256WithRSAEncryption becomes sha1WithRSAEncryption: nobody looks at the signature after that.
    let kind = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    for place in 0..der.len() - kind.len() {
        if der[place..].starts_with(&kind) {
            der[place + 8] = 5;
        }
    }
    case.write(&block(&Certificate::of(&der.into()).expect("a certificate")));
    assert_eq!(case.check().ids(), ["certs.weak-signature"]);
}

#[test]
fn a_serial_number_stands_for_one_certificate() {
    let case = Foreign::new();
    let number = SerialNumber::from_slice(&[7; 16]);
    case.sign(|leaf, _| leaf.serial_number = Some(number.clone()));
    let path = |name: &str| case.directory.path().join(name);
    for (from, to) in [("server.crt", "other.crt"), ("server.key", "other.key")] {
        fs::copy(path(from), path(to)).expect("copied");
    }
    assert_eq!(case.check().exit_code, 0, "the same certificate twice");
    case.sign(|leaf, _| {
        leaf.serial_number = Some(number);
        leaf.subject_alt_names.push(dns("second.internal"));
    });
    assert_eq!(case.check().ids(), ["certs.serial-reused"]);
}

#[test]
fn no_file_makes_it_hang_or_panic() {
    let case = Foreign::new();
    let path = |name: &str| case.directory.path().join(name);
    // Many certificates of one name, each with its own number; and more than a file may hold.
    let bundle = (0..500_u32).map(|number| {
        let mut root = case.ca.clone();
        root.serial_number = Some(SerialNumber::from(u64::from(number) + 1));
        root.self_signed(&case.ca_key).expect("signed").pem()
    });
    let bundle = bundle.collect::<String>();
    let whole = fs::read_to_string(path("server.crt")).expect("PEM");
    let block = |base64: &str| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    for (index, text) in [
        bundle.clone(),
        bundle.repeat(8),
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        whole.replacen("MII", "MIH", 1),
        block("MIIB"),
        block(&"A".repeat(1 << 16)),
        block("MIT/////"),
        "-----BEGIN PRIVATE KEY-----\n".repeat(1 << 14),
        "\u{feff}\r\n\0".repeat(1 << 14),
    ]
    .iter()
    .enumerate()
    {
        for name in ["ca.crt", "server.crt", "server.key"] {
            let before = fs::read(path(name)).expect("there");
            fs::write(path(name), text).expect("written");
            for run in [case.check(), egext(["certs", "show"]).arg(case.directory.path()).json()] {
                assert!((0..=2).contains(&run.exit_code), "{index} as {name}: {}", run.stderr);
                assert!(!run.stderr.contains("panicked"), "{index} as {name}: {}", run.stderr);
            }
            fs::write(path(name), before).expect("written");
        }
    }
}

#[test]
fn junit_and_prometheus_have_the_same_verdict() {
    let pki = TestPki::new().server_expired();
    let junit = egext(["certs", "check", "-o", "junit"]).pki(&pki).run();
    assert_eq!((junit.exit_code, &*junit.stderr), (1, ""));
    assert!(
        junit.stdout.contains(r#"<testsuites name="egext certs check" tests="25" failures="1" "#),
        "{}",
        junit.stdout
    );
    assert!(junit.stdout.contains(r#"type="certs.expired""#));
    let metrics = egext(["certs", "check", "-o", "prometheus"]).pki(&pki).run();
    assert_eq!((metrics.exit_code, &*metrics.stderr), (1, ""));
    let file = pki.server_certificate();
    let der = CertificateDer::from_pem_file(&file).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(&der).expect("DER");
    let validity = certificate.validity();
    for (metric, date) in [("after", validity.not_after), ("before", validity.not_before)] {
        let start = format!("ssl_file_cert_not_{metric}{{file=\"{}\",", file.display());
        let sample = metrics.stdout.lines().find(|line| line.starts_with(&start)).expect("a sample");
        assert!(sample.ends_with(&format!("}} {}", date.timestamp())), "{sample}");
    }
    for line in [
        format!(
            "egext_certs_finding{{id=\"certs.expired\",severity=\"error\",subject=\"{}\"}} 1",
            file.display()
        ),
        "egext_certs_due 0".to_owned(),
    ] {
        assert!(metrics.stdout.lines().any(|found| found.starts_with(&line)), "{line}: {}", metrics.stdout);
    }
}

fn check(pki: &TestPki) -> Run {
    egext(["certs", "check"]).pki(pki).json()
}

fn owner(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;

    path.metadata().expect("there").uid()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

/// A CA and a server's certificate, as tools with other habits make them.
pub(super) struct Foreign {
    pub(super) directory: tempfile::TempDir,
    ca: CertificateParams,
    ca_key: KeyPair,
    pub(super) leaf: CertificateParams,
    pub(super) key: KeyPair,
}

impl Foreign {
    pub(super) fn new() -> Self {
        Self::with_ca_key(KeyPair::generate().expect("a key"))
    }

    fn with_ca_key(ca_key: KeyPair) -> Self {
        let mut ca = parameters("foreign CA");
        ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let mut leaf = parameters("foreign server");
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.subject_alt_names = vec![dns("localhost")];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let case = Self { directory: tempfile::tempdir().expect("a directory"), ca, ca_key, leaf, key };
        fs::write(case.directory.path().join("server.key"), case.key.serialize_pem()).expect("written");
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(case.directory.path().join("server.key"), private).expect("ours");
        case.sign(|_, _| {});
        case
    }

    /// Signs both with a change.
    pub(super) fn sign(&self, change: impl FnOnce(&mut CertificateParams, &mut CertificateParams)) {
        let (mut leaf, mut ca) = (self.leaf.clone(), self.ca.clone());
        change(&mut leaf, &mut ca);
        let issuer = Issuer::from_params(&ca, &self.ca_key);
        self.write(&leaf.signed_by(&self.key, &issuer).expect("signed").pem());
        let root = ca.self_signed(&self.ca_key).expect("signed").pem();
        fs::write(self.directory.path().join("ca.crt"), root).expect("written");
    }

    pub(super) fn write(&self, certificate: &str) {
        fs::write(self.directory.path().join("server.crt"), certificate).expect("written");
    }

    pub(super) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.ca, &self.ca_key)
    }

    pub(super) fn check(&self) -> Run {
        egext(["certs", "check"]).arg(self.directory.path()).json()
    }
}

fn parameters(name: &str) -> CertificateParams {
    #[expect(clippy::disallowed_methods, reason = "fixtures are made in the present")]
    let now = OffsetDateTime::now_utc();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = now - time::Duration::HOUR;
    parameters.not_after = now + time::Duration::days(365);
    parameters
}

/// The public half of an RSA key of 1024 bits, which our library would not make.
struct ShortKey(Vec<u8>);

impl ShortKey {
    fn new() -> Self {
        // RSAPublicKey: a modulus of 1024 bits, and 65537.
        let mut der = vec![0x30, 0x81, 0x89, 2, 0x81, 0x81, 0];
        der.extend([0xc1; 128]);
        der.extend([2, 3, 1, 0, 1]);
        Self(der)
    }
}

impl PublicKeyData for ShortKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}
