use egext::report::Id;
use snapbox::cmd::{Command, cargo_bin};
use snapbox::str;

fn egext() -> Command {
    Command::new(cargo_bin!("egext"))
}

#[test]
fn a_finding_is_explained_on_stdout() {
    egext().args(["explain", "probe.health.not-serving"]).assert().success().stderr_eq("").stdout_eq(str![[
        r"
probe.health.not-serving (error)

cause: the server says of itself that it does not serve
cure:  wait for it (`--wait 60s`), or read its log

"
    ]]);
}

#[test]
fn without_an_id_all_are_listed() {
    let listed = egext().arg("explain").assert().success().get_output().stdout.clone();
    let listed = String::from_utf8(listed).expect("UTF-8");
    assert_eq!(listed.lines().count(), Id::ALL.len());
    assert!(Id::ALL.iter().all(|id| listed.contains(id.name())));
}

#[test]
fn a_mistyped_id_gets_the_nearest_one() {
    egext().args(["explain", "connect.refused"]).assert().code(2).stdout_eq("").stderr_eq(str![[r"
error: no finding is called `connect.refused`
  hint: did you mean `probe.connect.refused`? `egext explain` lists all ids

"]]);
}

#[test]
fn the_findings_page_is_what_the_table_says() {
    egext()
        .args(["generate", "findings"])
        .assert()
        .success()
        .stdout_eq(snapbox::Data::read_from(std::path::Path::new("docs/findings.md"), None).raw());
}
