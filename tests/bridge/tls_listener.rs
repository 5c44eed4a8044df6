//! The reverse: mutual TLS in front of a server that has none.

use std::sync::Arc;

use egext_test_support::{Egext, Running, TestPki};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixture::{Call, Caller, Upstream, within_limit};
use crate::{egext, script};

/// A bridge that listens with TLS.
pub struct Front {
    pub running: Running,
    port: u16,
}

impl Front {
    pub fn start(pki: &TestPki, upstream: &Upstream) -> Self {
        let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
        Self::run(egext(arguments).pki(pki))
    }

    /// With more flags.
    pub fn start_with(flags: &[&str], pki: &TestPki, upstream: &Upstream) -> Self {
        let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
        Self::run(egext(arguments).pki(pki).args(flags))
    }

    /// As `egext probe` takes it.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// With so many descriptors.
    pub fn start_with_descriptors(number: u32, pki: &TestPki, upstream: &Upstream) -> Self {
        let line = format!(r#"ulimit -n {number}; exec "$0" "$@""#);
        let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
        Self::run(script(&line).args(arguments).pki(pki))
    }

    /// Any run that listens at `127.0.0.1`.
    pub fn run(egext: Egext) -> Self {
        let mut running = egext.start();
        let line = running.wait_for_line("bridge is up");
        let port = line.split("127.0.0.1:").nth(1).expect("the address").split_whitespace().next();
        let port = port.expect("the port").parse().expect("a number");
        Self { running, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("the bridge listens")
    }

    pub async fn handshake(&self, config: rustls::ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        within_limit(connector.connect(name, self.connect().await)).await
    }
}

/// What a client has that never heard of client certificates.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_a_certificate_is_served() {
    let pki = TestPki::new();
    let (sent, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::unix(move |call: Call| {
        sent.send(call.request.uri().to_string()).expect("the test listens");
        call.echo()
    });
    let front = Front::start(&pki, &upstream);
    let stream = front.handshake(pki.client_config()).await.expect("let in");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let caller = Caller::over(stream).await;
    assert_eq!(caller.hook().await.code(), 0);
    assert!(seen.recv().await.expect("the call").starts_with("http://localhost/"));
}

/// As Envoy without `alpn_protocols`, or `openssl s_client` without `-alpn`.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_ask_for_http2_is_told_of() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start(&pki, &upstream);
    let mut silent = pki.client_config();
    silent.alpn_protocols.clear();
    let mut stream = front.handshake(silent).await.expect("let in");
    assert_eq!(within_limit(stream.read(&mut [0])).await.unwrap_or_default(), 0);
    let line = front.running.wait_for_line("TLS handshake failed");
    assert!(line.contains("the client did not ask for `h2` by ALPN"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_good_certificate_is_not() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let mut front = Front::start(&pki, &upstream);
    let stranger = TestPki::new().client_from_other_ca();
    let mut without = pki.client_config();
    without.client_auth_cert_resolver = Arc::new(NoCertificate);
    let mut foreign = pki.client_config();
    foreign.client_auth_cert_resolver = stranger.client_config().client_auth_cert_resolver;
    for config in [without, foreign] {
        // In TLS 1.3 the refusal comes after our side of the handshake.
        let read = match front.handshake(config).await {
            Ok(mut stream) => within_limit(stream.read(&mut [0])).await.map(drop),
            Err(error) => Err(error),
        };
        let error = read.expect_err("refused");
        assert!(error.to_string().contains("alert"), "{error}");
    }
    let line = front.running.wait_for_line("TLS handshake failed");
    assert!(line.contains("the client presents no certificate"), "{line}");
    assert_eq!(upstream.calls(), 0);
    let (code, log) = front.running.terminate();
    assert_eq!((code, log.matches("WARN").count()), (0, 2), "{log}");
    assert!(log.contains("the client presents no certificate, from 127.0.0.1"), "{log}");
    assert!(log.contains("the client's certificate was not issued by a CA that we trust, from"), "{log}");
}

/// No peer would say why.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_every_peer_refuses_is_told_at_the_start() {
    for (pki, id, role) in [
        (TestPki::new().server_expired(), "certs.expired", "server"),
        (TestPki::new().server_not_yet_valid(), "certs.not-yet-valid", "server"),
        (TestPki::new().server_with_client_usage(), "certs.wrong-purpose", "server"),
        (TestPki::new().server_is_ca(), "certs.is-ca", "server"),
        (TestPki::new().client_expired(), "certs.expired", "client"),
        (TestPki::new().client_with_server_usage(), "certs.wrong-purpose", "client"),
    ] {
        let run = match role {
            "server" => egext(["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1"]),
            _ => egext(["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", "localhost:1"]),
        };
        let mut running = run.pki(&pki).start();
        let line = running.wait_for_line(id);
        assert!(line.contains(&format!("{role}.crt")) && line.contains("hint="), "{line}");
        assert_eq!(running.terminate().0, 0);
    }
}

/// As `-q` says of every command.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_bridge_logs_warnings_only() {
    for (flags, said) in [(&["-q"][..], false), (&["-q", "--log-level", "INFO"], true), (&[], true)] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("eg.sock");
        let listen = format!("unix:{}", socket.display());
        let run = egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1"]).args(flags);
        let mut running = run.start();
        running.wait_for_socket(&socket);
        let (code, log) = running.terminate();
        assert_eq!((code, log.contains("bridge is up")), (0, said), "{flags:?}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_and_noisy_strangers_hinder_nobody() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = Front::start(&pki, &upstream);
    let mut strangers = Vec::new();
    for number in 0..200 {
        let mut stream = front.connect().await;
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        }
        strangers.push(stream);
    }
    let stream = front.handshake(pki.client_config()).await.expect("let in");
    assert_eq!(Caller::over(stream).await.hook().await.code(), 0);
    drop(strangers);
}

/// Somebody who never finishes the handshake has no call under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stranger_does_not_hold_up_the_end() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = Front::start(&pki, &upstream);
    let _silent = front.connect().await;
    // Its handshake comes after the stranger was accepted.
    let stream = front.handshake(pki.client_config()).await.expect("let in");
    assert_eq!(Caller::over(stream).await.hook().await.code(), 0);
    let (code, log) = front.running.terminate();
    assert_eq!(code, 0, "{log}");
    // It was not waited for until its handshake had failed.
    let (_, end) = log.split_once("stopping").expect("the order is told");
    assert!(!end.contains("TLS handshake failed"), "{log}");
    assert!(!log.contains("bridge.drain.cut"), "{log}");
}
