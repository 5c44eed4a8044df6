//! What `/status` says, and the source of metrics, page and readiness. The types are those of the JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::process::Usage;
use crate::report::{Finding, FindingId};

/// A bridge, at one moment. Times are in UTC, as RFC 3339 has them.
#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    /// What this object is, and which version of it.
    pub(super) schema: &'static str,
    /// Version of egext.
    pub(super) version: &'static str,
    /// When this was written.
    pub(super) now: String,
    /// When the bridge started.
    pub(super) started: String,
    pub(super) uptime_seconds: u64,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) started_unix: i64,
    /// Where callers connect to.
    pub(super) listen: String,
    /// Whether new callers are accepted.
    pub(super) phase: Phase,
    /// Do calls reach the upstream, with certificates that are valid now?
    pub(super) ready: bool,
    /// Why not.
    pub(super) reasons: Vec<Notice>,
    /// What does not stop calls yet.
    pub(super) warnings: Vec<Notice>,
    pub(super) upstream: Upstream,
    /// The certificates in use: our own leaf certificates first, then the CAs that peers are verified against.
    pub(super) certificates: Vec<Certificate>,
    pub(super) reloads: Reloads,
    /// Why the upstream rejects the present certificates, while a connection that was made before still serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unaccepted: Option<Finding>,
    pub(super) resync: Resync,
    /// By method; methods without calls are left out.
    pub(super) calls: Vec<Calls>,
    pub(super) connections: Connections,
    /// Log lines that were lost, because the output failed or was not read in time.
    pub(super) log_lines_dropped: u64,
    pub(super) process: Usage,
}

/// Whether new callers are accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    Serving,
    /// The bridge stops: the calls in progress finish.
    Draining,
}

/// Something that a person should know.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Notice {
    /// The finding, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<FindingId>,
    pub(super) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// The connection to the upstream.
#[derive(Serialize, JsonSchema)]
pub(super) struct Upstream {
    pub(super) address: String,
    pub(super) state: State,
    /// Since when it has been in this state.
    pub(super) since: String,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) since_unix: i64,
    /// How long ago that was, in words.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) age: String,
    /// Why there is no connection, if it is known: what the last attempt found, or why the last connection was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Finding>,
    /// Calls that wait for a connection.
    pub(super) held: u64,
    /// Since when there has been at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held_since: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) held_since_unix: Option<i64>,
    /// Attempts to connect that succeeded.
    pub(super) connects: u64,
    /// Attempts that failed, by finding.
    pub(super) failures: BTreeMap<&'static str, u64>,
    /// Connections that ended: `closed`, `goaway`, `replaced` by one with new certificates, or `silent`.
    pub(super) ends: BTreeMap<&'static str, u64>,
    /// The last different causes, oldest first.
    pub(super) causes: Vec<Cause>,
}

/// Whether calls can reach the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Connected,
    Connecting,
    Failing,
}

impl State {
    pub(super) const ALL: [Self; 3] = [Self::Connected, Self::Connecting, Self::Failing];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Failing => "failing",
        }
    }
}

/// Why there was no connection.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cause {
    /// When it was seen first, of several times in a row.
    pub(super) first: String,
    /// And last.
    pub(super) last: String,
    /// How many times in a row.
    pub(super) times: u64,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

/// A certificate in use.
#[derive(Serialize, JsonSchema)]
pub(super) struct Certificate {
    pub(super) role: Role,
    pub(super) subject: String,
    pub(super) file: String,
    /// Where its key is; none for a CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<String>,
    pub(super) not_before: String,
    pub(super) not_after: String,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) not_after_unix: i64,
    /// Whole days until it expires; negative if it has expired.
    pub(super) days_left: i64,
    pub(super) validity: Validity,
    /// True if handshakes fail because of its dates.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) fails_handshakes: bool,
    /// SHA-256 of the certificate.
    pub(super) fingerprint: String,
    /// What to do about it, if it is not valid now.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) hint: String,
}

/// Who presents a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// A peer, or a CA between us and it.
    Ca,
    /// We, to the upstream.
    Client,
    /// We, to callers.
    Server,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A certificate at this moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Validity {
    Expired,
    NotYetValid,
    Valid,
}

/// How often certificates were read again.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Reloads {
    /// When the certificates in use were loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loaded_at: Option<String>,
    /// New certificates were taken into use.
    pub(super) loaded: u64,
    /// The new files could not be used.
    pub(super) failed: u64,
    /// A reload was asked for, and nothing had changed.
    pub(super) unchanged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Event>,
    /// The last reloads, oldest first; of several in a row without a change, the last one.
    pub(super) recent: Vec<Event>,
}

