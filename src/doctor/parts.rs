//! The parts of a channel, one function for each.

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use super::{Part, Plan, Step, Tls, configurations};
use crate::admin::{Answer, AskError, Told};
use crate::gateway::{Called, Verdict, check};
use crate::net::{self, Address, Alpn, Target, TargetError, Transport};
use crate::pki::audit::{Audit, Questions, Scope, audit};
use crate::pki::{IdentityError, when};
use crate::probe::{Layer, ProbePlan, Speaker, TargetOutcome, probe};
use crate::report::{Finding, FindingId, Severity, chain};
use crate::shell::{dir_flag, shell_path, shell_word};

/// What is known before the first part is looked at.
pub(super) struct Examination<'a> {
    pub(super) plan: &'a Plan,
    /// Whom EG calls.
    pub(super) services: Vec<Called>,
    pub(super) socket: Option<PathBuf>,
    /// What the bridge says of itself, if it is known where to ask.
    pub(super) answer: Option<(Address, Result<Answer, AskError>)>,
    pub(super) server: Address,
    /// Else it is the usual address.
    pub(super) is_server_named: bool,
    /// Of the certificates on disk, read once; `None` if the server needs none.
    pub(super) audit: Option<Result<Audit, Box<Finding>>>,
    pub(super) now: fn() -> OffsetDateTime,
}

