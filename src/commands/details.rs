//! Which types the JSON object of each command has: for the JSON Schema.

use schemars::{JsonSchema, Schema, json_schema};

use super::{certs, generate};
use crate::render::{self, Verb};

pub(super) const VERBS: &[Verb] = &[
    ("bridge", render::bridge::Details::json_schema),
    ("certs check", render::certs::check::Details::json_schema),
    ("certs pack", certs::PackDetails::json_schema),
    ("certs show", render::certs::show::Details::json_schema),
    ("config gateway", render::config::Details::json_schema),
    ("config stanza", render::config::Details::json_schema),
    ("demo", render::demo::Details::json_schema),
    ("explain", render::explain::Details::json_schema),
    ("probe", render::probe::Details::json_schema),
    ("version", generate::VersionDetails::json_schema),
    // Keys that have no types of their own yet.
    ("certs init", any),
    ("certs issue", any),
    ("certs remove", any),
    ("certs renew", any),
    ("certs rotate-ca activate", any),
    ("certs rotate-ca finish", any),
    ("certs rotate-ca prepare", any),
    ("certs rotate-ca status", any),
];

fn any(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({ "additionalProperties": true })
}
