mod check;
mod hooks;
mod kubernetes;
mod patch;
mod retry;
mod secrets;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::directory::directory;
use super::values;
use crate::gateway::{DEFAULT_CA_SECRET, DEFAULT_NAMESPACE, Mode};

pub use check::ConfigCheck;
pub use hooks::Hooks;
pub use kubernetes::{Kubernetes, Names};
pub use patch::Patch;
pub use retry::RetryFlags;
pub use secrets::Secrets;

/// Write Envoy Gateway (EG) configuration that works for its release.
#[derive(Args, Debug)]
pub struct Config {
    /// What to write.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

impl Config {
    /// The file that is written, in a format of its own.
    pub(crate) fn out(&self) -> Option<&Path> {
        match &self.command {
            ConfigCommand::Secrets(secrets) => Some(&secrets.out),
            _ => None,
        }
    }

    /// A file is compared, and nothing written.
    pub(crate) fn has_check(&self) -> bool {
        match &self.command {
            ConfigCommand::Gateway(gateway) => gateway.check.is_some(),
            ConfigCommand::Stanza(stanza) => stanza.check.is_some(),
            ConfigCommand::Check(_)
            | ConfigCommand::Kubernetes(_)
            | ConfigCommand::Patch(_)
            | ConfigCommand::Secrets(_)
            | ConfigCommand::Versions(_) => false,
        }
    }
}

/// What can be written.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ConfigCommand {
    /// Say what a release of EG makes of configuration files
    Check(ConfigCheck),
    /// Print a complete EnvoyGateway file
    #[command(after_help = AFTER_GATEWAY)]
    Gateway(Gateway),
    /// Write manifests for an extension server in Kubernetes, with cert-manager
    #[command(after_help = AFTER_KUBERNETES)]
    Kubernetes(Kubernetes),
    /// Put the extension into an EnvoyGateway file, a ConfigMap or Helm values
    Patch(Patch),
    /// Write Secrets of Kubernetes for EG's own TLS
    #[command(after_help = AFTER_SECRETS)]
    Secrets(Secrets),
    /// Print the `extensionManager` part of an EnvoyGateway file
    #[command(after_help = AFTER_STANZA)]
    Stanza(Stanza),
    /// Print what releases of EG do with their configuration
    #[command(after_help = AFTER_VERSIONS)]
    Versions(Versions),
}

/// Print the `extensionManager` part of an EnvoyGateway file.
#[derive(Args, Debug)]
pub struct Stanza {
    /// What both have.
    #[command(flatten)]
    pub extension: Extension,
    /// Compare with FILE (`-` for stdin) instead of printing
    ///
    /// Exit code 1 and a diff on stdout if the file differs.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// Print what releases of EG do with their configuration.
#[derive(Args, Debug)]
pub struct Versions {
    /// Release of EG, such as 1.9 or 1.5.0 [default: 1.4 to 1.9]
    ///
    /// With one release, EG's messages are printed too.
    #[arg(long, value_name = "VERSION", env = "EGEXT_EG_VERSION")]
    pub eg_version: Option<String>,
}

/// Print a complete EnvoyGateway file.
#[derive(Args, Debug)]
pub struct Gateway {
    /// What both have.
    #[command(flatten)]
    pub extension: Extension,
    /// Compare with FILE (`-` for stdin) instead of printing
    ///
    /// Exit code 1 and a diff on stdout if the file differs.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Directory that EG reads resources from; may be repeated
    ///
    /// For `--mode standalone`, which needs one. The path must be absolute. In the variable there are commas between
    /// several.
    #[arg(
        long,
        value_name = "DIR",
        value_parser = values::path_item(),
        env = "EGEXT_RESOURCES_DIR",
        help_heading = "File"
    )]
    pub resources_dir: Vec<PathBuf>,
    /// Write the resources of a working example into DIR
    ///
    /// For `--mode standalone`: `egext-example.yaml` with a GatewayClass, an EnvoyProxy with the version of Envoy, a
    /// Gateway, an HTTPRoute that Envoy answers itself, and an object of the first `--resource` and the first
    /// `--policy-resource`. EG reads DIR as if it were named with `--resources-dir`. A file that is there already is
    /// never overwritten.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "check",
        env = "EGEXT_WITH_EXAMPLE",
        help_heading = "File"
    )]
    pub with_example: Option<PathBuf>,
    /// Controller name by which a GatewayClass selects this EG
    #[arg(
        long,
        value_name = "NAME",
        default_value = "gateway.envoyproxy.io/gatewayclass-controller",
        env = "EGEXT_CONTROLLER_NAME",
        help_heading = "File"
    )]
    pub controller_name: String,
    /// Directory for EG's own files, for EG 1.6 and later
    ///
    /// The path must be absolute. EG uses `config`, `data`, `state` and `run` in it.
    #[arg(long, value_name = "DIR", env = "EGEXT_HOME", help_heading = "File")]
    pub home: Option<PathBuf>,
    /// Allow routes to refer to `Backend` objects
    #[arg(long, env = "EGEXT_ENABLE_BACKEND_API", help_heading = "File")]
    pub enable_backend_api: bool,
    /// Level of EG's log: debug, info, warn, error; may be repeated
    ///
    /// `COMPONENT=LEVEL` is for one of default, gateway-api, global-ratelimit, infrastructure, provider, xds,
    /// xds-server, xds-translator. EG 1.4 has no xds.
    #[arg(
        long,
        value_name = "[COMPONENT=]LEVEL",
        value_delimiter = ',',
        value_parser = values::item(),
        env = "EGEXT_LOGGING",
        help_heading = "File"
    )]
    pub logging: Vec<String>,
}

