//! SIGKILL at any moment, while somebody reads.
//!
//! `EGEXT_KILLS` says how many runs of each kind are killed; `.ci/run` asks for 100.

use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use egext::pki::{Identity, SET_FILES};
use egext_test_support::Running;

use super::Place;
use super::other_ca::Company;

#[test]
fn a_kill_at_any_moment_leaves_a_whole_set() {
    let place = Place::new();
    place.init(&[]).assert().success();
    kill_each(&place, |_| &["init", "--force"]);
    place.init(&["--force"]).assert().success();
    assert_eq!(place.sets(), 2, "what the killed runs have left is swept");
}

#[test]
fn a_renewal_that_is_killed_leaves_a_whole_set_and_the_same_ca() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let ca = place.files();
    kill_each(&place, |_| &["renew", "--force"]);
    for name in ["ca.crt", "ca.key"] {
        assert_eq!(place.files()[name], ca[name], "{name}");
    }
    place.verb(&["renew", "--force"]).assert().success();
    assert_eq!(place.sets(), 2, "what the killed runs have left is swept");
}

#[test]
fn a_rotation_that_is_killed_is_before_a_step_or_behind_it() {
    let place = Place::new();
    place.init(&[]).assert().success();
    // Whatever the run before has reached, the next step can be made.
    kill_each(&place, |place| match place.phase().as_str() {
        "idle" => &["rotate-ca", "prepare"],
        "prepared" => &["rotate-ca", "activate"],
        _ => &["rotate-ca", "finish"],
    });
}

/// As if the run had been killed between the new set and the removal: whatever command comes next makes up for it.
#[test]
fn a_ca_key_that_was_to_be_discarded_goes_with_the_next_command() {
    for next in [&["check"][..], &["show"], &["renew"], &["rotate-ca", "status"]] {
        let place = Place::new();
        place.init(&[]).assert().success();
        let key = fs::read(place.certs().join("ca.key")).expect("there");
        place.init(&["--force", "--discard-ca-key"]).assert().success();
        let hidden = place.certs().join(".egext");
        let (current, left) =
            (fs::read_link(hidden.join("current")).expect("a link"), hidden.join("previous/ca.key"));
        assert!(
            !left.exists() && !hidden.join("forgotten").exists(),
            "a run that is not killed leaves nothing"
        );
        // The new set is not there yet: the key is needed.
        fs::write(&left, &key).expect("ours");
        std::os::unix::fs::symlink("set-0123", hidden.join("forgotten")).expect("ours");
        place.verb(next).output();
        assert!(left.exists() && !hidden.join("forgotten").is_symlink(), "{next:?}");
        std::os::unix::fs::symlink(&current, hidden.join("forgotten")).expect("ours");
        place.verb(next).output();
        assert!(!left.exists() && !hidden.join("forgotten").is_symlink(), "{next:?}");
        assert_eq!(fs::read_link(hidden.join("current")).expect("a link"), current);
    }
}

#[test]
fn a_run_that_is_killed_while_it_discards_a_ca_key_does_so_with_the_next_command() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let one_run = one_run(&["init", "--force", "--discard-ca-key"], &place);
    for number in 0..kills() {
        place.init(&["--force"]).assert().success();
        let ca = place.files()["ca.crt"].clone();
        kill_after(place.start(&["init", "--force", "--discard-ca-key"]), random(one_run, number));
        place.verb(&["check"]).output();
        let is_new = fs::read(place.certs().join("ca.crt")).expect("there") != ca;
        let left = place.certs().join(".egext/previous/ca.key").exists();
        assert!(!(is_new && left), "the set is new, and the key of the CA before is there");
    }
}

#[test]
fn a_rotation_to_a_company_and_back_that_is_killed_is_before_a_step_or_behind_it() {
    let place = Place::new();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    place.init(&["--ca-cert", "corp.crt", "--ca-key", "corp.key"]).assert().success();
    // What signs next follows from what signs now, so that it goes there and back.
    kill_each(&place, |place| {
        let current = place.certs().join(".egext/current");
        match (place.phase().as_str(), current.join("ca.key").exists(), current.join(".next-ca.key").exists())
        {
            ("idle", false, _) => &["rotate-ca", "prepare", "--private-ca"],
            ("idle", true, _) => &["rotate-ca", "prepare", "--ca-cert", "corp.crt", "--ca-key", "corp.key"],
            ("prepared", _, true) => &["rotate-ca", "activate"],
            ("prepared", _, false) => {
                &["rotate-ca", "activate", "--ca-cert", "corp.crt", "--ca-key", "corp.key"]
            }
            _ => &["rotate-ca", "finish"],
        }
    });
}

