//! The server's certificate, and ours.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use egext_test_support::{Manner, TestPki, TestServer, assert_finding, has_openssl};
use serde_json::json;

use super::{assert_fault, assert_healthy, layers, probe};

#[test]
fn every_defect_of_a_server_certificate_has_its_finding() {
    for (pki, id) in [
        (TestPki::new().server_expired(), "probe.server-cert.expired"),
        (TestPki::new().server_not_yet_valid(), "probe.server-cert.not-yet-valid"),
        (TestPki::new().server_for_other_name(), "probe.server-cert.name-mismatch"),
        (TestPki::new().server_without_san(), "probe.server-cert.no-san"),
        (TestPki::new().server_from_other_ca(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_chain_incomplete(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_from_namesake_ca(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_self_signed(), "probe.server-cert.unknown-issuer"),
        (TestPki::new().server_with_client_usage(), "probe.server-cert.wrong-purpose"),
        (TestPki::new().server_chain_in_wrong_order(), "probe.server-cert.chain-order"),
        (TestPki::new().server_is_ca(), "probe.server-cert.is-ca"),
        (TestPki::new().server_with_unknown_critical_extension(), "probe.server-cert.refused"),
    ] {
        for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_fault(&run, id, &server.address(), "tls");
        }
    }
}

/// The channel works today. The server that asks for no certificate does not look at ours.
#[test]
fn certificates_that_expire_soon_are_a_warning_on_either_side() {
    let [servers, clients] = ["probe.server-cert.expiring", "probe.client-cert.expiring"];
    for (pki, ids) in [
        (TestPki::new().server_expiring(), vec![servers]),
        (TestPki::new().client_expiring(), vec![clients]),
        (TestPki::new().server_expiring().client_expiring(), vec![servers, clients]),
    ] {
        for manner in [TestServer::mtls(&pki), TestServer::tls(&pki)] {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_eq!((run.exit_code, run.ids()), (0, ids.clone()), "{}", run.stdout);
            assert_eq!(run.json["targets"][0]["healthy"], true);
            let finding = assert_finding!(run, ids[0], subject = server.address(), severity = "warning");
            let message = finding["message"].as_str().expect("text");
            assert!(message.contains(" expires in "), "{message}");
            assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("egext certs renew --role")));
            let run = probe(&server.address()).pki(&pki).args(["--fail-on", "warning"]).run();
            assert_eq!(run.exit_code, 1, "{}", run.stdout);
            assert!(run.stdout.contains("  ‼ certificates: "), "{}", run.stdout);
            let shorter = probe(&server.address()).pki(&pki).args(["--within", "1h"]).json();
            assert!(shorter.ids().is_empty(), "{}", shorter.stdout);
        }
    }
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).args(["--within", "100%"]).json();
    assert_eq!(run.ids(), [servers, clients], "{}", run.stdout);
}

#[test]
fn a_certificate_of_ours_that_has_expired_is_a_fault_also_where_no_server_asks_for_it() {
    for (pki, id) in [
        (TestPki::new().client_expired(), "probe.client-cert.expired"),
        (TestPki::new().client_not_yet_valid(), "probe.client-cert.not-yet-valid"),
    ] {
        let server = TestServer::tls(&pki).spawn();
        let run = probe(&server.address()).pki(&pki).json();
        assert_fault(&run, id, &server.address(), "mtls");
    }
}

/// As Kubernetes mounts it, and as `certs check` takes it.
#[test]
fn a_mounted_secret_is_a_directory_of_certificates() {
    let pki = TestPki::new().mounted("client");
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_healthy(&run);
    assert_eq!(layers(&run, 0)[4], ("mtls", "passed"));
}

