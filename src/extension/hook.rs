use std::fmt::{self, Display};

use super::SERVICE;

/// A point at which Envoy Gateway asks its extension server (`hooks.xdsTranslator.post`), in the order of the
/// calls.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Hook {
    /// After a route was made.
    Route,
    /// After a virtual host was made.
    VirtualHost,
    /// After an HTTP listener was made.
    HttpListener,
    /// After a cluster was made (Envoy Gateway 1.5 and later).
    Cluster,
    /// After the endpoints of a cluster were made (Envoy Gateway 1.8 and later).
    Endpoints,
    /// After everything was made: all resources at once.
    Translation,
}

impl Hook {
    /// All hooks, in the order of the calls.
    pub const ALL: &[Self] = &[
        Self::Route,
        Self::VirtualHost,
        Self::HttpListener,
        Self::Cluster,
        Self::Endpoints,
        Self::Translation,
    ];

    /// The name in Envoy Gateway's configuration: it compares case-sensitively and passes over what it does not
    /// know.
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

    /// Whether `path` is that of a hook, also of one that is not known here: a newer Envoy Gateway may have more of them,
    /// and the service has no other methods.
    pub fn is_path(path: &str) -> bool {
        let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE));
        method.is_some_and(|method| method.starts_with('/'))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_service_and_method_and_leads_back() {
        for hook in Hook::ALL.iter().copied() {
            assert_eq!(hook.path(), format!("/{SERVICE}/{}", hook.method()));
            assert!(hook.method().starts_with("Post") && hook.method().ends_with("Modify"));
            assert_eq!(Hook::from_path(hook.path()), Some(hook));
            assert!(Hook::is_path(hook.path()));
        }
        assert!(Hook::is_path("/envoygateway.extension.EnvoyGatewayExtension/Other"));
        for other in
            ["", "/", "/envoygateway.extension.EnvoyGatewayExtension", "/grpc.health.v1.Health/Check"]
        {
            assert!(!Hook::is_path(other), "{other}");
        }
        assert_eq!(Hook::from_path("/envoygateway.extension.EnvoyGatewayExtension/Other"), None);
    }
}
