use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use egext::pki::{Identity, SET_FILES};
use egext_test_support::has_openssl;
use serde_json::Value;
use snapbox::str;
use time::macros::datetime;

use super::{Place, command};

#[test]
fn a_first_run_says_what_was_made_for_whom_until_when_and_what_is_next() {
    let place = Place::new();
    place.init(&["--san", "Extension.Internal,10.0.0.7"]).assert().success().stderr_eq("").stdout_eq(str![[
        r"
made a private CA and a certificate for each side in `certs`

  CA      egext CA [..]
          until [..] (in 5 years), P-256
  server  extension.internal, 10.0.0.7, localhost, 127.0.0.1, ::1
          until [..] (in 365 days), P-256
  client  client.egext.internal
          until [..] (in 365 days), P-256

files
  to the server  certs/ca.crt  certs/server.crt  certs/server.key
  to the client  certs/ca.crt  certs/client.crt  certs/client.key
  stays here     certs/ca.key  anyone who holds it can impersonate either side

hint: start the server with its files, then `egext probe extension.internal:5005 --no-gateway`

"
    ]]);
    place.assert_whole();
}

#[test]
fn json_has_the_same_facts() {
    Place::new().init(&["-o", "json"]).assert().success().stderr_eq("").stdout_eq(str![[r#"
{
  "schema": "egext.report/1",
  "command": "certs init",
  "status": "ok",
  "exit_code": 0,
  "findings": [],
  "outcome": "created",
  "directory": "certs",
  "certificates": [
    {
      "role": "ca",
      "certificate": "certs/ca.crt",
      "key": "certs/ca.key",
      "names": [],
      "not_before": "[..]Z",
      "not_after": "[..]Z",
      "key_type": "P-256",
      "subject": "egext CA [..]",
      "issuer": "egext CA [..]",
      "serial": "[..]"
    },
    {
      "role": "server",
      "certificate": "certs/server.crt",
      "key": "certs/server.key",
      "names": [
        "localhost",
        "127.0.0.1",
        "::1"
      ],
      "not_before": "[..]Z",
      "not_after": "[..]Z",
      "key_type": "P-256",
      "subject": "egext server",
      "issuer": "egext CA [..]",
      "serial": "[..]"
    },
    {
      "role": "client",
      "certificate": "certs/client.crt",
      "key": "certs/client.key",
      "names": [
        "client.egext.internal"
      ],
      "not_before": "[..]Z",
      "not_after": "[..]Z",
      "key_type": "P-256",
      "subject": "egext client",
      "issuer": "egext CA [..]",
      "serial": "[..]"
    }
  ],
  "files": {
    "server": [
      "certs/ca.crt",
      "certs/server.crt",
      "certs/server.key"
    ],
    "client": [
      "certs/ca.crt",
      "certs/client.crt",
      "certs/client.key"
    ],
    "stays": [
      "certs/ca.key"
    ]
  },
  "next": "egext probe localhost:5005 --no-gateway"
}

"#]]);
}

#[test]
fn a_second_run_changes_nothing() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    place.init(&[]).assert().success().stderr_eq("").stdout_eq(str![[r"
unchanged: there is a set in `certs`

  CA      egext CA [..]
          until [..] (in 5 years), P-256
  server  localhost, 127.0.0.1, ::1
          until [..] (in 365 days), P-256
...
"]]);
    assert_eq!(place.tree(), before);
}

#[test]
fn a_second_run_says_what_the_set_lacks() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    let report =
        place.json(&["--san", "localhost,other.internal", "--key-type", "rsa2048", "--lifetime", "30d"], 1);
    egext_test_support::assert_text(
        serde_json::to_string_pretty(&report["findings"]).expect("JSON"),
        str![[r#"
[
  {
    "id": "certs.names-missing",
    "severity": "error",
    "subject": "certs/server.crt",
    "message": "the existing certificate is not for other.internal",
    "hint": "`egext certs renew --name server --add-san other.internal` changes it",
    "evidence": {
      "expected": "localhost, other.internal",
      "found": "localhost, 127.0.0.1, ::1"
    }
  },
  {
    "id": "certs.differs",
    "severity": "warning",
    "subject": "certs/server.crt",
    "message": "the existing certificate has another key type",
    "hint": "`egext certs renew --name server --key-type rsa2048` changes it",
    "evidence": {
      "expected": "RSA 2048",
      "found": "P-256"
    }
  },
  {
    "id": "certs.differs",
    "severity": "warning",
    "subject": "certs/server.crt",
    "message": "the existing certificate has another lifetime",
    "hint": "`egext certs renew --name server --lifetime 30d` changes it",
    "evidence": {
      "expected": "30d",
      "found": "1y"
    }
  },
  {
    "id": "certs.differs",
    "severity": "warning",
    "subject": "certs/client.crt",
    "message": "the existing certificate has another key type",
    "hint": "`egext certs renew --name client --key-type rsa2048` changes it",
    "evidence": {
      "expected": "RSA 2048",
      "found": "P-256"
    }
  },
  {
    "id": "certs.differs",
    "severity": "warning",
    "subject": "certs/client.crt",
    "message": "the existing certificate has another lifetime",
    "hint": "`egext certs renew --name client --lifetime 30d` changes it",
    "evidence": {
      "expected": "30d",
      "found": "1y"
    }
  }
]
"#]],
    );
    assert_eq!(place.tree(), before);
}

#[test]
fn the_same_flags_again_are_no_difference() {
    let place = Place::new();
    let flags = ["--san", "other.internal", "--key-type", "p384", "--lifetime", "9d", "--ca-lifetime", "3d"];
    place.init(&flags).assert().success();
    assert_eq!(place.json(&flags, 0)["findings"], Value::Array(Vec::new()));
}

#[test]
fn half_a_set_is_an_error_that_names_what_is_missing() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for name in SET_FILES {
        let file = fs::canonicalize(place.certs().join(name)).expect("a file");
        let text = fs::read(&file).expect("readable");
        fs::remove_file(&file).expect("removable");
        let before = place.tree();
        place.init(&[]).assert().code(2).stdout_eq("").stderr_eq(format!(
            "error: `certs` holds half a set: `{name}` is missing\n  \
             hint: put back what is missing, or [..]\n"
        ));
        assert_eq!(place.tree(), before, "nothing was written");
        fs::write(&file, text).expect("writable");
    }
    fs::remove_file(fs::canonicalize(place.certs().join("ca.key")).expect("a file")).expect("removable");
    place.init(&["--force"]).assert().success();
    place.assert_whole();
}

#[test]
fn half_a_set_of_foreign_files_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.certs()).expect("a directory");
    fs::write(place.certs().join("server.crt"), "theirs").expect("writable");
    let before = place.tree();
    place.init(&[]).assert().code(2).stderr_eq(str![[r"
error: `certs` holds half a set: `ca.crt`, `server.key`, `client.crt`, `client.key` are missing
  hint: put back what is missing, or move the other files away, or name another directory with `--dir`

"]]);
    place.init(&["--force"]).assert().code(2).stderr_eq(str![[r"
error: `certs/server.crt` was not made by this command, and is not overwritten
  hint: move it away, or name another directory with `--dir`

"]]);
    assert_eq!(place.tree(), before);
}

#[test]
fn foreign_links_are_not_followed() {
    for name in ["ca.key", ".egext"] {
        let place = Place::new();
        let elsewhere = place.path("elsewhere");
        fs::create_dir(&elsewhere).expect("a directory");
        fs::create_dir(place.certs()).expect("a directory");
        symlink(&elsewhere, place.certs().join(name)).expect("a link");
        let before = place.tree();
        place.init(&["--force"]).assert().code(2).stderr_eq(format!(
            "error: `certs/{name}` was not made by this command, and is not overwritten\n  \
             hint: move it away, or name another directory with `--dir`\n"
        ));
        assert_eq!(place.tree(), before);
        assert_eq!(fs::read_dir(elsewhere).expect("a directory").count(), 0);
    }
}

#[test]
fn a_foreign_link_in_a_set_is_not_taken_for_ours() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::copy(place.certs().join("server.crt"), place.path("elsewhere")).expect("copied");
    place.remove(&["certs/server.crt"]);
    symlink(place.path("elsewhere"), place.certs().join("server.crt")).expect("a link");
    for arguments in [&["renew", "--dry-run"][..], &["renew", "--force"], &["rotate-ca", "status"]] {
        place.assert_fails(
            arguments,
            str![[r"
error: `certs/server.crt` was not made by this command[..]
  hint: [..]

"]],
        );
    }
}

#[test]
fn force_makes_a_wholly_new_set_and_keeps_the_one_before() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let first = place.files();
    place.init(&["--force"]).assert().success().stderr_eq("").stdout_eq(str![[r"
replaced the set in `certs` by a new one, with a new CA
...
note: the previous set stays in `certs/.egext/previous` until the next one is made

hint: install the new files on both sides at the same time: the bridge reloads them by itself, restart other programs that do not; the old and new sets do not trust each other; then `egext probe localhost:5005 --no-gateway`

"]]);
    place.assert_whole();
    let second = place.files();
    assert!(SET_FILES.iter().all(|name| first[*name] != second[*name]), "every file is new");
    let previous = place.certs().join(".egext/previous");
    assert!(SET_FILES.iter().all(|name| fs::read(previous.join(name)).expect("kept") == first[*name]));
    place.init(&["--force"]).assert().success();
    assert_eq!(place.sets(), 2, "the set before that one is gone");
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    place.init(&["--dry-run"]).assert().success().stderr_eq("").stdout_eq(str![[r"
would make a private CA and a certificate for each side in `certs`

  CA      a new one
...
hint: leave `--dry-run` out to do it

"]]);
    assert!(!place.certs().exists());
    place.init(&[]).assert().success();
    let before = place.tree();
    let report = place.json(&["--dry-run", "--force"], 0);
    assert_eq!(report["outcome"], "would-replace");
    assert_eq!(report["certificates"][0].get("serial"), None, "a number that no certificate has");
    assert_eq!(place.tree(), before);
}

#[test]
fn modes_are_right_whatever_the_umask() {
    for (umask, certificate) in [("000", 0o644), ("022", 0o644), ("077", 0o600)] {
        let place = Place::new();
        place.shell(&format!("umask {umask}")).assert().success();
        let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        assert_eq!(mode(place.certs()), 0o700);
        assert_eq!(mode(place.certs().join(".egext")), 0o700);
        assert_eq!(mode(place.certs().join(".egext/current")), 0o700);
        for name in SET_FILES {
            let expected = if name.ends_with(".key") { 0o600 } else { certificate };
            assert_eq!(mode(place.certs().join(name)), expected, "{name} under umask {umask}");
        }
    }
}

#[test]
fn an_existing_directory_keeps_its_mode_and_its_files() {
    let place = Place::new();
    fs::create_dir(place.certs()).expect("a directory");
    fs::set_permissions(place.certs(), fs::Permissions::from_mode(0o755)).expect("our directory");
    fs::write(place.certs().join(".gitignore"), "mine\n").expect("writable");
    fs::write(place.certs().join("README.md"), "mine\n").expect("writable");
    place.init(&[]).assert().success();
    assert_eq!(fs::metadata(place.certs()).expect("there").permissions().mode() & 0o777, 0o755);
    for name in [".gitignore", "README.md"] {
        assert_eq!(fs::read_to_string(place.certs().join(name)).expect("there"), "mine\n");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.path("file"), "").expect("writable");
    for directory in ["file", "file/below"] {
        place.init(&["--dir", directory]).assert().code(2).stdout_eq("").stderr_eq(format!(
            "error: cannot open `{directory}`: Not a directory (os error 20)\n  \
             hint: `--dir` names a directory; a part of this path is a file\n"
        ));
    }
}

#[test]
fn a_directory_that_is_a_link_to_nowhere_is_named() {
    let place = Place::new();
    symlink("nowhere", place.certs()).expect("a link");
    place.init(&[]).assert().code(2).stderr_eq(str![[r"
error: cannot open `certs`: No such file or directory (os error 2)
  hint: a part of this path is a link that leads nowhere

"]]);
    place.init(&["--dir", ""]).assert().code(2);
    assert_eq!(place.tree().len(), 1, "the link");
}

#[test]
fn a_command_to_type_can_be_typed() {
    let report = Place::new().json(&["--dir", "my certs", "--san", "*.example.com,fd00::7"], 0);
    assert_eq!(report["next"], "egext probe [fd00::7]:5005 --no-gateway --dir 'my certs'");
}

#[test]
fn a_disk_that_takes_nothing_leaves_nothing_behind() {
    let place = Place::new();
    // Every write to a file fails, as on a full disk; it holds for root as well.
    place.shell("ulimit -f 0").assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: cannot write `certs/.gitignore`: File too large (os error 27)
  hint: raise the limit on the size of files: `ulimit -f`

"]]);
    assert!(!place.certs().exists());
    place.init(&[]).assert().success();
    let before = place.tree();
    place.shell("ulimit -f 0; set -- --force").assert().code(2);
    assert_eq!(place.tree(), before, "the set before is untouched");
}

#[test]
fn names_that_no_certificate_can_have_get_advice() {
    let place = Place::new();
    place.init(&["--san", "my_service"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `my_service` has an underscore, which host names cannot have
  hint: give the host another name, such as `my-service` (a network alias, in Docker Compose)

"]]);
    assert!(!place.certs().exists());
}

#[test]
fn flags_have_environment_variables() {
    let place = Place::new();
    place
        .init(&[])
        .env("EGEXT_DIR", "elsewhere")
        .env("EGEXT_SAN", "a.internal,b.internal")
        .env("EGEXT_KEY_TYPE", "p384")
        .env("EGEXT_LIFETIME", "2h")
        .env("EGEXT_CA_LIFETIME", "4h")
        .env("EGEXT_DRY_RUN", "true")
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r"
would make a private CA and a certificate for each side in `elsewhere`

  CA      a new one
          until [..] (in 4 hours), P-384
  server  a.internal, b.internal, localhost, 127.0.0.1, ::1
          until [..] (in 2 hours), P-384
...
"]]);
}

#[test]
fn a_set_whose_time_is_over_or_has_not_come_is_no_success() {
    for (now, id) in [
        (datetime!(2020-01-01 00:00 UTC), "certs.expired"),
        (datetime!(2900-01-01 00:00 UTC), "certs.not-yet-valid"),
    ] {
        let place = Place::new();
        place.write_set(now);
        let report = place.json(&[], 1);
        let ids = report["findings"].as_array().expect("findings").iter().map(|finding| &finding["id"]);
        assert_eq!(ids.collect::<Vec<_>>(), [id; 3], "CA, server and client");
    }
}

#[test]
fn files_of_two_sets_are_found_out() {
    let place = Place::new();
    for directory in ["one", "two"] {
        place.init(&["--dir", directory]).assert().success();
    }
    fs::create_dir(place.certs()).expect("a directory");
    for name in SET_FILES {
        let from = if name.starts_with("client") { "two" } else { "one" };
        fs::copy(place.path(from).join(name), place.certs().join(name)).expect("copied");
    }
    let report = place.json(&[], 1);
    assert_eq!(report["findings"][0]["id"], "certs.chain-broken");
    assert_eq!(report["findings"][0]["subject"], "certs/client.crt");
    fs::copy(place.path("two/server.key"), place.certs().join("server.key")).expect("copied");
    place.init(&[]).assert().code(2).stderr_eq(str![[r"
error: `certs/server.key` is not the key of `certs/server.crt`
  hint: copy certificate and key together: they were probably renewed, and only one of them arrived; `egext certs show certs/server.crt certs/server.key` shows both

"]]);
}

#[test]
fn every_key_type_loads_and_passes_openssl() {
    let openssl = |arguments: &[&str]| command("openssl").args(arguments);
    let has_openssl = has_openssl();
    for key_type in ["p256", "p384", "rsa2048", "rsa3072", "ed25519"] {
        let place = Place::new();
        place.init(&["--key-type", key_type, "--san", "*.example.com"]).assert().success();
        place.assert_whole();
        if !has_openssl {
            continue;
        }
        let path = |name: &str| place.certs().join(name).display().to_string();
        for (role, purpose, other) in
            [("server", "sslserver", "sslclient"), ("client", "sslclient", "sslserver")]
        {
            let certificate = path(&format!("{role}.crt"));
            let verify = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", &path("ca.crt"), "-purpose"];
            openssl(&verify).args([purpose, certificate.as_str()]).assert().success();
            openssl(&verify).args([other, certificate.as_str()]).assert().failure();
            let (key, older) = (path(&format!("{role}.key")), path("older.key"));
            openssl(&["pkey", "-noout", "-in", &key]).assert().success();
            if key_type != "ed25519" {
                // PKCS#1 and SEC1, as older tools write them.
                openssl(&["pkey", "-traditional", "-in", &key, "-out", &older]).assert().success();
                Identity::load(Path::new(&certificate), Path::new(&older)).expect("a pair");
            }
        }
    }
}

#[test]
fn ed25519_comes_with_a_warning() {
    let report = Place::new().json(&["--key-type", "ed25519"], 0);
    assert_eq!(report["findings"][0]["id"], "certs.ed25519");
    assert_eq!(report["status"], "warning");
}

#[test]
fn of_many_writers_one_wins_and_the_others_say_so() {
    let place = Place::new();
    let outputs = place.eight_at_once(&["init"]);
    let mut made = 0;
    for output in outputs {
        let words = String::from_utf8(output.stderr).expect("UTF-8");
        match output.status.code() {
            Some(0) => made += usize::from(output.stdout.starts_with(b"made")),
            code => assert!(
                code == Some(2) && words.starts_with("error: another `egext` is writing to `certs`\n"),
                "{code:?}: {words}"
            ),
        }
    }
    assert_eq!((made, place.sets()), (1, 1));
    place.assert_whole();
}
