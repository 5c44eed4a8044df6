//! `-` in the place of a file: stdin for what is read, stdout for what is written.

use std::fs;
use std::io::Write as _;

use egext_test_support::{TestPki, TestServer, skipped};
use snapbox::str;

use super::Place;
use crate::{egext, on_a_terminal};

fn set() -> Place {
    let place = Place::new();
    place.init(&[]).assert().success();
    place
}

fn contents(place: &Place, name: &str) -> Vec<u8> {
    fs::read(place.path(name)).expect("readable")
}

#[test]
fn a_request_comes_through_a_pipe_and_its_certificate_goes_out() {
    let place = set();
    place.write_request("request", "replica.internal");
    let request = contents(&place, "request.csr");
    for out in [&[][..], &["--out", "-"]] {
        let issue = [&["issue", "server", "--csr", "-"][..], out].concat();
        let run = place.verb(&issue).stdin(request.clone()).assert().success();
        let printed = &run.get_output().stdout;
        assert!(printed.starts_with(b"-----BEGIN CERTIFICATE-----\n"), "{out:?}");
    }
    place.assert_fails(
        &["issue", "server", "--san", "a", "--out", "-"],
        str![[r"
error: a new key is not printed, so `--out -` needs `--csr`
  hint: name the files: `--out NAME`; `--out -` prints the certificate for a CSR: `--csr FILE`

"]],
    );
}

#[test]
fn show_and_check_read_stdin() {
    let place = set();
    let [ca, certificate, key] =
        ["ca.crt", "server.crt", "server.key"].map(|name| contents(&place, &format!("certs/{name}")));
    let show = |input: &[u8]| {
        let run = place.verb(&["show", "-", "-o", "json"]).stdin(input.to_vec()).assert().success();
        serde_json::from_slice::<serde_json::Value>(&run.get_output().stdout).expect("JSON")
    };
    assert_eq!(show(&certificate)["certificates"][0]["belongs_to"], "server");
    assert_eq!(show(&key)["keys"][0]["state"], "usable");
    let files = |stdin: &str| {
        let names = [("--ca", "ca.crt"), ("--cert", "server.crt"), ("--key", "server.key")];
        let words = names.map(|(flag, name)| {
            let file = if flag == stdin { "-".to_owned() } else { format!("certs/{name}") };
            [flag.to_owned(), file]
        });
        words.concat()
    };
    for (flag, input) in [("--ca", &ca), ("--cert", &certificate), ("--key", &key)] {
        place.verb(&["check"]).args(files(flag)).stdin(input.clone()).assert().success();
        let strange = contents(&place, "certs/client.key");
        let run = place.verb(&["check"]).args(files(flag)).stdin(strange).assert();
        assert_eq!(run.get_output().status.code(), Some(1), "{flag} is read from there");
    }
}

#[test]
fn probe_takes_each_of_its_files_from_stdin() {
    let pki = TestPki::new();
    let server = TestServer::mtls(&pki).spawn();
    let place = Place::new();
    let files = [("--ca", pki.ca()), ("--cert", pki.client_certificate()), ("--key", pki.client_key())];
    for (stdin, input) in &files {
        let mut run = egext([]).current_dir(place.path(""));
        run = run.args(["probe", &server.address(), "--no-gateway", "--no-policy"]);
        for (flag, path) in &files {
            run = run.arg(flag).arg(if flag == stdin { "-".into() } else { path.clone() });
        }
        run.stdin(fs::read(input).expect("readable")).assert().success();
    }
}

#[test]
fn an_imported_ca_and_its_passphrase_come_from_stdin() {
    let place = set();
    let [certificate, key] = ["ca.crt", "ca.key"].map(|name| contents(&place, &format!("certs/{name}")));
    let import = |directory: &str, certificate: &str, key: &str| {
        place.verb(&["init", "--dir", directory, "--ca-cert", certificate, "--ca-key", key])
    };
    import("one", "-", "certs/ca.key").stdin(certificate).assert().success();
    import("two", "certs/ca.crt", "-").stdin(key).assert().success();
    let locked = ["--dir", "three", "--ca-key-passphrase-file", "-"];
    place.verb(&["init"]).args(locked).stdin("secret\n").assert().success();
    place.verb(&["renew", "--force"]).args(locked).stdin("secret\n").assert().success();
}

/// The command reads the CA's certificate more than once.
#[test]
fn a_ca_from_stdin_issues_and_renews() {
    let place = set();
    let ca = contents(&place, "certs/ca.crt");
    let signer = ["--ca-cert", "-", "--ca-key", "certs/ca.key"];
    for verb in [&["issue", "server", "--out", "next", "--san", "next.internal"][..], &["renew", "--force"]] {
        place.verb(&[verb, &signer].concat()).stdin(ca.clone()).assert().success();
        place.assert_whole();
    }
}

#[test]
fn a_configuration_is_compared_through_a_pipe() {
    let place = Place::new();
    let stanza = |flags: &[&str]| {
        let run = egext([]).current_dir(place.path(""));
        run.args(["config", "stanza"]).args(flags)
    };
    let written = stanza(&[]).assert().success().get_output().stdout.clone();
    stanza(&["--check", "-"]).stdin(written).assert().success();
    stanza(&["--fail-open", "--check", "-"])
        .stdin(stanza(&[]).assert().success().get_output().stdout.clone())
        .assert()
        .code(1);
}

#[test]
fn only_one_input_is_stdin() {
    let place = set();
    for (arguments, first, second) in [
        (&["check", "--cert", "-", "--key", "-"][..], "`--cert`", "`--key`"),
        (&["show", "-", "-"], "FILE", "FILE"),
        (&["show", "-", "--ca-key-passphrase-file", "-"], "FILE", "`--ca-key-passphrase-file`"),
        (&["init", "--dir", "new", "--ca-cert", "-", "--ca-key", "-"], "`--ca-cert`", "`--ca-key`"),
        (
            &["issue", "server", "--csr", "-", "--ca-key-passphrase-file", "-"],
            "`--ca-key-passphrase-file`",
            "`--csr`",
        ),
        (&["rotate-ca", "prepare", "--ca-cert", "-", "--ca-key", "-"], "`--ca-cert`", "`--ca-key`"),
        (
            &["rotate-ca", "activate", "--ca-cert", "c", "--ca-key", "-", "--ca-key-passphrase-file", "-"],
            "`--ca-key`",
            "`--ca-key-passphrase-file`",
        ),
    ] {
        place.assert_fails(
            arguments,
            format!(
                "error: {first} and {second} are both `-`, and stdin can be read only once\n  \
                 hint: name a file for one of them, such as `<(COMMAND)`\n"
            ),
        );
    }
}

#[test]
fn stdin_has_limits_in_time_and_size_and_is_named_when_it_is_empty() {
    let place = Place::new();
    let show = |input: Vec<u8>| place.verb(&["show", "-"]).stdin(input).assert().code(2);
    show(Vec::new()).stderr_eq(str![[r"
error: `-` holds no certificate: it is empty
  hint: [..]

"]]);
    show(vec![b'\n'; 3 << 20]).stderr_eq(str![[r"
error: `-` is larger than 1024 KiB
  hint: [..]

"]]);
    show(b"\x30\x82\x01\x00\xff".to_vec());
    // A writer that never comes to its end.
    let mut show = place.verb(&["show", "-"]).open_stdin().start();
    let mut open = show.stdin();
    open.write_all(b"-").expect("it reads");
    let (_, words) = show.finish();
    drop(open);
    assert!(words.contains("is a pipe that was not closed within 10 s"), "{words}");
}

#[test]
fn an_archive_is_streamed_and_nothing_else() {
    let place = set();
    place.verb(&["pack", "server", "--out", "server.tar"]).assert().success();
    let run = place.verb(&["pack", "server", "--out", "-"]).assert().success().stderr_eq(str![[r"
packed what the server needs into stdout

  server   localhost, 127.0.0.1, ::1
           until [..] (in 365 days), P-256

files
  in it           certs/ca.crt  certs/server.crt  certs/server.key

"]]);
    assert_eq!(run.get_output().stdout, contents(&place, "server.tar"));
    assert!(!place.path("-").exists());
    let report = place.verb_json(&["pack", "server", "--out", "-"], 2);
    assert_eq!(report["error"]["message"], "`--out -` and `-o json` both write to stdout");
}

/// What a command that fails prints on a terminal.
fn fails_on_a_terminal(place: &Place, line: &str) -> Option<String> {
    let run = on_a_terminal(line)?.current_dir(place.path("")).run();
    assert_eq!(run.exit_code, 2, "{run:?}");
    Some(run.stdout)
}

#[test]
fn nothing_is_read_from_a_terminal() {
    let place = Place::new();
    let Some(output) = fails_on_a_terminal(&place, "$0 certs show -") else {
        return skipped("script not found");
    };
    assert!(output.contains("`-` is stdin, which is a terminal here"), "{output}");
}

#[test]
fn an_archive_is_not_written_to_a_terminal() {
    let place = set();
    let Some(output) = fails_on_a_terminal(&place, "$0 certs pack server --out -") else {
        return skipped("script not found");
    };
    assert!(output.contains("the archive holds a key, and stdout is a terminal"), "{output}");
    assert!(output.contains("egext certs pack server --out - | ssh HOST"), "{output}");
    assert!(!output.contains("BEGIN"), "{output}");
}
