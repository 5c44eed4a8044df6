//! A certificate in the CA file that is not a CA's: its key must not sign for others.

use std::sync::Arc;

use egext_test_support::{TestPki, TestServer, assert_finding};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::egext;
use crate::fixture::{Call, Caller, Upstream, within_limit};

#[test]
fn a_leaf_in_the_ca_file_is_refused_by_all_that_accept_peers() {
    let pki = TestPki::new().trusting_the_server(false).forged_with_the_servers_key(true);
    let server = TestServer::mtls(&pki).spawn();
    let address = server.address();
    let ca = pki.ca().display().to_string();
    for run in [
        egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1"]),
        egext(["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", &address]),
        egext(["probe", &address, "--no-gateway", "--no-policy"]),
    ] {
        let run = run.pki(&pki).run();
        assert_eq!(run.exit_code, 2, "{}", run.stderr);
        let says = format!(
            "error: certificate 2 in `{ca}` (`egext server`) cannot be a trust anchor: it is the certificate of a client \
             or a server, not of a CA\n  hint: replace it by the certificate of its issuer, `egext test CA`: in a set, \
             that is `ca.crt`\n"
        );
        assert_eq!(run.stderr, says);
    }
    let run = egext(["certs", "check"]).pki(&pki).json();
    assert_finding!(run, "certs.leaf-as-ca", subject = ca, severity = "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_server_certificate_is_trusted_as_itself_only() {
    let pki = TestPki::new().server_self_signed().trusting_the_server(true);
    let run = egext(["certs", "check"]).pki(&pki).json();
    assert_finding!(run, "certs.leaf-as-ca", severity = "warning");
    let server = TestServer::mtls(&pki).spawn();
    let run = egext(["probe", &server.address(), "--no-gateway", "--no-policy"]).pki(&pki).json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    drop(server);

    // The bridge asks for clients of the same file.
    let upstream = Upstream::unix(Call::echo);
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    let mut bridge = egext(arguments).pki(&pki).start();
    let line = bridge.wait_for_line("bridge is up");
    let port =
        line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("the port");
    let address = format!("127.0.0.1:{port}");
    let pki = pki.forged_with_the_servers_key(true);
    let name = ServerName::try_from("localhost").expect("a name");
    let mut config = pki.client_config();
    config.dangerous().set_certificate_verifier(Arc::new(egext_test_support::AnyServer));
    let stream = TcpStream::connect(&address).await.expect("the bridge listens");
    let read = match within_limit(TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
        Ok(mut stream) => within_limit(stream.read(&mut [0])).await.map(drop),
        Err(error) => Err(error),
    };
    let error = read.expect_err("refused");
    assert!(error.to_string().contains("alert"), "{error}");
    bridge.wait_for_line("TLS handshake failed");

    // And a server that shows a certificate which the pinned key has signed is a stranger.
    let pki = pki.forged_with_the_servers_key(false);
    let server = TestServer::mtls(&pki).spawn();
    let run = egext(["probe", &server.address(), "--no-gateway", "--no-policy"]).pki(&pki).json();
    assert_finding!(run, "probe.server-cert.unknown-issuer");
    assert_eq!(run.exit_code, 1);
}

/// Both sides show the same self-signed certificate, each knows it of the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_client_certificate_is_let_in() {
    let pki = TestPki::new().client_self_signed();
    let pinned = std::fs::read(pki.client_certificate()).expect("PEM");
    let directory = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let both = [std::fs::read(directory.ca()).expect("PEM"), pinned].concat();
    let ca = directory.directory().join("clients.crt");
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    std::fs::write(&ca, both).expect("written");
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    let mut bridge = egext(arguments).pki(&directory).arg("--ca").arg(&ca).start();
    let line = bridge.wait_for_line("bridge is up");
    let port =
        line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("the port");
    for config in [pki.client_config(), directory.client_config()] {
        let mut config = config;
        config.dangerous().set_certificate_verifier(Arc::new(egext_test_support::AnyServer));
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.expect("the bridge listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = within_limit(TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
        let caller = Caller::over(stream.expect("let in")).await;
        assert_eq!(caller.hook().await.code(), 0);
    }
}
