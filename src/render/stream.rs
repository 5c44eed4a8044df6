//! Writes finished text to stdout or stderr.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Writes all of `bytes`, past the buffers of the standard library: what is written is there, so that both streams keep
/// their order, and what cannot be written is known at once.
pub(super) fn write(stream: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&stream, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // A program that shares the stream has set O_NONBLOCK, which is a property of the stream, not of its user.
            Err(Errno::AGAIN) => wait(&stream)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// True when nothing reads the stream any more.
pub(super) fn is_abandoned(stream: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&stream, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // What cannot be asked says so when it is written to.
    poll(&mut polled, Some(&now))
        .is_ok_and(|_| polled[0].revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

/// Waits until the stream takes bytes again, or fails.
fn wait(stream: &impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
