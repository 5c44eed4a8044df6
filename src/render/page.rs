//! `docs/findings.md`, from the table of ids.

use std::fmt::Write as _;

use crate::report::{Entry, FindingId};

/// The whole of `docs/findings.md`.
pub fn findings_page() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Every finding has an id that never changes its meaning. `egext explain ID` prints the same text.\n\
         A finding that may pass by itself is worth another attempt: a bridge whose upstream has such a fault answers\n\
         UNAVAILABLE, and FAILED_PRECONDITION otherwise.\n\
         This page is made from the table in `src/report/ids/`: `egext generate findings > docs/findings.md`.\n",
    );
    let mut group = "";
    for id in FindingId::ALL {
        let Entry { name, severity, layer, may_pass, cause, cure } = id.entry();
        let prefix = name.rsplit_once('.').map_or(*name, |(prefix, _)| prefix);
        // Writing to a string does not fail.
        if prefix != group {
            group = prefix;
            let _ = write!(page, "\n## {group}\n");
        }
        let layer = layer.map_or_else(String::new, |layer| format!(" Layer: {layer}."));
        let passes = if *may_pass { " May pass by itself." } else { "" };
        let _ = write!(page, "\n### {name}\n\nSeverity: {severity}.{layer}{passes}\n");
        let _ = write!(page, "\nCause: {cause}.\n\nCure: {cure}.\n");
    }
    page
}
