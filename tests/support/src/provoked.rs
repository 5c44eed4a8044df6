//! Which findings the tests have provoked, recorded from what the runs of the binary print.
//!
//! Each process of a test binary that runs all of its tests has a file of its own, so neither threads nor processes
//! disturb each other. A process that runs some of the tests records nothing: what it lacks proves nothing. The judge is
//! in a test binary that Cargo runs after the others.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;
use std::{env, process};

/// Adds ids to the record.
pub(crate) fn record<'a>(ids: impl IntoIterator<Item = &'a str>) {
    static RECORD: LazyLock<Option<Mutex<Record>>> = LazyLock::new(|| Some(Mutex::new(Record::begin()?)));

    let Some(record) = &*RECORD else { return };
    let mut record = record.lock().expect("no panic while it was held");
    for id in ids {
        record.add(id);
    }
}

/// The ids that whole runs of the named test binaries have provoked; `None` if one of them has not run since `binary`
/// was built.
pub fn provoked(binary: &Path, tests: &[&str]) -> Option<BTreeSet<String>> {
    let built = modified(binary).expect("it is built");
    let mut ids = BTreeSet::new();
    for name in tests {
        let fresh = records(name).into_iter().filter(|path| modified(path).is_some_and(|time| time > built));
        let texts = fresh.map(|path| fs::read_to_string(path).unwrap_or_default()).collect::<Vec<_>>();
        if texts.is_empty() {
            return None;
        }
        ids.extend(texts.iter().flat_map(|text| text.lines()).map(str::to_owned));
    }
    Some(ids)
}

/// What this process has recorded.
struct Record {
    file: File,
    known: BTreeSet<String>,
}

impl Record {
    fn begin() -> Option<Self> {
        if !runs_all() {
            return None;
        }
        let name = name();
        for old in records(&name).into_iter().filter(|path| !is_running(path)) {
            // Another process can have removed it just now.
            let _ = fs::remove_file(old);
        }
        fs::create_dir_all(directory()).expect("a directory below `target`");
        let path = directory().join(format!("{name}.{}", process::id()));
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(path);
        Some(Self { file: file.expect("writable"), known: BTreeSet::new() })
    }

    fn add(&mut self, id: &str) {
        if self.known.insert(id.to_owned()) {
            self.file.write_all(format!("{id}\n").as_bytes()).expect("room on the disk");
        }
    }
}

/// Were all tests asked for? Names and `--skip` choose some of them.
fn runs_all() -> bool {
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Their values are no names of tests.
            "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(arguments.next()),
            "--skip" | "--ignored" | "--exact" | "--list" => return false,
            flag if flag.starts_with("--skip=") => return false,
            flag if flag.starts_with('-') => {}
            _ => return false,
        }
    }
    true
}

/// Of this test binary: its file has a hash behind it.
fn name() -> String {
    let path = env::current_exe().expect("a path");
    let stem = path.file_stem().expect("a name").to_string_lossy();
    stem.rsplit_once('-').map_or(&*stem, |(name, _)| name).to_owned()
}

/// `target/tmp/provoked`, seen from `target/debug/deps/NAME-HASH`.
fn directory() -> PathBuf {
    let path = env::current_exe().expect("a path");
    path.ancestors().nth(3).expect("three directories").join("tmp/provoked")
}

fn records(name: &str) -> Vec<PathBuf> {
    // Without the directory nothing is recorded.
    let entries = fs::read_dir(directory()).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.file_stem().is_some_and(|stem| stem == name)).collect()
}

fn is_running(record: &Path) -> bool {
    record.extension().is_some_and(|process| Path::new("/proc").join(process).exists())
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
