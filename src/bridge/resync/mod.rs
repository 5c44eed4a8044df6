//! Makes Envoy Gateway translate again, after hook calls that the bridge had to answer itself.
//!
//! Envoy Gateway never repeats a translation that has failed, nor one that it published without the extension (`failOpen`).
//! It takes a change of its resources, and `marker` is the smallest one. A task waits for such answers (`hooks`), then
//! for the upstream, writes the marker, and removes it once the server has answered the hooks of a new translation.

mod hooks;
mod marker;
mod resources;
mod status;
mod trouble;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use hooks::{Effect, Hooks};
use marker::{Marker, Place};
use resources::Broken;
pub use status::{ResyncAttempt, ResyncOutcome, ResyncStatus};

use super::BridgePlan;
use super::metrics::HookTally;
use super::upstream::Link;
use crate::backoff::{Backoff, jittered};
use crate::report::{Finding, FindingId};

/// Where Envoy Gateway can be made to translate again.
#[derive(Clone, Debug, Default)]
pub struct ResyncPlan {
    /// Resource directories of Envoy Gateway; none turns it off.
    pub directories: Vec<PathBuf>,
}

/// The task.
pub(super) struct Resync {
    marker: Marker,
    hooks: Hooks,
    link: Link,
    clock: fn() -> OffsetDateTime,
    publish: watch::Sender<ResyncStatus>,
    /// How many failed calls are mended.
    mended: u64,
    pace: Pace,
    told: Vec<(FindingId, String)>,
}

/// How often markers are written.
struct Pace {
    written: VecDeque<Instant>,
    backoff: Backoff,
}

/// What an attempt has written.
#[derive(Debug, Default)]
struct Written {
    directories: Vec<PathBuf>,
    broken: Vec<Broken>,
    findings: Vec<(PathBuf, Finding)>,
}

impl Resync {
    /// None if there is no directory to write to.
    pub(super) fn new(
        plan: &BridgePlan,
        hooks: watch::Receiver<HookTally>,
        link: Link,
        publish: watch::Sender<ResyncStatus>,
    ) -> Option<Self> {
        let directories = &plan.resync.directories;
        if directories.is_empty() {
            return None;
        }
        publish.send_modify(|status| status.directories.clone_from(directories));
        Some(Self {
            marker: Marker::of(&plan.listen),
            hooks: Hooks::new(hooks),
            link,
            clock: plan.clock,
            publish,
            mended: 0,
            pace: Pace { written: VecDeque::new(), backoff: Backoff::new(FIRST_PAUSE, LAST_PAUSE) },
            told: Vec::new(),
        })
    }

    pub(super) async fn run(mut self) -> Infallible {
        let mut is_needed = self.take_over().await;
        loop {
            if !is_needed {
                self.hooks.fail(self.mended).await;
            }
            self.publish.send_modify(|status| status.needed_since = Some((self.clock)()));
            info!("Envoy Gateway needs another translation: calls were answered by the bridge");
            self.note().await;
            self.heal().await;
            self.publish.send_modify(|status| status.needed_since = None);
            is_needed = false;
        }
    }

    /// Tries until the server has answered the hooks of a new translation.
    async fn heal(&mut self) {
        loop {
            self.link.connected().await;
            // What still comes of the translation that has failed is not an effect of the marker.
            self.hooks.settle().await;
            if !self.link.is_connected() {
                continue;
            }
            let (mark, connects) = (self.hooks.tally(), self.link.connects());
            let pause = match self.pace.admit() {
                Ok(()) => match self.attempt(mark).await {
                    Effect::Answered => return,
                    // The upstream was lost again: as soon as it is back.
                    Effect::Failed if !self.link.is_connected() || self.link.connects() > connects => {
                        continue;
                    }
                    Effect::Failed | Effect::Nothing => jittered(self.pace.backoff.advance()),
                },
                Err(pause) => {
                    for directory in self.directories() {
                        self.tell(&trouble::capped(&directory));
                    }
                    pause
                }
            };
            if self.heals_in(pause).await {
                return;
            }
        }
    }

