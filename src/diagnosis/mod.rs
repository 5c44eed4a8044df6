//! From what happened on the wire to a finding that names the cause.
//!
//! Each verdict is a row of a table if one error is enough, and a short function if two facts count:
//! an alert has another meaning if we sent a certificate than if we sent none.

mod caller;
mod client;
pub(crate) mod gateway;
mod issuer;
pub(crate) mod policy;
mod server;
mod soon;
mod tls;
mod wire;
mod words;

pub(crate) use caller::CALLERS;
pub(crate) use client::untimely as untimely_client;
pub(crate) use soon::expiring;

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use rustls::AlertDescription;
use time::OffsetDateTime;

use crate::net::{Address, Fault, FaultKind, Stage, Target, Trace};
use crate::pki::{Certificate, Role};
use crate::report::{Finding, FindingId};
use crate::shell::{dir_flag, shell_word};

/// What is known in addition to the fault itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where we connected to.
    pub target: &'a Target,
    /// What was learned on the way.
    pub trace: &'a Trace,
    /// The certificate that we present.
    pub own: Option<&'a Certificate>,
    /// The limit that was exceeded, if the fault is a timeout.
    pub limit: Duration,
    /// The time for which dates are judged.
    pub now: OffsetDateTime,
    /// The directory of our certificates, for commands in hints.
    pub directory: &'a Path,
    /// Was our certificate looked for in that directory?
    pub searched: bool,
    /// Has this program had a good connection with the server over TLS before?
    pub spoke_tls: bool,
    /// Whose verdict it is.
    pub speaker: Speaker,
}

/// The program that prints the finding. Hints name flags, and in an answer of the bridge those of the probe are wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// To a caller and in its log: what helps is to start it with other flags.
    Bridge,
    /// To the user who looks at the whole channel, and has chosen no layers.
    Doctor,
    /// To the user whose file for Envoy Gateway is probed: what helps is to change that file or its Secrets.
    Gateway {
        /// The first release that presents a client certificate, if the one in use presents none.
        presents_since: Option<&'static str>,
    },
    /// To the user who typed its flags.
    Probe,
}

/// How every answer of a bridge's own begins, so that a probe that gets one knows whose it is.
pub(crate) const BRIDGE_SAYS: &str = "egext bridge: ";

/// Names the cause of a fault.
pub fn diagnose(context: &Context<'_>, fault: &Fault) -> Finding {
    match &fault.kind {
        FaultKind::AlpnMissing => context
            .finding(FindingId::ProbeAlpnMissing, "the server agrees on no protocol by ALPN")
            .with_evidence("expected", "h2")
            .with_hint(tls::OFFER_H2),
        FaultKind::Closed => wire::closed(context, fault.stage),
        FaultKind::Corrupt(error) => tls::malformed(context, error),
        FaultKind::Io(error) => wire::io_error(context, fault.stage, error),
        FaultKind::NoWindow { initial } => wire::no_window(context, *initial),
        FaultKind::SpeaksTls => wire::speaks_tls(context, wire::ONLY_TLS),
        FaultKind::Timeout => wire::timed_out(context, fault.stage),
        FaultKind::Tls(error) => tls::tls_error(context, fault.stage, error),
        FaultKind::Unexpected(first) if fault.stage == Stage::Tls => tls::plaintext(context, Some(first)),
        FaultKind::Unexpected(first) => wire::unexpected(context, first),
    }
}

/// The same, and after the cause whatever else is known to be wrong. A handshake stops at its first fault.
pub fn diagnose_all(context: &Context<'_>, fault: &Fault) -> Vec<Finding> {
    let cause = diagnose(context, fault);
    let others = match &fault.kind {
        FaultKind::Tls(rustls::Error::InvalidCertificate(_)) => server::others(context, &cause),
        _ => Vec::new(),
    };
    std::iter::once(cause).chain(others).collect()
}

/// The server asked for a certificate in TLS, went on without one, and refuses above TLS. `None` when it did not
/// ask.
pub(crate) fn certificate_required(context: &Context<'_>) -> Option<Finding> {
    context.asked_for_certificate().then(|| client::required(context))
}

