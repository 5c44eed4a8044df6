//! What EG has for each server that it calls: Secrets, and how it treats calls.

use std::time::Duration;

use zeroize::Zeroizing;

use super::called::{Called, of_service};
use super::certificates::is_pem;
use super::looked::{documents, of_all, text};
use super::manifests::{Secret, find, secrets};
use super::part::Content;
use super::secrets::{Fault, Role, missing, names, twice};
use super::{Mode, Node, Questions, Source, check, location, model, unreadable};
use crate::gateway::config_map::Shift;
use crate::gateway::document::Kind;
use crate::gateway::model::{Manager, Quantity, duration};
use crate::gateway::releases::{Fact, Failure, Release, Value, Version};
use crate::report::{Finding, FindingId, Location, Severity};

/// An extension manager, with all that EG uses to call its server.
#[derive(Debug)]
pub struct Peer {
    /// Its key, with its place in a list: `extensionManagers[0]`.
    pub manager: String,
    /// Where the server is.
    pub called: Called,
    /// Where the file says so.
    pub location: Location,
    /// `None` in plaintext.
    pub tls: Option<PeerTls>,
    /// What EG does if it cannot connect.
    pub without_connection: String,
    /// The largest message that EG receives, as it is written.
    pub message_limit: String,
    /// The same in bytes.
    pub received: u64,
    /// The largest message that EG sends, in bytes, if that is limited.
    pub sent: Option<u64>,
    /// How often EG makes a call, the first time included, as it is written.
    pub attempts: String,
    /// The status codes after which it does so again.
    pub retried: Vec<String>,
    /// When it does so.
    pub pauses: Pauses,
    /// What EG does if a call has failed for the last time.
    pub after_failure: &'static str,
    /// What makes every call fail before it is made: `maxMessageSize` or `retry` is wrong.
    pub failing: Vec<Finding>,
}

/// How long EG waits between the attempts of a call, and how many it makes.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// With the first one.
    pub attempts: u32,
    /// Before the second attempt.
    pub first: Duration,
    /// None is longer.
    pub longest: Duration,
    /// By which each is longer than the one before.
    pub growth: f64,
}

/// What EG trusts and presents.
#[derive(Debug)]
pub struct PeerTls {
    /// The CA certificates, PEM.
    pub ca: Result<Zeroizing<Vec<u8>>, Lack>,
    /// Certificate and key, PEM. `None` if EG presents none.
    pub client: Option<Result<Pair, Lack>>,
    /// The first release that presents one, if this one presents none.
    pub presents_since: Option<&'static str>,
    /// What else there is to say of the Secrets.
    pub remarks: Vec<Finding>,
    /// Is any Secret among the files? Without one, nothing is known of those that EG has.
    pub has_secrets: bool,
    /// Why EG never connects by TLS, whatever the Secrets are.
    pub unusable: Option<String>,
}

/// Why EG gets nothing that it can use from a Secret.
#[derive(Debug)]
pub struct Lack {
    /// EG's own words.
    pub words: String,
    /// What is wrong with the Secret, or with its name. `None` if no Secret is among the files.
    pub finding: Option<Box<Finding>>,
    /// A file that may have the Secret and cannot be read: its place, and why.
    pub unread: Option<(Location, String)>,
}

/// Certificate and key, PEM.
pub type Pair = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// The servers that EG calls with the configuration in the first of `sources`; the others may have Secrets. What cannot be
/// read calls no server.
pub fn peers(sources: &[Source], questions: &Questions) -> Vec<Peer> {
    let mut unread = None;
    let mut read = |source: &Source| {
        let text = text(source);
        documents(&text).unwrap_or_else(|(format, error)| {
            // A certificate, or a key.
            let is_other = text.as_deref().is_ok_and(is_pem);
            let why = unreadable(&source.path, format, &error).message;
            unread = unread.take().or((!is_other).then(|| (location(&source.path, error.place), why)));
            Vec::new()
        })
    };
    let files: Vec<_> = sources.iter().map(|source| (&*source.path, read(source))).collect();
    let Some((_, configuration)) = files.first() else { return Vec::new() };
    let Content::Part(part) = of_all(configuration) else { return Vec::new() };
    let root = &part.document.root;
    let mode = if part.is_whole { Some(Mode::of(root)) } else { questions.mode.map(Mode::from) };
    let known: Vec<_> = files.iter().flat_map(|(path, documents)| secrets(path, documents)).collect();
    let reader = Reader {
        path: files[0].0,
        shift: part.shift,
        secrets: &known,
        unread,
        namespace: questions.namespace.as_str(),
        release: questions.release,
        is_from_files: matches!(mode, Some(Mode::Files | Mode::Standalone)),
    };
    let managers = model::managers(root, questions.release);
    let mut peers: Vec<_> = managers.iter().filter_map(|manager| reader.peer(manager)).collect();
    let mut findings: Vec<_> = check(sources, questions).into_iter().flat_map(|file| file.findings).collect();
    for peer in &mut peers {
        let about = ["service", "maxMessageSize"].map(|key| format!("{}.{key}", peer.manager));
        let is_failing = |finding: &mut Finding| {
            finding.severity == Severity::Error
                && FAILING.contains(&finding.id)
                && about.contains(&finding.subject)
        };
        peer.failing.extend(findings.extract_if(.., is_failing));
    }
    peers
}

