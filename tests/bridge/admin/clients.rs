//! The HTTP side: what is answered, to whom, and who is cut off.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use egext_test_support::{LIMIT, ReservedPort};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::openmetrics::Metrics;
use crate::egext;
use crate::fixture::{Admin, Bridge, Call, PAUSE, Upstream, within_limit};

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_and_nothing_is_kept_or_embedded() {
    let upstream = Upstream::unix(Call::echo);
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    admin.wait_for("/readyz", |reply| reply.code == 200).await;
    for (path, form) in [
        ("/", "text/html; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/status", "application/json"),
    ] {
        let reply = admin.get(path).await;
        assert_eq!(reply.code, 200, "{path}: {reply:?}");
        assert_eq!(reply.header("content-type"), form, "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("connection"), "close", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        let length = reply.body.len().to_string();
        assert_eq!(reply.header("content-length"), length, "{path}");
        let head = admin.raw(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert_eq!((head.code, head.body.as_str()), (200, ""), "{path}");
        // Without `Host`, as only HTTP/1.0 allows it.
        assert_eq!(admin.raw(&format!("GET {path} HTTP/1.0\r\n\r\n")).await.code, 200, "{path}");
    }
    let old = admin.with("/metrics", "Accept: text/plain;version=0.0.4\r\n").await;
    assert_eq!(old.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(!old.body.contains("# EOF") && old.body.contains("egext_bridge_ready 1"), "{}", old.body);
    let scrape = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";
    Metrics::parse(&admin.with("/metrics", scrape).await.body);
    let json = admin.with("/readyz", "Accept: application/json\r\n").await;
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.body.contains("\"ready\": true"), "{}", json.body);
    drop(bridge);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_read_only_and_says_what_there_is() {
    let upstream = Upstream::unix(Call::echo);
    let (_bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUITQUITQUIT"] {
        let reply = admin.raw(&format!("{method} /status HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert_eq!((reply.code, reply.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    for path in ["/nothing", "/status/", "//", "/../etc/passwd", "/%00", "*"] {
        let reply = admin.get(path).await;
        assert_eq!(reply.code, 404, "{path}: {reply:?}");
        for known in ["/healthz", "/metrics", "/readyz", "/status"] {
            assert!(reply.body.contains(known), "{path}: {}", reply.body);
        }
    }
    assert_eq!(admin.get("/healthz?verbose=1").await.code, 200);
}

/// A page of another site may make a browser ask here, under the name of that site.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_port_requests_for_other_hosts_are_refused() {
    let upstream = Upstream::unix(Call::echo);
    let mut bridge = Bridge::plaintext(upstream.address()).flag("--admin", "127.0.0.1:0").start();
    let line = bridge.running.wait_for_line("admin server is up");
    let port = line.rsplit_once(':').expect("an address").1.trim().parse().expect("a port");
    let admin = Admin::Port(port);
    for (host, expected) in [
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]:9000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
    ] {
        let reply = admin.raw(&format!("GET /status HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(reply.code, expected, "{host}: {reply:?}");
        assert_eq!(reply.body.contains("egext.bridge-status"), expected == 200, "{host}");
    }
    let absolute = "GET http://evil.example/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(admin.raw(absolute).await.code, 421);
}

/// The thread that resolves a name ends before the sandbox begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_as_its_address_costs_no_warning() {
    let upstream = Upstream::unix(Call::echo);
    let mut bridge = Bridge::plaintext(upstream.address()).flag("--admin", "localhost:0").start();
    bridge.running.wait_for_line("admin server is up");
    let (code, log) = bridge.running.terminate();
    assert!(code == 0 && !log.contains("WARN"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_socket_is_for_its_user_and_goes_with_it() {
    let upstream = Upstream::unix(Call::echo);
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let Admin::Socket(path) = &admin else { panic!("a socket") };
    let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_keeps_no_socket_behind() {
    let upstream = Upstream::unix(Call::echo);
    let port = ReservedPort::new();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("eg.sock");
    let listen = format!("unix:{}", socket.display());
    let taken = port.tcp_address();
    let run =
        egext(["bridge", "--listen", &listen, "--upstream", upstream.address(), "--admin", &taken]).run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(run.stderr.contains("another process listens on"), "{}", run.stderr);
    assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 0, "nothing is left");
}

/// All at once: each is cut off, and a client that behaves is answered meanwhile or soon after.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_waste_its_time_are_cut_off() {
    let upstream = Upstream::unix(Call::echo);
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let begin = Instant::now();
    let silent = async {
        let mut streams = Vec::new();
        for _ in 0..40 {
            streams.push(admin.connect().await);
        }
        for mut stream in streams {
            let mut octets = Vec::new();
            let _ = within_limit(stream.read_to_end(&mut octets)).await;
        }
    };
    let slow = async {
        let mut stream = admin.connect().await;
        // Fails when it was cut off, which is what is waited for.
        while stream.write_all(b"G").await.is_ok() {
            tokio::time::sleep(PAUSE).await;
            assert!(begin.elapsed() < LIMIT, "it is never cut off");
        }
    };
    let honest = async {
        // On a busy machine its request may come too late to keep its place.
        while !admin.octets(HEALTH).await.starts_with("HTTP/1.1 200 ") {
            assert!(begin.elapsed() < LIMIT, "it is never answered");
        }
        // Calls do not notice.
        assert_eq!(bridge.caller().await.hook().await.code(), 0);
    };
    tokio::join!(silent, slow, honest);
    assert_eq!(admin.get("/healthz").await.code, 200);
}

/// A scraper gives up after some seconds, and a silent client has as many.
#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_do_not_keep_a_scraper_waiting() {
    let upstream = Upstream::unix(Call::echo);
    let (_bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let mut shortest = LIMIT;
    // A machine that is busy for a moment is given another chance.
    for _ in 0..5 {
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(admin.connect().await);
        }
        let begin = Instant::now();
        assert_eq!(admin.get("/metrics").await.code, 200);
        shortest = shortest.min(begin.elapsed());
        // The oldest ones had to go, and nothing was said to them.
        let mut octets = Vec::new();
        let ended = within_limit(silent[0].read_to_end(&mut octets)).await;
        assert!(ended.is_ok_and(|length| length == 0), "{octets:?}");
        if shortest < Duration::from_secs(3) {
            return;
        }
    }
    panic!("a scraper waits for {shortest:?}");
}

/// A request that has begun to arrive counts more than connections on which nothing was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_the_middle_of_its_request_keeps_its_place() {
    let upstream = Upstream::unix(Call::echo);
    let (_bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let (begin, rest) = HEALTH.split_at(20);
    let mut asking = admin.connect().await;
    asking.write_all(begin.as_bytes()).await.expect("sent");
    // One more than there may be with the first.
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(admin.connect().await);
    }
    let mut octets = Vec::new();
    within_limit(silent[0].read_to_end(&mut octets)).await.expect("closed in good order");
    assert!(octets.is_empty(), "the oldest silent one had to go: {octets:?}");
    asking.write_all(rest.as_bytes()).await.expect("sent");
    within_limit(asking.read_to_end(&mut octets)).await.expect("an answer");
    assert!(octets.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&octets));
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_and_broken_requests_are_refused() {
    let upstream = Upstream::unix(Call::echo);
    let (_bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let long = "x".repeat(1 << 20);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nx-long: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(100)),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1} a TLS client\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
    ] {
        let answer = admin.octets(&request).await;
        let begins = &request[..request.len().min(60)];
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{begins}: {answer}");
    }
    // A body is not read.
    let body = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n{long}");
    assert_eq!(admin.raw(&body).await.code, 200);
    assert_eq!(admin.get("/healthz").await.code, 200);
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
