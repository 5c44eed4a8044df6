//! Files that are not what they seem: blocks glued together, keys among certificates, pipes, hostile names.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use egext_test_support::{Egext, Run, TestPki, TestServer, assert_finding, skipped};

use super::Place;
use crate::egext;

/// Two blocks without a line break between them, as `cat` makes them from files that lack their last one.
fn glued(pem: &str) -> String {
    pem.trim_end().to_owned() + pem
}

#[test]
fn a_block_that_is_glued_to_another_is_named_by_every_command() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let ca = pki.ca().display().to_string();
    let pem = fs::read_to_string(&ca).expect("PEM");
    let line = pem.lines().count();
    fs::write(&ca, glued(&pem)).expect("written");
    let says = format!("line {line} has a `BEGIN` that is not at the start of the line");
    let run = egext(["certs", "check"]).pki(&pki).json();
    let finding = assert_finding!(run, "certs.unusable", subject = ca, severity = "error");
    assert!(finding["message"].as_str().expect("text").contains(&says), "{finding}");
    assert!(finding["hint"].as_str().expect("text").contains("sed"), "{finding}");
    assert_eq!(run.exit_code, 1);
    let run = egext(["certs", "show"]).pki(&pki).json();
    assert_finding!(run, "certs.unusable", subject = ca);
    let listen = format!("unix:{}", pki.directory().join("socket").display());
    for (arguments, dir) in [
        (vec!["probe", server.address().as_str(), "--no-gateway", "--no-policy"], true),
        (vec!["bridge", "--listen", &listen, "--upstream", server.address().as_str()], true),
        (vec!["certs", "pack", "server", "--out", "x.tar"], true),
        (vec!["certs", "init", "--ca-cert", &ca, "--ca-key", &ca], false),
    ] {
        let run = egext([]).args(&arguments);
        let run = if dir { run.pki(&pki) } else { run }.run();
        assert_eq!(run.exit_code, 2, "{arguments:?}: {}{}", run.stdout, run.stderr);
        if dir {
            assert!(run.stderr.contains(&says), "{arguments:?}: {}", run.stderr);
        }
    }
}

#[test]
fn a_glued_block_stops_a_renewal_and_an_import() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let copy = |name: &str| fs::read_to_string(place.certs().join(name)).expect("PEM");
    fs::write(place.path("ca.crt"), glued(&copy("ca.crt"))).expect("written");
    fs::write(place.path("ca.key"), copy("ca.key")).expect("written");
    let run = place.verb(&["init", "--dir", "other", "--ca-cert", "ca.crt", "--ca-key", "ca.key"]);
    let run = run.assert().code(2);
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.contains("`BEGIN` that is not at the start of the line"), "{words}");
    fs::write(place.certs().join("server.crt"), glued(&copy("server.crt"))).expect("written");
    let run = place.verb(&["renew", "--force"]).assert().code(2);
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.contains("`BEGIN` that is not at the start of the line"), "{words}");
}

#[test]
fn every_broken_marker_is_named_with_its_line() {
    for (from, to, says) in [
        ("-----BEGIN", "  -----BEGIN", "the `BEGIN` or `END` in line 1 is indented"),
        ("-----BEGIN", "x-----BEGIN", "line 1 has a `BEGIN` that is not at the start of the line"),
        ("\n-----END", "-----END", "has a `END` that is not at the start of the line"),
        ("END CERTIFICATE", "END X509 CRL", "ends a block of `CERTIFICATE` with `X509 CRL`"),
        ("-----END CERTIFICATE-----", "", "the block that begins in line 1 has no `END`"),
        ("-----BEGIN CERTIFICATE-----", "", "has an `END` without a `BEGIN` before it"),
        ("MII", "M!I", "the block that begins in line 1 is not Base64"),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE----", "line 1 is malformed"),
    ] {
        let pki = TestPki::new();
        let pem = fs::read_to_string(pki.server_certificate()).expect("PEM");
        fs::write(pki.server_certificate(), pem.replacen(from, to, 1)).expect("written");
        let run = egext(["certs", "check"]).pki(&pki).json();
        let subject = pki.server_certificate().display().to_string();
        let finding = assert_finding!(run, "certs.unusable", subject = subject);
        assert!(finding["message"].as_str().expect("text").contains(says), "{says}: {finding}");
    }
}

