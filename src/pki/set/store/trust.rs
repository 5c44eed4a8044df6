//! Which users could replace our files?
//!
//! OpenSSH's rule (`safe_path`), in two degrees. All directories on the path must belong to the effective user or to
//! root, and others may write to them only if the sticky bit keeps them from replacing files of others, as in
//! `/tmp`. To the directory of a set, and to everything in `.egext`, no other user may write at all.
//!
//! Group permissions count as permissions for others, unless the group is a user's own: number 0, which is root's,
//! or the effective group where it has the number of the effective user. That is how distributions number the private
//! group that each user gets, and with the umask 0002 that goes with it every new directory is 0775. Who is in a
//! group is not asked: the answer may come over the network, and be another one tomorrow. Users who are named in an access list (`acl`) are others in any case.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::handle::Status;
use crate::report::Hint;
use crate::shell::{shell_path, shell_word};

/// The users who may change what we work with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners {
    user: u32,
    group: u32,
    /// Another user whose files they are.
    other: Option<u32>,
}

/// How much others may do with a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Strictness {
    /// Only the owner may write to it.
    Own,
    /// The sticky bit is enough: on the way to our directory, or where a single file is put.
    Passed,
}

impl Owners {
    /// The effective user and root.
    pub(super) fn effective() -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { user: user.as_raw(), group: group.as_raw(), other: None }
    }

    /// And one more.
    pub(super) fn and(self, other: u32) -> Self {
        Self { other: Some(other), ..self }
    }

    /// May we rely on the file or directory at `path`?
    pub(super) fn judge(self, status: &Status, path: &Path, strictness: Strictness) -> Result<(), Untrusted> {
        self.judge_owner(status, path)?;
        let mode = status.mode();
        let is_sticky = mode.contains(Mode::SVTX);
        let everybody = mode.contains(Mode::WOTH);
        let is_private = self.is_private(status.group()) && !status.has_writers();
        let strangers = everybody || mode.contains(Mode::WGRP) && !is_private;
        if !strangers || is_sticky && strictness == Strictness::Passed {
            return Ok(());
        }
        let mode = format!("{:04o}", mode.bits());
        let (what, is_ours) = (what(status), status.owner() == self.user);
        Err(Untrusted { path: path.into(), why: Why::Writable { what, mode, everybody, is_sticky, is_ours } })
    }

    /// The same for a link, whose mode says nothing.
    pub(super) fn judge_owner(self, status: &Status, path: &Path) -> Result<(), Untrusted> {
        let owner = status.owner();
        if owner == self.user || owner == ROOT || Some(owner) == self.other {
            return Ok(());
        }
        Err(Untrusted { path: path.into(), why: Why::Owner { what: what(status), owner: user_name(owner) } })
    }

    fn is_private(self, group: u32) -> bool {
        group == ROOT || group == self.group && group == self.user || Some(group) == self.other
    }
}

/// Others could put something else in the place of our files.
#[derive(Debug, thiserror::Error)]
#[error("`{}` {why}", path.display())]
pub struct Untrusted {
    path: PathBuf,
    why: Why,
}

impl Untrusted {
    /// The file, directory or link that others can change.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It belongs to another user, and no mode is wrong.
    pub fn is_of_owner(&self) -> bool {
        matches!(self.why, Why::Owner { .. })
    }

    /// Why it cannot be relied on, without its path.
    pub fn reason(&self) -> String {
        self.why.to_string()
    }
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("belongs to user `{owner}`, who can replace {what}")]
    Owner { what: &'static str, owner: String },
    #[error("can be written to by other users (mode {mode}), who can replace {what}")]
    Writable { what: &'static str, mode: String, everybody: bool, is_sticky: bool, is_ours: bool },
}

impl Hint for Untrusted {
    fn hint(&self) -> Option<String> {
        let path = shell_path(&self.path);
        Some(match &self.why {
            Why::Owner { owner, .. } => {
                format!(
                    "run it as that user, with `sudo -u {}`, or name a directory of your own",
                    shell_word(owner)
                )
            }
            Why::Writable { is_sticky: true, .. } => {
                format!("name a directory below it: `{}`", self.path.join("certs").display())
            }
            Why::Writable { everybody, is_ours, .. } => {
                let command = if *everybody { "chmod go-w" } else { "chmod g-w" };
                match is_ours {
                    true => format!("`{command} {path}`"),
                    false => format!("ask its owner for `{command} {path}`, or name another directory"),
                }
            }
        })
    }
}

/// What is at stake.
fn what(status: &Status) -> &'static str {
    if status.kind().is_dir() { "files in it" } else { "it" }
}

/// As `sudo -u` takes it: by name, or by number where this machine knows no name.
fn user_name(user: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(user)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("#{user}"))
}

const ROOT: u32 = 0;