impl Examination<'_> {
    pub(super) fn certificates(&self) -> Step {
        let subject = self.plan.directory.display().to_string();
        let audit = match &self.audit {
            None => {
                let reason = format!("`{}` is plaintext and needs none", self.server);
                return Step::skipped(Part::Certificates, Some(subject), reason);
            }
            Some(Ok(audit)) => audit,
            Some(Err(finding)) => {
                return Step::of(Part::Certificates, subject, vec![(**finding).clone()], "");
            }
        };
        let mut findings: Vec<_> = audit.findings().cloned().collect();
        // The audit names what is wrong with a file; this is about a pair that it does not have.
        if let (Err(finding), true) = (&self.plan.tls, is_fine(&findings)) {
            findings.push(finding.clone());
        }
        let detail = audit.first_to_expire().map_or_else(String::new, |first| {
            let distance = when::distance(first.not_after, (self.now)());
            format!("fine until {} ({distance})", when::end(first))
        });
        Step::of(Part::Certificates, subject, findings, detail)
    }

    /// The server itself, and whether what it presents is what is on disk.
    pub(super) async fn server(&mut self) -> Result<[Step; 2], TargetError> {
        let subject = self.server.to_string();
        let skipped = |part, reason: &str| Step::skipped(part, Some(subject.clone()), reason);
        let tls = match (&self.plan.tls, &self.audit) {
            (_, None) => None,
            (Ok(tls), Some(_)) => Some(tls),
            (Err(_), Some(_)) => {
                let server = match self.is_server_named {
                    true => CERTIFICATES_FIRST.to_owned(),
                    false => format!("{CERTIFICATES_FIRST}; {NOT_NAMED}"),
                };
                return Ok([skipped(Part::Server, &server), skipped(Part::OnDisk, CERTIFICATES_FIRST)]);
            }
        };
        let gateway = self.is_called_by_eg().then(|| self.plan.questions.release.without_connection());
        let client = tls.map(|tls| match gateway {
            // The verdict on its certificate is then that of EG.
            Some(_) => Arc::new((*tls.client).clone().accepting_as_gateway()),
            None => Arc::clone(&tls.client),
        });
        let name = self.plan.server_name.as_ref().filter(|_| tls.is_some());
        let target = Target::new(self.server.clone(), client, name, Alpn::Required)?;
        let mut outcome = self.probe(target.clone(), tls, gateway).await;
        let is_reached = outcome.failed_layer().is_none_or(|layer| layer > Layer::Connect);
        let is_silent = outcome.cause().is_some_and(|cause| cause.id == FindingId::ProbeTlsTimeout);
        if let (false, false, Some(finding)) =
            (is_reached, self.is_server_named, outcome.findings.first_mut())
        {
            finding.hint = finding.hint.as_ref().map(|hint| format!("{hint}; {NOT_NAMED}"));
        }
        let on_disk = match tls {
            // A server that does not answer presents nothing, and a second attempt may take the whole limit again.
            Some(_) if !is_reached || is_silent => skipped(Part::OnDisk, NOT_PRESENTED),
            Some(_) => self.on_disk(&target).await,
            None => skipped(Part::OnDisk, "plaintext: it presents nothing"),
        };
        Ok([probed(Part::Server, &outcome, self.plan), on_disk])
    }

    async fn on_disk(&mut self, target: &Target) -> Step {
        let subject = self.server.to_string();
        let skipped = |reason: &str| Step::skipped(Part::OnDisk, Some(subject.clone()), reason.to_owned());
        let Some(Ok(audit)) = &mut self.audit else { return skipped(CERTIFICATES_FIRST) };
        if !audit.has_server() {
            return skipped("the server's certificate is not on this machine");
        }
        let (Address::Tcp { host, .. }, dialed) =
            (&self.server, net::dial(target, net::deadline(self.plan.limit)).await)
        else {
            return skipped("plaintext: it presents nothing");
        };
        let presented = dialed.trace.witness.as_ref().map_or(&[][..], |witness| witness.presented());
        if presented.is_empty() {
            return skipped(NOT_PRESENTED);
        }
        let host = self.plan.server_name.as_ref().unwrap_or(host);
        // What is wrong with the chain itself, the probe has found.
        if audit.presented(&subject, host, presented, &questions(), (self.now)()).is_err() {
            return skipped("what the server presents is no certificate");
        }
        let differs = audit.findings().filter(|finding| finding.id == FindingId::CertsPresentedDiffers);
        Step::of(Part::OnDisk, subject, differs.cloned().collect(), "what it presents is what is on disk")
    }

    pub(super) fn bridge(&self) -> Step {
        let Some((address, answer)) = &self.answer else {
            return Step::skipped(Part::Bridge, None, self.not_asked());
        };
        let subject = address.to_string();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let finding = Finding::new(FindingId::DoctorBridgeUnanswered, &*subject, chain(error));
                let finding = finding.with_hint(
                    "start the bridge with `--admin`, or name the address that it was started with by `--admin` here, too",
                );
                return Step::of(Part::Bridge, subject, vec![finding], "");
            }
        };
        let told = |told: &Told, severity| self.told(&subject, told, severity);
        let reasons = answer.reasons.iter().map(|it| told(it, Severity::Error));
        let warnings = answer.warnings.iter().map(|it| told(it, Severity::Warning));
        let mut findings: Vec<_> = reasons.chain(warnings).collect();
        let past: Vec<_> = answer.upstream.causes.iter().rev().take(PAST_CAUSES).collect();
        if let (Some(first), false) = (findings.first_mut(), past.is_empty()) {
            let words = past.iter().map(|cause| format!("{} (until {})", cause.message, cause.last));
            *first = first.clone().with_evidence("before", words.collect::<Vec<_>>());
        }
        let detail = format!("{} to {}", answer.upstream.state, answer.upstream.address);
        Step::of(Part::Bridge, subject, findings, detail)
    }

    fn not_asked(&self) -> String {
        let reason =
            "not asked: no admin server is given, and the directory of its socket has no `admin.sock`";
        let Some(socket) = &self.socket else { return reason.to_owned() };
        let admin = format!("unix:{}", socket.with_file_name(super::ADMIN_SOCKET).display());
        format!("{reason}; start the bridge with `--admin {}`", shell_word(&admin))
    }

    fn told(&self, subject: &str, told: &Told, severity: Severity) -> Finding {
        let id = told.id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(FindingId::DoctorBridgeNotReady);
        let mut finding = Finding::new(id, subject, &*told.message);
        (finding.severity, finding.hint) = (severity, told.hint.clone());
        finding
    }

    pub(super) async fn socket(&self) -> Result<Step, TargetError> {
        let Some(path) = &self.socket else {
            let reason = "no configuration names a socket, and there is none at the usual place";
            return Ok(Step::skipped(Part::Socket, None, reason));
        };
        let target = Target::new(Address::Unix(path.clone()), None, None, Alpn::Required)?;
        Ok(probed(Part::Socket, &self.probe(target, None, None).await, self.plan))
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

    /// EG calls a socket on which this bridge does not listen.
    fn other_socket(&self, subject: &str) -> Option<Finding> {
        let (_, Ok(answer)) = self.answer.as_ref()? else { return None };
        let listen = answer.listen.parse::<Address>().ok()?;
        let called: Vec<_> = self.services.iter().filter_map(|called| called.address().ok()).collect();
        if called.is_empty() || called.contains(&listen) {
            return None;
        }
        let words = called.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let finding = Finding::new(
            FindingId::DoctorSocketDiffers,
            subject,
            format!("EG calls `{words}`, and the bridge listens on `{listen}`"),
        );
        let key = match &listen {
            Address::Unix(path) => format!("`unix: {{path: {}}}`", path.display()),
            Address::Tcp { .. } => "the bridge's address".to_owned(),
        };
        let hint =
            format!("write {key} into `extensionManager.service`, or start the bridge with EG's address");
        Some(finding.with_hint(hint))
    }

    /// Does EG connect to the server by its own TLS? Its file says so, or nothing says that there is a bridge.
    fn is_called_by_eg(&self) -> bool {
        let by_tls = |called: &Called| matches!(called, Called::Tcp { tls: true, .. });
        let is_unknown = self.services.is_empty() && self.socket.is_none() && self.answer.is_none();
        is_unknown || self.services.iter().any(by_tls)
    }

    async fn probe(&self, target: Target, tls: Option<&Tls>, gateway: Option<String>) -> TargetOutcome {
        let plan = ProbePlan {
            gateway,
            policy: self.plan.policy,
            speaker: Speaker::Doctor,
            own: tls.and_then(|tls| tls.own.clone()),
            directory: self.plan.directory.clone(),
            searched: true,
            timeout: self.plan.limit,
            ..ProbePlan::new(vec![target])
        };
        probe(plan, self.now).await.remove(0)
    }
}

