//! Files that the user names: the one place that opens and reads them.
//!
//! A path is opened once, without waiting, and judged by its handle: a FIFO, a device or a socket would keep the
//! reader waiting or never end. A pipe is read where a shell makes one (`--ca <(command)` becomes `/dev/fd/63`),
//! with a limit in time. The size of everything is limited, since users also name files by mistake.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Reads a file of at most `limit` bytes; wiped from memory when dropped, since it may hold a key.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    // Room for all of it at once: a buffer that grows leaves copies of its contents behind.
    let room = if kind.is_file() { metadata.len().min(limit) } else { limit };
    let mut contents = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default() + 1));
    if kind.is_file() {
        file.take(limit + 1).read_to_end(&mut contents)?;
    } else if kind.is_fifo() && is_descriptor(path) {
        from_pipe(&file, limit, &mut contents)?;
    } else if kind.is_dir() {
        return Err(InputError::Directory);
    } else {
        return Err(InputError::NotAFile(if kind.is_fifo() {
            "a named pipe"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        }));
    }
    if u64::try_from(contents.len()).is_ok_and(|length| length > limit) {
        return Err(InputError::TooLarge);
    }
    Ok(contents)
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum InputError {
    Directory,
    Io(io::Error),
    /// What it is instead.
    NotAFile(&'static str),
    /// A pipe that was not closed in time.
    Open,
    TooLarge,
}

impl From<io::Error> for InputError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Is it a descriptor that this process was started with?
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|place| path.starts_with(place))
}

fn from_pipe(pipe: &File, limit: u64, contents: &mut Vec<u8>) -> Result<(), InputError> {
    let end = Instant::now() + PIPE_LIMIT;
    let mut pipe_left = pipe.take(limit + 1);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(InputError::Open),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(InputError::Io(error.into())),
        }
        // Appends what is there, and keeps it when nothing more is there yet.
        match pipe_left.read_to_end(contents) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(InputError::Io(error)),
        }
    }
}

/// How long a pipe may take to be closed.
pub(crate) const PIPE_LIMIT: Duration = Duration::from_secs(10);
