use clap::Args;

use crate::cli::values;
use crate::net::{KeyFingerprint, Permitted, PermittedName};

/// Which callers are served.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Callers")]
pub struct Callers {
    /// Serve clients named `dns:NAME`, `uri:URI` or `ip:ADDRESS`; may be repeated
    ///
    /// For `--listen tls://`. The first label of a DNS name may be `*`, and so may one segment of a URI's path:
    /// `uri:spiffe://example.org/ns/gateway/sa/*`. A client needs one of the names, or a key of `--allow-fingerprint`.
    /// Without both flags every client with a certificate of the CA is served. A list with commas works as well.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = values::parsed_item::<PermittedName>(), env = "EGEXT_ALLOW_SAN")]
    pub allow_san: Vec<PermittedName>,
    /// Serve clients whose key has this SHA-256 fingerprint; may be repeated
    ///
    /// For `--listen tls://`. `egext certs show` prints it as `of its key`; colons, and base64 after `sha256//`, work as
    /// well. The key is meant, not the certificate: a renewal with `--keep-key` keeps the fingerprint.
    #[arg(long, value_name = "SHA-256", value_delimiter = ',', value_parser = values::parsed_item::<KeyFingerprint>(), env = "EGEXT_ALLOW_FINGERPRINT")]
    pub allow_fingerprint: Vec<KeyFingerprint>,
    /// Serve this user on the unix socket, by name or number; may be repeated
    ///
    /// This user and root are always served. The mode of the socket must let the user connect: see `--socket-group`
    /// and `--socket-mode`. A list with commas works as well.
    #[arg(long, value_name = "USER", value_delimiter = ',', value_parser = values::item(), env = "EGEXT_ALLOW_UID")]
    pub allow_uid: Vec<String>,
    /// Serve the members of this group on the unix socket, by name or number
    ///
    /// The socket gets this group, and the mode 0660. The bridge must run as root or as a member of the group. Users
    /// need no `--allow-uid` then.
    #[arg(long, value_name = "GROUP", env = "EGEXT_SOCKET_GROUP")]
    pub socket_group: Option<String>,
    /// Mode of the unix socket, in octal [default: 0600, or 0660 with a group]
    ///
    /// The mode decides who can connect, `--allow-uid` and `--socket-group` who is served. A mode that lets in users
    /// who are not served is refused. `0666` is for `--allow-uid`, if there is no group in common.
    #[arg(long, value_name = "MODE", value_parser = socket_mode, env = "EGEXT_SOCKET_MODE")]
    pub socket_mode: Option<u32>,
}

fn socket_mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal =
        !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal);
    mode.ok_or_else(|| "it is not an octal mode, such as `0660`".to_owned())
}

impl Callers {
    /// The clients that are served.
    pub fn permitted(&self) -> Permitted {
        Permitted { names: self.allow_san.clone(), keys: self.allow_fingerprint.clone() }
    }
}
