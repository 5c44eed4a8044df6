//! `--max-connections`: who is served, who is not, and what the log says about it.

use std::sync::Arc;

use egext_test_support::TestPki;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fixture::{Bridge, Call, Caller, Upstream, within_limit};
use crate::script;
use crate::tls_listener::Front;

/// Begins HTTP/2 on all `streams`, the last one first: when it is served, the others have been accepted as well.
async fn served<S>(streams: Vec<S>) -> Vec<Caller>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut callers = Vec::new();
    for stream in streams.into_iter().rev() {
        callers.push(Caller::over(stream).await);
    }
    for caller in &callers {
        assert_eq!(caller.hook().await.code(), 0);
    }
    callers
}

async fn is_closed(mut stream: impl AsyncRead + Unpin) {
    let read = within_limit(stream.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok_and(|length| length == 0), "closed, without a word");
}

fn number_open(number: usize) -> String {
    if number == 1 { "1 connection is open".to_owned() } else { format!("{number} connections are open") }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_connections_on_a_unix_socket_and_no_more() {
    let upstream = Upstream::unix(Call::echo);
    for limit in 1..=3 {
        let plan = Bridge::plaintext(upstream.address());
        let mut bridge = plan.flag("--max-connections", limit.to_string()).start();
        let mut streams = Vec::new();
        for _ in 0..limit {
            streams.push(bridge.connect().await);
        }
        let mut callers = served(streams).await;
        is_closed(bridge.connect().await).await;
        let line = bridge.running.wait_for_line("too many are open");
        assert!(line.contains(&number_open(limit)), "{line}");
        assert!(line.contains("`--max-connections`") && !line.contains("ulimit"), "{line}");
        callers.pop().expect("at least one").disconnect().await;
        // The bridge sees the end of that one at some time.
        within_limit(async {
            while bridge.connect().await.read(&mut [0; 1]).await.is_ok_and(|read| read == 0) {}
        })
        .await;
        for caller in callers {
            assert_eq!(caller.hook().await.code(), 0);
        }
    }
}

/// All callers of a host have the same loopback address.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_connections_from_this_machine_and_no_more() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    for limit in 1..=3 {
        let number = limit.to_string();
        let mut front = Front::start_with(&["--max-connections", &number], &pki, &upstream);
        let mut silent = Vec::new();
        for _ in 0..limit {
            silent.push(front.connect().await);
        }
        let mut secured = Vec::new();
        for stream in silent.into_iter().rev() {
            secured.push(handshake(&pki, stream).await.expect("none is closed for another one"));
        }
        let _callers = served(secured).await;
        is_closed(front.connect().await).await;
        let line = front.running.wait_for_line("too many are open");
        assert!(line.contains(&number_open(limit)) && line.contains("`--max-connections`"), "{line}");
    }
}

async fn handshake(
    pki: &TestPki,
    stream: TcpStream,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    within_limit(TlsConnector::from(Arc::new(pki.client_config())).connect(name, stream)).await
}

/// With so many descriptors.
fn limited(descriptors: u32, upstream: &Upstream, pki: &TestPki, flags: &[&str]) -> Front {
    let line = format!(r#"ulimit -n {descriptors}; exec "$0" "$@""#);
    let arguments = ["bridge", "--listen", "tls://127.0.0.1:0", "--upstream", upstream.address()];
    Front::run(script(&line).args(arguments).args(flags).pki(pki))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn too_few_descriptors_are_told_at_the_start_and_when_they_matter() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let mut front = limited(80, &upstream, &pki, &[]);
    let line = front.running.wait_for_line("WARN");
    assert!(line.contains("at most 40 connections") && line.contains("80 files"), "{line}");
    for cure in ["`LimitNOFILE=4224`", "`ulimit -n 4224`", "`--max-connections 40`"] {
        assert!(line.contains(cure), "{cure}: {line}");
    }
    let mut secured = Vec::new();
    for _ in 0..40 {
        secured.push(front.handshake(pki.client_config()).await.expect("let in"));
    }
    let _callers = served(secured).await;
    is_closed(front.connect().await).await;
    let line = front.running.wait_for_line("too many are open");
    assert!(line.contains("40 connections are open"), "{line}");
    assert!(line.contains("`LimitNOFILE=`") && line.contains("`ulimit -n`"), "{line}");
    assert!(!line.contains("--max-connections"), "{line}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_connections_as_descriptors_allow_are_worth_no_warning() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    let front = limited(80, &upstream, &pki, &["--max-connections", "40"]);
    let (code, log) = front.running.terminate();
    assert!(code == 0 && !log.contains("WARN"), "{log}");
}
