use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use egext::pki::issue::SetPlan;
use egext::pki::{Anchors, Identity};
use egext::units::Span;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};
use snapbox::str;
use time::Duration;

use super::{Place, now};

#[test]
fn the_archive_is_what_one_side_needs_and_no_more() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success().stderr_eq("").stdout_eq(str![[r"
packed what the server needs into `server.tar`

  server   localhost, 127.0.0.1, ::1
           until [..] (in 365 days), P-256

files
  in it           certs/ca.crt  certs/server.crt  certs/server.key

hint: on the other machine: `mkdir -p -m 700 certs && tar -xf server.tar -C certs`; then remove the archive on both

"]]);
    let archive = place.path("server.tar");
    assert_eq!(fs::metadata(&archive).expect("there").permissions().mode() & 0o7777, 0o600);
    place.verb(&["pack", "server", "--out", "again.tar"]).assert().success();
    assert_eq!(fs::read(place.path("again.tar")).expect("there"), fs::read(&archive).expect("there"));
    let there = place.path("there");
    fs::create_dir(&there).expect("a directory");
    let status = Command::new("tar").arg("-xpf").arg(&archive).arg("-C").arg(&there).status();
    assert!(status.expect("every system has a tar").success());
    let mut names = fs::read_dir(&there)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["ca.crt", "server.crt", "server.key"]);
    Anchors::load(&there.join("ca.crt")).expect("a CA");
    Identity::load(&there.join("server.crt"), &there.join("server.key")).expect("a pair");
    let mode = |name: &str| fs::metadata(there.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("server.key"), mode("server.crt")), (0o600, 0o644));
}

#[test]
fn nothing_that_is_there_is_overwritten_or_followed() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::write(place.path("theirs.tar"), "theirs").expect("writable");
    symlink("elsewhere", place.path("link.tar")).expect("a link");
    let before = place.tree();
    for name in ["theirs.tar", "link.tar"] {
        place.verb(&["pack", "client", "--out", name]).assert().code(2).stderr_eq(format!(
            "error: `{name}` exists, and is not overwritten\n  hint: name another file, or remove this one\n"
        ));
    }
    place.shell_verb("ulimit -f 0", "pack client --out full.tar").assert().code(2);
    assert_eq!(place.tree(), before);
}