/// How often Envoy Gateway was made to translate again.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Resync {
    /// The directories of Envoy Gateway's resources.
    pub(super) directories: Vec<String>,
    /// Since when another translation has been needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) needed_since: Option<String>,
    /// Envoy Gateway translated again, and the upstream answered.
    pub(super) done: u64,
    /// Attempts without that effect.
    pub(super) failed: u64,
    /// The last attempts, oldest first.
    pub(super) attempts: Vec<Event>,
}

/// Something that happened.
#[derive(Serialize, JsonSchema)]
pub(super) struct Event {
    pub(super) at: String,
    pub(super) outcome: &'static str,
    /// The directory, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<Finding>,
}

/// The calls of one method.
#[derive(Serialize, JsonSchema)]
pub(super) struct Calls {
    /// A hook such as `PostRouteModify`, `other_hook` for one that is not known here, `Health/Check`, `Health/Watch`, or `other`.
    pub(super) method: &'static str,
    /// How many have begun and not ended.
    pub(super) in_flight: u64,
    /// How many the upstream answered, by gRPC code.
    pub(super) answered_by_server: BTreeMap<&'static str, u64>,
    /// How many the bridge itself answered.
    pub(super) answered_by_bridge: BTreeMap<&'static str, u64>,
    /// How many ended without an answer, because the caller went away.
    pub(super) caller_gone: u64,
    /// Bytes of messages that were passed on to the upstream.
    pub(super) request_bytes: u64,
    /// Bytes of messages that were passed back.
    pub(super) response_bytes: u64,
    pub(super) duration: Duration,
}

/// How long calls took.
#[derive(Serialize, JsonSchema)]
pub(super) struct Duration {
    pub(super) sum_seconds: f64,
    /// Half of the calls took no longer; the bound of a bucket, none if it is above the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50_seconds: Option<f64>,
    /// 99 of 100 calls took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p99_seconds: Option<f64>,
    pub(super) buckets: Vec<Bucket>,
}

/// Calls that took so long.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub(super) struct Bucket {
    /// No longer than this, and longer than the bound before; none for what is above every bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) up_to_seconds: Option<f64>,
    pub(super) calls: u64,
}

/// The connections of callers.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Connections {
    /// Open now.
    pub(super) open: u64,
    /// Accepted since the start.
    pub(super) accepted: u64,
    /// Not served, by reason.
    pub(super) refused: BTreeMap<&'static str, u64>,
}

impl Notice {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { id: None, message: message.into(), hint: None }
    }

    pub(super) fn of_finding(finding: &Finding) -> Self {
        let message = format!("{}: {}", finding.subject, finding.message);
        Self { id: Some(finding.id), message, hint: finding.hint.clone() }
    }

    /// Message and id.
    pub(super) fn line(&self) -> String {
        self.id.map_or_else(|| self.message.clone(), |id| format!("{} ({id})", self.message))
    }
}

impl Certificate {
    /// Why peers reject it now.
    pub(super) fn why_invalid(&self) -> Option<Notice> {
        let Self { file, subject, .. } = self;
        let (id, what) = match self.validity {
            Validity::Valid => return None,
            Validity::Expired => (FindingId::CertsExpired, format!("expired on {}", self.not_after)),
            Validity::NotYetValid => {
                (FindingId::CertsNotYetValid, format!("is not valid before {}", self.not_before))
            }
        };
        let message = format!("{file}: the certificate of `{subject}` {what}");
        Some(Notice { id: Some(id), message, hint: Some(self.hint.clone()) })
    }
}

impl Calls {
    pub(super) fn ended(&self) -> u64 {
        let answered = self.answered_by_server.values().chain(self.answered_by_bridge.values());
        answered.sum::<u64>() + self.caller_gone
    }
}

/// The whole of `docs/bridge-status.schema.json`.
pub fn json_schema() -> String {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Status>();
    let object = schema.ensure_object();
    object.insert("title".to_owned(), SCHEMA.into());
    object.insert("description".to_owned(), DESCRIPTION.into());
    object["properties"]["schema"]["const"] = SCHEMA.into();
    // `docs/findings.md` lists them, and this page does not change with every new one.
    if let Some(id) = object["$defs"]["FindingId"].as_object_mut() {
        id.remove("enum");
    }
    let mut text = serde_json::to_string_pretty(&schema).expect("strings and maps always serialise");
    text.push('\n');
    text
}

pub(super) const SCHEMA: &str = "egext.bridge-status/1";

/// Without the version.
pub(super) const SCHEMA_NAME: &str = "egext.bridge-status/";

const DESCRIPTION: &str = "What `/status` of a bridge's admin server says. Made from the types of the code by `egext \
                           generate status-schema`. Later versions may add keys and values of enumerations; a key that \
                           is here keeps its name and meaning.";
