use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::{Outcome, Step};
use crate::pki::member::Successor;
use crate::pki::rotation::{Next, Phase, Rotation};
use crate::pki::when;
use crate::render::certs::leaf::Leaf;
use crate::render::certs::lines::{who, words};

/// What `egext certs rotate-ca status` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StatusDetails {
    /// Of the set.
    directory: String,
    phase: Phase,
    /// The next step. None while the CA need not be replaced.
    next: Option<&'static str>,
    /// The CA that issues certificates at present.
    signs: String,
    /// It, or the root above it.
    root: String,
    /// The CA that signs after `activate`.
    prepared: Option<PreparedCa>,
    /// The CAs that peers trust.
    trusted: Vec<String>,
    /// The moment from which on the CA should be replaced.
    due_from: String,
}

/// The CA that signs after `activate`.
#[derive(Serialize, JsonSchema)]
struct PreparedCa {
    subject: String,
    /// It, or the root above it.
    root: String,
    not_after: String,
    /// Its key is in the set.
    key_stored: bool,
}

/// What `egext certs rotate-ca prepare` and `finish` add to their JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StepDetails {
    outcome: StepOutcome,
    #[serde(flatten)]
    status: StatusDetails,
}

/// The result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum StepOutcome {
    Done,
    DryRun,
    Unchanged,
}

/// What `egext certs rotate-ca activate` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ActivateDetails {
    #[serde(flatten)]
    step: StepDetails,
    /// What the new CA has issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<Leaf>>,
    /// Which sides have to be restarted with new files.
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<Vec<String>>,
}

impl StatusDetails {
    pub(super) fn of(rotation: &Rotation, now: OffsetDateTime) -> Self {
        Self {
            directory: words(rotation.set().directory()),
            phase: rotation.phase,
            next: rotation.next_step(now),
            signs: rotation.signer().subject.as_str().to_owned(),
            root: rotation.ca.summary.subject.as_str().to_owned(),
            prepared: rotation.next.as_ref().map(PreparedCa::of),
            trusted: rotation.trusted(),
            due_from: when::timestamp(rotation.due_from()),
        }
    }
}

impl PreparedCa {
    fn of(next: &Next) -> Self {
        Self {
            subject: next.summary.subject.as_str().to_owned(),
            root: next.root.subject.as_str().to_owned(),
            not_after: when::timestamp(next.summary.not_after),
            key_stored: next.has_key,
        }
    }
}

impl StepDetails {
    pub(super) fn of(step: &Step<'_>, now: OffsetDateTime) -> Self {
        let outcome = match step.outcome {
            Outcome::Done { .. } => StepOutcome::Done,
            Outcome::Dry => StepOutcome::DryRun,
            Outcome::Unchanged => StepOutcome::Unchanged,
        };
        Self { outcome, status: StatusDetails::of(step.rotation, now) }
    }
}

impl ActivateDetails {
    pub(super) fn of(step: &Step<'_>, now: OffsetDateTime) -> Self {
        let (rotation, mut details) =
            (step.rotation, Self { step: StepDetails::of(step, now), certificates: None, restart: None });
        if let Outcome::Done { successors, .. } = step.outcome {
            let leaf = |(member, successor): (_, &Successor)| {
                Leaf::of(rotation.set().directory(), member, successor.certificate())
            };
            details.certificates = Some(rotation.members.iter().zip(successors).map(leaf).collect());
            let holders = rotation.members.iter().map(|member| who(member.name(), member.role()));
            details.restart = Some(holders.collect());
        }
        details
    }
}
