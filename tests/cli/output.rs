use snapbox::cmd::{Command, cargo_bin};
use snapbox::str;

fn egext() -> Command {
    Command::new(cargo_bin!("egext"))
}

#[test]
fn json_is_one_object_with_the_schema_first() {
    egext().args(["explain", "probe.health.not-serving", "-o", "json"]).assert().success().stdout_eq(str![[
        r#"
{
  "schema": "egext.report/1",
  "command": "explain",
  "status": "ok",
  "exit_code": 0,
  "findings": [],
  "explanations": [
    {
      "id": "probe.health.not-serving",
      "severity": "error",
      "cause": "the server says of itself that it does not serve",
      "cure": "wait for it (`--wait 60s`), or read its log"
    }
  ]
}

"#
    ]]);
}

#[test]
fn an_error_is_json_too() {
    egext().args(["explain", "nonsense", "-o", "json"]).assert().code(2).stdout_eq(str![[r#"
{
  "schema": "egext.report/1",
  "status": "error",
  "exit_code": 2,
  "findings": [],
  "error": {
    "message": "no finding is called `nonsense`",
    "hint": "`egext explain` lists all ids"
  }
}

"#]]);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let stderr = |arguments: &[&str], no_color: bool| {
        let mut command = egext().args(["explain", "nonsense"]).args(arguments);
        if no_color {
            command = command.env("NO_COLOR", "1");
        }
        String::from_utf8(command.assert().code(2).get_output().stderr.clone()).expect("UTF-8")
    };
    assert!(!stderr(&[], false).contains('\x1b'), "a pipe gets none");
    assert!(stderr(&["--color", "always"], false).contains("\x1b["), "asked for");
    assert!(!stderr(&["--color", "auto"], true).contains('\x1b'), "NO_COLOR");
}
