//! The extension server, asked without anything between.

use std::sync::Arc;

use time::OffsetDateTime;

use super::bridge::Bridge;
use super::material::{Material, is_closed, questions, unusable};
use super::parts::{downgraded, for_doctor, passed};
use super::told::hint_about;
use super::{Known, Native, Origin, Part, Plan, State, Step, Tls};
use crate::gateway::Called;
use crate::net::{self, Address, Alpn, Target, TargetError, Transport};
use crate::pki::when;
use crate::probe::{Layer, ProbePlan, Speaker, TargetOutcome, probe};
use crate::report::{Finding, FindingId, Severity, chain};
use crate::shell::{dir_flag, shell_word};

/// The server, and the certificates with which it is asked.
pub(super) struct Server<'a> {
    plan: &'a Plan,
    pub(super) known: Known<Address>,
    material: Material,
    /// How EG would connect to it, if it does so by its own TLS.
    native: Option<&'a Native>,
    /// Is nothing else known that may be used?
    is_alone: bool,
    bridge: &'a Bridge<'a>,
    now: fn() -> OffsetDateTime,
}

impl<'a> Server<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        known: Known<Address>,
        services: &[Called],
        bridge: &'a Bridge<'a>,
        material: Material,
        now: fn() -> OffsetDateTime,
    ) -> Self {
        let is_called = |native: &&Native| match known.origin {
            Origin::Configured => native.called.address().is_ok_and(|address| address == known.value),
            Origin::Named => matches!(native.called, Called::Tcp { .. }),
            Origin::Guessed | Origin::Told => false,
        };
        let native = plan.native.iter().find(is_called);
        let is_alone = services.is_empty() && bridge.is_absent();
        Self { plan, known, material, native, is_alone, bridge, now }
    }

    /// Must there be certificates on this machine?
    fn needs_material(&self) -> bool {
        let is_named = self.plan.directory.origin == Origin::Named;
        let has_others = self.native.is_some() || self.bridge.works();
        let is_first = self.is_alone && self.plan.sources.is_empty();
        is_named || (!has_others && (is_first || self.known.origin == Origin::Named))
    }

    pub(super) fn certificates(&self) -> Step {
        let skipped = |subject, reason| Step::skipped(Part::Certificates, Some(subject), reason);
        let (files, tls, audit) = match &self.material {
            Material::Elsewhere(reason) => return Step::skipped(Part::Certificates, None, reason),
            Material::Here { files, tls, audit } => (files, tls, audit),
        };
        let subject = files.value.name();
        if self.known.value.transport() == Transport::Plaintext {
            return skipped(subject, format!("`{}` is plaintext and needs none", self.known.value));
        }
        if self.native.is_some_and(|native| native.has_secrets) && files.is_guessed() {
            return skipped(subject, "EG has its own in its Secrets".to_owned());
        }
        let needed = self.needs_material();
        let audit = match audit {
            Ok(audit) => audit,
            Err(error) if needed => {
                let finding = unusable(&files.value, error);
                return Step::of(Part::Certificates, subject, vec![finding], "").from(files.origin);
            }
            Err(error) if is_closed(error) => {
                return skipped(subject, format!("{}; run it as the user that owns them", chain(error)));
            }
            Err(error) => {
                return skipped(subject, format!("{}; nothing that is known needs it", chain(error)));
            }
        };
        let mut findings: Vec<_> = audit.findings().cloned().collect();
        // The audit names what is wrong with a file; this is about a pair that it does not have.
        if let (Err(finding), true) = (tls, findings.iter().all(|it| it.severity < Severity::Error)) {
            findings.push((**finding).clone());
        }
        if !needed && files.is_guessed() {
            findings = findings.into_iter().map(downgraded).collect();
        }
        let detail = audit.first_to_expire().map_or_else(String::new, |first| {
            let distance = when::distance(first.not_after, (self.now)());
            format!("fine until {} ({distance})", when::end(first))
        });
        let is_alone = tls.as_ref().is_ok_and(|tls| tls.own.is_none());
        let detail = if is_alone { detail + ", without a client certificate" } else { detail };
        Step::of(Part::Certificates, subject, findings, detail).from(files.origin)
    }

    /// The server itself, and whether what it presents is what is on disk.
    pub(super) async fn steps(&mut self) -> Result<[Step; 2], TargetError> {
        let (outcome, target) = match self.native {
            Some(Native { plan: Err(outcome), has_secrets: true, .. }) => ((**outcome).clone(), None),
            Some(Native { plan: Ok(plan), has_secrets: true, .. }) => self.asked_as_gateway(plan).await?,
            _ => match self.means() {
                Ok(tls) => self.asked(tls.as_ref()).await?,
                Err(reason) => return Ok([self.unasked(&reason), self.skipped(Part::OnDisk, reason)]),
            },
        };
        let is_reached = outcome.failed_layer().is_none_or(|layer| layer > Layer::Connect);
        let is_silent = outcome.cause().is_some_and(|cause| cause.id == FindingId::ProbeTlsTimeout);
        let server = self.told(&outcome);
        let on_disk = match (target, self.known.value.transport()) {
            (_, Transport::Plaintext) => self.skipped(Part::OnDisk, "plaintext: it presents nothing"),
            // Of a server that is only guessed, it says nothing.
            _ if server.state == State::Skipped => self.skipped(Part::OnDisk, "the server comes first"),
            // A server that does not answer presents nothing, and a second attempt may take the whole limit again.
            (Some(target), _) if is_reached && !is_silent => self.on_disk(&target).await,
            _ => self.skipped(Part::OnDisk, NOT_PRESENTED),
        };
        Ok([server, on_disk])
    }

    fn skipped(&self, part: Part, reason: impl Into<String>) -> Step {
        Step::skipped(part, Some(self.known.value.to_string()), reason).from(self.known.origin)
    }

    fn unasked(&self, reason: &str) -> Step {
        match (self.native, self.known.is_guessed()) {
            (Some(native), _) => self.found(vec![secrets_missing(native, &self.known.value)], ""),
            (None, true) => self.skipped(Part::Server, format!("{reason}; {NOT_NAMED}")),
            (None, false) => self.skipped(Part::Server, reason),
        }
    }

    fn found(&self, findings: Vec<Finding>, detail: impl Into<String>) -> Step {
        let subject = self.known.value.to_string();
        Step::of(Part::Server, subject, findings, detail).from(self.known.origin)
    }

    fn told(&self, outcome: &TargetOutcome) -> Step {
        let cause = outcome.cause();
        if let (true, Some(cause)) = (self.known.is_guessed(), cause) {
            return self.skipped(Part::Server, format!("{}; {NOT_NAMED}", cause.message));
        }
        let is_uncertain = cause.is_some_and(|cause| self.is_uncertain(cause.id));
        if let (true, None, Some(cause)) = (is_uncertain, self.native, cause) {
            let reason =
                format!("with the usual certificates, which the bridge may not use: {}", cause.message);
            return self.skipped(Part::Server, reason);
        }
        let command = self.command(outcome);
        let mut findings = if is_uncertain { Vec::new() } else { for_doctor(&outcome.findings, &command) };
        for finding in &mut findings {
            self.tell_of_gateway(finding);
            // What the doctor is called with mends nothing.
            if let Some(hint) = self.hint_of_bridge(finding.id) {
                finding.hint = Some(hint);
            }
        }
        findings.extend(
            self.native.filter(|it| !it.has_secrets).map(|it| secrets_missing(it, &self.known.value)),
        );
        // What could be looked at, if it were not left out.
        let omitted = if outcome.has_tls && !self.plan.policy { "; policy not used" } else { "" };
        let guessed = if self.known.is_guessed() { " (the usual address)" } else { "" };
        self.found(findings, passed(outcome) + omitted + guessed)
    }

    /// Does it depend on certificates of which nothing says that they are used?
    fn is_uncertain(&self, cause: FindingId) -> bool {
        let presents = self.native.is_none_or(|native| native.presents);
        let is_about = |about: &&str| cause.name().starts_with(about);
        let is_certain = cause == FindingId::ProbeClientCertRequired && !presents;
        let may_have_others = match self.native {
            Some(native) => !native.has_secrets,
            None => self.known.origin == Origin::Told,
        };
        may_have_others
            && self.material.is_guessed()
            && ["probe.client-cert.", "probe.server-cert."].iter().any(is_about)
            && !is_certain
    }

    /// EG has other ways to get certificates than flags.
    fn tell_of_gateway(&self, finding: &mut Finding) {
        if self.native.is_some()
            && matches!(finding.id, FindingId::ProbeCaUnusable | FindingId::ProbeClientCertUnreadable)
        {
            finding.hint = Some(WHERE_SECRETS.to_owned());
        }
    }

    /// What to do about a fault that the bridge has with this server, too.
    fn hint_of_bridge(&self, id: FindingId) -> Option<String> {
        self.is_behind_bridge().then(|| hint_about(self.bridge, id))?
    }

    /// Is it the one that the bridge calls?
    fn is_behind_bridge(&self) -> bool {
        self.native.is_none() && self.bridge.upstream().is_some_and(|upstream| upstream == self.known.value)
    }

    /// What shows more of it.
    fn command(&self, outcome: &TargetOutcome) -> String {
        match (self.native, self.material.files()) {
            (Some(native), _) => format!("egext probe --gateway-config {}", shell_word(&native.file)),
            (None, files) => {
                let directory =
                    files.filter(|_| outcome.has_tls).map(|files| dir_flag(files.value.directory()));
                let address = outcome.address.to_string();
                format!("egext probe {}{}", shell_word(&address), directory.unwrap_or_default())
            }
        }
    }

    /// With what the server is asked, or why it is not: nothing for plaintext.
    fn means(&self) -> Result<Option<Tls>, String> {
        if self.known.value.transport() == Transport::Plaintext {
            return Ok(None);
        }
        match (&self.material, self.native) {
            (Material::Elsewhere(_), _) => Err("its certificates are not here".to_owned()),
            (Material::Here { audit: Err(_), .. } | Material::Here { tls: Err(_), .. }, _) => {
                Err(if self.needs_material() { CERTIFICATES_FIRST } else { NO_CERTIFICATES }.to_owned())
            }
            // EG presents none either.
            (Material::Here { files, .. }, Some(native)) if !native.presents => {
                let tls = (self.plan.load)(&files.value.without_pair());
                tls.map(Some).map_err(|finding| finding.message)
            }
            (Material::Here { tls: Ok(tls), .. }, _) => Ok(Some((**tls).clone())),
        }
    }

    async fn asked(&self, tls: Option<&Tls>) -> Result<(TargetOutcome, Option<Target>), TargetError> {
        let is_called_by_eg = self.native.is_some() || self.is_alone;
        let gateway = is_called_by_eg.then(|| self.plan.questions.release.without_connection());
        let client = tls.map(|tls| match is_called_by_eg {
            // The verdict on its certificate is then that of EG.
            true => Arc::new((*tls.client).clone().accepting_as_gateway()),
            false => Arc::clone(&tls.client),
        });
        let name = self.plan.server_name.as_ref().filter(|_| tls.is_some());
        let target = Target::new(self.known.value.clone(), client, name, Alpn::Required)?;
        let plan = ProbePlan {
            gateway,
            own: tls.and_then(|tls| tls.own.clone()),
            searched: true,
            spoke_tls: self.is_behind_bridge() && self.bridge.is_connected(),
            ..ProbePlan::new(vec![target.clone()])
        };
        Ok((self.probed(plan).await, Some(target)))
    }

    /// With what EG has in its Secrets.
    async fn asked_as_gateway(
        &self,
        plan: &ProbePlan,
    ) -> Result<(TargetOutcome, Option<Target>), TargetError> {
        let mut plan = plan.clone();
        for target in &mut plan.targets {
            *target = target.clone().at_address(self.known.value.clone(), self.plan.server_name.as_ref())?;
        }
        let target = plan.targets.first().cloned();
        Ok((self.probed(plan).await, target))
    }

    async fn probed(&self, plan: ProbePlan) -> TargetOutcome {
        let speaker = match self.native {
            Some(Native { presents_since, .. }) => Speaker::Gateway { presents_since: *presents_since },
            None => Speaker::Doctor,
        };
        let directory = self.material.files().map(|files| files.value.directory());
        let directory = directory.unwrap_or(&self.plan.directory.value).to_owned();
        let (policy, timeout, news) = (self.plan.policy, self.plan.limit, self.plan.news.clone());
        probe(ProbePlan { policy, speaker, directory, timeout, news, ..plan }, self.now).await.remove(0)
    }

    async fn on_disk(&mut self, target: &Target) -> Step {
        let (plan, now, subject) = (self.plan, (self.now)(), self.known.value.to_string());
        let Address::Tcp { host, .. } = &self.known.value else {
            return self.skipped(Part::OnDisk, "plaintext: it presents nothing");
        };
        let host = plan.server_name.clone().unwrap_or_else(|| host.clone());
        let is_only_usual = self.material.is_guessed() && !self.needs_material();
        let reason = match &mut self.material {
            Material::Here { audit: Ok(audit), .. } if audit.has_server() => {
                let dialed = net::dial(target, net::deadline(plan.limit)).await;
                let witness = dialed.trace.witness.as_ref();
                let presented = witness.map_or(&[][..], |witness| witness.presented());
                // What is wrong with the chain itself, the probe has found.
                match audit.presented(&subject, &host, presented, &questions(), now) {
                    _ if presented.is_empty() => NOT_PRESENTED,
                    Err(_) => "what the server presents is no certificate",
                    Ok(()) => {
                        let differs = FindingId::CertsPresentedDiffers;
                        let differs: Vec<_> =
                            audit.findings().filter(|finding| finding.id == differs).cloned().collect();
                        if !differs.is_empty() && is_only_usual {
                            return self.skipped(
                                Part::OnDisk,
                                "nothing says that the usual certificates are its own",
                            );
                        }
                        let detail = "what it presents is what is on disk";
                        return Step::of(Part::OnDisk, subject, differs, detail).from(self.known.origin);
                    }
                }
            }
            Material::Here { audit: Ok(_), .. } => "the server's certificate is not on this machine",
            Material::Here { audit: Err(_), .. } => CERTIFICATES_FIRST,
            Material::Elsewhere(_) => "its certificates are not here",
        };
        self.skipped(Part::OnDisk, reason)
    }
}

/// Nothing is known of what EG trusts and presents.
pub(super) fn secrets_missing(native: &Native, address: &Address) -> Finding {
    let message = "EG connects by its own TLS, and its Secrets are not among the files: not tried as EG does";
    Finding::new(FindingId::DoctorSecretsMissing, address.to_string(), message).with_hint(format!(
        "name the manifests of its Secrets, too: `egext doctor {} secrets.yaml`",
        shell_word(&native.file)
    ))
}

const NO_CERTIFICATES: &str = "there are no certificates to ask it with";

const CERTIFICATES_FIRST: &str = "the certificates come first";

const NOT_NAMED: &str = "this is the usual address, `--server HOST:PORT` names another";

const NOT_PRESENTED: &str = "the server presented nothing";

const WHERE_SECRETS: &str = "correct the Secret, or name the file that has it, too";
