//! The CA file: which CAs it trusts, and which of them are needed.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::route::Route;
use super::{Audit, Questions, Scope, TrustedCas, files, rules};
use crate::pki::Certificate;
use crate::pki::audit::inspect;
use crate::pki::{IdentityError, Trust};

impl Audit {
    pub(super) fn authority(
        &mut self,
        scope: &Scope,
        chains: &[Vec<Certificate>],
        questions: &Questions,
        now: OffsetDateTime,
    ) -> Result<(), IdentityError> {
        let subject = scope.ca.display().to_string();
        let file = match inspect::PemFile::read(&scope.ca) {
            Ok(file) if !file.certificates.is_empty() => file,
            Ok(file) => {
                self.record("file", &subject, vec![files::no_certificate(&file)]);
                return Ok(());
            }
            Err(error @ IdentityError::Unreadable { .. }) => return Err(error),
            Err(error) => {
                self.record("file", &subject, vec![files::unusable(&subject, &error)]);
                return Ok(());
            }
        };
        let mut findings = files::byte_order_mark(&file);
        findings.extend(files::key_inside(&file));
        let certificates = file.certificates;
        self.record("file", &subject, findings);
        let routes = chains.iter().filter_map(|chain| Routes::find(chain, &certificates, now));
        let routes = routes.collect::<Vec<_>>();
        let mut needs = Needs::of(&routes, &certificates, now);
        if routes.is_empty() && !chains.is_empty() && certificates.len() > 1 {
            needs.add_unused(&certificates);
        }
        let is_used = |certificate: &Certificate| needs.has(certificate);
        let dates = rules::dates(&subject, &certificates, questions.within, now, is_used);
        self.record("dates", &subject, dates);
        let mut findings = rules::is_ca(&subject, &certificates);
        findings.extend(
            without_root(&routes, &certificates, now).map(|anchor| rules::not_root(&subject, anchor)),
        );
        self.record("is a CA", &subject, findings);
        self.record("strength", &subject, rules::strength_of_anchors(&subject, &certificates, is_used));
        self.needs = needs;
        if let Some(key) = &scope.ca_key {
            let name = key.path.display().to_string();
            self.record_state("key", &name, files::ca_key(&subject, key, &certificates));
            self.record("key mode", &name, files::mode(&key.path, questions.allowed_key_mode));
        }
        if let Some(left) = &scope.left_ca_key {
            self.record("key", &left.display().to_string(), vec![files::left_ca_key(&scope.ca, left)]);
        }
        self.certificates.extend(certificates.iter().map(|found| (subject.clone(), found.clone())));
        if certificates.iter().any(|certificate| Trust::of(certificate).is_ok()) {
            self.anchors = Some(TrustedCas { path: scope.ca.clone(), certificates });
        }
        Ok(())
    }
}

/// Where a leaf certificate leads to.
struct Routes<'a> {
    /// To an anchor.
    best: Route<'a>,
    to_root: Option<Route<'a>>,
}

impl<'a> Routes<'a> {
    fn find(chain: &'a [Certificate], anchors: &'a [Certificate], now: OffsetDateTime) -> Option<Self> {
        let best = Route::find(chain, anchors, now)?;
        Some(Self { best, to_root: Route::to_root(chain, anchors, now) })
    }
}

/// Which certificates count: those on the routes of the leaf certificates that were looked at.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// What is on a route, DER.
    used: BTreeSet<Vec<u8>>,
    /// What stands in the same files and is not.
    unused: BTreeSet<Vec<u8>>,
}

impl Needs {
    /// Without a leaf certificate that leads to an anchor every anchor counts.
    fn of(routes: &[Routes<'_>], anchors: &[Certificate], now: OffsetDateTime) -> Self {
        let mut needs = Self::default();
        for Routes { best, to_root } in routes {
            needs.add(anchors, best);
            // It goes on to the root, unless that is what would break it.
            let is_sound = |to_root: &&Route<'_>| to_root.is_valid(now) || !best.is_valid(now);
            if let Some(to_root) = to_root.as_ref().filter(is_sound) {
                needs.add(anchors, to_root);
            }
        }
        needs
    }

    /// Takes in what `file` has, of which `route` needs a part.
    pub(super) fn add(&mut self, file: &[Certificate], route: &Route<'_>) {
        self.used.extend(route.certificates().iter().map(|used| used.der.to_vec()));
        self.unused.extend(file.iter().map(|found| found.der.to_vec()));
    }

    /// Takes in what `file` has, of which nothing is needed: in a file of many CAs, none of which issued a leaf certificate,
    /// the dates of one are not what is wrong.
    fn add_unused(&mut self, file: &[Certificate]) {
        self.unused.extend(file.iter().map(|found| found.der.to_vec()));
    }

    /// Does this one count?
    pub(super) fn has(&self, certificate: &Certificate) -> bool {
        let der = certificate.as_ref();
        self.used.contains(der) || !self.unused.contains(der)
    }
}

/// The first CA from which no valid route goes on to a self-signed root, though a leaf certificate leads to it.
fn without_root<'a>(
    routes: &[Routes<'a>],
    anchors: &'a [Certificate],
    now: OffsetDateTime,
) -> Option<&'a Certificate> {
    let is_broken = |Routes { best, to_root }: &&Routes<'_>| {
        to_root.as_ref().is_none_or(|to_root| best.is_valid(now) && !to_root.is_valid(now))
    };
    // What is no CA has a finding of its own.
    let is_ca = |anchor: &&Certificate| anchor.is_ca;
    let broken = routes.iter().filter(is_broken).map(|routes| routes.best.anchor()).find(is_ca);
    if broken.is_some() || !routes.is_empty() {
        return broken;
    }
    let has_root = anchors.iter().any(|anchor| anchor.is_issued_by(anchor));
    anchors.iter().find(is_ca).filter(|_| !has_root)
}
