//! What a running bridge needs, from its flags; everything else is forbidden to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::plan::Used;
use crate::bridge::BridgePlan;
use crate::host::Host;
use crate::net::Address;
use crate::report::chain;
use crate::sandbox::{self, Confinement, Extent, Needs, SandboxError};

/// What became of the sandbox. It is logged when there is a log.
pub(super) struct Confined {
    needs: Needs,
    core_dumps: Result<(), SandboxError>,
    landlock: Result<Confinement, SandboxError>,
    has_other_threads: bool,
}

/// Everything that the bridge opens after its start.
pub(super) fn needs(plan: &BridgePlan, used: &Used, admin: Option<&Address>) -> Needs {
    // Its own numbers, for metrics.
    let mut needs = Needs { read: vec!["/proc/self".into()], ..Needs::default() };
    needs.read.extend(used.files.iter().flat_map(|file| directories(file)));
    needs.remove.extend(
        [Some(&plan.listen), admin].into_iter().flatten().filter_map(Address::socket_path).map(directory_of),
    );
    for directory in &plan.resync.directories {
        needs.read.extend(linked(directory).iter().flat_map(|file| directories(file)));
        needs.change.push(directory.clone());
    }
    if let Address::Tcp { host, port, .. } = plan.upstream.address() {
        needs.connect.push(*port);
        if let Host::Name(_) = host {
            needs.read.extend(RESOLVER.iter().map(PathBuf::from));
            needs.read.extend(fs::canonicalize("/etc/resolv.conf").ok().as_deref().map(directory_of));
            needs.connect.push(DNS);
        }
    }
    needs.read.sort_unstable();
    needs.read.dedup();
    needs
}

/// Restricts this process to `needs`. It has one thread: the sandbox holds for those that are started later, not for
/// others.
pub(super) async fn confine(needs: Needs) -> Confined {
    let core_dumps = sandbox::disable_core_dumps();
    let deadline = Instant::now() + THREADS_LIMIT;
    while threads() > 1 && Instant::now() < deadline {
        // A thread that has asked the resolver ends soon (`block_on`).
        sleep(THREADS_PAUSE).await;
    }
    let has_other_threads = threads() > 1;
    Confined { landlock: sandbox::enter(&needs), needs, core_dumps, has_other_threads }
}

impl Confined {
    /// One line if all is well, at the level `debug`.
    pub(super) fn tell(&self) {
        if let Err(error) = &self.core_dumps {
            warn!("sandbox: {}", chain(error));
        }
        if self.has_other_threads {
            warn!("sandbox: a thread that waits for the resolver is not restricted");
        }
        let Needs { read, change, remove, connect } = &self.needs;
        match &self.landlock {
            Ok(Confinement { landlock: Some(version), extent: Extent::Full }) => {
                debug!(
                    ?read,
                    ?change,
                    ?remove,
                    ?connect,
                    "sandbox: Landlock version {version}, all rules hold"
                );
            }
            Ok(Confinement { landlock: Some(version), .. }) => {
                info!("sandbox: Landlock version {version}, which lacks some rules; a newer kernel has them");
            }
            Ok(Confinement { landlock: None, .. }) => info!("sandbox: this kernel has no Landlock"),
            Err(error) => warn!("sandbox: {}", chain(error)),
        }
    }
}

/// The directories through which a file is found, now and when a link on the way has been exchanged: its own, the one
/// that it leads to, and those where the links are. Not those where the system has links, such as `/var/run`.
fn directories(file: &Path) -> Vec<PathBuf> {
    let mut all = vec![directory_of(file)];
    all.extend(fs::canonicalize(file).ok().as_deref().map(directory_of));
    let links = file.ancestors().skip(1).filter(|directory| directory.is_symlink()).map(directory_of);
    all.extend(links.filter(|directory| !OF_SYSTEM.iter().any(|system| directory == Path::new(system))));
    all
}

/// The files of a directory that are links, which may lead out of it.
fn linked(directory: &Path) -> Vec<PathBuf> {
    // One that cannot be read is told by those who use it.
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_symlink()).collect()
}

fn directory_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

fn threads() -> usize {
    // Without /proc that is unknown.
    fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// What the C library reads to resolve a name: its configuration, and the modules that nsswitch.conf names, with the
/// caches and sockets of some. All of `/etc`, since its files are replaced when the network changes, and a rule for a file
/// does not hold for the next one of that name.
const RESOLVER: &[&str] = &[
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/run/nscd",
    "/run/systemd",
    "/var/lib/sss",
    "/proc/sys/net",
];

/// Whose links are not exchanged.
const OF_SYSTEM: &[&str] = &["/", "/usr", "/var"];

/// An answer that is too long for UDP is asked for again by TCP.
const DNS: u16 = 53;

/// How long to wait for threads to end, and how often to look.
const THREADS_LIMIT: Duration = Duration::from_secs(1);
const THREADS_PAUSE: Duration = Duration::from_millis(2);
