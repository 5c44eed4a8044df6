//! The page for people: one HTML document that needs nothing else. It works without JavaScript; with it, the content is
//! replaced every few seconds, and a bridge that does not answer any more is said to be gone.
//!
//! Words of peers come into it (names in certificates, causes), so every text goes through [`Text`], and the policy
//! allows no script and no style but the two that are part of this program.

mod html;
mod sections;

use std::fmt::{self, Display, Write as _};

use data_encoding::BASE64;

use self::html::{Text, Time};
use super::status::{Notice, Phase, State, Status};
use crate::crypto::digest::{SHA256, digest};

/// The whole document.
pub(super) fn page(status: &Status) -> String {
    let mut page = String::with_capacity(STYLE.len() + 8192);
    // Writing to a string does not fail.
    let _ = write(&mut page, status);
    page
}

/// The Content-Security-Policy of the document.
pub(super) fn policy() -> &'static str {
    static POLICY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let hash = |text: &str| BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref());
        format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    });
    &POLICY
}

fn write(page: &mut String, status: &Status) -> fmt::Result {
    let (look, word) = verdict(status);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{word} - egext bridge</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n</head>\n<body>\n\
         <p id=\"gone\" role=\"alert\" hidden></p>\n<main class=\"{look}\">\n"
    )?;
    header(page, status, word)?;
    notices(page, "reason", &status.reasons)?;
    notices(page, "warning", &status.warnings)?;
    sections::write(page, status)?;
    footer(page, status)?;
    write!(page, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// What a person wants to know first: how it looks, and the word for it.
fn verdict(status: &Status) -> (&'static str, &'static str) {
    match (status.phase, status.upstream.state) {
        (Phase::Draining, _) => ("waiting", "Stopping"),
        (_, State::Failing) => ("bad", "Failing"),
        (_, State::Connecting) => ("waiting", "Connecting"),
        (_, State::Connected) if !status.ready => ("bad", "Connected, not ready"),
        (_, State::Connected) if !status.warnings.is_empty() => ("waiting", "Connected"),
        (_, State::Connected) => ("good", "Connected"),
    }
}

fn header(page: &mut String, status: &Status, word: &str) -> fmt::Result {
    let upstream = &status.upstream;
    write!(
        page,
        "<header>\n<h1><span class=\"dot\" aria-hidden=\"true\"></span>{word}</h1>\n<p class=\"since\">since {} ({})</p>\n\
         <p class=\"way\"><code>{}</code><span class=\"arrow\"> to </span><code>{}</code></p>\n",
        Time(&upstream.since),
        Text(&upstream.age),
        Text(&status.listen),
        Text(&upstream.address),
    )?;
    if let Some(since) = &upstream.held_since {
        let calls = plural(upstream.held, "call");
        writeln!(
            page,
            "<p class=\"held\"><b>{calls}</b> held since {}, until the upstream answers</p>",
            Time(since)
        )?;
    }
    sections::facts(page, status)?;
    page.write_str("</header>\n")
}

fn notices(page: &mut String, class: &str, notices: &[Notice]) -> fmt::Result {
    for notice in notices {
        let label = if class == "warning" { "<b>warning:</b> " } else { "" };
        write!(page, "<div class=\"notice {class}\"><p>{label}{}", html::Marked(&notice.message))?;
        if let Some(id) = notice.id {
            write!(page, " <span class=\"id\">{}</span>", Text(id))?;
        }
        page.write_str("</p>")?;
        if let Some(hint) = &notice.hint {
            write!(page, "<p class=\"hint\"><b>hint:</b> {}</p>", html::Marked(hint))?;
        }
        page.write_str("</div>\n")?;
    }
    Ok(())
}

fn footer(page: &mut String, status: &Status) -> fmt::Result {
    let usage = &status.process;
    write!(page, "<footer>\n<p>egext {}, up {}", Text(status.version), html::Span(status.uptime_seconds))?;
    if let Some(bytes) = usage.resident_bytes {
        write!(page, ", {} MiB", bytes >> 20)?;
    }
    if let Some(open) = usage.open_fds {
        write!(page, ", {open} file descriptors")?;
    }
    if status.log_lines_dropped > 0 {
        write!(page, ", {} lost", plural(status.log_lines_dropped, "log line"))?;
    }
    write!(
        page,
        "</p>\n<p>As of {}. The same for programs: <a href=\"/status\">JSON</a>, <a href=\"/metrics\">metrics</a>, \
         <a href=\"/readyz\">readiness</a></p>\n</footer>\n",
        Time(&status.now)
    )
}

/// A number of things.
fn plural(number: u64, what: &str) -> impl Display {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");
