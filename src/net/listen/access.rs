use rustix::fs::Mode;

/// Who may connect to a unix socket: what its file says, and whose processes are served.
///
/// This user and root are always served. The members of a group are told by the kernel: only they can connect to a
/// socket of that group. (A process says of its own groups only the first one to the other side.)
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SocketAccess {
    /// The mode of the file, which it has before a caller can connect.
    pub mode: u32,
    /// The group of the file, whose members are served; `None` leaves the group as it is, and serves none.
    pub group: Option<u32>,
    /// The numbers of other users who are served.
    pub users: Vec<u32>,
}

impl SocketAccess {
    /// Is a process of this user served by one of `own`, whatever its groups are?
    pub(super) fn serves(&self, user: u32, own: u32) -> bool {
        user == own || user == ROOT || self.users.contains(&user)
    }

    pub(super) fn file_mode(&self) -> Mode {
        Mode::from_raw_mode(self.mode)
    }
}

impl Default for SocketAccess {
    /// For this user and root alone.
    fn default() -> Self {
        Self { mode: 0o600, group: None, users: Vec::new() }
    }
}

/// What users who are no members of a group, and not the owner, may do.
pub(super) const OTHERS: u32 = 0o007;

const ROOT: u32 = 0;