#[test]
fn a_directory_without_our_certificate_is_named() {
    let pki = TestPki::new().without_client();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_fault(&run, "probe.client-cert.required", &server.address(), "mtls");
    let hint = finding["hint"].as_str().expect("text");
    let words = format!("`{}` has neither `client.crt` with its key", pki.directory().display());
    assert!(hint.starts_with(&words), "{hint}");
    let nowhere = tempfile::tempdir().expect("a directory");
    let run = probe(&server.address()).arg("--ca").arg(pki.ca()).current_dir(nowhere.path()).json();
    let finding = assert_finding!(run, "probe.client-cert.required");
    let hint = finding["hint"].as_str().expect("text");
    assert!(hint.starts_with("`certs` has neither `client.crt` with its key"), "{hint}");
}

/// As the help says: each flag takes the place of one file of the directory.
#[test]
fn a_ca_file_alone_leaves_our_certificate_as_it_is() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let here = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink(pki.directory(), here.path().join("certs")).expect("a new link");
    let run = probe(&server.address()).arg("--ca").arg(pki.ca()).current_dir(here.path()).json();
    assert_healthy(&run);
    assert_eq!(server.client_certificates(), 1);
}

/// No certificate has the dot, and it is the same name.
#[test]
fn a_final_dot_in_the_name_is_no_part_of_it() {
    // Which resolvers take `localhost.` is another matter.
    let with_dot = |server: &TestServer, pki: &TestPki| {
        probe(&server.address()).pki(pki).args(["--server-name", "localhost."]).json()
    };
    let pki = TestPki::new().server_with_dns_names(&["localhost"]);
    let server = TestServer::mtls(&pki).spawn();
    assert_healthy(&with_dot(&server, &pki));
    assert_eq!(server.server_names(), [Some("localhost".to_owned())]);
    let pki = TestPki::new().server_for_other_name();
    let run = with_dot(&TestServer::mtls(&pki).spawn(), &pki);
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    assert_eq!(finding["evidence"]["expected"], "localhost", "{finding:#}");
}

#[test]
fn a_wrong_name_is_shown_with_the_right_ones() {
    let pki = TestPki::new().server_for_other_name();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    assert_eq!(finding["evidence"], json!({ "expected": "localhost", "found": "other.example" }));
}

#[test]
fn an_address_that_stands_as_a_name_is_told_from_an_address() {
    let pki = TestPki::new().server_with_address_as_name();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&format!("127.0.0.1:{}", server.port())).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    let evidence = json!({ "expected": "IP address 127.0.0.1", "found": "DNS name 127.0.0.1" });
    assert_eq!(finding["evidence"], evidence);
    assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("--add-san 127.0.0.1")), "{finding:#}");
}

#[test]
fn a_certificate_of_an_old_version_is_called_that() {
    let pki = TestPki::new();
    for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
        let server = manner.presents_version_1().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.server-cert.refused", &server.address(), "tls");
        let message = finding["message"].as_str().expect("text");
        assert!(message.ends_with("cannot be used: it is not an X.509 version 3 certificate"), "{message}");
    }
}

#[test]
fn a_server_that_has_another_key_than_its_certificate_is_told_from_another_ca() {
    let pki = TestPki::new();
    for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
        let server = manner.signs_with_another_key().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.server-cert.refused", &server.address(), "tls");
        let message = finding["message"].as_str().expect("text");
        assert!(
            message.starts_with("the server signs with another key than that of its certificate"),
            "{message}"
        );
    }
}

/// rustls calls it a bad signature, as it calls that of another CA.
#[test]
fn a_key_that_is_too_short_is_named() {
    if !has_openssl() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let openssl = |arguments: &str| {
        let run = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(directory.path())
            .output()
            .expect("openssl");
        assert!(run.status.success(), "{run:?}");
    };
    openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
    openssl(
        "req -x509 -new -key ca.key -subj /CN=Root -days 2 -out ca.crt -addext keyUsage=critical,keyCertSign",
    );
    openssl(
        "req -new -newkey rsa:1024 -nodes -keyout s.key -subj /CN=short -addext subjectAltName=DNS:localhost -out s.csr",
    );
    openssl("x509 -req -in s.csr -CA ca.crt -CAkey ca.key -days 1 -copy_extensions copy -out s.crt");
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-cert",
            "s.crt",
            "-key",
            "s.key",
            "-cipher",
            "ALL:@SECLEVEL=0",
        ])
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse::<u16>().ok());
    let address = format!("localhost:{}", port.expect("it listens"));
    let run = probe(&address).arg("--ca").arg(directory.path().join("ca.crt")).json();
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    let finding = assert_fault(&run, "probe.server-cert.refused", &address, "tls");
    assert_eq!(finding["message"], "the key of the server's certificate `short` is too short");
    assert_eq!(finding["evidence"]["found"], "RSA of 1024 bits");
}