/// What `retry` and `maxMessageSize` can be that no call survives.
const FAILING: [FindingId; 3] =
    [FindingId::ConfigMessageSize, FindingId::ConfigRetryPolicy, FindingId::ConfigRetryStatus];

/// Why EG does not call each server of the configuration in the first of `sources`, as `config check` says it: first what is wrong
/// with an address, then what keeps EG from reading it. `peers` are those of this configuration.
pub fn obstacle(sources: &[Source], questions: &Questions, peers: &[Peer]) -> Option<Finding> {
    let source = sources.first()?;
    let checked = check(sources, questions).into_iter().find(|checked| checked.path == source.path)?;
    let findings = checked.findings.into_iter();
    let mut errors: Vec<_> = findings.filter(|finding| finding.severity == Severity::Error).collect();
    let called = peers.iter().filter(|peer| peer.called.is_callable());
    let called: Vec<_> = called.map(|peer| format!("{}.service", peer.manager)).collect();
    // Not every address of which `config check` thinks ill is one that EG cannot call.
    let of_address = errors
        .iter()
        .position(|finding| finding.id == FindingId::ConfigTarget && !called.contains(&finding.subject));
    let lacks_some = peers.is_empty() || peers.len() < servers(source, questions.release);
    let index = of_address.or_else(|| (lacks_some && !errors.is_empty()).then_some(0))?;
    Some(errors.swap_remove(index))
}

/// How many servers the configuration names, by addresses or by what is none.
fn servers(source: &Source, release: Release) -> usize {
    let Ok(documents) = documents(&text(source)) else { return 0 };
    let Content::Part(part) = of_all(&documents) else { return 0 };
    let managers = model::managers(&part.document.root, release);
    managers.iter().filter(|manager| manager.node.set("service").is_some()).count()
}

struct Reader<'a> {
    path: &'a str,
    shift: Shift,
    secrets: &'a [Secret<'a>],
    unread: Option<(Location, String)>,
    namespace: &'a str,
    release: Release,
    is_from_files: bool,
}

