//! From what happened on the wire to a finding that names the cause.
//!
//! Each verdict is a row of a table where one error says it all, and a short function where two facts must
//! be weighed: an alert means something else when we sent a certificate than when we sent none.

mod caller;
mod client;
mod server;
mod tls;
mod wire;
mod words;

pub(crate) use caller::caller_fault;

use std::path::Path;
use std::time::Duration;

use rustls::AlertDescription;
use time::OffsetDateTime;

use crate::net::{Fault, FaultKind, Target, Trace};
use crate::pki::Summary;
use crate::report::{Finding, Id};
use crate::shell::{dir_flag, shell_word};

/// What is known beside the fault itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where we connected to.
    pub target: &'a Target,
    /// What was learned on the way.
    pub trace: &'a Trace,
    /// The certificate that we show.
    pub own: Option<&'a Summary>,
    /// The limit that a timeout ran into.
    pub limit: Duration,
    /// When the verdict falls.
    pub now: OffsetDateTime,
    /// The directory of our certificates, for commands in hints.
    pub directory: &'a Path,
}

/// Names the cause of a fault.
pub fn diagnose(context: &Context<'_>, fault: &Fault) -> Finding {
    match &fault.kind {
        FaultKind::AlpnMissing => context
            .finding(Id::ProbeAlpnMissing, "the server agrees on no protocol by ALPN")
            .with_evidence("expected", "h2")
            .with_hint("let the server's TLS offer `h2`"),
        FaultKind::Closed => wire::closed(context, fault.stage),
        FaultKind::Io(error) => wire::io_error(context, fault.stage, error),
        FaultKind::SpeaksTls => wire::speaks_tls(context, "no answer to plaintext, and one to a TLS hello"),
        FaultKind::Timeout => wire::timed_out(context, fault.stage),
        FaultKind::Tls(error) => tls::tls_error(context, fault.stage, error),
        FaultKind::Unexpected(first) => wire::unexpected(context, first),
    }
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

/// True where trying again may help without anybody doing anything about it.
pub fn may_pass(id: Id) -> bool {
    matches!(
        id,
        Id::ProbeResolveFailed
            | Id::ProbeConnectFailed
            | Id::ProbeConnectRefused
            | Id::ProbeConnectReset
            | Id::ProbeConnectSocketMissing
            | Id::ProbeConnectTimeout
            | Id::ProbeConnectUnreachable
            | Id::ProbeTlsClosed
            | Id::ProbeTlsTimeout
            | Id::ProbeHttp2Closed
            | Id::ProbeHttp2Timeout
            | Id::ProbeGrpcClosed
    )
}

/// The first of them, and how many more there are: a server decides how many names it has.
fn some_of(words: &[String]) -> String {
    match words.len().checked_sub(MOST_SHOWN) {
        None | Some(0) => words.join(", "),
        Some(more) => format!("{} and {more} more", words[..MOST_SHOWN].join(", ")),
    }
}

const MOST_SHOWN: usize = 10;

/// A limit as it is typed, or in tenths where it is none that was typed.
fn seconds(limit: Duration) -> String {
    if limit < Duration::from_secs(1) {
        return format!("{} ms", limit.as_millis());
    }
    let seconds = limit.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds} s") } else { format!("{seconds:.1} s") }
}

impl Context<'_> {
    fn finding(&self, id: Id, message: impl Into<String>) -> Finding {
        Finding::new(id, self.target.address().to_string(), message)
    }

    /// What the server presented first.
    fn presented(&self) -> Option<Summary> {
        let witness = self.trace.witness.as_ref()?;
        Summary::of(witness.presented().first()?).ok()
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
        presented.iter().skip(1).any(|der| Summary::of(der).is_ok_and(|summary| !summary.is_ca))
    }

    fn asked_for_certificate(&self) -> bool {
        self.trace.witness.as_ref().is_some_and(|witness| witness.asked().is_some())
    }

    /// The flag that names the directory of our certificates, for a command that is about them.
    fn dir_flag(&self) -> String {
        dir_flag(self.directory)
    }

    fn plaintext_hint(&self) -> String {
        format!("if the server is plaintext: {}", self.plaintext_probe())
    }

    fn plaintext_probe(&self) -> String {
        let address = format!("tcp://{}", self.target.address().authority());
        format!("`egext probe {}`", shell_word(&address))
    }
}
