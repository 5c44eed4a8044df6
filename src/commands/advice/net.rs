use super::Advice;
use crate::net::{TargetError, TlsError};

impl Advice for TargetError {
    fn advice(&self) -> Option<String> {
        Some(
            match self {
                Self::Name { .. } => "a DNS name or an IP address is expected",
                Self::NameWithoutTls { .. } => "leave it out, or write the address as `tls://HOST:PORT`",
                Self::TlsSettingsMissing { .. } => "pass `--dir` or `--ca`, or write `tcp://` for plaintext",
            }
            .to_owned(),
        )
    }

    fn flag(&self) -> String {
        let is_name = matches!(self, Self::NameWithoutTls { .. });
        if is_name { "`--server-name`: ".to_owned() } else { String::new() }
    }
}

impl Advice for TlsError {
    fn advice(&self) -> Option<String> {
        Some("make a set that works in another directory: `egext certs init --dir DIR`".to_owned())
    }
}
