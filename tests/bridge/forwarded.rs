//! What a server behind the bridge is told about a caller with a certificate.
//!
//! The expected texts are those of Envoy 1.39.3 for the same certificates, with `SANITIZE_SET` and the details
//! `subject`, `uri` and `dns`.

use std::fs;

use egext_test_support::TestPki;

use crate::egext;
use crate::fixture::{Caller, within_limit};
use crate::requests::telling;
use crate::tls_listener::Front;

const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
const UNIT: &[u64] = &[2, 5, 4, 11];
const STREET: &[u64] = &[2, 5, 4, 9];
const EMAIL: &[u64] = &[1, 2, 840, 113549, 1, 9, 1];
const DOMAIN: &[u64] = &[0, 9, 2342, 19200300, 100, 1, 25];
const HOUSE: &[u64] = &[2, 5, 4, 51];
const HOST: &[u64] = &[0, 9, 2342, 19200300, 100, 1, 9];
const UNKNOWN: &[u64] = &[1, 2, 3, 4, 5];

/// The value that the server sees, without the hash, after that was compared.
async fn forwarded(pki: &TestPki) -> String {
    let (upstream, mut seen) = telling();
    let front = Front::start(pki, &upstream);
    let stream = front.handshake(pki.client_config()).await.expect("accepted");
    let caller = Caller::over(stream).await;
    let mut values = Vec::new();
    for _ in 0..2 {
        assert_eq!(caller.hook().await.code(), 0);
        let arrived = within_limit(seen.recv()).await.expect("the call");
        let value = arrived.headers()["x-forwarded-client-cert"].to_str().expect("ASCII").to_owned();
        values.push(value);
    }
    assert_eq!(values[0], values[1], "the same for each call");
    let hash = format!("Hash={};", of_client(pki, "sha256"));
    assert!(values[0].contains(&hash), "{values:?}");
    values[0].replace(&hash, "")
}

/// What `certs show` says about the client's certificate.
pub fn of_client(pki: &TestPki, key: &str) -> String {
    let path = pki.client_certificate();
    let shown = egext(["certs", "show"]).arg(path).json();
    let text = fs::read_to_string(pki.client_certificate()).expect("PEM");
    assert!(text.starts_with("-----BEGIN CERTIFICATE-----"));
    shown.json["certificates"][0][key].as_str().expect("a fingerprint").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_sees_the_names_of_the_caller() {
    assert_eq!(forwarded(&TestPki::new()).await, "Subject=\"CN=egext client\";URI=;DNS=egext-client");
    let names = ["dns:a.example", "uri:spiffe://td/a", "ip:10.0.0.1", "dns:b.example", "uri:urn:x:y"];
    let pki = TestPki::new().client_named(&names).server_with_uri("spiffe://td/server");
    assert_eq!(
        forwarded(&pki).await,
        "By=spiffe://td/server;Subject=\"CN=egext client\";URI=spiffe://td/a;URI=urn:x:y;DNS=a.example;DNS=b.example"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_written_as_envoy_writes_it() {
    for (subject, expected) in [
        (&[][..], r#""#),
        (
            &[(ORGANIZATION, r#"Ex"ample, Inc. +"#), (COMMON_NAME, " pad ")][..],
            r#"CN=\ pad\ ,O=Ex\"ample\, Inc. \+"#,
        ),
        (&[(UNIT, "#a =b#"), (STREET, r"<a>;b\c")][..], r"street=\<a\>\;b\\c,OU=\#a =b#"),
        (
            &[(DOMAIN, "org"), (DOMAIN_2, "example"), (EMAIL, "a@b.c")][..],
            "emailAddress=a@b.c,UID=example,DC=org",
        ),
        (&[(HOUSE, "12"), (HOST, "gw1"), (COMMON_NAME, "a")][..], "CN=a,host=gw1,houseIdentifier=12"),
        (
            &[(COMMON_NAME, "Söhne\u{202e}\u{7f}"), (UNKNOWN, "odd")][..],
            r"1.2.3.4.5=#0C036F6464,CN=S\C3\B6hne\E2\80\AE\7F",
        ),
    ] {
        let pki = TestPki::new().client_with_subject(subject);
        let expected = format!("Subject=\"{expected}\";URI=;DNS=egext-client");
        assert_eq!(forwarded(&pki).await, expected, "{subject:?}");
    }
}

const DOMAIN_2: &[u64] = &[0, 9, 2342, 19200300, 100, 1, 1];

/// Envoy writes such a name as it is, and a reader takes it for two.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_add_another_one() {
    let names = ["uri:spiffe://td/a;URI=spiffe://td/admin", "dns:a,Hash=b", r#"uri:urn:a\";b"#];
    let pki = TestPki::new().client_named(&names);
    assert_eq!(
        forwarded(&pki).await,
        r#"Subject="CN=egext client";URI="spiffe://td/a;URI=spiffe://td/admin";URI="urn:a\\\";b";DNS="a,Hash=b""#
    );
}
