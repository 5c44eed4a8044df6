//! The server's verdict on our certificate.

use rustls::AlertDescription;

use super::{Context, Speaker, some_of};
use crate::net::ClientTls;
use crate::pki::when::timestamp;
use crate::pki::{Certificate, DistinguishedName};
use crate::report::{Finding, FindingId, in_backticks};

/// The server rejected our certificate, or that we presented none.
pub(super) fn client_certificate(context: &Context<'_>, alert: AlertDescription) -> Finding {
    let Some(own) = context.own else { return required(context) };
    if let Some(finding) = own_defect(context) {
        return finding;
    }
    let why = CLIENT_REFUSALS.iter().find(|(known, _)| *known == alert).map_or("", |(_, why)| why);
    let finding = context
        .finding(FindingId::ProbeClientCertRejected, format!("the server rejected our certificate{why}"));
    let issued = issued(own);
    let wanted = wanted_authorities(context);
    // It trusts a CA of this name. With these two alerts that is one with another key.
    let is_of_ca = matches!(alert, AlertDescription::UnknownCA | AlertDescription::DecryptError);
    if !is_of_ca && wanted.contains(&own.issuer.to_string()) {
        let names = own.names.iter().map(ToString::to_string).collect::<Vec<_>>();
        return context
            .finding(
                FindingId::ProbeClientCertRejected,
                format!("the server accepts certificates of our CA, and rejected this one{why}"),
            )
            .with_evidence("sent", format!("{issued}, for {}", some_of(&names)))
            .with_hint("compare these names with the server's access list, and read its log");
    }
    let finding = finding.with_evidence("sent", issued);
    match wanted.as_slice() {
        [] => finding.with_hint(
            "the server must trust the CA of our certificate, and permit its names if it has an access list",
        ),
        names => with_authorities(finding, names),
    }
}

/// The server asked for our certificate, got it and went away, and no alert says why.
///
/// C-core and Node.js never send one, and one is easily lost if the server closes at once. After a handshake that has
/// gone so far, little else makes a server close.
pub(super) fn rejected_in_silence(context: &Context<'_>, own: &Certificate) -> Finding {
    let wanted = wanted_authorities(context);
    let issuers = context.target.tls().map_or(&[][..], ClientTls::issuers);
    let is_of_wanted = issuers.iter().any(|issuer| wanted.contains(&issuer.to_string()));
    let finding = |message| {
        context.finding(FindingId::ProbeClientCertRejected, message).with_evidence("sent", issued(own))
    };
    match wanted.as_slice() {
        [] => finding(CLOSED_AND_REJECTED).with_hint(
            "the server must trust the CA of our certificate, and permit its names if it has an access list; its log \
             may say why",
        ),
        names if is_of_wanted => finding(CLOSED_AND_REJECTED)
            .with_evidence("expected", format!("a certificate of {}", some_of(&in_backticks(names))))
            .with_hint(
                "the server names a CA that is called as ours: compare both certificates, compare the names in ours \
                 with its access list, and read its log",
            ),
        names => {
            let message = "the server asked for a certificate of another CA than ours, and closed the connection";
            with_authorities(finding(message), names)
        }
    }
}

const CLOSED_AND_REJECTED: &str =
    "the server closed the connection when it had our certificate: it most likely rejected it";

fn issued(own: &Certificate) -> String {
    format!("our certificate `{}` was issued by `{}`", own.subject, own.issuer)
}

fn with_authorities(finding: Finding, wanted: &[String]) -> Finding {
    let names = in_backticks(wanted);
    finding
        .with_evidence("expected", format!("a certificate of {}", some_of(&names)))
        .with_hint("give the server our CA as client CA, or use a certificate of a CA that it trusts")
}

