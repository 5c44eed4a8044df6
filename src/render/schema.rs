//! The JSON Schema of `-o json`, from the types that are written.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{bridge, certs, config, demo, doctor, explain, json, probe, releases, version};

/// A command, and the schema of its own keys.
type Verb = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// The whole of `docs/report.schema.json`: what every report has, and what each command adds to it.
pub fn json_schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let [report, error] = json::schemas(&mut generator);
    let own = VERBS.iter().map(|(command, details)| {
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

/// The types of the JSON object of each command.
const VERBS: &[Verb] = &[
    ("bridge", bridge::Details::json_schema),
    ("certs check", certs::check::Details::json_schema),
    ("certs init", certs::init::Details::json_schema),
    ("certs issue", certs::issue::Details::json_schema),
    ("certs pack", certs::pack::Details::json_schema),
    ("certs remove", certs::remove::Details::json_schema),
    ("certs renew", certs::renew::Details::json_schema),
    ("certs rotate-ca activate", certs::rotate_ca::ActivateDetails::json_schema),
    ("certs rotate-ca finish", certs::rotate_ca::StepDetails::json_schema),
    ("certs rotate-ca prepare", certs::rotate_ca::StepDetails::json_schema),
    ("certs rotate-ca status", certs::rotate_ca::StatusDetails::json_schema),
    ("certs show", certs::show::Details::json_schema),
    ("config check", config::check::Details::json_schema),
    ("config gateway", config::Details::json_schema),
    ("config kubernetes", config::kubernetes::Details::json_schema),
    ("config patch", config::patch::Details::json_schema),
    ("config secrets", config::secrets::Details::json_schema),
    ("config stanza", config::Details::json_schema),
    ("config versions", releases::Details::json_schema),
    ("demo", demo::Details::json_schema),
    ("doctor", doctor::Details::json_schema),
    ("explain", explain::Details::json_schema),
    ("probe", probe::Details::json_schema),
    ("version", version::Details::json_schema),
];

const DESCRIPTION: &str = "What a command of egext prints with `-o json`. Made from the types of the code by \
                           `egext generate schema`. Later versions may add keys, finding ids and commands; a key that is \
                           here keeps its name and meaning.";
