//! Targets as Envoy Gateway's own configuration has them.

use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::cli;
use crate::commands::Error;
use crate::commands::config::{
    ConfigError,
    check::{directory, source},
};
use crate::gateway::{Lack, Pauses, Peer, PeerTls, Questions, Release, obstacle, peers};
use crate::net::{Address, Alpn, ClientTls, Target};
use crate::pki::{Anchors, Certificate, Identity};
use crate::probe::{Calls, Layer, Manager, ProbePlan, Retry, Speaker, TargetOutcome};
use crate::report::{Finding, FindingId};

/// An extension manager whose server is probed.
pub(super) struct Managed {
    manager: Manager,
    /// What keeps EG from connecting.
    never: Option<String>,
    /// What makes every call of EG fail.
    failing: Vec<Finding>,
    /// What else there is to say of its Secrets.
    remarks: Vec<Finding>,
}

impl Managed {
    /// Adds what is known without a probe.
    pub(super) fn complete(&self, outcome: &mut TargetOutcome) {
        outcome.manager = Some(self.manager.clone());
        if let Some(why) = &self.never {
            let address = outcome.address.to_string();
            let finding = Finding::new(FindingId::ConfigNativeTlsUnusable, address, NEVER)
                .with_evidence("effect", why.as_str())
                .with_hint(
                    "call a bridge on a unix socket: `egext config stanza` prints that part and the command",
                );
            outcome.refuse(Layer::Gateway, finding);
        }
        for mut finding in self.failing.iter().cloned() {
            finding.message = format!("`{}`: {}", finding.subject, finding.message);
            finding.subject = outcome.address.to_string();
            outcome.refuse(Layer::Gateway, finding);
        }
        outcome.findings.extend(self.remarks.iter().cloned());
    }
}

/// The extension managers of the file that was named, if one was.
pub(super) fn configured(arguments: &cli::Probe, now: OffsetDateTime) -> Result<Option<Vec<Peer>>, Error> {
    let Some(file) = &arguments.gateway_config else { return Ok(None) };
    let release: Release = arguments.eg_version.parse().map_err(ConfigError::from)?;
    let namespace = arguments.namespace.parse().map_err(ConfigError::from)?;
    let mut sources = vec![source(file).map_err(ConfigError::from)?];
    for resources in &arguments.resources {
        sources.extend(directory(resources).map_err(ConfigError::from)?);
    }
    let questions = Questions { release, mode: None, namespace, now, server_limit: None, look: None };
    let peers = peers(&sources, &questions);
    match obstacle(&sources, &questions, &peers) {
        Some(finding) => Err(unusable(finding)),
        None if peers.is_empty() => Err(Error::NoPeers { file: file.clone() }),
        None => Ok(Some(peers)),
    }
}

fn unusable(finding: Finding) -> Error {
    let place = match &finding.location {
        // It is about the file as a whole.
        Some(location) if location.path == finding.subject => location.to_string(),
        Some(location) => format!("{location}: `{}`", finding.subject),
        None => format!("`{}`", finding.subject),
    };
    Error::PeerConfiguration { place, finding: Box::new(finding) }
}

/// How the server of a manager is probed, apart from that as in `pattern`; or what became of it without that.
pub(super) fn one(
    peer: Peer,
    pattern: &ProbePlan,
) -> Result<(Managed, Result<ProbePlan, Box<TargetOutcome>>), Error> {
    let calls = calls(&peer, pattern);
    let Peer {
        manager,
        called,
        location,
        tls,
        without_connection,
        message_limit,
        attempts,
        retried,
        failing,
        ..
    } = peer;
    let never = tls.as_ref().and_then(|tls| tls.unusable.clone());
    let remarks = tls.as_ref().map(|tls| tls.remarks.clone()).unwrap_or_default();
    let presents_since = tls.as_ref().and_then(|tls| tls.presents_since);
    let address = called.address().map_err(|error| {
        let subject = format!("{manager}.service");
        unusable(Finding::of_error(FindingId::ConfigTarget, subject, &error).at(location))
    })?;
    let planned = match material(&address, tls) {
        Err(finding) => Err(Box::new(TargetOutcome::untried(address, *finding))),
        Ok(material) => {
            let (tls, own) = material.unzip();
            let tls = tls.map(|tls: ClientTls| Arc::new(tls.accepting_as_gateway()));
            Ok(ProbePlan {
                targets: vec![match (address, tls) {
                    (Address::Unix(path), Some(tls)) => {
                        Target::tls_on_socket(path, tls, None, Alpn::Preferred)?
                    }
                    (address, tls) => Target::new(address, tls, None, Alpn::Preferred)?,
                }],
                own: own.flatten(),
                calls,
                speaker: Speaker::Gateway { presents_since },
                gateway: pattern.gateway.as_ref().map(|_| without_connection),
                ..pattern.clone()
            })
        }
    };
    let manager = Manager { path: manager, message_limit, attempts, retried };
    Ok((Managed { manager, never, failing, remarks }, planned))
}

