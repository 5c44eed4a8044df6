//! The tables of the page. A section without content is left out, unless its absence would be a question.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::html::{Bytes, Hint, Text, Time, Took};
use crate::admin::status::{Calls, Certificate, Event, Role, Status, Validity};

pub(super) fn write(page: &mut String, status: &Status) -> fmt::Result {
    calls(page, status)?;
    certificates(page, status)?;
    causes(page, status)?;
    events(page, status)?;
    callers(page, status)
}

/// A table in a box of its own, which scrolls if it is too wide.
fn table(page: &mut String, title: &str, head: &[&str]) -> fmt::Result {
    write!(page, "<section>\n<h2>{title}</h2>\n<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr>")?;
    for name in head {
        write!(page, "<th scope=\"col\">{name}</th>")?;
    }
    page.write_str("</tr></thead>\n<tbody>\n")
}

fn end(page: &mut String) -> fmt::Result {
    page.write_str("</tbody></table></div>\n</section>\n")
}

fn calls(page: &mut String, status: &Status) -> fmt::Result {
    if status.calls.is_empty() {
        return page.write_str("<section>\n<h2>Calls</h2>\n<p class=\"none\">No call yet.</p>\n</section>\n");
    }
    table(page, "Calls", &["Method", "Answers", "p50", "p99", "Now", "Bytes out, in"])?;
    for calls in &status.calls {
        write!(page, "<tr><th scope=\"row\">{}</th><td>", Text(calls.method))?;
        answers(page, &calls.answered_by_server, "")?;
        answers(page, &calls.answered_by_bridge, " by the bridge")?;
        if calls.caller_gone > 0 {
            write!(page, "<span class=\"chip\">caller gone <b>{}</b></span> ", calls.caller_gone)?;
        }
        writeln!(
            page,
            "</td><td class=\"number\" data-label=\"p50\">{}</td><td class=\"number\" data-label=\"p99\">{}</td>\
             <td class=\"number\" data-label=\"now\">{}</td><td class=\"number\" data-label=\"bytes\">{}, {}</td></tr>",
            quantile(calls, calls.duration.p50_seconds),
            quantile(calls, calls.duration.p99_seconds),
            calls.in_flight,
            Bytes(calls.request_bytes),
            Bytes(calls.response_bytes),
        )?;
    }
    end(page)
}

fn answers(page: &mut String, answers: &BTreeMap<&'static str, u64>, by: &str) -> fmt::Result {
    for (code, number) in answers {
        let class = if *code == "OK" { "chip ok" } else { "chip error" };
        write!(page, "<span class=\"{class}\">{}{by} <b>{number}</b></span> ", Text(code))?;
    }
    Ok(())
}

/// The bound of a bucket.
fn quantile(calls: &Calls, seconds: Option<f64>) -> String {
    match seconds {
        Some(seconds) => format!("&le; {}", Took(seconds)),
        None if calls.ended() == 0 => "-".to_owned(),
        None => "&gt; 300 s".to_owned(),
    }
}

fn certificates(page: &mut String, status: &Status) -> fmt::Result {
    if status.certificates.is_empty() {
        return Ok(());
    }
    table(page, "Certificates", &["Used as", "Subject", "Expires", "File"])?;
    for certificate in &status.certificates {
        let role = match certificate.role {
            Role::Ca => "CA",
            Role::Client => "client, to the upstream",
            Role::Server => "server, to callers",
        };
        let (class, left) = left(certificate);
        writeln!(
            page,
            "<tr><th scope=\"row\">{role}</th><td>{}</td><td><span class=\"chip {class}\">{left}</span> {}</td>\
             <td><code title=\"SHA-256 {}\">{}</code></td></tr>",
            Text(&certificate.subject),
            Time(&certificate.not_after),
            Text(&certificate.fingerprint),
            Text(&certificate.file),
        )?;
    }
    end(page)
}

/// How it looks, and how long it is still valid.
fn left(certificate: &Certificate) -> (&'static str, String) {
    match (certificate.validity, certificate.days_left) {
        (Validity::Expired, _) => ("error", "expired".to_owned()),
        (Validity::NotYetValid, _) => ("error", "not valid yet".to_owned()),
        (Validity::Valid, 0) => ("due", "less than a day".to_owned()),
        (Validity::Valid, 1) => ("due", "1 day".to_owned()),
        (Validity::Valid, days) if days < SOON => ("due", format!("{days} days")),
        (Validity::Valid, days) => ("ok", format!("{days} days")),
    }
}

fn causes(page: &mut String, status: &Status) -> fmt::Result {
    let upstream = &status.upstream;
    if upstream.causes.is_empty() {
        return Ok(());
    }
    table(page, "Why connecting failed", &["Last", "Cause", "Times"])?;
    for cause in upstream.causes.iter().rev() {
        let finding = &cause.finding;
        write!(
            page,
            "<tr><td>{}</td><td>{} <span class=\"id\">{}</span>",
            Time(&cause.last),
            Text(&finding.message),
            Text(finding.id)
        )?;
        if let Some(hint) = &finding.hint {
            write!(page, "<div class=\"hint\">{}</div>", Hint(hint))?;
        }
        writeln!(page, "</td><td class=\"number\" data-label=\"times\">{}</td></tr>", cause.times)?;
    }
    end(page)
}

fn events(page: &mut String, status: &Status) -> fmt::Result {
    let (reloads, resync) = (&status.reloads, &status.resync);
    let last_reload = reloads.last.iter().map(|event| ("certificates", event));
    let resyncs = resync.attempts.iter().rev().map(|event| ("Envoy Gateway", event));
    let events = last_reload.chain(resyncs).collect::<Vec<_>>();
    if !events.is_empty() {
        table(page, "Reloads and resyncs", &["At", "Of", "Result"])?;
        events.iter().try_for_each(|(of, event)| row(page, of, event))?;
        end(page)?;
    }
    if let Some(since) = &resync.needed_since {
        let since = Time(since);
        writeln!(page, "<p class=\"none\">Envoy Gateway has needed another translation since {since}.</p>")?;
    }
    Ok(())
}

fn row(page: &mut String, of: &str, event: &Event) -> fmt::Result {
    let class = if event.outcome == "failed" { "error" } else { "ok" };
    write!(
        page,
        "<tr><td>{}</td><td>{of}</td><td><span class=\"chip {class}\">{}</span>",
        Time(&event.at),
        Text(event.outcome)
    )?;
    if let Some(directory) = &event.directory {
        write!(page, " <code>{}</code>", Text(directory))?;
    }
    if let Some(finding) = &event.finding {
        write!(page, " {} <span class=\"id\">{}</span>", Text(&finding.message), Text(finding.id))?;
        if let Some(hint) = &finding.hint {
            write!(page, "<div class=\"hint\">{}</div>", Hint(hint))?;
        }
    }
    page.write_str("</td></tr>\n")
}

fn callers(page: &mut String, status: &Status) -> fmt::Result {
    let connections = &status.connections;
    write!(
        page,
        "<section>\n<h2>Callers</h2>\n<p>{} open, {} accepted since the start.",
        connections.open, connections.accepted
    )?;
    for (reason, number) in &connections.refused {
        if *number > 0 {
            write!(
                page,
                " <span class=\"chip error\">{} <b>{number}</b></span>",
                Text(reason.replace('_', " "))
            )?;
        }
    }
    page.write_str("</p>\n</section>\n")
}

/// Days. Certificates that live shorter are renewed more often than a person looks.
const SOON: i64 = 30;
