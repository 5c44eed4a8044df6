//! A server whose certificate is of a CA that we do not trust.

use super::{Context, Speaker, some_of};
use crate::net::ClientTls;
use crate::pki::Certificate;
use crate::report::{Finding, FindingId, in_backticks};

/// We do not trust who issued the server's certificate `subject`, which is `found` if it can be read.
pub(super) fn unknown(context: &Context<'_>, subject: &str, found: Option<&Certificate>) -> Finding {
    let finding = context.finding(
        FindingId::ProbeServerCertUnknownIssuer,
        format!("we do not trust the issuer of the server's certificate{subject}"),
    );
    let finding = match trusted(context).as_slice() {
        [] => finding,
        names => finding.with_evidence("expected", format!("a certificate of {}", some_of(names))),
    };
    match found {
        Some(found) if found.self_issued && found.is_ca => {
            finding.with_evidence("found", "it is self-signed").with_hint(
                "to trust this one is not enough, since clients accept no CA certificate as a server's: let a CA that \
                 we trust issue one for the server",
            )
        }
        Some(found) if found.self_issued => {
            finding.with_evidence("found", "it is self-signed").with_hint(trusting(context, ITSELF))
        }
        Some(found) => {
            let hint = trusting(context, ISSUER) + &after_a_new_ca(context);
            let hint = match context.presented_count() {
                1 => format!(
                    "{hint}; if `{}` is an intermediate CA, let the server send its certificate, too: in the server's \
                     file, put it after the leaf",
                    found.issuer
                ),
                _ => hint,
            };
            finding.with_evidence("found", format!("issued by `{}`", found.issuer)).with_hint(hint)
        }
        None => finding.with_hint(trusting(context, ISSUER)),
    }
}

/// The names of the CAs that we trust, as the file has them.
fn trusted(context: &Context<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let anchors = context.target.tls().map_or(&[][..], ClientTls::trusted);
    for name in in_backticks(anchors.iter().map(|anchor| &anchor.subject)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What to trust: the words for a flag, and for other places.
const ISSUER: (&str, &str) = ("the file of the CA that issued it", "the CA that issued it");

/// One that is no CA certificate can be trusted as itself.
const ITSELF: (&str, &str) = ("a copy of this certificate", "this certificate");

fn trusting(context: &Context<'_>, (file, what): (&str, &str)) -> String {
    match context.speaker {
        Speaker::Doctor => format!("name its set by `--dir`, or add {what} to `ca.crt`"),
        Speaker::Bridge | Speaker::Gateway { .. } | Speaker::Probe => context.with_flags_or(
            format!("`--ca` and {file}"),
            &format!(
                "put {what} into the Secret of `certificateRef`: `egext config secrets` does so for a set"
            ),
        ),
    }
}

/// A server whose set was made anew rejects the old client certificate next.
fn after_a_new_ca(context: &Context<'_>) -> String {
    match context.speaker {
        Speaker::Bridge | Speaker::Probe if context.own.is_some() => "; if the server's CA was replaced, copy the new \
            set (`ca.crt` and the client's files) instead: with `--ca` alone, the server rejects our certificate next"
            .to_owned(),
        _ => String::new(),
    }
}
