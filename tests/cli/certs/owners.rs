//! Whose a directory is, and who else could put other files into it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use egext_test_support::{is_root, skipped};
use snapbox::str;

use super::Place;
use crate::egext;

pub(super) const NOBODY: u32 = 65534;

/// Every verb that writes into a set or reads a key of it.
const VERBS: [&[&str]; 6] = [
    &["init"],
    &["init", "--force"],
    &["renew", "--force"],
    &["rotate-ca", "prepare"],
    &["issue", "client", "--san", "a", "--out", "a"],
    &["pack", "server", "--out", "packed.tar"],
];

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    for (bits, command) in [(0o777, "chmod go-w"), (0o1777, ""), (0o702, "chmod go-w")] {
        let place = Place::new();
        place.init(&[]).assert().success();
        mode(&place.certs(), bits);
        let before = place.tree();
        let hint = match command {
            "" => "name a directory below it: `certs/certs`".to_owned(),
            command => format!("`{command} certs`"),
        };
        for verb in VERBS {
            place.verb(verb).assert().code(2).stdout_eq("").stderr_eq(format!(
                "error: `certs` can be written to by other users (mode {bits:04o}), who can replace files in it\n  hint: {hint}\n"
            ));
        }
        assert!(place.tree() == before, "something has changed");
        mode(&place.certs(), 0o755);
        place.verb(&["renew", "--force"]).assert().success();
    }
}

