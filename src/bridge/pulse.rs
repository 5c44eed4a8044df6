//! Whether the parts of a running bridge still do their work: for a watchdog.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Asks the parts of a running bridge for a sign of life. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pulse {
    parts: [(&'static str, mpsc::Sender<Question>); 2],
}

/// The side of a part: it answers in the loop in which it works, so a part that is stuck gives no answer.
#[derive(Debug)]
pub(super) struct Heart(mpsc::Receiver<Question>);

type Question = oneshot::Sender<()>;

/// A part gave no sign of life.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{part} gave no sign of life within {limit:?}")]
pub struct Stuck {
    /// What it does.
    pub part: &'static str,
    /// How long it was waited for.
    pub limit: Duration,
}

/// The hearts of the parts.
#[derive(Debug)]
pub(super) struct Hearts {
    pub(super) front: Heart,
    pub(super) upstream: Heart,
}

impl Pulse {
    pub(super) fn new() -> (Self, Hearts) {
        let ((front, front_heart), (upstream, upstream_heart)) = (part(), part());
        let parts =
            [("the loop that accepts callers", front), ("the task that keeps the upstream", upstream)];
        (Self { parts }, Hearts { front: front_heart, upstream: upstream_heart })
    }

    /// Returns when every part has given a sign of life.
    ///
    /// A part that has ended counts as one that lives: the one that accepts callers ends when the bridge is told to stop,
    /// and a part that fails ends the bridge with an error.
    ///
    /// # Errors
    /// When a part does not do so within `limit`.
    pub async fn beat(&self, limit: Duration) -> Result<(), Stuck> {
        let deadline = Instant::now() + limit;
        for (part, heart) in &self.parts {
            timeout_at(deadline, ask(heart)).await.map_err(|_| Stuck { part, limit })?;
        }
        Ok(())
    }
}

impl Heart {
    /// Answers as long as it is polled.
    pub(super) async fn beat(&mut self) -> Infallible {
        while let Some(question) = self.0.recv().await {
            // An error means that the answer came too late.
            let _ = question.send(());
        }
        pending().await
    }
}

fn part() -> (mpsc::Sender<Question>, Heart) {
    let (ask, asked) = mpsc::channel(1);
    (ask, Heart(asked))
}

async fn ask(heart: &mpsc::Sender<Question>) {
    let (question, answer) = oneshot::channel();
    if heart.send(question).await.is_ok() {
        // An error means that the part has ended.
        let _ = answer.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_part_that_does_not_come_round_is_named() {
        let (pulse, mut hearts) = Pulse::new();
        tokio::select! {
            beat = pulse.beat(LIMIT) => {
                let stuck = beat.expect_err("the upstream is stuck");
                assert_eq!(stuck.part, "the task that keeps the upstream");
            }
            never = hearts.front.beat() => match never {},
        }
    }

    #[tokio::test(start_paused = true)]
    async fn parts_that_work_and_parts_that_have_ended_are_no_fault() {
        let (pulse, mut hearts) = Pulse::new();
        drop(hearts.front);
        for _ in 0..3 {
            tokio::select! {
                beat = pulse.beat(LIMIT) => assert_eq!(beat, Ok(())),
                never = hearts.upstream.beat() => match never {},
            }
        }
    }
}
