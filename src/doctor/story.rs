use super::Origin;
use crate::report::{Finding, FindingId, Severity};

/// What was looked at, in its order.
#[derive(Debug)]
pub struct Story {
    /// From the ground up.
    pub steps: Vec<Step>,
}

impl Story {
    /// The first thing that is wrong, or else the first that deserves attention.
    pub fn first(&self) -> Option<(&Step, &Finding)> {
        let of = |severity| {
            let found = self.steps.iter().flat_map(|step| step.findings.iter().map(move |it| (step, it)));
            found
                .filter(|(_, finding)| finding.severity == severity)
                .min_by_key(|(step, finding)| place(step, finding))
        };
        of(Severity::Error).or_else(|| of(Severity::Warning))
    }

    /// Does a call reach the server, by any way?
    pub fn is_proven(&self) -> bool {
        let works = |step: &Step| matches!(step.state, State::Warned | State::Works);
        let proves = |step: &&Step| matches!(step.part, Part::Server | Part::Bridge | Part::Socket);
        self.steps.iter().filter(proves).any(works)
    }

    /// What was found, in the same order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.steps.iter().flat_map(|step| &step.findings)
    }
}

/// When a finding is told, among those of all parts: from the ground up, and a cause before what follows from it.
fn place(step: &Step, finding: &Finding) -> (Part, bool) {
    match finding.id {
        // Whom EG calls is not known then, and everything else is about the usual places.
        FindingId::ConfigUnreadable if step.part == Part::Configuration => (Part::Certificates, false),
        // What hangs is not seen to be wrong anywhere else.
        FindingId::DoctorBridgeHangs => (Part::Certificates, false),
        FindingId::DoctorSocketDiffers => (Part::Socket, false),
        _ => (step.part, true),
    }
}

/// A part of the channel, and what came of it.
#[derive(Debug)]
pub struct Step {
    /// Which one.
    pub part: Part,
    /// The file or the address that it is, if it is known.
    pub subject: Option<String>,
    /// What says that it is this one.
    pub origin: Option<Origin>,
    /// What was found about it.
    pub findings: Vec<Finding>,
    /// What was found about it and is left out.
    pub left_out: Vec<FindingId>,
    /// The result.
    pub state: State,
    /// What works, why it was not looked at, or the fault that is left out.
    pub detail: String,
}

impl Step {
    pub(super) fn of(
        part: Part,
        subject: impl Into<String>,
        findings: Vec<Finding>,
        detail: impl Into<String>,
    ) -> Self {
        let (state, left_out) = (State::of(&findings), Vec::new());
        let subject = Some(subject.into());
        Self { part, subject, origin: None, findings, left_out, state, detail: detail.into() }
    }

    pub(super) fn skipped(part: Part, subject: Option<String>, reason: impl Into<String>) -> Self {
        let (findings, left_out) = (Vec::new(), Vec::new());
        let (origin, state) = (None, State::Skipped);
        Self { part, subject, origin, findings, left_out, state, detail: reason.into() }
    }

    /// With what says that it is this one.
    pub(super) fn from(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Leaves out the findings with these ids. What they say stays true: without its error, the part does not work.
    pub(super) fn leave_out(&mut self, ids: &[FindingId]) {
        let left_out: Vec<_> = self.findings.extract_if(.., |finding| ids.contains(&finding.id)).collect();
        if left_out.is_empty() {
            return;
        }
        let rest = State::of(&self.findings);
        let error = left_out.iter().find(|finding| finding.severity == Severity::Error);
        self.state = match error.filter(|_| rest != State::Failed) {
            Some(error) => {
                self.detail = format!("skipped: {} ({})", error.message, error.id);
                State::Ignored
            }
            None => rest,
        };
        for Finding { id, .. } in left_out {
            if !self.left_out.contains(&id) {
                self.left_out.push(id);
            }
        }
    }
}

/// The parts of a channel, from the ground up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema), schemars(rename = "DoctorPart"))]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The files on this machine.
    Certificates,
    /// The extension server, asked without anything between.
    Server,
    /// What the server presents, and what is on disk.
    OnDisk,
    /// What the bridge says of itself.
    Bridge,
    /// The way that EG takes: through the bridge's socket.
    Socket,
    /// EG's own files.
    Configuration,
}

impl Part {
    /// As in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Server => "server",
            Self::OnDisk => "on disk",
            Self::Bridge => "bridge",
            Self::Socket => "socket",
            Self::Configuration => "configuration",
        }
    }
}

/// What came of a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema), schemars(rename = "DoctorState"))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does not work.
    Failed,
    /// It does not work, for a cause that is left out.
    Ignored,
    /// It was not looked at.
    Skipped,
    /// It works, but not for long or not with every peer.
    Warned,
    /// It works.
    Works,
}

impl State {
    /// Of a part about which this was found.
    fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Error) => Self::Failed,
            Some(Severity::Warning) => Self::Warned,
            Some(Severity::Info) | None => Self::Works,
        }
    }
}
