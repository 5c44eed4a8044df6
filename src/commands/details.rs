//! Which types the JSON object of each command has: for the JSON Schema.

use schemars::JsonSchema;

use super::generate;
use crate::render::{self, Verb};

pub(super) const VERBS: &[Verb] = &[
    ("bridge", render::bridge::Details::json_schema),
    ("certs check", render::certs::check::Details::json_schema),
    ("certs init", render::certs::init::Details::json_schema),
    ("certs issue", render::certs::issue::Details::json_schema),
    ("certs pack", render::certs::pack::Details::json_schema),
    ("certs remove", render::certs::remove::Details::json_schema),
    ("certs renew", render::certs::renew::Details::json_schema),
    ("certs rotate-ca activate", render::certs::rotate_ca::ActivateDetails::json_schema),
    ("certs rotate-ca finish", render::certs::rotate_ca::StepDetails::json_schema),
    ("certs rotate-ca prepare", render::certs::rotate_ca::StepDetails::json_schema),
    ("certs rotate-ca status", render::certs::rotate_ca::StatusDetails::json_schema),
    ("certs show", render::certs::show::Details::json_schema),
    ("config gateway", render::config::Details::json_schema),
    ("config stanza", render::config::Details::json_schema),
    ("demo", render::demo::Details::json_schema),
    ("explain", render::explain::Details::json_schema),
    ("probe", render::probe::Details::json_schema),
    ("version", generate::VersionDetails::json_schema),
];
