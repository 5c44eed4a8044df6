//! What no configuration looks like.

use std::time::{Duration, Instant};

use super::checked;

/// Whatever a file contains: one line with its place, at once, and no more memory than the file has.
#[test]
fn bad_input_has_one_line() {
    let header = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n";
    let bomb = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("{text}a{level}: &a{level} [{aliases}]\n")
    });
    let merges = format!("a: &a {{{}}}\nb: [{}]\n", list("k", 1000), vec!["{<<: *a}"; 2000].join(", "));
    for (contents, expected) in [
        (format!("{header}{bomb}").into_bytes(), "eg.yaml:8:10: it has more than 200000 values"),
        (merges.into_bytes(), "eg.yaml:2:980: it has more than 200000 values"),
        ([header.as_bytes(), &vec![b'#'; 50 << 20]].concat(), "eg.yaml:1:1: it has more than 8 MiB"),
        (b"kind: \xff\xfe\0".to_vec(), "eg.yaml:1:7: it is not text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), "eg.yaml:1:1: not YAML: "),
        (b"a: b\n\tc: d\n".to_vec(), "eg.yaml:2:1: not YAML: the line is indented with a tab"),
        (b"a:\n-\tb\n".to_vec(), "eg.yaml:2:2: not YAML: the line is indented with a tab"),
        (b"\xff\xfea\0\n".to_vec(), "eg.yaml:1:1: it is not text in UTF-16"),
        (
            b"{{- if .x }}\na: b\n{{ end }}\n".to_vec(),
            "eg.yaml:1:1: not JSON: `{{` begins an expression of a template",
        ),
        (
            b"a: b\nc: {{ .Values.c }}\n".to_vec(),
            "eg.yaml:2:4: not YAML: `{{` begins an expression of a template",
        ),
        (format!("a: {}", "[".repeat(100_000)).into_bytes(), "eg.yaml:1:259: not YAML: "),
        (format!("{{\"a\": {}", "[".repeat(100_000)).into_bytes(), "eg.yaml:1:107: its values are nested"),
        (
            b"{\"kind\": \"EnvoyGateway\",\n \"a\": 1,}\n".to_vec(),
            "eg.yaml:2:9: not JSON: a key in double quotes is expected",
        ),
        (b"{kind: EnvoyGateway}".to_vec(), "eg.yaml:1:2: not JSON: a key in double quotes is expected"),
        (b"a: [b\n".to_vec(), "eg.yaml:"),
        (b"a: *b\n".to_vec(), "eg.yaml:1:4: not YAML: "),
        (
            b"# a\n%YAML 1.2\n---\na: b\n".to_vec(),
            "eg.yaml:2:1: not YAML: `%YAML 1.2` asks for another version than 1.1",
        ),
        (b"%OWN\n---\na: b\n".to_vec(), "eg.yaml:1:1: not YAML: `%OWN` is a directive that EG does not know"),
        (
            format!("{header}extensionManager: {{failOpen: !own false}}\n").into_bytes(),
            "eg.yaml:3:35: EG 1.9 ends at its start: json: cannot unmarshal string",
        ),
        (format!("{header}{}: 1\n", "k".repeat(1 << 20)).into_bytes(), "eg.yaml:"),
        (format!("{header}x: {{{}}}\n", list("k", 50_000)).into_bytes(), "eg.yaml:3:1: EG 1.9 ignores `x`"),
    ] {
        let begin = Instant::now();
        let run = checked(&contents, &[]);
        assert!(begin.elapsed() < Duration::from_secs(30), "{expected}");
        let first = run.stdout.lines().next().unwrap_or_default();
        assert!(first.trim_start_matches([' ', '×', '‼']).starts_with(expected), "{first}: {expected}");
        assert!(run.stdout.len() < 2000 && run.stderr.is_empty(), "{expected}: {}", run.stdout);
    }
}

/// PowerShell writes it.
#[test]
fn utf_16_is_read_as_well() {
    let text = "\u{feff}apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nü: 1\n";
    for bytes in [
        text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ] {
        let run = checked(&bytes, &[]);
        assert!(run.stdout.starts_with("  ‼ eg.yaml:3:1: EG 1.9 ignores `ü`"), "{run:?}");
        let run = checked(&bytes[..bytes.len() - 1], &[]);
        assert!(run.stdout.starts_with("  × eg.yaml:1:1: it is not text in UTF-16"), "{run:?}");
    }
}

#[test]
fn a_long_list_of_findings_is_cut() {
    let keys = (0..20_000).map(|index| format!("  unknown{index}: 1\n")).collect::<String>();
    let run = checked(format!("extensionManager:\n{keys}"), &[]);
    assert_eq!(run.stdout.matches("  × ").count(), 200);
    assert!(run.stdout.contains("not shown 19802 more findings"), "{}", run.stdout);
}

#[test]
fn very_many_unknown_words_are_counted() {
    let words = (0..150_000).map(|index| format!("A{index}")).collect::<Vec<_>>().join(", ");
    for keys in [
        format!("hooks: {{xdsTranslator: {{post: [{words}]}}}}"),
        format!("service: {{unix: {{path: /a}}, retry: {{RetryableStatusCodes: [{words}]}}}}"),
    ] {
        let run = checked(format!("extensionManager: {{{keys}}}\n"), &[]);
        assert_eq!(run.stdout.matches("  × ").count(), 200);
        assert!(run.stdout.contains("not shown 149801 more findings"), "{}", run.stdout);
    }
}

/// `k0: 0, k1: 1` and so on.
fn list(key: &str, number: usize) -> String {
    (0..number).map(|index| format!("{key}{index}: {index}")).collect::<Vec<_>>().join(", ")
}

/// Copied from a terminal with the command above it.
#[test]
fn a_line_that_is_no_configuration_is_to_be_removed() {
    let file = "kind: EnvoyGateway\napiVersion: gateway.envoyproxy.io/v1alpha1\n";
    let run = checked(format!("# by hand\n$ egext config gateway\n---\n{file}"), &[]);
    let hint = "\n    hint: remove line 2: with it, this document is one text, and not keys and values\n";
    assert!(run.stdout.starts_with("  × eg.yaml:2:1: EG ") && run.stdout.contains(hint), "{run:?}");
    let run = checked(format!("# by hand\n---\n{file}"), &[]);
    assert!(!run.stdout.contains("one text"), "{run:?}");
}
