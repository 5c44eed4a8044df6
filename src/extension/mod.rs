//! The extension server protocol of Envoy Gateway, and a server that changes nothing.
//!
//! The hooks carry xDS resources: clusters, listeners, routes. Whoever only hands them on has no use for
//! what is inside, so the messages here hold them as octets. On the wire an embedded message and a `bytes`
//! field are the same (both length-delimited), so a peer with the full Envoy types sees no difference, and
//! what passes through comes out octet by octet as it went in. The tens of thousands of lines of generated
//! Envoy types stay out of the binary.
//!
//! [`Server`] is the pass-through server of `egext demo` and of the tests, [`call`] the other side.

mod client;
mod message;
mod server;
mod service;

pub use client::{Request, call};
pub use message::{Object, TranslateRequest, TranslateResponse};
pub use server::Server;
pub use service::{CallSeen, PassThrough};

use std::fmt::{self, Display};

/// A point at which Envoy Gateway asks its extension server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Hook {
    /// After a cluster was made (Envoy Gateway 1.5 and later).
    Cluster,
    /// After the endpoints of a cluster were made (Envoy Gateway 1.8 and later).
    Endpoints,
    /// After an HTTP listener was made.
    HttpListener,
    /// After a route was made.
    Route,
    /// After everything was made: all resources at once.
    Translation,
    /// After a virtual host was made.
    VirtualHost,
}

impl Hook {
    /// All hooks.
    pub const ALL: &[Self] = &[
        Self::Cluster,
        Self::Endpoints,
        Self::HttpListener,
        Self::Route,
        Self::Translation,
        Self::VirtualHost,
    ];

    /// The name in Envoy Gateway's configuration, under `hooks.xdsTranslator.post`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Endpoints => "Endpoints",
            Self::HttpListener => "HTTPListener",
            Self::Route => "Route",
            Self::Translation => "Translation",
            Self::VirtualHost => "VirtualHost",
        }
    }

    /// The gRPC method.
    pub fn method(self) -> &'static str {
        // From the path, so that the two cannot drift apart.
        &self.path()[SERVICE.len() + "//".len()..]
    }

    /// The path of the HTTP/2 request: service and method.
    pub fn path(self) -> &'static str {
        match self {
            Self::Cluster => "/envoygateway.extension.EnvoyGatewayExtension/PostClusterModify",
            Self::Endpoints => "/envoygateway.extension.EnvoyGatewayExtension/PostEndpointsModify",
            Self::HttpListener => "/envoygateway.extension.EnvoyGatewayExtension/PostHTTPListenerModify",
            Self::Route => "/envoygateway.extension.EnvoyGatewayExtension/PostRouteModify",
            Self::Translation => "/envoygateway.extension.EnvoyGatewayExtension/PostTranslateModify",
            Self::VirtualHost => "/envoygateway.extension.EnvoyGatewayExtension/PostVirtualHostModify",
        }
    }

    /// The hook that is called at `path`.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|hook| hook.path() == path)
    }
}

impl Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The gRPC service that an extension server offers.
pub const SERVICE: &str = "envoygateway.extension.EnvoyGatewayExtension";

/// The largest message that is taken or sent unless told otherwise, in octets.
///
/// gRPC's own default is 4 MiB, which the resources of a large gateway outgrow in the translation hook.
pub const MESSAGE_LIMIT: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_service_and_method_and_leads_back() {
        for hook in Hook::ALL.iter().copied() {
            assert_eq!(hook.path(), format!("/{SERVICE}/{}", hook.method()));
            assert!(hook.method().starts_with("Post") && hook.method().ends_with("Modify"));
            assert_eq!(Hook::from_path(hook.path()), Some(hook));
        }
        assert_eq!(Hook::from_path("/envoygateway.extension.EnvoyGatewayExtension/Other"), None);
    }
}
