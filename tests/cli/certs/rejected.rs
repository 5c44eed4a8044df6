//! What some peer would reject is not written: by webpki, by Go, or by every client.

use rcgen::{CustomExtension, DistinguishedName, DnType, GeneralSubtree, NameConstraints};
use snapbox::str;

use super::Place;
use super::other_ca::{Company, authority, files};

#[test]
fn uris_without_a_host_are_refused_below_name_constraints_because_of_go() {
    let place = Place::new();
    place.init(&["--name-constraints"]).assert().success();
    for (flags, who) in [
        (
            &["renew", "--name", "server", "--add-san", "urn:x:y"][..],
            "Envoy Gateway, which is written in Go,",
        ),
        (&["renew", "--name", "client", "--add-san", "urn:x:y"], "a server that is written in Go"),
        (
            &["issue", "server", "--out", "a", "--san", "localhost,urn:x:y"],
            "Envoy Gateway, which is written in Go,",
        ),
        (
            &["init", "--dir", "d", "--name-constraints", "--san", "urn:x:y"],
            "Envoy Gateway, which is written in Go,",
        ),
        (
            &["init", "--dir", "d", "--name-constraints", "--client-san", "urn:x:y"],
            "a server that is written in Go",
        ),
    ] {
        let before = place.tree();
        let run = place.verb(flags).assert().code(2).stdout_eq("");
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        let words = format!("error: {who} would reject the new ");
        assert!(said.starts_with(&words), "{flags:?}: {said}");
        assert!(
            said.contains(r#"URI with empty host ("urn:x:y") cannot be matched against constraints"#),
            "{said}"
        );
        assert!(
            said.contains("\n  hint: below a CA with name constraints a URI needs a host name in it"),
            "{said}"
        );
        assert_eq!(place.tree(), before, "{flags:?}");
    }
    place.verb(&["renew", "--name", "server", "--add-san", "spiffe://example.org/a"]).assert().success();
}

/// A set that works is not replaced by one that does not.
#[test]
fn a_rotation_to_a_ca_below_which_go_rejects_a_name_does_not_begin() {
    let place = Place::new();
    let flags = ["a.corp.example", "--no-local-names", "--client-san", "b.corp.example", "--san", "urn:x:y"];
    place.init(&flags).assert().success();
    Company::new(&["root", "issuing"]).with(constrain_hosts).write(&place, "corp");
    let before = place.tree();
    place.rotate("prepare", Some("corp")).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: Envoy Gateway, which is written in Go, would reject the new server certificate: [..]
  hint: [..]

"]]);
    assert_eq!(place.tree(), before);
}

fn constrain_hosts(ca: &mut rcgen::CertificateParams) {
    let permitted_subtrees = vec![GeneralSubtree::DnsName("corp.example".to_owned())];
    ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
}

#[test]
fn a_ca_that_constrains_subjects_is_refused_with_that_reason() {
    let place = Place::new();
    place.init(&["--dir", "own"]).assert().success();
    let subject = || {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "Acme");
        vec![GeneralSubtree::DirectoryName(name)]
    };
    let (permitted, excluded) = (
        NameConstraints { permitted_subtrees: subject(), excluded_subtrees: Vec::new() },
        NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: subject() },
    );
    for constraints in [permitted, excluded] {
        write_issuing(&place, |ca| ca.name_constraints = Some(constraints));
        let before = place.tree();
        let corp = files("corp");
        let named = corp.each_ref().map(String::as_str);
        for verb in [&["init"][..], &["rotate-ca", "prepare", "--dir", "own"]] {
            place.verb(&[verb, &named].concat()).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: the name constraints of `issuing` in `corp.crt` are about directory names, which rustls does not support, so it rejects what this CA signs
  hint: use a CA whose name constraints are about host names and addresses only

"]]);
        }
        assert_eq!(place.tree(), before);
    }
}

#[test]
fn a_critical_extension_of_a_ca_is_named() {
    let place = Place::new();
    write_issuing(&place, |ca| {
        let mut policy = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 3, 0x80, 1, 0]);
        policy.set_criticality(true);
        ca.custom_extensions.push(policy);
    });
    let corp = files("corp");
    place.init(&corp.each_ref().map(String::as_str)).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: `issuing` in `corp.crt` has the critical extension policyConstraints (2.5.29.36), which rustls does not know, so it rejects what this CA signs
  hint: use a CA without it, or have the certificate issued again with this extension not critical

"]]);
}

/// `corp.crt` and `corp.key` of a CA below a root.
fn write_issuing(place: &Place, change: impl FnOnce(&mut rcgen::CertificateParams)) {
    let [root_key, key] = [(), ()].map(|()| rcgen::KeyPair::generate().expect("a key"));
    let (root, mut issuing) = (authority("root"), authority("issuing"));
    change(&mut issuing);
    let anchor = root.self_signed(&root_key).expect("signed").pem();
    let issuing = issuing.signed_by(&key, &rcgen::Issuer::new(root, root_key)).expect("signed").pem();
    std::fs::write(place.path("corp.crt"), issuing + &anchor).expect("writable");
    std::fs::write(place.path("corp.key"), key.serialize_pem()).expect("writable");
}

#[test]
fn a_server_that_no_client_can_call_is_refused_by_every_verb() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let renew =
        ["renew", "--name", "server", "--add-san", "urn:x", "--remove-san", "localhost,127.0.0.1,::1"];
    place.assert_fails(
        &renew,
        str![[r"
error: `certs/server.crt` would have no host name or IP address left, and every client would reject it
  hint: name another one with `--add-san`

"]],
    );
    for flags in [
        &["issue", "server", "--out", "a", "--san", "urn:x"][..],
        &["init", "--dir", "a", "--no-local-names", "urn:x"],
        &["init", "--dir", "a", "--no-local-names", "urn:x", "--dry-run"],
    ] {
        place.assert_fails(
            flags,
            str![[r"
error: a server certificate without a host name or an IP address is rejected by every client
  hint: name a host, too: `--san extension.internal`

"]],
        );
    }
    // A client is not called by anybody.
    place.verb(&["issue", "client", "--out", "a", "--san", "urn:x"]).assert().success();
    for (url, host) in [("ftp://files.example", "files.example"), ("https://foo.example/a", "foo.example")] {
        let run = place.verb(&["issue", "server", "--out", "b", "--san", url]).assert().code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(said.ends_with(&format!("hint: type `{host}`\n")), "{said}");
    }
}
