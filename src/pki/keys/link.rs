//! The links in the directory of a set: their names, and the command that makes one again.

use std::path::Path;

use crate::shell::{dir_flag_of, shell_path};

/// In the directory of a set: where the sets are.
pub(in crate::pki) const HIDDEN: &str = ".egext";

/// There: leads to the set that readers see.
pub(in crate::pki) const CURRENT: &str = "current";

/// The command that makes the link at `path` to the file of the set that has its name, for a hint.
pub fn link_command(path: &Path) -> String {
    let target = Path::new(HIDDEN).join(CURRENT).join(path.file_name().unwrap_or_default());
    format!("ln -s {} {}", shell_path(&target), shell_path(path))
}

/// The command that puts back the link at `path`, if the set that is stored there has a file of this name and no link
/// leads to it.
pub(in crate::pki) fn lost_link(path: &Path) -> Option<String> {
    let name = path.file_name()?;
    let directory = path.parent()?;
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    // In a copy without links all files are plain.
    let target = Path::new(HIDDEN).join(CURRENT);
    let current = directory.join(&target);
    if is_link(path) || !is_link(&current) || !current.join(name).is_file() {
        return None;
    }
    Some(format!("ln -sfn {} {}", shell_path(&target.join(name)), shell_path(path)))
}

/// The command that replaces a leaf certificate and its key, of which one is at `path`, if both are in a set.
pub(in crate::pki) fn replacement(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    let current = path.parent()?.join(HIDDEN).join(CURRENT);
    let is_of_set = ["client", "server"].contains(&name) && current.symlink_metadata().is_ok();
    is_of_set.then(|| {
        let place = dir_flag_of(path);
        format!("`egext certs issue {name} --out {name} --san NAME --replace{place}`")
    })
}
