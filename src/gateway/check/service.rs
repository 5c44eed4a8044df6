//! How EG reaches the extension: what fails at every hook although EG starts.

use std::net::IpAddr;
use std::path::Path;

use super::called::of_service;
use super::refused::status_codes;
use super::{Facts, Found, Mode, Node, Place, clipped};
use crate::gateway::document::Kind;
use crate::gateway::model::{Manager, Quantity, duration, nearest_word};
use crate::gateway::releases::{Failure, STATUS_CODES, Value};
use crate::gateway::{SocketPath, ValueError};
use crate::net::Address;
use crate::report::{Finding, FindingId, Hint as _, Severity};

pub(super) fn check(found: &mut Found<'_>, facts: &Facts<'_>) {
    for manager in &facts.managers {
        let before = found.findings.len();
        if let Some(service) = manager.node.set("service") {
            let mut rules = Rules { found, path: format!("{}.service", manager.path) };
            rules.target(service);
            rules.tls(service, facts);
            if let Some(retry) = service.set("retry") {
                rules.status_codes(retry);
                rules.policy(retry);
            }
        }
        message_size(found, facts, manager);
        let hidden = found.findings[before..].iter().filter(|finding| finding.severity == Severity::Error);
        let hidden = hidden.map(|finding| finding.id).next();
        if let Some(fail_open) = manager.node.get("failOpen").filter(|entry| entry.value.is_true())
            && let Some(hidden) = hidden
        {
            let message = format!(
                "with `failOpen` EG {} publishes without the extension, so `{hidden}` shows only in its log",
                found.release
            );
            let subject = format!("{}.failOpen", manager.path);
            let finding = Finding::new(FindingId::ConfigFailOpenHides, subject, message);
            found.add(
                fail_open.key_place,
                finding.with_hint("take `failOpen` out until the extension is called"),
            );
        }
    }
}

struct Rules<'a, 'b> {
    found: &'a mut Found<'b>,
    /// `extensionManager.service`.
    path: String,
}

impl Rules<'_, '_> {
    fn target(&mut self, service: &Node) {
        for (key, host) in [("fqdn", "hostname"), ("ip", "address")] {
            if let Some(target) = service.set(key) {
                self.host(target, host, key == "ip");
                self.port(target, target.place);
            }
        }
        if let Some(host) = service.set("host").filter(|host| host.text() != Some("")) {
            self.port(service, host.place);
        }
        if let Some(unix) = service.set("unix") {
            let path = unix.set("path");
            let text = path.and_then(Node::text).unwrap_or_default();
            self.socket(text, path.unwrap_or(unix).place);
        }
    }

    fn host(&mut self, target: &Node, key: &str, is_address: bool) {
        let host = target.set(key);
        let text = host.and_then(Node::text).unwrap_or_default();
        let place = host.unwrap_or(target).place;
        let (message, severity) = match text {
            "" => {
                (format!("`{key}` is missing, so EG {} calls no server", self.found.release), Severity::Error)
            }
            text if is_address && text.parse::<IpAddr>().is_err() => {
                (format!("`{}` is not an IP address", clipped(text)), Severity::Warning)
            }
            _ => return,
        };
        let hint = if is_address {
            "write an IP address; a name belongs to `fqdn`"
        } else {
            "write the name of the server"
        };
        let mut finding = self.finding(FindingId::ConfigTarget, message).with_hint(hint);
        finding.severity = severity;
        self.found.add(place, finding);
    }

    fn port(&mut self, target: &Node, place: Place) {
        let port = target.set("port");
        let number = match port.map(|port| &port.kind) {
            Some(Kind::Integer(number)) => *number,
            // The decoder has seen that it is a whole number.
            Some(Kind::Float(_) | Kind::Fraction(_)) => return,
            _ => 0,
        };
        if (1..=65535).contains(&number) {
            return;
        }
        let message = match port {
            None => format!("without `port` EG {} calls port 0", self.found.release),
            Some(_) => format!("no server has port {number}"),
        };
        let place = port.map_or(place, |port| port.place);
        let finding = self.finding(FindingId::ConfigTarget, message);
        self.found.add(place, finding.with_hint("write the port of the extension: `port: PORT`, 1 to 65535"));
    }