pub(super) fn required(context: &Context<'_>) -> Finding {
    let finding = context
        .finding(
            FindingId::ProbeClientCertRequired,
            "the server demands a client certificate, and we have none",
        )
        .with_hint(where_ours_is(context));
    match wanted_authorities(context).as_slice() {
        [] => finding,
        names => {
            let names = in_backticks(names);
            finding.with_evidence("expected", format!("a certificate of {}", some_of(&names)))
        }
    }
}

/// How to give us a certificate.
fn where_ours_is(context: &Context<'_>) -> String {
    let flags = context.with_flags(match context.speaker {
        Speaker::Doctor => "`--dir` and a set with one",
        Speaker::Gateway { presents_since: None } => return NO_REFERENCE.to_owned(),
        Speaker::Gateway { presents_since: Some(since) } => {
            return format!(
                "this release of Envoy Gateway presents no certificate: use {since} or later, or let it connect through a \
                 bridge, which presents one: `egext config stanza` prints that part and the command"
            );
        }
        Speaker::Bridge | Speaker::Probe => "`--dir`, or `--cert` and `--key`",
    });
    if !context.searched {
        return flags;
    }
    let directory = context.directory.display();
    format!("`{directory}` has neither `client.crt` with its key nor `tls.crt` with its key: {flags}")
}

const NO_REFERENCE: &str =
    "add `clientCertificateRef` to `tls` in the file: `egext config secrets` makes its Secret";

/// What is wrong with our own certificate, whatever the server's alert calls it.
pub(super) fn own_defect(context: &Context<'_>) -> Option<Finding> {
    let own = context.own?;
    if let Some(finding) = untimely(context) {
        return Some(finding);
    }
    (!own.client_auth).then(|| {
        context
            .finding(
                FindingId::ProbeClientCertWrongPurpose,
                format!("our certificate `{}` is not for clients", own.subject),
            )
            .with_evidence("expected", "extended key usage clientAuth")
            .with_hint(context.with_flags_or(
                "the client's files: `client.crt` and `client.key`",
                "put the client's files into the Secret of `clientCertificateRef`: `egext config secrets` does so for a set",
            ))
    })
}

/// What is wrong with our own certificate for every server, also for one that did not ask for it.
pub(crate) fn untimely(context: &Context<'_>) -> Option<Finding> {
    let own = context.own?;
    let finding = |id, message: String| Some(context.finding(id, message));
    if own.not_after < context.now {
        return finding(
            FindingId::ProbeClientCertExpired,
            format!("our certificate `{}` expired on {}", own.subject, timestamp(own.not_after)),
        )
        .map(|finding| finding.with_hint(context.renew_ours("")));
    }
    if own.not_before > context.now {
        return finding(
            FindingId::ProbeClientCertNotYetValid,
            format!("our certificate `{}` is valid from {} on", own.subject, timestamp(own.not_before)),
        )
        .map(|finding| {
            let place = context.dir_flag();
            finding.with_hint(format!(
                "compare the clocks (`date -u`) of the machines that made and that use it; if they agree, wait until then, \
                 or renew it where its CA is: `egext certs renew --force --role client{place}`"
            ))
        });
    }
    None
}

/// The authorities that the server named when it asked for our certificate.
fn wanted_authorities(context: &Context<'_>) -> Vec<String> {
    let asked = context.trace.witness.as_ref().and_then(|witness| witness.asked()).unwrap_or_default();
    asked
        .iter()
        .filter_map(|name| DistinguishedName::from_der(name.as_ref()))
        .map(|name| name.to_string())
        .collect()
}

/// What a refusal of our certificate says (RFC 8446 section 6.2).
const CLIENT_REFUSALS: &[(AlertDescription, &str)] = &[
    (AlertDescription::AccessDenied, ": access denied"),
    (AlertDescription::BadCertificate, ": bad certificate"),
    (AlertDescription::CertificateExpired, ": expired, by its clock"),
    (AlertDescription::CertificateRevoked, ": revoked"),
    (AlertDescription::UnknownCA, ": unknown CA"),
    (AlertDescription::UnsupportedCertificate, ": not of a kind that it accepts"),
];
