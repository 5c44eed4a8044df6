//! What certificates are called, and what they are good for because of it.

use egext_test_support::has_openssl;
use serde_json::json;
use snapbox::str;

use super::Place;

#[test]
fn a_name_constrained_ca_passes_for_its_own_names_and_no_others() {
    let place = Place::new();
    let flags = ["--name-constraints", "--san", "extension.internal,*.example.com,10.0.0.7"];
    place.init(&flags).assert().success().stderr_eq("").stdout_eq(str![[r"
...
note: the CA can issue for these names only; Java does not look at that, because it is in a root
...
note: Envoy rejects the server below such a CA because of its IP addresses; `--san` with host names and `--no-local-names` make one that it accepts
...
"]]);
    place.assert_whole();
    if !has_openssl() {
        return;
    }
    place.verify_strictly();
    let text = place.openssl(&["x509", "-noout", "-ext", "nameConstraints", "-in", "certs/ca.crt"]);
    egext_test_support::assert_text(
        text,
        str![[r"
X509v3 Name Constraints: critical
    Permitted:
      DNS:extension.internal
      DNS:example.com
      DNS:localhost
      DNS:client.egext.internal
      IP:10.0.0.7/255.255.255.255
      IP:127.0.0.1/255.255.255.255
      IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF

"]],
    );
    // The CA would sign anything, if it were asked to; nobody takes it.
    for name in ["DNS:other.internal", "IP:8.8.8.8"] {
        place.sign_by_hand(name);
        place.refuse_strictly("stray.crt");
    }
}

#[test]
fn the_names_for_its_own_machine_can_be_left_out() {
    let place = Place::new();
    let flags = ["--san", "extension.internal", "--no-local-names"];
    let report = place.json(&[&flags[..], &["--name-constraints"]].concat(), 0);
    assert_eq!(report["certificates"][1]["names"], json!(["extension.internal"]));
    assert_eq!(report["next"], "egext probe extension.internal:5005 --no-gateway");
    place.assert_whole();
    if has_openssl() {
        place.verify_strictly();
        let text = place.openssl(&["x509", "-noout", "-ext", "nameConstraints", "-in", "certs/ca.crt"]);
        assert!(text.contains("Excluded:\n      IP:0.0.0.0/0.0.0.0\n"), "no address at all: {text}");
    }
    // The same again changes nothing, and whoever has the names hears of it.
    assert_eq!(place.json(&flags, 0)["findings"], json!([]));
    place.init(&["--dir", "other", "--san", "extension.internal"]).assert().success();
    let found = &place.json(&[&["--dir", "other"], &flags[..]].concat(), 0)["findings"][0];
    assert_eq!(found["message"], "the existing certificate is for localhost, 127.0.0.1, ::1, too");
    place.init(&["--dir", "none", "--no-local-names"]).assert().code(2);
}

#[test]
fn a_spiffe_id_makes_an_svid_that_passes_for_both_sides() {
    let place = Place::new();
    let ids = "server=spiffe://example.org/extension,client=spiffe://example.org/envoy-gateway";
    for constraints in [&[][..], &["--name-constraints"]] {
        let flags = [&["--force", "--spiffe-id", ids][..], constraints].concat();
        let report = place.json(&flags, 0);
        assert_eq!(
            report["certificates"][1]["names"],
            json!(["localhost", "127.0.0.1", "::1", "spiffe://example.org/extension"])
        );
        assert_eq!(report["certificates"][0]["names"], json!(["spiffe://example.org"]), "the trust domain");
        place.assert_whole();
        if has_openssl() {
            for role in ["server", "client"] {
                let certificate = format!("certs/{role}.crt");
                for purpose in ["sslserver", "sslclient"] {
                    let verify = ["verify", "-x509_strict", "-CAfile", "certs/ca.crt", "-purpose", purpose];
                    place.openssl(&[&verify[..], &[&certificate]].concat());
                }
            }
        }
    }
    place.init(&[]).assert().success();
    let two = format!("{ids},server=spiffe://example.org/other");
    place.assert_refused(&["--dir", "two", "--spiffe-id", &two], "has exactly one URI");
    place.assert_refused(&["--spiffe-id", "spiffe://a/b"], "does not begin with `server=` or `client=`");
    place.assert_refused(&["--spiffe-id", "server=spiffe://a"], "it has no path");
    place.assert_refused(&["--san", "spiffe://a/b"], "is a SPIFFE id");
}

#[test]
fn uris_and_common_names_are_as_they_were_typed() {
    let place = Place::new();
    let report = place.json(
        &[
            "--san",
            "urn:uuid:6e8bc430",
            "--client-san",
            "a.internal,b.internal",
            "--server-common-name",
            "rack 7",
        ],
        0,
    );
    assert_eq!(
        report["certificates"][1]["names"],
        json!(["urn:uuid:6e8bc430", "localhost", "127.0.0.1", "::1"])
    );
    assert_eq!(report["certificates"][1]["subject"], "rack 7");
    assert_eq!(report["certificates"][2]["names"], json!(["a.internal", "b.internal"]));
    assert_eq!(report["next"], "egext probe localhost:5005 --no-gateway");
    place.init(&["--dir", "other", "--client-name", "gateway.example.com"]).assert().code(2).stderr_eq(str![[
        r"
error: `gateway.example.com` cannot be a common name: OpenSSL would take it for a host name, because of the dots
  hint: host names belong to `--san` and `--client-san`

"
    ]]);
}

/// No client calls it by a name, so it needs none; `--role client` checks it too.
#[test]
fn a_certificate_with_a_spiffe_id_alone_passes_the_check() {
    let place = Place::new();
    place.init(&[]).assert().success();
    let issued = ["issue", "client", "--san", "spiffe://example.org/gateway-2", "--out", "client-svid"];
    place.verb(&issued).assert().success();
    let report = place.verb_json(&["check"], 0);
    assert_eq!(report["status"], "ok", "{report:#}");
    let report = place.verb_json(&["check", "--role", "client"], 0);
    let checked = report["checks"].as_array().expect("a list");
    let is_svid = |check: &&serde_json::Value| {
        check["subject"].as_str().is_some_and(|subject| subject.ends_with("client-svid.crt"))
    };
    assert!(checked.iter().any(|check| is_svid(&check)), "{report:#}");
}
