//! `/metrics`. The names are a part of the interface: `docs/bridge-reference.md` lists them, and none is renamed.
//!
//! The library formats; it does not count. Its histogram takes a lock for each value, and what is read here was copied
//! at one moment.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::status::{Calls, State, Status};

/// A format of the metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The older text format of Prometheus, for what does not know OpenMetrics.
    Prometheus,
}

impl Exposition {
    /// What a client with this `Accept` reads.
    pub(super) fn wanted(accept: &str) -> Self {
        let is_known = accept.is_empty()
            || accept.contains("application/openmetrics-text")
            || !accept.contains("text/plain");
        if is_known { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All metrics in one text.
pub(super) fn text(status: &Status, form: Exposition) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::of(status)));
    let mut text = String::new();
    match form {
        Exposition::OpenMetrics => text::encode(&mut text, &registry),
        Exposition::Prometheus => prometheus_text::encode(&mut text, &registry),
    }
    .expect("writing to a string does not fail");
    text
}

/// The metrics of one moment: the registry keeps what it encodes, so they are copied once more.
#[derive(Debug)]
struct Scrape(Vec<Family>);

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<(Labels, Sample)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Sample {
    Count(u64),
    Seconds(f64),
    Level(f64),
    Histogram { sum: f64, count: u64, buckets: Vec<(f64, u64)> },
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let mut descriptor = encoder.encode_descriptor(family.name, family.help, None, family.kind)?;
            for (labels, sample) in &family.samples {
                match labels.as_slice() {
                    [] => sample.encode(&mut descriptor)?,
                    labels => sample.encode(&mut descriptor.encode_family(&labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Sample {
    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
            Self::Seconds(seconds) => encoder.encode_counter::<NoLabelSet, _, u64>(seconds, None),
            Self::Level(level) => encoder.encode_gauge(level),
            Self::Histogram { sum, count, buckets } => {
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }
        }
    }
}

impl Scrape {
    fn of(status: &Status) -> Self {
        let mut scrape = Self(Vec::new());
        scrape.bridge(status);
        scrape.calls(&status.calls);
        scrape.upstream(status);
        scrape.certificates(status);
        scrape.callers(status);
        scrape.process(status);
        scrape
    }

    fn add(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: MetricType,
        samples: Vec<(Labels, Sample)>,
    ) {
        self.0.push(Family { name, help, kind, samples });
    }

    fn counter(&mut self, name: &'static str, help: &'static str, samples: Vec<(Labels, Sample)>) {
        self.add(name, help, MetricType::Counter, samples);
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, samples: Vec<(Labels, Sample)>) {
        self.add(name, help, MetricType::Gauge, samples);
    }

    fn bridge(&mut self, status: &Status) {
        let version = vec![("version", status.version.to_owned())];
        self.gauge(
            "egext_bridge_build_info",
            "Version of egext; always 1.",
            vec![(version, Sample::Level(1.0))],
        );
        self.gauge(
            "egext_bridge_ready",
            "1 if /readyz answers 200.",
            vec![(Vec::new(), Sample::Level(f64::from(u8::from(status.ready))))],
        );
    }

    fn calls(&mut self, calls: &[Calls]) {
        let of_each = |value: fn(&Calls) -> Sample| {
            calls
                .iter()
                .map(|calls| (vec![("method", calls.method.to_owned())], value(calls)))
                .collect::<Vec<_>>()
        };
        self.counter(
            "egext_bridge_calls",
            "Calls that have ended, by method, gRPC code and who ended them.",
            calls.iter().flat_map(answers).collect(),
        );
        self.add(
            "egext_bridge_call_duration_seconds",
            "From the arrival of a call to its status.",
            MetricType::Histogram,
            of_each(histogram),
        );
        self.gauge(
            "egext_bridge_calls_in_flight",
            "Calls that have begun and not ended.",
            of_each(|calls| level(calls.in_flight)),
        );
        self.counter(
            "egext_bridge_request_bytes",
            "Bytes of messages that were passed on to the upstream.",
            of_each(|calls| Sample::Count(calls.request_bytes)),
        );
        self.counter(
            "egext_bridge_response_bytes",
            "Bytes of messages that were passed back to callers.",
            of_each(|calls| Sample::Count(calls.response_bytes)),
        );
    }

    fn upstream(&mut self, status: &Status) {
        let upstream = &status.upstream;
        self.gauge(
            "egext_bridge_calls_held",
            "Calls that wait for a connection to the upstream.",
            vec![(Vec::new(), level(upstream.held))],
        );
        self.gauge(
            "egext_bridge_calls_held_since_timestamp_seconds",
            "Since when there has been at least one such call; absent if there is none.",
            upstream.held_since_unix.map(|since| (Vec::new(), moment(since))).into_iter().collect(),
        );
        let states = State::ALL.map(|state| {
            let is_it = f64::from(u8::from(state == upstream.state));
            (vec![("state", state.name().to_owned())], Sample::Level(is_it))
        });
        self.gauge(
            "egext_bridge_upstream_state",
            "1 for the state of the upstream, 0 for the others.",
            states.into(),
        );
        self.gauge(
            "egext_bridge_upstream_state_since_timestamp_seconds",
            "Since when the upstream has been in this state.",
            vec![(Vec::new(), moment(upstream.since_unix))],
        );
        self.counter(
            "egext_bridge_upstream_connects",
            "Connections to the upstream that were made.",
            vec![(Vec::new(), Sample::Count(upstream.connects))],
        );
        self.counter(
            "egext_bridge_upstream_connect_failures",
            "Attempts to connect that failed, by finding.",
            by("cause", &upstream.failures),
        );
        self.counter(
            "egext_bridge_upstream_disconnects",
            "Connections to the upstream that ended, by cause.",
            by("cause", &upstream.ends),
        );
    }

    fn certificates(&mut self, status: &Status) {
        let certificates = status.certificates.iter().map(|certificate| {
            let labels = vec![
                ("role", certificate.role.name().to_owned()),
                ("file", certificate.file.clone()),
                ("fingerprint", certificate.fingerprint.clone()),
            ];
            (labels, moment(certificate.not_after_unix))
        });
        self.gauge(
            "egext_bridge_certificate_not_after_timestamp_seconds",
            "When a certificate in use expires.",
            certificates.collect(),
        );
        let reloads = &status.reloads;
        let results =
            [("loaded", reloads.loaded), ("failed", reloads.failed), ("unchanged", reloads.unchanged)];
        self.counter(
            "egext_bridge_reloads",
            "Reloads of certificates, by result.",
            by("result", &results.into()),
        );
        let results = [("done", status.resync.done), ("failed", status.resync.failed)];
        self.counter(
            "egext_bridge_resyncs",
            "Attempts to make Envoy Gateway translate again, by result.",
            by("result", &results.into()),
        );
    }

    fn callers(&mut self, status: &Status) {
        let connections = &status.connections;
        self.counter(
            "egext_bridge_connections_accepted",
            "Connections of callers that were accepted.",
            vec![(Vec::new(), Sample::Count(connections.accepted))],
        );
        self.gauge(
            "egext_bridge_connections_open",
            "Connections of callers that are open.",
            vec![(Vec::new(), level(connections.open))],
        );
        self.counter(
            "egext_bridge_connections_refused",
            "Connections of callers that were not served, by reason.",
            by("reason", &connections.refused),
        );
        self.counter(
            "egext_bridge_log_lines_dropped",
            "Log lines that were lost, because the output failed or was not read in time.",
            vec![(Vec::new(), Sample::Count(status.log_lines_dropped))],
        );
    }

    fn process(&mut self, status: &Status) {
        let usage = &status.process;
        let one = |sample: Option<Sample>| {
            sample.map(|sample| (Vec::new(), sample)).into_iter().collect::<Vec<_>>()
        };
        self.counter(
            "process_cpu_seconds",
            "Processor time of this process.",
            one(usage.cpu_seconds.map(Sample::Seconds)),
        );
        self.gauge("process_max_fds", "File descriptors that may be open.", one(usage.max_fds.map(level)));
        self.gauge("process_open_fds", "File descriptors that are open.", one(usage.open_fds.map(level)));
        self.gauge("process_resident_memory_bytes", "Memory in use.", one(usage.resident_bytes.map(level)));
        self.gauge(
            "process_start_time_seconds",
            "When the bridge started.",
            one(Some(moment(status.started_unix))),
        );
        self.gauge("process_threads", "Threads of this process.", one(usage.threads.map(level)));
    }
}

/// The calls of one method, by code and who ended them.
fn answers(calls: &Calls) -> Vec<(Labels, Sample)> {
    let labels = |code: &str, by: &str| {
        vec![("method", calls.method.to_owned()), ("code", code.to_owned()), ("answered_by", by.to_owned())]
    };
    let of = |by, answers: &BTreeMap<&str, u64>| {
        answers.iter().map(|(code, count)| (labels(code, by), Sample::Count(*count))).collect::<Vec<_>>()
    };
    let mut all = of("server", &calls.answered_by_server);
    all.extend(of("bridge", &calls.answered_by_bridge));
    if calls.caller_gone > 0 {
        // A status never arrived, and CANCELLED is what the caller's side calls that.
        all.push((labels("CANCELLED", "caller"), Sample::Count(calls.caller_gone)));
    }
    all
}

fn histogram(calls: &Calls) -> Sample {
    let buckets = &calls.duration.buckets;
    let buckets = buckets.iter().map(|bucket| (bucket.up_to_seconds.unwrap_or(f64::INFINITY), bucket.calls));
    let count = calls.duration.buckets.iter().map(|bucket| bucket.calls).sum();
    Sample::Histogram { sum: calls.duration.sum_seconds, count, buckets: buckets.collect() }
}

fn by(label: &'static str, counts: &BTreeMap<&'static str, u64>) -> Vec<(Labels, Sample)> {
    counts.iter().map(|(value, count)| (vec![(label, (*value).to_owned())], Sample::Count(*count))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "what is counted here stays below 2^53")]
fn level(count: u64) -> Sample {
    Sample::Level(count as f64)
}

#[expect(clippy::cast_precision_loss, reason = "no date is so far away")]
fn moment(seconds: i64) -> Sample {
    Sample::Level(seconds as f64)
}