    fn socket(&mut self, path: &str, place: Place) {
        let Err(error) = SocketPath::try_from(Path::new(path)) else { return };
        let message = match &error {
            _ if path.is_empty() => {
                format!("`path` is missing, so EG {} calls no server", self.found.release)
            }
            error => clipped(&error.to_string()),
        };
        let hint = match &error {
            _ if path.is_empty() => "write the path of the socket: `path: /run/egext/eg.sock`".to_owned(),
            ValueError::RelativePath { .. } => {
                let path = path.trim_start_matches(['.', '/']);
                let directory = if path.starts_with("run/") { "" } else { "run/egext/" };
                format!("write the whole path, such as `/{directory}{}`", clipped(path))
            }
            error => error.hint().unwrap_or_else(|| "write another path".to_owned()),
        };
        let mut finding = self.finding(FindingId::ConfigTarget, message).with_hint(hint);
        if matches!(error, ValueError::RelativePath { .. }) && !path.is_empty() {
            finding = says(finding, Failure::UnixRelative, &[path.split('/').next().unwrap_or_default()]);
        }
        self.found.add(place, finding);
    }

    fn tls(&mut self, service: &Node, facts: &Facts<'_>) {
        let Some(tls) = service.get("tls").filter(|_| service.set("tls").is_some()) else { return };
        if !facts.is_from_files() {
            return self.server_name(service, facts);
        }
        let message = format!(
            "EG {} reads certificates from Kubernetes only, so with resources from files every hook fails",
            self.found.release
        );
        let finding = Finding::new(FindingId::ConfigNativeTlsUnusable, format!("{}.tls", self.path), message);
        let finding = says(finding, Failure::NoClient, &[]);
        self.found.add(
            tls.key_place,
            finding.with_hint(
                "take `tls` out and call a bridge on a unix socket: `egext config stanza` prints that part and the command",
            ),
        );
    }

    /// What EG sends as the server's name. Which TLS the server has is not known here.
    fn server_name(&mut self, service: &Node, facts: &Facts<'_>) {
        let Some(called) = of_service(service).filter(|_| facts.mode == Some(Mode::Kubernetes)) else {
            return;
        };
        let Ok(address @ Address::Tcp { .. }) = called.address() else { return };
        let sent = address.authority();
        let message = format!(
            "EG {} sends `{sent}` as the server's name (SNI): servers with Go or OpenSSL accept that, one with rustls (tonic) \
             rejects each connection, and EG waits",
            self.found.release
        );
        let target = ["fqdn", "ip", "host"].iter().find_map(|key| service.get(key));
        let finding = self.finding(FindingId::ConfigServerName, message).with_hint(format!(
            "`egext probe {sent}` asks the server; for one with rustls: `egext config kubernetes --bridge gateway`"
        ));
        self.found.add(target.map_or(service.place, |target| target.key_place), finding);
    }

    fn status_codes(&mut self, retry: &Node) {
        for code in retry.set("RetryableStatusCodes").map(Node::items).unwrap_or_default() {
            let text = code.text().unwrap_or_default();
            if STATUS_CODES.contains(&text) {
                continue;
            }
            if self.found.is_full() {
                self.found.leave_out();
                continue;
            }
            let message = format!(
                "`{}` is not a code that EG {} retries, so every hook fails",
                clipped(text),
                self.found.release
            );
            // Go writes codes without an underscore.
            let alike =
                |code: &&&str| code.replace('_', "").eq_ignore_ascii_case(&text.replace(['_', '-'], ""));
            let near = STATUS_CODES.iter().find(alike).copied();
            let hint = match near.or_else(|| nearest_word(text, STATUS_CODES.iter().copied())) {
                Some(code) => format!("did you mean `{code}`?"),
                None => format!("the codes are {}", status_codes()),
            };
            let finding = self.finding(FindingId::ConfigRetryStatus, message).with_hint(hint);
            self.found.add(code.place, says(finding, Failure::StatusCode, &[text]));
        }
    }

