//! The bridge and the configuration, one function for each part.

use std::io;
use std::path::Path;

use super::bridge::{Bridge, Said};
use super::server::{Server, secrets_missing};
use super::told::{lift_hint, other_server};
use super::{ADMIN_SOCKET, Part, Plan, Step, configurations};
use crate::admin::{Answer, AskError, Told};
use crate::gateway::{Called, Verdict, check};
use crate::net::Address;
use crate::probe::{Layer, TargetOutcome};
use crate::report::{Finding, FindingId, Severity, chain};
use crate::shell::{dir_flag, shell_path, shell_word};

/// What is known when these parts are looked at.
pub(super) struct Examination<'a> {
    pub(super) plan: &'a Plan,
    /// Whom EG calls.
    pub(super) services: &'a [Called],
    pub(super) bridge: &'a Bridge<'a>,
    pub(super) server: &'a Server<'a>,
}

impl Examination<'_> {
    pub(super) fn bridge(&self) -> Step {
        let Some((admin, said)) = &self.bridge.admin else {
            return Step::skipped(Part::Bridge, None, self.not_asked());
        };
        let subject = admin.value.to_string();
        let skipped = |reason| Step::skipped(Part::Bridge, Some(subject.clone()), reason).from(admin.origin);
        let answer = match said {
            Said::Answer(answer) => answer,
            Said::Other(listen) => {
                return skipped(format!(
                    "of another bridge, which listens on `{listen}`; `--admin` names this one's"
                ));
            }
            // Nothing says that it is there.
            Said::Nothing(error) if admin.is_guessed() && !matches!(error, AskError::Late { .. }) => {
                return skipped(format!("{}; `--admin` names another address", chain(error)));
            }
            Said::Nothing(error) => {
                let finding = self.unanswered(&subject, error);
                return Step::of(Part::Bridge, subject, vec![finding], "").from(admin.origin);
            }
        };
        let mut findings = self.of_answer(&subject, answer);
        findings.extend(other_server(self.bridge, self.server, &subject));
        let detail = format!("{} to {}", answer.upstream.state, answer.upstream.address);
        Step::of(Part::Bridge, subject, findings, detail).from(admin.origin)
    }

    fn unanswered(&self, subject: &str, error: &AskError) -> Finding {
        let (id, severity, hint) = match error {
            // While calls pass it, only this part of it hangs.
            AskError::Late { .. } if self.bridge.works() => {
                (FindingId::DoctorBridgeHangs, Severity::Warning, RESTART)
            }
            AskError::Late { .. } => (FindingId::DoctorBridgeHangs, Severity::Error, RESTART),
            AskError::Version { .. } => (
                FindingId::DoctorBridgeUnanswered,
                Severity::Warning,
                "use the same version of egext for the bridge and here",
            ),
            AskError::Connect { address: Address::Unix(path), source } if is_of_path(source) => {
                return Finding::new(FindingId::DoctorBridgeUnanswered, subject, chain(error))
                    .with_hint(format!("look at the path: `ls -ld {}`", shell_path(path)));
            }
            AskError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                (FindingId::DoctorBridgeUnanswered, Severity::Error, OTHER_USER)
            }
            _ => (
                FindingId::DoctorBridgeUnanswered,
                Severity::Error,
                "start the bridge with `--admin`, or name the address that it was started with by `--admin` here, too",
            ),
        };
        let finding = Finding::new(id, subject, chain(error)).with_hint(hint);
        Finding { severity, ..finding }
    }

    fn of_answer(&self, subject: &str, answer: &Answer) -> Vec<Finding> {
        let reasons = answer.reasons.iter().map(|it| told(subject, it, Severity::Error));
        let warnings = answer.warnings.iter().map(|it| told(subject, it, Severity::Warning));
        let mut findings: Vec<_> = reasons.chain(warnings).collect();
        let Some(first) = findings.first_mut() else { return findings };
        // The last of them is often the present one, with the time of its last attempt.
        let past = answer.upstream.causes.iter().filter(|cause| !first.message.ends_with(&cause.message));
        let past: Vec<_> = past.rev().take(PAST_CAUSES).collect();
        if !past.is_empty() {
            let words = past.iter().map(|cause| format!("{} (until {})", cause.message, cause.last));
            *first = first.clone().with_evidence("before", words.collect::<Vec<_>>());
        }
        findings
    }

    fn not_asked(&self) -> String {
        if let Some(closed) = &self.bridge.closed {
            let directory = closed.parent().unwrap_or(Path::new("/")).display();
            return format!(
                "not asked: this user may not look into `{directory}`; run it as the user of the bridge, or as root"
            );
        }
        let reason =
            "not asked: no admin server is given, and the directory of its socket has no `admin.sock`";
        let Some((socket, _)) = &self.bridge.socket else { return reason.to_owned() };
        format!("{reason}; start the bridge with `--admin {}`", admin_word(&socket.value))
    }

    pub(super) fn socket(&self) -> Step {
        let Some((socket, outcome)) = &self.bridge.socket else {
            let reason = "no configuration names a socket, and there is none at the usual place";
            return Step::skipped(Part::Socket, None, reason);
        };
        let subject = outcome.address.to_string();
        let is_there = outcome.failed_layer().is_none_or(|layer| layer > Layer::Connect);
        if let (true, Some(native)) = (is_there, self.bridge.untried) {
            let finding = secrets_missing(native, &outcome.address);
            return Step::of(Part::Socket, subject, vec![finding], "").from(socket.origin);
        }
        let cause = outcome.cause().filter(|_| outcome.behind().is_none());
        if let (true, Some(cause)) = (socket.is_guessed(), cause) {
            let reason = format!("{}; this is the usual place, `--socket PATH` names another", cause.message);
            return Step::skipped(Part::Socket, Some(subject), reason).from(socket.origin);
        }
        let command = format!("egext probe {}", shell_word(&subject));
        let mut findings = for_doctor(&outcome.findings, &command);
        lift_hint(outcome, &mut findings);
        for finding in &mut findings {
            if let Some(hint) = self.hint_of_socket(finding.id, &socket.value) {
                finding.hint = Some(hint);
            }
        }
        if self.bridge.answer().is_none() {
            findings.extend(other_server(self.bridge, self.server, &subject));
        }
        Step::of(Part::Socket, subject, findings, passed(outcome)).from(socket.origin)
    }

    /// What to do about a socket that is that of the bridge.
    fn hint_of_socket(&self, id: FindingId, path: &Path) -> Option<String> {
        let called = [Address::Unix(path.to_owned())];
        match id {
            FindingId::ProbeConnectRefused | FindingId::ProbeConnectSocketMissing => {
                Some(match self.bridge.listens_elsewhere(&called) {
                    Some(listen) => format!("the bridge listens on `{listen}`"),
                    None => format!("start the bridge: `{}`", self.start(path)),
                })
            }
            FindingId::ProbeConnectPermission => Some(OTHER_USER.to_owned()),
            FindingId::ProbeHttp2Timeout => Some(RESTART.to_owned()),
            _ => None,
        }
    }

    /// The command that starts the bridge.
    fn start(&self, socket: &Path) -> String {
        let listen = format!("unix:{}", socket.display());
        let server = match self.server.known.is_guessed() {
            true => "HOST:PORT".to_owned(),
            false => self.server.known.value.to_string(),
        };
        let directory = dir_flag(&self.plan.directory.value);
        let start = format!(
            "egext bridge --listen {} --upstream {}{directory}",
            shell_word(&listen),
            shell_word(&server)
        );
        match self.bridge.admin {
            // The usual place is taken.
            Some((_, Said::Other(_))) => start,
            _ => format!("{start} --admin {}", admin_word(socket)),
        }
    }

    pub(super) fn configuration(&self) -> Step {
        let names: Vec<_> = configurations(&self.plan.sources).map(|source| &*source.path).collect();
        if names.is_empty() {
            return Step::skipped(Part::Configuration, None, "no EnvoyGateway file was named or found");
        }
        let subject = names.join(", ");
        let checked = check(&self.plan.sources, &self.plan.questions);
        let mut findings: Vec<_> = checked.iter().flat_map(|file| &file.findings).cloned().collect();
        // It says what to ask the server, and the server was asked.
        findings.retain(|finding| finding.id != FindingId::ConfigServerName);
        findings.extend(self.other_socket(&subject));
        let summaries = checked.iter().filter(|file| file.verdict == Verdict::Accepted);
        let summaries: Vec<_> = summaries.filter_map(|file| file.summary.as_deref()).collect();
        let detail = format!("EG {} accepts it: {}", self.plan.questions.release, summaries.join("; "));
        Step::of(Part::Configuration, subject, findings, detail)
    }

    /// EG calls a socket on which this bridge does not listen, by what it says or by its name.
    fn other_socket(&self, subject: &str) -> Option<Finding> {
        let called: Vec<_> = self.services.iter().filter_map(|called| called.address().ok()).collect();
        let words = called.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (listen, message) = match self.bridge.listens_elsewhere(&called) {
            Some(listen) => {
                let message = format!("EG calls `{words}`, and the bridge listens on `{listen}`");
                (listen, message)
            }
            None => {
                let named = self.bridge.named_elsewhere(&called)?;
                let message = format!("EG calls `{words}`, and not `{named}`, the socket that was named");
                (named, message)
            }
        };
        let finding = Finding::new(FindingId::DoctorSocketDiffers, subject, message);
        let key = match &listen {
            Address::Unix(path) => format!("`unix: {{path: {}}}`", path.display()),
            Address::Tcp { .. } => "the bridge's address".to_owned(),
        };
        let hint =
            format!("write {key} into `extensionManager.service`, or start the bridge with EG's address");
        Some(finding.with_hint(hint))
    }
}

