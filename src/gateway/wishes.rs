//! What a user may ask for and not every release of EG has, and what is written then.

use super::releases::{Cell, Fact, Version};
use crate::report::FindingId;

/// Something that not every release of [`Version::ALL`] has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// What ai-gateway needs.
    AiGateway,
    /// `extensionManager.backendResources`.
    BackendResources,
    /// `tls.clientCertificateRef`.
    ClientCertificate,
    /// The hook `Cluster`.
    ClusterHook,
    /// Resources from Kubernetes, and Envoy on this host.
    CustomKubernetes,
    /// The hook `Endpoints`.
    EndpointsHook,
    /// `configHome` and its like in `infrastructure.host`.
    HostDirectories,
    /// The extension's own kinds of resources load from files.
    ResourcesFromFiles,
    /// The hook `Route` is also called for routes that an extension's policy targets.
    RoutePolicies,
    /// A list of several extensions.
    SeveralManagers,
    /// `hooks.xdsTranslator.translation`: what the hook `Translation` gets.
    TranslationKinds,
    /// `logging.level.xds`.
    XdsLog,
}

impl Wish {
    /// Its row in [`WISHES`].
    pub fn row(self) -> &'static WishRow {
        &WISHES[self as usize]
    }
}

/// A row of [`WISHES`].
#[derive(Debug)]
pub struct WishRow {
    /// What this row is about.
    pub wish: Wish,
    /// What it is called.
    pub name: &'static str,
    /// The first release that has it.
    pub since: Version,
    /// What earlier ones do; completes "EG 1.4 ...".
    pub before: &'static str,
    /// What is made of that.
    pub treatment: Treatment,
}

/// What happens to a wish that the release does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Treatment {
    /// Nothing is emitted: EG would refuse it or silently pass over it.
    Refuse,
    /// It is emitted with this finding: it has a use elsewhere.
    Warn(FindingId),
}

/// What can be asked for, in the order of [`Wish`].
pub const WISHES: &[WishRow] = &[
    WishRow {
        wish: Wish::AiGateway,
        name: "`ai-gateway`",
        since: since(Fact::TranslationKinds),
        before: "sends its server no listeners and no routes",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::BackendResources,
        name: "a kind of backends",
        since: since(Fact::BackendResources),
        before: "passes over `backendResources`",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::ClientCertificate,
        name: "a client certificate",
        since: since(Fact::ClientCertificateRef),
        before: "presents no client certificate to an extension server",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::ClusterHook,
        name: "the hook `Cluster`",
        since: since(Fact::HookCluster),
        before: "never calls it",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::CustomKubernetes,
        name: "a provider with resources from Kubernetes and Envoy on this host",
        since: since(Fact::CustomKubernetes),
        before: "refuses it",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::EndpointsHook,
        name: "the hook `Endpoints`",
        since: since(Fact::HookEndpoints),
        before: "never calls it",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::HostDirectories,
        name: "a home directory",
        since: since(Fact::HostDirectories),
        before: "keeps its files in `/tmp/envoy-gateway`, whatever the configuration says",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::ResourcesFromFiles,
        name: "a kind of resources",
        since: since(Fact::LoadCustom),
        before: "cannot load such objects from files, and applies no file at all when one has any",
        treatment: Treatment::Warn(FindingId::ConfigResourceNotLoadable),
    },
    WishRow {
        wish: Wish::RoutePolicies,
        name: "the hook `Route` for kinds of policies only",
        since: since(Fact::HookRoutePolicy),
        before: "calls `Route` only for routes with a filter of a `--resource` kind or a backend of a `--backend-resource` kind",
        treatment: Treatment::Warn(FindingId::ConfigHookNotCalled),
    },
    WishRow {
        wish: Wish::SeveralManagers,
        name: "a named extension",
        since: since(Fact::SeveralManagers),
        before: "passes over `extensionManagers`, and calls no extension at all",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::TranslationKinds,
        name: "a choice of kinds for the hook `Translation`",
        since: since(Fact::TranslationKinds),
        before: "sends `Translation` all clusters and secrets, and nothing else",
        treatment: Treatment::Refuse,
    },
    WishRow {
        wish: Wish::XdsLog,
        name: "a level for `xds`",
        since: since(Fact::LogXds),
        before: "refuses it, and knows `xds-translator` and `xds-server`",
        treatment: Treatment::Refuse,
    },
];

/// The release from which on `fact` works. The compiler computes it, and refuses a fact that a later release has lost.
const fn since(fact: Fact) -> Version {
    let row = fact.row();
    let Some(since) = row.since() else { panic!("works in no release") };
    let mut index = since as usize;
    while index < row.cells.len() {
        assert!(matches!(row.cells[index], Cell::Yes), "a later release has lost it");
        index += 1;
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_wish_looks() {
        for (index, row) in WISHES.iter().enumerate() {
            assert_eq!(row.wish as usize, index, "{row:?}");
        }
        assert_eq!(Wish::XdsLog as usize, WISHES.len() - 1, "every wish has a row");
    }
}