/// The same for a certificate that the server has and does not accept.
pub(crate) fn certificate_refused(context: &Context<'_>) -> Option<Finding> {
    context
        .asked_for_certificate()
        .then(|| client::client_certificate(context, AlertDescription::CertificateUnknown))
}

/// The first of them, and how many more there are: a server decides how many names it has.
fn some_of(words: &[String]) -> String {
    match words.len().checked_sub(MOST_SHOWN) {
        None | Some(0) => words.join(", "),
        Some(more) => format!("{} and {more} more", words[..MOST_SHOWN].join(", ")),
    }
}

const MOST_SHOWN: usize = 10;

/// A limit as it is typed, or in tenths where it is none that was typed. What has passed of it is less than a millisecond,
/// as a rule.
pub(crate) fn seconds(limit: Duration) -> String {
    let milliseconds = limit.as_micros().div_ceil(1000);
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    let seconds = milliseconds as f64 / 1000.0;
    if seconds.fract() == 0.0 { format!("{seconds} s") } else { format!("{seconds:.1} s") }
}

impl Context<'_> {
    fn finding(&self, id: FindingId, message: impl Into<String>) -> Finding {
        Finding::new(id, self.target.address().to_string(), message)
    }

    /// What the server presented first.
    fn presented(&self) -> Option<&Certificate> {
        self.trace.witness.as_ref()?.leaf()
    }

    /// How many certificates the server presented.
    fn presented_count(&self) -> usize {
        self.trace.witness.as_ref().map_or(0, |witness| witness.presented().len())
    }

    /// Were the server's certificates accepted, so that the fault is another one?
    fn accepted_certificates(&self) -> bool {
        self.trace.witness.as_ref().is_some_and(|witness| witness.is_accepted())
    }

    /// Does the server send a certificate that is no CA's behind the first?
    fn has_leaf_behind(&self) -> bool {
        let presented = self.trace.witness.as_ref().map_or(&[][..], |witness| witness.presented());
        presented.iter().skip(1).any(|der| Certificate::of(der).is_ok_and(|summary| !summary.is_ca))
    }

    fn asked_for_certificate(&self) -> bool {
        self.trace.witness.as_ref().is_some_and(|witness| witness.asked().is_some())
    }

    /// The same, or what to do where no flag, but Envoy Gateway's own file decides.
    fn with_flags_or(&self, flags: impl Display, in_file: &str) -> String {
        match self.speaker {
            Speaker::Gateway { .. } => in_file.to_owned(),
            Speaker::Bridge | Speaker::Doctor | Speaker::Probe => self.with_flags(flags),
        }
    }

    /// What to do with `flags`.
    fn with_flags(&self, flags: impl Display) -> String {
        match self.speaker {
            Speaker::Bridge => format!("start the bridge with {flags}"),
            Speaker::Doctor | Speaker::Gateway { .. } | Speaker::Probe => format!("pass {flags}"),
        }
    }

    /// The server's address with another transport, and what to do with it.
    fn with_address(&self, address: &str) -> String {
        let address = shell_word(address);
        match self.speaker {
            Speaker::Bridge => format!("start the bridge with `--upstream {address}`"),
            Speaker::Doctor | Speaker::Gateway { .. } | Speaker::Probe => format!("`egext probe {address}`"),
        }
    }

    /// How our own certificate gets a successor. `flags` of the command begin with a blank.
    fn renew_ours(&self, flags: &str) -> String {
        self.renew(Role::Client, "", flags)
    }

    /// The same for either side, with what is to be done besides.
    fn renew(&self, role: Role, restart: &str, flags: &str) -> String {
        let place = self.dir_flag();
        format!("renew it where its CA is{restart}: `egext certs renew --role {role}{flags}{place}`")
    }

    /// The flag that names the directory of our certificates, for a command that is about them.
    fn dir_flag(&self) -> String {
        dir_flag(self.directory)
    }

    fn plaintext_hint(&self) -> String {
        let address = match self.target.address() {
            socket @ Address::Unix(_) => socket.to_string(),
            address => format!("tcp://{}", address.authority()),
        };
        format!("if the server is plaintext: let it speak TLS, or {}", self.with_address(&address))
    }
}
