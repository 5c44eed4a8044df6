use clap::Args;

use super::RetryFlags;
use crate::cli::values;
use crate::gateway::{Included, Preset};
use crate::units::Size;

/// What the extension does, whatever way EG reaches it.
#[derive(Args, Debug)]
pub struct Hooks {
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
