//! The comment at the head of what is written.

use super::provider::config_home;
use super::{BridgeCommand, Configuration, Mode, Service, WholeFile, comments};
use crate::shell::shell_word;

/// What it is, which programs belong to it, and how EG reaches the extension.
pub(super) fn header(configuration: &Configuration) -> String {
    let request = &configuration.request;
    let begin = match &request.file {
        Some(file) => of_file(configuration, file),
        None => of_stanza(configuration),
    };
    let service = match &request.service {
        Service::Bridge(bridge) => comments::about_bridge(bridge, request),
        Service::NativeTls(tls) => comments::about_native_tls(tls, request.version, request.mode),
        Service::Plaintext(_) => comments::PLAINTEXT.to_owned(),
    };
    begin + &service
}

fn of_stanza(configuration: &Configuration) -> String {
    let version = configuration.request.version;
    let mode = match configuration.request.mode {
        Mode::Standalone => "in standalone mode",
        Mode::CustomKubernetes => "with resources from Kubernetes and Envoy on this host",
        Mode::Kubernetes => "in Kubernetes",
    };
    format!(
        "For Envoy Gateway (EG) {version} {mode}. Made by `egext config stanza`.\n\
         Belongs at the top level of the EnvoyGateway file, next to `gateway` and `provider`.\n\n\
         {}",
        bridge(configuration)
    )
}

fn of_file(configuration: &Configuration, file: &WholeFile) -> String {
    let version = configuration.request.version;
    let command = configuration.bridge().map_or_else(String::new, |bridge| format!("  {bridge}\n"));
    match configuration.request.mode {
        Mode::Standalone => {
            let home = file.home.as_ref().map(config_home);
            let home =
                home.map_or_else(String::new, |home| format!(" --config-home {}", shell_word(home.as_str())));
            format!(
                "Envoy Gateway (EG) {version} in standalone mode: resources from files, Envoy on this host.\n\
                 Made by `egext config gateway`. In this order:\n\
                 \x20 envoy-gateway certgen --local{home}\n\
                 {command}\
                 \x20 envoy-gateway server --config-path FILE\n\
                 `certgen` makes the certificates between EG and Envoy: once, a second run replaces them all.\n\n"
            )
        }
        Mode::CustomKubernetes => {
            let home = match &file.home {
                Some(home) => format!("`{}`", config_home(home).join("certs/envoy").as_str()),
                None => "`certs/envoy` of its `configHome`".to_owned(),
            };
            format!(
                "Envoy Gateway (EG) {version} with resources from Kubernetes, by KUBECONFIG, and Envoy on this host.\n\
                 Made by `egext config gateway`. In this order:\n\
                 \x20 envoy-gateway certgen --disable-topology-injector\n\
                 {command}\
                 \x20 envoy-gateway server --config-path FILE\n\
                 `certgen` makes Secrets for the connection between EG and Envoy. EG reads them as files: copy those of\n\
                 `envoy-gateway` to `/certs`, and those of `envoy` to {home}.\n\n"
            )
        }
        Mode::Kubernetes => format!(
            "Envoy Gateway (EG) {version} in Kubernetes. Made by `egext config gateway`.\n\
             Belongs into the ConfigMap `envoy-gateway-config` under the key `envoy-gateway.yaml`. EG's Helm chart makes\n\
             that from its value `config.envoyGateway`.\n\n\
             {}",
            bridge(configuration)
        ),
    }
}

fn bridge(configuration: &Configuration) -> String {
    let words = |bridge: &BridgeCommand| format!("The bridge:\n  {bridge}\n\n");
    configuration.bridge().map_or_else(String::new, words)
}
