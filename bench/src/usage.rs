//! What a process and its children have used (Linux).

use std::{fs, io};

/// Time on a processor, in microseconds: the first field of `schedstat`, of every thread.
pub fn cpu(process: u32) -> io::Result<f64> {
    let mut nanoseconds = 0;
    for process in family(process)? {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().unwrap_or_default();
            nanoseconds += first.parse::<u64>().map_err(io::Error::other)?;
        }
    }
    Ok(nanoseconds as f64 / 1000.0)
}

/// Resident memory, in MiB.
pub fn resident(process: u32) -> io::Result<f64> {
    let mut kibibytes = 0;
    for process in family(process)? {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        kibibytes += line.trim().trim_end_matches(" kB").parse::<u64>().map_err(io::Error::other)?;
    }
    Ok(kibibytes as f64 / 1024.0)
}

/// The process and its children: nginx works in one.
fn family(process: u32) -> io::Result<Vec<u32>> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().map(|child| child.parse().map_err(io::Error::other));
    std::iter::once(Ok(process)).chain(children).collect()
}
