use crate::extension::Hook;

/// The method of a call, as metrics know it: a caller can invent paths, and each would be a time series of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// A hook of the extension server.
    Hook(Hook),
    /// `grpc.health.v1.Health/Check`.
    HealthCheck,
    /// `grpc.health.v1.Health/Watch`.
    HealthWatch,
    /// Any other path.
    Other,
}

impl Method {
    /// All of them: the hooks in the order of Envoy Gateway's calls.
    pub const ALL: [Self; 9] = [
        Self::Hook(Hook::Route),
        Self::Hook(Hook::VirtualHost),
        Self::Hook(Hook::HttpListener),
        Self::Hook(Hook::Cluster),
        Self::Hook(Hook::Endpoints),
        Self::Hook(Hook::Translation),
        Self::HealthCheck,
        Self::HealthWatch,
        Self::Other,
    ];

    /// The method that is called at `path`.
    pub fn from_path(path: &str) -> Self {
        match path {
            HEALTH_CHECK => Self::HealthCheck,
            HEALTH_WATCH => Self::HealthWatch,
            _ => Hook::from_path(path).map_or(Self::Other, Self::Hook),
        }
    }

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.method(),
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
            Self::HealthCheck => 6,
            Self::HealthWatch => 7,
            Self::Other => 8,
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
        assert_eq!(Method::from_path("/grpc.health.v1.Health/Check"), Method::HealthCheck);
        assert_eq!(Method::from_path("/invented/by-a-caller"), Method::Other);
    }
}
