//! The life of a set: each verb, as its users see it and as a reader of the files sees it.
#![expect(clippy::disallowed_methods, reason = "tests put foreign and broken files in the way")]

mod check;
mod init;
mod killed;
mod show;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use egext::pki::authority::{SetPlan, issue_set};
use egext::pki::check::StoredSet;
use egext::pki::store::Store;
use egext::pki::{Identity, SET_FILES};
use serde_json::Value;
use snapbox::cmd::{Command, cargo_bin};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A directory of its own for each test, in which `egext certs init` runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn certs(&self) -> PathBuf {
        self.path("certs")
    }

    fn init(&self, arguments: &[&str]) -> Command {
        Command::new(cargo_bin!("egext")).current_dir(self.0.path()).args(["certs", "init"]).args(arguments)
    }

    /// Another verb of `egext certs`.
    fn certs_command(&self, arguments: &[&str]) -> Command {
        Command::new(cargo_bin!("egext")).current_dir(self.0.path()).arg("certs").args(arguments)
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let run = self.init(arguments).args(["-o", "json"]).assert().code(code);
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    }

    /// Runs it in a shell that has been prepared.
    fn shell(&self, preparation: &str) -> Command {
        let script = format!("{preparation}; exec \"$0\" certs init \"$@\"");
        Command::new("sh").current_dir(self.0.path()).args(["-c", &script]).arg(cargo_bin!("egext"))
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        std::process::Command::new(cargo_bin!("egext"))
            .current_dir(self.0.path())
            .args(["certs", "init"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    /// A set that was made at another time.
    fn write_set(&self, now: OffsetDateTime) {
        let set = issue_set(&SetPlan::default(), now).expect("a set");
        Store::open(&self.certs(), &SET_FILES).and_then(|store| store.write(&set.files())).expect("written");
    }

    /// Every file of the set, read by the name that users know.
    fn files(&self) -> BTreeMap<&'static str, Vec<u8>> {
        SET_FILES.iter().map(|name| (*name, fs::read(self.certs().join(name)).expect("there"))).collect()
    }

    /// Everything below the directory: paths, and contents or targets.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        let mut directories = vec![self.0.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).expect("a directory") {
                let entry = entry.expect("an entry");
                let (kind, path) = (entry.file_type().expect("a kind"), entry.path());
                let contents = if kind.is_dir() {
                    directories.push(path.clone());
                    b"directory".to_vec()
                } else if kind.is_symlink() {
                    fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
                } else {
                    fs::read(&path).expect("a file")
                };
                tree.insert(path, contents);
            }
        }
        tree
    }

    /// How many sets are on disk.
    fn sets(&self) -> usize {
        let entries = fs::read_dir(self.certs().join(".egext")).expect("a directory");
        entries
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("set-"))
            })
            .count()
    }

    /// The set is complete, its keys are those of its certificates, and they are of one CA.
    fn assert_whole(&self) {
        assert_whole(&self.certs()).expect("a whole set");
    }

    /// The same, while others write: once through what `current` says at one moment, and once by name.
    fn assert_whole_while_written(&self) {
        let current = || fs::read_link(self.certs().join(".egext/current")).expect("always there");
        let seen = current();
        if let Err(reason) = assert_whole(&self.certs().join(".egext").join(&seen)) {
            assert_ne!(seen, current(), "the current set is broken: {reason}");
        }
        Identity::load(&self.certs().join("server.crt"), &self.certs().join("server.key")).expect("a pair");
    }
}

fn assert_whole(directory: &Path) -> Result<(), String> {
    let set = StoredSet::load(directory).map_err(|error| error.to_string())?;
    let findings = set.findings(set.server.leaf().not_before + Duration::hours(2));
    if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
}
