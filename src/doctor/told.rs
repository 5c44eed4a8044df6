//! What a bridge says about the server behind it. Its hints are about its own flags, and these mend the channel.

use super::Origin;
use super::bridge::Bridge;
use super::server::Server;
use crate::net::Address;
use crate::probe::TargetOutcome;
use crate::report::{Finding, FindingId};
use crate::shell::shell_word;

/// What to do about the fault `id` of its server, if the bridge has met the same one.
pub(super) fn hint_about(bridge: &Bridge<'_>, id: FindingId) -> Option<String> {
    let reasons = bridge.answer().map_or(&[][..], |answer| &answer.reasons);
    let reason = reasons.iter().find(|told| told.id.as_deref() == Some(id.name()));
    let told = reason.and_then(|told| told.hint.clone());
    told.or_else(|| {
        let repeated = Repeated::of(&bridge.socket.as_ref()?.1)?;
        (repeated.id == id).then(|| repeated.hint.to_owned())
    })
}

/// What a bridge has answered in place of its server.
struct Repeated<'a> {
    /// What happened.
    words: &'a str,
    hint: &'a str,
    id: FindingId,
}

impl<'a> Repeated<'a> {
    /// All of it is in one line, since that is all that comes from the other process.
    fn of(outcome: &'a TargetOutcome) -> Option<Self> {
        outcome.behind()?;
        let line = &outcome.cause()?.message;
        let (line, id) = line.strip_suffix(')')?.rsplit_once(" (")?;
        let (words, hint) = line.rsplit_once("; hint: ")?;
        Some(Self { words, hint, id: id.parse().ok()? })
    }
}

/// What a bridge has answered in place of its server, with its hint in the place of hints.
pub(super) fn lift_hint(outcome: &TargetOutcome, findings: &mut [Finding]) {
    let Some(repeated) = Repeated::of(outcome) else { return };
    let is_it =
        |finding: &&mut Finding| outcome.cause().is_some_and(|cause| cause.message == finding.message);
    if let Some(finding) = findings.iter_mut().find(is_it) {
        finding.message = format!("{} ({})", repeated.words, repeated.id);
        finding.hint = Some(repeated.hint.to_owned());
    }
}

/// The user has named another server than the one that the bridge calls.
pub(super) fn other_server(bridge: &Bridge<'_>, server: &Server<'_>, subject: &str) -> Option<Finding> {
    let named = Some(&server.known).filter(|known| known.origin == Origin::Named)?;
    let upstream = bridge.upstream().filter(|upstream| !may_be_same(upstream, &named.value))?;
    let message =
        format!("the bridge calls `{upstream}`, and not `{}`, the server that was named", named.value);
    let address = named.value.to_string();
    let hint =
        format!("leave out `--server`, or start the bridge with `--upstream {}`", shell_word(&address));
    Some(Finding::new(FindingId::DoctorServerDiffers, subject, message).with_hint(hint))
}

/// This machine has several names.
fn may_be_same(upstream: &Address, named: &Address) -> bool {
    let loopback = |address: &Address| match address {
        Address::Tcp { host, port, transport } if host.is_loopback() => Some((*port, *transport)),
        Address::Tcp { .. } | Address::Unix(_) => None,
    };
    upstream == named || loopback(upstream).is_some_and(|it| loopback(named) == Some(it))
}
