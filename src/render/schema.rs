//! The JSON Schema of `-o json`, from the types that are written.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::json;

/// A command, and the schema of its own keys.
pub type Verb = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// The whole of `docs/report.schema.json`: what every report has, and what each of `verbs` adds to it.
pub fn json_schema(verbs: &[Verb]) -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let [report, error] = json::schemas(&mut generator);
    let own = verbs.iter().map(|(command, details)| {
        let details = details(&mut generator);
        json!({ "if": { "properties": { "command": { "const": command } } }, "then": details })
    });
    let parts = [report.to_value()].into_iter().chain(own).collect::<Vec<_>>();
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": json::SCHEMA,
        "description": DESCRIPTION,
        "type": "object",
        "if": { "required": ["error"] },
        "then": error,
        "else": { "allOf": parts },
        "$defs": Value::Object(generator.take_definitions(true)),
    });
    let mut text = serde_json::to_string_pretty(&whole).expect("strings and maps always serialise");
    text.push('\n');
    text
}

const DESCRIPTION: &str = "What a command of egext prints with `-o json`. Made from the types of the code by \
                           `egext generate schema`. Later versions may add keys, finding ids and commands; a key that is \
                           here keeps its name and meaning.";
