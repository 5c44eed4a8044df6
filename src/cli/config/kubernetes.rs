use std::path::PathBuf;

use clap::Args;

use super::Hooks;
use crate::cli::values;
use crate::gateway::{DEFAULT_CA_SECRET, DEFAULT_NAMESPACE, Part, Sidecars};

/// Write manifests for an extension server in Kubernetes.
#[derive(Args, Debug)]
pub struct Kubernetes {
    /// Directory for one file per part; `-` for stdout
    ///
    /// The directory is created with mode 0700 if missing. An existing file is never overwritten.
    #[arg(long, value_name = "DIR", default_value = "-", env = "EGEXT_KUBERNETES_OUT")]
    pub out: PathBuf,
    /// Part to write; may be repeated [default: all]
    #[arg(
        long,
        value_name = "PART",
        value_parser = values::part(), ignore_case = true,
        value_delimiter = ',',
        env = "EGEXT_PART"
    )]
    pub part: Vec<Part>,
    /// Release of EG that reads the values: 1.4 to 1.9
    #[arg(long, value_name = "VERSION", default_value = "1.9", env = "EGEXT_EG_VERSION")]
    pub eg_version: String,
    /// Pods that get a bridge
    ///
    /// EG's own TLS does not work with a server that uses rustls (tonic), and neither with a bridge in front of a server
    /// without TLS: these need a bridge in EG's pod too. Then EG and the server must be in the same namespace.
    #[arg(
        long,
        value_name = "PODS",
        value_parser = values::sidecars(), ignore_case = true,
        default_value = "none",
        env = "EGEXT_BRIDGE"
    )]
    pub bridge: Sidecars,
    /// Image that has `egext`, for `--bridge`
    #[arg(long, value_name = "IMAGE", env = "EGEXT_IMAGE")]
    pub image: Option<String>,
    /// How it is called in the cluster.
    #[command(flatten)]
    pub names: Names,
    /// What the extension does.
    #[command(flatten)]
    pub hooks: Hooks,
}

/// Names in the cluster.
#[derive(Args, Debug)]
#[command(next_help_heading = "Names")]
pub struct Names {
    /// Namespace of the extension server, the certificates and Secrets
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAMESPACE, env = "EGEXT_NAMESPACE")]
    pub namespace: String,
    /// Deployment of the extension server
    #[arg(long, value_name = "NAME", default_value = "extension-server", env = "EGEXT_DEPLOYMENT")]
    pub deployment: String,
    /// Container of the server in it [default: name of the Deployment]
    #[arg(long, value_name = "NAME", env = "EGEXT_CONTAINER")]
    pub container: Option<String>,
    /// Service in front of it [default: name of the Deployment]
    #[arg(long, value_name = "NAME", env = "EGEXT_SERVICE_NAME")]
    pub service_name: Option<String>,
    /// Port of the Service and the container, where TLS is spoken
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "5005",
        value_parser = clap::value_parser!(u16).range(1..),
        env = "EGEXT_PORT"
    )]
    pub port: u16,
    /// Port of a server without TLS in its pod, for `--bridge both`
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "5006",
        value_parser = clap::value_parser!(u16).range(1..),
        env = "EGEXT_PLAINTEXT_PORT"
    )]
    pub plaintext_port: u16,
    /// Certificate, Issuer and Secret of the CA
    #[arg(long, value_name = "NAME", default_value = DEFAULT_CA_SECRET, env = "EGEXT_CA_SECRET")]
    pub ca_secret: String,
    /// Certificate and Secret of EG's side [default: egext-client]
    ///
    /// With EG's own TLS: for EG 1.6 and later.
    #[arg(long, value_name = "NAME", env = "EGEXT_CLIENT_SECRET")]
    pub client_secret: Option<String>,
    /// Certificate and Secret of the extension server
    #[arg(long, value_name = "NAME", default_value = "egext-server", env = "EGEXT_SERVER_SECRET")]
    pub server_secret: String,
    /// Bundle of trust-manager, and Secret with all trusted CA certificates
    ///
    /// Both sides then trust what is in this Secret: the CA of `--ca-secret`, and those of `--also-trust`. It is needed
    /// to replace the key of the CA without a failed call.
    #[arg(long, value_name = "NAME", env = "EGEXT_TRUST_SECRET")]
    pub trust_secret: Option<String>,
    /// Secret of another CA to trust; may be repeated
    ///
    /// For the time in which a CA is replaced. Its certificate is under `tls.crt`, as cert-manager writes it.
    #[arg(
        long,
        value_name = "NAME",
        requires = "trust_secret",
        value_delimiter = ',',
        env = "EGEXT_ALSO_TRUST"
    )]
    pub also_trust: Vec<String>,
}
