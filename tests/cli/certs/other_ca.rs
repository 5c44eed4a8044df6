//! Rotation to a CA that `egext` did not make, from one to another, and back.

use std::fs;

use egext::pki::{Anchors, Identity, Role};
use egext_test_support::Egext;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use snapbox::str;
use time::macros::datetime;

use super::channel::Channel;
use super::{Place, now};

/// Of a company: from the root down to the CA that issues, each with what is odd about it.
pub(super) struct Company {
    names: Vec<String>,
    change: fn(&mut CertificateParams),
}

impl Company {
    /// `names` from the root down.
    pub(super) fn new(names: &[&str]) -> Self {
        Self { names: names.iter().map(ToString::to_string).collect(), change: |_| {} }
    }

    /// What is different in the CA that issues.
    pub(super) fn with(self, change: fn(&mut CertificateParams)) -> Self {
        Self { change, ..self }
    }

    /// Writes `FILE.crt`, from the root down so that the first is not the one that signs, and `FILE.key`.
    pub(super) fn write(&self, place: &Place, file: &str) {
        let (mut text, mut above) = (String::new(), None::<Issuer<'static, KeyPair>>);
        for (index, name) in self.names.iter().enumerate() {
            let key = KeyPair::generate().expect("a key");
            let mut ca = authority(name);
            if index + 1 == self.names.len() {
                (self.change)(&mut ca);
                fs::write(place.path(&format!("{file}.key")), key.serialize_pem()).expect("writable");
            }
            let certificate = match &above {
                None => ca.self_signed(&key),
                Some(above) => ca.signed_by(&key, above),
            };
            text.push_str(&certificate.expect("signed").pem());
            above = Some(Issuer::new(ca, key));
        }
        fs::write(place.path(&format!("{file}.crt")), text).expect("writable");
    }
}

/// Writes `ROOT.crt` and `ROOT.key`, and the same for each of `branches`, which issue below that root.
pub(super) fn write_branches(place: &Place, root: &str, branches: &[&str]) {
    let write = |name: &str, text: &str, key: &KeyPair| {
        fs::write(place.path(&format!("{name}.crt")), text).expect("writable");
        fs::write(place.path(&format!("{name}.key")), key.serialize_pem()).expect("writable");
    };
    let (parameters, root_key) = (authority(root), KeyPair::generate().expect("a key"));
    let anchor = parameters.self_signed(&root_key).expect("signed").pem();
    write(root, &anchor, &root_key);
    let above = Issuer::new(parameters, root_key);
    for name in branches {
        let key = KeyPair::generate().expect("a key");
        let text = authority(name).signed_by(&key, &above).expect("signed").pem() + &anchor;
        write(name, &text, &key);
    }
}

pub(super) fn authority(name: &str) -> CertificateParams {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.use_authority_key_identifier_extension = true;
    (ca.not_before, ca.not_after) = (datetime!(2020-01-01 0:00 UTC), datetime!(2120-01-01 0:00 UTC));
    ca
}

pub(super) fn files(file: &str) -> [String; 4] {
    ["--ca-cert".to_owned(), format!("{file}.crt"), "--ca-key".to_owned(), format!("{file}.key")]
}

impl Place {
    pub(super) fn rotate(&self, step: &str, file: Option<&str>) -> Egext {
        let command = self.verb(&["rotate-ca", step]);
        match file {
            Some(file) => command.args(files(file)),
            None => command,
        }
    }

    /// All three steps.
    pub(super) fn rotate_to(&self, file: &str) {
        self.rotate("prepare", Some(file)).assert().success();
        self.rotate("activate", Some(file)).assert().success();
        self.rotate("finish", None).assert().success();
    }

