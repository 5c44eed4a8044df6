use super::Advice;
use crate::gateway::{ConfigurationError, Feature};

impl Advice for ConfigurationError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Home { .. } => "name a directory of EG's own, such as `/var/lib/envoy-gateway`".to_owned(),
            Self::IncludeAll => "add `--hook Translation`, or leave `--include-all` out".to_owned(),
            Self::MessageSize { .. } => {
                "at least 1KiB and less than 2GiB, such as `16Mi`; a number without a unit is bytes"
                    .to_owned()
            }
            Self::Server { .. } => "write `--server host:port`, with the port that it listens on".to_owned(),
            Self::Unsupported { row, .. } => {
                format!("leave it out, or choose `--eg-version {}` or later if that is what runs", row.since)
            }
            Self::Upstream { .. } => "name a server and its port: `--upstream localhost:5005`".to_owned(),
        })
    }
    fn flag(&self) -> String {
        let flag = match self {
            Self::Home { .. } => "`--home`",
            Self::IncludeAll => "`--include-all`",
            Self::MessageSize { .. } => "`--max-message-size`",
            Self::Server { .. } => "`--server`",
            Self::Unsupported { row, .. } => flags(row.feature),
            _ => return String::new(),
        };
        format!("{flag}: ")
    }
}

/// How a feature is asked for.
fn flags(feature: Feature) -> &'static str {
    match feature {
        Feature::BackendResources => "`--backend-resource`",
        Feature::ClientCertificate => "`--client-secret`",
        Feature::ClusterHook => "`--hook Cluster`",
        Feature::EndpointsHook => "`--hook Endpoints`",
        Feature::HostDirectories => "`--home`",
        Feature::ResourcesFromFiles => "`--resource`, `--policy-resource`, `--backend-resource`",
        Feature::RoutePolicies => "`--hook Route` with `--policy-resource` only",
        Feature::TranslationKinds => "`--include-all`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::MATRIX;

    #[test]
    fn the_documentation_has_every_row() {
        let page = include_str!("../../../docs/configuration.md");
        for row in MATRIX {
            let row = format!("| {} | {} |", flags(row.feature), row.since);
            assert!(page.contains(&row), "docs/configuration.md lacks `{row}`");
        }
    }
}
