//! Takes from this process what it does not need any more: access to files and ports, new privileges, core dumps.
//!
//! Linux has Landlock for the first, in versions that restrict more and more. What the kernel does not know is left out,
//! and the result says so.

use std::io;
use std::path::PathBuf;

/// What the process needs from now on. Files and sockets that are open stay open.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Directories and files to read.
    pub read: Vec<PathBuf>,
    /// Directories to read and change.
    pub change: Vec<PathBuf>,
    /// Directories to remove files from.
    pub remove: Vec<PathBuf>,
    /// TCP ports to connect to.
    pub connect: Vec<u16>,
}

/// What is restricted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Confinement {
    /// The version of Landlock that the kernel has; none without Landlock.
    pub landlock: Option<u32>,
    /// How much of the needs the kernel can enforce.
    pub extent: Extent,
}

/// How much is enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All of it.
    Full,
    /// Nothing.
    None,
    /// What an older kernel knows.
    Part,
}

/// Why a process cannot be restricted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The kernel refuses.
    #[error("Landlock failed")]
    #[cfg(target_os = "linux")]
    Landlock(#[from] landlock::RulesetError),
    /// The kernel refuses to leave out core dumps.
    #[error("core dumps cannot be disabled")]
    CoreDumps(#[source] io::Error),
}

/// No core dump of this process: it would have private keys in it.
///
/// Other processes of the same user cannot attach to it any more (ptrace, perf) or open what `/proc` has of its memory
/// and descriptors; root can.
///
/// # Errors
/// If the operating system refuses.
pub fn disable_core_dumps() -> Result<(), SandboxError> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| SandboxError::CoreDumps(error.into()))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| SandboxError::CoreDumps(error.into()))?;
    Ok(())
}

/// Restricts the calling thread, and the threads that it starts later, to `needs`.
///
/// Paths that do not exist are left out. A path that is a link stands for what it leads to now.
///
/// # Errors
/// If the kernel has Landlock and refuses.
#[cfg(target_os = "linux")]
pub fn enter(needs: &Needs) -> Result<Confinement, SandboxError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, LandlockStatus, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetError, RulesetStatus, Scope, path_beneath_rules,
    };

    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let change = read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    let ports = needs.connect.iter();
    let ports = ports.map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V8))?
        .handle_access(AccessNet::from_all(ABI::V8))?
        .scope(Scope::from_all(ABI::V8))?
        .create()?
        .add_rules(path_beneath_rules(&needs.read, read))?
        .add_rules(path_beneath_rules(&needs.change, change))?
        .add_rules(path_beneath_rules(&needs.remove, AccessFs::RemoveFile))?
        .add_rules(ports)?
        .restrict_self()?;
    let landlock = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Some(effective_abi as u32),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => None,
    };
    let extent = match status.ruleset {
        RulesetStatus::FullyEnforced => Extent::Full,
        RulesetStatus::PartiallyEnforced => Extent::Part,
        RulesetStatus::NotEnforced => Extent::None,
    };
    Ok(Confinement { landlock, extent })
}

/// Other systems have no Landlock.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn enter(_: &Needs) -> Result<Confinement, SandboxError> {
    Ok(Confinement { landlock: None, extent: Extent::None })
}
