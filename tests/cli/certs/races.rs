//! Directories, files and links that somebody exchanges in a loop, while we work in them.
//!
//! The exchanges are made by this process, so where it runs as root they are more than another user could do.
//! `EGEXT_RACES` says how often each verb runs in each of them; `.ci/run` asks for 60.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use egext::pki::check::StoredSet;
use egext_test_support::is_root;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::owners::NOBODY;
use super::{Place, assert_whole};

/// What writes, and what reads keys.
const VERBS: [&str; 6] = [
    "renew --force",
    "renew --force --role client",
    "init --force",
    "rotate-ca prepare",
    "check",
    "pack server --out packed.tar",
];

/// Two sets of our own that change places: each stays whole, of its own CA, whichever was worked on.
#[test]
fn two_sets_are_never_mixed() {
    let place = Place::new();
    for directory in ["certs", "other"] {
        place.init(&["--dir", directory]).assert().success();
    }
    let issuers = || {
        let mut issuers = ["certs", "other"].map(|name| issuer(&place.path(name)));
        issuers.sort();
        issuers
    };
    let before = issuers();
    while_exchanged(
        &place,
        |_| Some((place.certs(), place.path("other"))),
        |_| {
            // A new CA is not what is looked at here.
            run(
                &place,
                &["renew --force", "renew --force --role client", "check", "pack server --out packed.tar"],
            );
        },
    );
    assert_eq!(before, issuers());
    for directory in ["certs", "other"] {
        assert_whole(&place.path(directory)).expect("a whole set");
    }
}

/// A file of the current set and a link to a secret change places, and so do its directory and one full of such links.
#[test]
fn what_a_link_leads_to_is_not_taken_along() {
    for decoy in ["link", "directory"] {
        let place = Place::new();
        place.init(&[]).assert().success();
        fs::write(place.path("secret"), SECRET).expect("writable");
        symlink(place.path("secret"), place.path("link")).expect("a link");
        fs::create_dir(place.path("directory")).expect("a directory");
        fs::set_permissions(place.path("directory"), fs::Permissions::from_mode(0o700)).expect("ours");
        for name in egext::pki::SET_FILES {
            symlink(place.path("secret"), place.path("directory").join(name)).expect("a link");
        }
        let current = || fs::read_link(place.certs().join(".egext/current")).ok();
        let victim = |_: usize| {
            let set = place.certs().join(".egext").join(current()?);
            Some((if decoy == "link" { set.join("server.key") } else { set }, place.path(decoy)))
        };
        while_exchanged(&place, victim, |_| run(&place, &["renew --force --role client", "check"]));
        // The secret is where it was, and what is left of the decoy is a link.
        let leaked = place.tree().into_iter().filter(|(_, contents)| contents.as_slice() == SECRET);
        assert_eq!(leaked.map(|(path, _)| path).collect::<Vec<_>>(), [place.path("secret")], "{decoy}");
    }
}

/// Root works in a directory of somebody else, who exchanges theirs and one of root's.
#[test]
fn root_is_not_led_into_its_own_directories() {
    if !is_root() {
        return;
    }
    for (owned, one, other) in [
        ("home", "home/certs", "home/victim"),
        ("home/certs", "home/certs/.egext", "home/victim/.egext"),
        ("home/certs/.egext", "home/certs/.egext", "home/victim/.egext"),
    ] {
        let place = Place::new();
        for directory in ["home/certs", "home/victim"] {
            place.init(&["--dir", directory]).assert().success();
        }
        for path in below(&place.path("home/certs")) {
            lchown(path, Some(NOBODY), Some(NOBODY)).expect("root");
        }
        chown(place.path(owned), Some(NOBODY), Some(NOBODY)).expect("root");
        let before = facts(&place.path("home"));
        while_exchanged(
            &place,
            |_| Some((place.path(one), place.path(other))),
            |_| {
                run(&place, &VERBS.map(|verb| format!("{verb} --dir home/certs")));
                let issue = "issue client --san a --out a --dir home/certs";
                run(&place, &[issue, "init --dir home/certs/new/certs"]);
            },
        );
        assert!(before == facts(&place.path("home")), "something has changed below {owned}");
    }
}

/// Two links in a directory like `/tmp`, one of root and one of somebody else, to another set of root's.
#[test]
fn a_link_of_somebody_else_is_not_followed() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    for directory in ["certs", "victim"] {
        place.init(&["--dir", directory]).assert().success();
    }
    fs::create_dir(place.path("shared")).expect("a directory");
    fs::set_permissions(place.path("shared"), fs::Permissions::from_mode(0o1777)).expect("ours");
    symlink("../certs", place.path("shared/link")).expect("a link");
    symlink("../victim", place.path("shared/trap")).expect("a link");
    lchown(place.path("shared/trap"), Some(NOBODY), Some(NOBODY)).expect("root");
    let before = facts(&place.path("victim"));
    while_exchanged(
        &place,
        |_| Some((place.path("shared/link"), place.path("shared/trap"))),
        |_| {
            run(&place, &VERBS.map(|verb| format!("{verb} --dir shared/link")));
        },
    );
    assert!(before == facts(&place.path("victim")), "somebody else's link was followed");
}

/// Exchanges what `pair` names as fast as it can, while `work` is done again and again.
fn while_exchanged(
    place: &Place,
    pair: impl Fn(usize) -> Option<(PathBuf, PathBuf)> + Sync,
    mut work: impl FnMut(usize),
) {
    let (done, exchanged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let exchange = |(one, other): &(PathBuf, PathBuf)| {
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                // Forth and back, so that the one that is worked on is there half of the time.
                if let Some(pair) = pair(round)
                    && exchange(&pair)
                    && exchange(&pair)
                {
                    exchanged.fetch_add(1, Ordering::Relaxed);
                }
                round += 1;
            }
        });
        // Whatever `work` does, the other thread has to end.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..rounds() {
                work(round);
                // What is packed is proof of nothing.
                let _ = fs::remove_file(place.path("packed.tar"));
            }
        }));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    assert!(exchanged.load(Ordering::Relaxed) > 0, "nothing was exchanged");
}

/// Each of them ends in one of the ways that commands end.
fn run<V: AsRef<str>>(place: &Place, verbs: &[V]) {
    for verb in verbs {
        let words = verb.as_ref().split(' ').collect::<Vec<_>>();
        let output = place.verb(&words).output();
        assert!(
            output.status.code().is_some_and(|code| code <= 3),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn issuer(directory: &Path) -> String {
    let set = StoredSet::load(directory).expect("a set");
    set.server.leaf().issuer.to_string()
}

/// The directory and everything below it.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut paths = vec![directory.to_owned()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            let entries = fs::read_dir(path).expect("a directory");
            paths.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        next += 1;
    }
    paths
}

/// Contents, owner, group and mode of everything, by where it is.
fn facts(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, u32, u32)> {
    let fact = |path: PathBuf| {
        let metadata = path.symlink_metadata().expect("there");
        let contents = match metadata.file_type() {
            kind if kind.is_dir() => Vec::new(),
            kind if kind.is_symlink() => {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            }
            _ => fs::read(&path).expect("a file"),
        };
        (path, (contents, metadata.uid(), metadata.gid(), metadata.mode()))
    };
    below(directory).into_iter().map(fact).collect()
}

fn rounds() -> usize {
    env::var("EGEXT_RACES").map_or(15, |number| number.parse().expect("`EGEXT_RACES` is a number"))
}

const SECRET: &[u8] = b"a secret of root's";
