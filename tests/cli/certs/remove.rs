//! Certificates of `certs issue` leave the set when the user says so, and do not come back.

use std::fs;
use std::os::unix::fs::symlink;

use egext::pki::SET_FILES;
use serde_json::json;
use snapbox::str;

use super::{Place, command};

/// A set with a further client, whose key is here, and a further server, whose key is not.
fn with_further() -> Place {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["issue", "client", "gw2.internal", "--out", "gw2"]).assert().success();
    place.write_request("replica", "replica.internal");
    let replica = ["issue", "server", "--csr", "replica.csr", "--out", "replica"];
    place.verb(&replica).assert().success();
    place
}

impl Place {
    /// What of the certificate `name` is in the directory, or in the set in use.
    fn traces(&self, name: &str) -> Vec<String> {
        let files = ["crt", "key"].map(|end| format!("{name}.{end}"));
        let places = files.iter().flat_map(|file| [file.clone(), format!(".egext/current/{file}")]);
        places.filter(|file| self.certs().join(file).symlink_metadata().is_ok()).collect()
    }

    fn rotate_and_renew(&self) {
        for step in ["prepare", "activate", "finish"] {
            self.rotate(step, None).assert().success();
        }
        self.verb(&["renew", "--force"]).assert().success();
        self.verb(&["issue", "client", "other.internal", "--out", "other"]).assert().success();
        self.assert_whole();
    }
}

