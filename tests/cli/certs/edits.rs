//! Every verb that changes a set does so in one way: what a dry run says is what the run would do or refuse, and two runs at
//! once do not decide from the same set.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;

use egext_test_support::Running;
use serde_json::Value;

use super::{Place, command};

/// Each of them, in an order in which all succeed.
const VERBS: [&str; 9] = [
    "renew --force",
    "renew --name server --add-san eg.example",
    "issue client --san a.example --out a",
    "issue server --san b.example --out server --replace",
    "rotate-ca prepare",
    "rotate-ca activate",
    "rotate-ca finish",
    "remove gw2",
    "init --force",
];

/// What is wrong with the set, the other arguments of the verb, and how it is made.
type Defect = (&'static str, &'static str, fn(&Place));

/// None of them is a fault of the arguments, so a verb has to look to find it.
const DEFECTS: [Defect; 8] = [
    ("no set", "--dir nowhere", |_| {}),
    ("Envoy Gateway's directory", "", |place| {
        for name in ["envoy", "envoy-gateway"] {
            fs::create_dir(place.certs().join(name)).expect("writable");
            fs::write(place.certs().join(name).join("tls.crt"), "").expect("writable");
        }
    }),
    ("a link of another user", "", |place| {
        place.remove(&["certs/server.crt"]);
        symlink("../elsewhere.crt", place.certs().join("server.crt")).expect("a link");
    }),
    ("another CA's key", "", |place| {
        place.replace("ca.key", fs::read(place.path("other/ca.key")).expect("there"));
    }),
    ("a broken CA key", "", |place| place.replace("ca.key", "broken")),
    ("no CA key", "", |place| place.remove(&["certs/ca.key", "certs/.egext/current/ca.key"])),
    ("foreign files", "", |place| {
        for name in ["a.crt", "a.key"] {
            fs::write(place.certs().join(name), "foreign").expect("writable");
        }
    }),
    ("a certificate of another CA", "", |place| {
        for name in ["client.crt", "client.key"] {
            place.replace(name, fs::read(place.path("other").join(name)).expect("there"));
        }
    }),
];

/// A set with one more client, in a state in which `verb` has something to do.
fn place_for(verb: &str) -> Place {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["issue", "client", "gw2.internal", "--out", "gw2"]).assert().success();
    let steps: &[&str] = match verb {
        "rotate-ca activate" => &["prepare"],
        "rotate-ca finish" => &["prepare", "activate"],
        _ => &[],
    };
    for step in steps {
        place.verb(&["rotate-ca", step]).assert().success();
    }
    place
}

fn words<'a>(verb: &'a str, further: &'a str) -> Vec<&'a str> {
    verb.split(' ').chain(further.split(' ')).filter(|word| !word.is_empty()).collect()
}

impl Place {
    /// Exit code and stderr.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let run = self.verb(arguments).output();
        (run.status.code(), String::from_utf8(run.stderr).expect("UTF-8"))
    }

    /// Everything that a write would change: what there is, which file it is, when it was changed.
    fn marks(&self) -> BTreeMap<PathBuf, (u64, i64, i64)> {
        let mark = |path: &Path| {
            let metadata = path.symlink_metadata().expect("there");
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        let mut marks =
            self.tree().into_keys().map(|path| (path.clone(), mark(&path))).collect::<BTreeMap<_, _>>();
        marks.insert(self.path(""), mark(&self.path("")));
        marks
    }
}

#[test]
fn a_dry_run_refuses_what_the_run_refuses() {
    let mut refused = 0;
    for verb in VERBS {
        let whole = place_for(verb);
        whole.init(&["--dir", "other"]).assert().success();
        for (defect, further, make) in DEFECTS {
            let place = Place::new();
            let copy = ["-a", ".", place.0.path().to_str().expect("UTF-8")];
            command("cp").current_dir(whole.path("")).args(copy).assert().success();
            make(&place);
            let dry = place.run(&[&words(verb, further)[..], &["--dry-run"]].concat());
            let run = place.run(&words(verb, further));
            if run.0 == Some(2) {
                assert_eq!(dry, run, "{verb}, {defect}");
                refused += 1;
            } else {
                assert!(
                    matches!((dry.0, run.0), (Some(0 | 3), Some(0))),
                    "{verb}, {defect}: {dry:?} {run:?}"
                );
            }
        }
    }
    assert!(refused > 30, "{refused} only");
}

