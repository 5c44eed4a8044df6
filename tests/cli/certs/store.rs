//! What the store never does, whichever verb asks.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use super::Place;

#[test]
fn envoy_gateways_own_directory_is_left_alone() {
    let place = Place::new();
    for name in ["envoy-gateway", "envoy", "envoy-rate-limit"] {
        let directory = place.path("home/certs").join(name);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("tls.crt"), "theirs").expect("writable");
    }
    symlink("home/certs", place.path("link")).expect("a link");
    let before = place.tree();
    for directory in ["home/certs", "home/certs/envoy-gateway", "home/certs/mine/deeper", "link/mine"] {
        place.init(&["--dir", directory]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `[..]/home/certs` belongs to Envoy Gateway, whose own certificates are there
  hint: name another directory with `--dir`: these files have the same names, and `envoy-gateway certgen` overwrites them

"]]);
    }
    assert_eq!(place.tree(), before);
    place.init(&["--dir", "home/mine"]).assert().success();
}

#[test]
fn a_default_home_of_envoy_gateway_is_known_before_it_is_filled() {
    let place = Place::new();
    place.init(&["--dir", ".config/envoy-gateway/certs"]).assert().code(2);
    place.init(&["--dir", "envoy-gateway/certs"]).assert().success();
}

#[test]
fn a_full_disk_leaves_the_set_as_it_was() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    for verb in ["renew --force", "rotate-ca prepare", "issue client --san a --out a"] {
        // Every write to a file fails, as on a full disk; it holds for root as well.
        place.shell_verb("ulimit -f 0", verb).assert().code(2).stderr_eq(str![[r"
error: cannot write `certs/.egext/new-[..]`: File too large (os error 27)
  hint: raise the limit on the size of files: `ulimit -f`

"]]);
        assert_eq!(place.tree(), before, "{verb}");
    }
}

#[test]
fn of_two_renewals_one_waits_for_another_day() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let mut renewed = 0;
    for output in place.eight_at_once(&["renew", "--force"]) {
        let words = String::from_utf8(output.stderr).expect("UTF-8");
        match output.status.code() {
            Some(0) => renewed += 1,
            code => assert!(
                code == Some(2) && words.starts_with("error: another `egext` is writing to `certs`\n"),
                "{code:?}: {words}"
            ),
        }
    }
    assert!(renewed > 0);
    place.assert_whole();
}

#[test]
fn a_foreign_file_in_the_way_stops_every_verb() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let link = place.certs().join("server.key");
    fs::remove_file(&link).expect("removable");
    symlink("/dev/null", &link).expect("a link");
    let before = place.tree();
    for verb in [&["renew", "--force"][..], &["rotate-ca", "prepare"]] {
        place.verb(verb).assert().code(2);
    }
    assert_eq!(place.tree(), before);
}
