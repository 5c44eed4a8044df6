use std::ops::RangeInclusive;

use serde::Serialize;

use super::Version;

/// What a release does with something.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// It works.
    Yes,
    /// EG ignores the key or the object without a message.
    Ignored,
    /// EG accepts the hook or the value and never acts on it.
    Never,
    /// EG ends at its start, with one of [`REFUSALS`](super::REFUSALS).
    Refused,
    /// EG starts, and fails later with one of [`FAILURES`](super::FAILURES).
    Fails,
}

impl Cell {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Yes, Self::Ignored, Self::Never, Self::Refused, Self::Fails];

    /// For a table that a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Ignored => "ignored",
            Self::Never => "never",
            Self::Refused => "refused",
            Self::Fails => "fails",
        }
    }

    /// What that means, for a legend.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Yes => "works",
            Self::Ignored => "EG ignores it without a message",
            Self::Never => "EG accepts it and never acts on it, or never does so",
            Self::Refused => "EG ends at its start, with a message",
            Self::Fails => "EG starts, and fails later with a message",
        }
    }
}

/// What sort of fact a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// A key of the EnvoyGateway file.
    Field,
    /// A value below `hooks.xdsTranslator`.
    Hook,
    /// Where EG gets its resources from and runs Envoy.
    Mode,
    /// A Secret, and how EG finds it.
    Secret,
    /// A file in a resource directory.
    Load,
    /// What happens after the start.
    Run,
}

impl Group {
    /// For a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Field => "Keys of the EnvoyGateway file",
            Self::Hook => "Hooks",
            Self::Mode => "Providers",
            Self::Secret => "Secrets",
            Self::Load => "Resource files",
            Self::Run => "While EG runs",
        }
    }
}

/// A row of [`FACTS`].
#[derive(Debug)]
pub struct Row {
    /// What this row is about.
    pub fact: Fact,
    /// What sort of fact it is.
    pub group: Group,
    /// In words, for a table that a person reads.
    pub about: &'static str,
    /// By minor release, in the order of [`Version::ALL`].
    pub cells: [Cell; 6],
    /// Where it was read.
    pub sources: &'static [&'static str],
}

impl Row {
    /// The first release in which it works, if there is one.
    pub const fn since(&self) -> Option<Version> {
        let mut index = 0;
        while index < self.cells.len() {
            if matches!(self.cells[index], Cell::Yes) {
                return Some(Version::ALL[index]);
            }
            index += 1;
        }
        None
    }
}

impl Fact {
    /// Its row in [`FACTS`].
    pub const fn row(self) -> &'static Row {
        &FACTS[self as usize]
    }
}

macro_rules! cell {
    (Y) => {
        Cell::Yes
    };
    (i) => {
        Cell::Ignored
    };
    (n) => {
        Cell::Never
    };
    (R) => {
        Cell::Refused
    };
    (F) => {
        Cell::Fails
    };
}

macro_rules! facts {
    ($($group:ident { $($fact:ident $about:literal [$($cell:tt)+] $($source:literal)+;)+ })+) => {
        /// Something that works in some releases, or in all, or in none.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
        #[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "the table says what each is about")]
        pub enum Fact { $($($fact,)+)+ }

        /// The releases, by fact, in the order of [`Fact`].
        pub const FACTS: &[Row] = &[$($(Row {
            fact: Fact::$fact,
            group: Group::$group,
            about: $about,
            cells: [$(cell!($cell)),+],
            sources: &[$($source),+],
        },)+)+];
    };
}

