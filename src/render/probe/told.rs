//! What was learned about a channel, for a person: the essentials behind each layer's own words, and all of it below.

use time::OffsetDateTime;

use crate::net::Settings;
use crate::pki::{Certificate, when};
use crate::probe::{Facts, Layer, LayerOutcome, LayerState};

/// What a layer says, with the fact that matters most.
pub(super) fn words(layer: &LayerOutcome, facts: &Facts) -> String {
    let passed = layer.state == LayerState::Passed;
    let more = match layer.layer {
        _ if !passed => None,
        Layer::Tls => facts.presented.first().map(|certificate| time_left(certificate, facts)),
        Layer::Mtls => facts.sent.as_ref().map(|certificate| time_left(certificate, facts)),
        Layer::Http2 => facts
            .settings
            .and_then(|settings| settings.max_concurrent_streams)
            .map(|calls| format!("{calls} calls at once")),
        _ => None,
    };
    more.map_or_else(|| layer.detail.clone(), |more| format!("{}, {more}", layer.detail))
}

fn time_left(certificate: &Certificate, facts: &Facts) -> String {
    let now = facts.now.unwrap_or(certificate.not_before);
    match when::distance(certificate.not_after, now) {
        // Short, because it stands at the end of a long line.
        distance if distance.ends_with("ago") => format!("expired {distance}"),
        distance => format!("{} left", distance.trim_start_matches("in ")),
    }
}

/// All facts of a layer, each with what it is.
pub(super) fn facts(layer: Layer, facts: &Facts) -> Vec<(&'static str, String)> {
    match layer {
        Layer::Connect => facts
            .addresses
            .iter()
            .filter_map(|(address, error)| Some(("tried", format!("{address}: {}", error.as_ref()?))))
            .collect(),
        Layer::Tls => {
            let presented = facts.presented.iter();
            presented.map(|certificate| ("presented", described(certificate, facts.now))).collect()
        }
        Layer::Mtls => {
            let asked = facts.asked.iter().map(|names| match names.is_empty() {
                true => ("asks for", "a certificate of any CA, as far as it says".to_owned()),
                false => {
                    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                    ("asks for", format!("a certificate of {}", some(names)))
                }
            });
            let sent = facts.sent.iter().map(|certificate| ("sent", described(certificate, facts.now)));
            asked.chain(sent).collect()
        }
        Layer::Http2 => facts.settings.iter().flat_map(settings).collect(),
        _ => Vec::new(),
    }
}

fn described(certificate: &Certificate, now: Option<OffsetDateTime>) -> String {
    let names: Vec<_> = certificate.names.iter().map(ToString::to_string).collect();
    let names = if names.is_empty() { String::new() } else { format!(" for {}", some(names)) };
    let left =
        now.map_or_else(String::new, |now| format!(" ({})", when::distance(certificate.not_after, now)));
    let issuer = match certificate.self_issued {
        true => "itself".to_owned(),
        false => format!("`{}`", certificate.issuer),
    };
    format!("`{}`{names}, until {}{left}, issued by {issuer}", certificate.subject, when::end(certificate))
}

fn settings(settings: &Settings) -> Option<(&'static str, String)> {
    let sent = [
        ("HEADER_TABLE_SIZE", settings.header_table_size),
        ("MAX_CONCURRENT_STREAMS", settings.max_concurrent_streams),
        ("INITIAL_WINDOW_SIZE", settings.initial_window_size),
        ("MAX_FRAME_SIZE", settings.max_frame_size),
        ("MAX_HEADER_LIST_SIZE", settings.max_header_list_size),
    ];
    let sent: Vec<_> =
        sent.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?))).collect();
    (!sent.is_empty()).then(|| ("settings", sent.join(", ")))
}

/// A server decides how many names there are.
fn some(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_SHOWN);
    names.truncate(MOST_SHOWN);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

const MOST_SHOWN: usize = 10;
