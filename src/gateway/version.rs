//! What each release of EG supports: the table that decides what is written.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::ValueError;
use crate::report::FindingId;

/// A minor release of EG. Its patch releases have the same fields.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Version {
    V1_4,
    V1_5,
    V1_6,
    V1_7,
    V1_8,
    #[default]
    V1_9,
}

impl Version {
    /// All of them, ascending. Before 1.4, EG calls no extension server outside Kubernetes.
    pub const ALL: &[Self] = &[Self::V1_4, Self::V1_5, Self::V1_6, Self::V1_7, Self::V1_8, Self::V1_9];

    /// Does this release have `feature`?
    pub fn has(self, feature: Feature) -> bool {
        feature.row().since <= self
    }

    fn name(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
            Self::V1_8 => "1.8",
            Self::V1_9 => "1.9",
        }
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Version {
    type Err = ValueError;

    /// `1.9`, `v1.9`, `1.9.0` and `v1.9.3` are all 1.9.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let (minor, patch) = match numbers.match_indices('.').nth(1) {
            Some((dot, _)) => (&numbers[..dot], Some(&numbers[dot + 1..])),
            None => (numbers, None),
        };
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Self::ALL
            .iter()
            .copied()
            .find(|version| version.name() == minor)
            .filter(|_| patch.is_none_or(number))
            .ok_or_else(|| ValueError::Version { text: text.to_owned() })
    }
}

/// Something that not every release of [`Version::ALL`] has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feature {
    /// `extensionManager.backendResources`.
    BackendResources,
    /// `tls.clientCertificateRef`.
    ClientCertificate,
    /// The hook `Cluster`.
    ClusterHook,
    /// The hook `Endpoints`.
    EndpointsHook,
    /// `configHome` and its like in `infrastructure.host`.
    HostDirectories,
    /// The extension's own kinds of resources load from files.
    ResourcesFromFiles,
    /// The hook `Route` is also called for routes that an extension's policy targets.
    RoutePolicies,
    /// `hooks.xdsTranslator.translation`: what the hook `Translation` gets.
    TranslationKinds,
}

impl Feature {
    /// Its row in [`MATRIX`].
    pub fn row(self) -> &'static Row {
        &MATRIX[self as usize]
    }
}

/// A row of [`MATRIX`].
#[derive(Debug)]
pub struct Row {
    /// What this row is about.
    pub feature: Feature,
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

/// The releases, by feature, in the order of [`Feature`]. From the types and the code of every tag from v1.4.0
/// on: api/v1alpha1/envoygateway_types.go, internal/extension, internal/xds/translator/extension.go,
/// internal/provider/kubernetes/controller_offline.go.
pub const MATRIX: &[Row] = &[
    Row {
        feature: Feature::BackendResources,
        name: "a kind of backends",
        since: Version::V1_5,
        before: "passes over `backendResources`",
        treatment: Treatment::Refuse,
    },
    Row {
        feature: Feature::ClientCertificate,
        name: "a client certificate",
        since: Version::V1_6,
        before: "presents no client certificate to an extension server",
        treatment: Treatment::Refuse,
    },
    Row {
        feature: Feature::ClusterHook,
        name: "the hook `Cluster`",
        since: Version::V1_5,
        before: "never calls it",
        treatment: Treatment::Refuse,
    },
    Row {
        feature: Feature::EndpointsHook,
        name: "the hook `Endpoints`",
        since: Version::V1_8,
        before: "never calls it",
        treatment: Treatment::Refuse,
    },
    Row {
        feature: Feature::HostDirectories,
        name: "a home directory",
        since: Version::V1_6,
        before: "keeps its files in `/tmp/envoy-gateway`, whatever the configuration says",
        treatment: Treatment::Refuse,
    },
    Row {
        feature: Feature::ResourcesFromFiles,
        name: "a kind of resources",
        since: Version::V1_7,
        before: "cannot load such objects from files, and applies no file at all when one has any",
        treatment: Treatment::Warn(FindingId::ConfigResourceNotLoadable),
    },
    Row {
        feature: Feature::RoutePolicies,
        name: "the hook `Route` for kinds of policies only",
        since: Version::V1_9,
        before: "calls `Route` only for routes with a filter of a `--resource` kind",
        treatment: Treatment::Warn(FindingId::ConfigHookNotCalled),
    },
    Row {
        feature: Feature::TranslationKinds,
        name: "a choice of kinds for the hook `Translation`",
        since: Version::V1_5,
        before: "sends `Translation` all clusters and secrets, and nothing else",
        treatment: Treatment::Refuse,
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_stand_where_their_feature_looks() {
        for (index, row) in MATRIX.iter().enumerate() {
            assert_eq!(row.feature as usize, index, "{row:?}");
        }
        assert_eq!(Feature::TranslationKinds as usize, MATRIX.len() - 1, "every feature has a row");
    }

    #[test]
    fn a_release_is_named_in_many_ways() {
        for text in ["1.9", "v1.9", "1.9.0", "v1.9.12"] {
            assert_eq!(text.parse::<Version>().expect(text), Version::V1_9);
        }
        for version in Version::ALL {
            assert_eq!(version.to_string().parse::<Version>().expect("printed form"), *version);
        }
        for text in
            ["", "v", "1", "1.3", "1.10", "2.0", "1.9.", "1.9.x", "1.9.0-rc.1", "1.90", "vv1.9", " 1.9"]
        {
            text.parse::<Version>().expect_err(text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "v?[0-9.]{0,8}.{0,3}") {
            let _ = text.parse::<Version>();
        }
    }
}
