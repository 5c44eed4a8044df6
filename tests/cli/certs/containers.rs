//! Files in other forms than PEM: each is named, and the command of its hint makes one that is read.

use std::fs;
use std::process::{Command, Stdio};

use egext_test_support::{has_openssl, skipped};
use serde_json::Value;

use super::Place;

/// `server.crt` and `server.key` of a set, and an RSA key, from which the other forms are made.
fn material() -> Place {
    let place = Place::new();
    place.init(&[]).assert().success();
    for name in ["server.crt", "server.key", "ca.crt", "ca.key"] {
        fs::copy(place.certs().join(name), place.path(name)).expect("copied");
    }
    place
}

fn read(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path(name)).expect("readable")
}

fn write(place: &Place, name: &str, contents: impl AsRef<[u8]>) {
    fs::write(place.path(name), contents).expect("writable");
}

/// What `certs show` says about a file that it does not read: its error and the hint behind it.
fn refused(place: &Place, name: &str) -> (String, String) {
    let report = place.verb_json(&["show", name], 2);
    let text = |key: &str| report["error"][key].as_str().expect("text").to_owned();
    (text("message"), text("hint"))
}

/// The command in a hint; passphrases are given to it that a person would type.
fn command(hint: &str) -> String {
    let command = hint.split('`').nth(1).unwrap_or_else(|| panic!("a command in {hint}"));
    command
        .replace("pkcs12", "pkcs12 -passin pass:changeit")
        .replace("pkcs8 -inform", "pkcs8 -passin pass:changeit -inform")
        .replace("-topk8", "-topk8 -passin pass:changeit -passout pass:changeit")
        .replace("pkey -in", "pkey -passin pass:changeit -in")
        .replace(".p12 -passin pass:changeit", ".p12")
        .replace("-importkeystore", "-importkeystore -srcstorepass changeit -deststorepass changeit")
        .replace("PKCS12 &&", "PKCS12 2>keytool.log &&")
}

