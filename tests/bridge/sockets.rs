//! Where the bridge listens: whose socket it is, and whose it is not.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use egext_test_support::{
    Egext, LIMIT, ReservedPort, Run, Running, TestPki, is_root, leave_stale_socket, skipped, wait_until_stale,
};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use crate::fixture::{Bridge, Call, Upstream};
use crate::{egext, script};

/// Where nobody listens. A bridge starts all the same.
const NOBODY: &str = "tcp://127.0.0.1:1";

pub fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

pub fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

pub fn bridge_at(address: &str) -> Egext {
    egext(["bridge", "--listen", address, "--upstream", NOBODY])
}

pub fn start_at(address: &str) -> Running {
    let mut running = bridge_at(address).start();
    running.wait_for_line("bridge is up");
    running
}

/// Could not run: one line that says what happened, one that says what to do.
#[track_caller]
pub fn assert_refused(run: &Run, words: &str) {
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert_eq!(run.stdout, "");
    let lines: Vec<_> = run.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() == 2, "{run:?}");
    assert!(lines[0].starts_with("error: ") && lines[0].contains(words), "{run:?}");
    assert!(lines[1].trim_start().starts_with("hint: "), "{run:?}");
}

#[test]
fn the_socket_is_private_before_anybody_can_connect() {
    for _ in 0..5 {
        let directory = directory();
        let path = directory.path().join("eg.sock");
        let listen = unix(&path);
        let arguments = ["bridge", "--listen", &listen, "--upstream", NOBODY];
        let mut running = script(r#"umask 000; exec "$0" "$@""#).args(arguments).start();
        let watcher = thread::spawn({
            let path = path.clone();
            move || {
                let deadline = Instant::now() + LIMIT;
                while UnixStream::connect(&path).is_err() {
                    assert!(Instant::now() < deadline, "the bridge does not listen");
                    thread::yield_now();
                }
                fs::symlink_metadata(&path).expect("it is there").mode() & 0o7777
            }
        });
        running.wait_for_line("bridge is up");
        assert_eq!(format!("{:o}", watcher.join().expect("no panic")), "600");
    }
}

#[test]
fn a_stale_socket_is_replaced() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    leave_stale_socket(&path);
    let running = start_at(&unix(&path));
    UnixStream::connect(&path).expect("the bridge listens");
    assert_eq!(running.terminate().0, 0);
    assert!(!path.exists());
}

/// Its mode keeps this user from asking whether a process listens.
#[test]
fn a_socket_of_another_user_is_not_said_to_be_in_use() {
    if !is_root() {
        return skipped("only root can leave a socket behind for another user");
    }
    let directory = directory();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).expect("ours");
    let path = directory.path().join("eg.sock");
    start_at(&unix(&path)).kill();
    let run = bridge_at(&unix(&path)).without_privileges().run();
    assert_refused(&run, "is a socket of user 0, and this user may not ask whether a process listens on it");
    assert!(run.stderr.contains("as root, `ss -lxp src ") && run.stderr.contains("`rm "), "{run:?}");

    let held = start_at(&unix(&path));
    let run = bridge_at(&unix(&path)).without_privileges().run();
    assert_refused(&run, "another process listens on");
    assert_eq!(held.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_another_bridge_serves_stays_that_bridges() {
    let upstream = Upstream::unix(Call::echo);
    let first = Bridge::plaintext(upstream.address()).start();
    let second = bridge_at(&unix(first.socket())).run();
    assert_refused(&second, "another process listens on");
    assert_eq!(first.caller().await.hook().await.code(), 0, "the first one goes on");
}

#[test]
fn what_is_not_a_socket_is_left_alone() {
    let directory = directory();
    let (file, inside, link) =
        (directory.path().join("file"), directory.path().join("inside"), directory.path().join("link"));
    fs::create_dir(&inside).expect("a new directory");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), &file).expect("copied");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    let before = fs::read(&file).expect("readable");
    for path in [&file, &inside, &link] {
        assert_refused(&bridge_at(&unix(path)).run(), "exists and is not a socket");
        assert!(path.symlink_metadata().is_ok());
    }
    assert_eq!(fs::read(&file).expect("readable"), before);
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let directory = directory();
    let path = directory.path().join("x".repeat(107));
    let run = bridge_at(&unix(&path)).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    assert!(run.stderr.contains("1 to 107 bytes"), "{run:?}");
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);

    // The longest that fits.
    let fill = 107 - directory.path().as_os_str().len() - 1;
    let path = directory.path().join("x".repeat(fill));
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);
}

