//! The connections that are open, and which of them is closed when there are too many: never one whose request is
//! under way for one that may be idle, unless the first has had more time than an honest client needs.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

/// The connections, oldest first.
#[derive(Default)]
pub(super) struct Seats {
    tasks: JoinSet<()>,
    taken: VecDeque<Seat>,
}

struct Seat {
    task: AbortHandle,
    progress: Progress,
}

/// How far a client has come with its request, and since when. Cheap to clone.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<(Stage, Instant)>>);

/// In the order in which connections are closed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    /// Nothing has arrived.
    Silent,
    /// A part of the request has.
    Sending,
    /// The whole request has, and is being answered.
    Asked,
}

/// A stream that notes when the first part of a request arrives.
pub(super) struct Noted<S> {
    stream: S,
    progress: Progress,
}

impl Seats {
    /// Returns when there is a seat. If all are taken, a connection that has been in its stage for too long is closed,
    /// the one that has come least far first.
    pub(super) async fn free(&mut self) {
        loop {
            // One that panicked has been reported where that happened.
            while self.tasks.try_join_next().is_some() {}
            self.taken.retain(|seat| !seat.task.is_finished());
            if self.taken.len() < CONNECTIONS {
                return;
            }
            let now = Instant::now();
            let late = self.taken.iter().enumerate().filter(|(_, seat)| seat.end() <= now);
            if let Some((place, _)) = late.min_by_key(|(place, seat)| (seat.progress.stage(), *place)) {
                self.taken.remove(place).iter().for_each(|seat| seat.task.abort());
                return;
            }
            let next = self.taken.iter().map(Seat::end).min().unwrap_or(now);
            tokio::select! {
                () = sleep_until(next) => {}
                _ = self.tasks.join_next() => {}
            }
        }
    }

    /// Takes a seat for a connection that `serving` serves.
    pub(super) fn take(&mut self, serving: impl Future<Output = ()> + Send + 'static, progress: Progress) {
        let task = self.tasks.spawn(serving);
        self.taken.push_back(Seat { task, progress });
    }

    /// Answers that have begun reach their readers. A client that has asked nothing is not waited for.
    pub(super) async fn end(mut self) {
        let silent = self.taken.iter().filter(|seat| seat.progress.stage() < Stage::Asked);
        silent.for_each(|seat| seat.task.abort());
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What is left then is cut.
        let _ = timeout(LAST_ANSWERS, ended).await;
    }
}

impl Seat {
    /// Until when it is not closed for a newer one.
    fn end(&self) -> Instant {
        let (stage, since) = self.progress.get();
        since + stage.patience()
    }
}

impl Progress {
    /// Of a connection that begins now.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Stage::Silent, Instant::now()))))
    }

    /// The whole request has arrived.
    pub(super) fn asked(&self) {
        self.reach(Stage::Asked);
    }

    /// The same connection, with a note when the client begins to send.
    pub(super) fn note<S>(&self, stream: S) -> Noted<S> {
        Noted { stream, progress: self.clone() }
    }

    fn reach(&self, stage: Stage) {
        let mut reached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reached.0 < stage {
            *reached = (stage, Instant::now());
        }
    }

    fn get(&self) -> (Stage, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage(&self) -> Stage {
        self.get().0
    }
}

impl Stage {
    fn patience(self) -> Duration {
        match self {
            // An honest client sends its request as soon as it is connected.
            Self::Silent => Duration::from_millis(200),
            // It fits into one packet.
            Self::Sending => Duration::from_secs(1),
            // `/healthz` waits for the parts of the bridge, for at most two seconds (`routes`). After that only a client
            // that does not read is left.
            Self::Asked => Duration::from_secs(3),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.progress.reach(Stage::Sending);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// At once. A person has one page open, and a scrape takes milliseconds.
const CONNECTIONS: usize = 16;

/// For answers that are under way at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    /// As many as there may be, all in the same stage.
    fn full(stage: Stage) -> Seats {
        let mut seats = Seats::default();
        (0..CONNECTIONS).for_each(|_| seat(&mut seats, stage));
        seats
    }

    fn seat(seats: &mut Seats, stage: Stage) {
        let progress = Progress::new();
        progress.reach(stage);
        seats.take(pending(), progress);
    }

    fn stages(seats: &Seats) -> Vec<Stage> {
        seats.taken.iter().map(|seat| seat.progress.stage()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_has_its_time_in_each_stage() {
        for stage in [Stage::Silent, Stage::Sending, Stage::Asked] {
            let mut seats = full(stage);
            let begin = Instant::now();
            seats.free().await;
            assert!(begin.elapsed() >= stage.patience(), "{stage:?}: {:?}", begin.elapsed());
            assert_eq!(seats.taken.len(), CONNECTIONS - 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_come_least_far_is_closed_first() {
        let mut seats = full(Stage::Asked);
        seats.taken.truncate(CONNECTIONS - 2);
        for stage in [Stage::Sending, Stage::Silent] {
            seat(&mut seats, stage);
        }
        // All of them are late.
        sleep(Duration::from_secs(4)).await;
        for gone in [Stage::Silent, Stage::Sending] {
            seats.free().await;
            assert!(!stages(&seats).contains(&gone), "{gone:?}");
            seat(&mut seats, Stage::Asked);
        }
        seats.free().await;
        assert_eq!(stages(&seats), [Stage::Asked; CONNECTIONS - 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_ends_makes_room_at_once() {
        let mut seats = full(Stage::Asked);
        seats.taken.pop_back().expect("full").task.abort();
        let progress = Progress::new();
        progress.asked();
        seats.take(sleep(Duration::from_millis(5)), progress);
        let begin = Instant::now();
        seats.free().await;
        assert!(begin.elapsed() < Stage::Silent.patience(), "{:?}", begin.elapsed());
        assert_eq!(stages(&seats), [Stage::Asked; CONNECTIONS - 1]);
    }
}
