//! What the flags about callers mean for an address.

use nix::unistd::{Group, User, geteuid};

use crate::cli::{Callers, Variables};
use crate::net::{Address, SocketAccess, Transport};
use crate::report::Hint;

/// Refuses flags that mean nothing for `listen`. A variable that means nothing there is ignored.
pub(super) fn check(callers: &Callers, listen: &Address, variables: &Variables) -> Result<(), CallersError> {
    let typed = |(flag, given): (&'static str, bool)| (given && !variables.set(flag)).then_some(flag);
    let of_certificates = [
        ("--allow-san", !callers.allow_san.is_empty()),
        ("--allow-fingerprint", !callers.allow_fingerprint.is_empty()),
    ];
    if let (Some(flag), Transport::Plaintext) =
        (of_certificates.into_iter().find_map(typed), listen.transport())
    {
        return Err(CallersError::NoCertificates { flag, listen: listen.clone() });
    }
    let of_sockets = [
        ("--allow-uid", !callers.allow_uid.is_empty()),
        ("--socket-group", callers.socket_group.is_some()),
        ("--socket-mode", callers.socket_mode.is_some()),
    ];
    match (of_sockets.into_iter().find_map(typed), listen) {
        (Some(flag), Address::Tcp { .. }) => Err(CallersError::NoSocket { flag, listen: listen.clone() }),
        (_, _) => Ok(()),
    }
}

/// Who may connect to the socket, and who is served there.
///
/// What the mode allows and what is served must be the same: otherwise a user who can connect is refused, or a user who
/// is to be served cannot connect.
pub(super) fn access(callers: &Callers, listen: &Address) -> Result<SocketAccess, CallersError> {
    if !matches!(listen, Address::Unix(_)) {
        return Ok(SocketAccess::default());
    }
    let users = callers.allow_uid.iter().map(|user| number_of_user(user)).collect::<Result<Vec<_>, _>>()?;
    let group = callers.socket_group.as_deref().map(number_of_group).transpose()?;
    let mode = callers.socket_mode.unwrap_or(if group.is_some() { 0o660 } else { 0o600 });
    let (members, others) = (mode & 0o060 != 0, mode & 0o006 != 0);
    let refused = |reason| Err(CallersError::Mode { mode, reason });
    if mode & !0o666 != 0 {
        return refused(ModeFault::Bits);
    }
    if mode & 0o600 != 0o600 {
        return refused(ModeFault::Owner);
    }
    // This user and root are served anyway.
    let others_named = users.iter().any(|user| ![0, geteuid().as_raw()].contains(user));
    match (group.is_some(), !others_named) {
        (true, _) if others => refused(ModeFault::OthersAndGroup),
        (true, _) if mode & 0o020 == 0 => refused(ModeFault::GroupShutOut),
        (false, true) if members || others => refused(ModeFault::NotServed),
        (false, false) if mode & 0o022 == 0 => refused(ModeFault::UsersShutOut),
        (_, _) => Ok(SocketAccess { mode, group, users }),
    }
}

fn number_of_user(user: &str) -> Result<u32, CallersError> {
    let unknown = || CallersError::UnknownUser { user: user.to_owned() };
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let found = User::from_name(user).map_err(|_| unknown())?;
    found.map(|user| user.uid.as_raw()).ok_or_else(unknown)
}

fn number_of_group(group: &str) -> Result<u32, CallersError> {
    let unknown = || CallersError::UnknownGroup { group: group.to_owned() };
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let found = Group::from_name(group).map_err(|_| unknown())?;
    found.map(|group| group.gid.as_raw()).ok_or_else(unknown)
}

/// The user named callers that cannot be told apart on this address, or that could not connect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallersError {
    /// The mode and the callers do not fit together.
    #[error("`--socket-mode {mode:04o}` {reason}")]
    Mode {
        /// The mode of the socket.
        mode: u32,
        /// Why.
        reason: ModeFault,
    },
    /// Callers are to be told by their certificates, and have none.
    #[error(
        "`{flag}` has no meaning for `--listen {listen}`, which is plaintext: callers have no certificates there"
    )]
    NoCertificates {
        /// As typed.
        flag: &'static str,
        /// Where the bridge listens.
        listen: Address,
    },
    /// Callers are to be told by their user, and come from a network.
    #[error("`{flag}` has no meaning for `--listen {listen}`, which is not a unix socket")]
    NoSocket {
        /// As typed.
        flag: &'static str,
        /// Where the bridge listens.
        listen: Address,
    },
    /// There is no such group.
    #[error("`--socket-group`: there is no group `{group}`")]
    UnknownGroup {
        /// As typed.
        group: String,
    },
    /// There is no such user.
    #[error("`--allow-uid`: there is no user `{user}`")]
    UnknownUser {
        /// As typed.
        user: String,
    },
}

/// What is wrong with a socket's mode.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum ModeFault {
    /// Bits that mean nothing for a socket.
    #[error("has bits that mean nothing for a socket")]
    Bits,
    /// The members of the group are to be served.
    #[error("keeps the members of `--socket-group` from connecting")]
    GroupShutOut,
    /// Users could connect, and none of them is served.
    #[error("lets users connect whom the bridge does not serve")]
    NotServed,
    /// Members of a group are told by the mode.
    #[error("lets every user connect, so the members of `--socket-group` cannot be told from others")]
    OthersAndGroup,
    /// This user is always served.
    #[error("keeps the bridge's own user from connecting")]
    Owner,
    /// Other users are to be served.
    #[error("keeps the users of `--allow-uid` from connecting")]
    UsersShutOut,
}

impl Hint for CallersError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Mode { mode, reason: ModeFault::Bits } => {
                format!("write `--socket-mode {:04o}`", mode & 0o666 | 0o600)
            }
            Self::Mode { mode, reason: ModeFault::Owner } => format!("write `--socket-mode {:04o}`", mode | 0o600),
            Self::Mode { reason: ModeFault::GroupShutOut, .. } => "leave it out: the mode is 0660 then".to_owned(),
            Self::Mode { reason: ModeFault::NotServed, .. } => {
                "name whom to serve: `--socket-group GROUP`, or `--allow-uid USER`".to_owned()
            }
            Self::Mode { reason: ModeFault::OthersAndGroup, .. } => {
                "leave out one of the two: `--allow-uid USER` serves single users with such a mode".to_owned()
            }
            Self::Mode { reason: ModeFault::UsersShutOut, .. } => {
                "if they share a group with the bridge, name it instead: `--socket-group GROUP`; otherwise add `--socket-mode 0666`"
                    .to_owned()
            }
            Self::NoCertificates { .. } => "leave it out, or listen on `tls://HOST:PORT`".to_owned(),
            Self::NoSocket { .. } => "leave it out, or listen on `unix:/path`".to_owned(),
            Self::UnknownGroup { .. } => "`getent group` lists the groups; a number works as well".to_owned(),
            Self::UnknownUser { .. } => "`getent passwd` lists the users; a number works as well".to_owned(),
        })
    }
}