#[test]
fn a_directory_that_is_missing_or_closed_is_named() {
    let directory = directory();
    let missing = directory.path().join("missing").join("eg.sock");
    assert_refused(&bridge_at(&unix(&missing)).run(), "cannot listen on");
    assert!(!directory.path().join("missing").exists());

    let closed = directory.path().join("closed");
    fs::create_dir(&closed).expect("a new directory");
    for path in [directory.path(), &closed] {
        fs::set_permissions(path, Permissions::from_mode(0o555)).expect("ours");
    }
    let run = bridge_at(&unix(&closed.join("eg.sock"))).without_privileges().run();
    assert_refused(&run, "cannot listen on");
    assert_eq!(fs::read_dir(&closed).expect("readable").count(), 0);
}

#[test]
fn of_two_that_start_at_once_exactly_one_wins() {
    for round in 0..20 {
        let directory = directory();
        let path = directory.path().join("eg.sock");
        if round % 2 == 0 {
            // Both find the same stale socket.
            leave_stale_socket(&path);
        }
        let (mut first, mut second) = (bridge_at(&unix(&path)).start(), bridge_at(&unix(&path)).start());
        let (loser, winner) = match first.prints("bridge is up") {
            true => (second, first),
            false => {
                second.wait_for_line("bridge is up");
                (first, second)
            }
        };
        let (code, stderr) = loser.finish();
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("another process listens on"), "{stderr}");
        UnixStream::connect(&path).expect("the winner listens");
        assert_eq!(winner.terminate().0, 0);
        assert!(!path.exists());
    }
}

#[test]
fn the_socket_goes_with_the_bridge() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    for stop in [Running::terminate, Running::interrupt] {
        let (code, stderr) = stop(start_at(&unix(&path)));
        assert_eq!(code, 0, "{stderr}");
        assert!(!path.exists());
    }
}

#[test]
fn a_socket_that_somebody_else_put_there_is_not_removed() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    let running = start_at(&unix(&path));
    fs::remove_file(&path).expect("ours");
    let other = UnixListener::bind(&path).expect("free again");
    assert_eq!(running.terminate().0, 0);
    UnixStream::connect(&path).expect("the other one is still there");
    drop(other);
}

#[test]
fn after_a_crash_the_next_one_starts() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    start_at(&unix(&path)).kill();
    assert!(path.exists(), "nobody was there to remove it");
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);
}

#[test]
fn a_port_in_use_is_named() {
    let port = ReservedPort::new();
    let run = bridge_at(&port.tcp_address()).run();
    assert_refused(&run, &format!("another process listens on `{}`", port.tcp_address()));
    assert!(run.stderr.contains("ss -ltnp"), "{run:?}");
}

#[test]
fn plaintext_is_not_served_to_a_network() {
    for address in ["tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:5005"] {
        assert_refused(&bridge_at(address).run(), "is plaintext and can be reached from other machines");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_served_on_a_port_of_the_systems_choice() {
    let upstream = Upstream::unix(Call::echo);
    let mut running =
        egext(["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", upstream.address()]).start();
    let line = running.wait_for_line("bridge is up");
    let port = line.split("tcp://127.0.0.1:").nth(1).expect("the address").split_whitespace().next();
    let address = format!("127.0.0.1:{}", port.expect("the port"));
    let stream = tokio::net::TcpStream::connect(address).await.expect("the bridge listens");
    assert_eq!(crate::fixture::Caller::over(stream).await.hook().await.code(), 0);
}

/// Even where the file's mode would let them in.
#[tokio::test(flavor = "multi_thread")]
async fn other_users_are_not_served() {
    let upstream = Upstream::unix(Call::echo);
    let mut bridge = Bridge::plaintext(upstream.address()).start();
    let socket = &*bridge.socket().to_owned();
    let probe = || egext(["probe", &unix(socket)]).without_privileges().json();
    if !is_root() {
        return;
    }
    assert_eq!(probe().ids(), ["probe.connect.permission"]);
    fs::set_permissions(socket.parent().expect("a directory"), Permissions::from_mode(0o755)).expect("ours");
    assert_eq!(probe().ids(), ["probe.connect.permission"], "the mode of the socket keeps them out");
    fs::set_permissions(socket, Permissions::from_mode(0o666)).expect("ours");
    let run = probe();
    assert!(run.ids()[0].starts_with("probe.http2.") || run.ids()[0] == "probe.connect.reset", "{run:?}");
    bridge.running.wait_for_line("a connection of another user was closed");
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
}

/// It refuses connections as if nobody were there, until it listens.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_does_not_listen_yet_is_not_stale() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    socket.bind(&SockAddr::unix(&path).expect("short enough")).expect("a free path");
    assert_refused(&bridge_at(&unix(&path)).run(), "another process listens on");
    socket.listen(128).expect("bound");
    UnixStream::connect(&path).expect("it is still there");
    drop(socket);
    wait_until_stale(&path);
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);
}

