//! How long certificates live, what cuts their lives short, and when they are due: one rule for every verb.

use std::fs;

use egext::pki::Certificate;
use egext::pki::issue::SetPlan;
use egext::units::Span;
use egext_test_support::TestAuthority;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use snapbox::str;
use time::{Duration, OffsetDateTime};

use super::other_ca::Company;
use super::{Place, now};

fn short(seconds: u64) -> SetPlan {
    let lifetime = Span::from_seconds(seconds);
    SetPlan { lifetime, ca_lifetime: Span::from_days(1), ..SetPlan::default() }
}

fn date(value: &serde_json::Value) -> OffsetDateTime {
    let text = value.as_str().expect("a date");
    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).expect("RFC 3339")
}

/// The hour of backdating is no part of the life that was asked for.
#[test]
fn a_short_life_is_not_due_at_birth() {
    let place = Place::new();
    place.init(&["--lifetime", "10m", "--ca-lifetime", "1d"]).assert().success();
    place.verb(&["renew", "--dry-run"]).assert().code(0);
    place.verb(&["check"]).assert().code(0);
    place.verb(&["check", "--within", "50%"]).assert().code(0);
    let report = place.verb_json(&["renew"], 0);
    assert_eq!(report["outcome"], "unchanged");
    let server = &report["certificates"][0];
    let last = date(&server["not_after"]) - date(&server["due_from"]);
    assert_eq!(last, Duration::seconds(200), "a third of ten minutes");
    let whole = date(&server["not_after"]) - date(&server["not_before"]);
    assert_eq!(whole, Duration::minutes(70), "the hour as well");
}

#[test]
fn a_short_life_is_due_in_its_last_third() {
    for (age, code) in [(30, 0), (55, 3)] {
        let place = Place::new();
        place.write_plan(&short(3600), now() - Duration::minutes(age));
        place.verb(&["renew", "--dry-run"]).assert().code(code);
        place.verb(&["check"]).assert().code(code);
    }
}

/// Only our certificates are backdated by an hour: of others all of their life counts, though they have serial numbers
/// like ours.
#[test]
fn a_certificate_of_another_tool_is_judged_by_all_of_its_life() {
    for (left, code) in [(30, 0), (15, 3)] {
        let place = Place::new();
        place.init(&[]).assert().success();
        let read = |name: &str| fs::read_to_string(place.certs().join(name)).expect("there");
        let signer = KeyPair::from_pem(&read("ca.key")).expect("a key");
        let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), signer).expect("a CA");
        let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        leaf.not_after = now() + Duration::minutes(left);
        leaf.not_before = leaf.not_after - Duration::minutes(65);
        leaf.serial_number = Some(vec![0x47; 16].into());
        let key = KeyPair::generate().expect("a key");
        fs::write(place.path("a.crt"), leaf.signed_by(&key, &issuer).expect("signed").pem())
            .expect("writable");
        // The copy has the mode of a key.
        fs::copy(place.certs().join("server.key"), place.path("a.key")).expect("copied");
        fs::write(place.path("a.key"), key.serialize_pem()).expect("writable");
        let files = ["--ca", "certs/ca.crt", "--cert", "a.crt", "--key", "a.key", "--role", "server"];
        place.verb(&["check"]).args(files).assert().code(code);
    }
}