    /// A marker that lies there may still have its effect, and so may a file that the operator changes.
    async fn heals_in(&mut self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            let mark = self.hooks.tally();
            if self.hooks.effect(mark, end).await == Effect::Answered {
                self.answered(mark, Instant::now()).await;
                return true;
            }
        }
        false
    }

    async fn attempt(&mut self, mark: HookTally) -> Effect {
        let (at, begin) = ((self.clock)(), Instant::now());
        let written = self.write().await;
        for (directory, finding) in &written.findings {
            self.tell(finding);
            if !written.directories.contains(directory) {
                self.add(at, begin, directory, ResyncOutcome::Failed(finding.clone()));
            }
        }
        if written.directories.is_empty() {
            return Effect::Nothing;
        }
        self.pace.written.push_back(begin);
        let effect = self.hooks.effect(mark, begin + EFFECT).await;
        for directory in &written.directories {
            let outcome = match effect {
                Effect::Answered => ResyncOutcome::Done,
                Effect::Failed => ResyncOutcome::Interrupted,
                Effect::Nothing => {
                    let broken = written.broken.iter().filter(|file| file.path.starts_with(directory));
                    let finding = trouble::no_effect(directory, &broken.cloned().collect::<Vec<_>>());
                    self.tell(&finding);
                    ResyncOutcome::Failed(finding)
                }
            };
            self.add(at, begin, directory, outcome);
        }
        if effect == Effect::Answered {
            let milliseconds = begin.elapsed().as_millis();
            info!(milliseconds, "Envoy Gateway has translated again, with the extension server's answers");
            self.answered(mark, begin).await;
        }
        effect
    }

    /// It is done: the markers go.
    async fn answered(&mut self, mark: HookTally, written: Instant) {
        self.mended = mark.failed;
        self.pace.backoff.reset();
        self.told.clear();
        sleep_until(written + LEAST_LIFE).await;
        // If it has failed again meanwhile, the need is noted there.
        if self.hooks.tally().failed == mark.failed {
            self.everywhere(Place::clear).await;
        }
    }

    /// Is there something that a bridge at this address has left behind?
    async fn take_over(&mut self) -> bool {
        let (marker, directories) = (self.marker.clone(), self.directories());
        let (found, findings) = blocking(move || rest_of(&marker, &directories)).await;
        for finding in findings {
            self.tell(&finding);
        }
        found
    }

    /// Leaves a note for the next bridge, should this one be killed before it can write a marker.
    async fn note(&mut self) {
        self.everywhere(Place::note).await;
    }

    /// Does it in every directory; what goes wrong is told.
    async fn everywhere(&mut self, act: fn(&Place, &Marker) -> Result<(), marker::WriteError>) {
        let (marker, directories) = (self.marker.clone(), self.directories());
        let findings = blocking(move || {
            let failed = directories.iter().filter_map(|path| match Place::open(path) {
                Ok(place) => act(&place, &marker).err().map(|error| trouble::unwritable(path, &error)),
                Err(error) => Some(trouble::unreadable(path, &error)),
            });
            failed.collect::<Vec<_>>()
        });
        for finding in findings.await {
            self.tell(&finding);
        }
    }

    async fn write(&self) -> Written {
        let (marker, directories) = (self.marker.clone(), self.directories());
        blocking(move || write_all(&marker, &directories)).await
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.publish.borrow().directories.clone()
    }

    /// Once, until an attempt succeeds.
    fn tell(&mut self, finding: &Finding) {
        let known = (finding.id, format!("{}: {}", finding.subject, finding.message));
        if !self.told.contains(&known) {
            let (subject, id, hint) = (&finding.subject, finding.id, &finding.hint);
            warn!(subject, %id, hint, "{}", finding.message);
            self.told.push(known);
        }
    }

    fn add(&self, at: OffsetDateTime, begin: Instant, directory: &Path, outcome: ResyncOutcome) {
        let attempt = ResyncAttempt { at, directory: directory.to_owned(), outcome, took: begin.elapsed() };
        self.publish.send_modify(|status| status.add(attempt));
    }
}

