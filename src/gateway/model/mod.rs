//! What Envoy Gateway (EG) makes of an EnvoyGateway file: which keys it ignores, and what it refuses in which words.
//!
//! EG decodes into its own types first ([`mod@decode`]) and then fills in defaults and validates ([`mod@validate`]). It names the
//! first thing that it refuses, in an order of its own, which is not that of the file.

mod decode;
mod go;
mod header;
mod manager;
mod nearest;
mod quantity;
mod reload;
mod validate;

pub(super) use decode::{Decoded, Ignored, Twice, decode};
pub(super) use go::duration;
pub(super) use header::{API_VERSION, json_type};
pub(super) use manager::{Manager, managers};
pub(super) use nearest::{Meant, nearest_word};
pub(super) use quantity::Quantity;
pub(super) use reload::validate_reload;
pub(super) use validate::validate;

use super::document::Place;
use super::releases::{REFUSALS, Refusal, Release};

/// Something that EG refuses.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// What the message is about.
    pub(super) place: Place,
    /// EG's own words.
    pub(super) text: String,
    /// Why, for a hint.
    pub(super) reason: Reason,
}

/// Why EG refuses something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::gateway) enum Reason {
    /// Not one of ours below: the words say it.
    Other,
    /// `.nan` or `.inf`.
    NotANumber,
    /// A number with a unit that Kubernetes does not know; what was written.
    Quantity(String),
    /// A sentence of the table.
    Refusal(Refusal),
    /// A value of another type: what it is, what it should be.
    Type { found: &'static str, expected: &'static str },
}

impl Refused {
    /// A sentence that this release says.
    fn of(id: Refusal, values: &[&str], place: Place, release: Release) -> Self {
        let sentence = REFUSALS.iter().find(|row| row.id == id && row.is_of(release));
        let text = sentence.map(|sentence| sentence.with(values)).unwrap_or_default();
        Self { place, text, reason: Reason::Refusal(id) }
    }
}