#[test]
fn a_directory_above_that_others_can_write_to_is_refused() {
    let place = Place::new();
    place.init(&["--dir", "open/deep/certs"]).assert().success();
    mode(&place.path("open"), 0o777);
    let before = place.tree();
    for verb in VERBS {
        place.verb(verb).args(["--dir", "open/deep/certs"]).assert().code(2).stdout_eq("").stderr_eq(str![[
            r"
error: `open` can be written to by other users (mode 0777), who can replace files in it
  hint: `chmod go-w open`

"
        ]]);
    }
    assert!(place.tree() == before, "something has changed");
    // Nobody can replace what is not theirs there.
    mode(&place.path("open"), 0o1777);
    place.verb(&["renew", "--force", "--dir", "open/deep/certs"]).assert().success();
    // And above the working directory.
    mode(&place.path("open"), 0o777);
    let deep = place.path("open/deep");
    place.verb(&["renew"]).current_dir(&deep).assert().code(2).stderr_eq(str![[r"
error: `[..]/open` can be written to by other users (mode 0777), who can replace files in it
  hint: `chmod go-w [..]/open`

"]]);
}

#[test]
fn what_is_in_the_store_is_for_its_owner_alone() {
    for inner in [".egext", ".egext/current"] {
        let place = Place::new();
        place.init(&[]).assert().success();
        mode(&place.certs().join(inner), 0o777);
        let before = place.tree();
        for verb in &VERBS[1..] {
            place.verb(verb).assert().code(2);
        }
        assert!(place.tree() == before, "{inner}");
    }
}

#[test]
fn current_is_one_component() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.init(&["--dir", "elsewhere"]).assert().success();
    let set = fs::canonicalize(place.path("elsewhere/.egext/current")).expect("a set");
    let current = place.certs().join(".egext/current");
    let name = set.file_name().expect("a name").to_str().expect("UTF-8");
    for target in [
        set.display().to_string(),
        format!("../../elsewhere/.egext/{name}"),
        "..".to_owned(),
        "lock".to_owned(),
        "set-".to_owned(),
    ] {
        fs::remove_file(&current).expect("a link");
        symlink(&target, &current).expect("a link");
        let before = place.tree();
        for verb in VERBS {
            place.verb(verb).assert().code(2).stdout_eq("").stderr_eq(format!(
                "error: `certs/.egext/current` leads to `{target}`, not to a set of `egext`\n  \
                 hint: it was changed since: put the link back, or name another directory with `--dir`\n"
            ));
        }
        assert!(place.tree() == before, "{target}");
    }
}

#[test]
fn a_link_that_was_typed_is_followed_where_that_is_safe() {
    let place = Place::new();
    fs::create_dir(place.path("real")).expect("a directory");
    mode(&place.path("real"), 0o700);
    symlink("real", place.certs()).expect("a link");
    place.init(&[]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    assert!(place.path("real/.egext").is_dir());
    if !is_root() {
        return;
    }
    // In a directory like /tmp, where anybody can put a link.
    fs::create_dir(place.path("shared")).expect("a directory");
    mode(&place.path("shared"), 0o1777);
    let link = place.path("shared/link");
    symlink("../real", &link).expect("a link");
    place.verb(&["renew", "--force", "--dir", "shared/link"]).assert().success();
    std::os::unix::fs::lchown(&link, Some(NOBODY), Some(NOBODY)).expect("root");
    let before = place.tree();
    for verb in VERBS {
        place.verb(verb).args(["--dir", "shared/link"]).assert().code(2).stderr_eq(str![[r"
error: `shared/link` belongs to user `nobody`, who can replace it
  hint: run it as that user, with `sudo -u nobody`, or name a directory of your own

"]]);
    }
    assert!(place.tree() == before, "something has changed");
}

#[test]
fn root_leaves_the_directories_of_others_alone() {
    if !is_root() {
        return;
    }
    for (owned, strange) in
        [("home", "home/certs"), ("home/certs", "home/certs"), ("home/certs/.egext", "home/certs")]
    {
        let place = Place::new();
        place.init(&["--dir", "home/certs"]).assert().success();
        chown(place.path(owned), Some(NOBODY), Some(NOBODY)).expect("root");
        let before = place.tree();
        for verb in VERBS {
            place.verb(verb).args(["--dir", strange]).assert().code(2).stdout_eq("").stderr_eq(format!(
                "error: `{owned}` belongs to user `nobody`, who can replace files in it\n  \
                 hint: run it as that user, with `sudo -u nobody`, or name a directory of your own\n"
            ));
        }
        place.verb(&["init", "--dir", &format!("{owned}/new/certs")]).assert().code(2);
        assert!(place.tree() == before, "{owned}");
        assert_eq!(fs::metadata(place.path(owned)).expect("there").uid(), NOBODY);
    }
}

#[test]
fn a_group_counts_as_others_unless_it_is_private() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    place.init(&[]).assert().success();
    mode(&place.certs(), 0o775);
    place.verb(&["renew", "--force"]).assert().success();
    chown(place.certs(), None, Some(NOBODY)).expect("root");
    mode(&place.certs(), 0o775);
    place.verb(&["renew", "--force"]).assert().code(2).stderr_eq(str![[r"
error: `certs` can be written to by other users (mode 0775), who can replace files in it
  hint: `chmod g-w certs`

"]]);
}

/// As `setfacl -m u:UID:PERMISSIONS` makes it. The mode shows the mask where it shows the group otherwise.
#[cfg(target_os = "linux")]
fn set_list(path: &Path, user: u32, permissions: u16) -> bool {
    use rustix::fs::{XattrFlags, setxattr};

    const NONE: u32 = u32::MAX;
    let entries =
        [(0x01, 7, NONE), (0x02, permissions, user), (0x04, 5, NONE), (0x10, 7, NONE), (0x20, 5, NONE)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(permissions));
        list.extend(u32::to_le_bytes(id));
    }
    setxattr(path, "system.posix_acl_access", &list, XattrFlags::empty()).is_ok()
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_an_access_list_lets_write_is_another_user() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    place.init(&["--dir", "above/certs"]).assert().success();
    for directory in ["above", "above/certs", "above/certs/.egext", "above/certs/.egext/current"] {
        let path = place.path(directory);
        let before = fs::metadata(&path).expect("there").permissions();
        if !set_list(&path, NOBODY, 7) {
            skipped("the file system has no access lists");
            return;
        }
        for verb in VERBS {
            let run = place.verb(verb).args(["--dir", "above/certs"]).assert().code(2);
            let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
            assert!(words.contains("can be written to by other users (mode 0775)"), "{verb:?}: {words}");
        }
        // What they may not do does no harm, and what the hint says takes it away.
        assert!(set_list(&path, NOBODY, 5));
        place.verb(&["renew", "--force", "--dir", "above/certs"]).assert().success();
        assert!(set_list(&place.path(directory), NOBODY, 7));
        mode(&place.path(directory), 0o755);
        place.verb(&["renew", "--force", "--dir", "above/certs"]).assert().success();
        fs::set_permissions(place.path(directory), before).expect("ours");
    }
}

#[test]
fn parents_are_never_for_others_to_write_to() {
    let place = Place::new();
    place.shell_verb("umask 000", "init --dir a/b/certs").assert().success();
    let mode = |name: &str| fs::metadata(place.path(name)).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode("a"), mode("a/b"), mode("a/b/certs")), (0o755, 0o755, 0o700));
}

#[test]
fn nothing_but_regular_files_is_read_from_a_set() {
    type Make = fn(&Path);
    let kinds: [(&str, Make); 3] = [
        ("a link", |path| symlink("/etc/hostname", path).expect("a link")),
        ("a pipe", |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.expect("coreutils").success());
        }),
        ("a directory", |path| fs::create_dir(path).expect("a directory")),
    ];
    for (kind, make) in kinds {
        let place = Place::new();
        place.init(&[]).assert().success();
        let file = place.certs().join(".egext/current/client.key");
        fs::remove_file(&file).expect("ours");
        make(&file);
        let before = fs::symlink_metadata(&file).expect("there");
        for verb in [&["renew", "--force", "--role", "server"][..], &["rotate-ca", "prepare"]] {
            place.verb(verb).assert().code(2).stdout_eq("");
        }
        let after = fs::symlink_metadata(&file).expect("there");
        assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()), "{kind}");
    }
}

/// The files of `place` that `certs check` says others can replace, with the severity.
fn replaceable(place: &Place, code: i32) -> Vec<(String, String)> {
    let report = place.verb_json(&["check"], code);
    let findings = report["findings"].as_array().expect("a list").clone();
    let found = findings.iter().filter(|finding| finding["id"] == "certs.replaceable");
    let word = |value: &serde_json::Value| value.as_str().expect("a word").to_owned();
    found.map(|finding| (word(&finding["subject"]), word(&finding["severity"]))).collect()
}

#[test]
fn check_says_who_can_replace_files() {
    let place = Place::new();
    place.init(&[]).assert().success();
    assert_eq!(replaceable(&place, 0), []);
    let error = |path: &str| [(path.to_owned(), "error".to_owned())];
    let key = place.certs().join(".egext/current/server.crt");
    for (path, open) in [(place.certs(), "certs"), (key, "certs/.egext/current/server.crt")] {
        let before = fs::metadata(&path).expect("there").permissions().mode();
        mode(&path, 0o777);
        let [(found, severity)] = replaceable(&place, 1).try_into().expect("one finding");
        // The file is named by the set that it is in.
        let is_named =
            found == open || found.starts_with("certs/.egext/set-") && found.ends_with("/server.crt");
        assert!(is_named && severity == "error", "{found}");
        mode(&path, before);
    }
    place.verb(&["check"]).assert().success();
    mode(&place.certs(), 0o777);
    place.verb(&["check"]).assert().code(1).stderr_eq("").stdout_eq(str![[r"
certs/ca.crt
  √ file, dates, is a CA, strength
  × place: `certs`: can be written to by other users (mode 0777), who can replace files in it
...
    hint: `chmod go-w certs`
...
"]]);
    assert_eq!(replaceable(&place, 1), error("certs"));
}

#[test]
fn a_service_of_one_user_is_only_remarked_upon() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    place.init(&[]).assert().success();
    for path in ["certs", "certs/.egext", "certs/.egext/current"] {
        chown(place.path(path), Some(NOBODY), Some(NOBODY)).expect("root");
    }
    assert_eq!(replaceable(&place, 0), [("certs".to_owned(), "warning".to_owned())]);
    mode(&place.path("certs/.egext"), 0o707);
    assert_eq!(replaceable(&place, 1), [("certs/.egext".to_owned(), "error".to_owned())]);
}

/// As the kubelet mounts a Secret: everybody may make files in the volume, and nobody may replace one.
#[test]
fn a_mounted_secret_is_fine() {
    let place = Place::new();
    place.init(&["--dir", "made"]).assert().success();
    let generation = place.certs().join("..2026_01_02_03_04_05.678");
    fs::create_dir_all(&generation).expect("directories");
    for (name, source) in [("ca.crt", "ca.crt"), ("tls.crt", "server.crt"), ("tls.key", "server.key")] {
        fs::copy(place.path("made").join(source), generation.join(name)).expect("copied");
        symlink(Path::new("..data").join(name), place.certs().join(name)).expect("a link");
    }
    symlink("..2026_01_02_03_04_05.678", place.certs().join("..data")).expect("a link");
    for bits in [0o1777, 0o3777] {
        mode(&place.certs(), bits);
        assert_eq!(replaceable(&place, 0), []);
    }
}

/// Root makes the set, and the server runs as a user of its own, to whom its key was given: `renew` keeps that.
#[test]
fn a_key_that_was_given_to_the_user_of_its_side_is_fine() {
    if !is_root() {
        skipped("only root can give a file away");
        return;
    }
    let place = Place::new();
    place.init(&[]).assert().success();
    chown(place.certs().join("server.key"), Some(NOBODY), None).expect("root may");
    place.verb(&["renew", "--force"]).assert().success();
    let report = place.verb_json(&["check"], 0);
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"info".into()), "{findings:?}");
    assert_eq!(findings[0]["id"], "certs.replaceable");
    // What others are verified with is not for the user of one side.
    chown(place.certs().join("ca.crt"), Some(NOBODY), None).expect("root may");
    let report = place.verb_json(&["check"], 1);
    assert_eq!(report["findings"][0]["severity"], "error", "{report}");
}

/// A command in a hint works for who sees it.
#[test]
fn where_a_directory_is_closed_it_is_named() {
    if !is_root() {
        skipped("only root can run as another user");
        return;
    }
    let place = Place::new();
    place.init(&[]).assert().success();
    mode(&place.path(""), 0o755);
    let run = egext(["certs", "check", "--dir"]).arg(place.certs()).without_privileges().run();
    let certs = place.certs();
    assert!(run.stderr.ends_with(&format!("`ls -ld {}`\n", certs.display())), "{run:?}");
    let (listen, missing) = (format!("unix:{}/eg.sock", place.path("none").display()), place.path("none"));
    let run =
        egext(["bridge", "--listen", &listen, "--upstream", "tcp://localhost:1"]).without_privileges().run();
    let made = format!("`sudo install -d -m 700 -o {NOBODY} {}`", missing.display());
    assert!(run.stderr.contains(&made), "{run:?}");
    let run = egext(["probe", "localhost:1", "--dir"]).arg(place.certs()).without_privileges().run();
    assert!(run.stderr.ends_with(&format!("`ls -ld {}`\n", certs.display())), "{run:?}");
}