#[test]
fn a_key_among_certificates_is_an_error() {
    for encrypted in [false, true] {
        for file in ["ca.crt", "server.crt", "unrelated.crt"] {
            let pki = TestPki::new();
            let path = pki.directory().join(file);
            let mut text = fs::read_to_string(&path).unwrap_or_default();
            let line = text.lines().count() + 1;
            let mut key = fs::read_to_string(pki.server_key()).expect("PEM");
            if encrypted {
                key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
                    .to_owned();
            }
            text += &key;
            fs::write(&path, text).expect("written");
            let run = egext(["certs", "check"]).pki(&pki).json();
            let subject = path.display().to_string();
            let finding =
                assert_finding!(run, "certs.key-in-certificate-file", subject = subject, severity = "error");
            let message = finding["message"].as_str().expect("text");
            assert!(message.starts_with(&format!("line {line} begins a private key")), "{message}");
            assert_eq!(run.exit_code, 1);
        }
    }
    let pki = TestPki::new();
    let both =
        [pki.server_certificate(), pki.server_key()].map(|path| fs::read_to_string(path).expect("PEM"));
    fs::write(pki.server_key(), both.concat()).expect("written");
    let key = pki.server_key();
    let run = egext(["certs", "check", "--ca"]).arg(pki.ca()).arg("--cert").arg(&key).arg("--key").arg(&key);
    assert_eq!(run.json().exit_code, 0, "one file that is named for both");
}

#[test]
fn the_key_of_a_leaf_must_not_be_encrypted() {
    let pki = TestPki::new();
    let key = pki.server_key();
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    ] {
        fs::write(&key, text).expect("written");
        let run = egext(["certs", "check"]).pki(&pki).json();
        let subject = key.display().to_string();
        assert_finding!(run, "certs.key-encrypted", subject = subject, severity = "error");
        assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    }
}

#[test]
fn the_first_key_of_a_file_is_the_one_that_counts() {
    let pki = TestPki::new();
    let keys = [pki.client_key(), pki.server_key()].map(|path| fs::read_to_string(path).expect("PEM"));
    fs::write(pki.server_key(), keys.concat()).expect("written");
    assert_eq!(egext(["certs", "check"]).pki(&pki).json().ids(), ["certs.key-mismatch"]);
    let other = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    fs::write(pki.server_key(), other.to_owned() + &keys[1]).expect("written");
    let run = egext(["certs", "check"]).pki(&pki).json();
    let finding = assert_finding!(run, "certs.unusable", subject = pki.server_key().display().to_string());
    assert!(
        finding["message"].as_str().expect("text").contains("`OPENSSH PRIVATE KEY` in line 1"),
        "{finding}"
    );
    assert_eq!(run.exit_code, 1);
}

#[test]
fn a_marker_in_a_comment_is_no_marker() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    for path in [pki.ca(), pki.server_certificate(), pki.client_key()] {
        let text = fs::read_to_string(&path).expect("PEM");
        let old = text.replace('\n', "\n# ");
        fs::write(&path, format!("# from -----BEGIN to -----END\n# {old}\n{text}  # {old}\n"))
            .expect("written");
    }
    let run = egext(["certs", "check"]).pki(&pki).json();
    assert_eq!((run.exit_code, run.ids()), (0, vec![]), "{}", run.stdout);
    assert_eq!(
        egext(["probe", server.address().as_str(), "--no-gateway", "--no-policy"]).pki(&pki).run().exit_code,
        0
    );
}

#[test]
fn the_key_of_an_issuer_is_not_that_of_the_leaf() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let copy = |name: &str| fs::read_to_string(place.certs().join(name)).expect("PEM");
    for (name, text) in [
        ("ca.crt", copy("ca.crt")),
        ("server.crt", copy("server.crt") + &copy("ca.crt")),
        ("server.key", copy("ca.key")),
    ] {
        fs::create_dir_all(place.path("other")).expect("made");
        fs::write(place.path("other").join(name), text).expect("written");
    }
    fs::set_permissions(place.path("other/server.key"), fs::Permissions::from_mode(0o600)).expect("ours");
    let report = place.verb_json(&["check", "other"], 1);
    let found = report["findings"].as_array().expect("findings");
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(found[0]["id"], "certs.key-mismatch");
    assert_eq!(found[0]["subject"], "other/server.key");
}

