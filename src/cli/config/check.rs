use std::path::PathBuf;

use clap::Args;

use crate::cli::values;
use crate::gateway::{DEFAULT_NAMESPACE, Mode};
use crate::units::Size;

/// Say what a release of EG makes of configuration files.
#[derive(Args, Debug)]
#[command(after_help = AFTER_CHECK)]
pub struct ConfigCheck {
    /// EnvoyGateway files, Secrets, certificates, resource directories; `-` for stdin
    ///
    /// Secrets that an EnvoyGateway file refers to, the certificate of the server that it calls, and directories that it
    /// names, are checked together with it.
    /// Also ConfigMaps and Helm values that have one in it. A file with `extensionManager` alone is checked as a part of
    /// one.
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Release of EG that reads the files, such as 1.9 or 1.5.0
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Where EG gets its resources from, if the file does not say
    ///
    /// A whole file does. Without it, an `extensionManager` alone is not checked for what depends on it: whether EG's own
    /// TLS can work.
    #[arg(long, value_parser = values::mode(), ignore_case = true, env = "EGEXT_MODE")]
    pub mode: Option<Mode>,
    /// Largest message that the extension sends, such as 16Mi
    ///
    /// EG has to take it: `maxMessageSize`, or 4Mi without it.
    #[arg(long, value_name = "SIZE", env = "EGEXT_SERVER_LIMIT")]
    pub server_limit: Option<Size>,
    /// Namespace in which EG runs, for Secrets without one
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAMESPACE, env = "EGEXT_NAMESPACE")]
    pub namespace: String,
}

const AFTER_CHECK: &str = "\
Examples:
  egext config check envoy-gateway.yaml
  egext config check --eg-version 1.7 envoy-gateway.yaml
  egext config check values.yaml secrets.yaml certs/server.crt
  egext config check envoy-gateway.yaml /etc/envoy-gateway/resources
  kubectl get configmap envoy-gateway-config -n envoy-gateway-system -o yaml | egext config check -

In CI, with annotations at the lines of a pull request:
  egext config check -o github envoy-gateway.yaml";