#[test]
fn a_removed_certificate_stays_out() {
    let place = with_further();
    let before = place.files();
    let dry = place.verb(&["remove", "gw2", "--dry-run"]).assert().success().stderr_eq("");
    dry.stdout_eq(str![[r"
would remove `gw2` from `certs`

  gw2      gw2.internal
           until [..], for the client

files
  to remove       certs/gw2.crt  certs/gw2.key

  · certs/gw2.crt: it would be removed, not revoked: peers accept it until [..]
    hint: if its key may be stolen, replace the CA, after which no peer accepts it: `egext certs rotate-ca prepare`
...
"]]);
    assert_eq!(place.traces("gw2").len(), 4, "a dry run writes nothing");
    place.verb(&["remove", "gw2"]).assert().success().stderr_eq("").stdout_eq(str![[r"
removed `gw2` from `certs`

  gw2      gw2.internal
           until [..], for the client

files
  removed         certs/gw2.crt  certs/gw2.key

note: the files stay in `certs/.egext/previous` until the next change

  · certs/gw2.crt: it was removed, not revoked: peers accept it until [..]
    hint: if its key may be stolen, replace the CA, after which no peer accepts it: `egext certs rotate-ca prepare`
...
"]]);
    assert_eq!((place.traces("gw2"), place.files()), (Vec::new(), before), "the others are as they were");
    place.rotate_and_renew();
    assert_eq!(place.traces("gw2"), Vec::<String>::new());
    assert_eq!(place.traces("replica").len(), 2);
    let shown = place.verb_json(&["show"], 0).to_string();
    assert!(!shown.contains("gw2.internal") && shown.contains("replica.internal"), "{shown}");
}

/// Its key is elsewhere, maybe stolen, and `rotate-ca` would issue a certificate of the new CA for it.
#[test]
fn a_rotation_does_not_certify_the_key_of_a_removed_certificate() {
    let place = with_further();
    let report = place.verb_json(&["remove", "replica"], 0);
    assert_eq!(report["outcome"], "removed");
    assert_eq!(report["certificates"][0]["names"], json!(["replica.internal"]));
    assert_eq!(report["certificates"][0]["files"], json!(["certs/replica.crt"]));
    assert_eq!(report["findings"][0]["id"], "certs.not-revoked");
    place.rotate_and_renew();
    assert_eq!(place.traces("replica"), Vec::<String>::new());
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let place = with_further();
    place.verb(&["remove", "replica"]).assert().success();
    let before = place.tree();
    place.verb(&["remove", "replica", "nope"]).assert().success().stderr_eq("").stdout_eq(str![[r"
unchanged: there is no `replica` or `nope` in `certs`


note: of `certs issue` there are `gw2`

"]]);
    let report = place.verb_json(&["remove", "nope"], 0);
    assert_eq!((&report["outcome"], &report["absent"]), (&json!("unchanged"), &json!(["nope"])));
    assert_eq!(place.tree(), before);
    // What is there goes all the same.
    let report = place.verb_json(&["remove", "nope,gw2"], 0);
    assert_eq!((&report["outcome"], &report["absent"]), (&json!("removed"), &json!(["nope"])));
    assert_eq!(place.traces("gw2"), Vec::<String>::new());
}

#[test]
fn what_is_no_further_certificate_is_not_removed() {
    let place = with_further();
    for name in ["ca", "server", "client"] {
        let before = place.tree();
        let run = place.verb(&["remove", "gw2", name]).assert().code(2).stdout_eq("");
        let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(words.starts_with(&format!("error: `{name}` is a name of the set's own files\n")), "{words}");
        assert_eq!(place.tree(), before);
    }
    place.assert_fails(
        &["remove", "certs/gw2.crt"],
        str![[r"
error: `certs/gw2.crt` is a file, and the name of a certificate is expected
  hint: leave out what stands around the name: `egext certs remove gw2`

"]],
    );
    place.assert_fails(
        &["remove", "gw2", "--dir", "nowhere"],
        str![[r"
error: there is no set of `egext` in `nowhere`
  hint: [..]

"]],
    );
}

#[test]
fn a_broken_certificate_can_be_removed() {
    let place = with_further();
    place.replace("gw2.crt", "broken");
    place.verb(&["renew", "--force"]).assert().code(2);
    place.verb(&["remove", "gw2"]).assert().success();
    place.verb(&["renew", "--force"]).assert().success();
    place.assert_whole();
}

/// A copy of plain files is taken over with what is removed, and without it.
#[test]
fn a_certificate_of_a_copy_is_removed() {
    let place = with_further();
    let script = "mv certs made && cp -rL made certs";
    command("sh").current_dir(place.0.path()).args(["-c", script]).assert().success();
    place.verb(&["remove", "gw2"]).assert().success();
    assert_eq!(place.traces("gw2"), Vec::<String>::new());
    place.rotate_and_renew();
}

#[test]
fn what_was_deleted_by_hand_is_told_of_and_not_brought_back() {
    let place = with_further();
    place.remove(&["certs/gw2.crt", "certs/gw2.key"]);
    let set = place.certs().join(".egext/current");
    let stored = fs::read(set.join("gw2.crt")).expect("there");
    let finding = str![[r"
...
  ‼ certs/gw2.crt: it was deleted, and `gw2` is still in the set: it is not renewed, and not put back
    hint: `egext certs remove gw2` takes it out; `ln -s .egext/current/gw2.crt certs/gw2.crt && ln -s .egext/current/gw2.key certs/gw2.key` puts it back
...
"]];
    place.verb(&["renew"]).assert().success().stdout_eq(finding.clone());
    place.verb(&["renew", "--force"]).assert().success().stdout_eq(finding.clone());
    place.verb(&["rotate-ca", "status"]).assert().success().stdout_eq(finding);
    let report = place.verb_json(&["check"], 0);
    let ids = report["findings"].as_array().expect("findings").iter().map(|finding| &finding["id"]);
    assert_eq!(ids.collect::<Vec<_>>(), ["certs.half-removed"]);
    let pack = place.verb(&["pack", "client", "--name", "gw2", "--out", "gw2.tar"]).output();
    let said = String::from_utf8_lossy(&pack.stderr);
    assert!(
        pack.status.code() == Some(2) && said.contains("certificates of a client are `client`"),
        "{said}"
    );
    assert!(!place.path("gw2.tar").exists());
    assert_eq!(fs::read(set.join("gw2.crt")).expect("there"), stored, "as it was");
    assert!(!place.has("gw2.crt") && !place.has("gw2.key"));
    // The user meant it.
    place.rotate_and_renew();
    assert!(!place.has("gw2.crt") && !place.has("gw2.key"));
    place.verb(&["remove", "gw2"]).assert().success();
    assert_eq!(place.traces("gw2"), Vec::<String>::new());
    assert_eq!(place.verb_json(&["check"], 0)["findings"], json!([]));
}

#[test]
fn what_was_deleted_by_mistake_is_put_back() {
    let place = with_further();
    place.remove(&["certs/gw2.crt"]);
    place.verb(&["renew", "--force"]).assert().success();
    assert!(!place.has("gw2.crt") && place.has("gw2.key"));
    symlink(".egext/current/gw2.crt", place.certs().join("gw2.crt")).expect("a link");
    assert_eq!(place.verb_json(&["check"], 0)["findings"], json!([]));
    place.verb(&["renew", "--force"]).assert().success();
    place.leaf("gw2");
    // The name is free for who has deleted the files.
    place.remove(&["certs/gw2.crt", "certs/gw2.key"]);
    place.verb(&["issue", "client", "gw2.example", "--out", "gw2"]).assert().success();
    assert_eq!(place.leaf("gw2").names[0].to_string(), "gw2.example");
}

/// Two missing links and the six that every set has: nothing is lost by the ways of the user.
#[test]
fn the_files_of_the_set_are_whole_after_each_change() {
    let place = with_further();
    for change in [&["remove", "gw2"][..], &["remove", "replica"], &["renew", "--force"]] {
        place.verb(change).assert().success();
        place.assert_whole();
    }
    let names = fs::read_dir(place.certs().join(".egext/current")).expect("a set");
    assert_eq!(names.count(), SET_FILES.len());
}

#[test]
fn a_new_set_says_which_certificates_it_lacks() {
    let place = with_further();
    for flags in [&["--force", "--dry-run"][..], &["--force"]] {
        place.init(flags).assert().success().stdout_eq(str![[r"
...
note: the new set has no `gw2` and `replica`: issue again what is still needed (`certs issue`)
...
"]]);
    }
}