#[test]
fn names_are_shown_as_far_as_they_are_of_use() {
    let names = (0..800).map(|number| format!("h{number}.example")).collect::<Vec<_>>();
    let pki = TestPki::new().server_with_dns_names(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_fault(&run, "probe.server-cert.name-mismatch", &server.address(), "tls");
    let found = finding["evidence"]["found"].as_str().expect("text");
    assert!(found.starts_with("h0.example, ") && found.ends_with(", h9.example and 790 more"), "{found}");
}

#[test]
fn a_self_signed_server_is_of_an_unknown_issuer() {
    let pki = TestPki::new().server_self_signed();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_fault(&run, "probe.server-cert.unknown-issuer", &server.address(), "tls");
    assert_eq!(finding["evidence"]["found"], "it is self-signed");
    assert_eq!(finding["hint"], "pass `--ca` and a copy of this certificate");
    let pki = pki.trusting_the_server(true);
    assert_healthy(&probe(&server.address()).pki(&pki).json());
}

/// As plain `openssl req -x509` makes it: with this file as `--ca`, only Envoy Gateway accepts it.
#[test]
fn a_self_signed_ca_certificate_is_not_cured_by_trust() {
    let pki = TestPki::new().server_self_signed().server_is_ca();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_eq!(run.ids(), ["probe.server-cert.is-ca", "probe.server-cert.unknown-issuer"]);
    let hints = run.findings().iter().map(|finding| finding["hint"].as_str()).collect::<Option<Vec<_>>>();
    let hints = hints.expect("both have one");
    assert!(hints.iter().all(|hint| !hint.contains("--ca")), "{hints:?}");
    let makes = "`egext certs issue server --out server --san localhost --replace --dir ";
    assert!(hints[0].contains(makes), "{hints:?}");
}

/// Whether the server's CA is another one or a new one, the user sees by the names of both.
#[test]
fn another_ca_is_named_beside_ours() {
    let pki = TestPki::new().server_from_other_ca();
    let server = TestServer::mtls(&pki).spawn();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_fault(&run, "probe.server-cert.unknown-issuer", &server.address(), "tls");
    let [expected, found] = ["expected", "found"].map(|key| finding["evidence"][key].as_str());
    assert_eq!(expected, Some("a certificate of `egext test CA`"));
    assert_eq!(found, Some("issued by `another CA`"));
    let copies = |hint: &str| hint.contains("copy the new set (`ca.crt` and the client's files)");
    assert!(finding["hint"].as_str().is_some_and(copies), "{finding:#}");

    let pki = pki.without_client();
    let run = probe(&server.address()).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.unknown-issuer");
    assert!(!finding["hint"].as_str().is_some_and(copies), "no client certificate to replace: {finding:#}");
}

#[test]
fn a_foreign_client_ca_is_named_before_the_time_limit() {
    let pki = TestPki::new().client_from_other_ca();
    for manner in both_versions(&pki) {
        let server = manner.spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert_eq!(finding["evidence"]["expected"], "a certificate of `egext test CA`");
    }
}

#[test]
fn a_client_ca_that_was_made_anew_is_a_foreign_one() {
    let pki = TestPki::new().client_from_namesake_ca();
    for manner in both_versions(&pki) {
        let server = manner.spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert!(!finding.to_string().contains("access list"), "{finding:#}");
    }
}

#[test]
fn a_server_that_refuses_us_by_name_is_named_too() {
    let pki = TestPki::new();
    for manner in both_versions(&pki) {
        let server = manner.refuses_every_client().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert_eq!(finding["evidence"]["found"], "alert `access_denied`");
        assert_eq!(
            finding["message"],
            "the server accepts certificates of our CA, and rejected this one: access denied"
        );
        let sent = "our certificate `egext client` was issued by `egext test CA`, for egext-client";
        assert_eq!(finding["evidence"]["sent"], sent);
        assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("access list")), "{finding:#}");
    }
}

