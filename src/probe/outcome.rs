use std::time::Duration;

use super::{Facts, Layer, Reply};
use crate::diagnosis::{Context, diagnose_all};
use crate::net::{Address, Fault, FaultKind, Stage, Target, Trace};
use crate::report::{Finding, FindingId, Severity};

/// The result for one target.
#[derive(Clone, Debug)]
pub struct TargetOutcome {
    /// The target.
    pub address: Address,
    /// Is TLS spoken there?
    pub has_tls: bool,
    /// Which part of Envoy Gateway's configuration names it, if that is why it was probed.
    pub manager: Option<Manager>,
    /// Every layer, from the ground up.
    pub layers: Vec<LayerOutcome>,
    /// Why it is not healthy, with the cause first; warnings and notes.
    pub findings: Vec<Finding>,
    /// What was learned on the way.
    pub facts: Facts,
    /// How many attempts were made; this is what became of the last one.
    pub attempts: u32,
    /// How long that one took, from its begin to its end.
    pub took: Duration,
    /// What was answered, in the order of the calls.
    pub replies: Vec<Reply>,
    /// The attempt ended at its limit.
    pub(super) is_late: bool,
    /// An error is not among the findings, because it was skipped.
    skips_error: bool,
}

/// How a finding begins that repeats what a bridge has answered itself.
pub(super) const BRIDGE_ANSWERED: &str = "the bridge answered ";

/// An extension manager of Envoy Gateway, and how it calls its server.
#[derive(Clone, Debug, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Manager {
    /// Its key in the configuration.
    pub path: String,
    /// The largest message that it receives, as it is written there.
    pub message_limit: String,
    /// How often it makes a call, the first time included.
    pub attempts: String,
    /// The status codes after which it does so again.
    pub retried: Vec<String>,
}

/// The result for one layer.
#[derive(Clone, Debug)]
pub struct LayerOutcome {
    /// Which one.
    pub layer: Layer,
    /// The result.
    pub state: LayerState,
    /// Details, such as the TLS version.
    pub detail: String,
    /// The finding that is about it: one of the target's.
    pub finding: Option<FindingId>,
    /// How long it took, without the layers below.
    pub took: Option<Duration>,
}

impl LayerOutcome {
    fn unreached(layer: Layer) -> Self {
        Self { layer, state: LayerState::Skipped, detail: String::new(), finding: None, took: None }
    }
}

/// What became of a layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema), schemars(rename = "LayerState"))]
#[serde(rename_all = "kebab-case")]
pub enum LayerState {
    /// This channel does not use it.
    Absent,
    /// It failed.
    Failed,
    /// It failed, for a cause that was skipped.
    Ignored,
    /// It is missing, which is worth knowing but not a fault.
    Noted,
    /// It works.
    Passed,
    /// A layer below it failed.
    Skipped,
}

/// What a layer came to that is looked at when all others stand.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    state: LayerState,
    detail: String,
    findings: Vec<Finding>,
}

impl Verdict {
    /// It stands, unless one of the findings is an error.
    pub(super) fn of(findings: Vec<Finding>, detail: String) -> Self {
        let is_grave = |finding: &Finding| finding.severity == Severity::Error;
        let state = if findings.iter().any(is_grave) { LayerState::Failed } else { LayerState::Passed };
        Self { state, detail, findings }
    }

    /// Nothing is known about it.
    pub(super) fn noted(detail: impl Into<String>) -> Self {
        Self { state: LayerState::Noted, detail: detail.into(), findings: Vec::new() }
    }
}

impl TargetOutcome {
    pub(super) fn new(target: &Target) -> Self {
        Self::of(target.address().clone(), target.tls().is_some())
    }

    fn of(address: Address, has_tls: bool) -> Self {
        let layers = Layer::ALL.into_iter().map(|layer| {
            let detail = match layer {
                Layer::Tls | Layer::Alpn | Layer::Mtls | Layer::Gateway | Layer::Policy if !has_tls => {
                    "plaintext"
                }
                Layer::Resolve if address.socket_path().is_some() => "unix socket",
                _ => return LayerOutcome::unreached(layer),
            };
            let detail = detail.to_owned();
            LayerOutcome { layer, state: LayerState::Absent, detail, finding: None, took: None }
        });
        Self {
            layers: layers.collect(),
            address,
            has_tls,
            manager: None,
            findings: Vec::new(),
            facts: Facts::default(),
            attempts: 1,
            took: Duration::ZERO,
            replies: Vec::new(),
            is_late: false,
            skips_error: false,
        }
    }

