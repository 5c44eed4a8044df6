mod check;
mod patch;
mod retry;
mod secrets;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::directory::directory;
use super::values;
use crate::gateway::{DEFAULT_CA_SECRET, DEFAULT_NAMESPACE, Included, Mode, Preset};
use crate::units::Size;

pub use check::ConfigCheck;
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
    /// Put the extension into an existing EnvoyGateway file or Helm values
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
    /// Extension server whose needs are known
    ///
    /// For `ai-gateway` (EG 1.5 and later): the hooks Route, Cluster and Translation with all kinds, backends of
    /// kind InferencePool, `enableBackend`, `enableEnvoyPatchPolicy`, and `--upstream tcp://localhost:1063`. Other flags take
    /// the place of these.
    #[arg(
        long,
        value_parser = values::preset(), ignore_case = true,
        value_name = "SERVER",
        env = "EGEXT_PRESET",
        help_heading = "Extension"
    )]
    pub preset: Option<Preset>,
    /// Hook that the extension implements; may be repeated
    ///
    /// One of Route, VirtualHost, HTTPListener, Cluster, Endpoints, Translation. By default all but Endpoints
    /// that EG can call with the resources given below.
    #[arg(
        long,
        value_name = "HOOK",
        value_parser = values::hook(),
        hide_possible_values = true,
        value_delimiter = ',',
        env = "EGEXT_HOOK",
        help_heading = "Extension"
    )]
    pub hook: Vec<String>,
    /// Kind of resource that `Translation` gets and replaces, for EG 1.5 and later
    ///
    /// By default all four if `--hook Translation` is given; otherwise EG's own default, clusters and secrets. A
    /// server that attaches filters, such as ai-gateway, needs listeners and routes. The server must send back
    /// every resource of each included kind: EG deletes what the answer leaves out.
    #[arg(
        long,
        value_parser = values::included(), ignore_case = true,
        value_name = "KIND",
        value_delimiter = ',',
        env = "EGEXT_INCLUDE_ALL",
        help_heading = "Extension"
    )]
    pub include_all: Vec<Included>,
    /// Kind that routes refer to in a filter; may be repeated
    ///
    /// For example `example.io/v1alpha1/Thing`.
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_parser = values::item(),
        value_delimiter = ',',
        env = "EGEXT_RESOURCE",
        help_heading = "Extension"
    )]
    pub resource: Vec<String>,
    /// Kind that is attached to gateways and routes as a policy; may be repeated
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_parser = values::item(),
        value_delimiter = ',',
        env = "EGEXT_POLICY_RESOURCE",
        help_heading = "Extension"
    )]
    pub policy_resource: Vec<String>,
    /// Kind that routes refer to as a backend, for EG 1.5 and later; may be repeated
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_parser = values::item(),
        value_delimiter = ',',
        env = "EGEXT_BACKEND_RESOURCE",
        help_heading = "Extension"
    )]
    pub backend_resource: Vec<String>,
    /// If the extension returns an error, let EG publish without it
    ///
    /// Without this flag EG keeps the configuration that it published before.
    #[arg(long, env = "EGEXT_FAIL_OPEN", help_heading = "Extension")]
    pub fail_open: bool,
    /// EG's limit for one message in each direction, such as `16Mi`
    ///
    /// gRPC's own limit is 4Mi.
    #[arg(long, value_name = "SIZE", env = "EGEXT_MAX_MESSAGE_SIZE", help_heading = "Extension")]
    pub max_message_size: Option<Size>,
    /// Name of the extension, one of several, for EG 1.8 and later
    ///
    /// The extension is an entry of the list `extensionManagers`, in place of `extensionManager`.
    #[arg(long, value_name = "NAME", env = "EGEXT_MANAGER_NAME", help_heading = "Extension")]
    pub name: Option<String>,
    /// How often EG repeats a call that failed.
    #[command(flatten)]
    pub retry: RetryFlags,
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