/// It named its CA when it asked, and that is not ours.
#[test]
fn a_server_that_refuses_in_silence_is_named_by_what_it_asked_for() {
    let pki = TestPki::new().client_from_other_ca();
    for manner in both_versions(&pki) {
        let server = manner.refuses_in_silence().spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        assert_eq!(finding["evidence"]["expected"], "a certificate of `egext test CA`");
        assert!(!run.stdout.contains("tcp://"), "it has spoken TLS: {}", run.stdout);
    }
}

/// C-core and Node.js send no alert. Another reason for a server to close just then is rare.
#[test]
fn a_server_that_closes_when_it_has_our_certificate_has_most_likely_rejected_it() {
    let pki = TestPki::new();
    for manner in [
        TestServer::mtls(&pki).refuses_in_silence(),
        TestServer::mtls(&pki).only_tls12().refuses_in_silence(),
        TestServer::mtls(&pki).closes(),
        TestServer::mtls(&pki).resets(),
    ] {
        let server = manner.spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
        let words =
            "the server closed the connection when it had our certificate: it most likely rejected it";
        assert_eq!(finding["message"], words);
        let [expected, sent] = ["expected", "sent"].map(|key| finding["evidence"][key].as_str());
        assert_eq!(expected, Some("a certificate of `egext test CA`"));
        assert_eq!(sent, Some("our certificate `egext client` was issued by `egext test CA`"));
    }
}

/// A handshake ends at the first fault, and a user would cure one after the other.
#[test]
fn every_fault_of_a_server_certificate_is_reported_and_the_cause_first() {
    let [expired, not_yet, name, no_san, purpose, issuer, is_ca] = [
        "probe.server-cert.expired",
        "probe.server-cert.not-yet-valid",
        "probe.server-cert.name-mismatch",
        "probe.server-cert.no-san",
        "probe.server-cert.wrong-purpose",
        "probe.server-cert.unknown-issuer",
        "probe.server-cert.is-ca",
    ];
    for (pki, ids) in [
        (
            TestPki::new().server_expired().server_for_other_name().server_with_client_usage(),
            vec![expired, purpose, name],
        ),
        (
            TestPki::new()
                .server_expired()
                .server_for_other_name()
                .server_with_client_usage()
                .server_from_other_ca(),
            vec![expired, purpose, name, issuer],
        ),
        (TestPki::new().server_self_signed().server_not_yet_valid(), vec![not_yet, issuer]),
        (TestPki::new().server_from_namesake_ca().server_without_san(), vec![issuer, no_san]),
        (TestPki::new().server_is_ca().server_for_other_name(), vec![is_ca, name]),
        (TestPki::new().server_expired().client_expired(), vec![expired, "probe.client-cert.expired"]),
    ] {
        for manner in [TestServer::mtls(&pki), TestServer::tls(&pki).only_tls12()] {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_eq!((run.exit_code, run.ids()), (1, ids.clone()), "{}", run.stdout);
            assert_eq!(run.json["targets"][0]["cause"], ids[0]);
            for finding in run.findings() {
                assert_eq!(
                    (&finding["subject"], &finding["severity"]),
                    (&json!(server.address()), &json!("error"))
                );
            }
            let run = probe(&server.address()).pki(&pki).run();
            assert_eq!(run.stdout.matches("  × ").count(), ids.len(), "{}", run.stdout);
        }
    }
}

