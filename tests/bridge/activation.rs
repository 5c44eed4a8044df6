//! Sockets that systemd has made: the bridge uses the one that `--listen` names, and leaves its file alone.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;

use egext_test_support::{Egext, Run, TestPki};
use tokio::net::{TcpStream, UnixStream as Stream};

use crate::fixture::{Admin, Call, Caller, Upstream, within_limit};
use crate::script;

/// A bridge that gets `socket` as systemd passes one.
fn with_socket(socket: impl Into<OwnedFd>, listen: &str, upstream: &str) -> Egext {
    let start = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=eg exec "$0" "$@""#;
    script(start).args(["bridge", "--listen", listen, "--upstream", upstream]).stdin_from(socket.into())
}

#[track_caller]
fn refused(run: &Run, error: &str, hint: &str) {
    assert_eq!(run.exit_code, 2, "{run:?}");
    let lines = run.stderr.lines().collect::<Vec<_>>();
    assert!(lines.len() == 2 && lines[0].contains(error) && lines[1].contains(hint), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_of_systemd_is_used_and_stays() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let socket = UnixListener::bind(&path).expect("a free path");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o660)).expect("ours");
    let before = std::fs::metadata(&path).expect("there");
    // EG may come before the bridge does: it waits in the queue of the socket.
    let early = within_limit(Stream::connect(&path)).await.expect("it listens");
    let upstream = Upstream::unix(Call::echo);
    let mut running = with_socket(socket, &format!("unix:{}", path.display()), upstream.address()).start();
    assert_eq!(Caller::over(early).await.hook().await.code(), 0);
    let line = running.wait_for_line("bridge is up");
    assert!(line.contains("eg.sock"), "{line}");
    let (code, log) = running.terminate();
    assert_eq!(code, 0, "{log}");
    let after = std::fs::metadata(&path).expect("it stays");
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_systemd_is_used_with_and_without_tls() {
    let pki = TestPki::new();
    let upstream = Upstream::unix(Call::echo);
    for (own, named) in [("127.0.0.1", "localhost"), ("[::]", "0.0.0.0")] {
        let Ok(socket) = TcpListener::bind(format!("{own}:0")) else {
            egext_test_support::skipped("no IPv6 here");
            continue;
        };
        let port = socket.local_addr().expect("bound").port();
        if named == "localhost" {
            let listen = format!("tcp://{named}:{port}");
            let running = with_socket(socket, &listen, upstream.address()).start();
            let stream = within_limit(TcpStream::connect(("127.0.0.1", port))).await.expect("it listens");
            assert_eq!(Caller::over(stream).await.hook().await.code(), 0);
            assert_eq!(running.terminate().0, 0);
        } else {
            let listen = format!("tls://{named}:{port}");
            let mut running = with_socket(socket, &listen, upstream.address()).pki(&pki).start();
            running.wait_for_line("bridge is up");
            running.wait_for_port(&format!("127.0.0.1:{port}"));
            assert_eq!(running.terminate().0, 0);
        }
    }
}

/// The rules for addresses hold for sockets that others have made.
#[test]
fn plaintext_on_the_network_and_loops_are_refused() {
    let socket = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    let again = || socket.try_clone().expect("a second handle");
    let run = with_socket(again(), &format!("tcp://0.0.0.0:{port}"), "unix:/nowhere").run();
    refused(&run, "is plaintext and can be reached from other machines", "tls://HOST:PORT");
    let run = with_socket(again(), &format!("tcp://127.0.0.1:{port}"), "unix:/nowhere").run();
    refused(&run, &format!("`tcp://0.0.0.0:{port}`, which no flag names"), "`--listen`");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let socket = UnixListener::bind(&path).expect("a free path");
    let link = directory.path().join("link.sock");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let [listen, upstream] = [&path, &link].map(|path| format!("unix:{}", path.display()));
    refused(&with_socket(socket, &listen, &upstream).run(), "where this bridge listens", "two different");
}

#[test]
fn what_is_no_listening_stream_socket_is_refused() {
    let refused = |socket: OwnedFd, error: &str, hint: &str| {
        refused(&with_socket(socket, "unix:eg.sock", "unix:/nowhere").run(), error, hint);
    };
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    refused(udp.into(), "socket `eg` of systemd is neither a TCP nor a unix stream socket", "ListenStream=");
    let file = std::fs::File::open("/dev/null").expect("there");
    refused(file.into(), "neither a TCP nor a unix stream socket", "ListenStream=");
    let (one, _other) = UnixStream::pair().expect("a pair");
    refused(one.into(), "it does not listen", "Accept=no");
    let name = SocketAddr::from_abstract_name(format!("egext-test-{}", std::process::id())).expect("a name");
    let unnamed = UnixListener::bind_addr(&name).expect("a free name");
    refused(unnamed.into(), "abstract", "ListenStream=/path");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let other = UnixListener::bind(directory.path().join("other.sock")).expect("a free path");
    refused(other.into(), "other.sock`, which no flag names", "`--listen`");
}

/// Variables that are not for this process are left alone, and so is a number that is none.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_another_process_are_left_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let listen = format!("unix:{}", path.display());
    let bridge = || crate::egext(["bridge", "--listen", &listen, "--upstream", "unix:/nowhere"]);
    let mut running = bridge().env("LISTEN_FDS", "1").env("LISTEN_PID", "1").start();
    running.wait_for_socket(&path);
    assert_eq!(running.terminate().0, 0);
    assert!(!Path::new(&path).exists());
    // Without the number of a process they belong to no process: so says sd_listen_fds(3).
    for count in ["1", "900", "x"] {
        let mut running = bridge().env("LISTEN_FDS", count).env("LISTEN_PID", "").start();
        running.wait_for_socket(&path);
        assert_eq!(running.terminate().0, 0);
    }
    let start = r#"LISTEN_PID=$$ exec "$0" "$@""#;
    let for_it = |count: &str| {
        let bridge = script(start).args(["bridge", "--listen", &listen, "--upstream", "unix:/nowhere"]);
        bridge.env("LISTEN_FDS", count).run()
    };
    for count in ["x", "99999999999", "-1"] {
        refused(&for_it(count), &format!("LISTEN_FDS is `{count}`"), "systemd");
    }
    // More than there are.
    let run = for_it("900");
    assert_eq!(run.exit_code, 2, "{run:?}");
}

/// Its directory may be one where the bridge cannot make a socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_systemd_is_used_for_the_admin_server_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [listen, admin] = ["eg.sock", "admin.sock"].map(|name| directory.path().join(name));
    let socket = UnixListener::bind(&admin).expect("a free path");
    let upstream = Upstream::unix(Call::echo);
    let address = format!("unix:{}", admin.display());
    let mut running = with_socket(socket, &format!("unix:{}", listen.display()), upstream.address())
        .args(["--admin", &address])
        .start();
    running.wait_for_line("admin server is up");
    let ready = Admin::at(&admin).wait_for("/readyz", |reply| reply.code == 200).await;
    assert_eq!(ready.body, "ready\n");
    let (code, log) = running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(admin.exists() && !listen.exists(), "that of systemd stays");
}
