//! The life of a set: each verb, as its users see it and as a reader of the files sees it.
#![expect(clippy::disallowed_methods, reason = "tests put foreign and broken files in the way")]

mod broken_links;
mod change;
mod channel;
mod check;
mod containers;
mod copies;
mod cures;
mod dates;
mod edits;
mod ends;
mod files;
mod hints;
mod inherited;
mod init;
mod issue;
mod kept;
mod killed;
mod lifetimes;
mod links;
mod locked;
mod names;
mod odd;
mod other_ca;
mod own_ca;
mod owners;
mod pack;
mod paths;
mod predecessor;
mod races;
mod rejected;
mod remove;
mod renew;
mod requests;
mod rotate_bundle;
mod rotate_ca;
mod rotate_flags;
mod rotate_issuers;
mod show;
mod sides;
mod stdin;
mod store;
mod wishes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use egext::pki::check::StoredSet;
use egext::pki::edit::change;
use egext::pki::issue::{SetPlan, issue_set};
use egext::pki::rotation::{Rotation, RotationError, Step};
use egext::pki::store::Store;
use egext::pki::{Certificate, Identity, SET_FILES};
use egext_test_support::{Egext, LIMIT, Running};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
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

    fn init(&self, arguments: &[&str]) -> Egext {
        self.verb(&["init"]).args(arguments)
    }

    /// `egext certs` and a verb.
    fn verb(&self, arguments: &[&str]) -> Egext {
        crate::egext([]).limit(ENOUGH).current_dir(self.0.path()).arg("certs").args(arguments)
    }

    fn verb_json(&self, arguments: &[&str], code: i32) -> Value {
        let run = self.verb(arguments).args(["-o", "json"]).assert().code(code);
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    }

    /// How far the rotation of the CA has come.
    fn phase(&self) -> String {
        self.verb_json(&["rotate-ca", "status"], 0)["phase"].as_str().expect("a word").to_owned()
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let run = self.init(arguments).args(["-o", "json"]).assert().code(code);
        serde_json::from_slice(&run.get_output().stdout).expect("JSON")
    }

    /// Runs it in a shell that has been prepared.
    fn shell(&self, preparation: &str) -> Egext {
        self.shell_verb(preparation, "init")
    }

    fn shell_verb(&self, preparation: &str, verb: &str) -> Egext {
        let line = format!("{preparation}; exec \"$0\" certs {verb} \"$@\"");
        crate::script("sh", &line).limit(ENOUGH).current_dir(self.0.path())
    }

    /// What eight runs print that start at the same time.
    fn eight_at_once(&self, arguments: &[&str]) -> Vec<Output> {
        thread::scope(|scope| {
            let run = || self.verb(arguments).output();
            let runs = [(); 8].map(|()| scope.spawn(run));
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        })
    }

    fn start(&self, arguments: &[&str]) -> Running {
        self.verb(arguments).start()
    }

    /// Makes a step of a rotation at a time of its own.
    fn rotate_by(&self, step: impl FnOnce(&Rotation) -> Result<Step, RotationError>) {
        let act = |set| Ok::<_, RotationError>(step(&Rotation::of(set)?)?.edit());
        change(&self.certs(), &SET_FILES, false, act).expect("written");
    }

    /// A set that was made at another time.
    fn write_set(&self, now: OffsetDateTime) {
        self.write_plan(&SetPlan::default(), now);
    }

    fn write_plan(&self, plan: &SetPlan, now: OffsetDateTime) {
        let set = issue_set(plan, now).expect("a set");
        Store::open(&self.certs(), &SET_FILES).and_then(|store| store.write(&set.files())).expect("written");
    }

    /// Puts `text` in the place of a file of the current set, as who can write to the set can.
    fn replace(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.certs().join(".egext/current").join(name), text).expect("writable");
    }

    /// What the certificate of a leaf says, which has to belong to its key.
    fn leaf(&self, name: &str) -> Certificate {
        let path = |end: &str| self.certs().join(format!("{name}.{end}"));
        Identity::load(&path("crt"), &path("key")).expect("a pair").leaf().clone()
    }

    /// Fails with `words`, and changes nothing.
    fn assert_fails(&self, arguments: &[&str], words: impl snapbox::IntoData) {
        let before = self.tree();
        self.verb(arguments).assert().code(2).stdout_eq("").stderr_eq(words);
        assert_eq!(self.tree(), before, "{arguments:?}");
    }

    /// Every file of the set, read by the name that users know.
    fn files(&self) -> BTreeMap<&'static str, Vec<u8>> {
        SET_FILES.iter().map(|name| (*name, fs::read(self.certs().join(name)).expect("there"))).collect()
    }

    fn files_of(&self, name: &str) -> Vec<u8> {
        fs::read(self.certs().join(name)).expect("there")
    }

    /// Runs `openssl` there: its stdout.
    fn openssl(&self, arguments: &[&str]) -> String {
        let run = command("openssl").current_dir(self.0.path()).args(arguments).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8")
    }

    /// A root by OpenSSL, `name.crt` and `name.key`; `extensions` in place of those of a proper CA.
    fn make_root(&self, name: &str, key: &[&str], subject: &str, extensions: &str) {
        let [configuration, certificate, made_key] =
            ["cnf", "crt", "key"].map(|kind| format!("{name}.{kind}"));
        let extensions = if extensions.is_empty() { CA_EXTENSIONS } else { extensions };
        let text = format!(
            "[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\nx509_extensions=ext\n\
             [dn]\n{subject}[ext]\n{extensions}"
        );
        fs::write(self.path(&configuration), text).expect("writable");
        let mut arguments = vec!["req", "-x509", "-nodes", "-days", "3650", "-config", &configuration];
        arguments.extend(["-out", &certificate]);
        arguments.extend(key);
        if key.contains(&"-newkey") {
            arguments.extend(["-keyout", &made_key]);
        }
        // An empty subject has to be asked for.
        if subject.is_empty() {
            arguments.extend(["-subj", "/"]);
        }
        self.openssl(&arguments);
    }

    /// `root`, `middle` and `issuing`, and `chain.crt` from the last up; `limit` is of the root's path length.
    fn make_chain(&self, limit: &str) {
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let limited = CA_EXTENSIONS.replace("CA:true", &format!("CA:true{limit}"));
        self.make_root("root", &ec, "CN=root\n", &limited);
        fs::write(self.path("ca.ext"), CA_EXTENSIONS).expect("writable");
        for (name, issuer) in [("middle", "root"), ("issuing", "middle")] {
            let [request, key, certificate] = ["csr", "key", "crt"].map(|kind| format!("{name}.{kind}"));
            let [issuer_key, issuer] = ["key", "crt"].map(|kind| format!("{issuer}.{kind}"));
            let subject = format!("/CN={name}");
            let request_flags =
                ["req", "-new", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &request];
            self.openssl(&[&request_flags[..], &ec].concat());
            let sign = ["x509", "-req", "-days", "3650", "-extfile", "ca.ext", "-CA", &issuer, "-CAkey"];
            self.openssl(&[&sign[..], &[&issuer_key, "-in", &request, "-out", &certificate]].concat());
        }
        self.join(&["issuing.crt", "middle.crt", "root.crt"], "chain.crt");
    }

    /// `stray.crt`, for one name, signed by the set's CA with OpenSSL, which does not look at constraints.
    fn sign_by_hand(&self, name: &str) {
        fs::write(self.path("stray.ext"), format!("subjectAltName={name}\n")).expect("writable");
        let request = ["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        self.openssl(
            &[&request[..], &["-subj", "/CN=stray", "-keyout", "stray.key", "-out", "stray.csr"]].concat(),
        );
        let sign = ["x509", "-req", "-extfile", "stray.ext", "-CA", "certs/ca.crt", "-CAkey", "certs/ca.key"];
        self.openssl(&[&sign[..], &["-in", "stray.csr", "-out", "stray.crt"]].concat());
    }

    /// `NAME.csr`, which asks for one name, and its key.
    fn write_request(&self, name: &str, asked: &str) -> KeyPair {
        let key = KeyPair::generate().expect("a key");
        let request = CertificateParams::new([asked.to_owned()]).expect("a name");
        let request = request.serialize_request(&key).expect("a request").pem().expect("PEM");
        fs::write(self.path(&format!("{name}.csr")), request).expect("writable");
        key
    }

    fn join(&self, names: &[&str], whole: &str) {
        let parts = names.iter().map(|name| fs::read(self.path(name)).expect("readable")).collect::<Vec<_>>();
        fs::write(self.path(whole), parts.concat()).expect("writable");
    }

    fn remove(&self, names: &[&str]) {
        for name in names {
            fs::remove_file(self.path(name)).expect("removable");
        }
    }

    /// The first certificate of a file, DER.
    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(name)).expect("a certificate")
    }

    /// OpenSSL's strict mode accepts both leaf certificates, each for its own side only.
    fn verify_strictly(&self) {
        for (role, other) in [("server", "client"), ("client", "server")] {
            let certificate = format!("certs/{role}.crt");
            let verify = |purpose: &str| {
                command("openssl")
                    .current_dir(self.0.path())
                    .args(["verify", "-x509_strict", "-CAfile", "certs/ca.crt", "-untrusted", &certificate])
                    .args(["-purpose", &format!("ssl{purpose}"), &certificate])
                    .assert()
            };
            verify(role).success();
            verify(other).failure();
        }
    }

    fn refuse_strictly(&self, certificate: &str) {
        command("openssl")
            .current_dir(self.0.path())
            .args(["verify", "-CAfile", "certs/ca.crt", certificate])
            .assert()
            .failure()
            .stderr_eq(snapbox::str![["...\n[..]permitted subtree violation\n..."]]);
    }

    /// Nothing is made, and the error says why.
    fn assert_refused(&self, arguments: &[&str], reason: &str) {
        let before = self.tree();
        let run = self.init(arguments).arg("--force").assert().code(2).stdout_eq("");
        let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(words.starts_with("error: ") && words.contains(reason), "{arguments:?}: {words}");
        assert!(words.contains("\n  hint: "), "{arguments:?}: {words}");
        assert_eq!(self.tree(), before, "{arguments:?}");
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
                let is_set = |name: &str| ["set-", "new-"].iter().any(|prefix| name.starts_with(prefix));
                entry.as_ref().is_ok_and(|entry| is_set(&entry.file_name().to_string_lossy()))
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

/// A program that is not ours, with the same limits.
fn command(program: &str) -> Egext {
    Egext::new(program, [""; 0]).limit(ENOUGH)
}

/// RSA keys take long, in a debug build on a busy machine.
const ENOUGH: std::time::Duration = LIMIT.saturating_mul(5);

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A root that expired yesterday, PEM.
fn expired_root() -> String {
    let key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::default();
    root.distinguished_name.push(DnType::CommonName, "expired root");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (root.not_before, root.not_after) = (now() - Duration::days(90), now() - Duration::DAY);
    root.self_signed(&key).expect("signed").pem()
}

/// What a proper CA says of itself.
const CA_EXTENSIONS: &str = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n\
                             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

fn assert_whole(directory: &Path) -> Result<(), String> {
    let set = StoredSet::load(directory).map_err(|error| error.to_string())?;
    let findings = set.findings(set.server.leaf().not_before + Duration::hours(2));
    if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
}
