use std::path::Path;

use egext::report::FindingId;
use snapbox::{Data, str};

use crate::egext;

#[test]
fn a_finding_is_explained_on_stdout() {
    let run = egext(["explain", "probe.health.not-serving"]).run();
    assert_eq!((run.exit_code, &*run.stderr), (0, ""));
    egext_test_support::assert_text(
        run.stdout,
        str![[r"
probe.health.not-serving (error, layer health, may pass by itself)

cause: the server reports that it does not serve
cure:  wait for it (`--wait 60s`), or read its log

"]],
    );
}

#[test]
fn without_an_id_all_are_listed() {
    let run = egext(["explain"]).run();
    assert_eq!(run.exit_code, 0);
    assert_eq!(run.stdout.lines().count(), FindingId::ALL.len());
    assert!(FindingId::ALL.iter().all(|id| run.stdout.contains(id.name())));
    let not_serving =
        "probe.health.not-serving            error   the server reports that it does not serve\n";
    assert!(run.stdout.contains(not_serving), "{}", run.stdout);
}

#[test]
fn a_mistyped_id_gets_the_nearest_one() {
    let run = egext(["explain", "connect.refused"]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    egext_test_support::assert_text(
        run.stderr,
        str![[r"
error: no finding is called `connect.refused`
  hint: did you mean `probe.connect.refused`? `egext explain` lists all ids

"]],
    );
}

#[test]
fn of_two_near_ids_the_nearer_one_is_meant() {
    let run = egext(["explain", "certs.expird"]).run();
    assert!(run.stderr.contains("did you mean `certs.expired`?"), "{run:?}");
    let run = egext(["explain", "probe.tls.alert", "probe.tls.version"]).run();
    assert_eq!(run.exit_code, 2);
    assert!(
        run.stderr.contains("  hint: explain one finding at a time, or all: `egext explain`\n"),
        "{run:?}"
    );
}

#[test]
fn the_findings_page_is_what_the_table_says() {
    let run = egext(["generate", "findings"]).run();
    assert_eq!(run.exit_code, 0);
    egext_test_support::assert_text(run.stdout, Data::read_from(Path::new("docs/findings.md"), None).raw());
}

#[test]
fn the_schema_is_what_the_types_say() {
    let run = egext(["generate", "schema"]).run();
    assert_eq!(run.exit_code, 0);
    egext_test_support::assert_text(
        run.stdout,
        Data::read_from(Path::new("docs/report.schema.json"), None).raw(),
    );
}
