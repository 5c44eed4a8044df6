use super::Advice;
use crate::gateway::{ConfigurationError, KubernetesError, Wish};
use crate::net::Address;

impl Advice for ConfigurationError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Home { .. } => "name a directory of EG's own, such as `/var/lib/envoy-gateway`".to_owned(),
            Self::IncludeAll => "add `--hook Translation`, or leave `--include-all` out".to_owned(),
            Self::MessageSize { .. } => {
                "at least 1KiB and less than 2GiB, such as `16Mi`; a number without a unit is bytes"
                    .to_owned()
            }
            Self::NoHost { .. } => "leave `--home` out".to_owned(),
            Self::NoResourceFiles { .. } => "leave it out".to_owned(),
            Self::NoResourcesDirectory => {
                "name it: `--resources-dir DIR`; in Kubernetes there is none: `--mode kubernetes`".to_owned()
            }
            Self::Plaintext { server: Address::Unix(_) } => {
                "`--socket PATH` names the socket that EG calls".to_owned()
            }
            Self::Plaintext { .. } => {
                "add `--native-tls`, or write `--server tcp://HOST:PORT` for a server without TLS".to_owned()
            }
            Self::RetryAttempts { .. } => "leave it out for the default of EG, which is 4".to_owned(),
            Self::RetryBackoff => "for example `100ms`".to_owned(),
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
            Self::NoHost { .. } => "`--home`",
            Self::NoResourceFiles { .. } => "`--resources-dir`, `--with-example`",
            Self::Plaintext { .. } | Self::Server { .. } => "`--server`",
            Self::RetryAttempts { .. } => "`--retry-attempts`",
            Self::RetryBackoff => "`--retry-backoff`, `--retry-max-backoff`",
            Self::Unsupported { row, .. } => flags(row.wish),
            _ => return String::new(),
        };
        format!("{flag}: ")
    }
}

impl Advice for KubernetesError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Configuration(error) => return error.advice(),
            Self::NoImage => "name one that you have built: `--image example.org/egext:1`".to_owned(),
            Self::NoGatewayPart => "leave it out, or add `--bridge gateway` or `--bridge both`".to_owned(),
            Self::NoTrustPart => "leave it out, or add `--trust-secret egext-trust`".to_owned(),
            Self::SameSecret { .. } => {
                "give each its own name: `--ca-secret`, `--server-secret`, `--client-secret`, `--trust-secret`, \
                 `--also-trust`; `egext-probe` is taken"
                    .to_owned()
            }
        })
    }

    fn flag(&self) -> String {
        match self {
            Self::Configuration(error) => error.flag(),
            Self::NoImage => "`--bridge`: ".to_owned(),
            Self::NoGatewayPart | Self::NoTrustPart => "`--part`: ".to_owned(),
            _ => String::new(),
        }
    }
}

/// The flags of a wish.
fn flags(wish: Wish) -> &'static str {
    match wish {
        Wish::AiGateway => "`--preset ai-gateway`",
        Wish::BackendResources => "`--backend-resource`",
        Wish::ClientCertificate => "`--client-secret`",
        Wish::ClusterHook => "`--hook Cluster`",
        Wish::CustomKubernetes => "`--mode custom-kubernetes`",
        Wish::EndpointsHook => "`--hook Endpoints`",
        Wish::HostDirectories => "`--home`",
        Wish::ResourcesFromFiles => "`--resource`, `--policy-resource`, `--backend-resource`",
        Wish::RoutePolicies => "`--hook Route` with `--policy-resource` only",
        Wish::SeveralManagers => "`--name`",
        Wish::XdsLog => "`--logging xds=LEVEL`",
        Wish::TranslationKinds => "`--include-all`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::WISHES;

    #[test]
    fn the_documentation_has_every_row() {
        let page = include_str!("../../../docs/configuration.md");
        for row in WISHES {
            let row = format!("| {} | {} |", flags(row.wish), row.since);
            assert!(page.contains(&row), "docs/configuration.md lacks `{row}`");
        }
    }
}