/// What the certificates on disk come to, for a server at `server`; `None` if that needs none.
pub(super) fn audited(
    plan: &Plan,
    server: &Address,
    now: OffsetDateTime,
) -> Option<Result<Audit, Box<Finding>>> {
    if server.transport() == Transport::Plaintext {
        return None;
    }
    let missing = |error: IdentityError| {
        let subject = plan.directory.display().to_string();
        let finding = Finding::of_error(FindingId::DoctorCertificatesMissing, subject, &error);
        Box::new(finding.with_hint(format!(
            "`egext certs init --dir {}` makes a set; `--dir` names another directory",
            shell_path(&plan.directory)
        )))
    };
    let audited = Scope::of_directory(&plan.directory).and_then(|scope| audit(&scope, &questions(), now));
    Some(audited.map_err(missing))
}

fn questions() -> Questions {
    Questions { within: None, names: Vec::new(), role: None, allowed_key_mode: 0 }
}

fn probed(part: Part, outcome: &TargetOutcome, plan: &Plan) -> Step {
    let passed: Vec<_> = outcome.passed().map(|layer| layer.layer.name()).collect();
    let address = outcome.address.to_string();
    let place = if outcome.has_tls { dir_flag(&plan.directory) } else { String::new() };
    let command = format!("egext probe {}{place}", shell_word(&address));
    let findings = outcome.findings.iter().cloned().map(|finding| with_command(finding, &command)).collect();
    // What could be looked at, if it were not left out.
    let omitted = if outcome.has_tls && !plan.policy { "; policy not used" } else { "" };
    Step::of(part, address, findings, passed.join(", ") + omitted)
}

/// A hint may name a flag that only the probe has.
fn with_command(finding: Finding, command: &str) -> Finding {
    let hint = finding.hint.as_ref().filter(|hint| OF_PROBE.iter().any(|flag| hint.contains(flag)));
    match hint.map(|hint| format!("{hint}, with `{command}`")) {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}

fn is_fine(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity < Severity::Error)
}

const OF_PROBE: [&str; 4] = ["`--max-message-size", "`--metadata-file", "`--service", "`--wait"];

const CERTIFICATES_FIRST: &str = "the certificates come first";

const NOT_NAMED: &str = "this is the usual address, `--server HOST:PORT` names another";

const NOT_PRESENTED: &str = "the server presented nothing";

/// How many earlier causes are told with the present one.
const PAST_CAUSES: usize = 3;