// Columns: 1.4 1.5 1.6 1.7 1.8 1.9. The letters are those of `cell`.
#[rustfmt::skip]
facts! {
    Field {
        Service               "`service.{fqdn,ip,unix}`"                                [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/backend_types.go:61" "v1.9.1:api/v1alpha1/backend_types.go:70";
        ServiceHost           "`service.host`, `service.port` (deprecated; no port means 0)" [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/envoygateway_types.go:577" "v1.9.1:api/v1alpha1/envoygateway_types.go:936";
        ServiceHostname       "`service.hostname` as the only target"                   [R R R R R R] "v1.4.3:api/v1alpha1/validation/envoygateway_validate.go:194" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:418";
        ServiceZone           "`service.hostname`, `service.zone` next to a target" [i n n n n n] "v1.5.9:api/v1alpha1/backend_types.go:64" "v1.9.1:api/v1alpha1/backend_types.go:65";
        CertificateRef        "`service.tls.certificateRef`"                            [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/envoygateway_types.go:608" "v1.9.1:api/v1alpha1/envoygateway_types.go:967";
        CertificateRefNoKind  "`service.tls.certificateRef` without `kind`"             [R R Y Y Y Y] "v1.4.3:api/v1alpha1/validation/envoygateway_validate.go:206" "v1.6.3:api/v1alpha1/validation/envoygateway_validate.go:217";
        CertificateRefGroup   "`service.tls.certificateRef.group` other than \"\""      [F F R R R R] "v1.4.3:internal/kubernetes/secret.go:41" "v1.6.3:api/v1alpha1/validation/envoygateway_validate.go:217";
        ClientCertificateRef  "`service.tls.clientCertificateRef`: mutual TLS"          [i i Y Y Y Y] "v1.6.3:api/v1alpha1/envoygateway_types.go:774" "v1.9.1:api/v1alpha1/envoygateway_types.go:976";
        Retry                 "`service.retry`, with `RetryableStatusCodes` in this spelling" [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/envoygateway_types.go:645" "v1.9.1:api/v1alpha1/envoygateway_types.go:1013";
        MaxMessageSize        "`maxMessageSize`, `failOpen`"                            [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/envoygateway_types.go:553" "v1.9.1:api/v1alpha1/envoygateway_types.go:856";
        Resources             "`resources`, `policyResources`"                          [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/envoygateway_types.go:513" "v1.9.1:api/v1alpha1/envoygateway_types.go:807";
        BackendResources      "`backendResources`"                                      [i Y Y Y Y Y] "v1.5.9:api/v1alpha1/envoygateway_types.go:577" "v1.9.1:api/v1alpha1/envoygateway_types.go:822";
        TranslationKinds      "`hooks.xdsTranslator.translation.*.includeAll`"          [i Y Y Y Y Y] "v1.5.9:api/v1alpha1/envoygateway_types.go:626" "v1.9.1:api/v1alpha1/envoygateway_types.go:871";
        SeveralManagers       "`extensionManagers`, `extensionManager.name`"            [i i i i Y Y] "v1.8.3:api/v1alpha1/envoygateway_types.go:113" "v1.9.1:api/v1alpha1/envoygateway_types.go:114";
        HostDirectories       "`infrastructure.host.{configHome,dataHome,stateHome,runtimeDir}`" [i i Y Y Y Y] "v1.6.3:api/v1alpha1/envoygateway_types.go:465" "v1.9.1:api/v1alpha1/envoygateway_types.go:625";
        HostNull              "`infrastructure.host` without a value"                   [R R R R R R] "v1.4.3:api/v1alpha1/validation/envoygateway_validate.go:125" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:173";
        LogXds                "`logging.level.xds`"                                     [R Y Y Y Y Y] "v1.4.3:api/v1alpha1/validation/envoygateway_validate.go:154" "v1.5.9:api/v1alpha1/validation/envoygateway_validate.go:156";
    }
    Hook {
        Pre                   "Any value of `pre`"                                      [n n n n n n] "v1.4.3:internal/extension/registry/extension_manager.go:170" "v1.9.1:internal/extension/registry/extension_manager.go:204";
        HookRoute             "`Route`, for a route with a filter of a kind in `resources`" [Y Y Y Y Y Y] "v1.4.3:internal/xds/translator/extension.go:32" "v1.9.1:internal/xds/translator/extension.go:33";
        HookRoutePolicy       "`Route`, for a route that a policy in `policyResources` targets" [n n n n n Y] "v1.8.3:internal/xds/translator/extension.go:33" "v1.9.1:internal/xds/translator/extension.go:33";
        HookRouteBackend      "`Route`, for a route to a backend of a kind in `backendResources`" [n Y Y Y Y Y] "v1.5.9:internal/gatewayapi/route.go:255" "v1.9.1:internal/gatewayapi/route.go:478";
        HookVirtualHost       "`VirtualHost`"                                           [Y Y Y Y Y Y] "v1.4.3:internal/xds/translator/extension.go:77" "v1.9.1:internal/xds/translator/extension.go:149";
        HookHttpListener      "`HTTPListener`"                                          [Y Y Y Y Y Y] "v1.4.3:internal/xds/translator/extension.go:109" "v1.9.1:internal/xds/translator/extension.go:181";
        HookCluster           "`Cluster`, for a backend of a kind in `backendResources`" [n Y Y Y Y Y] "v1.4.3:api/v1alpha1/shared_types.go:383" "v1.5.9:internal/xds/translator/extension.go:71" "v1.9.1:internal/xds/translator/extension.go:78";
        HookEndpoints         "`Endpoints`"                                             [n n n n Y Y] "v1.7.2:api/v1alpha1/shared_types.go:409" "v1.8.3:internal/xds/translator/extension.go:114" "v1.9.1:internal/xds/translator/extension.go:120";
        HookTranslation       "`Translation`, with clusters and secrets"                [Y Y Y Y Y Y] "v1.4.3:internal/xds/translator/extension.go:152" "v1.9.1:internal/xds/translator/extension.go:224";
        HookUnknown           "Any other name, or one of these in other case"                  [n n n n n n] "v1.4.3:internal/extension/registry/extension_manager.go:232" "v1.9.1:internal/extension/registry/extension_manager.go:266";
    }
    Mode {
        Standalone            "`Custom`: resources from `File`, Envoy on the `Host`"    [Y Y Y Y Y Y] "v1.4.3:internal/cmd/server.go:164" "v1.9.1:internal/cmd/server.go:195";
        StandaloneTls         "`service.tls` with resources from `File`"                                     [F F F F F F] "v1.4.3:internal/extension/registry/extension_manager.go:279" "v1.9.1:internal/extension/grpc.go:74";
        CustomKubernetes      "`Custom`: resources from `Kubernetes`"                   [R R R R R Y] "v1.8.3:api/v1alpha1/validation/envoygateway_validate.go:121" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:158";
        CustomKubernetesTls   "`service.tls` with `Custom` and resources from `Kubernetes`"                                     [R R R R R Y] "v1.8.3:internal/cmd/server.go:186" "v1.9.1:api/v1alpha1/envoygateway_helpers.go:387";
        RemoteInfrastructure  "`Custom`: `infrastructure.type: Remote`"                 [R R R R R Y] "v1.8.3:api/v1alpha1/validation/envoygateway_validate.go:137" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:176";
        FileRemote            "Resources from `File` with `infrastructure.type: Remote`" [R R R R R F] "v1.8.3:api/v1alpha1/validation/envoygateway_validate.go:137" "v1.9.1:internal/xds/runner/runner.go:444";
        FileNowhere           "Resources from `File` without `infrastructure`"          [F F F F F F] "v1.4.3:internal/xds/server/runner/runner.go:233" "v1.9.1:internal/xds/runner/runner.go:444";
        Kubernetes            "`Kubernetes`"                                            [Y Y Y Y Y Y] "v1.4.3:api/v1alpha1/shared_types.go:79" "v1.9.1:api/v1alpha1/shared_types.go:91";
        KubernetesTls         "`service.tls` with `Kubernetes`"                                     [Y Y Y Y Y Y] "v1.4.3:internal/cmd/server.go:164" "v1.9.1:internal/cmd/server.go:195";
    }
    Secret {
        SecretCaTlsCrt        "`certificateRef`: CA certificates in PEM under `tls.crt`" [Y Y Y Y Y Y] "v1.4.3:internal/extension/registry/extension_manager.go:354" "v1.9.1:internal/extension/grpc.go:165";
        SecretCaCaCrt         "`certificateRef`: CA certificates under `ca.crt` only"   [F F F F F F] "v1.4.3:internal/extension/registry/extension_manager.go:354" "v1.9.1:internal/extension/grpc.go:167";
        SecretCaReread        "EG reads the CA again for each new connection"            [Y Y Y Y Y Y] "v1.4.3:internal/extension/registry/extension_manager.go:349" "v1.9.1:internal/extension/grpc.go:146";
        SecretClient          "`clientCertificateRef`: `tls.crt` and `tls.key`"         [i i Y Y Y Y] "v1.6.3:internal/extension/registry/extension_manager.go:422" "v1.9.1:internal/extension/grpc.go:198";
        SecretOtherNamespace  "A Secret in another namespace, without ReferenceGrant"   [Y Y Y Y Y Y] "v1.4.3:internal/kubernetes/secret.go:35" "v1.9.1:internal/kubernetes/secret.go:27";
        SecretType            "The `type` of a Secret for `service.tls`"                [i i i i i i] "v1.4.3:internal/kubernetes/secret.go:35" "v1.9.1:internal/extension/grpc.go:159";
        SecretSds             "A Secret of the type `gateway.envoyproxy.io/sds` for a listener" [F F F F F Y] "v1.8.3:internal/gatewayapi/validate.go:523" "v1.9.1:internal/gatewayapi/validate.go:525";
        SecretFromFile        "A Secret in a resource file, for `service.tls`"          [F F F F F F] "v1.4.3:internal/cmd/server.go:164" "v1.9.1:internal/extension/registry/extension_manager.go:42";
        SecretStringData      "`stringData` of a Secret in a resource file"             [i i i i i i] "v1.9.1:internal/gatewayapi/resource/load.go:391";
    }
    Load {
        LoadCustom            "An object of a kind in `extensionManager`"               [F F F Y Y Y] "v1.6.3:internal/gatewayapi/resource/load.go:101" "v1.7.2:internal/gatewayapi/resource/load.go:74" "v1.9.1:internal/provider/kubernetes/controller_offline.go:57";
        LoadCustomPlural      "An object of a kind in `extensionManagers`"              [F F F F F F] "v1.8.3:internal/provider/kubernetes/controller_offline.go:57" "v1.9.1:internal/provider/kubernetes/controller_offline.go:57";
        LoadEnvoyProxyHost    "EnvoyProxy with `provider.type: Host` (the version of Envoy)" [F F Y Y Y Y] "v1.6.3:api/v1alpha1/envoyproxy_types.go:360" "v1.9.1:api/v1alpha1/envoyproxy_types.go:458";
        LoadLoopbackBackend   "Backend with a loopback address"                         [F F Y Y Y Y] "v1.5.9:internal/gatewayapi/backend.go:77" "v1.6.3:internal/gatewayapi/backend.go:78" "v1.9.1:internal/gatewayapi/backend.go:199";
        LoadTcpRouteAlpha     "TCPRoute or UDPRoute of `v1alpha2` (EG ends with a panic)"  [Y Y Y Y Y F] "v1.8.3:internal/gatewayapi/resource/load.go:219" "v1.9.1:internal/gatewayapi/resource/load.go:218";
        LoadTlsRouteAlpha     "TLSRoute of `v1alpha2` (EG ends with a panic)"              [Y Y F F F F] "v1.5.9:internal/gatewayapi/resource/load.go:207" "v1.6.3:internal/gatewayapi/resource/load.go:207";
        LoadHidden            "A hidden file, a subdirectory"                           [i i i i i i] "v1.4.3:internal/provider/file/resources.go:67" "v1.9.1:internal/provider/file/resources.go:67";
        LoadOther             "A file with anything else, whatever its name (EG loads nothing at all)" [F F F F F F] "v1.4.3:internal/provider/file/resources.go:67" "v1.9.1:internal/provider/file/resources.go:72";
        LoadLinkedDirectory   "A link to a directory in `file.paths` (EG loads nothing at all)" [F F F F F F] "v1.4.3:internal/utils/path/path.go:35" "v1.9.1:internal/utils/path/path.go:35";
        LoadMissingPath       "A path in `file.paths` that does not exist"                     [i i i i i i] "v1.4.3:internal/utils/path/path.go:37" "v1.9.1:internal/utils/path/path.go:37";
    }
    Run {
        EmbeddedNames         "A type error names embedded structs" [n n Y Y Y Y] "v1.5.9:go.mod:511" "v1.6.3:go.mod:316";
        OwnSchemeOnly         "A file of another kind is reported as a kind that is not registered" [n n n Y Y Y] "v1.6.3:internal/envoygateway/config/decoder.go:25" "v1.7.2:internal/envoygateway/config/decoder.go:25";
        ReloadChecked         "A changed EnvoyGateway file is validated"                [n Y Y Y Y Y] "v1.4.3:internal/envoygateway/config/loader/configloader.go:71" "v1.5.9:internal/envoygateway/config/loader/configloader.go:78" "v1.9.1:internal/envoygateway/config/loader/configloader.go:83";
        ReloadDefaults        "A changed file may leave out `gateway` and `provider`"   [Y F F F Y Y] "v1.5.9:internal/envoygateway/config/loader/configloader.go:84" "v1.8.3:internal/envoygateway/config/loader/configloader.go:80";
        FailOpenLogged        "With several managers, one with `failOpen` and no client is logged" [i i i i n n] "v1.8.3:internal/extension/registry/composite_manager.go:148" "v1.9.1:internal/extension/registry/composite_manager.go:148";
        GrpcStatusAlone       "EG takes a gRPC answer whose HTTP status is not 200"     [F F F Y Y Y] "v1.6.3:go.mod:69" "v1.7.2:go.mod:71" "v1.9.1:go.mod:61";
        OfflineEnvoy          "Envoy's version is known without a network, if EnvoyProxy names none" [n n Y Y Y n] "v1.8.3:api/v1alpha1/shared_types.go:29" "v1.9.1:api/v1alpha1/shared_types.go:30";
        UnreachableWaits      "EG waits without a limit for a server that it cannot connect to, with `failOpen` too" [Y Y Y Y Y Y] "v1.4.3:internal/extension/registry/extension_manager.go:42" "v1.9.1:internal/extension/grpc.go:39";
    }
}

/// Patch releases of one minor release that do not do what [`FACTS`] says of it.
#[derive(Debug)]
pub struct Patch {
    /// What this row is about.
    pub fact: Fact,
    /// The minor release.
    pub minor: Version,
    /// The numbers of the patch releases.
    pub numbers: RangeInclusive<u32>,
    /// What these do.
    pub cell: Cell,
    /// `TAG:PATH` of what was read.
    pub source: &'static str,
}

/// The patch releases that differ. One of each range was read, the one of the source; the others are taken to be like
/// it. 1.5.0 does not validate a changed file at all, so it accepts what later ones refuse.
pub const PATCHES: &[Patch] = &[
    Patch {
        fact: Fact::ReloadChecked,
        minor: Version::V1_5,
        numbers: 0..=8,
        cell: Cell::Never,
        source: "v1.5.0:internal/envoygateway/config/loader/configloader.go:64",
    },
    Patch {
        fact: Fact::ReloadDefaults,
        minor: Version::V1_5,
        numbers: 0..=8,
        cell: Cell::Yes,
        source: "v1.5.0:internal/envoygateway/config/loader/configloader.go:71",
    },
    Patch {
        fact: Fact::ReloadDefaults,
        minor: Version::V1_7,
        numbers: 5..=u32::MAX,
        cell: Cell::Yes,
        source: "v1.7.5:internal/envoygateway/config/loader/configloader.go",
    },
    Patch {
        fact: Fact::ReloadDefaults,
        minor: Version::V1_8,
        numbers: 0..=2,
        cell: Cell::Fails,
        source: "v1.8.0:internal/envoygateway/config/loader/configloader.go:78",
    },
    Patch {
        fact: Fact::OfflineEnvoy,
        minor: Version::V1_9,
        numbers: 0..=0,
        cell: Cell::Yes,
        source: "v1.9.0:api/v1alpha1/shared_types.go:29",
    },
];
