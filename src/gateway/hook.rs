//! When a release of EG calls which hook.

use super::{ValueError, Wish};
use crate::extension::Hook;

/// What makes EG call a hook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trigger {
    /// The configuration of any gateway.
    AnyGateway,
    /// A backend of a `--backend-resource` kind.
    BackendResource,
    /// A route with a filter of a `--resource` kind, with a backend of a `--backend-resource` kind, or from
    /// [`Wish::RoutePolicies`] on with a policy.
    RouteExtension,
}

/// What EG does with a hook.
pub(super) trait Called {
    /// The wish that it is, unless every release has it.
    fn wish(self) -> Option<Wish>;

    fn trigger(self) -> Trigger;

    /// Is it asked for unless others are named? Not `Endpoints`: EG sends every cluster's endpoints, and few
    /// servers have use for them.
    fn by_default(self) -> bool;

    /// When EG calls it, for a comment.
    fn called(self) -> &'static str;
}

impl Called for Hook {
    fn wish(self) -> Option<Wish> {
        row(self).wish
    }

    fn trigger(self) -> Trigger {
        row(self).trigger
    }

    fn by_default(self) -> bool {
        self != Self::Endpoints
    }

    fn called(self) -> &'static str {
        row(self).called
    }
}

/// The hook that is called `text` in EG's configuration, in upper or lower case.
///
/// # Errors
/// When there is none.
pub fn hook_called(text: &str) -> Result<Hook, ValueError> {
    let mut hooks = Hook::ALL.iter().copied();
    let found = hooks.find(|hook| hook.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| ValueError::Hook { text: text.to_owned() })
}

/// The names of all hooks in EG's configuration.
pub fn hook_names() -> Vec<&'static str> {
    Hook::ALL.iter().map(|hook| hook.name()).collect()
}

fn row(hook: Hook) -> &'static Row {
    &HOOKS[hook as usize]
}

struct Row {
    wish: Option<Wish>,
    trigger: Trigger,
    called: &'static str,
}

/// In the order of [`Hook`].
const HOOKS: &[Row] = &[
    Row {
        wish: None,
        trigger: Trigger::RouteExtension,
        called: "for each route that a resource of the extension is attached to",
    },
    Row { wish: None, trigger: Trigger::AnyGateway, called: "for each virtual host that has a route" },
    Row {
        wish: None,
        trigger: Trigger::AnyGateway,
        called: "for each listener, EG's own readiness listener among them",
    },
    Row {
        wish: Some(Wish::ClusterHook),
        trigger: Trigger::BackendResource,
        called: "for each cluster made from a backend resource",
    },
    Row {
        wish: Some(Wish::EndpointsHook),
        trigger: Trigger::AnyGateway,
        called: "for each cluster whose endpoints EG sends apart (EDS)",
    },
    Row {
        wish: None,
        trigger: Trigger::AnyGateway,
        called: "once at the end; the clusters and secrets in the answer replace all there were",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_in_any_case_and_print_as_envoy_gateway_writes_them() {
        for (index, hook) in Hook::ALL.iter().enumerate() {
            assert_eq!(*hook as usize, index, "rows stand in the order of the calls");
            assert_eq!(hook_called(&hook.name().to_lowercase()).expect("in any case"), *hook);
        }
        assert_eq!(hook_called("httplistener").expect("in any case").to_string(), "HTTPListener");
    }
}
