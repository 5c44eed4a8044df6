//! Names, lifetime and type of key of a certificate that is there, below the same CA.

use egext::pki::issue::SetPlan;
use egext::pki::{Anchors, SubjectName};
use egext::units::Span;
use serde_json::json;
use snapbox::str;
use time::Duration;

use super::{Place, now};

#[test]
fn one_certificate_gets_other_names_and_all_else_stays() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let (before, old) = (place.files(), place.leaf("server"));
    place
        .verb(&["renew", "--name", "server", "--add-san", "EG.example,10.0.0.7", "--remove-san", "127.0.0.1"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r"
renewed in `certs`

  server   localhost, ::1, eg.example, 10.0.0.7
           until [..] (in 365 days), new key
           change: adds eg.example, 10.0.0.7; removes 127.0.0.1

files
  to the server   certs/server.crt  certs/server.key

hint: give the server the new files: a server that reads them only at its start must be restarted, the bridge reloads them by itself. The CA is the same, so the order does not matter

"]]);
    let new = place.leaf("server");
    let facts =
        |leaf: &egext::pki::Certificate| (leaf.subject.clone(), leaf.key.to_string(), leaf.issuer.clone());
    assert_eq!(facts(&new), facts(&old));
    assert_eq!(new.not_after - new.not_before, old.not_after - old.not_before);
    assert_ne!(new.serial, old.serial);
    for (name, text) in place.files() {
        assert_eq!(text == before[name], !name.starts_with("server"), "{name}");
    }
    place.assert_whole();
}

#[test]
fn lifetime_and_type_of_key_change_and_later_renewals_keep_them() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let change = ["renew", "--role", "client", "--lifetime", "90d", "--key-type", "p384"];
    let report = place.verb_json(&change, 0);
    let changes = json!({ "added": [], "removed": [], "lifetime": "90d", "key_type": "P-384" });
    assert_eq!(report["certificates"][0]["changes"], changes);
    for again in [&["renew"][..], &["renew", "--force"]] {
        place.verb(again).assert().success();
        let leaf = place.leaf("client");
        assert_eq!(leaf.key.to_string(), "P-384");
        assert_eq!(leaf.not_after - leaf.not_before, Duration::days(90) + Duration::HOUR);
    }
    assert_eq!(place.leaf("server").key.to_string(), "P-256");
    place.assert_whole();
}

