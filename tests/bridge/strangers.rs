//! Root's bridge where another user owns or can write to something, and exchanges it at every moment.
//!
//! `EGEXT_RACES` says how many rounds each race has; `.ci/run` asks for 300.
//!
//! The exchanges are made by this process, but only such as that user could make: renames of what belongs to that user,
//! in directories that let that user do so.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use egext_test_support::{Egext, is_root, leave_stale_socket};
use rustix::fs::{AtFlags, CWD, Gid, RenameFlags, Uid, chownat, renameat_with};
use tempfile::TempDir;

use crate::egext;

/// `nobody` on every Linux.
const STRANGER: u32 = 65534;

/// A directory of the stranger's, and one of root's with files that must not change.
struct Ground {
    directory: TempDir,
    before: Vec<String>,
}

impl Ground {
    /// None, with a word, unless we are root.
    fn new() -> Option<Self> {
        if !is_root() {
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("ours");
        let roots = directory.path().join("root");
        fs::create_dir(&roots).expect("a new directory");
        for name in ["eg.sock", ".eg.sock.lock", "secret"] {
            fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), roots.join(name)).expect("copied");
            fs::set_permissions(roots.join(name), Permissions::from_mode(0o640)).expect("ours");
        }
        leave_stale_socket(&roots.join("stale.sock"));
        let mut ground = Self { directory, before: Vec::new() };
        ground.before = ground.roots_files();
        Some(ground)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a directory of the stranger's.
    fn strangers_directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).expect("a new directory");
        give(&path);
        path
    }

    /// Everything about root's files that could be changed.
    fn roots_files(&self) -> Vec<String> {
        let roots = self.path("root");
        let about = |path: &Path| {
            let found = fs::symlink_metadata(path).expect("there");
            format!(
                "{} {:o} {} {} {} {}",
                path.display(),
                found.mode(),
                found.uid(),
                found.ino(),
                found.len(),
                found.mtime_nsec()
            )
        };
        let mut files: Vec<_> = fs::read_dir(&roots)
            .expect("readable")
            .map(|entry| about(&entry.expect("an entry").path()))
            .collect();
        files.push(about(&roots));
        files.sort();
        files
    }

    /// Starts and stops root's bridge at `socket` again and again, while `one` and `other` change places.
    fn race(&self, socket: &Path, one: &Path, other: &Path) {
        let done = Arc::new(AtomicBool::new(false));
        let exchanging = thread::spawn({
            let (done, one, other) = (Arc::clone(&done), one.to_owned(), other.to_owned());
            move || {
                while !done.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).expect("both are there");
                    thread::sleep(Duration::from_micros(20));
                }
            }
        });
        for round in 0..rounds() {
            start_and_stop(socket);
            assert_eq!(self.roots_files(), self.before, "after round {round}");
        }
        done.store(true, Ordering::Relaxed);
        exchanging.join().expect("no panic");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no flags")]
fn rounds() -> usize {
    std::env::var("EGEXT_RACES").map_or(100, |rounds| rounds.parse().expect("a number"))
}

/// Whether it starts depends on the moment.
fn start_and_stop(socket: &Path) {
    let listen = format!("unix:{}", socket.display());
    let mut running = egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1"]).start();
    if running.prints("bridge is up") {
        let (code, stderr) = running.terminate();
        assert!([0, 2].contains(&code), "{stderr}");
    } else {
        let (code, stderr) = running.finish();
        assert_eq!(code, 2, "{stderr}");
    }
}

fn give(path: &Path) {
    let (user, group) = (Uid::from_raw(STRANGER), Gid::from_raw(STRANGER));
    chownat(CWD, path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW).expect("we are root");
}

fn strangers_link(target: &Path, link: &Path) {
    symlink(target, link).expect("a free path");
    give(link);
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let Some(ground) = Ground::new() else { return };
    let directory = ground.strangers_directory("theirs");
    let listen = format!("unix:{}", directory.join("eg.sock").display());
    let run = egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1"]).run();
    crate::sockets::assert_refused(&run, "belongs to user");
    assert_eq!(fs::read_dir(&directory).expect("readable").count(), 0);
}

/// The directory becomes a link to root's directory, and a directory again.
#[test]
fn a_directory_that_changes_places_with_a_link_to_roots_never_reaches_roots() {
    let Some(ground) = Ground::new() else { return };
    let theirs = ground.strangers_directory("theirs");
    let (run, link) = (theirs.join("run"), theirs.join("link"));
    fs::create_dir(&run).expect("a new directory");
    give(&run);
    strangers_link(&ground.path("root"), &link);
    for name in ["eg.sock", "new.sock", "stale.sock"] {
        ground.race(&run.join(name), &run, &link);
    }
}

/// In a directory like /tmp everybody can have put something where the socket or its lock file is to be.
#[test]
fn links_where_the_socket_and_its_lock_are_to_be_are_not_followed() {
    let Some(ground) = Ground::new() else { return };
    let shared = ground.path("shared");
    fs::create_dir(&shared).expect("a new directory");
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("ours");
    let at = |name: &str| shared.join(name);

    // A socket of theirs that nobody listens on, and links to root's files.
    leave_stale_socket(&at("eg.sock"));
    chown(at("eg.sock"), Some(STRANGER), Some(STRANGER)).expect("we are root");
    strangers_link(&ground.path("root/secret"), &at("link"));
    strangers_link(&ground.path("root/stale.sock"), &at("stale"));
    ground.race(&at("eg.sock"), &at("eg.sock"), &at("link"));
    ground.race(&at("eg.sock"), &at("eg.sock"), &at("stale"));

    // The lock file: theirs, and a link.
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), at(".other.sock.lock")).expect("copied");
    give(&at(".other.sock.lock"));
    strangers_link(&ground.path("root/secret"), &at("lock-link"));
    ground.race(&at("other.sock"), &at(".other.sock.lock"), &at("lock-link"));
    assert!(at(".other.sock.lock").symlink_metadata().is_ok() && at("lock-link").symlink_metadata().is_ok());
}

/// Nobody but this user can hold what keeps two starts apart.
#[test]
fn another_user_cannot_keep_a_bridge_from_starting() {
    let Some(ground) = Ground::new() else { return };
    let directory = ground.path("run");
    fs::create_dir(&directory).expect("a new directory");
    let socket = directory.join("eg.sock");
    // Whatever they can open there they lock: the directory, and all that is in it.
    let script = r#"echo ready; while :; do for file in "$0" "$0"/.* "$0"/*; do flock -n "$file" sleep 0.01; done; done"#;
    let mut locking = Egext::new("/bin/sh", ["-c", script]).arg(&directory).without_privileges().start();
    locking.wait_for_line("ready");
    for _ in 0..20 {
        let listen = format!("unix:{}", socket.display());
        let mut running = egext(["bridge", "--listen", &listen, "--upstream", "tcp://127.0.0.1:1"]).start();
        running.wait_for_line("bridge is up");
        assert_eq!(running.terminate().0, 0);
    }
    locking.kill();
}
