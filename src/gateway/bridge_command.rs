use std::fmt::{self, Display};
use std::path::Path;

use super::{AbsolutePath, SocketPath, TextPath};
use crate::net::{Address, Transport};
use crate::shell::shell_word;

/// The bridge that belongs to a configuration; prints as the command to type into a shell.
#[derive(Clone, Debug)]
pub struct BridgeCommand {
    /// Where EG calls it.
    pub socket: SocketPath,
    /// Is it the only one whose socket is in this directory? Its admin server is then next to that socket.
    pub alone: bool,
    /// Where it calls the extension server.
    pub upstream: Address,
    /// Directory of certificates and keys; of no use to a plaintext upstream.
    pub material: TextPath,
    /// Do calls wait in it until the server is back, however long that takes?
    pub hold: bool,
    /// Where it makes EG ask again after an outage.
    pub resync: Vec<AbsolutePath>,
}

impl BridgeCommand {
    /// Where `egext doctor` looks for its admin server, if that can be there.
    fn admin(&self) -> Option<SocketPath> {
        let admin = Path::new(self.socket.as_str()).with_file_name(ADMIN_SOCKET);
        let admin = SocketPath::try_from(admin.as_path()).ok();
        admin.filter(|admin| self.alone && admin.as_str() != self.socket.as_str())
    }

    /// Does the bridge speak TLS to the server?
    pub(super) fn is_tls(&self) -> bool {
        self.upstream.transport() == Transport::Tls
    }
}

impl Display for BridgeCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listen = format!("unix:{}", self.socket.as_str());
        let upstream = self.upstream.to_string();
        write!(f, "egext bridge --listen {} --upstream {}", shell_word(&listen), shell_word(&upstream))?;
        if self.is_tls() {
            write!(f, " --dir {}", shell_word(self.material.as_str()))?;
        }
        if let Some(admin) = self.admin() {
            write!(f, " --admin {}", shell_word(&format!("unix:{}", admin.as_str())))?;
        }
        if self.hold {
            write!(f, " --connect-wait forever")?;
        }
        for directory in &self.resync {
            write!(f, " --resync {}", shell_word(directory.as_str()))?;
        }
        Ok(())
    }
}

/// The name that `egext doctor` looks for, too.
pub const ADMIN_SOCKET: &str = "admin.sock";