impl Pace {
    /// Takes one of the markers of this hour, or says how long there is none.
    fn admit(&mut self) -> Result<(), Duration> {
        let now = Instant::now();
        while self.written.front().is_some_and(|first| now.duration_since(*first) >= HOUR) {
            self.written.pop_front();
        }
        match self.written.front() {
            Some(first) if self.written.len() >= MOST_AN_HOUR => Err((*first + HOUR).duration_since(now)),
            _ => Ok(()),
        }
    }
}

/// Whether there is one, and which directories could not be looked into.
fn rest_of(marker: &Marker, directories: &[PathBuf]) -> (bool, Vec<Finding>) {
    let (mut found, mut findings) = (false, Vec::new());
    for path in directories {
        match Place::open(path) {
            Ok(place) => match place.has_rest_of(marker) {
                Ok(rest) => found |= rest,
                Err(error) => findings.push(trouble::unwritable(path, &error)),
            },
            Err(error) => findings.push(trouble::unreadable(path, &error)),
        }
    }
    (found, findings)
}

fn write_all(marker: &Marker, directories: &[PathBuf]) -> Written {
    let mut written = Written::default();
    let mut without = Vec::new();
    for directory in directories {
        let found = match Place::open(directory)
            .and_then(|place| Ok((place, resources::read(directory, &marker.file())?)))
        {
            Ok(found) => found,
            Err(error) => {
                written.findings.push((directory.clone(), trouble::unreadable(directory, &error)));
                continue;
            }
        };
        let (place, found) = found;
        let closed =
            found.closed.iter().map(|gateway| (directory.clone(), trouble::closed(directory, gateway)));
        written.findings.extend(closed);
        if found.gateways.is_empty() {
            if found.closed.is_empty() {
                without.push((directory.clone(), trouble::no_gateway(directory, &found.broken)));
            }
            continue;
        }
        match place.publish(marker, &found.gateways) {
            Ok(()) => {
                written.directories.push(directory.clone());
                written.broken.extend(found.broken);
            }
            Err(error) => written.findings.push((directory.clone(), trouble::unwritable(directory, &error))),
        }
    }
    // The Gateways of one Envoy Gateway may all be in one of its directories.
    if written.directories.is_empty() && written.findings.is_empty() {
        written.findings = without;
    }
    written
}

/// Files are read and written on a thread of their own: a disk that hangs does not stop the calls.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(act).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends, and this task with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// EG takes at most 1.6 s from the marker to the first hook on a busy machine; after so long it has missed it.
const EFFECT: Duration = Duration::from_secs(15);

/// A marker that goes earlier may be gone before EG has read it, which takes up to 1.6 s.
const LEAST_LIFE: Duration = Duration::from_secs(2);

/// After an attempt in vain. What is wrong then is mended by a person, so it need not be tried often.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(300);

const HOUR: Duration = Duration::from_secs(3600);

/// Each marker costs two translations of all gateways. A server that restarts ten times in a row is healed ten times; one
/// that is lost every minute, for hours, is not.
const MOST_AN_HOUR: usize = 60;

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_hour_has_so_many_markers_and_no_more() {
        let mut pace = Pace { written: VecDeque::new(), backoff: Backoff::new(FIRST_PAUSE, LAST_PAUSE) };
        for _ in 0..MOST_AN_HOUR {
            pace.admit().expect("the hour has room");
            pace.written.push_back(Instant::now());
            advance(Duration::from_secs(10)).await;
        }
        let first = Duration::from_secs(10 * MOST_AN_HOUR as u64);
        assert_eq!(pace.admit(), Err(HOUR - first));
        advance(HOUR - first).await;
        pace.admit().expect("the first one is an hour old");
    }
}
