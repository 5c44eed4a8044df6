//! Opens and reads files that the user names; no other module does.
//!
//! A path is opened once, without blocking, and judged by its handle: reading a FIFO, a device or a socket could block
//! or never end. A pipe that a shell makes (`--ca <(command)` becomes `/dev/fd/63`) is read
//! with a time limit, and so is stdin, which is called `-`. The size of all input is limited, because users also
//! name files by mistake.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Reads a file of at most `limit` bytes, stdin if it is called `-`; wiped from memory when dropped, since it may hold
/// a key.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, InputError> {
    if is_stdin(path) {
        return stdin(limit);
    }
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match fs::metadata(path) {
        // It cannot even be opened, and the system says "no such device or address".
        Ok(metadata) if metadata.file_type().is_socket() => InputError::NotAFile("a socket"),
        _ => InputError::Io(error),
    })?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_file() {
        let mut contents = buffer(metadata.len().min(limit));
        file.take(limit + 1).read_to_end(&mut contents)?;
        return within(contents, limit);
    }
    if kind.is_fifo() && is_descriptor(path) {
        return from_pipe(&file, limit, (PIPE_LIMIT, PIPE_LIMIT));
    }
    Err(if kind.is_dir() {
        InputError::Directory
    } else {
        InputError::NotAFile(if kind.is_fifo() { "a named pipe" } else { "a device" })
    })
}

/// Does this name mean stdin? A file of this name is `./-`.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Stdin ends once. Some commands read an input again to compare it or to open its key, so its contents are kept.
fn stdin(limit: u64) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let mut contents = STDIN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(contents) = &*contents {
        return within(contents.clone(), limit);
    }
    if io::stdin().is_terminal() {
        return Err(InputError::Terminal);
    }
    // Not through a second buffer, and not without waiting: the mode would be that of the process that started us.
    let descriptor = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if descriptor.metadata()?.is_dir() {
        return Err(InputError::Directory);
    }
    let read = from_pipe(&descriptor, limit, (STDIN_LIMIT, PIPE_LIMIT))?;
    Ok(contents.insert(read).clone())
}

/// Room for all of it at once: a buffer that grows leaves copies of its contents behind.
fn buffer(room: u64) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default() + 1))
}

fn within(contents: Zeroizing<Vec<u8>>, limit: u64) -> Result<Zeroizing<Vec<u8>>, InputError> {
    match u64::try_from(contents.len()).is_ok_and(|length| length > limit) {
        true => Err(InputError::TooLarge),
        false => Ok(contents),
    }
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
    /// A pipe through which nothing came within this time.
    Silent(Duration),
    /// Stdin, on which a person would have to type PEM.
    Terminal,
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

/// `until_first` is how long the first byte may take, `until_end` how long the rest.
fn from_pipe(
    pipe: &File,
    limit: u64,
    (until_first, until_end): (Duration, Duration),
) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let mut end = Instant::now() + until_first;
    let mut contents = buffer(limit);
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
            Ok(0) if contents.is_empty() => return Err(InputError::Silent(until_first)),
            Ok(0) => return Err(InputError::Open),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(InputError::Io(error.into())),
        }
        // Once for each poll: a second read may block where the descriptor is stdin.
        let room = contents.capacity() - contents.len();
        let room = room.min(CHUNK);
        match Read::read(&mut &*pipe, &mut chunk[..room]) {
            Ok(0) => return within(contents, limit),
            Ok(length) => {
                if contents.is_empty() {
                    end = Instant::now() + until_end;
                }
                contents.extend_from_slice(&chunk[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(InputError::Io(error)),
        }
        if contents.len() == contents.capacity() {
            return within(contents, limit);
        }
    }
}

/// What stdin had.
static STDIN: Mutex<Option<Zeroizing<Vec<u8>>>> = Mutex::new(None);

/// As much as a pipe of Linux hands over at once.
const CHUNK: usize = 64 << 10;

/// How long stdin may be silent: a person may have to type a password for the command before the pipe.
const STDIN_LIMIT: Duration = Duration::from_secs(120);

/// How long a pipe may take to be closed.
pub(crate) const PIPE_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(30);

    fn pipe() -> (File, io::PipeWriter) {
        let (reader, writer) = io::pipe().expect("a pipe");
        (File::from(std::os::fd::OwnedFd::from(reader)), writer)
    }

    #[test]
    fn a_silent_pipe_and_one_that_stays_open_are_told_apart() {
        let (reader, mut writer) = pipe();
        assert!(matches!(from_pipe(&reader, 9, (SHORT, LONG)), Err(InputError::Silent(SHORT))));
        writer.write_all(b"a").expect("room");
        assert!(matches!(from_pipe(&reader, 9, (LONG, SHORT)), Err(InputError::Open)));
    }

    /// A person types a password, and then all comes at once.
    #[test]
    fn the_limit_for_the_rest_begins_with_the_first_byte() {
        let (reader, mut writer) = pipe();
        writer.write_all(b"abc").expect("room");
        drop(writer);
        let contents = from_pipe(&reader, 3, (SHORT, LONG)).expect("read");
        assert_eq!(contents.as_slice(), b"abc");
        let (reader, mut writer) = pipe();
        writer.write_all(b"abcd").expect("room");
        assert!(matches!(from_pipe(&reader, 3, (LONG, LONG)), Err(InputError::TooLarge)), "still open");
    }
}
