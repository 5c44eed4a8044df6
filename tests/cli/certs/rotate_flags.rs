//! What is typed to a step of a rotation is done or refused in every phase, and what a step says to type works as it is.

use std::fs;

use egext::pki::rotation::{NewCa, PrivateCa};
use egext::units::Span;
use egext_test_support::Egext;
use snapbox::str;
use time::Duration;

use super::other_ca::{Company, files};
use super::{Place, now};

const PASSPHRASE: [&str; 2] = ["--ca-key-passphrase-file", "phrase"];

impl Place {
    fn write_passphrase(&self) {
        fs::write(self.path("phrase"), "open sesame\n").expect("writable");
    }

    fn step(&self, step: &[&str]) -> Egext {
        self.verb(&["rotate-ca"]).args(step)
    }

    fn outcome(&self, step: &[&str]) -> String {
        let report = self.verb_json(&[&["rotate-ca"], step].concat(), 0);
        report["outcome"].as_str().expect("a word").to_owned()
    }

    fn is_encrypted(&self, key: &str) -> bool {
        let text = fs::read_to_string(self.certs().join(key)).expect("there");
        text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    }
}

/// Runs the commands that a run has printed, as they are.
pub(super) fn paste(place: &Place, run: Egext, code: i32, files: &str) -> String {
    let run = run.assert().code(code);
    let output = run.get_output();
    let words = [&output.stdout[..], &output.stderr].concat();
    let words = String::from_utf8(words).expect("UTF-8");
    let commands = words.split('`').filter_map(|part| part.strip_prefix("egext certs ")).collect::<Vec<_>>();
    assert!(!commands.is_empty(), "{words}");
    for command in commands {
        place.shell_verb(":", &command.replace("FILE", files)).assert().success();
    }
    words
}