/// The same calls as in `pattern`, made as EG makes its own.
fn calls(peer: &Peer, pattern: &ProbePlan) -> Calls {
    let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
    let Pauses { attempts, first, longest, growth } = peer.pauses;
    Calls {
        longest: bytes(peer.received),
        longest_request: peer.sent.map(bytes),
        repeats_unseen: true,
        retry: Some(Retry {
            codes: peer.retried.clone(),
            attempts,
            first,
            longest,
            growth,
            after_failure: peer.after_failure,
        }),
        ..pattern.calls.clone()
    }
}

type Material = Option<(ClientTls, Option<Certificate>)>;

/// What EG would use for TLS, from its Secrets.
fn material(address: &Address, tls: Option<PeerTls>) -> Result<Material, Box<Finding>> {
    let Some(PeerTls { ca, client, .. }) = tls else { return Ok(None) };
    let lacks = |id| move |lack| Box::new(lacking(id, address, lack));
    let refused = |id, words: String| {
        Box::new(Finding::new(id, address.to_string(), words).with_hint(OTHER_CERTIFICATES))
    };
    let of_ca = |words| refused(FindingId::ProbeCaUnusable, words);
    let of_client = |words| refused(FindingId::ProbeClientCertUnreadable, words);
    let ca = ca.map_err(lacks(FindingId::ProbeCaUnusable))?;
    let anchors = Anchors::from_pem(Path::new("tls.crt"), &ca).map_err(|error| of_ca(error.to_string()))?;
    let pair = client.transpose().map_err(lacks(FindingId::ProbeClientCertUnreadable))?;
    let identity = pair
        .map(|(certificate, key)| {
            let certificate = (Path::new("tls.crt"), certificate.as_slice());
            Identity::from_pem(certificate, (Path::new("tls.key"), key.as_slice()))
                .map_err(|error| of_client(error.to_string()))
        })
        .transpose()?;
    let tls = ClientTls::new(&anchors, identity.as_ref()).map_err(|error| of_client(error.to_string()))?;
    Ok(Some((tls, identity.map(|identity| identity.leaf().clone()))))
}

/// Why EG gets nothing from a Secret: in its words, with what is wrong there.
fn lacking(id: FindingId, address: &Address, lack: Lack) -> Finding {
    let Lack { words, finding, unread } = lack;
    let mut lacking = Finding::new(id, address.to_string(), words);
    if let Some(cause) = &finding {
        let place = cause.location.as_ref().map(|location| format!("{location}: ")).unwrap_or_default();
        lacking = lacking.with_evidence("found", format!("{place}{}", cause.message));
    }
    let hint = match (unread, finding.and_then(|cause| cause.hint)) {
        (Some((place, why)), _) => {
            format!("`{place}` cannot be read: {why}; correct it if the Secret is there")
        }
        (None, Some(hint)) => hint,
        (None, None) => WHERE_SECRETS.to_owned(),
    };
    lacking.with_hint(hint)
}

/// What EG takes, and the probe does not.
const OTHER_CERTIFICATES: &str =
    "`egext config secrets` writes the Secret from the files of `egext certs init`";

/// The words are EG's, which has other flags.
const WHERE_SECRETS: &str = "name the directory with its Secrets by `--resources DIR`; `--namespace` is for those without a namespace";

const NEVER: &str =
    "EG reads certificates from Kubernetes only, so with resources from files it never connects by TLS";
