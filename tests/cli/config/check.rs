use std::fs;

use snapbox::cmd::OutputAssert;
use snapbox::str;
use tempfile::TempDir;

use super::{egext, json, written};

/// The file's content as `config ARGUMENTS --check FILE` judges it.
#[expect(clippy::disallowed_methods, reason = "the product does not write this file, its user does")]
fn check(content: &[u8], arguments: &[&str]) -> (TempDir, OutputAssert) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("eg.yaml"), content).expect("a file");
    let assert = egext(arguments).args(["--check", "eg.yaml"]).current_dir(directory.path()).assert();
    (directory, assert)
}

#[test]
fn an_unchanged_file_passes_the_check() {
    let yaml = written(&["config", "stanza"]);
    let (_directory, run) = check(yaml.as_bytes(), &["config", "stanza"]);
    run.success().stderr_eq("").stdout_eq(str![[r#"
  √ `eg.yaml` is what `egext config stanza` writes

"#]]);
}

#[test]
fn a_stanza_of_two_keys_is_found_in_a_file() {
    let stanza = ["config", "stanza", "--preset=ai-gateway"];
    let file = format!("apiVersion: gateway.envoyproxy.io/v1alpha1\n\n{}\nlogging: {{}}\n", written(&stanza));
    check(file.as_bytes(), &stanza).1.success();
    check(file.replace("Policy: true", "Policy: false").as_bytes(), &stanza).1.code(1);
}

#[test]
fn a_named_extension_is_found_in_a_file() {
    let stanza = ["config", "stanza", "--name=mine"];
    let file = format!("apiVersion: gateway.envoyproxy.io/v1alpha1\n\n{}", written(&stanza));
    check(file.as_bytes(), &stanza).1.success();
}

#[test]
fn a_changed_file_fails_the_check_with_a_diff() {
    let yaml = written(&["config", "stanza"]).replace("failOpen: false", "failOpen: true");
    let (_directory, run) = check(yaml.as_bytes(), &["config", "stanza"]);
    run.code(1).stderr_eq("").stdout_eq(str![[r#"
  × eg.yaml: not what `egext config stanza` writes for these flags
    hint: `-` is in the file, `+` would be; without `--check` the whole text is printed, for `>`

1 error (`egext explain config.differs` says more)

--- eg.yaml
+++ egext config stanza
@@ -33,4 +33,4 @@
         secret:
           includeAll: true
   # When the extension answers an error, EG logs it and keeps the configuration that it published before.
-  failOpen: true
+  failOpen: false

"#]]);
}

#[test]
fn a_difference_does_not_reach_the_terminal_as_it_is() {
    let yaml = written(&["config", "stanza"]);
    let hostile = yaml.replace("failOpen: false", "failOpen:\ttrue # \u{202e}\r");
    let (_directory, run) = check(hostile.as_bytes(), &["config", "stanza"]);
    let run = run.code(1);
    let diff = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let line = "\n-  failOpen:\ttrue # \\u{202e}\r\n";
    assert!(diff.contains(line), "{diff:?}");
    // YAML has no such characters.
    let hostile = yaml.replace("failOpen: false", "failOpen: true # \u{1b}[2J\u{9b}31m");
    let (_directory, run) = check(hostile.as_bytes(), &["config", "stanza"]);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
error: `eg.yaml:36:20` cannot be compared: unexpected character: '\u{1b}'
  hint: look at the line: `cat -A eg.yaml`

"#]]);
}

/// Where a section ends is up to YAML, not to the first character of a line.
#[test]
fn a_stanza_is_found_among_keys_in_any_style() {
    let yaml = written(&["config", "stanza"]);
    for (before, behind) in [
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: 'EnvoyGateway'\ngateway: {\ncontrollerName: secret\n}\n",
            "",
        ),
        ("logging:\n- secret\n# of the next\n", "provider: |\n  extensionManager: secret\n"),
        ("\"gateway\": [secret,\nb: c\n]\n", ""),
    ] {
        let file = [before, &yaml, behind].concat();
        let (_directory, run) = check(file.as_bytes(), &["config", "stanza"]);
        run.success();
        let changed = file.replace("failOpen: false", "failOpen: true");
        let (_directory, run) = check(changed.as_bytes(), &["config", "stanza"]);
        let shown = String::from_utf8(run.code(1).get_output().stdout.clone()).expect("UTF-8");
        assert!(shown.contains("-  failOpen: true") && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn a_check_against_other_flags_fails() {
    let yaml = written(&["config", "gateway", "--resources-dir=/a", "--eg-version=1.9"]);
    let (_directory, run) =
        check(yaml.as_bytes(), &["config", "gateway", "--resources-dir=/a", "--eg-version=1.8"]);
    run.code(1);
}

#[test]
fn a_check_in_json_has_the_diff() {
    let flags = ["config", "stanza", "--hook=VirtualHost"];
    let other = b"extensionManager: {}\n";
    let (_directory, human) = check(other, &flags);
    let (_directory, run) = check(other, &[&flags[..], &["-o=json"]].concat());
    let json = json(run.code(1));
    assert_eq!(json["findings"][0]["id"], "config.differs");
    assert_eq!(json["check"]["file"], "eg.yaml");
    assert_eq!(json["check"]["same"], false);
    assert_eq!(json["yaml"], written(&flags));
    let human = String::from_utf8(human.get_output().stdout.clone()).expect("UTF-8");
    assert!(human.ends_with(json["diff"].as_str().expect("text")), "{human}");

    let (_directory, run) = check(written(&flags).as_bytes(), &[&flags[..], &["-o=json"]].concat());
    let json = self::json(run.success());
    assert_eq!(json["check"]["same"], true);
    assert!(json.get("diff").is_none());
}

#[test]
fn what_a_file_of_another_kind_holds_is_not_shown() {
    let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    for (content, found) in [
        (key.to_owned(), "holds a private key"),
        (written(&["config", "stanza"]) + key, "holds a private key"),
        (key.replace("PRIVATE KEY", "CERTIFICATE"), "holds PEM blocks"),
        (
            written(&["config", "stanza"]) + &format!("# {}\n", "c2VjcmV0".repeat(8)),
            "holds what may be a key in Base64",
        ),
        (
            written(&["config", "stanza"]) + "---\nkind: Secret\ndata:\n  token: c2VjcmV0\n",
            ":37:1` cannot be compared: it has a second document",
        ),
        ("password: c2VjcmV0\n".to_owned(), "is no EnvoyGateway configuration with an `extensionManager`"),
        ("c2VjcmV0\n".to_owned(), "is no EnvoyGateway configuration with an `extensionManager`"),
    ] {
        for flags in [&["config", "stanza"][..], &["config", "stanza", "-o=json"]] {
            let (_directory, run) = check(content.as_bytes(), flags);
            let output = run.code(2).get_output().clone();
            let [out, err] =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
            assert!(!(out.clone() + &err).contains("c2VjcmV0"), "{out}{err}");
            let said = match found.starts_with(':') {
                true => found.to_owned(),
                false => format!("` {found}, so it is not compared"),
            };
            let expected =
                format!("error: `eg.yaml{said}\n  hint: `--check` takes a file that this command wrote\n");
            assert_eq!(err, expected);
        }
    }
}

#[test]
fn a_check_of_something_that_is_no_text_file_cannot_run() {
    let (directory, run) = check(b"\xff", &["config", "stanza"]);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
error: `eg.yaml:1:1` is not UTF-8 text
  hint: `--check` takes a file that this command wrote

"#]]);
    let (_directory, run) = check(&vec![b'#'; (1 << 20) + 1], &["config", "stanza"]);
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
error: `eg.yaml` is larger than 1024 KiB
  hint: `--check` takes a file that this command wrote

"#]]);
    for (path, expected) in [
        (
            "missing.yaml",
            str![[r#"
error: cannot read `missing.yaml`: No such file or directory (os error 2)
  hint: the same command without `--check` and with `> FILE` writes it

"#]],
        ),
        (
            ".",
            str![[r#"
error: `.` is a directory, not a file
  hint: `--check` takes a file that this command wrote

"#]],
        ),
    ] {
        egext(&["config", "stanza", "--check", path])
            .current_dir(directory.path())
            .assert()
            .code(2)
            .stdout_eq("")
            .stderr_eq(expected);
    }
}
