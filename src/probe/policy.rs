//! The layer `policy`: does the server refuse clients that it does not know?

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::Layer;
use super::attempt::{Client, Reached};
use super::outcome::{TargetOutcome, Verdict};
use crate::diagnosis::{Context, policy};
use crate::net::{ClientTls, Target};
use crate::pki::authority::{Authority, Leaf, LeafKey};
use crate::pki::issue::SetPlan;
use crate::pki::{Certificate, Identity, KeyType, Role, SubjectName, parse_common_name};
use crate::report::FindingId;
use crate::units::Span;

/// Connects without a certificate, and with one of a CA that is made for this. `None` where there is no client
/// certificate that the server could demand.
pub(super) async fn look(context: &Context<'_>, client: Client<'_>) -> Option<Verdict> {
    let own = context.own.filter(|_| context.target.tls().is_some())?;
    if context.trace.witness.as_ref()?.asked().is_none() {
        // It cannot refuse what it does not ask for, so one finding says all.
        return Some(Verdict::of(vec![policy::client_cert_not_required(context)], String::new()));
    }
    let client = Client { limit: client.limit.min(LIMIT), ..client };
    let Some(stranger) = stranger(own, context.now) else {
        return Some(Verdict::noted("not proven: no certificate of another CA could be made"));
    };
    // A name can have many servers behind it.
    let target = match context.trace.connected {
        Some((Some(peer), _)) => context.target.clone().at(peer),
        _ => context.target.clone(),
    };
    let (without, foreign) =
        tokio::join!(admission(&target, client, None), admission(&target, client, Some(&stranger)));
    let mut findings = Vec::new();
    if without == Admission::Admitted {
        findings.push(policy::client_cert_not_required(context));
    }
    if foreign == Admission::Admitted {
        findings.push(policy::foreign_ca_accepted(context));
    }
    let unknown = [without, foreign].into_iter().find_map(|admission| match admission {
        Admission::Unknown(why) => Some(why),
        Admission::Admitted | Admission::Refused => None,
    });
    Some(match unknown {
        Some(why) if findings.is_empty() => Verdict::noted(format!("not proven: {why}")),
        _ => Verdict::of(findings, "no certificate: refused, another CA: refused".to_owned()),
    })
}

/// What became of a client that should not come in.
#[derive(Debug, Eq, PartialEq)]
enum Admission {
    Admitted,
    Refused,
    /// Neither was seen, for this reason.
    Unknown(String),
}

async fn admission(target: &Target, client: Client<'_>, identity: Option<&Identity>) -> Admission {
    // The server was verified just now, and these clients have nothing to tell it.
    let Ok(tls) = ClientTls::accepting_any_server(identity) else {
        return Admission::Unknown("its certificate cannot be used for TLS".to_owned());
    };
    // So that nothing but the certificate is refused.
    let tls = target.tls().map_or(tls.clone(), |before| tls.offering_like(before));
    let client = Client { own: identity.map(Identity::leaf), ..client };
    let Reached { outcome, trace, .. } = client.reach(&target.with_tls(Arc::new(tls))).await;
    let was_asked = trace.witness.is_some_and(|witness| witness.is_accepted() && witness.asked().is_some());
    judge(&outcome, was_asked)
}

/// A server that refuses may say so in TLS, by closing the connection, or above TLS. Our own client was not refused before,
/// so what ends this connection is an answer to its certificate, if the server came so far as to ask for it. One that ends
/// it before is gone, or has enough connections.
fn judge(outcome: &TargetOutcome, was_asked: bool) -> Admission {
    let (Some(layer), Some(cause)) = (outcome.failed_layer(), outcome.cause()) else {
        return Admission::Admitted;
    };
    match (layer, cause.id) {
        (Layer::Health, _) => Admission::Admitted,
        (Layer::Resolve | Layer::Connect, _)
        | (
            _,
            FindingId::ProbeTlsTimeout
            | FindingId::ProbeHttp2Timeout
            | FindingId::ProbeGrpcTimeout
            | FindingId::ProbeGrpcUnavailable,
        ) => Admission::Unknown(cause.message.clone()),
        _ if !was_asked => Admission::Unknown(cause.message.clone()),
        _ => Admission::Refused,
    }
}

/// A client certificate with the names of `own`, of a CA that the server does not know.
fn stranger(own: &Certificate, now: OffsetDateTime) -> Option<Identity> {
    let lifetime = Span::from_days(1);
    let (authority, _) = Authority::create(KeyType::default(), lifetime, now).ok()?;
    let issue = |name: &str, names: &[SubjectName]| {
        let key = LeafKey::New(KeyType::default());
        authority.issue(&Leaf { role: Role::Client, name, names, key, lifetime }, now)
    };
    let usual = SetPlan::default();
    let name = parse_common_name(own.subject.common_name()).unwrap_or(usual.client_name);
    // Others issue names that we do not.
    let issued = issue(&name, &own.names).or_else(|_| issue(&name, &usual.client_names)).ok()?;
    issued.identity(Role::Client).ok()
}

/// A server that has just accepted a client refuses another one at once.
const LIMIT: Duration = Duration::from_secs(2);