impl Reader<'_> {
    fn peer(&self, manager: &Manager<'_>) -> Option<Peer> {
        let service = manager.node.set("service")?;
        let retry = service.set("retry");
        let or_default = |node: Option<&Node>, value| {
            node.and_then(written).unwrap_or_else(|| self.release.value(value).to_owned())
        };
        let retried = retry.and_then(|retry| retry.set("RetryableStatusCodes")).map(Node::items);
        let retried = retried.unwrap_or_default().iter().filter_map(written).collect::<Vec<_>>();
        let limit = manager.node.set("maxMessageSize");
        let sent = limit.and_then(Quantity::of).and_then(|size| u64::try_from(size.integer?).ok());
        Some(Peer {
            manager: manager.path.clone(),
            called: of_service(service)?,
            location: location(self.path, self.shift.outer(host_of(service).place)),
            tls: service.set("tls").map(|tls| self.tls(manager, tls)),
            without_connection: self.release.without_connection(),
            message_limit: or_default(limit, Value::ReceiveLimit),
            received: sent.unwrap_or(RECEIVED),
            sent,
            attempts: or_default(retry.and_then(|retry| retry.set("maxAttempts")), Value::MaxAttempts),
            retried: match retried.is_empty() {
                true => vec![self.release.value(Value::RetryableStatusCodes).to_owned()],
                false => retried,
            },
            pauses: pauses(retry, self.release),
            after_failure: match fails_open(manager) {
                true => "EG publishes without the extension",
                false => "the hook fails, and EG publishes no new configuration",
            },
            failing: Vec::new(),
        })
    }

    fn tls(&self, manager: &Manager<'_>, tls: &Node) -> PeerTls {
        let presents = self.release.has(Fact::ClientCertificateRef);
        let client = tls.set("clientCertificateRef").filter(|_| presents);
        let fails = match fails_open(manager) {
            true => "EG publishes without the extension",
            false => "every hook fails",
        };
        let ca = tls.set("certificateRef").map_or_else(
            || Err(self.lack(Failure::CaNotFound.says(&["", self.namespace]), None)),
            |reference| self.secret(reference, Role::Ca),
        );
        let client = client.map(|reference| self.secret(reference, Role::Client));
        let secrets = [ca.as_ref().ok(), client.as_ref().and_then(|client| client.as_ref().ok())];
        PeerTls {
            remarks: secrets.iter().flatten().filter_map(|secret| twice(secret, self.secrets)).collect(),
            ca: ca.map(|secret| value(secret, "tls.crt")),
            client: client.map(|secret| secret.map(|it| (value(it, "tls.crt"), value(it, "tls.key")))),
            presents_since: match presents {
                true => None,
                false => Fact::ClientCertificateRef.row().since().map(Version::name),
            },
            has_secrets: !self.secrets.is_empty(),
            unusable: self.is_from_files.then(|| format!("{fails}: {}", Failure::NoClient.says(&[]))),
        }
    }

    /// The Secret, with all that EG reads of it, or why EG gets nothing that it can use.
    fn secret(&self, reference: &Node, role: Role) -> Result<&Secret<'_>, Lack> {
        let names = names(reference, self.namespace).unwrap_or(("", self.namespace));
        let (name, namespace) = names;
        let Some(secret) = find(self.secrets, names) else {
            let words = role.failures().0.says(&[name, namespace]);
            let is_known = !self.secrets.is_empty();
            let finding = is_known.then(|| missing(role, names, self.secrets, self.release));
            let place = self.shift.outer(reference.place);
            return Err(self.lack(words, finding.map(|finding| finding.at(location(self.path, place)))));
        };
        match role.judge(secret, names, self.release) {
            Some(Fault { finding, words: Some(words) }) => {
                Err(Lack { words, finding: Some(finding.into()), unread: None })
            }
            _ => Ok(secret),
        }
    }

    /// Nothing is known of the Secret.
    fn lack(&self, words: String, finding: Option<Finding>) -> Lack {
        Lack { words, finding: finding.map(Box::new), unread: self.unread.clone() }
    }
}

/// Of a Secret that was found fine.
fn value(secret: &Secret<'_>, key: &str) -> Zeroizing<Vec<u8>> {
    secret.value(key).and_then(|(value, _)| value.ok()).unwrap_or_default()
}

/// What names the host or the socket.
fn host_of(service: &Node) -> &Node {
    let paths = [["fqdn", "hostname"].as_slice(), &["ip", "address"], &["unix", "path"], &["host"]];
    paths.into_iter().find_map(|path| service.at(path)).unwrap_or(service)
}

fn fails_open(manager: &Manager<'_>) -> bool {
    manager.node.get("failOpen").is_some_and(|entry| entry.value.is_true())
}

/// What is not written is as in the release.
fn pauses(retry: Option<&Node>, release: Release) -> Pauses {
    let set = |key| retry.and_then(|retry| retry.set(key));
    let pause = |key, value| {
        let text = set(key).and_then(Node::text).unwrap_or_else(|| release.value(value));
        let nanoseconds = duration(text).unwrap_or_default();
        Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or_default()
    };
    let whole = |node: &Node| match node.kind {
        Kind::Integer(number) => i32::try_from(number).ok(),
        _ => None,
    };
    let part = |key| set("backoffMultiplier").and_then(|growth| growth.set(key)).and_then(whole);
    let attempts = set("maxAttempts").and_then(whole).map(|written| written.max(1).unsigned_abs());
    let attempts = attempts.or_else(|| release.value(Value::MaxAttempts).parse().ok());
    Pauses {
        attempts: attempts.unwrap_or(1),
        first: pause("initialBackoff", Value::InitialBackoff),
        longest: pause("maxBackoff", Value::MaxBackoff),
        growth: match part("numerator") {
            Some(numerator) => f64::from(numerator) / f64::from(part("denominator").unwrap_or(100)),
            None => release.value(Value::BackoffMultiplier).parse().unwrap_or(1.0),
        },
    }
}

/// gRPC's own limit.
const RECEIVED: u64 = 4 << 20;

fn written(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Integer(number) => Some(number.to_string()),
        _ => node.text().map(|text| text.trim().to_owned()),
    }
}