    /// What gRPC asks of a retry policy. EG hands it over as it is.
    fn policy(&mut self, retry: &Node) {
        if let Some(attempts) = retry.set("maxAttempts").filter(|node| number(node) < 2.0) {
            self.wrong_policy(
                attempts.place,
                "`maxAttempts` is less than 2",
                "write 2 or more: the first attempt counts",
            );
        }
        for (key, failure) in
            [("initialBackoff", Failure::InitialBackoff), ("maxBackoff", Failure::MaxBackoff)]
        {
            let Some(backoff) = retry.set(key) else { continue };
            let text = backoff.text().unwrap_or_default();
            match duration(text) {
                Err(_) => {
                    let message = format!("`{key}` is not a duration, so every hook fails");
                    let finding = self.finding(FindingId::ConfigRetryPolicy, message);
                    let finding = says(finding, failure, &[text]);
                    self.found
                        .add(backoff.place, finding.with_hint("write a number and a unit: `100ms`, `1s`"));
                }
                Ok(nanoseconds) if nanoseconds <= 0.0 => {
                    let message = format!("`{key}` is not greater than zero");
                    self.wrong_policy(backoff.place, &message, "write a longer time, such as `100ms`");
                }
                Ok(_) => {}
            }
        }
        if let Some(multiplier) = retry.set("backoffMultiplier")
            && (multiplier.set("numerator").is_none_or(|it| number(it) <= 0.0)
                || multiplier.set("denominator").is_some_and(|it| number(it) <= 0.0))
        {
            let message = "`backoffMultiplier` is not greater than zero";
            self.wrong_policy(
                multiplier.place,
                message,
                "write `{numerator: 200}` for twice the time at each attempt",
            );
        }
    }

    fn wrong_policy(&mut self, place: Place, what: &str, hint: &str) {
        let finding = self.finding(FindingId::ConfigRetryPolicy, format!("{what}, so every hook fails"));
        self.found.add(place, says(finding.with_hint(hint), Failure::RetryPolicy, &[]));
    }

    fn finding(&self, id: FindingId, message: String) -> Finding {
        Finding::new(id, self.path.as_str(), message)
    }
}

fn message_size(found: &mut Found<'_>, facts: &Facts<'_>, manager: &Manager<'_>) {
    let Some(node) = manager.node.set("maxMessageSize") else {
        return server_limit(found, facts, manager, GRPC_LIMIT, manager.place);
    };
    let Some(size) = Quantity::of(node) else { return };
    let written = match &node.kind {
        Kind::Text(text) => text.trim().to_owned(),
        Kind::Integer(number) => number.to_string(),
        _ => String::new(),
    };
    let subject = format!("{}.maxMessageSize", manager.path);
    let finding = |message: String| Finding::new(FindingId::ConfigMessageSize, subject.as_str(), message);
    let hint = "write a whole number of bytes, such as `4Mi` or `16Mi`";
    let finding = match size.integer {
        None => {
            let finding = finding("it is not a whole number of bytes, so every hook fails".to_owned());
            says(finding, Failure::SizeInvalid, &[&written]).with_hint(hint)
        }
        Some(..1) => {
            let finding = finding("it is not greater than zero, so every hook fails".to_owned());
            says(finding, Failure::SizeRange, &[&written]).with_hint(hint)
        }
        Some(1..GRPC_LIMIT) => {
            let limit = facts.release.value(Value::ReceiveLimit);
            let message = format!(
                "it is less than gRPC's own limit of {limit}: EG sends and receives no larger message"
            );
            let mut finding = finding(message).with_hint("take it out, or write a size above `4Mi`");
            finding.severity = Severity::Warning;
            finding
        }
        Some(size) => return server_limit(found, facts, manager, size, node.place),
    };
    found.add(node.place, finding);
}

/// What EG takes, against what the extension sends.
fn server_limit(found: &mut Found<'_>, facts: &Facts<'_>, manager: &Manager<'_>, limit: i64, place: Place) {
    let Some(sent) = facts.questions.server_limit.filter(|sent| *sent > limit.unsigned_abs()) else { return };
    let message = format!(
        "EG {} takes messages of at most {limit} octets, and the extension sends up to {sent}: such an answer fails its hook",
        found.release
    );
    let mut finding =
        Finding::new(FindingId::ConfigMessageSize, format!("{}.maxMessageSize", manager.path), message)
            .with_hint(format!("write `maxMessageSize: {sent}` or more"));
    finding.severity = Severity::Warning;
    found.add(place, finding);
}

/// Adds EG's own words.
pub(super) fn says(finding: Finding, failure: Failure, values: &[&str]) -> Finding {
    finding.with_evidence("EG says", clipped(&failure.says(values)))
}

fn number(node: &Node) -> f64 {
    match node.kind {
        #[expect(clippy::cast_precision_loss, reason = "it is compared with small numbers")]
        Kind::Integer(number) => number as f64,
        Kind::Float(number) => number,
        _ => 0.0,
    }
}

/// 4 MiB, for what is received.
const GRPC_LIMIT: i64 = 4 << 20;
