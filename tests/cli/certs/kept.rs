//! Keys of CAs that `egext` did not make: nothing but an explicit flag removes them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use snapbox::str;

use super::other_ca::{Company, files, write_branches};
use super::{Place, command};

/// A set that was made by hand: plain files, the key of the company's CA `FILE.key` as `ca.key` among them.
fn by_hand(file: &str) -> Place {
    let place = Place::new();
    write_branches(&place, file, &["below"]);
    place.init(&files(file).each_ref().map(String::as_str)).assert().success();
    fs::rename(place.certs(), place.path("made")).expect("renamed");
    fs::create_dir(place.certs()).expect("a directory");
    fs::set_permissions(place.certs(), fs::Permissions::from_mode(0o700)).expect("ours");
    for name in ["ca.crt", "server.crt", "server.key", "client.crt", "client.key"] {
        fs::copy(place.path("made").join(name), place.certs().join(name)).expect("copied");
    }
    fs::copy(place.path(&format!("{file}.key")), place.certs().join("ca.key")).expect("copied");
    fs::set_permissions(place.certs().join("ca.key"), fs::Permissions::from_mode(0o600)).expect("ours");
    Company::new(&["other"]).write(&place, "other");
    place
}

impl Place {
    /// Where the key of the CA `FILE.key` is below the set's directory.
    fn copies_of_key(&self, file: &str) -> Vec<PathBuf> {
        let key = fs::read(self.path(&format!("{file}.key"))).expect("there");
        let holds = |(path, text): (PathBuf, Vec<u8>)| {
            (text == key && path.starts_with(self.certs().join(".egext"))).then_some(path)
        };
        self.tree().into_iter().filter_map(holds).collect()
    }

    /// The one copy that is kept, which its CA's certificate lies beside.
    fn kept_key(&self, file: &str) -> PathBuf {
        let kept = self.copies_of_key(file);
        let kept = kept.iter().filter(|path| path.to_string_lossy().contains("/kept-")).collect::<Vec<_>>();
        let [path] = kept[..] else { panic!("{kept:?}") };
        let mode = fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let certificate = path.with_file_name("ca.crt");
        command("openssl")
            .args(["verify", "-CAfile"])
            .arg(&certificate)
            .arg(self.path(&format!("{file}.crt")))
            .assert()
            .success();
        path.clone()
    }
}

