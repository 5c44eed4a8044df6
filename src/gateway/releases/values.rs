use serde::Serialize;

/// What a release uses if nothing is written. A row of [`VALUES`].
#[derive(Debug)]
pub struct ValueRow {
    /// What this row is about.
    pub value: Value,
    /// In words.
    pub about: &'static str,
    /// By minor release.
    pub cells: [&'static str; 6],
    /// Where it was read.
    pub sources: &'static [&'static str],
}

/// Something that has a value if nothing is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the table says what each is about")]
pub enum Value {
    ControllerName,
    Namespace,
    MaxAttempts,
    InitialBackoff,
    MaxBackoff,
    BackoffMultiplier,
    RetryableStatusCodes,
    IncludedKinds,
    ReceiveLimit,
    EnvoyVersion,
    ConfigHome,
    DataHome,
}

impl Value {
    /// Its row in [`VALUES`].
    pub const fn row(self) -> &'static ValueRow {
        &VALUES[self as usize]
    }
}

/// The same in all releases.
const fn always(text: &'static str) -> [&'static str; 6] {
    [text; 6]
}

/// The defaults, in the order of [`Value`].
#[rustfmt::skip]
pub const VALUES: &[ValueRow] = &[
    ValueRow { value: Value::ControllerName, about: "`gateway.controllerName`, if `gateway` is left out", cells: always("gateway.envoyproxy.io/gatewayclass-controller"), sources: &["v1.9.1:api/v1alpha1/envoygateway_types.go:19"] },
    ValueRow { value: Value::Namespace, about: "Namespace of a Secret and of an object in a file", cells: always("envoy-gateway-system"), sources: &["v1.9.1:internal/envoygateway/config/config.go:22"] },
    ValueRow { value: Value::MaxAttempts, about: "`retry.maxAttempts`, with the first attempt", cells: always("4"), sources: &["v1.4.3:internal/extension/registry/extension_manager.go:410", "v1.9.1:internal/extension/grpc.go:251"] },
    ValueRow { value: Value::InitialBackoff, about: "`retry.initialBackoff`", cells: always("100ms"), sources: &["v1.9.1:internal/extension/grpc.go:255"] },
    ValueRow { value: Value::MaxBackoff, about: "`retry.maxBackoff`", cells: always("1s"), sources: &["v1.9.1:internal/extension/grpc.go:256"] },
    ValueRow { value: Value::BackoffMultiplier, about: "`retry.backoffMultiplier`", cells: always("2"), sources: &["v1.9.1:internal/extension/grpc.go:252"] },
    ValueRow { value: Value::RetryableStatusCodes, about: "`retry.RetryableStatusCodes`", cells: always("UNAVAILABLE"), sources: &["v1.9.1:internal/extension/grpc.go:253"] },
    ValueRow { value: Value::IncludedKinds, about: "What `Translation` gets", cells: always("clusters, secrets"), sources: &["v1.4.3:internal/xds/translator/extension.go:152", "v1.5.9:api/v1alpha1/envoygateway_helpers.go:359", "v1.9.1:api/v1alpha1/envoygateway_helpers.go:481"] },
    ValueRow { value: Value::ReceiveLimit, about: "`maxMessageSize`, for what EG receives (gRPC's own)", cells: always("4Mi"), sources: &["v1.9.1:internal/extension/grpc.go:113"] },
    ValueRow { value: Value::EnvoyVersion, about: "Version of Envoy, if EnvoyProxy names none", cells: ["1.34.4", "1.35.8", "1.36.4", "1.37.2", "1.38.3", "1.39.1"], sources: &["v1.4.3:api/v1alpha1/shared_types.go:27", "v1.9.1:api/v1alpha1/shared_types.go:30"] },
    ValueRow { value: Value::ConfigHome, about: "`host.configHome`, with EG's own certificates in `certs`", cells: ["/tmp/envoy-gateway", "/tmp/envoy-gateway", "~/.config/envoy-gateway", "~/.config/envoy-gateway", "~/.config/envoy-gateway", "~/.config/envoy-gateway"], sources: &["v1.4.3:internal/infrastructure/host/infra.go:23", "v1.9.1:api/v1alpha1/envoygateway_types.go:622"] },
    ValueRow { value: Value::DataHome, about: "`host.dataHome`, with Envoy", cells: ["/tmp/envoy-gateway", "/tmp/envoy-gateway", "~/.local/share/envoy-gateway", "~/.local/share/envoy-gateway", "~/.local/share/envoy-gateway", "~/.local/share/envoy-gateway"], sources: &["v1.4.3:internal/infrastructure/host/infra.go:23", "v1.9.1:api/v1alpha1/envoygateway_types.go:627"] },
];
