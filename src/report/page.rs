//! Findings as text: `egext explain ID` and `docs/findings.md`, both from the one table.

use std::fmt::Write as _;

use super::{Entry, Id};

/// Cause and cure of one finding, for a terminal.
pub fn explanation(id: Id) -> String {
    let Entry { name, severity, cause, cure } = id.entry();
    format!("{name} ({severity})\n\ncause: {cause}\ncure:  {cure}\n")
}

/// The whole of `docs/findings.md`.
pub fn findings_page() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Every finding has an id that never changes its meaning. `egext explain ID` prints the same text.\n\
         This page is made from the table in `src/report/ids/`: `egext generate findings > docs/findings.md`.\n",
    );
    let mut group = "";
    for id in Id::ALL {
        let Entry { name, severity, cause, cure } = id.entry();
        let prefix = name.rsplit_once('.').map_or(*name, |(prefix, _)| prefix);
        // Writing to a string does not fail.
        if prefix != group {
            group = prefix;
            let _ = write!(page, "\n## {group}\n");
        }
        let _ = write!(page, "\n### {name}\n\nSeverity: {severity}.\n\nCause: {cause}.\n\nCure: {cure}.\n");
    }
    page
}
