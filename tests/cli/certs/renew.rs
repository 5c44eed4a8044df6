use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use egext::pki::Certificate;
use egext::pki::issue::SetPlan;
use egext::pki::{Anchors, Identity};
use egext::units::Span;
use egext_test_support::is_root;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use snapbox::str;
use time::{Duration, OffsetDateTime};

use super::Place;

#[test]
fn a_fresh_set_has_nothing_that_is_due() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    place.verb(&["renew"]).assert().success().stderr_eq("").stdout_eq(str![[r"
nothing is due in `certs`

  server   localhost, 127.0.0.1, ::1
           until [..] (in 365 days), due from [..]
  client   client.egext.internal
           until [..] (in 365 days), due from [..]

"]]);
    place.verb(&["renew", "--dry-run"]).assert().code(0);
    assert_eq!(place.tree(), before);
}

#[test]
fn the_last_third_of_a_life_is_due_and_a_dry_run_says_so_with_its_exit_code() {
    let place = Place::new();
    place.write_set(now() - Duration::days(300));
    let before = place.tree();
    place.verb(&["renew", "--within", "20d"]).assert().code(0);
    place.verb(&["renew", "--within", "5%", "--dry-run"]).assert().code(0);
    place.verb(&["renew", "--dry-run"]).assert().code(3).stderr_eq("").stdout_eq(str![[r"
would renew in `certs`

  server   localhost, 127.0.0.1, ::1
           until [..] (in 65 days), due since [..]
  client   client.egext.internal
           until [..] (in 65 days), due since [..]

hint: leave `--dry-run` out to do it

"]]);
    place.verb(&["renew", "--dry-run", "-q"]).assert().code(3).stderr_eq("").stdout_eq(str![[r"
`server` and `client` in `certs` are to be renewed

"]]);
    let report = place.verb_json(&["renew", "--dry-run", "--within", "90d"], 3);
    assert_eq!((&report["status"], &report["outcome"]), (&"ok".into(), &"would-renew".into()));
    assert_eq!(place.tree(), before);
    place.verb(&["renew"]).assert().success().stderr_eq("").stdout_eq(str![[r"
renewed in `certs`

  server   localhost, 127.0.0.1, ::1
           until [..] (in 365 days), new key
  client   client.egext.internal
           until [..] (in 365 days), new key

files
  to the server   certs/server.crt  certs/server.key
  to the client   certs/client.crt  certs/client.key

hint: give the server and the client the new files: a server that reads them only at its start must be restarted, the bridge reloads them by itself. The CA is the same, so the order does not matter

"]]);
    place.assert_whole();
    place.verb(&["renew", "--dry-run"]).assert().code(0);
}

#[test]
fn names_subjects_and_usages_stay_and_serial_numbers_do_not() {
    let place = Place::new();
    place
        .init(&["--san", "*.example.com,10.0.0.7", "--key-type", "p384", "--lifetime", "90d"])
        .assert()
        .success();
    for flags in [&["renew", "--force"][..], &["renew", "--force", "--keep-key"]] {
        let (before, files) = (["server", "client"].map(|name| summary(&place, name)), place.files());
        place.verb(flags).assert().success();
        for (old, name) in before.iter().zip(["server", "client"]) {
            let new = summary(&place, name);
            let facts = |leaf: &Certificate| (leaf.subject.clone(), leaf.names.clone(), leaf.key.to_string());
            assert_eq!(facts(&new), facts(old));
            assert_eq!((new.server_auth, new.client_auth), (old.server_auth, old.client_auth));
            assert_eq!(new.not_after - new.not_before, old.not_after - old.not_before);
            assert_ne!(new.serial, old.serial);
            let key = format!("{name}.key");
            let is_kept = place.files()[key.as_str()] == files[key.as_str()];
            assert_eq!(is_kept, flags.contains(&"--keep-key"), "{key}");
        }
        place.assert_whole();
    }
}

#[test]
fn one_side_is_renewed_alone() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.files();
    let report = place.verb_json(&["renew", "--force", "--role", "client"], 0);
    assert_eq!(report["restart"], serde_json::json!(["the client"]));
    for (name, text) in place.files() {
        assert_eq!(text == before[name], !name.starts_with("client"), "{name}");
    }
}

#[test]
fn mode_and_owner_are_kept() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let set = |mode: u32, name: &str| {
        let file = place.certs().join(".egext/current").join(name);
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("our file");
    };
    set(0o640, "server.key");
    set(0o400, "ca.key");
    set(0o750, "");
    let owner = is_root();
    if owner {
        let key = place.certs().join(".egext/current/server.key");
        std::os::unix::fs::chown(key, Some(1), Some(1)).expect("root gives files away");
    }
    place.verb(&["renew", "--force"]).assert().success();
    for (name, mode) in [("server.key", 0o640), ("ca.key", 0o400), ("client.key", 0o600), ("", 0o750)] {
        let metadata = fs::metadata(place.certs().join(".egext/current").join(name)).expect("there");
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{name}");
        if owner && name == "server.key" {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!((metadata.uid(), metadata.gid()), (1, 1));
        }
    }
}

#[test]
fn a_discarded_ca_key_is_missed_in_plain_words() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::remove_file(place.certs().join(".egext/current/ca.key")).expect("removable");
    fs::remove_file(place.certs().join("ca.key")).expect("removable");
    let before = place.tree();
    place.verb(&["renew"]).assert().success();
    place.verb(&["renew", "--force"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `certs/ca.key` is not here, so nothing can be signed
  hint: if it is elsewhere, name it: `--ca-cert` and `--ca-key`; if it was discarded, `egext certs rotate-ca prepare --private-ca` begins to replace the CA

"]]);
    assert_eq!(place.tree(), before);
}

#[test]
fn a_ca_that_is_due_itself_comes_first() {
    let place = Place::new();
    let plan = SetPlan { ca_lifetime: Span::from_days(400), ..SetPlan::default() };
    place.write_plan(&plan, now() - Duration::days(300));
    let before = place.tree();
    place.verb(&["renew"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: the CA in `certs/ca.crt` expires in 100 days, before a new certificate would be due again
  hint: replace the CA first: `egext certs rotate-ca prepare`; `--force` makes a certificate that ends with it

"]]);
    assert_eq!(place.tree(), before);
    place.verb(&["renew", "--force"]).assert().success().stderr_eq("").stdout_eq(str![[r"
renewed in `certs`
...
  ‼ certs/server.crt: `server` and `client` expire with their CA on [..], sooner than in 1y
    hint: `egext certs rotate-ca prepare` begins to replace the CA by one that expires later
...
"]]);
    // A new key is to be had until the end.
    place.verb(&["renew", "--force"]).assert().success();
    place.verb(&["renew", "--within", "100d"]).assert().code(2);
}

#[test]
fn no_set_is_no_reason_to_make_a_directory() {
    let place = Place::new();
    for verb in [&["renew"][..], &["rotate-ca", "prepare"], &["issue", "client", "--san", "a", "--out", "a"]]
    {
        place.verb(verb).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: there is no set of `egext` in `certs`
  hint: name its directory with `--dir`, or make one: `egext certs init`

"]]);
    }
    assert!(!place.certs().exists());
}

#[test]
fn a_ca_that_is_kept_elsewhere_signs_too() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.init(&["--dir", "other"]).assert().success();
    fs::rename(place.certs().join(".egext/current/ca.key"), place.path("kept.key")).expect("moved");
    let signer = |directory: &str| [format!("{directory}/ca.crt"), "kept.key".to_owned()];
    let [certificate, key] = signer("certs");
    let renew = ["renew", "--force", "--ca-cert", &certificate, "--ca-key", &key];
    place.verb(&renew).assert().success();
    let ca = Anchors::load(&place.certs().join("ca.crt")).expect("a CA");
    assert_eq!(ca.certificates().len(), 1);
    let stranger = ["renew", "--force", "--ca-cert", "other/ca.crt", "--ca-key", "other/ca.key"];
    place.verb(&stranger).assert().code(2).stderr_eq(str![[r"
error: `other/ca.crt` chains to a root that is not in `certs/ca.crt`
  hint: name the CA that made the set, with those above it in the same file

"]]);
}

/// A CA that was renewed with its key stands in its file twice, and the older certificate may come first.
#[test]
fn of_two_certificates_of_one_ca_the_one_that_is_valid_counts() {
    let place = Place::new();
    let root = KeyPair::generate().expect("a key");
    let params = ca("corp root");
    let root_pem = params.self_signed(&root).expect("signed").pem();
    let issuer = Issuer::from_params(&params, &root);
    let key = KeyPair::generate().expect("a key");
    let mut certificates = String::new();
    for (from, until) in [(-400, -10), (-20, 30), (-20, 900)] {
        let mut params = ca("corp");
        let moment = |days| now() + Duration::days(days);
        (params.not_before, params.not_after) = (moment(from), moment(until));
        certificates += &params.signed_by(&key, &issuer).expect("signed").pem();
    }
    fs::write(place.path("ca.crt"), certificates + &root_pem).expect("writable");
    fs::write(place.path("ca.key"), key.serialize_pem()).expect("writable");
    let flags = ["--ca-cert", "ca.crt", "--ca-key", "ca.key"];
    place.init(&flags).assert().success();
    place.verb(&["renew", "--force"]).args(flags).assert().success();
    place.verb(&["issue", "client", "a.internal", "--out", "a"]).args(flags).assert().success();
    for name in ["server", "client", "a"] {
        assert!(summary(&place, name).not_after > now() + Duration::days(360), "{name}");
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn summary(place: &Place, name: &str) -> Certificate {
    let path = |end: &str| place.certs().join(format!("{name}.{end}"));
    Identity::load(&path("crt"), &path("key")).expect("a pair").leaf().clone()
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A nightly job that names the wrong files would fail months later only.
#[test]
fn what_signs_is_proven_though_nothing_is_due() {
    let place = Place::new();
    place.init(&["--dir", "corp"]).assert().success();
    place.init(&["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"]).assert().success();
    let named = ["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"];
    place.verb(&["renew"]).args(named).assert().success();
    place.verb(&["renew"]).assert().success();
    place.verb(&["renew"]).env("EGEXT_CA_CERT", "corp/ca.crt").assert().code(2).stderr_eq(str![[r"
error: `--ca-cert` is given without `--ca-key` (from `EGEXT_CA_CERT`)
  hint: give `--ca-key` as well, or leave `--ca-cert` out

"]]);
    for files in [
        ["--ca-cert", "nope.crt", "--ca-key", "corp/ca.key"],
        ["--ca-cert", "corp/ca.crt", "--ca-key", "nope.key"],
    ] {
        let run = place.verb(&["renew"]).args(files).assert().code(2);
        assert!(
            String::from_utf8_lossy(&run.get_output().stderr).contains("cannot read `nope."),
            "{files:?}"
        );
    }
    place.init(&["--dir", "other"]).assert().success();
    place.verb(&["renew", "--ca-cert", "other/ca.crt", "--ca-key", "other/ca.key"]).assert().code(2);
}
