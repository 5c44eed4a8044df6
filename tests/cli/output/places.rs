#![expect(clippy::disallowed_methods, reason = "fixtures are written, and made in the present")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use egext::pki::SET_FILES;
use egext::pki::issue::{SetPlan, issue_set};
use egext::pki::store::Store;
use egext_test_support::{Egext, TestPki, TestServer};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::commands::leaves;
use crate::egext;

/// What commands can be run on.
pub(super) struct Places {
    directory: TempDir,
    server: TestServer,
    expired: TestPki,
}

impl Places {
    pub(super) fn new() -> Self {
        let places = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            server: TestServer::plaintext().spawn(),
            expired: TestPki::new().server_expired(),
        };
        places.write_set("set", Duration::ZERO);
        places.write_set("due", Duration::days(350));
        places.write_set("rotated", Duration::ZERO);
        assert_eq!(places.run("certs rotate-ca prepare --dir {rotated}").run().exit_code, 0);
        let key = KeyPair::generate().expect("a key");
        let request = CertificateParams::new(["a.example".to_owned()]).expect("a name");
        let request = request.serialize_request(&key).and_then(|request| request.pem()).expect("a request");
        fs::write(places.directory.path().join("csr"), request).expect("written");
        fs::write(places.directory.path().join("yaml"), "extensionManager: {}\n").expect("written");
        places
    }

    /// A run of `line`, which is split at blanks. `{NAME}` stands for a file here, `{server}` for an address.
    pub(super) fn run(&self, line: &str) -> Egext {
        line.split(' ').fold(egext([]), |run, word| match word {
            "{expired}" => run.arg(self.expired.directory()),
            "{server}" => run.arg(self.server.address()),
            word => match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
                Some(name) => run.arg(self.directory.path().join(name)),
                None => run.arg(word),
            },
        })
    }

    fn write_set(&self, name: &str, age: Duration) {
        let set = issue_set(&SetPlan::default(), OffsetDateTime::now_utc() - age).expect("a set");
        let store = Store::open(&self.directory.path().join(name), &SET_FILES);
        store.and_then(|store| store.write(&set.files())).expect("written");
    }
}

/// All commands, as words.
pub(super) fn commands() -> BTreeSet<String> {
    leaves().into_iter().map(|(words, _)| words).collect()
}

/// Scripts and pages.
pub(super) fn is_generated(line: &str) -> bool {
    ["generate", "completions", "man"].contains(&line.split(' ').next().unwrap_or_default())
}

/// The formats that the command of `line` offers.
pub(super) fn formats(line: &str) -> &'static [&'static str] {
    match line {
        line if is_generated(line) => &["human"],
        // Stdout has what they are asked for.
        line if line.contains("--out -") || line.contains("--short") => &["human"],
        line if line.starts_with("certs check") => &["human", "json", "junit", "prometheus"],
        line if line.starts_with("config check") => &["github", "human", "json", "junit", "sarif"],
        line if line.starts_with("probe") => {
            &["github", "human", "json", "junit", "prometheus", "sarif", "short"]
        }
        line if line.starts_with("doctor") || line.contains("--check") => &["human", "json", "junit"],
        line if line.starts_with("certs show") => &["human", "json", "pem"],
        _ => &["human", "json"],
    }
}

/// All formats that there are.
pub(super) const FORMATS: &[&str] =
    &["github", "human", "json", "junit", "pem", "prometheus", "sarif", "short"];

/// Calls `assert` for every line in every format, with the exit code of the line.
pub(super) fn each(assert: impl Fn(&Places, &str, &str, i32)) {
    let places = Places::new();
    for (command, arguments, code) in LINES {
        let line = format!("{command}{arguments}");
        for format in formats(&line) {
            assert(&places, &line, format, *code);
        }
    }
}

/// True if stdout is for a program in human format, too.
pub(super) fn is_data(line: &str) -> bool {
    DATA.iter().any(|part| line.contains(part)) && !line.contains("--check")
}

/// A device that takes nothing.
pub(super) fn full() -> File {
    File::options().write(true).open(Path::new("/dev/full")).expect("Linux has one")
}

/// A run of every command that comes to its end, and some that find something: command, arguments, exit code.
pub(super) const LINES: &[(&str, &str, i32)] = &[
    ("certs check", " --dir {set}", 0),
    ("certs check", " --dir {expired}", 1),
    ("certs check", " --dir {due}", 3),
    ("certs init", "", 0),
    ("certs issue", " client --out x --san a --dry-run --dir {set}", 0),
    ("certs issue", " server --csr {csr} --dir {set} --san a.example", 0),
    ("certs pack", " server --out x.tar --dir {set}", 0),
    ("certs pack", " server --out - --dir {set}", 0),
    ("certs remove", " x --dir {set}", 0),
    ("certs renew", " --dry-run --dir {set}", 0),
    ("certs renew", " --dry-run --dir {due}", 3),
    ("certs rotate-ca activate", " --dry-run --dir {rotated}", 0),
    ("certs rotate-ca finish", " --dir {set}", 0),
    ("certs rotate-ca prepare", " --dry-run --dir {set}", 0),
    ("certs rotate-ca status", " --dir {set}", 0),
    ("certs show", " {set}", 0),
    ("certs show", " {set} --short", 0),
    ("completions", " bash", 0),
    ("config check", " {yaml}", 1),
    ("config gateway", " --resources-dir /a", 0),
    ("config kubernetes", "", 0),
    ("config patch", " {yaml} --dry-run", 0),
    ("config secrets", " --out x.yaml --dir {set}", 0),
    ("config secrets", " --out - --dir {set}", 0),
    ("config stanza", "", 0),
    ("config stanza", " --check {yaml}", 1),
    ("config stanza", " --native-tls --server a:1", 0),
    ("config versions", "", 0),
    ("config versions", " --eg-version 1.5.0", 0),
    ("demo", "", 0),
    ("doctor", " --server {server} --socket missing.sock --dir {set}", 1),
    ("doctor", " --server {server} --dir {set}", 0),
    ("explain", "", 0),
    ("explain", " probe.health.not-serving", 0),
    ("generate compatibility", "", 0),
    ("generate completions", " bash", 0),
    ("generate findings", "", 0),
    ("generate man", " certs init", 0),
    ("generate schema", "", 0),
    ("generate status-schema", "", 0),
    ("man", " certs init", 0),
    ("probe", " {server} --no-gateway --no-policy", 0),
    ("probe", " tcp://127.0.0.1:1", 1),
    ("version", "", 0),
];

/// Runs whose stdout is for a program, also for a person.
const DATA: &[&str] = &[
    "issue server --csr",
    "--out -",
    "config gateway",
    "config kubernetes",
    "config stanza",
    "generate ",
    "completions ",
    "man ",
];
