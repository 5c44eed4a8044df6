//! Files with more certificates than one route from a leaf certificate to a root: what counts is the route.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use egext_test_support::{Run, TestAuthority, assert_finding, has_openssl};

use super::Place;
use crate::egext;

/// A server's directory: `ca.crt` and `server.crt` of these blocks.
fn server(ca: &[&str], chain: &[&str], key: &str) -> Place {
    let place = Place::new();
    for (name, text) in
        [("ca.crt", ca.concat()), ("server.crt", chain.concat()), ("server.key", key.to_owned())]
    {
        fs::write(place.path(name), text).expect("written");
    }
    fs::set_permissions(place.path("server.key"), fs::Permissions::from_mode(0o600)).expect("ours");
    place
}

fn check(place: &Place) -> Run {
    egext(["certs", "check"]).arg(place.path("")).json()
}

/// Both verifiers, asked for real: webpki and what is Go's in this program; and OpenSSL itself, where it is installed.
fn assert_accepted(place: &Place, run: &Run) {
    assert_eq!(
        (&run.json["verifiers"][0]["webpki"], &run.json["verifiers"][0]["go"]),
        accepts(),
        "{}",
        run.stdout
    );
    if has_openssl() {
        place.openssl(&["verify", "-CAfile", "ca.crt", "-untrusted", "server.crt", "server.crt"]);
    }
}

fn accepts() -> (&'static serde_json::Value, &'static serde_json::Value) {
    static ACCEPTS: std::sync::LazyLock<serde_json::Value> = std::sync::LazyLock::new(|| "accepts".into());
    (&ACCEPTS, &ACCEPTS)
}

#[test]
fn behind_the_leaf_any_order_is_a_warning_and_the_verifiers_decide() {
    let (root, middle, other) =
        (TestAuthority::new("root"), TestAuthority::new("middle"), TestAuthority::new("other"));
    let (leaf, key) = middle.server();
    let (middle, root, other) = (middle.by(&root), root.root(), other.root());
    for (chain, message) in [
        (vec![&leaf, &middle, &middle], "certificate 3 is certificate 2 again"),
        (vec![&leaf, &leaf, &middle], "certificate 2 is certificate 1 again"),
        (vec![&leaf, &middle, &other], "certificate 3 (`other`) issued no other one in the file"),
        (vec![&leaf, &other, &middle], "certificate 2 (`other`) issued no other one in the file"),
        (vec![&leaf, &root, &middle], "the issuers are not in the order in which they issued"),
    ] {
        let chain = chain.into_iter().map(String::as_str).collect::<Vec<_>>();
        let place = server(&[&root], &chain, &key);
        let run = check(&place);
        let finding = assert_finding!(run, "certs.chain-order", severity = "warning");
        assert_eq!(finding["message"], message);
        assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
        assert_accepted(&place, &run);
    }
    // A warning does not stand for what is wrong.
    let run = check(&server(&[&other], &[&leaf, &middle, &middle], &key));
    assert_eq!((run.exit_code, run.ids()), (1, vec!["certs.chain-order", "certs.chain-broken"]));
    let run = check(&server(&[&root], &[&middle, &leaf], &key));
    let finding = assert_finding!(run, "certs.chain-order", severity = "error");
    assert_eq!(finding["message"], "the leaf certificate is number 2 in the file, after its issuers");
    assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
}