#[test]
fn what_is_so_already_is_no_reason_to_renew() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let change = ["renew", "--name", "server", "--add-san", "eg.example", "--lifetime", "30d", "--key-type"];
    let change = [&change[..], &["rsa2048"]].concat();
    place.verb(&change).assert().success();
    let before = place.tree();
    place.verb(&change).assert().success().stderr_eq("").stdout_eq(str![[r"
nothing to change or renew in `certs`

  server   localhost, 127.0.0.1, ::1, eg.example
           until [..] (in 30 days), due from [..]

"]]);
    assert_eq!(place.tree(), before);
}

#[test]
fn a_dry_run_says_what_would_change_and_writes_nothing() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    let change = ["renew", "--dry-run", "--name", "client", "--add-san", "gw.example", "--lifetime", "30d"];
    place.verb(&change).assert().code(3).stderr_eq("").stdout_eq(str![[r"
would renew in `certs`

  client   client.egext.internal
           until [..] (in 365 days), due from [..]
           change: adds gw.example; lifetime 30d instead of 1y

hint: leave `--dry-run` out to do it

"]]);
    let report = place.verb_json(&change, 3);
    assert_eq!(report["certificates"][0]["changes"]["added"], json!(["gw.example"]));
    assert_eq!(place.tree(), before);
}

#[test]
fn a_change_is_for_one_certificate() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.assert_fails(
        &["renew", "--add-san", "eg.example"],
        str![[r"
error: a change is for one certificate, and `server`, `client` could be meant
  hint: choose one: `--name server`, `--name client`

"]],
    );
    place.verb(&["issue", "server", "--out", "replica", "--san", "replica.internal"]).assert().success();
    place.assert_fails(
        &["renew", "--role", "server", "--lifetime", "30d"],
        str![[r"
error: a change is for one certificate, and `server`, `replica` could be meant
  hint: choose one: `--name server`, `--name replica`

"]],
    );
    place.verb(&["renew", "--name", "replica", "--add-san", "eg.example"]).assert().success();
    assert_eq!(place.leaf("replica").names.len(), 2);
    place.assert_fails(
        &["renew", "--name", "replicas"],
        str![[r"
error: `certs` holds no certificate `replicas`
  hint: there are `server`, `client`, `replica`

"]],
    );
    place.assert_fails(
        &["renew", "--name", "server", "--role", "client", "--force"],
        str![[r"
error: `certs` holds no certificate `server` for the client
  hint: there are `server`, `client`, `replica`

"]],
    );
}

#[test]
fn what_cannot_be_changed_is_said() {
    let place = Place::new();
    place.init(&["--san", "eg.example"]).assert().success();
    let renew = |flags: &[&'static str]| [&["renew", "--name", "server"][..], flags].concat();
    place.assert_fails(
        &renew(&["--add-san", "b.example", "--remove-san", "eg.exmaple"]),
        str![[r"
error: `certs/server.crt` does not have the name `eg.exmaple`
  hint: its names are eg.example, localhost, 127.0.0.1, ::1

"]],
    );
    place.assert_fails(
        &renew(&["--remove-san", "eg.example,localhost,127.0.0.1,0:0:0:0:0:0:0:1"]),
        str![[r"
error: `certs/server.crt` would have no name left
  hint: name another one with `--add-san`

"]],
    );
    place.assert_fails(
        &renew(&["--add-san", "Eg.example", "--remove-san", "eg.Example"]),
        str![[r"
error: `eg.Example` cannot be added and removed at once
  hint: leave out one of `--add-san` and `--remove-san`

"]],
    );
    place.assert_fails(
        &renew(&["--key-type", "p384", "--keep-key"]),
        str![[r"
error: `--keep-key`: the key of `server` is kept, so its type cannot change
  hint: leave out `--keep-key` or `--key-type`

"]],
    );
    place.assert_fails(
        &renew(&["--lifetime", "0s"]),
        str![[r"
error: a lifetime of 0s is too short for a certificate
  hint: name at least one second, such as `90d`

"]],
    );
    place.assert_fails(
        &renew(&["--add-san", "eg.example:5005"]),
        str![[r"
error: `eg.example:5005` has a port; certificates know hosts only
...
"]],
    );
}

#[test]
fn all_names_can_be_exchanged_at_once() {
    let place = Place::new();
    place.init(&["--no-local-names", "--san", "old.example"]).assert().success();
    let change = ["renew", "--name", "server", "--add-san", "new.example", "--remove-san", "old.example"];
    place.verb(&[&change[..], &["--keep-key"]].concat()).assert().success();
    assert_eq!(place.leaf("server").names, [SubjectName::Dns("new.example".to_owned())]);
}

#[test]
fn a_spiffe_id_can_be_exchanged() {
    let place = Place::new();
    place.init(&["--spiffe-id", "client=spiffe://example.org/gateway"]).assert().success();
    let change = ["renew", "--name", "client", "--add-san", "spiffe://example.org/gateway-2"];
    place.assert_fails(
        &change,
        str![[r"
error: a certificate with a SPIFFE id has exactly one URI
...
"]],
    );
    let change = [&change[..], &["--remove-san", "spiffe://example.org/gateway"]].concat();
    place.verb(&change).assert().success();
    let names = place.leaf("client").names;
    assert!(names.contains(&SubjectName::Uri("spiffe://example.org/gateway-2".to_owned())), "{names:?}");
    assert_eq!(names.len(), 2);
}

#[test]
fn the_name_constraints_of_the_ca_are_kept() {
    let place = Place::new();
    place.init(&["--name-constraints", "--san", "eg.example"]).assert().success();
    let change = ["renew", "--name", "server", "--add-san", "a.eg.example,other.example,10.0.0.7"];
    for flags in [&[][..], &["--dry-run"]] {
        place.assert_fails(
            &[&change[..], flags].concat(),
            str![[r"
error: the CA permits no server certificate for other.example, 10.0.0.7
  hint: choose names that the CA's name constraints permit; `egext certs rotate-ca prepare --permit other.example,10.0.0.7` begins to replace the CA by one that permits more

"]],
        );
    }
    place.verb(&["renew", "--name", "server", "--add-san", "a.eg.example"]).assert().success();
}

#[test]
fn a_constrained_ca_is_replaced_by_one_that_permits_more() {
    let place = Place::new();
    let permit = ["rotate-ca", "prepare", "--permit", "new.example,10.0.0.7"];
    place.init(&[]).assert().success();
    place.assert_fails(
        &permit,
        str![[r"
error: the CA in `certs/ca.crt` has no name constraints, so it permits every name
  hint: leave out `--permit`

"]],
    );
    place.init(&["--force", "--name-constraints", "--san", "eg.example"]).assert().success();
    place.verb(&permit).assert().success();
    place.verb(&["rotate-ca", "activate"]).assert().success();
    place.verb(&["renew", "--name", "server", "--add-san", "new.example,10.0.0.7"]).assert().success();
    place.verb(&["rotate-ca", "finish"]).assert().success();
    assert_eq!(place.leaf("server").names.len(), 6);
    place.verb(&["renew", "--name", "server", "--add-san", "other.example"]).assert().code(2);
    place.assert_whole();
}

#[test]
fn a_key_that_is_elsewhere_stays_as_it_is() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.write_request("replica", "replica.internal");
    place.verb(&["issue", "server", "--csr", "replica.csr", "--out", "replica"]).assert().success();
    let before = place.certificate("certs/replica.crt");
    place.assert_fails(
        &["renew", "--name", "replica", "--key-type", "p384"],
        str![[r"
error: `replica` was issued from a CSR, so only the requester can make a key of another type
  hint: ask the requester for a new CSR, then: `egext certs issue server --csr FILE --out replica --replace`

"]],
    );
    let change = ["renew", "--name", "replica", "--add-san", "eg.example", "--lifetime", "30d"];
    place.verb(&change).assert().success();
    let after = place.certificate("certs/replica.crt");
    let [before, after] =
        [before, after].map(|der| egext::pki::Certificate::of(&der).expect("a certificate"));
    assert_eq!(after.key.fingerprint(), before.key.fingerprint());
    assert_eq!(after.names.len(), 2);
    assert!(!place.certs().join("replica.key").exists());
}

#[test]
fn a_change_is_made_though_the_ca_ends_soon() {
    let place = Place::new();
    let plan = SetPlan { ca_lifetime: Span::from_days(400), ..SetPlan::default() };
    place.write_plan(&plan, now() - Duration::days(390));
    place.verb(&["renew"]).assert().code(2);
    place
        .verb(&["renew", "--name", "server", "--add-san", "eg.example"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(str![[r"
...
  ‼ certs/server.crt: `server` expires with its CA on [..], sooner than in 1y
    hint: `egext certs rotate-ca prepare` begins to replace the CA by one that expires later
...
"]]);
    assert!(place.leaf("server").names.contains(&SubjectName::Dns("eg.example".to_owned())));
    // Once more, now that both end at the same moment.
    place.verb(&["renew", "--name", "server", "--remove-san", "eg.example"]).assert().success();
}

#[test]
fn peers_that_trust_the_ca_need_no_new_file() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let ca = place.files()["ca.crt"].clone();
    for flags in [&["--key-type", "rsa2048"][..], &["--add-san", "eg.example"], &["--lifetime", "1d"]] {
        place.verb(&[&["renew", "--name", "server"][..], flags].concat()).assert().success();
        assert_eq!(place.files()["ca.crt"], ca);
        place.assert_whole();
    }
    assert_eq!(Anchors::load(&place.certs().join("ca.crt")).expect("a CA").certificates().len(), 1);
}

/// While it has a SPIFFE id it is good for both sides, and the next one is still for its own.
#[test]
fn a_client_stays_a_client_without_its_spiffe_id() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for role in ["client", "server"] {
        let names = ["--san", "gw.example", "--san", "spiffe://example.org/gw"];
        place
            .verb(&[&["issue", role, "--out", role][..], &names, &["--replace"]].concat())
            .assert()
            .success();
        let name = format!("{role}-2");
        place.verb(&[&["issue", role, "--out", &name][..], &names].concat()).assert().success();
        for name in [role, &name] {
            let change = ["renew", "--name", name, "--remove-san", "spiffe://example.org/gw"];
            let report = place.verb_json(&change, 0);
            assert_eq!(report["certificates"][0]["role"], role, "{name}");
            let leaf = place.leaf(name);
            assert_eq!((leaf.client_auth, leaf.server_auth), (role == "client", role == "server"), "{name}");
        }
    }
}
