use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::LIMIT;

/// Leaves a socket at `path` that nobody listens on, as a killed server does.
pub fn leave_stale_socket(path: &Path) {
    drop(UnixListener::bind(path).expect("a free path"));
    wait_until_stale(path);
}

/// Waits until nobody listens on the socket at `path`, which this process has just closed.
///
/// Another test may start a program at this moment, whose copy of the descriptor lives until it has become that
/// program.
pub fn wait_until_stale(path: &Path) {
    let deadline = Instant::now() + LIMIT;
    while UnixStream::connect(path).is_ok() {
        assert!(Instant::now() < deadline, "`{}` is still listened on", path.display());
        thread::sleep(BETWEEN_TRIES);
    }
}

/// Each try takes a place in the socket's queue.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);
