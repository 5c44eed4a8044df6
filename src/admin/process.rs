//! What the operating system says about this process. `/proc` is opened once, at the start: a sandbox may forbid that
//! later, and a file that is open can be read again.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::process::{Resource, getrlimit};
use schemars::JsonSchema;
use serde::Serialize;

/// The files of this process in `/proc`, as far as the system has them.
#[derive(Debug, Default)]
pub(super) struct Process {
    stat: Option<File>,
    descriptors: Option<Mutex<Dir>>,
}

/// What this process needs. What the operating system does not tell is left out.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(super) struct Usage {
    /// Processor time since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_seconds: Option<f64>,
    /// Memory that is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resident_bytes: Option<u64>,
    /// Open file descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_fds: Option<u64>,
    /// How many file descriptors may be open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_fds: Option<u64>,
    /// Threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<u64>,
}

impl Process {
    pub(super) fn open() -> Self {
        let descriptors = rustix::fs::open(
            "/proc/self/fd",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let descriptors = descriptors.and_then(Dir::new).ok().map(Mutex::new);
        Self { stat: File::open("/proc/self/stat").ok(), descriptors }
    }

    pub(super) fn usage(&self) -> Usage {
        let mut usage = self.stat.as_ref().and_then(read).as_deref().map(parse).unwrap_or_default();
        usage.open_fds = self.count_descriptors();
        usage.max_fds = getrlimit(Resource::Nofile).current;
        usage
    }

    fn count_descriptors(&self) -> Option<u64> {
        let mut directory = self.descriptors.as_ref()?.lock().ok()?;
        directory.rewind();
        let names = directory.by_ref().filter_map(Result::ok);
        let descriptors = names.filter(|entry| !entry.file_name().to_bytes().starts_with(b"."));
        u64::try_from(descriptors.count()).ok()
    }
}

fn read(file: &File) -> Option<String> {
    let mut octets = [0; 1024];
    let length = file.read_at(&mut octets, 0).ok()?;
    String::from_utf8(octets[..length].to_vec()).ok()
}

/// The fields behind the name of the program, which may have blanks and parentheses (proc_pid_stat(5)).
fn parse(stat: &str) -> Usage {
    let Some((_, fields)) = stat.rsplit_once(')') else { return Usage::default() };
    // The first of them is field 3.
    let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let ticks = field(UTIME).zip(field(STIME)).map(|(user, system)| user + system);
    #[expect(
        clippy::cast_precision_loss,
        reason = "as many ticks as a double cannot hold take millions of years"
    )]
    let cpu_seconds = ticks.map(|ticks| ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
    let page = u64::try_from(rustix::param::page_size()).ok();
    let resident_bytes = field(RSS).zip(page).map(|(pages, size)| pages * size);
    Usage { cpu_seconds, resident_bytes, threads: field(THREADS), ..Usage::default() }
}

const UTIME: usize = 14;
const STIME: usize = 15;
const THREADS: usize = 20;
const RSS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_moves_no_field() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 3 0 100 9999 11 184 1 1 0";
        let usage = parse(line);
        assert_eq!(usage.threads, Some(3));
        let page = u64::try_from(rustix::param::page_size()).expect("small");
        assert_eq!(usage.resident_bytes, Some(11 * page));
        assert!(usage.cpu_seconds.is_some_and(|seconds| seconds > 0.0));
        assert_eq!(parse("").threads, None);
    }
}