#[test]
fn a_directory_that_everybody_can_write_to_is_refused() {
    let directory = directory();
    let path = directory.path().join("eg.sock");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).expect("ours");
    let run = bridge_at(&unix(&path)).run();
    assert_refused(&run, "can be written to by");
    assert!(run.stderr.contains("chmod go-w"), "{run:?}");
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    // As /tmp is.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).expect("ours");
    assert_eq!(start_at(&unix(&path)).terminate().0, 0);
}

#[test]
fn an_abstract_socket_is_not_taken_for_a_file() {
    let run = bridge_at("unix:@eg").run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    assert!(run.stderr.contains("abstract socket"), "{run:?}");
    assert!(run.stderr.contains("\n  hint: write `unix:/run/egext/eg.sock`"), "{run:?}");
}

/// A hosts file can say of any name that it is every address of the machine.
#[cfg(target_os = "linux")]
#[test]
fn a_name_is_judged_by_its_addresses() {
    let directory = directory();
    let hosts = directory.path().join("hosts");
    let mut file = fs::File::create_new(&hosts).expect("a free path");
    file.write_all(
        b"127.0.0.1 localhost both.localhost\n0.0.0.0 listen.localhost both.localhost\n127.0.0.1 near.example\n",
    )
    .expect("written");
    let with_hosts = r#"mount --bind "$1" /etc/hosts && shift && exec "$0" "$@""#;
    let elsewhere = format!(r#"exec unshare -m sh -c '{with_hosts}' "$0" "$@""#);
    let at = |address: &str| {
        script(&elsewhere).arg(&hosts).args(["bridge", "--listen", address, "--upstream", NOBODY])
    };
    let able = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        skipped("only root can give a process another hosts file");
        return;
    }
    // One address that others reach is enough.
    for name in ["listen", "both"] {
        assert_refused(
            &at(&format!("tcp://{name}.localhost:0")).run(),
            "is plaintext and can be reached from other machines (0.0.0.0)",
        );
    }
    let mut running = at("tcp://near.example:0").start();
    running.wait_for_line("bridge is up");
    assert_eq!(running.terminate().0, 0);
}

/// The same place by another name: every call would come back for ever.
#[test]
fn a_bridge_to_itself_is_found_at_the_start() {
    let directory = directory();
    let (path, link) = (directory.path().join("eg.sock"), directory.path().join("link"));
    std::os::unix::fs::symlink(directory.path(), &link).expect("a link");
    let to_itself =
        |listen: &str, upstream: &str| egext(["bridge", "--listen", listen, "--upstream", upstream]).run();
    assert_refused(&to_itself(&unix(&path), &unix(&link.join("eg.sock"))), "where this bridge listens");
    assert!(!path.exists());
    let pki = TestPki::new();
    for (listen, upstream) in [
        ("tcp://localhost", "tcp://127.0.0.1"),
        ("tcp://127.0.0.1", "tcp://localhost"),
        ("tcp://127.0.0.1", "tcp://[::ffff:127.0.0.1]"),
        ("tcp://127.0.0.1", "tcp://0.0.0.0"),
        ("tls://0.0.0.0", "tcp://127.0.0.1"),
    ] {
        let run = on_a_free_port(|port| {
            let (listen, upstream) = (format!("{listen}:{port}"), format!("{upstream}:{port}"));
            let bridge = egext(["bridge", "--listen", &listen, "--upstream", &upstream]);
            if listen.starts_with("tls:") { bridge.pki(&pki).run() } else { bridge.run() }
        });
        assert_refused(&run, "where this bridge listens");
    }
}

/// Another process may take a port between the moment in which it was free and the run.
fn on_a_free_port(run: impl Fn(u16) -> Run) -> Run {
    let deadline = Instant::now() + LIMIT;
    loop {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let run = run(port);
        if !run.stderr.contains("another process listens") || Instant::now() > deadline {
            return run;
        }
    }
}
