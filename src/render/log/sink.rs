//! Writes log lines to an output, through a queue and in a separate thread.
//!
//! An output can fail (a full disk), be closed (`2>&1 | head -1`) or stall (a pipe that is not read). None of this may stall
//! or end the process that logs. So a line is dropped and counted if the queue is full or the line cannot be written;
//! the number is logged as soon as lines can be written again.

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Where log lines go in. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Sink(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    /// Something is to be written, or all of it has been.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    /// Lines that were not written and not told yet.
    lost: u64,
    /// All that were not written.
    lost_in_all: u64,
    /// `flush` waits until everything is written and the number of lost lines is logged, or neither is possible.
    flushing: bool,
}

impl Sink {
    /// Starts the thread that writes to `output`. `notice` makes the line that tells how many were lost.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        notice: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Self> {
        let sink = Self::default();
        let mut writer = Writer { queue: Arc::clone(&sink.0), output, torn: false };
        // Not joined: it may be in the middle of a write that never ends.
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(notice))?;
        Ok(sink)
    }

    /// Adds whole lines.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.0.lock();
        match state.waiting.len() + lines.len() <= CAPACITY {
            true => state.waiting.extend_from_slice(lines),
            false => {
                state.lost += count(lines);
                state.lost_in_all += count(lines);
            }
        }
        self.0.news.notify_all();
    }

    /// Waits until everything is written, but not for long: the output may stall.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_LIMIT;
        let mut state = self.0.lock();
        state.flushing = true;
        self.0.news.notify_all();
        while state.flushing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many lines were lost since the start.
    pub(super) fn lost_in_all(&self) -> u64 {
        self.0.lock().lost_in_all
    }

    /// Takes out what waits, where no thread does.
    pub(super) fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().waiting)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Sink {
    /// The subscriber hands over one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// The thread's side.
struct Writer<W> {
    queue: Arc<Queue>,
    output: W,
    /// The last line that was written is not whole.
    torn: bool,
}

impl<W: Write> Writer<W> {
    fn run(&mut self, notice: impl Fn(u64) -> Vec<u8>) {
        loop {
            let (lines, lost) = self.next();
            let failed = self.write(&lines);
            // They were lost after those which found room.
            let told = lost > 0 && failed == 0 && self.write(&notice(lost)) == 0;
            let mut state = self.queue.lock();
            state.lost = state.lost + failed - if told { lost } else { 0 };
            state.lost_in_all += failed;
            if state.waiting.is_empty() {
                state.flushing = false;
                self.queue.news.notify_all();
            }
        }
    }

    /// Waits for lines, and tells how many were lost until then. Without lines when nothing but that number is to be
    /// written.
    fn next(&self) -> (Vec<u8>, u64) {
        let mut state = self.queue.lock();
        while state.waiting.is_empty() && !state.flushing {
            state = self.queue.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (mem::take(&mut state.waiting), state.lost)
    }

    /// Writes whole lines, and tells how many of them are lost.
    fn write(&mut self, mut lines: &[u8]) -> u64 {
        if self.torn && self.write_some(b"\n").is_err() {
            return count(lines);
        }
        self.torn = false;
        while !lines.is_empty() {
            match self.write_some(lines) {
                Ok(written) => {
                    self.torn = lines[written - 1] != b'\n';
                    lines = &lines[written..];
                }
                Err(_) => return count(lines),
            }
        }
        0
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.output.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that has the same output may have made it non-blocking.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// What may wait, in bytes: some thousands of lines.
const CAPACITY: usize = 1 << 20;

/// How long the end waits for an output that stalls.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Between two tries on an output that is not ready.
const PAUSE: Duration = Duration::from_millis(10);
