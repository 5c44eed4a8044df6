use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::{DnsName, ServerName};

use crate::host::Host;
use crate::net::tls::ClientTls;
use crate::net::{Address, Placement, Transport};

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) address: Address,
    pub(super) tls: Option<(Arc<ClientTls>, ServerName<'static>)>,
    pub(super) alpn: Alpn,
    /// In place of what the resolver says, unless it is empty.
    pub(super) placed: Vec<SocketAddr>,
}

/// What to do if a TLS server selects no protocol by ALPN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alpn {
    /// Go on, and see whether it speaks HTTP/2 anyway.
    Preferred,
    /// A fault, as it is to most gRPC clients.
    Required,
}

impl Target {
    /// A target at `address`.
    ///
    /// `tls` belongs to addresses with TLS only. The server is verified, and called by SNI (RFC 6066), by
    /// `server_name`, or by the host of the address.
    ///
    /// # Errors
    /// When TLS settings are missing or not wanted, or the name cannot be in a certificate.
    pub fn new(
        address: Address,
        tls: Option<Arc<ClientTls>>,
        server_name: Option<&Host>,
        alpn: Alpn,
    ) -> Result<Self, TargetError> {
        let tls = match (&address, tls) {
            (Address::Tcp { host, transport: Transport::Tls, .. }, Some(tls)) => {
                Some((tls, to_server_name(server_name.unwrap_or(host))?))
            }
            (Address::Tcp { transport: Transport::Tls, .. }, None) => {
                return Err(TargetError::TlsSettingsMissing { address });
            }
            (_, _) if server_name.is_some() => return Err(TargetError::NameWithoutTls { address }),
            (_, _) => None,
        };
        Ok(Self { address, tls, alpn, placed: Vec::new() })
    }

    /// A target that speaks TLS on a unix socket. The certificate must have `server_name`; without one `localhost`, as gRPC
    /// calls a server on a socket (grpc-go v1.83.0:internal/resolver/unix/unix.go).
    ///
    /// # Errors
    /// When the name cannot be in a certificate.
    pub fn tls_on_socket(
        path: PathBuf,
        tls: Arc<ClientTls>,
        server_name: Option<&Host>,
        alpn: Alpn,
    ) -> Result<Self, TargetError> {
        let name = match server_name {
            Some(name) => to_server_name(name)?,
            None => ServerName::DnsName(DnsName::try_from("localhost").expect("a host name")),
        };
        Ok(Self { address: Address::Unix(path), tls: Some((tls, name)), alpn, placed: Vec::new() })
    }

    /// The same target, connected to where one of `placements` puts its host. Without one the resolver is asked.
    #[must_use]
    pub fn placed(self, placements: &[Placement]) -> Self {
        let Address::Tcp { port, .. } = self.address else { return self };
        let of_host = placements.iter().filter(|placement| placement.is_of(&self.address));
        Self { placed: of_host.map(|placement| SocketAddr::new(placement.at(), port)).collect(), ..self }
    }

    /// The same TLS settings for another address, or another name there. The name is by default that of the new address.
    ///
    /// # Errors
    /// As for [`Target::new`].
    pub fn at_address(self, address: Address, server_name: Option<&Host>) -> Result<Self, TargetError> {
        if address == self.address && server_name.is_none() {
            return Ok(self);
        }
        Self::new(address, self.tls.map(|(tls, _)| tls), server_name, self.alpn)
    }

    /// The same target, connected to this address of its host.
    #[must_use]
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        Self { placed: vec![address], ..self }
    }

    /// The same target with other TLS settings; unchanged in plaintext.
    #[must_use]
    pub(crate) fn with_tls(&self, tls: Arc<ClientTls>) -> Self {
        Self { tls: self.tls.as_ref().map(|(_, name)| (tls, name.clone())), ..self.clone() }
    }

    /// Where to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The name that the server's certificate must have; `None` in plaintext.
    pub fn server_name(&self) -> Option<&ServerName<'static>> {
        self.tls.as_ref().map(|(_, name)| name)
    }

    /// The TLS settings; `None` in plaintext.
    pub fn tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref().map(|(tls, _)| tls.as_ref())
    }
}

/// The caller asked for something that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The name cannot be in a certificate.
    #[error("`{name}` cannot be the name of a TLS server")]
    Name {
        /// As typed.
        name: String,
    },
    /// A server name makes no sense without TLS.
    #[error("a server name has no meaning for `{address}`, which is plaintext")]
    NameWithoutTls {
        /// The address.
        address: Address,
    },
    /// The address needs TLS, but there is no CA to verify the server against.
    #[error("`{address}` speaks TLS, and no CA was given to verify it")]
    TlsSettingsMissing {
        /// The address.
        address: Address,
    },
}

pub(in crate::net) fn to_server_name(host: &Host) -> Result<ServerName<'static>, TargetError> {
    match host {
        Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
        // A name with its final dot is the same name, but no certificate has it so.
        Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| TargetError::Name { name: name.clone() }),
    }
}
