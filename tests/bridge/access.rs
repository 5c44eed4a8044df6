//! A unix socket for other users than the bridge's own: who can connect, and who is served.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use egext_test_support::{Egext, LIMIT, Running, TestServer, is_root, skipped};
use tempfile::TempDir;

use crate::sockets::assert_refused;
use crate::{egext, script};

/// A group that nothing else here has.
const GROUP: u32 = 54321;

/// A directory whose socket other users can reach, and a copy of the binary that they can run.
struct Ground {
    directory: TempDir,
    server: TestServer,
}

impl Ground {
    /// None, with a word, unless we are root.
    fn new() -> Option<Self> {
        if !is_root() {
            skipped("only root can call as another user");
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("ours");
        // Not by `fs::copy`: a process that starts meanwhile would hold the copy open for writing.
        let copied = Egext::new("cp", [env!("CARGO_BIN_EXE_egext")]).arg(directory.path()).run();
        assert_eq!(copied.exit_code, 0, "{copied:?}");
        Some(Self { directory, server: TestServer::plaintext().spawn() })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("eg.sock")
    }

    fn start(&self, flags: &[&str]) -> Running {
        let listen = format!("unix:{}", self.socket().display());
        let mut running =
            egext(["bridge", "--listen", &listen, "--upstream", &self.server.address()]).args(flags).start();
        running.wait_for_line("bridge is up");
        running
    }

    /// What a probe by this user, a member of these groups, says first; None if the bridge serves it.
    fn called_by(&self, user: u32, groups: &str) -> Option<String> {
        let ids = [format!("--reuid={user}"), format!("--regid={user}"), format!("--groups={groups}")];
        let run = Egext::new("setpriv", ids)
            .arg(self.directory.path().join("egext"))
            .args(["probe", &format!("unix:{}", self.socket().display())])
            .json();
        let finding = run.json["findings"].as_array().expect("findings").first().cloned();
        assert_eq!(finding.is_none(), run.exit_code == 0, "{run:?}");
        finding.map(|finding| finding["id"].as_str().expect("an id").to_owned())
    }

    fn mode_and_group(&self) -> (String, u32) {
        let found = fs::symlink_metadata(self.socket()).expect("there");
        (format!("{:o}", found.mode() & 0o7777), found.gid())
    }
}

const DENIED: Option<&str> = Some("probe.connect.permission");

#[test]
fn the_members_of_a_group_are_served_whatever_their_user_is() {
    let Some(ground) = Ground::new() else { return };
    let group = GROUP.to_string();
    let running = ground.start(&["--socket-group", &group]);
    assert_eq!(ground.mode_and_group(), ("660".to_owned(), GROUP));
    // As a second group, which a process does not tell the other side.
    assert_eq!(ground.called_by(65534, &group), None);
    assert_eq!(ground.called_by(GROUP, &group), None);
    assert_eq!(ground.called_by(65534, "65534").as_deref(), DENIED, "the kernel keeps strangers out");
    let (code, log) = running.terminate();
    assert_eq!((code, log.matches("another user").count()), (0, 0), "{log}");
}

/// The mode was changed, so the kernel does not keep other users out any more.
#[test]
fn a_socket_that_was_opened_to_all_serves_no_stranger() {
    let Some(ground) = Ground::new() else { return };
    let mut running = ground.start(&["--socket-group", &GROUP.to_string()]);
    fs::set_permissions(ground.socket(), Permissions::from_mode(0o666)).expect("ours");
    assert!(ground.called_by(65534, "65534").is_some(), "it is not served");
    let line = running.wait_for_line("a connection of another user was closed");
    assert!(line.contains("user 65534"), "{line}");
}

#[test]
fn a_user_who_is_named_is_served_and_another_one_learns_of_the_flag() {
    let Some(ground) = Ground::new() else { return };
    let mut running = ground.start(&["--allow-uid", "65534,daemon", "--socket-mode", "0666"]);
    assert_eq!(ground.mode_and_group().0, "666");
    assert_eq!(ground.called_by(65534, "65534"), None);
    assert_eq!(ground.called_by(1, "1"), None, "by name");
    assert_eq!(ground.called_by(0, "0"), None, "root always");
    assert!(ground.called_by(65533, "65533").is_some(), "it is not served");
    let line = running.wait_for_line("a connection of another user was closed");
    assert!(line.contains("user 65533") && line.contains("`--allow-uid`"), "{line}");
    assert_eq!(running.terminate().0, 0);
}

#[test]
fn the_mode_is_there_before_anybody_can_connect() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("eg.sock");
    let own = fs::metadata(directory.path()).expect("there").gid().to_string();
    for umask in ["000", "077"] {
        let listen = format!("unix:{}", path.display());
        let arguments =
            ["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1", "--socket-group", &own];
        let mut running = script(&format!(r#"umask {umask}; exec "$0" "$@""#)).args(arguments).start();
        let watcher = thread::spawn({
            let path = path.clone();
            move || watch(&path)
        });
        running.wait_for_line("bridge is up");
        assert_eq!(format!("{:o}", watcher.join().expect("no panic")), "660", "{umask}");
        assert_eq!(running.terminate().0, 0);
    }
}

/// The mode at the first moment at which a caller can connect.
fn watch(path: &Path) -> u32 {
    let deadline = Instant::now() + LIMIT;
    while UnixStream::connect(path).is_err() {
        assert!(Instant::now() < deadline, "the bridge does not listen");
        thread::yield_now();
    }
    fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
}

#[test]
fn a_group_of_others_cannot_be_given() {
    if !is_root() {
        return skipped("only root knows a group that another user has not");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).expect("ours");
    let listen = format!("unix:{}", directory.path().join("eg.sock").display());
    let run =
        egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1", "--socket-group", "0"]);
    assert_refused(&run.without_privileges().run(), "to group 0");
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0, "nothing is left behind");
}

#[test]
fn variables_for_another_listener_have_no_effect() {
    let run = egext(["bridge", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1"])
        .env("EGEXT_SOCKET_MODE", "0660")
        .env("EGEXT_SOCKET_GROUP", "no such group")
        .env("EGEXT_ALLOW_UID", "no such user");
    let mut running = run.start();
    running.wait_for_line("bridge is up");
    assert_eq!(running.terminate().0, 0);
}
