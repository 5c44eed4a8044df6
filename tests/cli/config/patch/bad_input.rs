//! What no file looks like that a person keeps, for `config patch` and `--check`.

use super::Place;

/// One line with the place, a hint, and the file stays as it was.
#[test]
fn bad_input_has_one_line_with_its_place() {
    let header = "kind: EnvoyGateway\nextensionManager:\n";
    let bomb = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("{text}a{level}: &a{level} [{aliases}]\n")
    });
    for (contents, place, why) in [
        (format!("{header}{bomb}"), ":8:10", "it has more than 200000 values"),
        (format!("{header}  a: b\n\tc: d\n"), ":4:1", "the line is indented with a tab"),
        (format!("{header}  a: [b\n"), ":3:6", "unclosed bracket"),
        (format!("{header}  a: *b\n"), ":3:6", ""),
        (format!("%YAML 1.2\n---\n{header}"), ":1:1", "`%YAML 1.2` asks for another version than 1.1"),
        (format!("{header}{{{{- if .x }}}}\n  a: b\n"), ":3:1", "`{{` begins an expression of a template"),
        (format!("{header}  a: {}", "[".repeat(100_000)), ":3:261", ""),
    ] {
        let file = Place::with(&contents);
        for (run, what) in [
            (file.patch(&[]), "was not changed"),
            (
                crate::egext(["config", "stanza", "--check", "file.yaml"]).current_dir(file.0.path()),
                "cannot be compared",
            ),
        ] {
            let run = run.run();
            let expected = format!("error: `file.yaml{place}` {what}: {why}");
            assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{expected}: {run:?}");
            assert!(run.stderr.starts_with(&expected), "{expected}: {run:?}");
            assert!(run.stderr.lines().count() == 2 && run.stderr.len() < 400, "{run:?}");
        }
        assert_eq!(file.text(), contents);
    }
}

/// Without a place in a line, it is where the file says what it is.
#[test]
fn what_is_no_configuration_is_named_with_its_place() {
    let bomb = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("{text}a{level}: &a{level} [{aliases}]\n")
    });
    for (contents, expected) in [
        (b"apiVersion: v1\nkind: Secret\n".to_vec(), "file.yaml:2:7` was not changed: it is neither an"),
        (b"a: b\n".to_vec(), "file.yaml:1:1` was not changed: it is neither an"),
        (b"{\"kind\": \"EnvoyGateway\"}".to_vec(), "file.yaml:1:1` was not changed: it is JSON"),
        (b"a: b\nc: \xff\n".to_vec(), "file.yaml:2:4` is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "file.yaml:1:1` was not changed: "),
        (
            b"apiVersion: a/v9\nkind: EnvoyGateway\n".to_vec(),
            "file.yaml:1:13` was not changed: its `apiVersion` is `a/v9`",
        ),
        (
            b"apiVersion: 9\nkind: EnvoyGateway\n".to_vec(),
            "file.yaml:1:13` was not changed: its `apiVersion` is `9`",
        ),
        (vec![b'#'; 50 << 20], "file.yaml` is larger than 8 MiB"),
    ] {
        let file = Place::with("");
        file.write(&contents);
        let run = file.patch(&[]).run();
        assert_eq!((run.exit_code, &*run.stdout), (2, ""), "{run:?}");
        assert!(run.stderr.starts_with(&format!("error: `{expected}")), "{expected}: {run:?}");
        assert!(run.stderr.lines().count() == 2 && run.stderr.contains("\n  hint: "), "{run:?}");
    }
    // A file in another form is not one without an extension.
    for (contents, expected) in [
        ("{\"extensionManager\": {}}\n", "file.yaml:1:1` cannot be compared: it is JSON"),
        ("extensionManager: {}\n---\na: b\n", "file.yaml:2:1` cannot be compared: it has a second document"),
    ] {
        let file = Place::with(contents);
        let run = crate::egext(["config", "stanza", "--check", "file.yaml"]).current_dir(file.0.path()).run();
        assert!(run.stderr.starts_with(&format!("error: `{expected}\n  hint: ")), "{run:?}");
    }
    // To look at the line says nothing about one that has too many values.
    let file = Place::with(&format!("kind: EnvoyGateway\nextensionManager:\n{bomb}"));
    let check = crate::egext(["config", "stanza", "--check", "file.yaml"]).current_dir(file.0.path()).run();
    for run in [file.patch(&[]).run(), check] {
        assert!(run.stderr.contains("it has more than 200000 values"), "{run:?}");
        assert!(!run.stderr.contains("cat -A") && run.stderr.lines().count() == 2, "{run:?}");
    }
}

#[test]
fn a_file_with_very_many_keys_is_patched_and_compared() {
    let keys = (0..20_000_u32).map(|number| {
        let letters =
            number.to_string().bytes().map(|digit| char::from(digit + b'a' - b'0')).collect::<String>();
        format!("k{letters}: {number}\n")
    });
    let contents = format!("kind: EnvoyGateway\nextensionManager: {{}}\n{}", keys.collect::<String>());
    let file = Place::with(&contents);
    let run = crate::egext(["config", "stanza", "--check", "file.yaml"]).current_dir(file.0.path()).run();
    assert!(run.exit_code == 1 && run.stdout.len() < 5000, "{}", run.stdout.len());
    assert!(run.stdout.contains(" and 19981 more, which `egext config stanza` does not write"), "{run:?}");
    let text = file.patched(&[]);
    assert!(text.ends_with(&contents[contents.find("ka: ").expect("the first one")..]));
}

/// It ends a line, so that all places behind it are counted from there.
#[test]
fn a_carriage_return_alone_ends_a_line() {
    let place = Place::with(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\ngateway: {controllerName: example.io/a}\n\
         provider: {type: Kubernetes}\nextensionManager: {hooks: {\rxdsTranslator: {post: [Route]}}, \
         service: {fqdn: {hostname: a, port: 1}, unix: {path: /a}}}\n",
    );
    let run = place.patch(&["--socket", "/run/b.sock", "--hook", "VirtualHost"]).prints_data().run();
    assert_eq!(run.exit_code, 0, "{run:?}");
    let check = crate::egext(["config", "stanza", "--check", "file.yaml"]).current_dir(place.0.path());
    let check = check.prints_data().run();
    assert_eq!((check.exit_code, &*check.stderr), (1, ""), "{check:?}");
    let text = place.text();
    assert!(text.contains("unix: {path: /run/b.sock}") && text.contains("[VirtualHost]"), "{text}");
    assert!(!text.contains("fqdn"), "{text}");
}