#[test]
fn a_rotation_keeps_the_key_of_a_ca_that_egext_did_not_make() {
    let place = by_hand("acme");
    place.rotate("prepare", Some("other")).assert().success();
    place.rotate("activate", Some("other")).arg("--dry-run").assert().success().stdout_eq(str![[r"
...
note: the key of `acme`, which `egext` did not make, would be kept in `.egext`
...
"]]);
    place.rotate("activate", Some("other")).assert().success().stdout_eq(str![[r"
...
  ‼ certs/.egext/kept-[..]/ca.key: it is the key of `acme`, which `egext` did not make, and was kept
    hint: copy it to where it belongs; then `egext certs rotate-ca finish --discard-ca-key` removes it here
...
"]]);
    let kept = place.kept_key("acme");
    // Two more writes, after which the set that had it is gone.
    for _ in 0..2 {
        place.verb(&["renew", "--force"]).args(files("other")).assert().success();
    }
    place.rotate("finish", None).assert().success().stdout_eq(str![[r"
the old CA is no longer trusted in `certs`
...
  ‼ certs/.egext/kept-[..]/ca.key: it is the key of `acme`, which `egext` did not make, and was kept
...
"]]);
    assert_eq!(place.copies_of_key("acme"), std::slice::from_ref(&kept));
    let finding = &place.verb_json(&["rotate-ca", "status"], 0)["findings"][0];
    assert_eq!(finding["id"], "certs.ca-key-kept");
    place.assert_whole();
    // It is not removed with what is swept, and not made twice.
    place.verb(&["renew", "--force"]).args(files("other")).assert().success();
    assert_eq!(place.copies_of_key("acme"), [kept]);
}

#[test]
fn a_kept_ca_key_goes_when_the_user_says_so() {
    let place = by_hand("acme");
    for step in ["prepare", "activate"] {
        place.rotate(step, Some("other")).assert().success();
    }
    let before = place.tree();
    place.rotate("finish", None).args(["--discard-ca-key", "--dry-run"]).assert().success();
    assert_eq!(place.tree(), before);
    place.rotate("finish", None).arg("--discard-ca-key").assert().success();
    assert_eq!(place.copies_of_key("acme"), Vec::<PathBuf>::new());
    assert_eq!(place.verb_json(&["rotate-ca", "status"], 0)["findings"].as_array().map(Vec::len), Some(0));
    place.assert_whole();
}

/// Below the same root the rotation ends with `activate`, and the root's key is still there.
#[test]
fn the_key_of_a_root_is_told_of_and_removed_after_a_rotation_below_it() {
    let place = by_hand("acme");
    place.rotate("prepare", Some("below")).assert().success();
    place.rotate("activate", Some("below")).assert().success().stdout_eq(str![[r"
...
hint: give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. They trust the root already, so `finish` is not needed
...
  ‼ certs/.egext/kept-[..]/ca.key: it is the key of `acme`, which `egext` did not make, and was kept
...
"]]);
    let before = place.tree();
    place.rotate("finish", None).assert().success().stdout_eq(str![[r"
unchanged: `finish` was done already in `certs`
...
  ‼ certs/.egext/kept-[..]/ca.key: it is the key of `acme`, which `egext` did not make, and was kept
...
"]]);
    place.rotate("finish", None).args(["--discard-ca-key", "--dry-run"]).assert().success().stdout_eq(str![
        [r"
would remove the keys of CAs that no longer sign in `certs`
...
"]
    ]);
    assert_eq!(place.tree(), before);
    assert_eq!(place.copies_of_key("acme").len(), 2, "the set before has it, too");
    let set = place.files_of("server.crt");
    place.rotate("finish", None).arg("--discard-ca-key").assert().success().stdout_eq(str![[r"
removed the keys of CAs that no longer sign in `certs`
...
"]]);
    assert_eq!(place.copies_of_key("acme"), Vec::<PathBuf>::new());
    assert_eq!(place.files_of("server.crt"), set, "nothing else has changed");
    let again = place.rotate("finish", None).arg("--discard-ca-key").assert().success();
    again.stdout_eq(str![["unchanged: `finish` was done already in `certs`\n..."]]);
    place.assert_whole();
}

#[test]
fn a_new_set_keeps_the_key_of_a_ca_that_egext_did_not_make() {
    let place = by_hand("acme");
    place.init(&["--force", "--dry-run"]).assert().success().stdout_eq(str![[r"
...
note: the key of `acme`, which `egext` did not make, would be kept in `.egext`
...
"]]);
    assert_eq!(place.json(&["--force"], 0)["findings"][0]["id"], "certs.ca-key-kept");
    place.verb(&["renew", "--force"]).assert().success();
    assert_eq!(place.copies_of_key("acme"), [place.kept_key("acme")]);
    // The keys of our own CAs go with their sets.
    place.init(&["--force"]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    let keys = place.tree().into_keys().filter(|path| path.ends_with("ca.key") && !path.is_symlink());
    assert_eq!(keys.count(), 3, "of this set, of the one before, and the one that is kept");
    place.init(&["--force", "--discard-ca-key"]).assert().success();
    assert_eq!(place.copies_of_key("acme"), Vec::<PathBuf>::new());
}

/// Of an encrypted key nothing tells whose it is but the certificates around it.
#[test]
fn an_encrypted_key_of_a_ca_that_egext_did_not_make_is_kept() {
    let place = by_hand("acme");
    fs::write(place.path("pass"), "secret\n").expect("writable");
    let convert = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "acme.key", "-passout", "file:pass"];
    place.openssl(&[&convert[..], &["-out", "certs/ca.key"]].concat());
    fs::copy(place.certs().join("ca.key"), place.path("acme.key")).expect("copied");
    place.init(&["--force", "--ca-key-passphrase-file", "pass"]).assert().success();
    place.kept_key("acme");
    // The encrypted key of our own CA is not.
    place.init(&["--force"]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    let kept = place.tree().into_keys().filter(|path| path.ends_with("ca.key"));
    assert_eq!(kept.filter(|path| path.to_string_lossy().contains("/kept-")).count(), 1);
}

/// As if the set before had been replaced by a release that knew nothing of this.
#[test]
fn a_key_in_a_set_that_is_swept_is_kept_too() {
    let place = by_hand("acme");
    place.init(&["--force"]).assert().success();
    let kept = place.kept_key("acme");
    fs::remove_dir_all(kept.parent().expect("a directory")).expect("removed");
    place.verb(&["renew", "--force"]).assert().success();
    assert_eq!(place.copies_of_key("acme"), [place.kept_key("acme")]);
}