#[test]
fn a_dry_run_writes_nothing_and_takes_no_lock() {
    for verb in VERBS {
        let place = place_for(verb);
        // A copy of plain files has no lock, and its first writer makes one.
        let script = "cp -rL certs copy && rm -r copy/.egext";
        command("sh").current_dir(place.path("")).args(["-c", script]).assert().success();
        for directory in ["certs", "copy", "nowhere"] {
            // The next CA of a rotation is no file of the user's.
            if directory == "copy" && verb == "rotate-ca activate" {
                continue;
            }
            let before = place.marks();
            let dry = place.run(&[&words(verb, "")[..], &["--dir", directory, "--dry-run"]].concat());
            let is_refused = directory == "nowhere" && verb != "init --force";
            assert_eq!(dry.0 == Some(2), is_refused, "{verb} in {directory}: {dry:?}");
            assert_eq!(place.marks(), before, "{verb} in {directory}");
        }
    }
}

/// A renewal waits for its passphrase while it holds the lock.
#[test]
fn no_other_run_changes_the_set_while_one_decides() {
    let place = locked();
    let (waits, stdin) = place.wait_for_passphrase(&["renew", "--force"]);
    // Few of them: a pipe that stays open for 10 s is an error.
    for verb in ["renew --force", "rotate-ca finish"] {
        let (code, said) = place.run(&words(verb, ""));
        assert_eq!(code, Some(2), "{verb}: {said}");
        assert!(said.starts_with("error: another `egext` is writing to `certs`\n"), "{verb}: {said}");
    }
    // A dry run needs no lock.
    assert_eq!(place.run(&["renew", "--force", "--dry-run"]).0, Some(3));
    drop(stdin);
    assert_eq!(waits.finish().0, 0);
    place.assert_whole();
}

/// The step is judged by the set that is under the lock, not by the one that was there when the run began.
#[test]
fn a_step_that_another_run_has_made_meanwhile_is_not_made_again() {
    let place = locked();
    let prepare = ["rotate-ca", "prepare", "-o", "json"];
    let (waits, stdin) = place.wait_for_passphrase(&prepare);
    place.verb(&[&prepare[..], &["--ca-key-passphrase-file", "fits"]].concat()).assert().success();
    let before = place.tree();
    drop(stdin);
    let (code, stdout, _) = waits.finish_with_stdout();
    let report = serde_json::from_str::<Value>(&stdout).expect("JSON");
    assert_eq!((report["outcome"].as_str(), Some(code)), (Some("unchanged"), Some(0)));
    assert_eq!(place.tree(), before);
}

/// A daily look needs no passphrase, but with it the look sees that it does not fit.
#[test]
fn a_dry_run_opens_the_key_of_the_ca_if_it_can() {
    let place = locked();
    assert_eq!(place.run(&["renew", "--force", "--dry-run"]).0, Some(3));
    let with = |file| ["renew", "--force", "--ca-key-passphrase-file", file];
    assert_eq!(place.run(&[&with("fits")[..], &["--dry-run"]].concat()).0, Some(3));
    fs::write(place.path("wrong"), "open barley\n").expect("writable");
    let dry = place.run(&[&with("wrong")[..], &["--dry-run"]].concat());
    assert_eq!((dry.0, &dry), (Some(2), &place.run(&with("wrong"))));
}

/// A set whose CA key is encrypted, and a passphrase that fits.
fn locked() -> Place {
    let place = Place::new();
    fs::write(place.path("fits"), "open sesame\n").expect("writable");
    place.init(&["--ca-key-passphrase-file", "fits"]).assert().success();
    place
}

impl Place {
    /// A run that reads the passphrase from stdin, has begun to, and waits for the end.
    fn wait_for_passphrase(&self, arguments: &[&str]) -> (Running, ChildStdin) {
        let run = self.verb(arguments).args(["--ca-key-passphrase-file", "-"]);
        let mut run = run.open_stdin().start();
        let mut stdin = run.stdin();
        // More than a pipe takes at once, so that this ends when it is read. Only the first line counts.
        let text = format!("open sesame\n{}", "\n".repeat(PIPE));
        stdin.write_all(text.as_bytes()).expect("it reads");
        (run, stdin)
    }
}

/// How much a pipe holds on Linux by default.
const PIPE: usize = 1 << 16;
