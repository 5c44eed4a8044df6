//! Sockets that systemd has made before the bridge starts (sd_listen_fds(3)).
//!
//! No flag asks for them: a socket is used for the flag whose address it has. One that no flag names is an error, because
//! its callers would wait without end.

use std::env;

use listenfd::ListenFd;

use crate::net::{Address, Inherited, InheritedError};
use crate::report::Hint;

/// The sockets, which are taken once. Call it while this process has one thread: it changes the environment.
pub(super) fn sockets() -> Result<Vec<Inherited>, ActivationError> {
    if !is_for_us() {
        return Ok(Vec::new());
    }
    let names = env::var_os("LISTEN_FDNAMES").unwrap_or_default().to_string_lossy().into_owned();
    let names = names.split(':').map(str::to_owned).collect::<Vec<_>>();
    if let Some(count) = env::var_os(COUNT).filter(|count| !count.is_empty()) {
        let number = count.to_str().and_then(|count| count.parse::<usize>().ok());
        if number.is_none_or(|number| number > MOST) {
            return Err(ActivationError::Count { count: count.to_string_lossy().into_owned() });
        }
    }
    let mut passed = ListenFd::from_env();
    (0..passed.len()).map(|index| socket(&mut passed, index, names.get(index))).collect()
}

/// As sd_listen_fds(3) decides it: the variables may be those of the process that has started this one.
fn is_for_us() -> bool {
    env::var_os("LISTEN_PID").is_some_and(|pid| *pid == *std::process::id().to_string())
}

/// Refuses sockets that listen at none of `addresses`.
pub(super) async fn refuse_others(
    sockets: &[Inherited],
    addresses: &[&Address],
) -> Result<(), ActivationError> {
    for socket in sockets {
        let mut is_named = false;
        for address in addresses {
            is_named |= socket.is_at(address).await;
        }
        if !is_named {
            return Err(ActivationError::Unused { address: socket.address().to_string() });
        }
    }
    Ok(())
}

fn socket(passed: &mut ListenFd, index: usize, name: Option<&String>) -> Result<Inherited, ActivationError> {
    let name =
        name.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| format!("number {}", index + 1));
    let unusable = |source| ActivationError::Unusable { name: name.clone(), source };
    if let Ok(Some(socket)) = passed.take_unix_listener(index) {
        return Inherited::unix(socket).map_err(unusable);
    }
    match passed.take_tcp_listener(index) {
        Ok(Some(socket)) => Inherited::tcp(socket).map_err(unusable),
        Ok(None) | Err(_) => Err(ActivationError::NoStream { name }),
    }
}

/// Why the bridge cannot use what systemd has passed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// The variable was changed.
    #[error("LISTEN_FDS is `{count}`, which is no number of sockets")]
    Count {
        /// Its value.
        count: String,
    },
    /// A datagram socket, or no socket.
    #[error("socket `{name}` of systemd is neither a TCP nor a unix stream socket")]
    NoStream {
        /// As the unit names it.
        name: String,
    },
    /// The socket cannot be used.
    #[error("socket `{name}` of systemd cannot be used")]
    Unusable {
        /// As the unit names it.
        name: String,
        /// Why.
        source: InheritedError,
    },
    /// The user configured a socket and no flag for it.
    #[error("systemd passes a socket that listens on `{address}`, which no flag names")]
    Unused {
        /// Where it listens.
        address: String,
    },
}

impl Hint for ActivationError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Count { .. } => "leave the variable to systemd".to_owned(),
            Self::NoStream { .. } | Self::Unusable { source: InheritedError::NotListening, .. } => {
                "use `ListenStream=` and `Accept=no` in the .socket unit".to_owned()
            }
            Self::Unusable { .. } => "use `ListenStream=/path` in the .socket unit".to_owned(),
            Self::Unused { .. } => {
                "let `ListenStream=` of the .socket unit be the address of `--listen` or `--admin`".to_owned()
            }
        })
    }
}

const COUNT: &str = "LISTEN_FDS";

/// As many as no unit has.
const MOST: usize = 1000;
