//! A server that answers clients which it should refuse.

use super::{Context, Speaker, wire};
use crate::net::Fault;
use crate::report::{Finding, FindingId};

/// It answers without a certificate of ours.
pub(crate) fn client_cert_not_required(context: &Context<'_>) -> Finding {
    let (message, found) = match context.asked_for_certificate() {
        true => {
            ("the server answers a client without a certificate", "it asks for one and goes on without it")
        }
        false => ("the server answers every client", "it asks for no client certificate"),
    };
    let hint = match context.speaker {
        Speaker::Bridge => "let the server require client certificates",
        Speaker::Doctor | Speaker::Gateway { .. } | Speaker::Probe => {
            "let the server require client certificates, or pass `--no-policy` if clients have none"
        }
    };
    context
        .finding(FindingId::ProbePolicyClientCertNotRequired, message)
        .with_evidence("expected", "it refuses clients without a certificate of its client CA")
        .with_evidence("found", found)
        .with_hint(hint)
}

/// It answers a client of a CA that it does not know.
pub(crate) fn foreign_ca_accepted(context: &Context<'_>) -> Finding {
    context
        .finding(
            FindingId::ProbePolicyForeignCaAccepted,
            "the server accepts a client certificate of an unknown CA",
        )
        .with_evidence("expected", "it refuses certificates that its client CA did not issue")
        .with_evidence("found", "it answered with a certificate of a CA that we made just now")
        .with_hint("let the server verify client certificates against its client CA, not only ask for them")
}

/// It speaks TLS where plaintext is expected. `None` if `fault` is another one.
pub(crate) fn not_plaintext(context: &Context<'_>, fault: &Fault) -> Option<Finding> {
    let found = wire::tls_seen(context, fault)?;
    let address = context.target.address();
    let hint = match address.socket_path() {
        Some(_) => "let the server speak plaintext on this socket, as a bridge does".to_owned(),
        None => format!(
            "let the server speak plaintext on this port; if TLS is right: {}",
            context.with_address(&format!("tls://{}", address.authority()))
        ),
    };
    Some(
        context
            .finding(FindingId::ProbePolicyNotPlaintext, "the server speaks TLS, and plaintext is expected")
            .with_evidence("expected", "HTTP/2 without TLS")
            .with_evidence("found", found)
            .with_hint(hint),
    )
}
