//! A leaf certificate, with the other certificates of its file or those that a server sends with it.

use std::path::Path;

use time::OffsetDateTime;

use super::authority::Needs;
use super::route::Route;
use super::{
    Audit, LeafFiles, Questions, TrustedCas, Verdicts, chain, files, linked, order, rules, strictness, usage,
};
use crate::input::is_stdin;
use crate::pki::Certificate;
use crate::pki::Role;
use crate::report::{Finding, FindingId, Severity, State};

impl Audit {
    pub(super) fn leaf_files(
        &mut self,
        files: &LeafFiles,
        pair: Result<files::Pair, Box<Finding>>,
        questions: &Questions,
        now: OffsetDateTime,
    ) {
        let before = self.checks.len();
        self.pair(files, pair, questions, now);
        linked::advise([&files.certificate, &files.key], &mut self.checks[before..]);
    }

    fn pair(
        &mut self,
        files: &LeafFiles,
        pair: Result<files::Pair, Box<Finding>>,
        questions: &Questions,
        now: OffsetDateTime,
    ) {
        let subject = files.certificate.display().to_string();
        let pair = match pair {
            Ok(pair) => pair,
            Err(finding) => return self.record("file", &subject, vec![*finding]),
        };
        let Some(leaf) = pair.chain.first() else {
            return self.record("file", &subject, vec![files::no_certificate(&pair.file)]);
        };
        let role = files.role.unwrap_or_else(|| rules::role(leaf));
        if questions.role.is_some_and(|wanted| wanted != role) {
            return;
        }
        self.record("file", &subject, pair.file(files));
        self.record_state("key", &subject, pair.key(files));
        if pair.has_key() && !is_stdin(&files.key) {
            self.record("key mode", &subject, files::mode(&files.key, questions.allowed_key_mode));
        }
        if role == Role::Server && self.server.is_none() {
            self.server = Some((subject.clone(), leaf.clone()));
        }
        self.leaf(&subject, &pair.chain, role, questions, now);
    }

    /// All that does not depend on where the chain is from.
    pub(super) fn leaf(
        &mut self,
        subject: &str,
        chain: &[Certificate],
        role: Role,
        questions: &Questions,
        now: OffsetDateTime,
    ) {
        let Some(leaf) = chain.first() else { return };
        self.certificates.extend(chain.iter().map(|found| (subject.to_owned(), found.clone())));
        // What stands first in the wrong order is not the leaf.
        let misplaced = order::leaf_not_first(subject, chain);
        let is_first = misplaced.is_none();
        let order = misplaced.or_else(|| order::oddities(subject, chain));
        self.record("order", subject, order.into_iter().collect());
        let anchors = self.anchors.take();
        let route = anchors.as_ref().and_then(|anchors| Route::find(chain, &anchors.certificates, now));
        let mut needs = Needs::default();
        if let Some(route) = &route {
            needs.add(chain, route);
            self.needs.add(chain, route);
        }
        let is_used = |certificate: &Certificate| needs.has(certificate);
        let mut dates = rules::dates(subject, chain, questions.within, now, is_used);
        dates.extend(self.dates_of_anchor(subject, anchors.as_ref(), route.as_ref(), now));
        self.record("dates", subject, dates);
        self.record("strength", subject, rules::strength(subject, chain, is_used));
        if is_first {
            self.record("usage", subject, usage(subject, leaf, role));
            self.record("names", subject, rules::names(subject, leaf, role, &questions.names));
        }
        match &anchors {
            None => self.not_asked(subject, "not asked: there is no CA to verify it against"),
            Some(_) if !is_first => {
                self.not_asked(subject, "not asked: its file does not begin with the leaf");
            }
            Some(anchors) => {
                let question = chain::Question { subject, chain, anchors: &anchors.certificates, role, now };
                self.trust(&question, &anchors.path, route.as_ref(), questions);
            }
        }
        self.anchors = anchors;
    }

    /// The anchor at the end of the route, if its dates are wrong and nothing has been said about it.
    fn dates_of_anchor(
        &self,
        subject: &str,
        anchors: Option<&TrustedCas>,
        route: Option<&Route<'_>>,
        now: OffsetDateTime,
    ) -> Vec<Finding> {
        let (Some(anchors), Some(route)) = (anchors, route) else { return Vec::new() };
        let ca = anchors.path.display().to_string();
        let is_named = |finding: &Finding| {
            finding.subject == ca
                && finding.severity == Severity::Error
                && matches!(finding.id, FindingId::CertsExpired | FindingId::CertsNotYetValid)
        };
        if self.findings().any(is_named) {
            return Vec::new();
        }
        rules::dates_of_anchor(subject, &ca, route.anchor(), now)
    }

    fn not_asked(&mut self, subject: &str, reason: &'static str) {
        for name in ["chain", "gateway"] {
            self.record_state(name, subject, State::Skipped(reason.into()));
        }
    }

    /// What the verifiers say.
    fn trust(
        &mut self,
        question: &chain::Question<'_>,
        anchors: &Path,
        route: Option<&Route<'_>>,
        questions: &Questions,
    ) {
        let (subject, ca) = (question.subject, anchors.display().to_string());
        let outlives = route.and_then(|route| question.outlives_ca(route));
        let (webpki, broken) = question.webpki(anchors);
        let go = question.go(&questions.names);
        // A warning explains no refusal, and would hide one.
        let named = self.findings().any(|finding| {
            (finding.subject == subject || finding.subject == ca)
                && finding.severity == Severity::Error
                && RULES.contains(&finding.id)
        });
        let broken = broken.filter(|finding| finding.id == FindingId::CertsChainBroken || !named);
        // The route that it took has other dates than the one that we found.
        let unexplained = webpki.as_ref().filter(|_| !named && broken.is_none());
        let unexplained = unexplained.map(|refusal| question.refused_by_rustls(refusal));
        let broken = broken.or(unexplained);
        let refused = go.as_ref().filter(|_| !named && broken.is_none());
        let refused = refused.map(|go| question.refused(go, question.role));
        let mut strictness =
            route.map(|route| strictness::of_route(question, route, anchors)).unwrap_or_default();
        // Both sides have the same CA.
        strictness.retain(|finding| {
            let is_same =
                |known: &Finding| known.message == finding.message && known.subject == finding.subject;
            !self.findings().any(is_same)
        });
        let chain = broken.into_iter().chain(outlives).chain(strictness).collect::<Vec<_>>();
        let states =
            [("chain", webpki.is_some(), chain), ("gateway", go.is_some(), refused.into_iter().collect())];
        let webpki = webpki.map(|refusal| refusal.to_string());
        self.verdicts.push(Verdicts { subject: subject.to_owned(), webpki, go });
        for (name, is_refused, findings) in states {
            if is_refused && findings.is_empty() {
                let known = "rejected for a reason that is named already";
                self.record_state(name, subject, State::Skipped(known.into()));
            } else {
                self.record(name, subject, findings);
            }
        }
    }
}

/// Findings that explain why a verifier refuses a certificate.
const RULES: &[FindingId] = &[
    FindingId::CertsCaCannotSign,
    FindingId::CertsExpired,
    FindingId::CertsIpAsDns,
    FindingId::CertsIsCa,
    FindingId::CertsNamesMissing,
    FindingId::CertsNoSan,
    FindingId::CertsNotYetValid,
    FindingId::CertsUnsupportedKey,
    FindingId::CertsUnsupportedSignature,
    FindingId::CertsWeakKey,
    FindingId::CertsWeakSignature,
    FindingId::CertsWrongPurpose,
];
