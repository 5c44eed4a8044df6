//! The JSON objects that runs print, held against `docs/report.schema.json`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// # Panics
/// When it is not as the schema says, or has a key that the schema does not know.
#[track_caller]
pub(crate) fn assert_conforms(report: &Value) {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let mut schema =
            serde_json::from_str(include_str!("../../../docs/report.schema.json")).expect("JSON");
        close(&mut schema);
        jsonschema::validator_for(&schema).expect("a schema")
    });
    let errors: Vec<_> =
        SCHEMA.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not as in docs/report.schema.json:\n{}\n{report:#}", errors.join("\n"));
}

/// The same for another schema, all of whose objects are closed.
///
/// # Panics
/// When it is not as the schema says, or has a key that the schema does not know.
#[track_caller]
pub fn assert_conforms_to(schema: &str, object: &Value) {
    let mut schema = serde_json::from_str(schema).expect("JSON");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> =
        validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not as in the schema:\n{}\n{object:#}", errors.join("\n"));
}

/// A key that the schema does not know is one of a later version for others, and a mistake here.
fn close(schema: &mut Value) {
    for definition in schema["$defs"].as_object_mut().expect("definitions").values_mut() {
        if definition.get("properties").is_some() {
            definition["additionalProperties"] = false.into();
        }
    }
    schema["unevaluatedProperties"] = false.into();
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use serde_json::{Value, json};

    use super::assert_conforms;

    /// A command whose keys were left open would pass whatever it printed.
    #[test]
    fn the_keys_of_every_command_are_known() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../docs/report.schema.json")).expect("JSON");
        let parts = schema["else"]["allOf"].as_array().expect("what all have, and each command");
        let commands: Vec<_> = parts.iter().filter(|part| part.get("then").is_some()).collect();
        assert!(!commands.is_empty());
        for command in commands {
            let own = &command["then"];
            assert!(own["properties"].is_object(), "{command:#}");
            assert!(own.get("additionalProperties").is_none_or(|more| *more == false), "{command:#}");
        }
    }

    #[test]
    fn what_is_not_in_the_schema_is_seen() {
        let report = json!({
            "schema": "egext.report/1", "command": "version", "status": "ok", "exit_code": 0, "findings": [],
            "version": "1.0.0",
        });
        assert_conforms(&report);
        let finding = json!({
            "id": "certs.expired", "severity": "error", "subject": "a", "message": "b",
        });
        let with = |key: &str, value: Value| {
            let mut report = report.clone();
            report[key] = value;
            report
        };
        assert_conforms(&with("findings", json!([finding])));
        for wrong in [
            with("odd", json!(1)),
            with("version", json!(1)),
            with("command", json!("explain")),
            with("status", json!("fine")),
            with("schema", json!("egext.report/2")),
            with("findings", json!([{ "id": "certs.odd" }])),
            with("error", json!({ "message": "a" })),
        ] {
            assert!(catch_unwind(|| assert_conforms(&wrong)).is_err(), "{wrong}");
        }
    }
}
