//! The tables of the page. A section without content is left out, unless its absence would be a question.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use super::html::{Bytes, Marked, Text, Time, Took};
use crate::admin::status::{Calls, Certificate, Event, Role, Status, Validity};

pub(super) fn write(page: &mut String, status: &Status) -> fmt::Result {
    calls(page, status)?;
    certificates(page, status)?;
    causes(page, status)?;
    events(page, status)?;
    callers(page, status)
}

fn table(page: &mut String, title: &str, names: &[&str]) -> fmt::Result {
    write!(page, "<section>\n<h2>{title}</h2>\n")?;
    head(page, names)
}

/// The beginning of a table, in a box of its own that scrolls if it is too wide.
fn head(page: &mut String, names: &[&str]) -> fmt::Result {
    page.write_str("<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr>")?;
    for name in names {
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
    table(page, "Calls", &["Method", "Answers", "p50", "p99", "In flight", "Request / response"])?;
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
             <td class=\"number\" data-label=\"in flight\">{}</td><td class=\"number\" data-label=\"bytes\">{} / {}</td></tr>",
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
            Role::Client => "Client <small>to the upstream</small>",
            Role::Server => "Server <small>to callers</small>",
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
    table(page, "Why there was no connection", &["Last", "Cause", "Times"])?;
    for cause in upstream.causes.iter().rev() {
        let finding = &cause.finding;
        write!(
            page,
            "<tr><td>{}</td><td class=\"wide\">{} <span class=\"id\">{}</span>",
            Time(&cause.last),
            Marked(&finding.message),
            Text(finding.id)
        )?;
        if let Some(hint) = &finding.hint {
            write!(page, "<div class=\"hint\"><b>hint:</b> {}</div>", Marked(hint))?;
        }
        writeln!(page, "</td><td class=\"number\" data-label=\"times\">{}</td></tr>", cause.times)?;
    }
    end(page)
}

/// The newest first.
fn events(page: &mut String, status: &Status) -> fmt::Result {
    let (reloads, resync) = (&status.reloads, &status.resync);
    let of_reloads = reloads.recent.iter().rev().map(|event| ("Reload", event));
    let of_resyncs = resync.attempts.iter().rev().map(|event| ("Resync", event));
    let mut events = of_reloads.chain(of_resyncs).collect::<Vec<_>>();
    // Times of RFC 3339 in one time zone have the order of their letters. Events of one second keep the order above.
    events.sort_by(|(_, one), (_, other)| other.at.cmp(&one.at));
    if events.is_empty() && resync.needed_since.is_none() {
        return Ok(());
    }
    page.write_str("<section>\n<h2>Reloads and resyncs</h2>\n")?;
    if let Some(since) = &resync.needed_since {
        let since = Time(since);
        writeln!(page, "<p class=\"none\">Envoy Gateway has needed another translation since {since}.</p>")?;
    }
    if !events.is_empty() {
        head(page, &["At", "What", "Result"])?;
        events.iter().try_for_each(|(what, event)| row(page, what, event))?;
        page.write_str("</tbody></table></div>\n")?;
    }
    page.write_str("</section>\n")
}

fn row(page: &mut String, what: &str, event: &Event) -> fmt::Result {
    let class = if event.outcome == "failed" { "error" } else { "ok" };
    write!(
        page,
        "<tr><td>{}</td><th scope=\"row\">{what}</th><td class=\"wide\"><span class=\"chip {class}\">{}</span>",
        Time(&event.at),
        Text(event.outcome)
    )?;
    if let Some(directory) = &event.directory {
        write!(page, " <code>{}</code>", Text(directory))?;
    }
    if let Some(finding) = &event.finding {
        write!(page, " {} <span class=\"id\">{}</span>", Marked(&finding.message), Text(finding.id))?;
        if let Some(hint) = &finding.hint {
            write!(page, "<div class=\"hint\"><b>hint:</b> {}</div>", Marked(hint))?;
        }
    }
    page.write_str("</td></tr>\n")
}

/// Those who were not served.
fn callers(page: &mut String, status: &Status) -> fmt::Result {
    let refused = status.connections.refused.iter().filter(|(_, number)| **number > 0).collect::<Vec<_>>();
    if refused.is_empty() {
        return Ok(());
    }
    page.write_str("<section>\n<h2>Connections that were not served</h2>\n<p>")?;
    for (reason, number) in refused {
        let reason = reason.replace('_', " ");
        write!(page, "<span class=\"chip error\">{} <b>{number}</b></span> ", Text(reason))?;
    }
    page.write_str("</p>\n</section>\n")
}

/// The numbers that a person looks for first.
pub(super) fn facts(page: &mut String, status: &Status) -> fmt::Result {
    let all = |number: fn(&Calls) -> u64| status.calls.iter().map(number).sum::<u64>();
    page.write_str("<dl class=\"facts\">")?;
    fact(page, "calls", all(Calls::ended))?;
    fact(page, "answered by the bridge", all(|calls| calls.answered_by_bridge.values().sum()))?;
    fact(page, "in flight", all(|calls| calls.in_flight))?;
    fact(page, "callers connected", status.connections.open)?;
    // Not of an old CA next to a valid one: nothing is wrong, and nothing is left to count.
    let needed = status
        .certificates
        .iter()
        .filter(|known| known.validity == Validity::Valid || known.fails_handshakes);
    if let Some(first) = needed.min_by_key(|certificate| certificate.not_after_unix) {
        let name =
            if first.validity == Validity::Valid { "until a certificate expires" } else { "a certificate" };
        fact(page, name, left(first).1)?;
    }
    page.write_str("</dl>\n")
}

fn fact(page: &mut String, name: &str, value: impl Display) -> fmt::Result {
    write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")
}

/// Days. Certificates that live shorter are renewed more often than a person looks.
const SOON: i64 = 30;
