//! All paths from a CA to a root in its file.
//!
//! A file may have several certificates of a cross-signed CA, and perhaps only one of them leads to a root in the file.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::path::Path;

use time::OffsetDateTime;

use super::ImportError;
use super::import::Link;
use crate::pki::Certificate;
use crate::pki::x509::signature::{self, Signature, signed_by};

/// The search for the path that is valid for longest.
pub(super) struct Climb<'a> {
    /// Of the file.
    path: &'a Path,
    links: &'a [Link],
    /// May a link sign, with so many CAs between it and a leaf?
    fit: &'a dyn Fn(&Link, usize) -> Result<(), ImportError>,
    found: Vec<Vec<usize>>,
    refusals: Vec<ImportError>,
    signatures_left: usize,
}

impl<'a> Climb<'a> {
    pub(super) fn new(
        path: &'a Path,
        links: &'a [Link],
        fit: &'a dyn Fn(&Link, usize) -> Result<(), ImportError>,
    ) -> Self {
        let (found, refusals) = (Vec::new(), Vec::new());
        Self { path, links, fit, found, refusals, signatures_left: SIGNATURE_LIMIT }
    }

    /// The best path from one of `own` to a root: where its links are.
    ///
    /// # Errors
    /// If there is none: what is wrong with a link before what is missing.
    pub(super) fn best(mut self, own: &[usize]) -> Result<Vec<usize>, ImportError> {
        let mut paths = VecDeque::new();
        for start in own {
            // Before its issuers are looked for: what is wrong with the CA itself comes first.
            match (self.fit)(&self.links[*start], 0) {
                Ok(()) => paths.push_back(vec![*start]),
                Err(refusal) => self.refusals.push(refusal),
            }
        }
        // Short paths first: if CAs have signed each other, there are more paths than can be tried.
        while let Some(path) = paths.pop_front() {
            let longer = self.above(&path);
            paths.extend(longer);
        }
        let rank = |path: &Vec<usize>| (self.end(path), Reverse(path.len()));
        // Of equals the first, which stands first in its file.
        if let Some(best) = self.found.iter().rev().max_by_key(|path| rank(path)) {
            return Ok(best.clone());
        }
        let path = self.path.to_owned();
        if self.signatures_left == 0 {
            return Err(ImportError::TooManyCertificates { path });
        }
        let gravity = |refusal: &ImportError| match refusal {
            ImportError::ChainIncomplete { .. } => 2,
            ImportError::ChainBroken { .. } => 1,
            _ => 0,
        };
        Err(self.refusals.into_iter().min_by_key(gravity).unwrap_or(ImportError::NoRoot { path }))
    }

    fn end(&self, path: &[usize]) -> Option<OffsetDateTime> {
        path.iter().map(|index| self.links[*index].certificate.not_after).min()
    }

    /// One step on from the last link of `path`, in every direction.
    fn above(&mut self, path: &[usize]) -> Vec<Vec<usize>> {
        let (links, mut longer) = (self.links, Vec::new());
        let Some(last) = path.last().map(|index| &links[*index]) else { return longer };
        if last.is_root {
            self.found.push(path.to_vec());
            return longer;
        }
        let issuer = last.certificate.raw_issuer();
        let named = links.iter().enumerate().filter(|(_, other)| other.certificate.raw_subject() == issuer);
        let (mut is_named, mut is_signed) = (false, false);
        for (index, issuer) in named {
            is_named = true;
            if self.signatures_left == 0 {
                continue;
            }
            self.signatures_left -= 1;
            let signature = signed_by(&last.certificate, &issuer.certificate);
            if signature == Signature::Foreign {
                continue;
            }
            is_signed = true;
            // Its own issuer by name, with a signature that says nothing.
            if path.last() == Some(&index) {
                self.refusals.push(self.unsupported(last));
                continue;
            }
            // Two that certify each other, or one that another CA certified, too. A path that has it only once is found
            // from where it stands first.
            if path.iter().any(|below| links[*below].is_same_ca(issuer)) {
                continue;
            }
            if let Err(refusal) = (self.fit)(issuer, path.len()) {
                self.refusals.push(refusal);
            } else if signature == Signature::Unsupported {
                self.refusals.push(self.unsupported(last));
            } else {
                longer.push([path, &[index]].concat());
            }
        }
        if !is_signed {
            self.refusals.push(self.dead_end(last, is_named));
        }
        longer
    }

    fn unsupported(&self, link: &Link) -> ImportError {
        ImportError::UnsupportedSignature {
            path: self.path.into(),
            subject: link.certificate.subject.clone(),
            algorithm: signature::name(&link.certificate),
        }
    }

    fn dead_end(&self, link: &Link, is_named: bool) -> ImportError {
        let path = self.path.to_owned();
        let Certificate { subject, issuer, .. } = link.certificate.clone();
        if is_named {
            ImportError::ChainBroken { path, subject, issuer }
        } else {
            ImportError::ChainIncomplete { path, subject, issuer }
        }
    }
}

/// After so many signatures the search is over: a file that needs more was made to keep us busy.
const SIGNATURE_LIMIT: usize = 1000;