#[test]
fn an_expired_certificate_that_no_route_needs_is_a_note() {
    let [root, middle, old] = ["root", "middle", "old"].map(TestAuthority::new);
    let (leaf, key) = middle.server();
    let (renewed, expired) = (root.root(), root.expired_root());
    let below = [&*leaf, &middle.by(&root)];
    let cross = root.expired_by(&old);
    for (ca, chain) in [
        // Another CA, which has expired.
        (vec![&*old.expired_root(), &renewed], below.to_vec()),
        (vec![&renewed, &old.expired_root()], below.to_vec()),
        // The same CA, before its renewal.
        (vec![&expired, &renewed], below.to_vec()),
        (vec![&renewed, &expired], below.to_vec()),
        // The same CA, as another one signed it before it was a root.
        (vec![&renewed], [&below[..], &[&cross]].concat()),
        (vec![&renewed], vec![below[0], &middle.expired_by(&root), below[1]]),
    ] {
        let place = server(&ca, &chain, &key);
        let run = check(&place);
        assert_finding!(run, "certs.expired", severity = "info");
        assert!(run.findings().iter().all(|finding| finding["severity"] != "error"), "{}", run.stdout);
        assert!(!run.ids().contains(&"certs.outlives-ca"), "{}", run.stdout);
        assert_eq!((run.exit_code, &run.json["due"]), (0, &serde_json::Value::Null), "{}", run.stdout);
        assert_accepted(&place, &run);
    }
    // What the route needs is as bad as ever.
    for (ca, chain) in
        [(vec![&*expired], below.to_vec()), (vec![&*renewed], vec![&*leaf, &middle.expired_by(&root)])]
    {
        let run = check(&server(&ca, &chain, &key));
        assert_finding!(run, "certs.expired", severity = "error");
        assert_eq!((run.exit_code, run.ids().len()), (1, 1), "{}", run.stdout);
    }
}

/// Of two routes that last equally long the shorter one counts.
#[test]
fn a_weak_certificate_that_no_route_needs_is_a_warning() {
    if !has_openssl() {
        return;
    }
    let [root, middle] = ["root", "middle"].map(TestAuthority::new);
    let [old, cross] = ["old", "cross"].map(|name| TestAuthority::new(name).expiring_in(3650));
    let (leaf, key) = middle.server();
    let weak = signed_with("-sha1", &cross, &old);
    let (short, long) = (middle.by(&root), middle.by(&cross));
    for chain in [[&*leaf, &long, &weak, &short], [&*leaf, &short, &long, &weak]] {
        let run = check(&server(&[&old.root(), &root.root()], &chain, &key));
        assert_finding!(run, "certs.weak-signature", severity = "warning");
        assert!(run.findings().iter().all(|finding| finding["severity"] != "error"), "{}", run.stdout);
        assert_eq!(run.exit_code, 0, "{}", run.stdout);
        let verdicts = &run.json["verifiers"][0];
        assert_eq!((&verdicts["webpki"], &verdicts["go"]), accepts(), "{}", run.stdout);
    }
    // What the only route needs is an error.
    let run = check(&server(&[&old.root()], &[&leaf, &long, &weak], &key));
    assert_finding!(run, "certs.weak-signature", severity = "error");
    assert_eq!(run.exit_code, 1, "{}", run.stdout);
}

/// A certificate of `ca` by `issuer`, with a hash that rcgen does not have.
fn signed_with(hash: &str, ca: &TestAuthority, issuer: &TestAuthority) -> String {
    let place = Place::new();
    for (name, text) in [
        ("ca.crt", ca.root()),
        ("by.crt", issuer.root()),
        ("by.key", issuer.key()),
        ("ca.ext", super::CA_EXTENSIONS.to_owned()),
    ] {
        fs::write(place.path(name), text).expect("written");
    }
    let sign = ["x509", "-in", "ca.crt", "-clrext", "-extfile", "ca.ext", "-CA", "by.crt", "-CAkey"];
    place.openssl(&[&sign[..], &["by.key", "-set_serial", "4711", "-days", "3650", hash]].concat())
}

