//! One line for each certificate, for scripts.

use time::OffsetDateTime;

use super::{Shown, left_out_lines, side};
use crate::pki::Certificate;
use crate::pki::inspect::PemFile;
use crate::pki::when;
use crate::printable::printable;
use crate::report::{Body, Report};

impl Shown {
    /// The lines in the place of what a person would read.
    pub(crate) fn short(&self, now: OffsetDateTime) -> Report {
        let mut report = self.report(now);
        let lines = self.files.readable.iter().flat_map(|file| {
            file.certificates.iter().map(move |certificate| Self::line(file, certificate, now))
        });
        report.body = Body::data(lines.collect::<String>());
        for file in &self.files.left_out {
            report.talk.text(&left_out_lines(file));
        }
        report
    }

    /// Its fields stand between tabs, none is ever empty, and new fields would follow the last one.
    fn line(file: &PemFile, certificate: &Certificate, now: OffsetDateTime) -> String {
        let names = certificate.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let kind = if certificate.is_ca { "ca" } else { side(certificate).0.name() };
        // Rounded down: 0 on the last day, and below zero from the moment in which it expires.
        let days = (certificate.not_after - now).whole_seconds().div_euclid(24 * 60 * 60);
        let fields = [
            file.path.display().to_string(),
            kind.to_owned(),
            if names.is_empty() { "-".to_owned() } else { names },
            when::timestamp(certificate.not_after),
            days.to_string(),
        ];
        fields.map(|field| printable(&field)).join("\t") + "\n"
    }
}
