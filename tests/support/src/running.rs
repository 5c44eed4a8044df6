use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;

use crate::run::{BETWEEN_TRIES, wait};
use crate::{LIMIT, check_output, printed};

/// A process that goes on until it is stopped. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    arguments: Vec<OsString>,
    name: String,
    lines: Receiver<Line>,
    seen: Vec<Line>,
    _directory: TempDir,
}

/// A line that the process printed, and where.
#[derive(Clone, Debug)]
enum Line {
    Stdout(String),
    Stderr(String),
}

impl Running {
    pub(crate) fn new(mut child: Child, arguments: Vec<OsString>, name: String, directory: TempDir) -> Self {
        let (sender, lines) = mpsc::channel();
        // None where it was sent elsewhere.
        if let Some(stdout) = child.stdout.take() {
            read_lines(stdout, Line::Stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, Line::Stderr, sender);
        }
        Self { child, arguments, name, lines, seen: Vec::new(), _directory: directory }
    }

    /// Waits for a line, on stdout or stderr, that contains `text`, and gives it back. Lines that were
    /// printed before the call count, unless an earlier call gave them back.
    ///
    /// # Panics
    /// When the process ends or a long time passes first; says what it printed.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        if !self.prints(text) {
            self.fail(&format!("ended without a line with `{text}`"));
        }
        self.seen.last().map(|line| line.text().to_owned()).unwrap_or_default()
    }

    /// Waits for a line that contains `text`, or for the end of the process: false if it ends without one.
    ///
    /// # Panics
    /// When a long time passes first; says what it printed.
    pub fn prints(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.text().contains(text) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.fail(&format!("neither printed a line with `{text}` nor ended"))
                }
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Waits until something accepts connections at `host:port`.
    ///
    /// # Panics
    /// When the process ends or a long time passes first; says what it printed.
    pub fn wait_for_port(&mut self, address: &str) {
        self.wait_until(&format!("accepts no connection at {address}"), || {
            TcpStream::connect(address).is_ok()
        });
    }

    /// Waits until something accepts connections on a unix socket.
    ///
    /// # Panics
    /// When the process ends or a long time passes first; says what it printed.
    pub fn wait_for_socket(&mut self, path: &Path) {
        let complaint = format!("accepts no connection on `{}`", path.display());
        self.wait_until(&complaint, || UnixStream::connect(path).is_ok());
    }

    /// Asks it to stop (SIGTERM) and waits until it did. Its exit code, and all that it printed on stderr.
    ///
    /// # Panics
    /// When it takes too long, or ends by a signal.
    pub fn terminate(self) -> (i32, String) {
        self.signal(Signal::TERM);
        self.finish()
    }

    /// Presses Ctrl-C (SIGINT) and waits until it stopped. Its exit code, and all that it printed on stderr.
    ///
    /// # Panics
    /// When it takes too long, or ends by a signal.
    pub fn interrupt(self) -> (i32, String) {
        self.signal(Signal::INT);
        self.finish()
    }

    /// Waits until it ends by itself. Its exit code, and all that it printed on stderr.
    ///
    /// # Panics
    /// When it takes too long, or ends by a signal.
    pub fn finish(mut self) -> (i32, String) {
        (self.exit_code(), self.stderr())
    }

    /// The same, with all that it printed on stdout in front of stderr.
    ///
    /// # Panics
    /// As [`Running::finish`].
    pub fn finish_with_stdout(mut self) -> (i32, String, String) {
        (self.exit_code(), self.stdout(), self.stderr())
    }

    fn exit_code(&mut self) -> i32 {
        self.drain();
        let status =
            wait(&mut self.child, LIMIT).unwrap_or_else(|| self.fail("closed its output and went on"));
        status.code().unwrap_or_else(|| self.fail(&format!("ended by {status}")))
    }

    /// Its stdin, of a run with [`crate::Egext::open_stdin`]. To drop it is to close it.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("open, and not taken before")
    }

    /// Ends it as a power cut would (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }

    /// True once it has ended, by itself or by a signal.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our child").is_some()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our child");
    }

    /// Makes it stand still, and returns when it does: the signal alone leaves it time to go on.
    pub fn stop(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("our child");
        waitpid(Some(pid), WaitOptions::UNTRACED).expect("our child");
    }

    /// What it printed on stdout until now, as far as one of the waiting functions has read it.
    pub fn stdout(&self) -> String {
        self.printed(|line| matches!(line, Line::Stdout(_)))
    }

    /// What it printed on stderr until now, as far as one of the waiting functions has read it.
    pub fn stderr(&self) -> String {
        self.printed(|line| matches!(line, Line::Stderr(_)))
    }

    /// Reads until both of its outputs are closed, which is when it has ended.
    fn drain(&mut self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.fail("does not end"),
            }
        }
    }

    fn wait_until(&mut self, complaint: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !condition() {
            self.seen.extend(self.lines.try_iter());
            if self.child.try_wait().expect("our child").is_some() {
                self.drain();
                self.fail(&format!("ended and {complaint}"));
            }
            if Instant::now() > deadline {
                self.fail(complaint);
            }
            thread::sleep(BETWEEN_TRIES);
        }
    }

    fn printed(&self, wanted: impl Fn(&Line) -> bool) -> String {
        self.seen.iter().filter(|line| wanted(line)).map(|line| format!("{}\n", line.text())).collect()
    }

    fn fail(&self, complaint: &str) -> ! {
        panic!("`{}` {complaint}; it printed:\n{}", self.name, self.printed(|_| true))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Libraries write at the level `trace` for their own developers.
        if thread::panicking() || self.name.contains("\"trace\"") {
            return;
        }
        // A process that inherited its outputs can keep them open: nothing is waited for.
        let unread = self.lines.try_iter().collect::<Vec<_>>();
        for line in self.seen.iter().chain(&unread) {
            printed(line.text());
            check_output(&self.arguments, "", line.text());
        }
    }
}

impl Line {
    fn text(&self) -> &str {
        match self {
            Self::Stdout(text) | Self::Stderr(text) => text,
        }
    }
}

fn read_lines(stream: impl Read + Send + 'static, kind: fn(String) -> Line, lines: Sender<Line>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if lines.send(kind(line)).is_err() {
                return;
            }
        }
    });
}