#[test]
fn a_byte_order_mark_hides_the_first_block_from_others() {
    let pki = TestPki::new();
    for path in [pki.ca(), pki.server_certificate()] {
        let before = fs::read_to_string(&path).expect("PEM");
        fs::write(&path, format!("\u{feff}{before}")).expect("written");
        let run = egext(["certs", "check"]).pki(&pki).json();
        assert_finding!(run, "certs.unusable", subject = path.display().to_string());
        assert_eq!(run.ids().len(), 1, "{}", run.stdout);
        fs::write(&path, before).expect("written");
    }
}

#[test]
fn an_address_written_as_a_name_is_no_name() {
    for (names, severity, code) in
        [(&["10.0.0.7"][..], "error", 1), (&["10.0.0.7", "localhost"], "warning", 0)]
    {
        let pki = TestPki::new().server_with_dns_names(names);
        let run = egext(["certs", "check"]).pki(&pki).json();
        assert_finding!(run, "certs.ip-as-dns", severity = severity);
        assert_eq!((run.exit_code, run.ids().len()), (code, 1), "{}", run.stdout);
        assert_eq!(state(&run, "gateway", &pki.server_certificate()) == "passed", code == 0);
    }
}

#[test]
fn a_name_that_nobody_can_call_is_no_name() {
    for name in
        ["localhost:5005", "https://localhost", "localhost.", "[::1]", "10.0.0.0/8", "f*.example.com", "*"]
    {
        let pki = TestPki::new().server_with_dns_names(&[name]);
        let run = egext(["certs", "check"]).pki(&pki).json();
        let finding = assert_finding!(run, "certs.no-san", severity = "error");
        assert_eq!(finding["evidence"]["found"], name);
        assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    }
    for name in ["a_b", "*.example.com", "xn--bcher-kva.example", "1and1.example"] {
        let pki = TestPki::new().server_with_dns_names(&[name]);
        assert_eq!(egext(["certs", "check"]).pki(&pki).json().ids(), [""; 0], "{name}");
    }
}

#[test]
fn without_names_the_gateway_refuses_a_server() {
    let pki = TestPki::new().server_without_san();
    let run = egext(["certs", "check"]).pki(&pki).json();
    assert_finding!(run, "certs.no-san", severity = "error");
    assert_eq!(state(&run, "gateway", &pki.server_certificate()), "skipped");
    let said = &run.json["verifiers"][0]["go"];
    assert_eq!(said, "x509: certificate relies on legacy Common Name field, use SANs instead");
}

#[test]
fn a_directory_that_is_named_is_the_one_that_is_checked() {
    let (pki, other) = (TestPki::new(), TestPki::new().server_expired());
    let check = || egext(["certs", "check"]).arg(other.directory());
    for (flag, path) in [("--ca", pki.ca()), ("--cert", pki.server_certificate())] {
        let run = check().arg(flag).arg(path).arg("--key").arg(pki.server_key());
        let run = if flag == "--ca" { run.arg("--cert").arg(pki.server_certificate()) } else { run }.run();
        assert_eq!(run.exit_code, 2, "{}", run.stderr);
        assert!(
            run.stderr.contains(&format!("and `{flag}` both say what to check\n  hint: ")),
            "{}",
            run.stderr
        );
    }
    let environment = |run: Egext| {
        let run = run.env("EGEXT_CA", pki.ca()).env("EGEXT_CERT", pki.server_certificate());
        run.env("EGEXT_KEY", pki.server_key()).json()
    };
    assert_eq!(environment(check()).ids(), ["certs.expired"]);
    assert_eq!(environment(egext(["certs", "check"]).pki(&other)).ids(), ["certs.expired"]);
    assert_eq!(environment(egext(["certs", "check"])).ids(), [""; 0]);
    let run = environment(egext(["certs", "check", "missing"]));
    assert_eq!(run.exit_code, 2, "{}", run.stdout);
}