/// While none is valid, the one that will last is meant.
#[test]
fn of_routes_that_are_not_valid_yet_the_one_that_is_valid_for_longest_counts() {
    let [root, middle, old] = ["root", "middle", "old"].map(TestAuthority::new);
    let (leaf, key) = middle.server();
    let (lasting, ending) = (middle.early_by(&root), middle.early_by(&old));
    let expired = old.expired_by(&root);
    for chain in [[&*leaf, &ending, &expired, &lasting], [&*leaf, &lasting, &ending, &expired]] {
        let run = check(&server(&[&root.root()], &chain, &key));
        assert_finding!(run, "certs.expired", severity = "info");
        let errors = run.findings().iter().filter(|finding| finding["severity"] == "error");
        let errors = errors.filter_map(|finding| finding["id"].as_str()).collect::<Vec<_>>();
        assert_eq!((run.exit_code, errors), (1, vec!["certs.not-yet-valid"]), "{}", run.stdout);
    }
}

#[test]
fn the_end_that_counts_is_that_of_the_route() {
    let [root, old] = ["root", "old"].map(TestAuthority::new);
    let old = old.expiring_in(3);
    let (leaf, key) = root.server();
    let place = server(&[&old.root(), &root.root()], &[&leaf], &key);
    let run = check(&place);
    assert_finding!(run, "certs.expiring", severity = "info");
    assert_eq!((run.exit_code, &run.json["due"]), (0, &serde_json::Value::Null), "{}", run.stdout);
    let text = egext(["certs", "check"]).arg(place.path("")).run();
    assert!((text.stdout.clone() + &text.stderr).contains("(in 365 days)"), "{}{}", text.stdout, text.stderr);

    // The longest route of two.
    let soon = TestAuthority::new("soon").expiring_in(90);
    let (leaf, key) = root.server();
    let run = check(&server(&[&soon.root(), &root.root()], &[&leaf, &root.by(&soon)], &key));
    assert_eq!((run.exit_code, run.ids()), (0, vec![]), "{}", run.stdout);
    let run = check(&server(&[&soon.root()], &[&leaf, &root.by(&soon)], &key));
    assert_eq!((run.exit_code, run.ids()), (0, vec!["certs.outlives-ca"]), "{}", run.stdout);
}

#[test]
fn a_ca_file_that_ends_below_the_root_is_a_warning() {
    let [root, middle] = ["root", "middle"].map(TestAuthority::new);
    let (leaf, key) = middle.server();
    let middle = middle.by(&root);
    for chain in [vec![&*leaf], vec![&*leaf, &middle]] {
        let place = server(&[&middle], &chain, &key);
        let run = check(&place);
        let finding = assert_finding!(run, "certs.ca-not-root", severity = "warning");
        assert_eq!(finding["evidence"]["found"], "issued by root");
        assert_eq!((run.exit_code, run.ids().len()), (0, 1), "{}", run.stdout);
        if has_openssl() {
            let verify = ["verify", "-CAfile", "ca.crt", "-untrusted", "server.crt", "server.crt"];
            let refused =
                super::command("openssl").current_dir(place.path("")).args(verify).assert().failure();
            let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
            assert!(words.contains("unable to get issuer certificate"), "{words}");
        }
        let place = server(&[&middle, &root.root()], &chain, &key);
        let run = check(&place);
        assert_eq!((run.exit_code, run.ids().contains(&"certs.ca-not-root")), (0, false), "{}", run.stdout);
        assert_accepted(&place, &run);
    }
    // A root that has expired is none, for those that want one.
    let run = check(&server(&[&middle, &root.expired_root()], &[&leaf], &key));
    assert_finding!(run, "certs.ca-not-root", severity = "warning");
    assert_finding!(run, "certs.expired", severity = "info");
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
}

