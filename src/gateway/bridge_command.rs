use std::borrow::Cow;
use std::fmt::{self, Display};

use super::{SocketPath, TextPath};
use crate::net::{Address, Transport};

/// The bridge that belongs to a configuration; prints as the command to type into a shell.
#[derive(Clone, Debug)]
pub struct BridgeCommand {
    /// Where EG calls it.
    pub socket: SocketPath,
    /// Where it calls the extension server.
    pub upstream: Address,
    /// Directory of certificates and keys; of no use to a plaintext upstream.
    pub material: TextPath,
}

impl BridgeCommand {
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
        Ok(())
    }
}

/// `text` as one word for a POSIX shell.
pub(super) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_each_word_as_it_was() {
        for text in [
            "/run/eg.sock",
            "",
            "a b",
            "it's",
            "$HOME",
            "a;b|c&d",
            "`x`",
            "~",
            "*",
            "\\",
            "über",
            "[::1]:5005",
        ] {
            let script = format!("printf %s {}", shell_word(text));
            let printed = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8(printed.stdout).expect("UTF-8"), text);
        }
    }
}