#[test]
fn a_broken_set_is_not_carried_anywhere() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.init(&["--dir", "other"]).assert().success();
    let ca = fs::read(place.path("other/ca.crt")).expect("there");
    fs::write(place.certs().join(".egext/current/ca.crt"), ca).expect("writable");
    place.verb(&["pack", "client", "--out", "client.tar"]).assert().code(2).stderr_eq(str![[r"
error: a peer would refuse the client certificate: it does not lead to a trusted CA
...
"]]);
    assert!(!place.path("client.tar").exists());
}

#[test]
fn what_has_expired_is_not_packed() {
    let place = Place::new();
    place.write_set(now() - Duration::days(500));
    place.assert_fails(
        &["pack", "server", "--out", "x.tar"],
        str![[r"
error: `certs/server.crt` expired [..] ago, so every peer rejects it
  hint: renew it first: `egext certs renew --role server`

"]],
    );
    place.verb(&["renew"]).assert().success();
    place.verb(&["pack", "server", "--out", "x.tar"]).assert().success();

    let place = Place::new();
    let plan =
        SetPlan { lifetime: Span::from_days(20), ca_lifetime: Span::from_days(20), ..SetPlan::default() };
    place.write_plan(&plan, now() - Duration::days(10));
    // A CA that ends before the certificates that it issued.
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name = DistinguishedName::new();
    let name = place.leaf("client").issuer.common_name().to_owned();
    ca.distinguished_name.push(DnType::CommonName, name);
    (ca.not_before, ca.not_after) = (now() - Duration::days(10), now() - Duration::days(1));
    let key = KeyPair::from_pem(&String::from_utf8(place.files_of("ca.key")).expect("PEM")).expect("a key");
    place.replace("ca.crt", ca.self_signed(&key).expect("signed").pem());
    place.assert_fails(
        &["pack", "client", "--out", "x.tar"],
        str![[r"
error: a CA above `certs/client.crt` has expired, so every peer rejects it
  hint: replace the CA first: `egext certs rotate-ca prepare --ca-cert FILE --ca-key FILE`

"]],
    );
}

#[test]
fn a_further_certificate_has_the_usual_names_in_its_archive() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let issue = ["issue", "client", "--out", "gateway-2", "--san", "gateway-2.internal"];
    place.verb(&issue).assert().success();
    let pack = ["pack", "client", "--name", "gateway-2", "--out", "gateway-2.tar"];
    place.verb(&pack).assert().success().stderr_eq("").stdout_eq(str![[r"
packed what the client `gateway-2` needs into `gateway-2.tar`

  client   gateway-2.internal
           until [..] (in 365 days), P-256

files
  in it           certs/ca.crt  certs/gateway-2.crt  certs/gateway-2.key

note: in the archive they are `ca.crt`, `client.crt`, `client.key`, as every command expects

hint: on the other machine: `mkdir -p -m 700 certs && tar -xf gateway-2.tar -C certs`; then remove the archive on both

"]]);
    let there = place.path("there");
    fs::create_dir(&there).expect("a directory");
    let extract =
        Command::new("tar").arg("-xf").arg(place.path("gateway-2.tar")).arg("-C").arg(&there).status();
    assert!(extract.expect("every system has a tar").success());
    let same = |name: &str, source: &str| {
        assert_eq!(
            fs::read(there.join(name)).expect("there"),
            fs::read(place.certs().join(source)).expect("there")
        );
    };
    same("ca.crt", "ca.crt");
    same("client.crt", "gateway-2.crt");
    same("client.key", "gateway-2.key");

    // It is for one side, and so is its archive.
    place.verb(&["pack", "server", "--name", "gateway-2", "--out", "x.tar"]).assert().code(2).stderr_eq(
        str![[r"
error: `gateway-2` is the certificate of a client, not of a server
  hint: `egext certs pack client --name gateway-2 --out gateway-2.tar`

"]],
    );
    for (role, there) in [("client", "`client` and `gateway-2`"), ("server", "`server`")] {
        let words = format!(
            "error: `certs` holds no certificate `nobody`\n  hint: certificates of a {role} are {there}; \
             `egext certs issue {role} --out nobody --san NAME` issues one\n"
        );
        place.assert_fails(&["pack", role, "--name", "nobody", "--out", "x.tar"], words);
    }
    for odd in ["../gateway-2", "ca"] {
        place.verb(&["pack", "client", "--name", odd, "--out", "x.tar"]).assert().code(2);
    }
    fs::remove_file(place.certs().join(".egext/current/gateway-2.key")).expect("there");
    place.verb(&["pack", "client", "--name", "gateway-2", "--out", "x.tar"]).assert().code(2).stderr_eq(
        "error: the key of `gateway-2` is not in the set\n  \
         hint: if `gateway-2` was issued from a CSR, its requester has the key: send them `ca.crt` and `gateway-2.crt`; otherwise put the key back\n",
    );
    assert!(!place.path("x.tar").exists());
}

#[test]
fn a_key_among_certificates_never_reaches_the_archive() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let files = place.files();
    let rsa = Place::new();
    rsa.init(&["--key-type", "rsa2048"]).assert().success();
    fs::write(rsa.path("passphrase"), "open sesame\n").expect("writable");
    let encrypted = ["--dir", "locked", "--ca-key-passphrase-file", "passphrase"];
    rsa.init(&encrypted).assert().success();
    let keys = [
        files["ca.key"].clone(),
        rsa.files()["server.key"].clone(),
        fs::read(rsa.path("locked/ca.key")).expect("there"),
    ];
    for name in ["ca.crt", "server.crt"] {
        for key in &keys {
            for text in [[&files[name][..], key].concat(), [key, &files[name][..]].concat()] {
                place.replace(name, text);
                place.assert_fails(
                    &["pack", "server", "--out", "server.tar"],
                    format!(
                        "error: `certs/{name}` holds a private key (line [..]), which would leave this machine with the \
                         certificates\n  hint: take the key out, [..]\n"
                    ),
                );
            }
        }
        place.replace(name, &files[name]);
    }
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
}

#[test]
fn the_archive_is_written_from_what_was_read_and_not_copied() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["pack", "server", "--out", "plain.tar"]).assert().success();
    let files = place.files();
    // Words around the blocks, and a second key in the file of the first.
    for name in ["ca.crt", "server.crt"] {
        place.replace(name, [b"password: open sesame\r\n", &files[name][..]].concat());
    }
    place.replace("server.key", [&files["server.key"][..], &files["ca.key"]].concat());
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
    assert_eq!(
        fs::read(place.path("server.tar")).expect("there"),
        fs::read(place.path("plain.tar")).expect("there")
    );
}

#[test]
fn the_cas_key_is_not_packed_as_a_leafs() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let files = place.files();
    let text = |name: &str| std::str::from_utf8(&files[name]).expect("PEM");
    let [key, signer] = [(), ()].map(|()| KeyPair::from_pem(text("ca.key")).expect("a key"));
    let issuer = Issuer::from_ca_cert_pem(text("ca.crt"), signer).expect("a CA");
    let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    place.replace("server.crt", leaf.signed_by(&key, &issuer).expect("signed").pem());
    place.replace("server.key", text("ca.key"));
    place.assert_fails(
        &["pack", "server", "--out", "server.tar"],
        str![[r"
error: `certs/server.key` is the key of the CA, which does not leave this machine
  hint: give this side a key of its own: `egext certs renew --name server --force`

"]],
    );
}

#[test]
fn a_plain_copy_of_a_set_is_packed_too() {
    let place = Place::new();
    place.init(&[]).assert().success();
    place.verb(&["pack", "client", "--out", "client.tar"]).assert().success();
    let copy = place.path("copy");
    fs::create_dir(&copy).expect("a directory");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).expect("ours");
    for (name, text) in place.files() {
        fs::write(copy.join(name), text).expect("writable");
    }
    place.verb(&["pack", "client", "--dir", "copy", "--out", "copy.tar"]).assert().success();
    let read = |name: &str| fs::read(place.path(name)).expect("there");
    assert_eq!(read("copy.tar"), read("client.tar"));
}

/// Names that no certificate can have: the flag is `--name`, and what there is helps.
#[test]
fn a_name_that_none_can_have_is_answered_with_those_there_are() {
    let place = Place::new();
    place.init(&[]).assert().success();
    for (role, name) in [("client", ".next-ca"), ("server", "ca"), ("server", "../x")] {
        let run = place.verb(&["pack", role, "--name", name, "--out", "n.tar"]).assert().code(2);
        run.stderr_eq(format!(
            "error: `certs` holds no certificate `{name}`\n  hint: certificates of a {role} are `{role}`\n"
        ));
    }
}

/// Who is told to remove what is in the way would remove a directory.
#[test]
fn a_directory_in_place_of_the_archive_is_named_as_one() {
    let place = Place::new();
    place.init(&[]).assert().success();
    fs::create_dir(place.path("a b")).expect("a directory");
    place.assert_fails(
        &["pack", "client", "--out", "a b/"],
        str![[r"
error: `a b/` exists, and is not overwritten
  hint: it is a directory: name a file in it, `--out 'a b/client.tar'`

"]],
    );
}