    pub(super) fn trusted(&self) -> Vec<String> {
        let anchors = Anchors::load(&self.certs().join("ca.crt")).expect("a CA");
        anchors.certificates().iter().map(|certificate| certificate.subject.to_string()).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.certs().join(name).symlink_metadata().is_ok()
    }
}

#[test]
fn no_call_fails_on_the_way_to_a_company_to_another_and_back() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["deep root", "middle", "deep"]).write(&place, "deep");
    Company::new(&["flat"]).write(&place, "flat");
    let channel = Channel::open(&place);
    let orders = [[Role::Server, Role::Client], [Role::Client, Role::Server]];
    for (to, order) in [Some("deep"), Some("flat"), None].into_iter().zip(orders.into_iter().cycle()) {
        for step in ["prepare", "activate", "finish"] {
            let command = place.rotate(step, to.filter(|_| step != "finish"));
            let asked: &[&str] = if to.is_none() && step == "prepare" { &["--private-ca"] } else { &[] };
            command.args(asked).assert().success();
            place.assert_whole();
            channel.more_calls();
            for side in order {
                channel.reload(side, &place);
                channel.more_calls();
            }
        }
    }
    assert_eq!(channel.close(), Vec::<String>::new());
    assert!(place.has("ca.key"), "the last one is private");
}