fn run(place: &Place, command: &str) {
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", command]).current_dir(place.path("")).stdin(Stdio::null()).output();
    let output = output.expect("a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Follows the hint, and gives what the new file holds.
fn followed(place: &Place, name: &str, made: &str, words: &str) -> Value {
    let (message, hint) = refused(place, name);
    assert!(message.contains(words), "{name}: {message}");
    run(place, &command(&hint));
    place.verb_json(&["show", made], 0)
}

fn has_certificate(report: &Value) -> bool {
    report["certificates"].as_array().is_some_and(|found| !found.is_empty())
}

fn has_key(report: &Value) -> bool {
    report["keys"].as_array().is_some_and(|found| !found.is_empty())
}

#[test]
fn der_is_told_by_what_is_in_it_and_converted() {
    let place = material();
    let make = |arguments: &[&str]| place.openssl(arguments);
    make(&["x509", "-in", "server.crt", "-outform", "DER", "-out", "certificate"]);
    make(&["pkey", "-in", "server.key", "-outform", "DER", "-out", "pkcs8"]);
    make(&["ec", "-in", "server.key", "-outform", "DER", "-out", "sec1"]);
    make(&["genrsa", "-out", "rsa.key", "2048"]);
    make(&["rsa", "-in", "rsa.key", "-traditional", "-outform", "DER", "-out", "pkcs1"]);
    let locked = ["pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:changeit", "-outform", "DER"];
    make(&[&locked[..], &["-out", "locked"]].concat());
    for (name, words) in [
        ("certificate", "it is a certificate in DER, not PEM"),
        ("pkcs8", "it is a private key in DER, not PEM"),
        ("sec1", "it is a private key in DER, not PEM"),
        ("pkcs1", "it is a private key in DER, not PEM"),
        ("locked", "it is an encrypted key in DER, not PEM"),
    ] {
        let report = followed(&place, name, &format!("{name}.pem"), words);
        assert_eq!(
            (has_certificate(&report), has_key(&report)),
            (name == "certificate", name != "certificate")
        );
    }
    for name in ["pkcs8.pem", "locked.pem"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.path(name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is a key");
    }
    make(&["pkey", "-in", "server.key", "-pubout", "-outform", "DER", "-out", "public"]);
    assert!(refused(&place, "public").0.contains("it is a public key in DER"));
    make(&["req", "-new", "-key", "server.key", "-subj", "/CN=a", "-outform", "DER", "-out", "request"]);
    assert!(refused(&place, "request").0.contains("it is a certificate request in DER"));
}

#[test]
fn pkcs12_gives_a_certificate_or_a_key_as_each_is_looked_for() {
    let place = material();
    let export =
        ["pkcs12", "-export", "-in", "server.crt", "-inkey", "server.key", "-passout", "pass:changeit"];
    place.openssl(&[&export[..], &["-out", "server.p12"]].concat());
    let report = followed(&place, "server.p12", "server.p12.pem", "it is PKCS#12 (.p12, .pfx), not PEM");
    assert_eq!((has_certificate(&report), has_key(&report)), (true, false));
    // Where a key is looked for, the hint takes the key out.
    let check = ["check", "--cert", "server.crt", "--key", "server.p12", "--ca", "ca.crt"];
    let report = place.verb_json(&check, 1);
    let hint = report["findings"][0]["hint"].as_str().expect("a hint").to_owned();
    fs::remove_file(place.path("server.p12.pem")).expect("removable");
    run(&place, &command(&hint));
    let report = place.verb_json(&["show", "server.p12.pem"], 0);
    assert_eq!((has_certificate(&report), has_key(&report)), (false, true));
}

/// What Windows wrote until 2019; OpenSSL 3 reads RC2 from its legacy provider only.
#[test]
fn an_old_pkcs12_gets_the_flag_that_opens_it() {
    let place = material();
    let export =
        ["pkcs12", "-export", "-in", "server.crt", "-inkey", "server.key", "-passout", "pass:changeit"];
    let rc2 = ["-legacy", "-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES", "-out", "old.p12"];
    place.openssl(&[&export[..], &rc2].concat());
    let report = followed(&place, "old.p12", "old.p12.pem", "PKCS#12");
    assert!(has_certificate(&report), "{report:#}");
}

#[test]
fn pkcs7_is_converted_in_each_of_its_forms() {
    let place = material();
    let make = ["crl2pkcs7", "-nocrl", "-certfile", "server.crt"];
    place.openssl(&[&make[..], &["-outform", "DER", "-out", "der.p7b"]].concat());
    place.openssl(&[&make[..], &["-out", "pem.p7b"]].concat());
    let pem = String::from_utf8(read(&place, "pem.p7b")).expect("PEM");
    write(&place, "cms.p7b", pem.replace("PKCS7", "CMS"));
    for (name, words) in [
        ("der.p7b", "it is PKCS#7 (.p7b) in DER, not PEM"),
        ("pem.p7b", "its PEM blocks are of other kinds: `PKCS7`"),
        ("cms.p7b", "its PEM blocks are of other kinds: `CMS`"),
    ] {
        assert!(has_certificate(&followed(&place, name, &format!("{name}.pem"), words)), "{name}");
    }
}

#[test]
fn text_in_another_encoding_is_converted() {
    let place = material();
    let pem = String::from_utf8(read(&place, "server.crt")).expect("PEM");
    let wide = |mark: &str, bytes: fn(u16) -> [u8; 2]| {
        format!("{mark}{pem}").encode_utf16().flat_map(bytes).collect::<Vec<_>>()
    };
    write(&place, "marked", wide("\u{feff}", u16::to_le_bytes));
    write(&place, "marked-big", wide("\u{feff}", u16::to_be_bytes));
    write(&place, "little", wide("", u16::to_le_bytes));
    write(&place, "big", wide("", u16::to_be_bytes));
    place.openssl(&["x509", "-in", "server.crt", "-outform", "DER", "-out", "der"]);
    place.openssl(&["base64", "-in", "server.crt", "-out", "twice"]);
    place.openssl(&["base64", "-in", "der", "-out", "bare"]);
    let twice = String::from_utf8(read(&place, "twice")).expect("Base64").replace('\n', "");
    write(&place, "secret", format!("kind: Secret\ndata:\n  tls.crt: {twice}\n"));
    for (name, words) in [
        ("marked", "it is text in UTF-16"),
        ("marked-big", "it is text in UTF-16"),
        ("little", "it is text in UTF-16"),
        ("big", "it is text in UTF-16"),
        ("twice", "it is PEM that was encoded in Base64 once more"),
        ("bare", "it is a certificate in Base64, without `BEGIN` and `END`"),
        ("secret", "it is a Kubernetes Secret with PEM in Base64"),
    ] {
        assert!(has_certificate(&followed(&place, name, &format!("{name}.pem"), words)), "{name}");
    }
}

#[test]
fn archives_are_unpacked() {
    let place = material();
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
    fs::rename(place.certs(), place.path("elsewhere")).expect("renamed");
    let report = followed(&place, "server.tar", "certs", "it is a tar archive");
    assert!(has_certificate(&report) && has_key(&report), "{report:#}");
    run(&place, "gzip -k server.crt");
    assert!(has_certificate(&followed(&place, "server.crt.gz", "server.crt.gz.pem", "compressed with gzip")));
}

#[test]
fn java_keystores_are_converted() {
    let place = material();
    if Command::new("keytool").arg("-help").output().is_err() {
        return skipped("keytool not found");
    }
    for (name, kind) in [("server.jks", "JKS"), ("server.jceks", "JCEKS")] {
        run(
            &place,
            &format!(
                "keytool -genkeypair -keystore {name} -storetype {kind} -storepass changeit -keypass changeit \
                 -alias server -keyalg EC -dname CN=server"
            ),
        );
        let words = format!("it is a Java keystore ({kind}), not PEM");
        assert!(has_certificate(&followed(&place, name, &format!("{name}.pem"), &words)), "{name}");
    }
}

#[test]
fn keys_of_ssh_are_converted_where_that_is_possible() {
    let place = material();
    if Command::new("ssh-keygen").arg("-?").output().is_err() {
        return skipped("ssh-keygen not found");
    }
    for kind in ["ecdsa", "rsa"] {
        run(&place, &format!("ssh-keygen -q -t {kind} -N '' -f {kind}"));
        let words = "its PEM blocks are of other kinds: `OPENSSH PRIVATE KEY`";
        assert!(has_key(&followed(&place, kind, &format!("{kind}.pem"), words)), "{kind}");
        let (message, _) = refused(&place, &format!("{kind}.pub"));
        assert!(message.contains("it is a public key of SSH"), "{message}");
    }
    // ssh-keygen leaves it as it is.
    run(&place, "ssh-keygen -q -t ed25519 -N '' -f ed25519");
    let (message, hint) = refused(&place, "ed25519");
    assert!(message.contains("an Ed25519 key in the form of OpenSSH"), "{message}");
    run(&place, hint.split('`').nth(1).expect("a command"));
    assert!(has_key(&place.verb_json(&["show", "NEW.key"], 0)));
}

#[test]
fn what_cannot_be_converted_is_named_all_the_same() {
    let place = material();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    write(&place, "putty", "PuTTY-User-Key-File-3: ssh-ed25519\n");
    write(&place, "pgp", block("PGP PUBLIC KEY BLOCK"));
    write(&place, "message", block("PGP MESSAGE"));
    write(&place, "several", block("EC PARAMETERS") + &block("PUBLIC KEY") + &block("PUBLIC KEY"));
    write(&place, "page", "<!DOCTYPE html>\n<html></html>\n");
    write(&place, "trusted", block("TRUSTED CERTIFICATE"));
    for (name, words, advice) in [
        ("putty", "it is a key in the form of PuTTY", "puttygen putty -O private-openssh"),
        ("pgp", "its PEM blocks are of other kinds: `PGP PUBLIC KEY BLOCK`", "egext certs init"),
        ("message", "its PEM blocks are of other kinds: `PGP MESSAGE`", "gpg --decrypt message"),
        ("several", "its PEM blocks are of other kinds: `EC PARAMETERS`, `PUBLIC KEY`", "egext certs init"),
        ("page", "it is an HTML page", "download it again"),
        ("trusted", "which only OpenSSL reads", "openssl x509 -in trusted"),
    ] {
        let (message, hint) = refused(&place, name);
        assert!(message.contains(words) && hint.contains(advice), "{name}: {message}: {hint}");
    }
}

/// Wherever a file is read, its form is named and converted.
#[test]
fn every_command_names_the_form_of_a_file() {
    let place = material();
    place.openssl(&["pkey", "-in", "server.key", "-outform", "DER", "-out", "key.der"]);
    place.openssl(&["x509", "-in", "server.crt", "-outform", "DER", "-out", "crt.der"]);
    place.openssl(&["x509", "-in", "ca.crt", "-outform", "DER", "-out", "ca.der"]);
    place.openssl(&[
        "req",
        "-new",
        "-key",
        "server.key",
        "-subj",
        "/CN=a",
        "-outform",
        "DER",
        "-out",
        "csr.der",
    ]);
    let egext = |arguments: &[&str]| {
        let mut run = crate::egext([]).current_dir(place.path(""));
        run = run.args(arguments);
        let output = run.output();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let pair = |certificate, key| ["--cert", certificate, "--key", key, "--ca", "ca.crt"];
    for (verb, files, command) in [
        (&["certs", "check"][..], &pair("crt.der", "server.key")[..], "openssl x509 -inform DER -in crt.der"),
        (&["certs", "check"], &pair("server.crt", "key.der"), "openssl pkey -inform DER -in key.der"),
        (&["certs", "check", "--ca", "ca.der"], &[], "openssl x509 -inform DER -in ca.der"),
        (&["certs", "init", "--dir", "new"], &["--ca-cert", "ca.der", "--ca-key", "ca.key"], "-in ca.der"),
        (&["certs", "init", "--dir", "new"], &["--ca-cert", "ca.crt", "--ca-key", "key.der"], "-in key.der"),
        (&["certs", "issue", "server", "--csr", "csr.der"], &[], "openssl req -inform DER -in csr.der"),
        (&["probe", "127.0.0.1:1"], &pair("crt.der", "server.key"), "openssl x509 -inform DER -in crt.der"),
        (&["probe", "127.0.0.1:1"], &pair("server.crt", "key.der"), "openssl pkey -inform DER -in key.der"),
        (
            &["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", "tls://127.0.0.1:1"],
            &pair("server.crt", "key.der"),
            "openssl pkey -inform DER -in key.der",
        ),
    ] {
        let words = egext(&[verb, files].concat());
        assert!(words.contains(command) && words.contains("in DER, not PEM"), "{verb:?} {files:?}: {words}");
    }
}

/// `Proc-Type: 4,ENCRYPTED`, alone or behind its certificate.
#[test]
fn a_key_in_the_old_form_of_openssl_is_called_so_and_converted() {
    let place = material();
    if !has_openssl() {
        return;
    }
    let lock = |key: &str, out: &str| {
        place.openssl(&["ec", "-in", key, "-aes256", "-passout", "pass:changeit", "-out", out]);
        assert!(read(&place, out).windows(9).any(|found| found == b"Proc-Type"), "the old form");
    };
    lock("server.key", "old.key");
    lock("ca.key", "old-ca.key");
    place.join(&["server.crt", "old.key"], "both.pem");
    let words = "encrypted in the old OpenSSL form";
    let says = |arguments: &[&str], hint: &str| {
        let mut run = crate::egext([]).current_dir(place.path(""));
        run = run.args(arguments);
        let output = run.output();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(text.contains(words), "{arguments:?}: {text}");
        let line = text.lines().find(|line| line.contains(hint));
        let line = line.unwrap_or_else(|| panic!("{hint} in {arguments:?}: {text}"));
        assert!(!text.contains("copy the file again"), "{arguments:?}: {text}");
        line.to_owned()
    };
    for name in ["old.key", "both.pem"] {
        let line = says(&["certs", "show", name], "openssl pkcs8 -topk8");
        run(&place, &command(&line));
        let report = place.verb_json(&["show", &format!("{name}.new")], 0);
        assert_eq!(report["keys"][0]["state"], "encrypted");
        let pair = ["--cert", "server.crt", "--key", name, "--ca", "ca.crt"];
        for verb in [
            &["certs", "check"][..],
            &["probe", "127.0.0.1:1"],
            &["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", "tls://127.0.0.1:1"],
        ] {
            let line = says(&[verb, &pair].concat(), "openssl pkey");
            run(&place, &command(&line));
            let report = place.verb_json(&["show", &format!("{name}.plain")], 0);
            assert_eq!(report["keys"][0]["state"], "usable");
        }
    }
    says(&["certs", "check", "--cert", "both.pem", "--key", "both.pem", "--ca", "ca.crt"], "openssl pkey");
    // No passphrase opens it, so none is asked for first.
    let import = ["certs", "init", "--dir", "new", "--ca-cert", "ca.crt", "--ca-key", "old-ca.key"];
    let line = says(&import, "openssl pkcs8 -topk8");
    run(&place, &command(&line));
    write(&place, "passphrase", "changeit\n");
    let converted = ["--ca-cert", "ca.crt", "--ca-key", "old-ca.key.new"];
    let converted = [&["init", "--dir", "new"][..], &converted, &["--ca-key-passphrase-file", "passphrase"]];
    place.verb(&converted.concat()).assert().success();
    // In a set: the channel works, and nothing can be renewed.
    place.replace("ca.key", read(&place, "old-ca.key"));
    let line = says(&["certs", "renew", "--force"], "openssl pkcs8 -topk8");
    assert!(line.contains("certs/ca.key"), "{line}");
    place.replace("server.key", read(&place, "old.key"));
    let report = place.verb_json(&["check"], 1);
    let found = report["findings"].as_array().expect("findings").iter();
    let found = found.filter(|finding| finding["id"] == "certs.key-encrypted");
    let found = found.map(|finding| (finding["subject"].as_str(), finding["severity"].as_str()));
    let expected = [(Some("certs/ca.key"), Some("warning")), (Some("certs/server.key"), Some("error"))];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
