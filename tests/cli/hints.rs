//! Advice does no harm: what replaces a CA, and with it both sides' files, is never the next thing to type.

use std::fs;
use std::path::{Path, PathBuf};

use egext::report::FindingId;
use egext_test_support::{TestPki, TestServer, assert_finding};

use crate::egext;

/// Every `--force` that a text of the program may name, and why it does no harm.
const ALLOWED: &[(&str, &str)] = &[
    ("--keep-key --force", "it renews one certificate, and keeps its key"),
    ("certs renew --force", "renews leaf certificates below the same CA, with their names"),
    ("certs renew --name {name} --force", "renews one leaf certificate below the same CA, with its names"),
    ("renew_command(&path.with_extension(\"crt\"), \"--force\")", "the same, with the set's directory"),
    ("Set::around(path).renew(path, \"--force\")", "the same, where its CA is"),
    ("`--force` makes a certificate that ends with it", "said by `certs renew`, of its own flag"),
    ("\"`--force`\"", "the reason why `certs renew --dry-run` would renew"),
];

/// The same for the pages, which explain flags as well.
const ALLOWED_IN_PAGES: &[(&str, &str)] = &[
    ("| `--force` | |", "the table of flags says what it does"),
    ("With `--force` the keys of the previous", "with `--discard-ca-key`: says what it removes"),
    ("changes nothing; `--force` makes a new set", "in CI, where a set lives for a day"),
    ("or `init --force` converts it", "of a copy without links: says which verbs write"),
    ("`init --force --discard-ca-key` leave no CA key there", "says what is removed"),
    ("`rotate-ca activate` or `init --force` takes it out", "says where a CA's key is then"),
    ("that signs, also after the rotation. `init --force", "says what is removed, too"),
    ("where only `init --force` helps: it makes another CA", "of links without their set: says what it does"),
    ("`--role` renews one side only, `--name` one certificate only, and `--force` also", "of `certs renew`"),
    ("`--force` makes a certificate that expires with the CA", "of `certs renew`"),
    ("neither overwritten nor followed, not even with `--force`", "says what it does not do"),
    ("* After `init --force` both sides need their new files", "says what it costs"),
    ("certs renew --force", "renews leaf certificates below the same CA, with their names"),
    ("**Flags that destroy have no variable**: `--force`", "of the environment"),
    ("flags that destroy, such as `--force`, have none", "of the environment"),
];

#[test]
fn no_finding_advises_to_replace_the_set() {
    for id in FindingId::ALL {
        let entry = id.entry();
        assert!(!entry.cause.contains("init --force"), "{id:?}: {}", entry.cause);
        let cure = entry.cure.replace("certs renew --force", "");
        assert!(!cure.contains("--force"), "{id:?}: {}", entry.cure);
    }
}

/// All texts of the program, since not every error can be provoked: its help is the one place for such flags.
#[test]
fn no_hint_advises_to_replace_the_set() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources =
        files(&root.join("src"), "rs").into_iter().filter(|path| !path.starts_with(root.join("src/cli")));
    let mut texts = Vec::new();
    for path in sources {
        let text = fs::read_to_string(&path).expect("readable");
        let text = text.split("#[cfg(test)]").next().expect("the part before").to_owned();
        texts.extend(
            text.lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| format!("{}: {}", path.display(), line.trim())),
        );
    }
    assert_only(&texts, ALLOWED);
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(files(&root.join("examples"), "md"));
    pages.push(root.join("README.md"));
    let lines = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("readable");
        text.lines().map(|line| format!("{}: {line}", path.display())).collect::<Vec<_>>()
    };
    assert_only(&pages.into_iter().flat_map(lines).collect::<Vec<_>>(), ALLOWED_IN_PAGES);
}

#[test]
fn an_expired_certificate_is_renewed_by_the_ca_that_issued_it() {
    for (pki, id, command) in [
        (
            TestPki::new().server_expired(),
            "probe.server-cert.expired",
            "`egext certs renew --role server --dir ",
        ),
        (
            TestPki::new().client_expired(),
            "probe.client-cert.expired",
            "`egext certs renew --role client --dir ",
        ),
        (
            TestPki::new().server_for_other_name(),
            "probe.server-cert.name-mismatch",
            "`egext certs renew --name server --add-san localhost --dir ",
        ),
        (
            TestPki::new().server_without_san(),
            "probe.server-cert.no-san",
            "`egext certs issue server --out server --san localhost --replace --dir ",
        ),
    ] {
        let server = TestServer::mtls(&pki).spawn();
        let run = egext(["probe", &server.address(), "--timeout", "1h", "--no-gateway", "--no-policy"])
            .pki(&pki)
            .json();
        let hint = assert_finding!(run, id)["hint"].as_str().expect("a hint").to_owned();
        assert!(hint.contains(command), "{id}: {hint}");
    }
}

fn assert_only(texts: &[String], allowed: &[(&str, &str)]) {
    for text in texts.iter().filter(|text| text.contains("--force")) {
        assert!(allowed.iter().any(|(words, _)| text.contains(words)), "not on the list: {text}");
    }
    for (words, reason) in allowed {
        assert!(texts.iter().any(|text| text.contains(words)), "nothing says `{words}` any more ({reason})");
    }
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