    /// What became of a target with TLS that was not tried: `finding` says why, and its layer needs what is missing.
    pub fn untried(address: Address, finding: Finding) -> Self {
        let mut outcome = Self::of(address, true);
        outcome.fail(finding.id.entry().layer.unwrap_or(Layer::Resolve), finding);
        outcome
    }

    /// The same channel before a call was made on it.
    pub(super) fn before_calls(&self) -> Self {
        let is_of_call = |layer: Option<Layer>| matches!(layer, Some(Layer::Grpc | Layer::Health));
        let mut before = self.clone();
        before.findings.retain(|finding| !is_of_call(finding.id.entry().layer));
        for outcome in before.layers.iter_mut().filter(|outcome| is_of_call(Some(outcome.layer))) {
            *outcome = LayerOutcome::unreached(outcome.layer);
        }
        before.replies.clear();
        before.facts.health = None;
        before
    }

    /// Adds a fault that no connection shows. The layer fails, unless one below it did.
    pub fn refuse(&mut self, layer: Layer, finding: Finding) {
        match self.is_healthy() {
            true => self.fail(layer, finding),
            false => self.findings.push(finding),
        }
    }

    /// Leaves out the findings with these ids. What they say stays true: without an error, the target is not healthy.
    pub fn skip(&mut self, ids: &[FindingId]) {
        let is_skipped = |finding: &mut Finding| ids.contains(&finding.id);
        let skipped: Vec<_> = self.findings.extract_if(.., is_skipped).collect();
        self.skips_error |= skipped.iter().any(|finding| finding.severity == Severity::Error);
        for outcome in &mut self.layers {
            let Some(id) = outcome.finding.filter(|id| ids.contains(id)) else { continue };
            let is_other = |finding: &&Finding| {
                finding.severity == Severity::Error && finding.id.entry().layer == Some(outcome.layer)
            };
            let other = self.findings.iter().find(is_other).filter(|_| outcome.state == LayerState::Failed);
            outcome.finding = other.map(|other| other.id);
            match other {
                Some(other) => outcome.detail.clone_from(&other.message),
                None if outcome.state == LayerState::Failed => {
                    outcome.state = LayerState::Ignored;
                    outcome.detail = format!("skipped: {} ({id})", outcome.detail);
                }
                None => {}
            }
        }
    }

    /// True when an error was skipped: it is not among the findings, and the target is not healthy.
    pub fn skips_error(&self) -> bool {
        self.skips_error
    }

    /// True when no layer failed.
    pub fn is_healthy(&self) -> bool {
        self.cause().is_none() && !self.skips_error
    }

