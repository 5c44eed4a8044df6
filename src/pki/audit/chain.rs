//! Does a chain lead to an anchor, in the eyes of those who will verify it?

use std::path::Path;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::rules;
use crate::gateway::go_x509;
use crate::net::Host;
use crate::pki::inspect::{Certificate, first_out_of_order};
use crate::pki::{Refusal, Role, SubjectName, verify, when};
use crate::report::{Finding, Id};

/// Is it leaf first, and then each issuer behind what it issued?
pub(super) fn order(subject: &str, chain: &[Certificate]) -> Vec<Finding> {
    let Some(position) = first_out_of_order(chain) else { return Vec::new() };
    let leaf = chain.iter().position(|certificate| !certificate.summary.is_ca);
    let found = chain.iter().map(|certificate| certificate.summary.subject.to_string()).collect::<Vec<_>>();
    let message = match leaf {
        Some(place @ 1..) => format!("the leaf stands at place {}, behind its issuers", place + 1),
        _ => format!("certificate {position} did not issue the one before it"),
    };
    vec![
        Finding::new(Id::CertsChainOrder, subject, message)
            .with_evidence("expected", "the leaf first, each issuer behind what it issued")
            .with_evidence("found", found)
            .with_hint("put the blocks of the file in this order; `egext certs show` says what each is"),
    ]
}

/// What is asked of the verifiers.
pub(super) struct Question<'a> {
    pub(super) subject: &'a str,
    pub(super) chain: &'a [Certificate],
    pub(super) anchors: &'a [Certificate],
    pub(super) role: Role,
    pub(super) now: OffsetDateTime,
}

impl Question<'_> {
    /// What webpki says, and a finding where it refuses for another reason than dates.
    pub(super) fn webpki(&self, anchors: &Path) -> (Option<String>, Option<Finding>) {
        let (chain, roots) = (ders(self.chain), ders(self.anchors));
        let verdict = |now| verify::leaf(&chain, &roots, self.role, &[], now).err();
        let said = verdict(self.now).map(|refusal| refusal.to_string());
        // Dates have findings of their own; so the rest is asked at a moment when everything is alive.
        let all = || self.chain.iter().chain(self.anchors).map(|certificate| certificate.summary.not_before);
        let Some(refusal) = all().max().and_then(verdict) else { return (said, None) };
        let Some(leaf) = self.chain.first() else { return (said, None) };
        let own = self.anchors.iter().map(|anchor| anchor.summary.subject.to_string()).collect::<Vec<_>>();
        let finding = if is_of_another_ca(&refusal) {
            let message = format!("it does not lead to a CA in `{}`", anchors.display());
            Finding::new(Id::CertsChainBroken, self.subject, message)
                .with_evidence("expected", format!("issued by {}", own.join(" or ")))
                .with_evidence("found", format!("issued by {}", leaf.summary.issuer))
                .with_hint("copy the set again as a whole, or add the missing intermediate to its file")
        } else {
            Finding::new(Id::CertsRefused, self.subject, format!("rustls refuses it: {refusal}"))
        };
        (said, Some(finding))
    }

    /// What Go says: under each of the names, without them under the best of its own.
    pub(super) fn go(&self, names: &[(SubjectName, Host)]) -> Option<String> {
        let (chain, roots) = (ders(self.chain), ders(self.anchors));
        let verify = |host: Option<&Host>| go_x509::verify(&chain, &roots, self.role, host, self.now).err();
        let refusal = match (self.role, self.chain.first()) {
            (Role::Server, Some(_)) if !names.is_empty() => {
                names.iter().find_map(|(_, host)| verify(Some(host)))
            }
            (Role::Server, Some(leaf)) => {
                let own = rules::callable(leaf).collect::<Vec<_>>();
                // A certificate without names is called by its common name, if at all.
                let common = Host::Name(leaf.summary.subject.common_name().to_owned());
                let refusals = own.iter().map(|host| verify(Some(host))).collect::<Vec<_>>();
                if refusals.contains(&None) {
                    None
                } else {
                    refusals.into_iter().next().unwrap_or_else(|| verify(Some(&common)))
                }
            }
            _ => verify(None),
        };
        refusal.map(|refusal| refusal.to_string())
    }

    pub(super) fn refused(&self, words: &str, role: Role) -> Finding {
        let message = match role {
            Role::Client => "a Go server refuses it",
            Role::Server => "Envoy Gateway, which is written in Go, refuses it",
        };
        Finding::new(Id::CertsGatewayRefuses, self.subject, message).with_evidence("found", words)
    }

    /// A verifier that looks at the whole chain stops where its shortest life ends.
    pub(super) fn outlives_ca(&self) -> Option<Finding> {
        let leaf = self.chain.first()?;
        let above = self.chain.last()?;
        let issuers = self.anchors.iter().filter(|anchor| above.is_issued_by(anchor));
        let until = issuers.map(|anchor| anchor.summary.not_after).max()?;
        (until < leaf.summary.not_after).then(|| {
            let message = format!("it is valid for longer than its CA, which ends on {}", when::day(until));
            Finding::new(Id::CertsOutlivesCa, self.subject, message)
                .with_evidence("expected", when::timestamp(until))
                .with_evidence("found", when::timestamp(leaf.summary.not_after))
        })
    }
}

fn is_of_another_ca(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Verifier(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey)
    )
}

fn ders(certificates: &[Certificate]) -> Vec<CertificateDer<'static>> {
    certificates.iter().map(|certificate| certificate.der.clone()).collect()
}
