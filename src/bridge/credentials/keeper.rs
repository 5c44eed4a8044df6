use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::notices::Notices;
use super::{ClientSide, Credentials, Noted, Reload, client, own, server, use_now};
use crate::backoff::Backoff;
use crate::net::{Permitted, ServerTls, TlsError};
use crate::pki::audit::{self, Verified};
use crate::pki::{IdentityError, ReloadOutcome, Role, Sources, when};
use crate::report::{Finding, FindingId, Severity, chain};

/// Compares the files with what is in use, and publishes what is new and good.
#[derive(Debug)]
pub(in crate::bridge) struct Keeper {
    sources: Sources,
    permitted: Permitted,
    verified: Arc<Verified>,
    server: watch::Sender<Option<Arc<ServerTls>>>,
    client: watch::Sender<Option<ClientSide>>,
    status: Noted,
    reload: Reload,
    clock: fn() -> OffsetDateTime,
    notices: Notices,
    /// Why the files that are there now are not used.
    failure: Option<Finding>,
    /// What the log has said about the certificates in use.
    told: HashSet<Told>,
}

/// What made us look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    /// An operator, who wants an answer.
    Asked,
    /// A file system event.
    Event,
    /// The time.
    Interval,
}

/// What the files are now.
enum Found {
    Failed(Box<Finding>),
    InUse,
    New(Verified),
}

impl Keeper {
    /// Of `credentials`, whose settings are in the channels already.
    pub(in crate::bridge) fn new(
        credentials: Credentials,
        server: watch::Sender<Option<Arc<ServerTls>>>,
        client: watch::Sender<Option<ClientSide>>,
        (status, reload): (Noted, Reload),
        clock: fn() -> OffsetDateTime,
    ) -> Self {
        let told = credentials.findings().iter().map(key).collect();
        let Credentials { sources, permitted, verified, .. } = credentials;
        let notices = Notices::default();
        Self {
            sources,
            permitted,
            verified,
            server,
            client,
            status,
            reload,
            clock,
            notices,
            failure: None,
            told,
        }
    }

    /// Never ends.
    pub(in crate::bridge) async fn keep(mut self) -> Infallible {
        // Something may have changed since the start.
        let mut reason = Reason::Event;
        loop {
            self.look(reason).await;
            self.tell_due();
            reason = tokio::select! {
                () = self.reload.ordered() => Reason::Asked,
                () = self.notices.changed() => {
                    self.settle().await;
                    Reason::Event
                }
                () = sleep(POLL) => Reason::Interval,
            };
        }
    }

    /// A set of files is replaced one by one, so that one event is followed by others.
    async fn settle(&mut self) {
        let end = Instant::now() + LONGEST_BURST;
        while Instant::now() < end && timeout(QUIET, self.notices.changed()).await.is_ok() {}
    }

    /// Compares the files with what is in use. What cannot be used is looked at again for some time, because it may be
    /// half of a change: a certificate without its key, or a file that is being written.
    async fn look(&mut self, reason: Reason) {
        let begin = Instant::now();
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        loop {
            self.notices.watch(self.sources.paths());
            let failure = match self.find().await {
                Found::InUse => return self.unchanged(reason),
                Found::New(verified) => match self.publish(verified) {
                    Ok(()) => return,
                    Err(failure) => *failure,
                },
                Found::Failed(failure) => *failure,
            };
            let is_known = self.failure.as_ref().is_some_and(|known| known.message == failure.message);
            if is_known && reason != Reason::Asked {
                return;
            }
            if is_known || begin.elapsed() >= PATIENCE {
                return self.failed(failure);
            }
            debug!(subject = failure.subject, "waits for the rest of a change: {}", failure.message);
            sleep(backoff.advance()).await;
        }
    }

    /// Reads the files. On a network file system that may take long, and the calls do not wait for it.
    async fn find(&self) -> Found {
        let (in_use, now) = (Arc::clone(&self.verified), (self.clock)());
        let sources = self.sources.clone().requiring(in_use.loaded());
        let found = spawn_blocking(move || match sources.load() {
            Ok(loaded) if loaded.is_same(in_use.loaded()) => Found::InUse,
            Ok(loaded) => match in_use.succeeded_by(loaded, now) {
                Ok(verified) => Found::New(verified),
                Err(worse) => Found::Failed(Box::new(of_finding(&worse))),
            },
            Err(error) => Found::Failed(Box::new(of_error(&error, &sources))),
        });
        match found.await {
            Ok(found) => found,
            // A bug: it is told and ends the process where the task of the bridge is awaited.
            Err(bug) => std::panic::resume_unwind(bug.into_panic()),
        }
    }

