use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values;
use crate::gateway::{Included, Mode};
use crate::units::Size;

/// Configuration of Envoy Gateway (EG) that works for its version.
#[derive(Args, Debug)]
pub struct Config {
    /// What to write.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be written.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ConfigCommand {
    /// A whole EnvoyGateway file, to stdout
    #[command(after_help = AFTER_GATEWAY)]
    Gateway(Gateway),
    /// The `extensionManager` part of an EnvoyGateway file, to stdout
    #[command(after_help = AFTER_STANZA)]
    Stanza(Stanza),
}

/// The `extensionManager` part of an EnvoyGateway file, to stdout.
#[derive(Args, Debug)]
pub struct Stanza {
    /// What both have.
    #[command(flatten)]
    pub extension: Extension,
}

/// A whole EnvoyGateway file, to stdout.
#[derive(Args, Debug)]
pub struct Gateway {
    /// What both have.
    #[command(flatten)]
    pub extension: Extension,
    /// Directory that EG reads resources from; absolute, can be repeated
    #[arg(
        long,
        value_name = "DIR",
        required = true,
        env = "EGEXT_RESOURCES_DIR",
        help_heading = "The rest of the file"
    )]
    pub resources_dir: Vec<PathBuf>,
    /// The name by which a GatewayClass chooses this EG
    #[arg(
        long,
        value_name = "NAME",
        default_value = "gateway.envoyproxy.io/gatewayclass-controller",
        env = "EGEXT_CONTROLLER_NAME",
        help_heading = "The rest of the file"
    )]
    pub controller_name: String,
    /// Directory for EG's own files, as `config`, `data`, `state` and `run` in it; absolute, EG 1.6 and later
    #[arg(long, value_name = "DIR", env = "EGEXT_HOME", help_heading = "The rest of the file")]
    pub home: Option<PathBuf>,
    /// Let routes refer to `Backend` objects: servers by name or address
    #[arg(long, env = "EGEXT_ENABLE_BACKEND_API", help_heading = "The rest of the file")]
    pub enable_backend_api: bool,
}

/// The flags about the extension.
#[derive(Args, Debug)]
pub struct Extension {
    /// The release of EG that will read it: 1.4 to 1.9
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Where EG gets its resources from
    #[arg(long, value_parser = values::mode(), default_value = "standalone", env = "EGEXT_MODE")]
    pub mode: Mode,
    /// Compare with FILE (`-` for stdin) instead of writing: exit 1 and a diff on stdout when it is not the same
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// How EG reaches the extension.
    #[command(flatten)]
    pub service: ServiceFlags,
    /// Hook that the extension has: Route, VirtualHost, HTTPListener, Cluster, Endpoints, Translation; can be
    /// repeated. Without it: all but Endpoints that EG can call with the resources named below
    #[arg(
        long,
        value_name = "HOOK",
        value_delimiter = ',',
        env = "EGEXT_HOOK",
        help_heading = "What the extension has"
    )]
    pub hook: Vec<String>,
    /// Kinds of resources that `Translation` gets and replaces; EG 1.5 and later
    ///
    /// By default all four if `--hook Translation` is given, else what EG sends by itself: clusters and secrets. A
    /// server that attaches filters, as ai-gateway does, needs listeners and routes. Of each included kind the
    /// server must send back everything: EG deletes what the answer leaves out.
    #[arg(
        long,
        value_parser = values::included(),
        value_name = "KIND",
        value_delimiter = ',',
        env = "EGEXT_INCLUDE_ALL",
        help_heading = "What the extension has"
    )]
    pub include_all: Vec<Included>,
    /// Kind that routes refer to in a filter, such as `example.io/v1alpha1/Thing`; can be repeated
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_delimiter = ',',
        env = "EGEXT_RESOURCE",
        help_heading = "What the extension has"
    )]
    pub resource: Vec<String>,
    /// Kind that is attached to gateways and routes as a policy; can be repeated
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_delimiter = ',',
        env = "EGEXT_POLICY_RESOURCE",
        help_heading = "What the extension has"
    )]
    pub policy_resource: Vec<String>,
    /// Kind that routes refer to as a backend; can be repeated, EG 1.5 and later
    #[arg(
        long,
        value_name = "GROUP/VERSION/KIND",
        value_delimiter = ',',
        env = "EGEXT_BACKEND_RESOURCE",
        help_heading = "What the extension has"
    )]
    pub backend_resource: Vec<String>,
    /// When the extension answers an error, let EG publish without it
    #[arg(long, env = "EGEXT_FAIL_OPEN", help_heading = "What the extension has")]
    pub fail_open: bool,
    /// EG's limit for one message in both directions, such as `16Mi`; gRPC's own is 4Mi
    #[arg(
        long,
        value_name = "SIZE",
        env = "EGEXT_MAX_MESSAGE_SIZE",
        help_heading = "What the extension has"
    )]
    pub max_message_size: Option<Size>,
}

/// How EG reaches the extension.
#[derive(Args, Debug)]
#[command(next_help_heading = "The way to the extension")]
pub struct ServiceFlags {
    /// Unix socket that the bridge listens on; absolute
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/run/egext/eg.sock",
        conflicts_with = "native_tls",
        env = "EGEXT_SOCKET"
    )]
    pub socket: PathBuf,
    /// Where the bridge finds the extension server, for its command line in the comment
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "localhost:5005",
        conflicts_with = "native_tls",
        env = "EGEXT_UPSTREAM"
    )]
    pub upstream: String,
    /// Directory that `egext certs init` filled, for the commands in the comment
    #[arg(long, value_name = "DIR", default_value = "certs", env = "EGEXT_DIR")]
    pub dir: PathBuf,
    /// The form with EG's own TLS, without a bridge; no release of EG can use it in standalone mode
    #[arg(long, requires = "server", env = "EGEXT_NATIVE_TLS")]
    pub native_tls: bool,
    /// The extension server, `host:port`
    #[arg(long, value_name = "ADDR", requires = "native_tls", env = "EGEXT_SERVER")]
    pub server: Option<String>,
    /// Secret with the CA certificate under `tls.crt`
    #[arg(
        long,
        value_name = "NAME",
        default_value = "egext-ca",
        requires = "native_tls",
        env = "EGEXT_CA_SECRET"
    )]
    pub ca_secret: String,
    /// Secret with EG's certificate and key; EG 1.6 and later [default: egext-client]
    #[arg(long, value_name = "NAME", requires = "native_tls", env = "EGEXT_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// Namespace of both Secrets
    #[arg(
        long,
        value_name = "NAME",
        default_value = "envoy-gateway-system",
        requires = "native_tls",
        env = "EGEXT_NAMESPACE"
    )]
    pub namespace: String,
}

const AFTER_GATEWAY: &str = "\
Nothing is written to disk; redirect it:
  egext config gateway --resources-dir /etc/envoy-gateway/resources > envoy-gateway.yaml

In CI, the same command tells whether the file still is what it would write:
  egext config gateway --resources-dir /etc/envoy-gateway/resources --check envoy-gateway.yaml";

const AFTER_STANZA: &str = "\
Nothing is written to disk; redirect it:
  egext config stanza --resource example.io/v1alpha1/Thing > extension.yaml

In CI, the same command tells whether the file still is what it would write:
  egext config stanza --resource example.io/v1alpha1/Thing --check extension.yaml";