fn told(subject: &str, told: &Told, severity: Severity) -> Finding {
    let id = told.id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(FindingId::DoctorBridgeNotReady);
    let mut finding = Finding::new(id, subject, &*told.message);
    (finding.severity, finding.hint) = (severity, told.hint.clone());
    finding
}

/// The admin server that belongs to a socket, as one word for a shell.
fn admin_word(socket: &Path) -> String {
    shell_word(&format!("unix:{}", socket.with_file_name(ADMIN_SOCKET).display())).into_owned()
}

/// The layers that stand.
pub(super) fn passed(outcome: &TargetOutcome) -> String {
    outcome.passed().map(|layer| layer.layer.name()).collect::<Vec<_>>().join(", ")
}

/// The same findings, for a user who has not typed a probe: a hint may name a flag that only the probe has.
pub(super) fn for_doctor(findings: &[Finding], command: &str) -> Vec<Finding> {
    let with_command = |finding: &Finding| {
        let hint = finding.hint.as_ref().filter(|hint| OF_PROBE.iter().any(|flag| hint.contains(flag)));
        let hint = hint.map(|hint| format!("{hint}, with `{command}`"));
        Finding { hint: hint.or_else(|| finding.hint.clone()), ..finding.clone() }
    };
    findings.iter().map(with_command).collect()
}

/// The same as a warning at most, for certificates of which nothing says that the channel uses them.
pub(super) fn downgraded(finding: Finding) -> Finding {
    Finding { severity: finding.severity.min(Severity::Warning), ..finding }
}

const OF_PROBE: [&str; 4] = ["`--max-message-size", "`--metadata-file", "`--service", "`--wait"];

/// Does the path of a socket lead nowhere, whether something listens or not?
fn is_of_path(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    !matches!(error.kind(), ConnectionRefused | NotFound | PermissionDenied)
}

const OTHER_USER: &str = "run it as the user of the bridge, or as root";

const RESTART: &str = "the bridge hangs: restart it";

/// How many earlier causes are told with the present one.
const PAST_CAUSES: usize = 3;
