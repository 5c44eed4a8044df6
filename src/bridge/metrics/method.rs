use crate::extension::Hook;

/// The method of a call, as metrics know it: a caller can invent paths, and each would be a time series of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// A hook of the extension server.
    Hook(Hook),
    /// A hook that is not known here, of a newer Envoy Gateway.
    OtherHook,
    /// `grpc.health.v1.Health/Check`.
    HealthCheck,
    /// `grpc.health.v1.Health/Watch`.
    HealthWatch,
    /// Any other path.
    Other,
}

impl Method {
    /// All of them: the hooks in the order of Envoy Gateway's calls.
    pub const ALL: [Self; 10] = [
        Self::Hook(Hook::Route),
        Self::Hook(Hook::VirtualHost),
        Self::Hook(Hook::HttpListener),
        Self::Hook(Hook::Cluster),
        Self::Hook(Hook::Endpoints),
        Self::Hook(Hook::Translation),
        Self::OtherHook,
        Self::HealthCheck,
        Self::HealthWatch,
        Self::Other,
    ];

    /// The method that is called at `path`.
    pub fn from_path(path: &str) -> Self {
        match path {
            HEALTH_CHECK => Self::HealthCheck,
            HEALTH_WATCH => Self::HealthWatch,
            _ if Hook::is_path(path) => Hook::from_path(path).map_or(Self::OtherHook, Self::Hook),
            _ => Self::Other,
        }
    }

    /// Whether Envoy Gateway calls it while it translates: what such a call gets decides what it publishes.
    pub(in crate::bridge) fn is_hook(self) -> bool {
        matches!(self, Self::Hook(_) | Self::OtherHook)
    }

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.method(),
            Self::OtherHook => "other_hook",
            Self::HealthCheck => "Health/Check",
            Self::HealthWatch => "Health/Watch",
            Self::Other => "other",
        }
    }

    /// Its place in [`Method::ALL`].
    pub(super) fn index(self) -> usize {
        match self {
            Self::Hook(Hook::Route) => 0,
            Self::Hook(Hook::VirtualHost) => 1,
            Self::Hook(Hook::HttpListener) => 2,
            Self::Hook(Hook::Cluster) => 3,
            Self::Hook(Hook::Endpoints) => 4,
            Self::Hook(Hook::Translation) => 5,
            Self::OtherHook => 6,
            Self::HealthCheck => 7,
            Self::HealthWatch => 8,
            Self::Other => 9,
        }
    }
}

const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_place_and_every_hook_its_method() {
        for (place, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method.index(), place, "{method:?}");
        }
        for hook in Hook::ALL.iter().copied() {
            assert_eq!(Method::from_path(hook.path()), Method::Hook(hook));
        }
        let newer = Method::from_path("/envoygateway.extension.EnvoyGatewayExtension/PostNothingModify");
        assert!(newer == Method::OtherHook && newer.is_hook());
        assert_eq!(Method::from_path("/grpc.health.v1.Health/Check"), Method::HealthCheck);
        assert_eq!(Method::from_path("/invented/by-a-caller"), Method::Other);
    }
}
