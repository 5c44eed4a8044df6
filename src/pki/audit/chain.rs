//! Do the verifiers of the peers accept a chain?

use std::path::Path;

use time::OffsetDateTime;

use super::route::Route;
use super::rules;
use crate::host::Host;
use crate::pki::Certificate;
use crate::pki::ca::verify;
use crate::pki::x509::when;
use crate::pki::{Refusal, Role, SubjectName, go_x509};
use crate::report::{Finding, FindingId};

/// What is asked of the verifiers.
pub(super) struct Question<'a> {
    pub(super) subject: &'a str,
    pub(super) chain: &'a [Certificate],
    pub(super) anchors: &'a [Certificate],
    pub(super) role: Role,
    pub(super) now: OffsetDateTime,
}

impl Question<'_> {
    /// What webpki says, and a finding if it refuses for another reason than dates.
    pub(super) fn webpki(&self, anchors: &Path) -> (Option<Refusal>, Option<Finding>) {
        let said = verify::leaf(self.chain, self.anchors, self.role, &[], self.now).err();
        // Dates have findings of their own.
        let finding = verify::dates_aside(self.chain, self.anchors, self.role).err().map(|refusal| {
            if is_of_another_ca(&refusal) { self.broken(anchors) } else { self.refused_by_rustls(&refusal) }
        });
        (said, finding)
    }

    pub(super) fn refused_by_rustls(&self, refusal: &Refusal) -> Finding {
        Finding::new(FindingId::CertsRefused, self.subject, format!("rustls rejects it: {refusal}"))
    }

    fn broken(&self, anchors: &Path) -> Finding {
        let own = self.anchors.iter().map(|anchor| anchor.subject.to_string()).collect::<Vec<_>>();
        let message = format!("it does not lead to a CA in `{}`", anchors.display());
        Finding::new(FindingId::CertsChainBroken, self.subject, message)
            .with_evidence("expected", format!("issued by {}", one_of(&own)))
            .with_evidence("found", format!("issued by {}", self.issuers().join(", issued by ")))
            .with_hint("copy the set again as a whole, or add the missing intermediate to its file")
    }

    /// The names of its issuers, as far as the chain has their certificates, and the name that is missing.
    fn issuers(&self) -> Vec<String> {
        let Some(mut last) = self.chain.first() else { return Vec::new() };
        let mut names = vec![last.issuer.to_string()];
        for _ in 1..self.chain.len() {
            let issuer = self.chain[1..].iter().find(|other| last.is_issued_by(other));
            let Some(issuer) = issuer.filter(|issuer| !issuer.self_issued) else { break };
            names.push(issuer.issuer.to_string());
            last = issuer;
        }
        names
    }

    /// What Go says: under each of the names, without them under the best of its own.
    pub(super) fn go(&self, names: &[(SubjectName, Host)]) -> Option<String> {
        let verify =
            |host: Option<&Host>| go_x509::verify(self.chain, self.anchors, self.role, host, self.now).err();
        let refusal = match (self.role, self.chain.first()) {
            (Role::Server, Some(_)) if !names.is_empty() => {
                names.iter().find_map(|(_, host)| verify(Some(host)))
            }
            (Role::Server, Some(leaf)) => {
                let own = rules::callable(leaf).collect::<Vec<_>>();
                // A certificate without names is called by its common name, if at all.
                let common = Host::Name(leaf.subject.common_name().to_owned());
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
            Role::Client => "a Go server rejects it",
            Role::Server => "Envoy Gateway, which is written in Go, rejects it",
        };
        Finding::new(FindingId::CertsGatewayRefuses, self.subject, message).with_evidence("found", words)
    }

    /// A verifier that looks at the whole chain stops where its shortest life ends.
    pub(super) fn outlives_ca(&self, route: &Route<'_>) -> Option<Finding> {
        let leaf = self.chain.first()?;
        // A CA that has expired already has a finding of its own.
        let until = route.issuers_end().filter(|until| self.now <= *until)?;
        (until < leaf.not_after).then(|| {
            let message =
                format!("it is valid for longer than its CA, which expires on {}", when::day(until));
            Finding::new(FindingId::CertsOutlivesCa, self.subject, message)
                .with_evidence("expected", when::timestamp(until))
                .with_evidence("found", when::timestamp(leaf.not_after))
        })
    }
}

/// The names of some CAs. A system's bundle has more than a hundred.
fn one_of(names: &[String]) -> String {
    match names.len().checked_sub(NAMED) {
        None | Some(0 | 1) => names.join(" or "),
        Some(more) => format!("{} or one of {more} other CAs", names[..NAMED].join(", ")),
    }
}

fn is_of_another_ca(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Verifier(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey)
    )
}

/// How many CAs are named one by one.
const NAMED: usize = 3;