    fn publish(&mut self, verified: Verified) -> Result<(), Box<Finding>> {
        let (new, old) = (verified.loaded(), Arc::clone(&self.verified));
        let unusable = |error| Box::new(of_tls(&error, &self.sources));
        let (server, client) =
            (server(new, &self.permitted).map_err(unusable)?, client(new).map_err(unusable)?);
        let is_new = |role| !new.is_same_for(role, old.loaded());
        if is_new(Role::Server) && server.is_some() {
            self.server.send_replace(server);
        }
        if is_new(Role::Client) {
            self.client.send_replace(Some(ClientSide { tls: client, own: own(new).cloned() }));
        }
        let now = (self.clock)();
        for (role, identity) in &new.identities {
            let leaf = identity.leaf();
            let (file, until) = (identity.certificate_path().display(), when::timestamp(leaf.not_after));
            info!(%role, subject = %leaf.subject, file = %file, until, "new certificates are in use");
        }
        if new.identities.is_empty() {
            info!(file = %new.anchors.path().display(), "new CA certificates are in use");
        }
        self.status.send_modify(|status| {
            use_now(status, new, now);
            status.note(now, ReloadOutcome::Loaded, None);
        });
        self.told.clear();
        verified.findings().iter().for_each(|finding| self.tell(finding));
        self.verified = Arc::new(verified);
        self.failure = None;
        Ok(())
    }

    fn unchanged(&mut self, reason: Reason) {
        let is_mended = self.failure.take().is_some();
        if is_mended {
            info!("the files of the certificates in use are back");
        } else if reason == Reason::Asked {
            info!("no file of a certificate has changed");
        }
        if is_mended || reason == Reason::Asked {
            let now = (self.clock)();
            self.status.send_modify(|status| status.note(now, ReloadOutcome::Unchanged, None));
        }
    }

    fn failed(&mut self, failure: Finding) {
        let (subject, id, hint) = (&failure.subject, failure.id, &failure.hint);
        warn!(subject, %id, hint, "{}", failure.message);
        let now = (self.clock)();
        self.status.send_modify(|status| status.note(now, ReloadOutcome::Failed, Some(failure.clone())));
        self.failure = Some(failure);
    }

    /// Once for each certificate: that it is near its end, and that it is over.
    fn tell_due(&mut self) {
        let due = self.verified.due((self.clock)());
        due.iter().for_each(|finding| self.tell(finding));
    }

    fn tell(&mut self, finding: &Finding) {
        let (subject, id, hint) = (&finding.subject, finding.id, &finding.hint);
        if !self.told.insert(key(finding)) {
            return;
        }
        match finding.severity {
            Severity::Info => info!(subject, %id, hint, "{}", finding.message),
            Severity::Warning | Severity::Error => warn!(subject, %id, hint, "{}", finding.message),
        }
    }
}

/// What the log says once: its words change with the time that is left.
type Told = (FindingId, String, Option<String>);

/// A file can hold several certificates.
fn key(finding: &Finding) -> Told {
    let certificate = finding.evidence.iter().find(|(name, _)| *name == "certificate");
    (finding.id, finding.subject.clone(), certificate.map(|(_, subject)| subject))
}

/// New certificates that peers would reject.
fn of_finding(worse: &Finding) -> Finding {
    let message = format!("{KEPT}: {} ({})", worse.message, worse.id);
    let failure = Finding::new(FindingId::BridgeReloadFailed, &worse.subject, message);
    match &worse.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// New files that cannot be used.
fn of_error(error: &IdentityError, sources: &Sources) -> Finding {
    let of_error = Finding::of_error(FindingId::BridgeReloadFailed, place(sources), error);
    let found = Finding { message: format!("{KEPT}: {}", of_error.message), ..of_error };
    match (is_denied(error), audit::another_file(error, sources)) {
        (true, _) => found.with_hint(DENIED),
        (false, Some(hint)) => found.with_hint(hint),
        (false, None) => found,
    }
}

/// True if the operating system, or our own sandbox, forbids to read a file.
fn is_denied(error: &IdentityError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let error_of_system = error.downcast_ref::<io::Error>();
        if error_of_system.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The same for what TLS does not take.
fn of_tls(error: &TlsError, sources: &Sources) -> Finding {
    Finding::new(FindingId::BridgeReloadFailed, place(sources), format!("{KEPT}: {}", chain(error)))
}

fn place(sources: &Sources) -> String {
    let directory = sources.ca.parent().filter(|directory| *directory != Path::new(""));
    directory.unwrap_or(Path::new(".")).display().to_string()
}

/// A link that leads elsewhere since the start is the likely reason where the mode is none.
const DENIED: &str = "look at owner and mode of the file; if a link leads to another directory since the start of the bridge, restart it: its sandbox only permits the directories of that time";

const KEPT: &str = "the new files are not used, the certificates in use stay";

/// How often files are compared, in addition to events: some file systems have none, and kubelet itself needs a minute.
pub(super) const POLL: Duration = Duration::from_secs(10);

/// How long files that do not fit together may be half of a change.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at them.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// So long without an event: the change is over.
const QUIET: Duration = Duration::from_millis(50);

/// A directory in which something always happens is looked at nevertheless.
const LONGEST_BURST: Duration = Duration::from_millis(500);
