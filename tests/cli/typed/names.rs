//! Names without a flag, as mkcert has them; durations and addresses as people write them.

use std::fs;

use egext_test_support::{TestPki, TestServer};
use serde_json::Value;

use super::refused;
use crate::egext;

/// The names of the server in the report.
fn server_names(json: &Value) -> Vec<&str> {
    let all = json["certificates"].as_array().expect("certificates");
    let server = all.iter().find(|one| one["role"] == "server").unwrap_or_else(|| panic!("{json:#}"));
    server["names"].as_array().expect("names").iter().filter_map(Value::as_str).collect()
}

#[test]
fn names_need_no_flag() {
    let run =
        egext(["certs", "init", "example.internal", "10.0.0.5,b.internal", "--san", "c.internal"]).json();
    assert_eq!(run.exit_code, 0, "{run:?}");
    let names = server_names(&run.json);
    assert_eq!(
        names,
        ["example.internal", "10.0.0.5", "b.internal", "c.internal", "localhost", "127.0.0.1", "::1"]
    );
    let run = egext(["certs", "init", "example.internal", "--no-local-names"])
        .env("EGEXT_SAN", "other.internal")
        .json();
    assert_eq!(server_names(&run.json), ["example.internal"], "what is typed wins");
}

#[test]
fn a_server_needs_a_name() {
    let (_, error, hint) = refused(egext(["certs", "init", "--no-local-names"]));
    assert_eq!(error, "`--no-local-names` is given without `--san`");
    assert_eq!(hint, "give `--san` as well, or leave `--no-local-names` out");
}

#[test]
fn a_directory_in_place_of_a_name_gets_its_flag() {
    for path in ["certs/", "./certs", "/etc/egext/certs", "."] {
        let (_, error, hint) = refused(egext(["certs", "init", path]));
        assert_eq!(error, format!("`{path}` is a path, and a name is expected"));
        assert_eq!(hint, format!("`egext certs init --dir {path}` names the directory"));
    }
}

#[test]
fn what_is_written_as_elsewhere_is_told_apart() {
    for (typed, error, hint) in [
        ("[::1]", "`[::1]` has brackets, which an IP address has in URLs only", "type `::1`"),
        ("[::1]:5005", "`[::1]:5005` has a port; certificates know hosts only", "type `::1`"),
        (
            "10.0.0.0/24",
            "`10.0.0.0/24` is a network, and certificates are for single addresses",
            "type the addresses that clients connect to, or a host name",
        ),
        (
            "DNS:foo.example",
            "`DNS:foo.example` begins with the kind of a name, as in a configuration of OpenSSL",
            "type `foo.example`",
        ),
        (
            "IP:10.0.0.1",
            "`IP:10.0.0.1` begins with the kind of a name, as in a configuration of OpenSSL",
            "type `10.0.0.1`",
        ),
    ] {
        for line in [&["certs", "init", typed][..], &["certs", "init", "--san", typed]] {
            let (_, found, advice) = refused(egext([]).args(line));
            assert_eq!((found, advice), (error.to_owned(), hint.to_owned()), "{line:?}");
        }
    }
}

#[test]
fn a_further_certificate_takes_names_too() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(egext(["certs", "init"]).current_dir(directory.path()).run().exit_code, 0);
    let run =
        egext(["certs", "issue", "client", "g2.internal", "10.0.0.9", "--san", "g3.internal", "--out", "g2"]);
    let run = run.current_dir(directory.path()).run();
    assert_eq!(run.exit_code, 0, "{run:?}");
    let shown = egext(["certs", "show", "certs/g2.crt"]).current_dir(directory.path()).json();
    let text = shown.stdout;
    for name in ["g2.internal", "10.0.0.9", "g3.internal"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_lifetime_has_weeks_and_several_units() {
    for (typed, printed) in [("2w", "14 days"), ("1w2d", "9 days"), ("1d12h", "36 hours")] {
        let run = egext(["certs", "init", "--lifetime", typed]).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
        assert!(run.stdout.contains(&format!("in {printed}")), "{typed}: {run:?}");
    }
    let run = egext(["certs", "check", "--within", "1w"]).run();
    assert_eq!(run.exit_code, 2, "nothing to check, but the duration is one: {run:?}");
    assert!(!run.stderr.contains("--within"), "{run:?}");
}

#[test]
fn a_number_alone_could_be_anything() {
    let (_, error, hint) = refused(egext(["certs", "init", "--lifetime", "30"]));
    assert_eq!(error, "`--lifetime` cannot be `30`: a duration needs a unit");
    assert_eq!(hint, "for example `30s`, `30h` or `30d`");
    let (_, _, hint) = refused(egext(["probe", "localhost", "--timeout", "1.5h"]));
    assert!(hint.contains("`1h30m`, not `1.5h`"), "{hint}");
}

#[test]
fn the_port_of_a_server_may_be_left_out() {
    let pki = TestPki::new();
    for (typed, address) in [
        ("localhost", "localhost:5005"),
        ("tls://127.0.0.1", "127.0.0.1:5005"),
        ("tcp://localhost", "tcp://localhost:5005"),
        ("[::1]", "[::1]:5005"),
        ("tcp://[::1]", "tcp://[::1]:5005"),
    ] {
        // A variable, which is no matter to targets without TLS.
        let run = egext(["probe", typed, "--no-gateway", "--timeout", "2s"])
            .env("EGEXT_DIR", pki.directory())
            .json();
        assert_eq!(run.json["targets"][0]["address"], address, "{run:?}");
    }
    for typed in ["::1", "localhost:", "[::1", "tls://"] {
        refused(egext(["probe", typed]));
    }
}

#[test]
fn what_is_listened_on_has_a_port() {
    let (_, error, _) =
        refused(egext(["bridge", "--listen", "tcp://localhost", "--upstream", "localhost:5005"]));
    assert!(error.starts_with("`--listen`: `tcp://localhost` is not an address"), "{error}");
}

/// With a port of its own, a server is found whatever else is open on this machine.
#[test]
fn a_port_that_is_named_stays() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let run = egext(["probe", &server.address(), "--no-gateway", "--no-policy"]).pki(&pki).json();
    assert_eq!(run.json["targets"][0]["address"], server.address(), "{run:?}");
    assert_eq!(run.exit_code, 0, "{run:?}");
}

#[test]
fn nothing_is_made_for_who_asks_for_help() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(egext(["certs", "init", "help"]).current_dir(directory.path()).run().exit_code, 0);
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
}