/// The flags about the extension.
#[derive(Args, Debug)]
pub struct Extension {
    /// Release of EG that reads the file: 1.4 to 1.9
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Where EG gets its resources from
    #[arg(long, value_parser = values::mode(), ignore_case = true, default_value = "standalone", env = "EGEXT_MODE")]
    pub mode: Mode,
    /// How EG reaches the extension.
    #[command(flatten)]
    pub service: ServiceFlags,
    /// What it does.
    #[command(flatten)]
    pub hooks: Hooks,
}

/// How EG reaches the extension.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection to the extension")]
pub struct ServiceFlags {
    /// Unix socket that the bridge listens on
    ///
    /// The path must be absolute.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/run/egext/eg.sock",
        conflicts_with = "native_tls",
        env = "EGEXT_SOCKET"
    )]
    pub socket: PathBuf,
    /// Address of the extension server [default: localhost:5005]
    ///
    /// For the bridge command in the comment.
    #[arg(long, value_name = "ADDR", conflicts_with = "native_tls", env = "EGEXT_UPSTREAM")]
    pub upstream: Option<String>,
    /// Directory of `egext certs init`, for the commands in the comment
    #[arg(long, value_name = "DIR", default_value = "certs", value_parser = directory(), env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// Use EG's own TLS client instead of the bridge
    ///
    /// It works with resources from Kubernetes: `--mode kubernetes` or `custom-kubernetes`. No EG release supports
    /// it in standalone mode.
    #[arg(long, requires = "server", env = "EGEXT_NATIVE_TLS")]
    pub native_tls: bool,
    /// Address of the extension server that EG calls itself
    ///
    /// `host:port` with `--native-tls`; without it `tcp://host:port`, where EG speaks plaintext.
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["socket", "upstream"], env = "EGEXT_SERVER")]
    pub server: Option<String>,
    /// Secret with the CA certificate under `tls.crt`
    #[arg(
        long,
        value_name = "NAME",
        default_value = DEFAULT_CA_SECRET,
        requires = "native_tls",
        env = "EGEXT_CA_SECRET"
    )]
    pub ca_secret: String,
    /// Secret with EG's certificate and key [default: egext-client]
    ///
    /// For EG 1.6 and later.
    #[arg(long, value_name = "NAME", requires = "native_tls", env = "EGEXT_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// Namespace of both Secrets
    #[arg(
        long,
        value_name = "NAME",
        default_value = DEFAULT_NAMESPACE,
        requires = "native_tls",
        env = "EGEXT_NAMESPACE"
    )]
    pub namespace: String,
}

const AFTER_GATEWAY: &str = "\
The file goes to stdout:
  egext config gateway --resources-dir /etc/envoy-gateway/resources > envoy-gateway.yaml

With the resources that Envoy Gateway needs to call the extension:
  egext config gateway --with-example /etc/envoy-gateway/resources > envoy-gateway.yaml

In CI, check that the file is still what the same command would print:
  egext config gateway --resources-dir /etc/envoy-gateway/resources --check envoy-gateway.yaml";

const AFTER_KUBERNETES: &str = "\
Examples:
  egext config kubernetes --out manifests
  egext config kubernetes --part ca,certificates | kubectl apply -f -
  egext config kubernetes --bridge both --image example.org/egext:1 --out manifests

The Helm values are no manifest: `helm upgrade --reuse-values -f manifests/envoy-gateway-values.yaml`.";

const AFTER_SECRETS: &str = "\
Examples:
  egext config secrets | kubectl apply --server-side -f -
  egext config secrets --out secrets.yaml

`--server-side`: without it kubectl copies the private key into an annotation of the Secret.";

const AFTER_STANZA: &str = "\
The file goes to stdout:
  egext config stanza --resource example.io/v1alpha1/Thing > extension.yaml

In CI, check that the file is still what the same command would print:
  egext config stanza --resource example.io/v1alpha1/Thing --check extension.yaml";

const AFTER_VERSIONS: &str = "\
Examples:
  egext config versions
  egext config versions --eg-version 1.7.2
  egext config versions -o json";
