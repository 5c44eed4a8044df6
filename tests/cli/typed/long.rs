//! What is typed by mistake can be a whole file: it comes back without its middle.

use crate::egext;

#[test]
fn a_long_argument_comes_back_without_its_middle() {
    let word = format!("a{}z", "x".repeat(20_000));
    let path = format!("/a{}/{}z", "x/".repeat(5_000), "x".repeat(10_000));
    let flag = format!("--{word}");
    let colons = format!("unix:{word}");
    for (long, formats) in [
        (&path, &["human", "json"][..]),
        (&flag, &["human"]),
        (&colons, &["human"]),
        (&word.replace("xx", "é`"), &["human"]),
    ] {
        for arguments in [
            &[long.as_str()][..],
            &["demo", long],
            &["explain", long],
            &["man", long],
            &["probe", long],
            &["probe", "h:1", "--server-name", long],
            &["probe", "h:1", "--timeout", long],
            &["probe", "h:1", "--ca", long],
            &["bridge", "--listen", long, "--upstream", "h:1"],
            &["certs", "init", "--san", long],
            &["certs", "init", long],
            &["certs", "init", "--key-type", long],
            &["certs", "show", long],
            &["certs", "renew", "--name", long],
            &["certs", "issue", "client", "--out", long, "--san", "a"],
            &["config", "stanza", "--check", long],
            &["config", "stanza", "--eg-version", long],
            &["config", "stanza", "--resource", long],
            &["config", "stanza", "--hook", long],
            &["config", "stanza", "--socket", long],
            &["completions", long],
        ] {
            for format in formats {
                let run = egext(["-o", format]).args(arguments).run();
                let shown: String = run.stderr.chars().take(500).collect();
                let call = format!("-o {format} {:?}: {shown}", &arguments[..arguments.len() - 1]);
                assert_eq!(run.exit_code, 2, "{call}");
                let (most, least) = (run.stderr.len().max(run.stdout.len()), run.stderr.lines().count());
                assert!(most < 6_000 && least == 2, "{call}");
            }
        }
    }
}

#[test]
fn a_path_that_can_be_is_repeated_whole_where_it_is_to_be_pasted() {
    let path = format!("{}/missing.crt", "x".repeat(200));
    let run = egext(["certs", "show", &path]).run();
    assert!(run.stderr.contains(&format!("`{path}`")), "{run:?}");
}
