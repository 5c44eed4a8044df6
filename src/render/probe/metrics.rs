//! Numbers of a probe, under the names of blackbox_exporter where they mean the same, so that its dashboards and alerts
//! fit. One run can have many targets, which is what the label `target` is for.

use std::net::SocketAddr;

use crate::probe::{HealthStatus, Layer, LayerState, TargetOutcome};
use crate::report::Metric;

pub(super) fn metrics(outcomes: &[TargetOutcome]) -> Vec<Metric> {
    let mut metrics = NAMES.map(|(name, help)| Metric::new(name, help));
    let mut known = Vec::new();
    for outcome in outcomes {
        // One that was named twice is one series.
        let target = outcome.address.to_string();
        if !known.contains(&target) {
            let [about_target @ .., code, response, layer, duration] = &mut metrics;
            whole(about_target, outcome, &target);
            services(code, response, outcome, &target);
            layers(layer, duration, outcome, &target);
            known.push(target);
        }
    }
    metrics.into()
}

type Labels = Vec<(&'static str, String)>;

fn labels<const N: usize>(target: &str, more: [(&'static str, &str); N]) -> Labels {
    let target = ("target", target.to_owned());
    std::iter::once(target).chain(more.map(|(name, value)| (name, value.to_owned()))).collect()
}

/// In the order of [`NAMES`].
fn whole(metrics: &mut [Metric], outcome: &TargetOutcome, target: &str) {
    let [success, duration, expiry, version, cipher, protocol, tls, phases] = metrics else { return };
    let (alone, facts) = (labels(target, []), &outcome.facts);
    success.sample(alone.clone(), i64::from(outcome.is_healthy()));
    duration.measure(alone.clone(), outcome.took);
    if let Some(end) = facts.presented.iter().map(|certificate| certificate.not_after.unix_timestamp()).min()
    {
        expiry.sample(alone.clone(), end);
    }
    if let Some(agreed) = &facts.agreed {
        version.sample(labels(target, [("version", &agreed.version)]), 1);
        cipher.sample(labels(target, [("cipher", &agreed.cipher_suite)]), 1);
    }
    let connected = facts.addresses.iter().find(|(_, failed)| failed.is_none());
    if let Some((address, _)) = connected {
        protocol.sample(alone.clone(), if matches!(address, SocketAddr::V4(_)) { 4 } else { 6 });
    }
    tls.sample(alone, i64::from(outcome.has_tls));
    let resolve = outcome.layers.iter().find(|layer| layer.layer == Layer::Resolve);
    if let Some(took) = resolve.and_then(|layer| layer.took) {
        phases.measure(labels(target, [("phase", "resolve")]), took);
    }
    if !outcome.replies.is_empty() {
        let took = outcome.replies.iter().map(|reply| reply.took).sum();
        phases.measure(labels(target, [("phase", "check")]), took);
    }
}

fn services(code: &mut Metric, response: &mut Metric, outcome: &TargetOutcome, target: &str) {
    for reply in &outcome.replies {
        let service = ("service", &*reply.service);
        if let Some(number) = reply.code {
            code.sample(labels(target, [service]), number.into());
        }
        if let Some(status) = reply.status {
            for each in STATUSES.map(HealthStatus) {
                let labels = labels(target, [service, ("serving_status", &each.to_string())]);
                response.sample(labels, i64::from(status == each));
            }
        }
    }
}

fn layers(success: &mut Metric, duration: &mut Metric, outcome: &TargetOutcome, target: &str) {
    for layer in &outcome.layers {
        let labels = labels(target, [("layer", layer.layer.name())]);
        match layer.state {
            LayerState::Passed | LayerState::Noted => success.sample(labels.clone(), 1),
            LayerState::Failed | LayerState::Ignored => success.sample(labels.clone(), 0),
            LayerState::Absent | LayerState::Skipped => {}
        }
        if let Some(took) = layer.took {
            duration.measure(labels, took);
        }
    }
}

/// Those of the health protocol.
const STATUSES: [i32; 4] = [0, 1, 2, 3];

const NAMES: [(&str, &str); 12] = [
    ("probe_success", "1 if no layer of the channel failed, else 0."),
    ("probe_duration_seconds", "How long the attempt took, in seconds."),
    (
        "probe_ssl_earliest_cert_expiry",
        "When the first of the certificates that the server presented expires, in seconds since 1970.",
    ),
    ("probe_tls_version_info", "The TLS version that was agreed on."),
    ("probe_tls_cipher_info", "The cipher suite that was agreed on."),
    ("probe_ip_protocol", "The version of IP of the connection: 4 or 6."),
    ("probe_grpc_ssl", "1 if the target speaks TLS, 0 if it is plaintext."),
    ("probe_grpc_duration_seconds", "How long a phase took, in seconds."),
    ("probe_grpc_status_code", "The gRPC status of the answer to the health check."),
    ("probe_grpc_healthcheck_response", "1 for the status that the health check was answered with, else 0."),
    ("egext_probe_layer_success", "1 if a layer of the channel stands, 0 if it failed."),
    ("egext_probe_layer_duration_seconds", "How long a layer took without those below, in seconds."),
];
