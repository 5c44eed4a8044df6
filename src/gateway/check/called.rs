//! Whom a configuration makes EG call.

use std::path::PathBuf;

use super::looked::{documents, of_all, text};
use super::part::Content;
use super::{Node, Source, model};
use crate::gateway::document::Kind;
use crate::gateway::releases::Release;
use crate::net::{Address, AddressError};

/// The address of an extension server, as a configuration has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Called {
    /// Over TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// Has it a `tls:` stanza?
        tls: bool,
    },
    /// Over a unix socket.
    Unix(PathBuf),
}

impl Called {
    /// Where to connect to, as EG does.
    ///
    /// # Errors
    /// When no server can be called there: the host is no host, or the port is 0.
    pub fn address(&self) -> Result<Address, AddressError> {
        let (scheme, host, port) = match self {
            Self::Unix(path) => return Ok(Address::Unix(path.clone())),
            Self::Tcp { host, port, tls } => (if *tls { "tls" } else { "tcp" }, host, port),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        Address::of_upstream(&format!("{scheme}://{host}:{port}"))
    }

    /// Can EG call it at all? To gRPC a relative path begins with the name of a machine.
    pub(super) fn is_callable(&self) -> bool {
        match self {
            Self::Unix(path) => path.is_absolute(),
            Self::Tcp { .. } => self.address().is_ok(),
        }
    }
}

/// Whom EG calls with the configuration in `source`, one for each extension manager. What cannot be read calls no server.
pub fn called(source: &Source, release: Release) -> Vec<Called> {
    let Ok(documents) = documents(&text(source)) else { return Vec::new() };
    let Content::Part(part) = of_all(&documents) else { return Vec::new() };
    let managers = model::managers(&part.document.root, release);
    managers.iter().filter_map(|manager| of_service(manager.node.set("service")?)).collect()
}

pub(super) fn of_service(service: &Node) -> Option<Called> {
    let text = |node: &Node, key: &str| node.set(key).and_then(Node::text).map(str::to_owned);
    if let Some(unix) = service.set("unix") {
        return text(unix, "path").map(|path| Called::Unix(path.into()));
    }
    let places = [("fqdn", "hostname"), ("ip", "address")];
    let place = places.into_iter().find_map(|(key, name)| Some((service.set(key)?, name)));
    let (node, name) = place.unwrap_or((service, "host"));
    let Some(Kind::Integer(port)) = node.set("port").map(|port| &port.kind) else { return None };
    let port = port.to_string().parse().ok()?;
    Some(Called::Tcp { host: text(node, name)?, port, tls: service.set("tls").is_some() })
}
