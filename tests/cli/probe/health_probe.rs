//! `--compat grpc-health-probe`: every flag of its release 0.4.57, its exit codes, and the words that scripts look for.

use egext_test_support::{Egext, ReservedPort, Run, TestPki, TestServer};

use crate::{egext, script};

/// With its flags behind ours.
fn compat<const N: usize>(flags: [&str; N]) -> Egext {
    egext(["probe", "--compat", "grpc-health-probe"]).args(flags)
}

fn assert_said(run: &Run, exit_code: i32, words: &str) {
    assert_eq!((run.exit_code, &*run.stdout), (exit_code, ""), "{run:?}");
    assert!(run.stderr.contains(words), "no `{words}` in {run:?}");
}

/// `host:port` of a plaintext server.
fn target(server: &TestServer) -> String {
    format!("127.0.0.1:{}", server.port())
}

#[test]
fn a_serving_server_is_told_in_its_words_in_every_form_of_its_flags() {
    let server = TestServer::plaintext().spawn();
    let address = target(&server);
    let (equals, target) = (format!("-addr={address}"), format!("--addr=dns:///{address}"));
    let (upper, odd) = (format!("DNS:///{address}?x=1"), format!("dns:{address}#f"));
    let (local, passed) = (format!(":{}", server.port()), format!("passthrough:///{address}"));
    for flags in [
        &["-addr", &address][..],
        &["--addr", &address],
        &[&equals],
        &[&target],
        &["-addr", &upper],
        &["-addr", &odd],
        &["-addr", &local],
        &["-addr", &passed],
        &["-addr", "unused:1", "-addr", &address],
        &[&equals, "-tls=false", "-spiffe=F", "-alts=0", "-gzip=false", "-v=False"],
        &[&equals, "-connect-timeout", "1m30s", "-rpc-timeout=1h"],
        &[&equals, "--", "-no-such-flag"],
        &[&equals, "word", "-no-such-flag"],
    ] {
        let run = egext(["probe", "--compat=grpc_health_probe"]).args(flags).run();
        assert_said(&run, 0, "status: SERVING\n");
        assert_eq!(run.stderr, "status: SERVING\n", "{flags:?}");
    }
    let quiet = egext(["probe", "-q", "--compat", "grpc-health-probe", &equals]).run();
    assert_eq!((quiet.exit_code, &*quiet.stdout, &*quiet.stderr), (0, "", ""));
}

#[test]
fn tls_on_a_socket_is_spoken_under_the_name_that_is_asked_for() {
    let pki = TestPki::new().server("server.example");
    let server = TestServer::tls(&pki).on_a_socket().spawn();
    let (target, ca) = (format!("-addr={}", server.address()), pki.ca().display().to_string());
    let flags = [&*target, "-connect-timeout=60s", "-rpc-timeout=60s", "-tls", "-tls-ca-cert", &ca];
    let run = compat(flags).args(["-tls-server-name", "server.example"]).run();
    assert_said(&run, 0, "status: SERVING\n");
    let run = compat(flags).run();
    assert_said(&run, 2, "(probe.server-cert.name-mismatch)");
}

#[test]
fn more_session_tickets_than_go_takes_end_the_connection() {
    let pki = TestPki::new();
    let ca = pki.ca().display().to_string();
    for (tickets, exit_code, words) in
        [(16, 0, "status: SERVING"), (17, 2, "(probe.gateway.too-many-tickets)")]
    {
        let server = TestServer::tls(&pki).sends_tickets(tickets).spawn();
        for verified in [["-tls-ca-cert", &*ca].as_slice(), &["-tls-no-verify"]] {
            let run =
                compat(["-addr", &server.address(), "-connect-timeout=60s", "-tls"]).args(verified).run();
            assert_said(&run, exit_code, words);
        }
    }
}

