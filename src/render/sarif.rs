//! Findings in SARIF 2.1.0, for what shows the results of analysers.

use serde_json::{Value, json};

use super::json;
use crate::report::{Finding, FindingId, Report, Said, Severity};

pub(super) fn report(report: &Report) -> String {
    let mut ids: Vec<FindingId> = Vec::new();
    for finding in &report.findings {
        if !ids.contains(&finding.id) {
            ids.push(finding.id);
        }
    }
    let results: Vec<_> = report.findings.iter().map(|finding| result(finding, &ids)).collect();
    log(&ids, &json!({ "executionSuccessful": true }), &results)
}

/// A command that could not run has no results, and says why.
pub(super) fn error(said: &Said) -> String {
    let words = match &said.hint {
        Some(hint) => format!("{}; hint: {hint}", said.message),
        None => said.message.clone(),
    };
    let notification = json!({ "level": "error", "message": { "text": words } });
    log(&[], &json!({ "executionSuccessful": false, "toolExecutionNotifications": [notification] }), &[])
}

fn log(ids: &[FindingId], invocation: &Value, results: &[Value]) -> String {
    let rule = |id: &FindingId| {
        let entry = id.entry();
        json!({
            "id": entry.name,
            "shortDescription": { "text": entry.cause },
            "help": { "text": entry.cure },
        })
    };
    let object = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "egext",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": ids.iter().map(rule).collect::<Vec<_>>(),
            } },
            // Columns count characters.
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation],
            "results": results,
        }],
    });
    json::escaped(&format!("{object:#}\n"))
}

fn result(finding: &Finding, ids: &[FindingId]) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    // A place in a file says what is meant; an address has to be said.
    let mut words = match &finding.location {
        Some(_) => finding.message.clone(),
        None => format!("{}: {}", finding.subject, finding.message),
    };
    for (key, fact) in finding.evidence.iter() {
        words = format!("{words}; {key}: {fact}");
    }
    if let Some(hint) = &finding.hint {
        words = format!("{words}; hint: {hint}");
    }
    let mut result = json!({
        "ruleId": finding.id.name(),
        "ruleIndex": ids.iter().position(|id| *id == finding.id),
        "level": level,
        "message": { "text": words },
    });
    let place = match &finding.location {
        Some(location) => json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&location.path) },
            "region": { "startLine": location.line, "startColumn": location.column },
        } }),
        None => json!({ "logicalLocations": [{ "fullyQualifiedName": finding.subject }] }),
    };
    result["locations"] = json!([place]);
    result
}

/// A path as a relative reference, or as a `file` URI if it is absolute.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/etc/eg.yaml"), "file:///etc/eg.yaml");
    }
}