#[test]
fn other_wishes_for_a_prepared_ca_are_granted_by_another_one() {
    let place = Place::new();
    place.init(&["--name-constraints", "--san", "foo.example"]).assert().success();
    place.step(&["prepare"]).assert().success();
    let first = place.trusted();
    let wishes =
        ["prepare", "--permit", "eg.example,10.0.0.7", "--key-type", "p384", "--ca-lifetime", "400d"];
    place.step(&wishes).assert().success().stdout_eq(str![[r"
made a new CA in place of the one that was prepared in `certs`
...
hint: give both sides the new `ca.crt`, in any order: the bridge reloads it by itself, restart other programs that do not. Once both trust both CAs: `egext certs rotate-ca activate`

"]]);
    let second = place.trusted();
    assert_eq!((&first[0], first.len(), second.len()), (&second[0], 2, 2));
    assert_ne!(first[1], second[1]);
    for same in [
        &wishes[..],
        &["prepare"],
        &["prepare", "--permit", "EG.example"],
        &["prepare", "--key-type", "p384"],
    ] {
        assert_eq!(place.outcome(same), "unchanged", "{same:?}");
    }
    // What was wished before is still granted.
    for wish in [["--key-type", "p256"], ["--ca-lifetime", "500d"], ["--permit", "*.third.example"]] {
        assert_eq!(place.outcome(&[&["prepare"], &wish[..]].concat()), "done", "{wish:?}");
    }
    place.step(&["activate"]).assert().success();
    let names = "eg.example,10.0.0.7,a.third.example";
    place.verb(&["renew", "--name", "server", "--add-san", names]).assert().success();
    place.assert_whole();
}

#[test]
fn wishes_for_a_private_ca_are_refused_where_a_companys_is_prepared() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_passphrase();
    Company::new(&["corp"]).write(&place, "corp");
    place.rotate("prepare", Some("corp")).assert().success();
    assert_eq!(place.outcome(&["prepare"]), "unchanged");
    place.assert_fails(
        &["rotate-ca", "prepare", "--key-type", "p384", "--ca-key-passphrase-file", "phrase"],
        str![[r"
error: `corp` is prepared, and the type of its key and a passphrase can be chosen for a private CA only
  hint: `egext certs rotate-ca prepare --private-ca --key-type p384 --ca-key-passphrase-file phrase` makes a private CA in its place; `egext certs rotate-ca activate --ca-cert FILE --ca-key FILE` goes on with `corp`

"]],
    );
    place.step(&["prepare", "--private-ca", "--key-type", "p384"]).args(PASSPHRASE).assert().success();
    assert!(place.is_encrypted(".egext/current/.next-ca.key"));
}

#[test]
fn names_that_a_ca_does_not_permit_are_permitted_by_what_the_hint_says() {
    let change = ["renew", "--name", "server", "--add-san", "eg.example"];
    for steps in [&[][..], &["prepare"], &["prepare", "activate"]] {
        let place = Place::new();
        let directory = ["--dir", "it's mine"];
        place.init(&["--name-constraints", "--dir", "it's mine"]).assert().success();
        for step in steps {
            place.step(&[step]).args(directory).assert().success();
        }
        let words = paste(&place, place.verb(&change).args(directory), 2, "");
        assert!(words.contains(" --permit eg.example --dir "), "{words}");
        let words = paste(&place, place.verb(&change).args(directory), 2, "");
        assert!(words.contains("rotate-ca activate --dir ") || words.contains("rotate-ca finish"), "{words}");
        if steps.len() == 2 {
            place.step(&["activate"]).args(directory).assert().success();
        }
        place.verb(&change).args(directory).assert().success();
    }
}

#[test]
fn another_ca_than_the_activated_one_is_refused() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["acme root", "acme"]).write(&place, "acme");
    Company::new(&["beta root", "beta"]).write(&place, "beta");
    place.rotate("prepare", Some("acme")).assert().success();
    place.rotate("activate", Some("acme")).assert().success();
    let beta = files("beta");
    let activate = [&["rotate-ca", "activate"][..], &beta.each_ref().map(String::as_str)].concat();
    place.assert_fails(
        &activate,
        str![[r"
error: `acme` is the CA that was activated, not `beta`
  hint: name the one that was activated; to change to the one that you named: `egext certs rotate-ca finish`, then `egext certs rotate-ca prepare --ca-cert beta.crt --ca-key beta.key`

"]],
    );
    place.rotate("activate", Some("acme")).assert().success().stdout_eq("unchanged: [..]\n...\n");
    paste(&place, place.verb(&activate), 2, "");
    place.rotate("activate", Some("beta")).assert().success();
    place.assert_whole();
}

#[test]
fn a_passphrase_that_comes_late_is_not_dropped() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_passphrase();
    fs::write(place.path("other"), "something else\n").expect("writable");
    place.step(&["prepare"]).assert().success();
    let activate = ["rotate-ca", "activate", "--ca-key-passphrase-file", "phrase"];
    place.assert_fails(
        &activate,
        str![[r"
error: the key in `certs/.egext/current/.next-ca.key` is not encrypted, so no passphrase opens it
  hint: `egext certs rotate-ca prepare --ca-key-passphrase-file phrase` makes another CA, whose key is encrypted; `egext certs rotate-ca activate` uses this one as it is

"]],
    );
    let plain = place.files_of(".egext/current/.next-ca.key");
    place.step(&["prepare"]).args(PASSPHRASE).assert().success();
    assert!(place.is_encrypted(".egext/current/.next-ca.key"));
    assert_ne!(
        place.files_of(".egext/current/.next-ca.crt"),
        plain,
        "the key was there for everybody to read"
    );
    assert_eq!(place.trusted().len(), 2);
    let prepare = [&["prepare"], &PASSPHRASE[..]].concat();
    assert_eq!(place.outcome(&prepare), "unchanged");
    assert_eq!(place.outcome(&["prepare"]), "unchanged");
    assert_eq!(place.outcome(&["prepare", "--ca-key-passphrase-file", "other"]), "done");
    assert_eq!(place.outcome(&prepare), "done");
    place.assert_fails(
        &["rotate-ca", "prepare", "--key-type", "p384"],
        str![[r"
error: the key in `certs/.egext/current/.next-ca.key` is encrypted, so that of the new CA has to be, too
  hint: name the file with its passphrase: `egext certs rotate-ca prepare --key-type p384 --ca-key-passphrase-file FILE`

"]],
    );
    place.verb(&activate).assert().success();
    assert!(place.is_encrypted("ca.key"));
    place.verb(&activate).assert().success().stdout_eq("unchanged: [..]\n...\n");
    place.step(&["activate", "--ca-key-passphrase-file", "other"]).assert().code(2).stdout_eq("");
    place.assert_whole();
}

#[test]
fn a_passphrase_for_an_activated_key_that_is_plain_is_refused() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_passphrase();
    for step in ["prepare", "activate"] {
        place.step(&[step]).assert().success();
    }
    let activate = ["rotate-ca", "activate", "--ca-key-passphrase-file", "phrase"];
    place.assert_fails(
        &activate,
        str![[r"
error: the key in `certs/ca.key` is not encrypted, so no passphrase opens it
  hint: to replace this CA by one whose key is encrypted: `egext certs rotate-ca finish`, then `egext certs rotate-ca prepare --ca-key-passphrase-file phrase`

"]],
    );
    paste(&place, place.verb(&activate), 2, "");
    place.verb(&activate).assert().success();
    assert!(place.is_encrypted("ca.key"));
    // No key is made or opened there.
    place.step(&["finish"]).args(PASSPHRASE).assert().code(2).stdout_eq("");
}

#[test]
fn the_commands_that_steps_print_name_the_passphrase() {
    for (directory, prepare) in
        [("certs", &["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"][..]), ("else where", &[])]
    {
        let place = Place::new();
        place.write_passphrase();
        place.init(&["--dir", "corp"]).args(PASSPHRASE).assert().success();
        place.init(&["--dir", directory]).assert().success();
        let status = ["rotate-ca", "status", "--dir", directory];
        let prepare = place.step(&[&["prepare", "--dir", directory], prepare, &PASSPHRASE[..]].concat());
        let run = prepare.assert().success();
        let said = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        assert!(said.contains(" --ca-key-passphrase-file phrase"), "{said}");
        let run = place.verb(&status).assert().success();
        let status = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        if directory != "certs" {
            assert!(
                status.contains("activate --ca-key-passphrase-file FILE --dir 'else where'`"),
                "{status}"
            );
        }
        let activate = said.split('`').find_map(|part| part.strip_prefix("egext certs ")).expect("a command");
        let run = place.shell_verb(":", activate).assert().success();
        let said = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        if directory == "certs" {
            let flags = "`--ca-cert corp/ca.crt --ca-key corp/ca.key --ca-key-passphrase-file phrase`";
            assert!(said.contains(flags), "{said}");
        }
        place.step(&["finish", "--dir", directory]).assert().success();
        let renew = ["renew", "--force", "--dir", directory, "--lifetime", "10y", "--name", "server"];
        let signer: &[&str] = match directory {
            "certs" => &["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"],
            _ => &[],
        };
        // What cuts a lifetime short is replaced, too.
        let run = place.verb(&[&renew[..], signer, &PASSPHRASE].concat()).assert().success();
        let said = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        assert!(
            directory == "certs" || said.contains("prepare --ca-key-passphrase-file FILE --dir"),
            "{said}"
        );
    }
}

#[test]
fn what_was_piped_in_is_a_file_in_what_is_to_be_typed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["corp"]).write(&place, "corp");
    let [certificate, key] = ["corp.crt", "corp.key"].map(|name| fs::read(place.path(name)).expect("there"));
    let prepare = place.step(&["prepare", "--ca-cert", "-", "--ca-key", "corp.key"]).stdin(certificate);
    prepare.assert().success().stdout_eq(str![[r"
...
hint: [..]: `egext certs rotate-ca activate --ca-cert FILE --ca-key corp.key`
...
"]]);
    let activate = place.step(&["activate", "--ca-cert", "corp.crt", "--ca-key", "-"]).stdin(key);
    activate.assert().success().stdout_eq(str![[r"
...
note: the CA key was not copied; pass it again to issue or renew: `--ca-cert corp.crt --ca-key FILE`

"]]);
}

#[test]
fn a_prepared_ca_that_has_expired_is_replaced() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let past = now() - Duration::days(400);
    place.rotate_by(|rotation| {
        let expired = PrivateCa { lifetime: Span::from_days(30), ..rotation.like(past) };
        rotation.prepare(&NewCa::Private(expired), None, past)
    });
    let status = place.verb_json(&["rotate-ca", "status"], 1);
    assert_eq!((&status["phase"], &status["next"]), (&"prepared".into(), &"prepare".into()));
    assert_eq!(status["findings"][0]["id"], "certs.expired");
    place.assert_fails(
        &["rotate-ca", "activate"],
        str![[r"
error: the CA `egext CA [..]` in `certs/.egext/current/.next-ca.crt` has expired, on [..]
  hint: `egext certs rotate-ca prepare` makes another one in its place

"]],
    );
    assert_eq!(place.outcome(&["prepare"]), "done");
    assert_eq!(place.outcome(&["prepare"]), "unchanged");
    place.step(&["activate"]).assert().success();
    place.step(&["finish"]).assert().success();
    place.assert_whole();
}

#[test]
fn what_the_new_ca_will_cut_short_is_said_while_it_can_be_changed() {
    for flags in [&[][..], &["--dry-run"]] {
        let place = Place::new();
        place.init(&[]).assert().success();
        let prepare = [&["prepare", "--ca-lifetime", "30d"], flags].concat();
        place.step(&prepare).assert().success().stdout_eq(str![[r"
...
  ‼ certs/server.crt: after `activate`, `server` and `client` expire with their CA on [..], sooner than in 1y
    hint: `egext certs rotate-ca prepare --ca-lifetime SPAN` prepares one that expires later in its place
...
"]]);
    }
}

#[test]
fn a_uri_needs_no_permission() {
    let place = Place::new();
    place.init(&["--name-constraints"]).assert().success();
    place.assert_fails(
        &["rotate-ca", "prepare", "--permit", "spiffe://example.org/x"],
        str![[r"
error: `spiffe://example.org/x` is a SPIFFE id
  hint: leave `spiffe://example.org/x` out: name constraints of `egext` permit every URI

"]],
    );
}
