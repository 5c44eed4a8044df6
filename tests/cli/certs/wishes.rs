//! What `init` says of a set that is there and is not what the flags ask for.

use snapbox::str;

use super::Place;

/// A flag with its value, the finding, its file, and what its hint begins with.
const WISHES: &[(&[&str], &str, &str, &str)] = &[
    (
        &["--client-san", "zz.example"],
        "certs.names-missing",
        "certs/client.crt",
        "`egext certs renew --name client --add-san zz.example` changes it",
    ),
    (
        &["--spiffe-id", "client=spiffe://example.org/eg"],
        "certs.names-missing",
        "certs/client.crt",
        "`egext certs renew --name client --add-san spiffe://example.org/eg` changes it",
    ),
    (
        &["--spiffe-id", "server=spiffe://example.org/x"],
        "certs.names-missing",
        "certs/server.crt",
        "`egext certs renew --name server --add-san spiffe://example.org/x` changes it",
    ),
    (&["--name-constraints"], "certs.differs", "certs/ca.crt", "leave the set as it is"),
    (&["--client-common-name", "gw"], "certs.differs", "certs/client.crt", "leave the set as it is"),
    (&["--server-common-name", "ext"], "certs.differs", "certs/server.crt", "leave the set as it is"),
];

#[test]
fn every_wish_is_compared() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let before = place.tree();
    for (flags, id, subject, hint) in WISHES {
        let code = i32::from(*id == "certs.names-missing");
        let report = place.json(flags, code);
        let findings = report["findings"].as_array().expect("a list");
        assert_eq!(findings.len(), 1, "{flags:?}: {findings:?}");
        assert_eq!((&findings[0]["id"], &findings[0]["subject"]), (&(*id).into(), &(*subject).into()));
        let found = findings[0]["hint"].as_str().expect("a hint");
        assert!(found.starts_with(hint), "{flags:?}: {found}");
    }
    assert_eq!(place.tree(), before);
}

#[test]
fn what_the_set_was_made_with_is_no_difference() {
    let place = Place::new();
    let flags = [
        "--client-san",
        "zz.example",
        "--spiffe-id",
        "client=spiffe://example.org/eg",
        "--name-constraints",
        "--client-common-name",
        "gw",
        "--server-common-name",
        "ext",
        "--key-type",
        "p384",
        "--lifetime",
        "90d",
    ];
    place.init(&flags).assert().success();
    let report = place.json(&flags, 0);
    assert_eq!((&report["outcome"], &report["findings"]), (&"unchanged".into(), &serde_json::json!([])));
    // Another id takes the place of the one that is there.
    let report = place.json(&["--spiffe-id", "client=spiffe://example.org/eg2"], 1);
    let hint = report["findings"][0]["hint"].as_str().expect("a hint");
    let renew = "`egext certs renew --name client --add-san spiffe://example.org/eg2 --remove-san spiffe://example.org/eg`";
    assert!(hint.starts_with(renew), "{hint}");
}

/// The client alone can have another type of key, or another lifetime.
#[test]
fn the_client_is_compared_by_itself() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let renew = ["renew", "--name", "client", "--key-type", "p384", "--lifetime", "90d"];
    place.verb(&renew).assert().success();
    place.init(&["--key-type", "p256", "--lifetime", "1y"]).assert().success().stdout_eq(str![[r"
...
  ‼ certs/client.crt: the existing certificate has another key type
    expected  P-256
    found     P-384
    hint: `egext certs renew --name client --key-type p256` changes it
  ‼ certs/client.crt: the existing certificate has another lifetime
    expected  1y
    found     90d
    hint: `egext certs renew --name client --lifetime 1y` changes it
...
"]]);
}

/// `prepare` makes no plain key in the place of an encrypted one, so its command names the passphrase.
#[test]
fn another_lifetime_of_a_ca_with_an_encrypted_key_takes_its_passphrase() {
    let place = Place::new();
    std::fs::write(place.path("phrase"), "secret\n").expect("writable");
    let passphrase = ["--ca-key-passphrase-file", "phrase"];
    place.init(&passphrase).assert().success();
    let report = place.json(&[&passphrase[..], &["--ca-lifetime", "10y"]].concat(), 0);
    let hint = report["findings"][0]["hint"].as_str().expect("a hint");
    let prepare =
        "`egext certs rotate-ca prepare --ca-key-passphrase-file FILE --ca-lifetime 10y` begins to replace";
    assert!(hint.starts_with(prepare), "{hint}");
    let prepare = ["rotate-ca", "prepare", "--ca-lifetime", "10y"];
    place.verb(&prepare).assert().code(2);
    place.verb(&[&prepare[..], &passphrase].concat()).assert().success();
}