    /// Why it is not healthy.
    pub fn cause(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Error)
    }

    /// The server behind a bridge that has answered in its place: the bridge names it before the cause.
    pub fn behind(&self) -> Option<Address> {
        let words = self.cause()?.message.strip_prefix(BRIDGE_ANSWERED)?;
        let (_, words) = words.split_once(": ")?;
        let (address, _) = words.split_once(": ")?;
        Address::of_upstream(address).ok()
    }

    /// The layer that failed.
    pub fn failed_layer(&self) -> Option<Layer> {
        self.layers.iter().find(|outcome| outcome.state == LayerState::Failed).map(|outcome| outcome.layer)
    }

    /// True when there is TLS, and nothing proves that it is mutual.
    pub fn lacks_mtls(&self) -> bool {
        self.layers.iter().any(|outcome| outcome.layer == Layer::Mtls && outcome.state == LayerState::Noted)
    }

    /// True when the server let us make a call.
    pub fn is_connected(&self) -> bool {
        self.passed().any(|outcome| outcome.layer == Layer::Http2)
    }

    /// The layers that stand.
    pub fn passed(&self) -> impl Iterator<Item = &LayerOutcome> {
        self.layers.iter().filter(|outcome| outcome.state == LayerState::Passed)
    }

    pub(super) fn pass(&mut self, layer: Layer, detail: impl Into<String>, took: Duration) {
        self.set(LayerOutcome {
            layer,
            state: LayerState::Passed,
            detail: detail.into(),
            finding: None,
            took: Some(took),
        });
    }

    pub(super) fn fail(&mut self, layer: Layer, finding: Finding) {
        self.found(layer, LayerState::Failed, finding);
    }

    /// A layer failed for a cause that has to be found.
    pub(super) fn fault(&mut self, context: &Context<'_>, fault: &Fault) {
        let mut findings = diagnose_all(context, fault).into_iter();
        let Some(cause) = findings.next() else { return };
        self.is_late = matches!(fault.kind, FaultKind::Timeout | FaultKind::NoWindow { .. });
        self.fail(cause.id.entry().layer.unwrap_or_else(|| built_at(fault.stage)), cause);
        self.findings.extend(findings.map(Finding::advised));
    }

    /// Puts `hint` in the place of the one for a server that keeps silent.
    pub(super) fn excuse(&mut self, hint: &str) {
        let cause = self.findings.iter_mut().find(|finding| finding.severity == Severity::Error);
        if let Some(cause) = cause.filter(|_| self.is_late) {
            cause.hint = Some(hint.to_owned());
        }
    }

    /// Something to know about a layer that this channel does without.
    pub(super) fn note(&mut self, layer: Layer, finding: Finding) {
        self.found(layer, LayerState::Noted, finding);
    }

    /// The layer is not looked at.
    pub(super) fn leave_out(&mut self, layer: Layer) {
        let detail = String::new();
        self.set(LayerOutcome { layer, state: LayerState::Absent, detail, finding: None, took: None });
    }

    /// The policy of a target that must be in plaintext: what speaks HTTP/2 without TLS keeps it.
    pub(super) fn expect_plaintext(&mut self) {
        match self.failed_layer() {
            Some(Layer::Policy) => {}
            _ if self.is_connected() => self.pass(Layer::Policy, "plaintext, as expected", Duration::ZERO),
            _ => self.set(LayerOutcome::unreached(Layer::Policy)),
        }
    }

    pub(super) fn judge(&mut self, layer: Layer, verdict: Verdict, took: Duration) {
        let Verdict { state, detail, findings } = verdict;
        let cause = findings.iter().find(|finding| finding.severity == Severity::Error);
        let (detail, finding, took) = match cause {
            Some(cause) => (cause.message.clone(), Some(cause.id), None),
            None => (detail, None, (state == LayerState::Passed).then_some(took)),
        };
        self.set(LayerOutcome { layer, state, detail, finding, took });
        self.findings.extend(findings);
        // What was not proven there is disproved here.
        if layer == Layer::Policy && state == LayerState::Failed && self.lacks_mtls() {
            self.leave_out(Layer::Mtls);
        }
    }

    fn found(&mut self, layer: Layer, state: LayerState, finding: Finding) {
        let (detail, id) = (finding.message.clone(), Some(finding.id));
        self.set(LayerOutcome { layer, state, detail, finding: id, took: None });
        self.findings.push(finding.advised());
    }

    /// The layers that stand, from resolve to alpn.
    pub(super) fn add_trace(&mut self, trace: &Trace) {
        if let Some((addresses, took)) = &trace.resolved {
            let detail: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
            self.pass(Layer::Resolve, detail.join(", "), *took);
        }
        if let Some((peer, took)) = &trace.connected {
            let path =
                || self.address.socket_path().map_or_else(String::new, |path| path.display().to_string());
            let detail = peer.map_or_else(path, |peer| peer.to_string());
            self.pass(Layer::Connect, detail, *took);
        }
        if let Some((agreed, took)) = &trace.handshake {
            let parts = [&agreed.version, &agreed.key_exchange, &agreed.cipher_suite];
            let detail: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect();
            self.pass(Layer::Tls, detail.join(", "), *took);
            if agreed.alpn {
                self.pass(Layer::Alpn, "h2", Duration::ZERO);
            }
        }
    }

    /// The server's first frame came: mtls and http2 stand.
    pub(super) fn pass_greeting(&mut self, context: &Context<'_>, took: Duration) {
        let mut http2 = took;
        if let Some(witness) = &context.trace.witness {
            match (witness.asked(), context.own) {
                (Some(_), Some(own)) => {
                    self.pass(Layer::Mtls, format!("`{}` accepted", own.subject), took);
                    http2 = Duration::ZERO;
                }
                (Some(_), None) => self.not_proven("a client certificate, and serves us without one"),
                (None, _) => self.not_proven("no client certificate"),
            }
        }
        self.pass(Layer::Http2, "SETTINGS received", http2);
    }

    /// The channel stands, and that it is mutual does not follow from it.
    fn not_proven(&mut self, asked: &str) {
        let detail = format!("not proven: the server asks for {asked}");
        self.set(LayerOutcome {
            layer: Layer::Mtls,
            state: LayerState::Noted,
            detail,
            finding: None,
            took: None,
        });
    }

    fn set(&mut self, new: LayerOutcome) {
        if let Some(outcome) = self.layers.iter_mut().find(|outcome| outcome.layer == new.layer) {
            *outcome = new;
        }
    }
}

/// The layer that is built at a stage; gRPC is the first that a call needs.
pub(super) fn built_at(stage: Stage) -> Layer {
    match stage {
        Stage::Resolve => Layer::Resolve,
        Stage::Connect => Layer::Connect,
        Stage::Tls => Layer::Tls,
        Stage::Alpn => Layer::Alpn,
        Stage::Http2 => Layer::Http2,
        Stage::Call => Layer::Grpc,
    }
}
