use super::{
    AbsolutePath, BridgeCommand, ControllerName, Included, LogSetting, ManagerName, Namespace, Preset,
    Resource, Retry, SecretName, TextPath, Version,
};
use crate::choice::choices;
use crate::extension::Hook;
use crate::net::Address;
use crate::units::Size;

/// What the caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The release of EG that reads it.
    pub version: Version,
    /// Where that gets its resources from.
    pub mode: Mode,
    /// How EG reaches the extension server.
    pub service: Service,
    /// What the extension is called in a list of several; without it, it is the only one.
    pub name: Option<ManagerName>,
    /// How often a call is repeated.
    pub retry: Retry,
    /// The extension server, if it is a known one. What else is asked for comes first.
    pub preset: Option<Preset>,
    /// None means: those that every server should know and that can be called at all.
    pub hooks: Vec<Hook>,
    /// What the hook `Translation` gets. None means: all kinds if that hook is named, else what EG sends by itself.
    pub include_all: Vec<Included>,
    /// Kinds that routes refer to in a filter.
    pub resources: Vec<Resource>,
    /// Kinds that are attached to gateways and routes.
    pub policy_resources: Vec<Resource>,
    /// Kinds that routes refer to as a backend.
    pub backend_resources: Vec<Resource>,
    /// Does EG publish its configuration without the extension if that answers with an error?
    pub fail_open: bool,
    /// EG's limit in both directions; without it, that of gRPC: 4 MiB to receive.
    pub max_message_size: Option<Size>,
    /// The rest of the file; without it, only the `extensionManager` is written.
    pub file: Option<WholeFile>,
}

impl Request {
    /// Everything as it is without flags, for this bridge.
    pub fn new(bridge: BridgeCommand) -> Self {
        Self::with_service(Service::Bridge(bridge))
    }

    /// Everything as it is without flags, for a server that EG reaches in this way.
    pub fn with_service(service: Service) -> Self {
        Self {
            version: Version::default(),
            mode: Mode::Standalone,
            service,
            name: None,
            retry: Retry::default(),
            preset: None,
            hooks: Vec::new(),
            include_all: Vec::new(),
            resources: Vec::new(),
            policy_resources: Vec::new(),
            backend_resources: Vec::new(),
            fail_open: false,
            max_message_size: None,
            file: None,
        }
    }
}

/// Where EG gets its resources from and runs Envoy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Resources from files, Envoy as a process on the same host.
    Standalone,
    /// Resources from the API of Kubernetes, Envoy as a process on the same host.
    CustomKubernetes,
    /// Resources from the API of Kubernetes, Envoy as pods.
    Kubernetes,
}

choices! { Mode {
    Standalone => "standalone",
    CustomKubernetes => "custom-kubernetes",
    Kubernetes => "kubernetes"
} }

impl Mode {
    /// Does EG read its resources from the API of Kubernetes? There it finds Secrets for its own TLS, too.
    pub const fn has_api(self) -> bool {
        !matches!(self, Self::Standalone)
    }
}

/// How EG reaches the extension server.
#[derive(Clone, Debug)]
pub enum Service {
    /// Plaintext to a bridge on the same host, which does the TLS.
    Bridge(BridgeCommand),
    /// EG's own TLS.
    NativeTls(NativeTls),
    /// Plaintext to a server on another host, or to one that has no TLS.
    Plaintext(Address),
}

/// EG's own TLS client. It reads its certificates from Secrets, by the Kubernetes API and nothing else: with
/// provider type Kubernetes, or from 1.9 on with provider type Custom and `custom.resource.type: Kubernetes`
/// (v1.9.0:api/v1alpha1/envoygateway_helpers.go:387). Secrets loaded from files never reach it.
#[derive(Clone, Debug)]
pub struct NativeTls {
    /// The extension server.
    pub server: Address,
    /// Directory of the files that the Secrets are made from.
    pub material: TextPath,
    /// Where the Secrets are.
    pub namespace: Namespace,
    /// Has the CA certificate in `tls.crt`.
    pub ca_secret: SecretName,
    /// Has EG's certificate and key. None means: `egext-client` where the release can use one.
    pub client_secret: Option<SecretName>,
}

/// What a whole EnvoyGateway file has in addition to its `extensionManager`.
#[derive(Clone, Debug)]
pub struct WholeFile {
    /// Directories with the resources: at least one in standalone mode, and none in another one.
    pub resources_dirs: Vec<AbsolutePath>,
    /// Which GatewayClasses are this EG's.
    pub controller_name: ControllerName,
    /// Where EG keeps its own files; EG's default without it.
    pub home: Option<AbsolutePath>,
    /// May routes refer to `Backend` objects?
    pub backend_api: bool,
    /// What EG writes to its log.
    pub logging: Vec<LogSetting>,
}