#[test]
fn the_binary_by_its_name_is_a_replacement() {
    let server = TestServer::plaintext().spawn();
    for name in ["grpc_health_probe", "grpc-health-probe"] {
        let replaced = format!(r#"ln -s "$0" {name} && exec ./{name} "$@""#);
        let run = script("sh", &replaced).args(["-addr", &target(&server), "-service", "x"]).run();
        assert_said(&run, 3, "error: health rpc failed: ");
        let run = script("sh", &replaced).args(["-addr", &target(&server)]).run();
        assert_said(&run, 0, "status: SERVING\n");
    }
}

#[test]
fn unix_sockets_are_targets() {
    let server = TestServer::unix().spawn();
    for prefix in ["unix:", "unix://"] {
        let run = compat(["-addr", &format!("{prefix}{}", server.socket().display())]).run();
        assert_said(&run, 0, "status: SERVING\n");
    }
}

/// As its own tests have them, in its order.
#[test]
fn wrong_arguments_are_refused_in_one_line_with_exit_code_1() {
    for (flags, words) in [
        ("", "-addr not specified"),
        ("-addr=", "-addr not specified"),
        ("-addr x:1 -connect-timeout 0", "-connect-timeout must be greater than zero (specified: 0s)"),
        ("-addr x:1 -rpc-timeout -1s", "-rpc-timeout must be greater than zero (specified: -1s)"),
        ("-addr x:1 -tls-no-verify", "specified -tls-no-verify without specifying -tls"),
        ("-addr x:1 -tls-ca-cert ca.pem", "specified -tls-ca-cert without specifying -tls"),
        ("-addr x:1 -tls-client-cert c.pem", "specified -tls-client-cert without specifying -tls"),
        ("-addr x:1 -tls-server-name n", "specified -tls-server-name without specifying -tls"),
        (
            "-addr x:1 -tls -tls-client-cert c",
            "specified -tls-client-cert without specifying -tls-client-key",
        ),
        ("-addr x:1 -tls -tls-client-key k", "specified -tls-client-key without specifying -tls-client-cert"),
        ("-addr x:1 -tls -tls-no-verify -tls-ca-cert c", "cannot specify -tls-ca-cert with -tls-no-verify"),
        (
            "-addr x:1 -tls -tls-no-verify -tls-server-name n",
            "cannot specify -tls-server-name with -tls-no-verify",
        ),
        ("-addr x:1 -alts -spiffe", "-alts and -spiffe are mutually incompatible"),
        ("-addr x:1 -tls -alts", "cannot specify -tls with -alts"),
        ("-addr x:1 -tls -spiffe", "-tls and -spiffe are mutually incompatible"),
        ("-addr x:1 -rpc-header novalue", "invalid RPC header"),
        ("-addr x:1 -rpc-header =:", "invalid RPC header"),
        ("-addr x:1 -rpc-header a:\u{f6}", "invalid RPC header"),
        ("-addr x:1 -rpc-header connection:close", "invalid RPC header"),
        ("-addr x:1 -no-such-flag", "flag provided but not defined: -no-such-flag"),
        ("-addr", "flag needs an argument: -addr"),
        ("---addr x:1", "bad flag syntax: ---addr"),
        ("-=x", "bad flag syntax: -=x"),
        ("-addr x:1 -tls=maybe", "invalid boolean value \"maybe\" for -tls: parse error"),
        ("-addr x:1 -rpc-timeout 5", "invalid value \"5\" for flag -rpc-timeout: parse error"),
        ("-addr x:1 -tls -tls-ca-cert nowhere.crt", "failed to initialize tls credentials. error="),
        (
            "-addr x:1 -tls -tls-client-cert nowhere -tls-client-key k",
            "failed to initialize tls credentials.",
        ),
    ] {
        let run = egext(["probe", "--compat", "grpc-health-probe"]).args(flags.split_whitespace()).run();
        assert_said(&run, 1, words);
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
}

/// Its author's handshaker is refused anywhere else, and then the whole time is over.
#[test]
fn alts_is_refused_at_once_with_its_exit_code() {
    let run = compat(["-addr", "x:1", "-alts", "-connect-timeout=1h", "-v"]).run();
    assert_said(&run, 2, "\n> tls=false\n> alts=true\n> spiffe=false\nestablishing connection\n");
    let words = "error: failed to connect service at \"x:1\": ALTS works only between machines of Google Cloud, and egext \
                 does not speak it\n";
    assert!(run.stderr.ends_with(words), "{run:?}");
}

#[test]
fn help_and_version_have_its_exit_codes() {
    for flag in ["-h", "-help", "--help"] {
        let run = compat([flag]).run();
        assert_said(&run, 1, "Usage:\n");
        for name in [
            "addr",
            "alts",
            "connect-timeout",
            "gzip",
            "rpc-header",
            "rpc-timeout",
            "service",
            "spiffe",
            "tls",
            "tls-ca-cert",
            "tls-client-cert",
            "tls-client-key",
            "tls-no-verify",
            "tls-server-name",
            "user-agent",
            "v",
            "version",
        ] {
            let is_there = run
                .stderr
                .lines()
                .any(|line| line.trim_start().split(' ').next() == Some(&format!("-{name}")));
            assert!(is_there, "no -{name} in {}", run.stderr);
        }
    }
    let run = compat(["-version"]).run();
    assert_eq!(run.exit_code, 0);
    assert!(run.stdout.contains("grpc_health_probe 0.4.57"), "{run:?}");
}

#[test]
fn no_connection_is_exit_code_2_with_the_cause() {
    let port = ReservedPort::new();
    let run = compat(["-addr", &format!("127.0.0.1:{}", port.port()), "-connect-timeout=300ms"]).run();
    assert_said(&run, 2, "timeout: failed to connect service \"127.0.0.1:");
    assert_said(
        &run,
        2,
        "\" within 300ms: connection refused: nothing listens there (probe.connect.refused)\n",
    );
    let silent = TestServer::plaintext().hangs().spawn();
    let run = compat(["-addr", &target(&silent), "-connect-timeout", "400ms"]).run();
    assert_said(&run, 2, "timeout: failed to connect service");
    for wrong in ["localhost", "http://localhost:1", "tcp://localhost:1"] {
        assert_said(&compat(["-addr", wrong]).run(), 2, "error: failed to connect service at");
    }
}

/// What cannot change by itself is told at once: its author would wait for `-connect-timeout`.
#[test]
fn a_cause_in_tls_is_named_at_once() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let ca = pki.ca().display().to_string();
    let address = server.tls_address();
    for (flags, id) in [
        (&["-addr", &address, "-tls", "-tls-ca-cert", &ca][..], "probe.client-cert.required"),
        (&["-addr", &address, "-tls"], "probe.server-cert."),
        (&["-addr", &address], "probe.http2."),
        (
            &["-addr", &address, "-tls", "-tls-ca-cert", &ca, "-tls-server-name", "other.test"],
            "name-mismatch",
        ),
    ] {
        let run = egext(["probe", "--compat", "grpc-health-probe", "-connect-timeout=1h"])
            .args(flags)
            .env("SSL_CERT_FILE", TestPki::new().ca())
            .run();
        assert_said(&run, 2, "error: failed to connect service at \"localhost:");
        assert!(run.stderr.contains(id), "no {id} in {run:?}");
    }
}

#[test]
fn tls_with_each_of_its_flags() {
    let pki = TestPki::new();
    let [ca, certificate, key] =
        [pki.ca(), pki.client_certificate(), pki.client_key()].map(|path| path.display().to_string());
    let server = TestServer::mtls(&pki).spawn();
    let ours = ["-tls", "-tls-client-cert", &certificate, "-tls-client-key", &key];
    for flags in [
        &["-tls-ca-cert", &ca][..],
        &["-tls-no-verify"],
        &["-tls-ca-cert", &ca, "-tls-server-name", "localhost"],
    ] {
        let run = compat(["-addr", &server.tls_address()]).args(ours).args(flags).run();
        assert_said(&run, 0, "status: SERVING\n");
    }
    // The CAs of the system.
    let run = compat(["-addr", &server.tls_address()]).args(ours).env("SSL_CERT_FILE", &ca).run();
    assert_said(&run, 0, "status: SERVING\n");
    // A server that looks at no certificate may see one that has expired.
    let old = TestPki::new().client_expired();
    let [ca, certificate, key] =
        [old.ca(), old.client_certificate(), old.client_key()].map(|path| path.display().to_string());
    let server = TestServer::tls(&old).spawn();
    let run = compat(["-addr", &server.tls_address(), "-tls", "-tls-ca-cert", &ca])
        .args(["-tls-client-cert", &certificate, "-tls-client-key", &key])
        .run();
    assert_said(&run, 0, "status: SERVING\n");
}

/// As its author's library has it: Go looks at the dates and the purposes of a root.
#[test]
fn a_root_that_go_rejects_proves_no_server() {
    for (pki, words) in [
        (TestPki::new().ca_expired(), "x509: certificate has expired or is not yet valid: current time "),
        (TestPki::new().ca_for_clients(), "x509: certificate specifies an incompatible key usage"),
    ] {
        let server = TestServer::tls(&pki).spawn();
        let ca = pki.ca().display().to_string();
        let flags = ["-addr", &server.tls_address(), "-connect-timeout=1h", "-tls", "-tls-ca-cert", &ca];
        let run = compat(flags).run();
        assert_said(&run, 2, "error: failed to connect service at \"localhost:");
        assert_said(&run, 2, &format!(": Go rejects the server's certificate `egext server`: {words}"));
        assert_said(&run, 2, " (probe.server-cert.refused)\n");
        // The roots of the system are judged in the same way, and without verification there is no verdict.
        let run = compat(["-addr", &server.tls_address(), "-tls"]).env("SSL_CERT_FILE", &ca).run();
        assert_said(&run, 2, words);
        let run = compat(["-addr", &server.tls_address(), "-tls", "-tls-no-verify"]).run();
        assert_said(&run, 0, "status: SERVING\n");
    }
}

#[test]
fn a_call_that_fails_is_exit_code_3_and_a_bad_answer_4() {
    let server = TestServer::plaintext().not_serving().spawn();
    let run = compat(["-addr", &target(&server)]).run();
    assert_eq!((run.exit_code, &*run.stderr), (4, "service unhealthy (responded with \"NOT_SERVING\")\n"));
    let named =
        compat(["-addr", &target(&server), "-service=envoygateway.extension.EnvoyGatewayExtension"]).run();
    assert_said(&named, 0, "status: SERVING\n");
    let unknown = compat(["-addr", &target(&server), "-service", "nobody.Knows"]).run();
    assert_said(
        &unknown,
        3,
        "error: health rpc failed: the server's health service does not know `nobody.Knows`",
    );
    let server = TestServer::plaintext().without_health().spawn();
    let run = compat(["-addr", &target(&server)]).run();
    assert_said(
        &run,
        3,
        "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)",
    );
    let server = TestServer::plaintext().never_answers().spawn();
    let run = compat(["-addr", &target(&server), "-connect-timeout=1h", "-rpc-timeout", "300ms"]).run();
    let words = "timeout: health rpc did not complete within 300ms (probe.grpc.timeout)\n";
    assert_eq!((run.exit_code, &*run.stderr), (3, words));
    for server in [TestServer::plaintext().cuts_during_call(), TestServer::plaintext().answers_html()] {
        let server = server.spawn();
        assert_said(
            &compat(["-addr", &target(&server), "-rpc-timeout=1h"]).run(),
            3,
            "error: health rpc failed: ",
        );
    }
}

#[test]
fn metadata_and_the_name_of_the_client_are_sent_and_no_value_is_printed() {
    let server = TestServer::plaintext().spawn();
    let run = compat(["-addr", &target(&server), "-rpc-header", "foo: bar", "--rpc-header=Foo:s3cret"])
        .args(["-user-agent", "tests/1", "-v"])
        .run();
    assert_said(&run, 0, "status: SERVING\n");
    assert_eq!(server.headers("foo"), [["bar", "s3cret"]]);
    assert!(server.headers("user-agent")[0][0].starts_with("tests/1 "), "{:?}", server.headers("user-agent"));
    assert!(!run.stderr.contains("s3cret"), "{run:?}");
    // Text may be behind a name of octets, and is sent as they are.
    compat(["-addr", &target(&server), "-rpc-header", "trace-bin: ab c"]).run();
    assert_eq!(server.headers("trace-bin").last(), Some(&vec!["YWIgYw".to_owned()]));
    compat(["-addr", &target(&server)]).run();
    assert!(server.headers("user-agent")[2][0].starts_with("grpc_health_probe "));
}

#[test]
fn gzip_is_for_both_directions() {
    let server = TestServer::plaintext().spawn();
    let run = compat([
        "-addr",
        &target(&server),
        "-gzip",
        "-service",
        "envoygateway.extension.EnvoyGatewayExtension",
    ])
    .run();
    assert_said(&run, 0, "status: SERVING\n");
    assert_eq!(server.headers("grpc-encoding"), [["gzip"]]);
    assert_eq!(server.headers("grpc-accept-encoding"), [["gzip"]]);
}

#[test]
fn verbose_tells_what_is_done() {
    let server = TestServer::plaintext().spawn();
    let run = compat(["-addr", &target(&server), "-v"]).run();
    assert_eq!(run.exit_code, 0);
    for words in [
        "parsed options:\n> addr=127.0.0.1:",
        " conn_timeout=1s rpc_timeout=1s\n> tls=false\n",
        "\nestablishing connection\n",
        "\nconnection established (took ",
        "\ntime elapsed: connect=",
        " rpc=",
        "\nstatus: SERVING\n",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {run:?}");
    }
}

/// A server that is starting is found, as by its author.
#[test]
fn the_connect_timeout_is_used_for_a_server_that_starts() {
    let port = ReservedPort::new();
    let address = format!("127.0.0.1:{}", port.port());
    let mut running = compat(["-addr", &address, "-connect-timeout", "1h", "-v"]).start();
    running.wait_for_line("establishing connection");
    let _server = port.spawn(TestServer::plaintext());
    let (code, stderr) = running.finish();
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.ends_with("status: SERVING\n"), "{stderr}");
}

#[test]
fn the_flag_comes_first() {
    let run = egext(["probe", "localhost:1", "--compat", "grpc-health-probe"]).run();
    assert_eq!(run.exit_code, 2);
    assert!(run.stderr.starts_with("error: `--compat` must come first"), "{run:?}");
}