/// A server whose key is of a kind that no hello of ours offers says no more than this.
#[test]
fn an_alert_about_the_offer_names_all_that_was_offered() {
    for (number, words) in
        [(40, "key exchange or kind of key"), (71, "key exchange or kind of key"), (70, "no TLS version in")]
    {
        let server = TestServer::plaintext().sends_alert(number).spawn();
        let run = probe(&server.tls_address()).pki(&TestPki::new()).json();
        let finding = assert_finding!(run, "probe.tls.version");
        assert!(finding["message"].as_str().is_some_and(|given| given.contains(words)), "{finding:#}");
        let shows_key = finding["hint"].as_str().is_some_and(|given| given.contains("openssl s_client"));
        assert_eq!(shows_key, number != 70, "{finding:#}");
    }
}

#[test]
fn every_defect_of_our_certificate_has_its_finding() {
    for (pki, id) in [
        (TestPki::new().client_expired(), "probe.client-cert.expired"),
        (TestPki::new().client_not_yet_valid(), "probe.client-cert.not-yet-valid"),
        (TestPki::new().client_with_server_usage(), "probe.client-cert.wrong-purpose"),
        (TestPki::new().without_client(), "probe.client-cert.required"),
    ] {
        for manner in both_versions(&pki) {
            let server = manner.spawn();
            let run = probe(&server.address()).pki(&pki).json();
            assert_fault(&run, id, &server.address(), "mtls");
        }
    }
}

#[test]
fn what_is_not_valid_yet_can_be_renewed_if_the_clocks_are_right() {
    for (pki, id, role) in [
        (TestPki::new().server_not_yet_valid(), "probe.server-cert.not-yet-valid", "server"),
        (TestPki::new().client_not_yet_valid(), "probe.client-cert.not-yet-valid", "client"),
    ] {
        let server = TestServer::mtls(&pki).spawn();
        let run = probe(&server.address()).pki(&pki).json();
        let finding = assert_finding!(run, id);
        let hint = finding["hint"].as_str().expect("text");
        let renews = format!("`egext certs renew --force --role {role} --dir ");
        let begins = hint.starts_with("compare the clocks (`date -u`) of ");
        assert!(
            begins && hint.contains("; if they agree, wait until then, or ") && hint.contains(&renews),
            "{hint}"
        );
        if role == "client" {
            let found =
                "alert `certificate_expired`, which servers also send if a certificate is not valid yet";
            assert_eq!(finding["evidence"]["found"], found);
        }
    }
}

#[test]
fn a_refusal_is_named_also_when_the_server_speaks_second() {
    let pki = TestPki::new().client_from_other_ca();
    let server = TestServer::mtls(&pki).waits_for_preface().spawn();
    let run = probe(&server.address()).pki(&pki).json();
    assert_fault(&run, "probe.client-cert.rejected", &server.address(), "mtls");
}

fn both_versions(pki: &TestPki) -> [Manner; 2] {
    [TestServer::mtls(pki), TestServer::mtls(pki).only_tls12()]
}

/// No certificate can have it.
#[test]
fn an_address_to_listen_on_is_told_from_one_to_connect_to() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let port = server.address().rsplit_once(':').expect("a port").1.to_owned();
    let run = crate::egext(["probe", &format!("0.0.0.0:{port}")]).pki(&pki).json();
    let finding = assert_finding!(run, "probe.server-cert.name-mismatch");
    assert_eq!(
        finding["hint"],
        "`0.0.0.0` is an address to listen on: connect to `localhost`, or as the server's clients do"
    );
}

#[test]
fn an_extension_that_no_verifier_knows_is_named() {
    let pki = TestPki::new().server_with_unknown_critical_extension();
    let server = TestServer::mtls(&pki).spawn();

    let run = probe(&server.address()).pki(&pki).json();

    let finding = assert_finding!(run, "probe.server-cert.refused");
    assert_eq!(finding["evidence"]["found"], "extension 1.3.6.1.4.1.32473.1 of `egext server`");
    let hint = "issue `egext server` again without the extension 1.3.6.1.4.1.32473.1, or with one that is not critical";
    assert_eq!(finding["hint"], hint);
}