#[test]
fn a_pipe_or_a_device_does_not_keep_anyone_waiting() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let fifo = place.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let set = |name: &str| place.certs().join(name);
    let commands: [&[&str]; 7] = [
        &["probe", "localhost:1", "--ca", "FILE"],
        &["certs", "show", "FILE"],
        &["certs", "check", "--ca", "FILE", "--cert", "CRT", "--key", "KEY"],
        &["certs", "init", "--ca-cert", "FILE", "--ca-key", "FILE"],
        &["certs", "init", "--dir", "new", "--ca-key-passphrase-file", "FILE"],
        &["config", "stanza", "--check", "FILE"],
        &["certs", "issue", "client", "--csr", "FILE"],
    ];
    for (path, kind) in [(fifo.as_path(), "a named pipe"), (Path::new("/dev/zero"), "a device")] {
        for arguments in commands {
            let run = egext([]).current_dir(place.0.path());
            let run = arguments.iter().fold(run, |run, word| match *word {
                "FILE" => run.arg(path),
                "CRT" => run.arg(set("server.crt")),
                "KEY" => run.arg(set("server.key")),
                word => run.arg(word),
            });
            let run = run.run();
            assert!([1, 2].contains(&run.exit_code), "{arguments:?}: {}", run.stderr);
            let says = format!("`{}` is {kind}, not a file", path.display());
            // A report of what is wrong, or an error.
            let words = if run.exit_code == 1 { run.stdout } else { run.stderr };
            assert!(words.contains(&says), "{arguments:?}: {words}");
            assert!(words.contains("hint: "), "{arguments:?}: {words}");
        }
    }
}

#[test]
fn the_output_of_a_command_can_stand_for_a_file() {
    let pki = TestPki::new();
    let shell = |script: &str| {
        let files = [pki.ca(), pki.server_certificate(), pki.server_key()];
        let run = crate::script("bash", script).args(files).run();
        (run.exit_code, run.stdout)
    };
    let check = "exec \"$0\" certs check --ca <(sleep 0.1; cat \"$1\") --cert \"$2\" --key \"$3\"";
    assert_eq!(shell(check).0, 0, "{}", shell(check).1);
    let (code, words) =
        shell("exec \"$0\" certs check --ca <(exec 2>&-; exec sleep 30) --cert \"$2\" --key \"$3\"");
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("nothing came through the pipe `/dev/"), "{words}");
}

#[test]
fn names_of_files_do_not_reach_the_terminal_as_they_are() {
    let pki = TestPki::new();
    let name = "evil\u{1b}]0;owned\u{7}\r\n.crt";
    fs::copy(pki.server_certificate(), pki.directory().join(name)).expect("copied");
    fs::copy(pki.server_key(), pki.directory().join(name.replace(".crt", ".key"))).expect("copied");
    let path = pki.directory().join(name).display().to_string();
    let path = path.as_str();
    let hostile = "missing\u{1b}]0;owned\u{7}";
    let commands: [&[&str]; 5] = [
        &["certs", "show"],
        &["certs", "show", path],
        &["certs", "check"],
        &["certs", "show", hostile],
        &["certs", "check", hostile],
    ];
    for (colour, arguments) in
        commands.iter().flat_map(|run| [("--color=always", run), ("--color=never", run)])
    {
        let run = arguments.iter().fold(egext([]), Egext::arg);
        let run = if arguments.len() == 2 { run.pki(&pki) } else { run }.arg(colour).run();
        let text = run.stdout + &run.stderr;
        assert!(!text.contains("\u{1b}]") && !text.contains(['\u{7}', '\r']), "{arguments:?}: {text:?}");
        assert!(text.contains(r"\u{1b}]0;owned\u{7}"), "{arguments:?}: {text:?}");
    }
}

#[test]
fn a_passphrase_is_not_read_from_a_terminal() {
    let place = Place::new();
    let Some(init) = crate::on_a_terminal("$0 certs init --ca-key-passphrase-file -") else {
        return skipped("script not found");
    };
    let run = init.current_dir(place.0.path()).stdin("secret\n").run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(run.stdout.contains("a passphrase is not read from a terminal"), "{run:?}");
    assert!(!place.certs().exists());
    let piped = place.verb(&["init", "--ca-key-passphrase-file", "-"]).stdin("secret\n");
    piped.assert().success();
    let mode = fs::metadata(place.certs().join("ca.key")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// What came of a check.
fn state(run: &Run, check: &str, subject: &Path) -> String {
    let checks = run.json["checks"].as_array().expect("a list");
    let subject = subject.display().to_string();
    let found = checks.iter().find(|found| found["check"] == check && found["subject"] == subject);
    found.expect("it was looked at")["state"].as_str().expect("text").to_owned()
}
