use std::time::Duration;

use super::Layer;
use crate::diagnosis::{Context, diagnose};
use crate::net::{Address, Fault, Target, Trace, Transport};
use crate::report::{Finding, Id, Severity};

/// What became of one target.
#[derive(Clone, Debug)]
pub struct TargetOutcome {
    /// The target.
    pub address: Address,
    /// Every layer, from the ground up.
    pub layers: Vec<LayerOutcome>,
    /// At most one error, and notes.
    pub findings: Vec<Finding>,
    /// How many attempts were made; this is what became of the last one.
    pub attempts: u32,
}

/// What became of one layer.
#[derive(Clone, Debug)]
pub struct LayerOutcome {
    /// Which one.
    pub layer: Layer,
    /// What became of it.
    pub state: State,
    /// What it was built with, such as the TLS version.
    pub detail: String,
    /// How long it took, without the layers below.
    pub took: Option<Duration>,
}

/// What became of a layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// This channel does without it.
    Absent,
    /// It failed.
    Failed,
    /// It is not there, which is worth knowing and no fault.
    Noted,
    /// It stands.
    Passed,
    /// A layer below it failed.
    Skipped,
}

impl TargetOutcome {
    pub(super) fn new(target: &Target) -> Self {
        Self::of(target.address().clone())
    }

    fn of(address: Address) -> Self {
        let plaintext = address.transport() == Transport::Plaintext;
        let layers = Layer::ALL
            .into_iter()
            .map(|layer| match layer {
                Layer::Tls | Layer::Alpn | Layer::Mtls if plaintext => {
                    LayerOutcome { layer, state: State::Absent, detail: "plaintext".to_owned(), took: None }
                }
                Layer::Resolve if address.socket_path().is_some() => {
                    LayerOutcome { layer, state: State::Absent, detail: "unix socket".to_owned(), took: None }
                }
                _ => LayerOutcome { layer, state: State::Skipped, detail: String::new(), took: None },
            })
            .collect();
        Self { address, layers, findings: Vec::new(), attempts: 1 }
    }

    /// What became of a target that was not tried: `finding` says why, and `layer` needs what is missing.
    pub fn untried(address: Address, layer: Layer, finding: Finding) -> Self {
        let mut outcome = Self::of(address);
        outcome.fail(layer, finding);
        outcome
    }

    /// True when no layer failed.
    pub fn is_healthy(&self) -> bool {
        self.cause().is_none()
    }

    /// Why it is not healthy.
    pub fn cause(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Error)
    }

    /// The layer that failed.
    pub fn failed_layer(&self) -> Option<Layer> {
        self.layers.iter().find(|outcome| outcome.state == State::Failed).map(|outcome| outcome.layer)
    }

    /// True when the attempt ended at its limit.
    pub(super) fn is_late(&self) -> bool {
        self.cause().is_some_and(|cause| LATE.contains(&cause.id))
    }

    /// True when there is TLS, and nothing proves that it is mutual.
    pub fn lacks_mtls(&self) -> bool {
        self.layers.iter().any(|outcome| outcome.layer == Layer::Mtls && outcome.state == State::Noted)
    }

    /// The layers that stand.
    pub fn passed(&self) -> impl Iterator<Item = &LayerOutcome> {
        self.layers.iter().filter(|outcome| outcome.state == State::Passed)
    }

    /// Time of all layers together.
    pub fn took(&self) -> Duration {
        self.layers.iter().filter_map(|outcome| outcome.took).sum()
    }

    pub(super) fn pass(&mut self, layer: Layer, detail: impl Into<String>, took: Duration) {
        self.set(layer, State::Passed, detail.into(), Some(took));
    }

    pub(super) fn fail(&mut self, layer: Layer, finding: Finding) {
        self.set(layer, State::Failed, finding.message.clone(), None);
        self.findings.push(finding);
    }

    /// A layer failed for a cause that has to be found.
    pub(super) fn fault(&mut self, context: &Context<'_>, fault: &Fault) {
        let finding = diagnose(context, fault);
        self.fail(layer(&finding, fault), finding);
    }

    /// Something to know about a layer that this channel does without.
    pub(super) fn note(&mut self, layer: Layer, finding: Finding) {
        self.set(layer, State::Noted, finding.message.clone(), None);
        self.findings.push(finding);
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
        self.set(Layer::Mtls, State::Noted, detail, None);
    }

    fn set(&mut self, layer: Layer, state: State, detail: String, took: Option<Duration>) {
        if let Some(outcome) = self.layers.iter_mut().find(|outcome| outcome.layer == layer) {
            *outcome = LayerOutcome { layer, state, detail, took };
        }
    }
}

/// The layer that a finding is about. A refused client certificate shows on a later one than where it
/// belongs, and in TLS 1.2 on an earlier one; the second word of an id names the layer.
fn layer(finding: &Finding, fault: &Fault) -> Layer {
    match finding.id.name().split('.').nth(1) {
        Some("client-cert") => Layer::Mtls,
        Some("alpn") => Layer::Alpn,
        Some("http2") => Layer::Http2,
        _ => fault.stage.into(),
    }
}

/// What an attempt finds that had too little time.
const LATE: &[Id] = &[
    Id::ProbeConnectTimeout,
    Id::ProbeGrpcTimeout,
    Id::ProbeHttp2Timeout,
    Id::ProbeResolveFailed,
    Id::ProbeTlsTimeout,
];
