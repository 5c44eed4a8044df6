//! Wrong addresses: what is wrong, what was meant, and never a password.

use egext_test_support::Run;

use crate::egext;

/// What is typed, the error, and its hint.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "tcp:localhost:1",
        "`tcp:localhost:1` is not an address; expected `host:port`, `tls://host:port`, `tcp://host:port` or `unix:/path`",
        "write `tcp://localhost:1`",
    ),
    (
        "tls://user:pa55word@h:1",
        "`tls://***@h:1` has a user name or a password, which an address cannot have",
        "write `h:1`; a client certificate proves who you are",
    ),
    (
        "user:pa55word@h:1",
        "`***@h:1` has a user name or a password, which an address cannot have",
        "write `h:1`; a client certificate proves who you are",
    ),
    ("https://h:1/x", "unknown scheme `https://`; expected `tls://`, `tcp://` or `unix:`", "write `h:1`"),
    ("::1:5005", "the IPv6 address in `::1:5005` needs brackets", "write `[::1]:5005`"),
    ("h:70000", "`70000` is not a port number", "a port is a number from 1 to 65535, as in `localhost:5005`"),
    (
        "a b:1",
        "`a b` is neither a host name nor an IP address",
        "a host name has letters, digits, hyphens, underscores and dots, such as `extension.internal`",
    ),
];

#[test]
fn every_flag_with_an_address_says_what_was_meant() {
    for (typed, error, hint) in WRONG {
        for (arguments, name) in [
            (&["probe", typed][..], ""),
            (&["certs", "show", "--connect", typed], "`--connect`: "),
            (&["bridge", "--upstream", "tcp://h:1", "--listen", typed], "`--listen`: "),
            (&["bridge", "--listen", "tcp://h:1", "--upstream", typed], "`--upstream`: "),
            (&["config", "gateway", "--resources-dir", "/r", "--upstream", typed], ""),
            (&["config", "stanza", "--upstream", typed], ""),
        ] {
            let run = egext(["--color", "never"]).args(arguments).run();
            assert_eq!(run.stderr, format!("error: {name}{error}\n  hint: {hint}\n"), "{arguments:?}");
            assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{arguments:?}");
        }
    }
}

#[test]
fn no_password_is_printed_wherever_it_was_typed() {
    const URL: &str = "tls://user:pa55word@h:1";
    for arguments in [
        &["probe", URL][..],
        &["probe", "h:1", "--server-name", "user:pa55word@h"],
        &["certs", "init", URL],
        &["certs", "init", "--san", URL],
        &["certs", "issue", URL],
        &["certs", "issue", "server", "--san", URL],
        &["demo", URL],
        &["config", URL],
        &[URL],
        &["explain", URL],
        &["man", URL],
        &["certs", "show", URL],
        &["certs", "check", URL],
        &["certs", "init", "--ca-cert", URL, "--ca-key", "x"],
        &["certs", "pack", "server", "--dir", URL, "--out", "x.tar"],
        &["config", "stanza", "--check", URL],
        &["config", "stanza", "--eg-version", URL],
        &["config", "stanza", "--resource", URL],
        &["config", "stanza", "--hook", URL],
        &["config", "stanza", "--native-tls", "--server", URL],
        &["probe", "h:1", "--ca", URL],
        &["probe", "h:1", "--ca", "user:pa55word@h"],
        &["explain", "user:pa55word@h"],
        &["explain", "https://user:pa55word @h"],
        &["probe", "user:pa55word"],
        &["probe", "tcp://user:7pa55word"],
        &["config", "stanza", "--upstream", "user:pa55word"],
        &["config", "stanza", "--native-tls", "--server", "user:pa55word"],
        &["bridge", "--listen", "user:pa55word", "--upstream", "h:1"],
    ] {
        for format in ["human", "json"] {
            hidden(egext(["-o", format]).args(arguments).run());
        }
    }
    hidden(egext(["certs", "check", "-o", "junit", URL]).run());
    for (variable, arguments) in [
        ("EGEXT_PROBE_ADDRESS", &["probe"][..]),
        ("EGEXT_LISTEN", &["bridge", "--upstream", "tcp://h:1"]),
        ("EGEXT_CONNECT", &["certs", "show"]),
    ] {
        let run = hidden(egext([]).args(arguments).env(variable, URL).run());
        assert!(run.stderr.contains(&format!("error: `{variable}`: `tls://***@h:1`")), "{run:?}");
    }
}

fn hidden(run: Run) -> Run {
    assert_eq!(run.exit_code, 2, "{run:?}");
    assert!(!run.stderr.contains("pa55word") && !run.stdout.contains("pa55word"), "{run:?}");
    run
}
