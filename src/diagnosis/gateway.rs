//! What Envoy Gateway's own TLS would do with a server that we have reached.

use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::{Context, Speaker, seconds, server, tls};
use crate::net::{Address, Greeting, MOST_TICKETS};
use crate::pki::go_x509;
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;

/// Envoy Gateway refuses the chain, and we do not. `effect` is what it does then.
pub(crate) fn chain_refused(context: &Context<'_>, refusal: &go_x509::Refusal, effect: &str) -> Finding {
    let place = context.dir_flag();
    let check = match context.target.address() {
        Address::Unix(_) => format!("where the server's files are: `egext certs check{place}`"),
        address => format!("`egext certs check --connect {}{place}`", shell_word(&address.authority())),
    };
    context
        .finding(
            FindingId::ProbeGatewayChainRefused,
            format!("Envoy Gateway would reject the server's certificate{}", subject(context)),
        )
        .with_evidence("effect", effect)
        .with_evidence("found", refusal.to_string())
        .with_hint(format!("see which certificate it is about: {check}"))
}

/// We refuse the chain, for this reason, and Envoy Gateway does not.
pub(crate) fn accepts_more(context: &Context<'_>, refusal: &CertificateError) -> Finding {
    let ours = server::certificate(context, refusal);
    let finding = context.finding(
        FindingId::ProbeGatewayAcceptsMore,
        format!(
            "Envoy Gateway accepts the server's certificate, `egext bridge` and other clients do not: {}",
            ours.message
        ),
    );
    match ours.hint {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}

/// The answer to a hello of ours, of a server that has agreed with Envoy Gateway on a group that we do not offer. `None` if
/// it goes on with the handshake, or cannot be asked.
pub(crate) fn accepts_group(context: &Context<'_>, ours: &Greeting) -> Option<Finding> {
    let (Greeting::Alert(_) | Greeting::Closed) = ours else { return None };
    Some(
        context
            .finding(
                FindingId::ProbeGatewayAcceptsMore,
                "Envoy Gateway agrees with the server on a key, other clients do not: it has no group but P-521",
            )
            .with_hint("let the server offer X25519 or P-256, too, as `egext bridge` and most clients do"),
    )
}

/// The server sends more session tickets than Go takes. `effect` is what Envoy Gateway does then; without it another client
/// in Go is meant.
pub(crate) fn too_many_tickets(context: &Context<'_>, effect: Option<&str>) -> Finding {
    let client = if effect.is_some() { "Envoy Gateway" } else { "a client in Go" };
    let finding = context
        .finding(
            FindingId::ProbeGatewayTooManyTickets,
            format!("{client} ends the connection (`{GO_TOO_MANY}`): the server sends more than {MOST_TICKETS} session tickets in a row"),
        )
        .with_hint("let the server send fewer of them: OpenSSL sends 2 by itself (`SSL_CTX_set_num_tickets`; Python: `num_tickets` of its `SSLContext`)");
    match effect {
        Some(effect) => finding.with_evidence("effect", effect),
        None => finding,
    }
}

/// As `crypto/tls` words it.
const GO_TOO_MANY: &str = "tls: too many non-advancing records";

/// The server's answer to a hello with `sent` as its name. `None` if it goes on with the handshake.
pub(crate) fn sni_refused(
    context: &Context<'_>,
    sent: &str,
    answer: &Greeting,
    (effect, limit): (&str, Duration),
) -> Option<Finding> {
    let found = match answer {
        Greeting::Accepted | Greeting::Unsent(_) => return None,
        Greeting::Alert(alert) => format!("alert `{}`", tls::alert_name(*alert)),
        Greeting::Closed => "connection closed".to_owned(),
        Greeting::Silent => format!("no answer within {}", seconds(limit)),
    };
    let message = match answer {
        // What rustls says: its grammar of host names has no colon.
        Greeting::Alert(AlertDescription::IllegalParameter) => {
            "the server rejects the name with a port that Envoy Gateway sends, as rustls does"
        }
        _ => "the server rejects the name with a port that Envoy Gateway sends",
    };
    let address = context.target.address().to_string();
    let bridge = format!(
        "let Envoy Gateway connect through a bridge, which sends the name alone: \
         `egext bridge --listen unix:/run/egext/eg.sock --upstream {}{}`",
        shell_word(&address),
        context.dir_flag()
    );
    let hint = match context.speaker {
        Speaker::Doctor => bridge,
        Speaker::Gateway { .. } => {
            format!(
                "{bridge}; `egext config stanza{}` prints the part of the file for it",
                context.dir_flag()
            )
        }
        Speaker::Bridge | Speaker::Probe => format!("{bridge}; if it does so already, pass `--no-gateway`"),
    };
    Some(
        context
            .finding(FindingId::ProbeGatewaySniRefused, message)
            .with_evidence("effect", effect)
            .with_evidence("found", found)
            .with_evidence("sent", format!("server name (SNI) {sent}"))
            .with_hint(hint),
    )
}

fn subject(context: &Context<'_>) -> String {
    context.presented().map_or_else(String::new, |found| format!(" `{}`", found.subject))
}