/// As if the run had been killed between the new set and the link to its CA's key.
#[test]
fn the_link_to_a_new_ca_key_is_made_by_the_next_command() {
    let place = Place::new();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    place.init(&["--ca-cert", "corp.crt", "--ca-key", "corp.key"]).assert().success();
    let link = place.certs().join("ca.key");
    assert!(!link.is_symlink(), "the company's key stays with the company");
    place.verb(&["rotate-ca", "prepare", "--private-ca"]).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().success();
    fs::remove_file(&link).expect("a link");
    place.assert_whole();
    place.verb(&["rotate-ca", "finish"]).assert().success();
    assert!(link.is_symlink() && link.exists(), "it leads to the key");
}

#[test]
fn a_first_run_that_is_killed_leaves_nothing_or_a_whole_set() {
    let one_run = one_run(&["init"], &Place::new());
    for number in 0..kills() {
        let place = Place::new();
        kill_after(place.start(&["init"]), random(one_run, number));
        let present = SET_FILES.iter().filter(|name| place.certs().join(name).exists()).count();
        assert!(present == 0 || present == SET_FILES.len(), "{present} of {} files", SET_FILES.len());
        place.init(&[]).assert().success();
        place.assert_whole();
        assert_eq!(place.sets(), 1);
    }
}

#[test]
fn a_take_over_that_is_killed_leaves_a_whole_set() {
    let made = Place::new();
    made.init(&[]).assert().success();
    let copy = |place: &Place| {
        fs::create_dir(place.certs()).expect("a directory");
        for (name, text) in made.files() {
            fs::write(place.certs().join(name), text).expect("writable");
        }
    };
    let first = Place::new();
    copy(&first);
    let one_run = one_run(&["renew", "--force"], &first);
    for number in 0..kills() {
        let place = Place::new();
        copy(&place);
        kill_after(place.start(&["renew", "--force"]), random(one_run, number));
        place.assert_whole();
        for name in ["ca.crt", "ca.key"] {
            assert_eq!(place.files()[name], made.files()[name], "{name}");
        }
        place.verb(&["renew", "--force"]).assert().success();
        place.assert_whole();
        assert!(SET_FILES.iter().all(|name| place.certs().join(name).is_symlink()));
        assert_eq!(place.sets(), 2, "what the killed run has left is swept");
    }
}

/// Kills runs of `verb` at random moments, while a reader never finds anything but a whole set.
fn kill_each(place: &Place, verb: impl Fn(&Place) -> &'static [&'static str]) {
    let one_run = one_run(verb(place), place);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_usize;
            while !done.load(Ordering::Relaxed) {
                place.assert_whole_while_written();
                reads += 1;
            }
            reads
        });
        // Also when this test fails: the scope waits for the reader.
        let stop = StopsWhenDropped(&done);
        for number in 0..kills() {
            kill_after(place.start(verb(place)), random(one_run, number));
            place.assert_whole();
            assert_next_ca_is_whole(place);
        }
        drop(stop);
        assert!(reader.join().expect("every set was whole") > 0);
    });
}

struct StopsWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A CA that is about to sign has its key, if it is ours, and is trusted already.
fn assert_next_ca_is_whole(place: &Place) {
    let current = place.certs().join(".egext/current");
    let file = |name: &str| current.join(name);
    if file(".next-ca.crt").exists() && !file(".next-ca.key").exists() {
        let path = egext::pki::Anchors::load(&file(".next-ca.crt")).expect("a chain");
        let trusted = egext::pki::Anchors::load(&place.certs().join("ca.crt")).expect("a bundle");
        let root = path.certificates().last().expect("at least one");
        assert!(trusted.certificates().contains(root), "its root is trusted");
    } else if file(".next-ca.key").exists() {
        let next = Identity::load(&current.join(".next-ca.crt"), &current.join(".next-ca.key"));
        let next = next.expect("the new CA has its key");
        let trusted = egext::pki::Anchors::load(&place.certs().join("ca.crt")).expect("a bundle");
        assert!(trusted.certificates().contains(&next.chain()[0]), "the new CA is trusted");
    }
}

fn kill_after(run: Running, moment: Duration) {
    thread::sleep(moment);
    // It may have ended before: then there is nothing to kill, and the set must be whole all the same.
    run.kill();
}

fn one_run(verb: &[&str], place: &Place) -> Duration {
    let started = Instant::now();
    place.verb(verb).assert().success();
    started.elapsed()
}

/// A moment in a run, or a little after it.
fn random(one_run: Duration, number: u32) -> Duration {
    let random = RandomState::new().hash_one(number) % 1000;
    one_run * u32::try_from(random).expect("below a thousand") / 900
}

fn kills() -> u32 {
    env::var("EGEXT_KILLS").map_or(40, |number| number.parse().expect("`EGEXT_KILLS` is a number"))
}