#[test]
fn each_step_to_a_company_says_what_it_did_and_stores_no_key_of_the_company() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    let before = place.tree();
    place.rotate("prepare", Some("corp")).arg("--dry-run").assert().success().stderr_eq("").stdout_eq(str![
        [r"
would trust `corp` too, which can issue all certificates in `certs`
...
"]
    ]);
    assert_eq!(place.tree(), before);
    place.rotate("prepare", Some("corp")).assert().success().stderr_eq("").stdout_eq(str![[r"
`corp` is trusted too in `certs`

  CA       egext CA [..]
           until [..] (in 5 years), signs
  next     corp
           until 1 January 2120 (in [..] years), its root `corp root` is trusted, and it signs after `activate`

files
  to both sides   certs/ca.crt

hint: give both sides the new `ca.crt`, in any order: the bridge reloads it by itself, restart other programs that do not. Once both trust both CAs: `egext certs rotate-ca activate --ca-cert corp.crt --ca-key corp.key`

note: a server that trusts this CA accepts every client certificate that the CA has issued

"]]);
    assert_eq!(place.trusted()[1], "corp root");
    assert!(place.has("ca.key") && !place.has(".egext/current/.next-ca.key"));
    assert_eq!(place.phase(), "prepared");
    place.verb(&["renew", "--force"]).assert().success();
    place.rotate("activate", Some("corp")).assert().success().stderr_eq("").stdout_eq(str![[r"
issued all certificates from the new CA in `certs`

  CA       corp
           until 1 January 2120 (in [..] years), signs, below the root `corp root`
  old      egext CA [..]
           until [..] (in 5 years), trusted until `finish`

files
  to the server   certs/ca.crt  certs/server.crt  certs/server.key
  to the client   certs/ca.crt  certs/client.crt  certs/client.key

hint: give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. When neither side presents a certificate of the old CA any longer: `egext certs rotate-ca finish`

note: the CA key was not copied; pass it again to issue or renew: `--ca-cert corp.crt --ca-key corp.key`

"]]);
    assert!(!place.has("ca.key"), "the old CA's key is not that of the CA in `ca.crt`");
    let server = Identity::load(&place.certs().join("server.crt"), &place.certs().join("server.key"));
    assert_eq!(server.expect("a pair").chain().len(), 2, "with the CA that issued it");
    place.rotate("finish", None).assert().success();
    assert_eq!(place.trusted(), ["corp root"]);
    assert!(place.tree().keys().all(|path| !path.ends_with("ca.key")), "no key of a CA is left");
    place.assert_whole();
    place.verb(&["check"]).assert().success();
    place.verb(&["renew", "--force"]).args(files("corp")).assert().success();
    let issue = place.verb(&["issue", "client", "--out", "two", "--san", "two.internal"]);
    issue.args(files("corp")).assert().success();
    place.verb(&["pack", "client", "--name", "two", "--out", "two.tar"]).assert().success();
}

#[test]
fn a_step_to_a_company_is_repeated_without_effect() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    for (step, file) in [("prepare", Some("corp")), ("activate", Some("corp")), ("finish", None)] {
        place.rotate(step, file).assert().success();
        let before = place.tree();
        place
            .rotate(step, file)
            .assert()
            .success()
            .stdout_eq(format!("unchanged: `{step}` was done already in `certs`\n...\n"));
        assert_eq!(place.tree(), before, "{step}");
    }
}

#[test]
fn activate_needs_the_key_of_the_ca_that_was_prepared() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["corp"]).write(&place, "corp");
    Company::new(&["other"]).write(&place, "other");
    place.rotate("prepare", Some("corp")).assert().success();
    let before = place.tree();
    place.rotate("prepare", None).assert();
    assert_eq!(place.tree(), before, "no private CA takes its place unasked");
    place.assert_fails(
        &["rotate-ca", "activate"],
        str![[r"
error: the key of the new CA, `corp`, is not stored here
  hint: name it: `egext certs rotate-ca activate --ca-cert FILE --ca-key FILE`

"]],
    );
    let flags = files("other");
    let activate = [&["rotate-ca", "activate"][..], &flags.each_ref().map(String::as_str)].concat();
    place.assert_fails(
        &activate,
        str![[r"
error: `corp` is the CA that was prepared, not `other`
  hint: name the one that was prepared, or prepare this one in its place: `egext certs rotate-ca prepare --ca-cert other.crt --ca-key other.key`

"]],
    );
    place.rotate("prepare", Some("other")).assert().success();
    assert_eq!(place.trusted()[1..], ["other"], "in the place of what was prepared");
    place.verb(&["rotate-ca", "prepare", "--private-ca"]).assert().success();
    assert_eq!(place.trusted().len(), 2);
    place.rotate("activate", Some("other")).assert().code(2).stderr_eq(str![[r"
error: `egext CA [..]` is the CA that was prepared, not `other`
  hint: the key of the one that was prepared is stored here: `egext certs rotate-ca activate`; to prepare the one that you named in its place: `egext certs rotate-ca prepare --ca-cert other.crt --ca-key other.key`

"]]);
    place.verb(&["rotate-ca", "prepare"]).assert().success().stdout_eq("unchanged: `prepare`[..]\n...\n");
    place.verb(&["rotate-ca", "activate"]).assert().success();
    place.assert_whole();
}

#[test]
fn below_a_company_no_private_ca_is_made_unasked() {
    let place = Place::new();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    place.init(&files("corp").each_ref().map(String::as_str)).assert().success();
    place.assert_fails(
        &["rotate-ca", "prepare"],
        str![[r"
error: `egext` did not make the CA in `certs/ca.crt`, `corp root`, so a private CA does not replace it unasked
  hint: name the CA that replaces it: `egext certs rotate-ca prepare --ca-cert FILE --ca-key FILE`; `egext certs rotate-ca prepare --private-ca` makes a private one and stores its key

"]],
    );
    place.rotate("status", None).assert().success().stdout_eq(str![[r"
no rotation is under way
...
           begin with `egext certs rotate-ca prepare --ca-cert FILE --ca-key FILE` from [..] on

"]]);
    place.verb(&["rotate-ca", "prepare", "--private-ca"]).assert().success().stdout_eq(str![[r"
made a new CA, trusted in addition to the old one, in `certs`
...
  next     egext CA [..]
           until [..] (in 5 years), trusted, and signs after `activate`
...
"]]);
    place.rotate("activate", None).assert().success();
    place.rotate("finish", None).assert().success();
    place.assert_whole();
    place.verb(&["renew", "--force"]).assert().success();
    place.rotate_to("corp");
    assert_eq!(place.trusted(), ["corp root"]);
}

#[test]
fn another_issuing_ca_below_the_same_root_needs_no_new_trust() {
    let place = Place::new();
    write_branches(&place, "root", &["first", "second"]);
    place.init(&files("first").each_ref().map(String::as_str)).assert().success();
    write_branches(&place, "other", &["third"]);
    for other in ["second", "third"] {
        let report = place.json(&files(other).each_ref().map(String::as_str), 0);
        let finding = &report["findings"][0];
        assert_eq!(
            (&finding["id"], &finding["evidence"]["found"]),
            (&"certs.differs".into(), &"first".into())
        );
        let hint = finding["hint"].as_str().expect("a hint");
        let prepare = format!("`egext certs rotate-ca prepare --ca-cert {other}.crt --ca-key {other}.key`");
        assert!(hint.starts_with(&prepare), "{hint}");
    }
    let trusted = place.files_of("ca.crt");
    place.rotate("prepare", Some("first")).assert().code(2).stderr_eq(str![[r"
error: `first` is the CA that signs already
  hint: name the CA that replaces it; for new certificates from this one: `egext certs renew --force --ca-cert first.crt --ca-key first.key`

"]]);
    place.rotate("prepare", Some("second")).assert().success().stdout_eq(str![[r"
`second` signs after `activate` in `certs`
...
hint: both sides trust its root already: `egext certs rotate-ca activate --ca-cert second.crt --ca-key second.key`
...
"]]);
    let status = place.verb_json(&["rotate-ca", "status"], 0);
    assert_eq!(
        (&status["signs"], &status["root"], &status["prepared"]["subject"]),
        (&"first".into(), &"root".into(), &"second".into()),
        "{status}"
    );
    place.rotate("activate", Some("second")).assert().success().stdout_eq(str![[r"
issued all certificates from the new CA in `certs`
...
hint: give both sides their new files, in any order: the bridge reloads them by itself, restart other programs that do not. They trust the root already, so `finish` is not needed
...
"]]);
    assert_eq!((place.phase().as_str(), place.files_of("ca.crt")), ("idle", trusted));
    place.rotate("activate", Some("second")).assert().success().stdout_eq("unchanged: [..]\n...\n");
    place.rotate("finish", None).assert().success();
    place.assert_whole();
    place.verb(&["renew", "--force"]).args(files("second")).assert().success();
}

#[test]
fn what_cannot_take_over_is_refused_before_anything_changes() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["root", "corp"]).write(&place, "good");
    Company::new(&["narrow"])
        .with(|ca| {
            ca.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![
                    GeneralSubtree::DnsName("example.com".to_owned()),
                    GeneralSubtree::DnsName("localhost".to_owned()),
                ],
                excluded_subtrees: Vec::new(),
            });
        })
        .write(&place, "narrow");
    Company::new(&["one sided"])
        .with(|ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
        .write(&place, "one-sided");
    Company::new(&["over"]).with(|ca| ca.not_after = datetime!(2021-01-01 0:00 UTC)).write(&place, "over");
    Company::new(&["no CA"]).with(|ca| ca.is_ca = IsCa::ExplicitNoCa).write(&place, "leaf");
    for (certificate, key, reason) in [
        ("good.crt", "narrow.key", "error: `narrow.key` is not the key of `good.crt`\n"),
        (
            "narrow.crt",
            "narrow.key",
            "error: the new CA does not permit client.egext.internal of `certs/client.crt`\n  hint: replace these names by some that it permits: `egext certs renew --name client --remove-san client.egext.internal --add-san NAME`, then repeat this step\n",
        ),
        ("one-sided.crt", "one-sided.key", "error: the CA may not issue client certificates"),
        ("over.crt", "over.key", "error: the CA `over` in `over.crt` has expired"),
        ("leaf.crt", "leaf.key", "error: `no CA` in `leaf.crt` is not a CA"),
        ("certs/ca.crt", "certs/ca.key", "is the CA that signs already\n"),
        ("missing.crt", "good.key", "error: cannot read `missing.crt`"),
    ] {
        let before = place.tree();
        for dry in [&[][..], &["--dry-run"]] {
            let flags = ["rotate-ca", "prepare", "--ca-cert", certificate, "--ca-key", key];
            let run = place.verb(&flags).args(dry).assert().code(2).stdout_eq("");
            let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
            assert!(words.contains(reason), "{certificate}: {words}");
            assert!(words.contains("\n  hint: "), "{certificate}: {words}");
        }
        assert_eq!(place.tree(), before, "{certificate}");
    }
    for flags in [
        &["--ca-cert", "good.crt"][..],
        &["--ca-key", "good.key"],
        &["--ca-cert", "good.crt", "--ca-key", "good.key", "--private-ca"],
        &["--ca-cert", "good.crt", "--ca-key", "good.key", "--permit", "a.example"],
        &["--ca-cert", "good.crt", "--ca-key", "good.key", "--ca-lifetime", "5y"],
        &["--ca-cert", "good.crt", "--ca-key", "good.key", "--key-type", "p384"],
    ] {
        place.verb(&["rotate-ca", "prepare"]).args(flags).assert().code(2);
    }
    assert_eq!(place.phase(), "idle");
}

#[test]
fn the_names_that_a_new_ca_does_not_permit_are_replaced_as_the_hint_says() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["narrow"])
        .with(|ca| {
            let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".to_owned())];
            ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        })
        .write(&place, "narrow");
    for _ in ["server", "client"] {
        let run = place.rotate("prepare", Some("narrow")).assert().code(2);
        let words = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        let command = words.split('`').find(|part| part.starts_with("egext certs renew")).expect("a command");
        let verb = command.trim_start_matches("egext certs ").replace("NAME", "eg.example.com");
        place.shell_verb(":", &verb).assert().success();
    }
    place.rotate_to("narrow");
    place.assert_whole();
}

#[test]
fn an_encrypted_key_of_a_company_is_opened_for_both_steps() {
    let place = Place::new();
    fs::write(place.path("phrase"), "open sesame\n").expect("writable");
    place.init(&["--dir", "corp", "--ca-key-passphrase-file", "phrase"]).assert().success();
    place.init(&[]).assert().success();
    let flags = ["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"];
    place.verb(&["rotate-ca", "prepare"]).args(flags).assert().code(2).stderr_eq(str![[r"
error: the key in `corp/ca.key` is encrypted
  hint: name the file with its passphrase: `--ca-key-passphrase-file FILE`, or `-` for stdin

"]]);
    for step in ["prepare", "activate"] {
        let command = place.verb(&["rotate-ca", step]).args(flags);
        command.args(["--ca-key-passphrase-file", "-"]).stdin("open sesame").assert().success();
    }
    place.rotate("finish", None).assert().success();
    place.assert_whole();
}

/// A root that was renewed with the same name and key is another certificate: peers have to be given it.
#[test]
fn a_renewed_root_of_the_same_company_is_a_new_ca() {
    let place = Place::new();
    let key = KeyPair::generate().expect("a key");
    for (file, until) in
        [("old", datetime!(2100-01-01 0:00 UTC)), ("renewed", datetime!(2120-01-01 0:00 UTC))]
    {
        let mut ca = authority("corp");
        ca.not_after = until;
        let certificate = ca.self_signed(&key).expect("signed");
        fs::write(place.path(&format!("{file}.crt")), certificate.pem()).expect("writable");
        fs::write(place.path(&format!("{file}.key")), key.serialize_pem()).expect("writable");
    }
    place.init(&files("old").each_ref().map(String::as_str)).assert().success();
    place.rotate("prepare", Some("renewed")).assert().success();
    assert_eq!(place.trusted().len(), 2);
    place.rotate("activate", Some("renewed")).assert().success();
    assert_eq!(place.phase(), "activated");
    place.rotate("finish", None).assert().success();
    assert_eq!(place.certificate("certs/ca.crt"), place.certificate("renewed.crt"));
    assert_eq!(place.trusted().len(), 1);
}

#[test]
fn a_full_disk_leaves_each_step_unmade() {
    let place = Place::new();
    place.init(&[]).assert().success();
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    for (step, file) in [
        ("prepare", Some("corp")),
        ("activate", Some("corp")),
        ("finish", None),
        ("prepare --private-ca", None),
        ("activate", None),
        ("finish", None),
    ] {
        let before = place.tree();
        let words = format!("rotate-ca {step}");
        let flags = file.map(files).into_iter().flatten().collect::<Vec<_>>();
        let run = place.shell_verb("ulimit -f 0", &words).args(&flags).assert().code(2);
        let said = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
        assert!(said.starts_with("error: cannot write "), "{said}");
        assert_eq!(place.tree(), before, "{step}");
        place.shell_verb(":", &words).args(&flags).assert().success();
        place.assert_whole();
    }
}

#[test]
fn a_renewal_below_a_company_is_judged_by_the_ca_that_signs() {
    let place = Place::new();
    // The first certificate of the file is the root of another branch, which has expired.
    Company::new(&["over"]).with(|ca| ca.not_after = datetime!(2021-01-01 0:00 UTC)).write(&place, "over");
    Company::new(&["corp root", "corp"]).write(&place, "corp");
    place.init(&files("corp").each_ref().map(String::as_str)).assert().success();
    place.join(&["over.crt", "corp.crt"], "both.crt");
    place.verb(&["renew", "--force", "--ca-cert", "both.crt", "--ca-key", "corp.key"]).assert().success();
    assert!(place.leaf("server").not_after > now());
}