#[test]
fn a_cross_signed_ca_is_imported_whatever_the_order_of_its_file() {
    let [r3, x1, x3] = ["R3", "New Root X1", "Old Root X3"].map(TestAuthority::new);
    let (own, root, cross) = (r3.by(&x1), x1.root(), x1.by(&x3));
    let blocks = [&own, &root, &cross];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let place = import(&order.map(|index| blocks[index].as_str()).concat(), &r3.key());
        let report = place.json(&["--ca-cert", "company.crt", "--ca-key", "company.key"], 0);
        assert_eq!(report["outcome"], "created");
        assert_eq!(fs::read_to_string(place.certs().join("ca.crt")).expect("PEM"), root, "{order:?}");
        place.assert_whole();
    }
    // Only the other root is there.
    let other_root = x3.root();
    let place = import(&[&*own, &cross, &other_root].concat(), &r3.key());
    place.init(&["--ca-cert", "company.crt", "--ca-key", "company.key"]).assert().success();
    assert_eq!(fs::read_to_string(place.certs().join("ca.crt")).expect("PEM"), other_root);
}

#[test]
fn the_ca_itself_may_have_several_certificates() {
    let [issuing, good, gone] = ["issuing", "good", "gone"].map(TestAuthority::new);
    let narrow = TestAuthority::new("narrow").with_path_length(0);
    let (good_one, root) = (issuing.by(&good), good.root());
    for bad in [issuing.by(&gone), issuing.expired_by(&good), issuing.by(&narrow) + &narrow.root()] {
        for file in [bad.clone() + &good_one, good_one.clone() + &bad] {
            let place = import(&(file + &root), &issuing.key());
            place.init(&["--ca-cert", "company.crt", "--ca-key", "company.key"]).assert().success();
            assert_eq!(fs::read_to_string(place.certs().join("ca.crt")).expect("PEM"), root);
        }
    }
    // Without the good one, what is wrong is said before what is missing.
    for (bad, words) in [
        (issuing.expired_by(&good) + &issuing.by(&gone), "has expired"),
        (issuing.by(&narrow) + &narrow.root() + &issuing.by(&gone), "its path length is used up"),
        (issuing.by(&gone) + &issuing.by(&narrow) + &narrow.root(), "its path length is used up"),
        (issuing.by(&gone), "the certificate of `gone` is missing"),
        (issuing.by(&gone) + &gone.by(&issuing), "has no self-signed root: the CAs in it certify each other"),
    ] {
        let place = import(&(bad + &root), &issuing.key());
        place.assert_refused(&["--ca-cert", "company.crt", "--ca-key", "company.key"], words);
    }
}

/// A CA changed the kind of its key: the next key has the CA's name, and a signature by the last one.
#[test]
fn the_next_key_of_a_ca_needs_the_certificate_of_the_last_one() {
    let (last, next) = (TestAuthority::new("one CA"), TestAuthority::new("one CA").with_rsa_key());
    let (root, flags) = (last.root(), ["--ca-cert", "company.crt", "--ca-key", "company.key"]);
    let words = "the certificate of `one CA` that is in it did not sign `one CA`";
    import(&next.by(&last), &next.key()).assert_refused(&flags, words);
    let place = import(&(next.by(&last) + &root), &next.key());
    place.init(&flags).assert().success();
    assert_eq!(fs::read_to_string(place.certs().join("ca.crt")).expect("PEM"), root);
    // By its last key, too, but that cannot be told.
    if has_openssl() {
        let words = "is signed in a way that TLS stacks do not verify (ECDSA with SHA3-256)";
        import(&signed_with("-sha3-256", &next, &last), &next.key()).assert_refused(&flags, words);
    }
}

#[test]
fn of_two_roots_the_one_that_is_valid_for_longer_is_taken() {
    let issuing = TestAuthority::new("issuing");
    let (short, long) = (TestAuthority::new("short").expiring_in(100), TestAuthority::new("long"));
    let ways = [&short, &long].map(|root| issuing.by(root) + &root.root());
    for file in [ways.concat(), ways[1].clone() + &ways[0]] {
        let place = import(&file, &issuing.key());
        place.init(&["--ca-cert", "company.crt", "--ca-key", "company.key"]).assert().success();
        let ca = fs::read_to_string(place.certs().join("ca.crt")).expect("PEM");
        assert!(ways[1].ends_with(&ca), "{ca}");
    }
}