#[test]
fn dates_of_short_lives_have_a_time_of_day() {
    let place = Place::new();
    place.init(&["--lifetime", "6d"]).assert().success().stdout_eq(str![[r"
made a private CA and a certificate for each side in `certs`

  CA      egext CA [..]
          until [..] 20[..] (in 5 years), P-256
  server  localhost, 127.0.0.1, ::1
          until [..] 20[..], [..]:[..] UTC (in 6 days), P-256
...
"]]);
    place.verb(&["renew"]).assert().success().stdout_eq(str![[r"
nothing is due in `certs`

  server   localhost, 127.0.0.1, ::1
           until [..] 20[..], [..]:[..] UTC (in 6 days), due from [..] 20[..], [..]:[..] UTC
...
"]]);
    place
        .verb(&["check"])
        .assert()
        .success()
        .stdout_eq("...\nfine until [..] 20[..], [..]:[..] UTC ([..])\n");
    let place = Place::new();
    place.write_plan(&short(3600), now() - Duration::hours(2));
    let report = place.verb_json(&["check"], 1);
    let said = report["findings"][0]["message"].as_str().expect("words");
    assert!(said.starts_with("expired ") && said.ends_with(" UTC"), "{said}");
}

/// A CA that began a moment ago cannot be a reason for shorter lives at each renewal.
#[test]
fn a_lifetime_stays_though_the_ca_is_younger_than_an_hour() {
    let place = Place::new();
    Company::new(&["young"]).with(|ca| ca.not_before = now() - Duration::minutes(1)).write(&place, "young");
    let signer = ["--ca-cert", "young.crt", "--ca-key", "young.key"];
    place.init(&[&signer[..], &["--lifetime", "2h"]].concat()).assert().success();
    for _ in 0..2 {
        place.verb(&["renew", "--force"]).args(signer).assert().success();
        assert_eq!(place.leaf("server").lifetime, Duration::hours(2));
        place.verb(&["check"]).assert().success();
    }
}

/// Every verb that issues says the same of a life that its CA cuts short.
#[test]
fn a_life_that_ends_with_its_ca_is_the_same_finding_everywhere() {
    let place = Place::new();
    Company::new(&["corp root", "corp"])
        .with(|ca| ca.not_after = now() + Duration::days(20))
        .write(&place, "corp");
    let signer = ["--ca-cert", "corp.crt", "--ca-key", "corp.key"];
    let words = |verb: &[&str], code: i32| {
        let report = place.verb_json(verb, code);
        let findings = report["findings"].as_array().expect("a list").clone();
        let cut = findings.iter().filter(|finding| finding["id"] == "certs.lifetime-cut").collect::<Vec<_>>();
        let [cut] = cut[..] else { panic!("{report:#}") };
        assert!(cut["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{cut:#}");
        let said = cut["message"].as_str().expect("words");
        assert!(said.contains(" CA on ") && said.ends_with(", sooner than in 1y"), "{said}");
    };
    words(&[&["init", "--dir", "a"], &signer[..]].concat(), 0);
    place.init(&[&["--dir", "d", "--lifetime", "5d"], &signer[..]].concat()).assert().success();
    words(&[&["renew", "--dir", "d", "--name", "server", "--lifetime", "1y"], &signer[..]].concat(), 0);
    let issue = ["issue", "client", "--dir", "a", "--out", "two", "--san", "two.internal"];
    words(&[&issue, &signer[..]].concat(), 0);
    words(&["init", "--dir", "b", "--ca-lifetime", "20d"], 0);
    place.init(&[]).assert().success();
    place.verb(&["rotate-ca", "prepare"]).args(signer).assert().success();
    words(&[&["rotate-ca", "activate"], &signer[..]].concat(), 0);
    let fine = place.verb_json(&["init", "--dir", "c"], 0);
    assert_eq!(fine["findings"], serde_json::json!([]), "nothing is cut");
}

/// A new key is of the type that is there, whatever the CA's key is.
#[test]
fn the_default_type_of_a_key_is_the_same_for_every_verb() {
    let place = Place::new();
    place.init(&["--dir", "corp", "--key-type", "p384"]).assert().success();
    let signer = ["--ca-cert", "corp/ca.crt", "--ca-key", "corp/ca.key"];
    let by_corp = |verb: &[&str]| place.verb(verb).args(signer);
    by_corp(&["init"]).assert().success();
    by_corp(&["issue", "client", "--out", "two", "--san", "two.internal"]).assert().success();
    for name in ["server", "client", "two"] {
        assert_eq!(place.leaf(name).key.to_string(), "P-256", "{name}");
    }
    by_corp(&["renew", "--name", "client", "--key-type", "rsa2048"]).assert().success();
    by_corp(&["issue", "client", "--out", "three", "--san", "three.internal"]).assert().success();
    by_corp(&["issue", "server", "--out", "four", "--san", "four.internal"]).assert().success();
    by_corp(&["issue", "server", "--out", "server", "--san", "a.internal", "--replace"]).assert().success();
    let types = ["server", "client", "three", "four"].map(|name| place.leaf(name).key.to_string());
    assert_eq!(types, ["RSA 2048", "RSA 2048", "RSA 2048", "P-256"]);
    for step in [&["prepare", "--private-ca"][..], &["activate"], &["finish"]] {
        place.verb(&["rotate-ca"]).args(step).assert().success();
    }
    let ca = Certificate::of(&place.certificate("certs/ca.crt")).expect("a CA");
    assert_eq!([ca, place.leaf("four")].map(|leaf| leaf.key.to_string()), ["P-384", "P-256"]);
}

#[test]
fn a_ca_that_is_over_is_no_success() {
    let place = Place::new();
    place.write_set(now() - Duration::days(6 * 365));
    let report = place.verb_json(&["rotate-ca", "status"], 1);
    assert_eq!((&report["status"], &report["next"]), (&"error".into(), &"prepare".into()));
    let findings = report["findings"].as_array().expect("a list");
    let hints = findings.iter().map(|finding| finding["hint"].as_str().expect("a hint")).collect::<Vec<_>>();
    let prepare = "`egext certs rotate-ca prepare`";
    let of_leaf = format!("its CA has expired, too: replace the CA, and this certificate with it: {prepare}");
    assert!(findings.iter().all(|finding| finding["id"] == "certs.expired"), "{report:#}");
    assert_eq!(hints, [&format!("replace the CA: {prepare}"), &of_leaf, &of_leaf]);
    place.verb(&["rotate-ca", "status"]).assert().code(1).stdout_eq(str![[r"
the CA should be replaced

  CA       egext CA [..]
           until [..] (365 days ago), signs

hint: the CA expired 365 days ago: `egext certs rotate-ca prepare`

  × certs/ca.crt: expired 365 days ago, on [..]
    hint: replace the CA: `egext certs rotate-ca prepare`
...
"]]);
    for verb in [&["renew"][..], &["renew", "--dry-run"], &["renew", "--force"]] {
        place.assert_fails(
            verb,
            str![[r"
error: the CA in `certs/ca.crt` expired 365 days ago
  hint: replace the CA first: `egext certs rotate-ca prepare`

"]],
        );
    }
    // A leaf that outlives its CA is not due, and is refused all the same.
    let read = |name: &str| fs::read_to_string(place.certs().join(name)).expect("there");
    let signer = KeyPair::from_pem(&read("ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), signer).expect("a CA");
    for (name, usage) in [
        ("server", rcgen::ExtendedKeyUsagePurpose::ServerAuth),
        ("client", rcgen::ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        (leaf.not_before, leaf.not_after) = (now() - Duration::days(400), now() + Duration::days(400));
        leaf.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        place.replace(&format!("{name}.crt"), leaf.signed_by(&key, &issuer).expect("signed").pem());
        place.replace(&format!("{name}.key"), key.serialize_pem());
    }
    for verb in [&["renew"][..], &["renew", "--dry-run"]] {
        let report = place.verb_json(verb, 1);
        assert_eq!(report["findings"][0]["id"], "certs.expired", "{report:#}");
    }
}

#[test]
fn a_set_that_is_not_valid_yet_is_no_success() {
    let place = Place::new();
    place.write_set(now() + Duration::days(2));
    for verb in [&["renew"][..], &["renew", "--dry-run"], &["rotate-ca", "status"]] {
        let report = place.verb_json(verb, 1);
        let findings = report["findings"].as_array().expect("a list");
        assert_eq!(findings.len(), 3, "{verb:?}: {report:#}");
        for finding in findings {
            assert_eq!(finding["id"], "certs.not-yet-valid");
            assert!(finding["hint"].as_str().expect("a hint").contains("`date -u`"));
        }
    }
    for verb in [
        &["renew", "--force"][..],
        &["renew", "--force", "--dry-run"],
        &["issue", "client", "--out", "two", "--san", "two.internal"],
    ] {
        place.assert_fails(
            verb,
            str![[r"
error: the CA in `certs/ca.crt` is not valid before [..]
  hint: compare this machine's clock with another one: `date -u`

"]],
        );
    }
}

#[test]
fn an_issuer_of_a_leaf_that_has_expired_is_no_success() {
    let place = Place::new();
    let [root, corp] = ["corp root", "corp"].map(TestAuthority::new);
    fs::write(place.path("corp.crt"), corp.by(&root) + &root.root()).expect("writable");
    fs::write(place.path("corp.key"), corp.key()).expect("writable");
    place.init(&["--ca-cert", "corp.crt", "--ca-key", "corp.key"]).assert().success();
    let chain = fs::read_to_string(place.certs().join("server.crt")).expect("there");
    let leaf = chain.split_inclusive("-----END CERTIFICATE-----\n").next().expect("a certificate");
    place.replace("server.crt", leaf.to_owned() + &corp.expired_by(&root));
    for verb in [&["renew"][..], &["renew", "--dry-run"], &["rotate-ca", "status"]] {
        let report = place.verb_json(verb, 1);
        let finding = &report["findings"][0];
        assert_eq!(finding["id"], "certs.expired", "{verb:?}: {report:#}");
        let message = finding["message"].as_str().expect("words");
        assert!(message.starts_with("its issuer `corp`: expired "), "{message}");
        let hint = finding["hint"].as_str().expect("a hint");
        assert!(hint.starts_with("replace the CA: `egext certs rotate-ca prepare"), "{hint}");
    }
}

/// The intermediate of a company expires before its root.
#[test]
fn a_ca_is_due_by_the_first_that_expires_above_a_leaf() {
    let place = Place::new();
    Company::new(&["corp root", "corp"])
        .with(|ca| ca.not_after = now() + Duration::days(20))
        .write(&place, "corp");
    place.init(&["--ca-cert", "corp.crt", "--ca-key", "corp.key"]).assert().success();
    let status = place.verb_json(&["rotate-ca", "status"], 0);
    assert_eq!(status["next"], "prepare");
    place.verb(&["rotate-ca", "status"]).assert().success().stdout_eq(str![[r"
the CA should be replaced
...
hint: the CA expires in 20 days, and certificates that it issues would expire with it: `egext certs rotate-ca prepare --ca-cert FILE --ca-key FILE`

"]]);
}

/// A set of one day, all of which ends at once, is not due when it is made.
#[test]
fn a_set_without_a_ca_key_is_not_due_at_birth_and_hints_need_no_key() {
    let place = Place::new();
    place.init(&["--discard-ca-key"]).assert().success();
    let status = place.verb_json(&["rotate-ca", "status"], 0);
    assert_eq!(status["next"], serde_json::Value::Null, "{status:#}");
    let old = Place::new();
    let plan = SetPlan {
        ca_key: egext::pki::issue::CaKey::Discarded,
        lifetime: Span::from_days(1),
        ca_lifetime: Span::from_days(1),
        ..SetPlan::default()
    };
    old.write_plan(&plan, now() - Duration::hours(23));
    let report = old.json(&["--san", "more.internal"], 1);
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 4, "{report:#}");
    for finding in findings {
        let hint = finding["hint"].as_str().expect("a hint");
        assert!(hint.contains("`egext certs rotate-ca prepare --private-ca`"), "{hint}");
        for command in hint.split('`').filter(|part| part.starts_with("egext certs renew")) {
            assert!(command.contains("--ca-key FILE"), "it cannot be typed as it is: {hint}");
        }
    }
    old.verb(&["rotate-ca", "status"]).assert().success().stdout_eq(str![[r"
the CA should be replaced
...
hint: the CA expires in [..], and certificates that it issues would expire with it: `egext certs rotate-ca prepare --private-ca`

"]]);
    old.verb(&["rotate-ca", "prepare", "--private-ca"]).assert().success();
}

/// The machine that was given one side cannot sign, and is told where to go.
#[test]
fn one_side_alone_is_told_where_to_renew() {
    for (side, other) in [("server", "client"), ("client", "server")] {
        let place = Place::new();
        place.init(&["--dir", "made"]).assert().success();
        let archive = format!("{side}.tar");
        place.verb(&["pack", side, "--dir", "made", "--out", &archive]).assert().success();
        let unpack = format!("mkdir -m 700 certs && tar -xf {archive} -C certs");
        let status =
            std::process::Command::new("sh").current_dir(place.path("")).args(["-ec", &unpack]).status();
        assert!(status.expect("a shell").success());
        for verb in [
            &["renew"][..],
            &["renew", "--force", "--role", side],
            &["issue", "client", "--san", "a", "--out", "a"],
            &["rotate-ca", "status"],
            &["rotate-ca", "prepare"],
            &["init"],
            &["init", "--force"],
        ] {
            place.assert_fails(
                verb,
                format!(
                    "error: `certs` holds the files of the {side} only, and nothing is signed here\n  \
                     hint: renew where the set was made, and copy the files of the {side} again: \
                     `egext certs renew --dir DIR`, then `egext certs pack {side} --out {side}.tar --dir DIR`; \
                     a new set goes into another directory with `--dir`\n"
                ),
            );
        }
        place.verb(&["check"]).assert().success();
        // With the CA's key next to it, it is a set that has lost something.
        fs::copy(place.path("made/ca.key"), place.certs().join("ca.key")).expect("copied");
        place.verb(&["renew"]).assert().code(2).stderr_eq(format!(
            "error: `certs` holds half a set: `{other}.crt`, `{other}.key` are missing\n...\n"
        ));
    }
}

#[test]
fn certificates_never_begin_later_than_an_hour_ago_and_never_outlive_their_ca() {
    let place = Place::new();
    Company::new(&["young"])
        .with(|ca| {
            ca.not_before = now() - Duration::minutes(1);
            ca.not_after = now() + Duration::days(3);
        })
        .write(&place, "young");
    place.init(&["--ca-cert", "young.crt", "--ca-key", "young.key"]).assert().success();
    let ca = CertificateDer::from_pem_file(place.path("young.crt")).expect("a CA");
    let ca = Certificate::of(&ca).expect("a CA");
    let leaf = place.leaf("server");
    assert_eq!(leaf.not_after, ca.not_after);
    assert!(leaf.not_before <= now() - Duration::minutes(59));
    place.verb(&["check"]).assert().code(0);
}
