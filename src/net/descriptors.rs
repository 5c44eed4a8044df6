use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::report::is_lack_of_descriptors;

/// The number of files that this process may have open.
pub(crate) fn descriptor_limit() -> usize {
    number(getrlimit(Resource::Nofile).current)
}

/// How many more files this process can open now, counted up to `most`: it may have been started with open ones.
pub(crate) fn spare_descriptors(most: usize) -> usize {
    let copies = (0..most).map_while(|_| io::stdin().as_fd().try_clone_to_owned().ok());
    // All of them are held until the last one is there.
    copies.collect::<Vec<_>>().len()
}

/// Raises the number of files that this process may have open to its maximum, and returns it.
///
/// The lower number is for programs that use select(2), which supports only 1,024.
pub(crate) fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // Refused by some sandboxes, and by systems whose maximum is no number.
    let limit = if raised.is_ok() { maximum } else { current };
    number(limit)
}

/// Fails if the descriptors that a runtime of tokio needs are not there: tokio panics where it cannot make the pair of
/// sockets by which signals reach it.
///
/// # Errors
/// As the system has them when a process or all of them have too many files open.
pub fn enough_for_a_runtime() -> io::Result<()> {
    // The pair and a copy, epoll and the descriptor that wakes it, and one more.
    let _three_pairs = [UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?];
    Ok(())
}

/// What the system said about a name, or that the resolver had nothing to ask with: it needs descriptors for its files
/// and its sockets, and without them it says that there is no such name.
pub(crate) fn cause_of_resolver(error: io::Error) -> io::Error {
    let three_pairs = [UnixStream::pair(), UnixStream::pair(), UnixStream::pair()];
    let lack = three_pairs.into_iter().find_map(Result::err);
    lack.filter(is_lack_of_descriptors).unwrap_or(error)
}

/// None is no limit.
fn number(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