#[test]
fn a_file_of_many_certificates_of_one_name_does_not_keep_an_import_busy() {
    let (issuing, cas) = (TestAuthority::new("issuing"), [(); 40].map(|()| TestAuthority::new("one name")));
    let mut file = issuing.by(&cas[0]);
    for pair in cas.windows(2) {
        file += &pair[0].by(&pair[1]);
        file += &pair[1].by(&pair[0]);
    }
    let place = import(&file, &issuing.key());
    let words = "`company.crt` has too many certificates of one name to find a root";
    place.assert_refused(&["--ca-cert", "company.crt", "--ca-key", "company.key"], words);
    // Where a CA has the name of its issuer, it is not its own issuer.
    let (leaf, key) = cas[0].server();
    let run = check(&server(&[&cas[0].by(&cas[1])], &[&leaf], &key));
    assert_finding!(run, "certs.ca-not-root", severity = "warning");
}

#[test]
fn the_signature_of_a_root_is_a_note_and_one_below_it_an_error() {
    if !has_openssl() {
        return;
    }
    let rsa = ["-newkey", "rsa:2048"];
    for (options, id, algorithm) in [
        (&["-sha1"][..], "certs.weak-signature", "RSA with SHA-1"),
        (&["-sha224"], "certs.unsupported-signature", "RSA with SHA-224"),
        (&["-sha3-256"], "certs.unsupported-signature", "RSA with SHA3-256"),
        (
            &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:max"],
            "certs.unsupported-signature",
            "RSA-PSS",
        ),
    ] {
        let place = Place::new();
        place.make_root("root", &[&rsa[..], options].concat(), "CN=company root\n", "");
        let flags = ["--ca-cert", "root.crt", "--ca-key", "root.key"];
        let report = place.json(&flags, 0);
        let findings = report["findings"].as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["id"] == id).expect("a note");
        assert_eq!(finding["severity"], "info");
        let message = finding["message"].as_str().expect("text");
        assert!(
            message.starts_with(&format!("the root `company root` is signed with {algorithm};")),
            "{message}"
        );
        let run = egext(["certs", "check"]).arg(place.certs()).json();
        assert_eq!(
            (run.exit_code, &run.json["verifiers"][0]["go"]),
            (0, &"accepts".into()),
            "{}",
            run.stdout
        );
        for role in ["server", "client"] {
            let certificate = format!("certs/{role}.crt");
            place.openssl(&["verify", "-CAfile", "certs/ca.crt", &certificate]);
        }

        // The same signature on a CA below the root.
        let (subject, ext) = ("/CN=below", "below.ext");
        fs::write(place.path(ext), super::CA_EXTENSIONS).expect("written");
        place.openssl(
            &[
                &["req", "-new", "-nodes", "-subj", subject, "-keyout", "below.key", "-out", "below.csr"],
                &rsa[..],
            ]
            .concat(),
        );
        let sign =
            ["x509", "-req", "-in", "below.csr", "-CA", "root.crt", "-CAkey", "root.key", "-extfile", ext];
        place.openssl(&[&sign[..], &["-out", "below.crt"], options].concat());
        place.join(&["below.crt", "root.crt"], "chain.crt");
        let words = match id {
            "certs.weak-signature" => "`below` in `chain.crt` is signed with SHA-1 or MD5".to_owned(),
            _ => format!(
                "`below` in `chain.crt` is signed in a way that TLS stacks do not verify ({algorithm})"
            ),
        };
        place.assert_refused(&["--ca-cert", "chain.crt", "--ca-key", "below.key"], &words);
    }
}

/// A company's CA: `company.crt` and `company.key`.
fn import(certificates: &str, key: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("company.crt"), certificates).expect("written");
    fs::write(place.path("company.key"), key).expect("written");
    place
}
