//! Access lists (POSIX 1003.1e, `setfacl`), which give more users access to a file than its mode shows.
//!
//! For a file with such a list, the group bits of the mode are the mask of the list. So no user in a list can write if the
//! mode does not let the group write, and the list is read only if it does.

use std::os::fd::BorrowedFd;

/// Does it let another user than root and the effective user write?
#[cfg(target_os = "linux")]
pub(super) fn lets_others_write(file: BorrowedFd<'_>) -> bool {
    read(file).is_some_and(|list| names_writers(&list, rustix::process::geteuid().as_raw()))
}

/// Elsewhere lists have other forms, and the mode does not show that there is one.
#[cfg(not(target_os = "linux"))]
pub(super) fn lets_others_write(_: BorrowedFd<'_>) -> bool {
    false
}

/// None where there is no list, or the file system has none.
#[cfg(target_os = "linux")]
fn read(file: BorrowedFd<'_>) -> Option<Vec<u8>> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{Mode, OFlags, fgetxattr, getxattr, openat};

    let mut list = vec![0; LIMIT];
    // A handle that only leads on cannot be asked itself.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let length = getxattr(&path, ATTRIBUTE, &mut list).or_else(|_| {
        let opened = openat(file, ".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        fgetxattr(&opened, ATTRIBUTE, &mut list)
    });
    list.truncate(length.ok()?);
    Some(list)
}

/// The kernel's form: a version, then a tag, permissions and an id for each entry. What is not understood counts as open.
#[cfg(target_os = "linux")]
fn names_writers(list: &[u8], user: u32) -> bool {
    let Some((&[2, 0, 0, 0], entries)) = list.split_first_chunk::<4>() else { return true };
    let (entries, rest) = entries.as_chunks::<8>();
    let writes = |&[tag, _, permissions, _, a, b, c, d]: &[u8; 8]| {
        let id = u32::from_le_bytes([a, b, c, d]);
        permissions & 2 != 0 && (tag == NAMED_GROUP && id != 0 || tag == NAMED_USER && id != 0 && id != user)
    };
    !rest.is_empty() || entries.iter().any(writes)
}

#[cfg(target_os = "linux")]
const ATTRIBUTE: &str = "system.posix_acl_access";

/// As large as an attribute can be.
#[cfg(target_os = "linux")]
const LIMIT: usize = 1 << 16;

#[cfg(target_os = "linux")]
const NAMED_USER: u8 = 2;
#[cfg(target_os = "linux")]
const NAMED_GROUP: u8 = 8;
