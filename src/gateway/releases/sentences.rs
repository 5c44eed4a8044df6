use serde::Serialize;

use super::{Release, Version};

/// What EG says in its log, word for word.
#[derive(Debug)]
pub struct Sentence<T> {
    /// Which one.
    pub id: T,
    /// Its first release.
    pub since: Version,
    /// Its last release.
    pub until: Version,
    /// EG's own words; `{}` is a value of the configuration.
    pub text: &'static str,
    /// Where it is.
    pub source: &'static str,
}

impl<T> Sentence<T> {
    /// Does this release say it?
    pub fn is_of(&self, release: Release) -> bool {
        (self.since..=self.until).contains(&release.minor)
    }

    /// The sentence with `values` in it, each in place of one `{}`.
    pub fn with(&self, values: &[&str]) -> String {
        let mut parts = self.text.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (part, value) in parts.zip(values.iter().copied().chain(std::iter::repeat(""))) {
            text.push_str(value);
            text.push_str(part);
        }
        text
    }
}

impl Failure {
    /// What EG says about it, with `values` in it.
    pub fn says(self, values: &[&str]) -> String {
        let sentence = FAILURES.iter().find(|row| row.id == self).expect("every failure has a sentence");
        sentence.with(values)
    }
}

/// Why EG ends at its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum Refusal {
    KindMissing,
    VersionMissing,
    OtherKind,
    ControllerName,
    ProviderType,
    WatchNamespaces,
    WatchSelector,
    WatchType,
    CustomEmpty,
    FileMissing,
    FilePaths,
    ResourceType,
    HostMissing,
    RemoteMissing,
    RemoteService,
    InfrastructureType,
    LogLevel,
    LogComponent,
    RateLimitBackend,
    RateLimitEmpty,
    RateLimitUrl,
    RateLimitUrlOrRef,
    RateLimitReference,
    RateLimitOptional,
    BothManagers,
    NoManager,
    ManagerName,
    ManagerTwice,
    Hooks,
    ServiceMissing,
    Target,
    Targets,
    CertificateRefKind,
    CertificateRefOther,
    CertificateRef,
    ClientCertificateRef,
    Lua,
}

#[rustfmt::skip]
macro_rules! sentences {
    ($name:ident: $type:ident, $doc:literal; $($id:ident $since:ident $until:ident $text:literal $source:literal;)+) => {
        #[doc = $doc]
        pub const $name: &[Sentence<$type>] = &[$(Sentence {
            id: $type::$id, since: Version::$since, until: Version::$until, text: $text, source: $source,
        },)+];
    };
}

// The second `{}` of ManagerTwice is quoted as Go's %q does. With several managers, the refusal of one of them begins with
// `extension manager "NAME": ` (v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:293).
// `gateway is unspecified` and `provider is unspecified` are not among them: EG fills in defaults before it validates at its
// start, so it says them of a changed file only, and only some releases do: Fact::ReloadDefaults.
#[rustfmt::skip]
sentences! { REFUSALS: Refusal, "Why EG ends at its start, in the order of its checks: it names the first reason only.";
    // The whole file in single quotes follows.
    KindMissing          V1_4 V1_9 "Object 'Kind' is missing in" "v1.9.1:internal/envoygateway/config/decoder.go:41";
    VersionMissing       V1_4 V1_9 "Object 'apiVersion' is missing in" "v1.9.1:internal/envoygateway/config/decoder.go:41";
    // Up to 1.6 for a kind that EG knows from elsewhere; of other kinds these releases say the next sentence, too.
    OtherKind            V1_4 V1_6 "failed to decode unmatched resource type" "v1.6.3:internal/envoygateway/config/decoder.go:35";
    OtherKind            V1_7 V1_9 "no kind \"{}\" is registered for version \"{}\" in scheme" "v1.9.1:internal/envoygateway/config/decoder.go:41";
    ControllerName       V1_4 V1_9 "gateway controllerName is unspecified" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:31";
    ProviderType         V1_4 V1_9 "unsupported provider type" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:48";
    WatchNamespaces      V1_4 V1_9 "namespaces should be specified when envoy gateway watch mode is 'Namespaces'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:99";
    WatchSelector        V1_4 V1_9 "namespaceSelector should be specified when envoy gateway watch mode is 'NamespaceSelector'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:103";
    WatchType            V1_4 V1_9 "envoy gateway watch mode invalid, should be 'Namespaces' or 'NamespaceSelector'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:106";
    CustomEmpty          V1_4 V1_9 "empty custom provider settings" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:134";
    FileMissing          V1_4 V1_9 "field 'file' should be specified when resource type is 'File'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:152";
    FilePaths            V1_4 V1_9 "no paths were assigned for file resource provider to watch" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:156";
    ResourceType         V1_4 V1_9 "unsupported resource provider: {}" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:161";
    HostMissing          V1_4 V1_9 "field 'host' should be specified when infrastructure type is 'Host'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:174";
    RemoteMissing        V1_9 V1_9 "field 'remote' should be specified when infrastructure type is 'Remote'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:178";
    RemoteService        V1_9 V1_9 "field 'service' should be specified when infrastructure type is 'Remote'" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:182";
    InfrastructureType   V1_4 V1_5 "unsupported infrastructure provdier: {}" "v1.5.9:api/v1alpha1/validation/envoygateway_validate.go:130";
    InfrastructureType   V1_6 V1_9 "unsupported infrastructure provider: {}" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:189";
    LogLevel             V1_4 V1_9 "envoy gateway logging level invalid. valid options: info/debug/warn/error" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:212";
    LogComponent         V1_4 V1_4 "envoy gateway logging components invalid. valid options: system/provider/gateway-api/xds-translator/xds-server/infrastructure" "v1.4.3:api/v1alpha1/validation/envoygateway_validate.go:154";
    LogComponent         V1_5 V1_9 "envoy gateway logging components invalid. valid options: system/provider/gateway-api/xds-translator/xds-server/xds/infrastructure" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:215";
    RateLimitBackend     V1_4 V1_9 "unsupported ratelimit backend {}" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:226";
    RateLimitEmpty       V1_4 V1_9 "empty ratelimit redis settings" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:230";
    RateLimitUrl         V1_4 V1_9 "unknown ratelimit redis url format: {}" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:265";
    RateLimitUrlOrRef    V1_9 V1_9 "exactly one of ratelimit redis url or urlRef must be set" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:236";
    RateLimitReference   V1_9 V1_9 "ratelimit redis urlRef.secretKeyRef must set both name and key" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:242";
    RateLimitOptional    V1_9 V1_9 "ratelimit redis urlRef.secretKeyRef.optional must not be true; the Secret is required" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:249";
    BothManagers         V1_8 V1_9 "extensionManager and extensionManagers are mutually exclusive" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:273";
    NoManager            V1_8 V1_9 "extensionManagers must contain at least one entry when specified" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:279";
    ManagerName          V1_8 V1_9 "extension manager at index {}: name is required" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:286";
    ManagerTwice         V1_8 V1_9 "extension manager at index {}: duplicate name {}" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:289";
    Hooks                V1_4 V1_9 "registered extension has no hooks specified" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:308";
    ServiceMissing       V1_4 V1_9 "extension service config is empty" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:414";
    Target               V1_4 V1_9 "extension service must contain a configured target" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:419";
    Targets              V1_4 V1_9 "only one backend target can be configured for the extension manager" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:424";
    CertificateRefKind   V1_4 V1_5 "certificateRef empty in extension service server TLS settings" "v1.5.9:api/v1alpha1/validation/envoygateway_validate.go:212";
    // Followed by an address in EG's memory.
    CertificateRefOther  V1_4 V1_5 "unsupported extension server TLS certificateRef" "v1.5.9:api/v1alpha1/validation/envoygateway_validate.go:216";
    CertificateRef       V1_6 V1_9 "unsupported extension server TLS certificateRef group/kind" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:431";
    ClientCertificateRef V1_6 V1_9 "unsupported extension server mTLS clientCertificateRef group/kind" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:438";
    Lua                  V1_9 V1_9 "disableLua and enableLua must not have the same value" "v1.9.1:api/v1alpha1/validation/envoygateway_validate.go:72";
}

/// Why something fails after EG's start: at every hook, or when EG loads its resources.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum Failure {
    NoClient,
    CaNotFound,
    CaKeyMissing,
    CaUnusable,
    ClientNotFound,
    ClientCertificateMissing,
    ClientKeyMissing,
    ClientPair,
    SizeInvalid,
    SizeRange,
    StatusCode,
    InitialBackoff,
    MaxBackoff,
    RetryPolicy,
    UnixRelative,
    NoCertificates,
    NoKind,
    NoVersion,
    Schema,
    NotYaml,
    Loopback,
    LoopbackElsewhere,
}

#[rustfmt::skip]
sentences! { FAILURES: Failure, "What EG says of what fails after its start.";
    NoClient                 V1_4 V1_9 "the registered extension's service config has TLS enabled but no k8s client was provided" "v1.9.1:internal/extension/grpc.go:74";
    CaNotFound               V1_4 V1_9 "failed to get root CA certificates: failed to validate TLS certificate reference: cannot find Secret {} in namespace {}" "v1.9.1:internal/kubernetes/secret.go:35";
    CaKeyMissing             V1_4 V1_9 "failed to get root CA certificates: no CA certificate found in Kubernetes Secret {} in namespace {}" "v1.9.1:internal/extension/grpc.go:167";
    CaUnusable               V1_4 V1_9 "failed to get root CA certificates: failed to append certificates from CA secret" "v1.9.1:internal/extension/grpc.go:171";
    ClientNotFound           V1_6 V1_9 "failed to get client certificate for mTLS: failed to validate client certificate reference: cannot find Secret {} in namespace {}" "v1.9.1:internal/extension/grpc.go:195";
    ClientCertificateMissing V1_6 V1_9 "failed to get client certificate for mTLS: no client certificate found in Kubernetes Secret {} in namespace {}" "v1.9.1:internal/extension/grpc.go:200";
    ClientKeyMissing         V1_6 V1_9 "failed to get client certificate for mTLS: no client private key found in Kubernetes Secret {} in namespace {}" "v1.9.1:internal/extension/grpc.go:205";
    ClientPair               V1_6 V1_9 "failed to get client certificate for mTLS: failed to load client certificate and key: {}" "v1.9.1:internal/extension/grpc.go:210";
    SizeInvalid              V1_4 V1_9 "invalid Extension Manager MaxMessageSize value {}" "v1.9.1:internal/extension/grpc.go:116";
    SizeRange                V1_4 V1_9 "extension Manager MaxMessageSize value {} is out of range, must be between 1 and 9223372036854775807" "v1.9.1:internal/extension/grpc.go:119";
    StatusCode               V1_4 V1_9 "invalid Extension Manager GRPC Retry Status code value {}" "v1.9.1:internal/extension/grpc.go:241";
    InitialBackoff           V1_4 V1_9 "invalid Extension Manager GRPC Retry Initial Backoff {}" "v1.9.1:internal/extension/grpc.go:281";
    MaxBackoff               V1_4 V1_9 "invalid Extension Manager GRPC Retry Max Backoff {}" "v1.9.1:internal/extension/grpc.go:286";
    // gRPC's; what is in the parentheses has all values of the policy.
    RetryPolicy              V1_4 V1_9 "grpc: the provided default service config is invalid: invalid retry policy" "v1.9.1:internal/extension/grpc.go:41";
    UnixRelative             V1_4 V1_9 "invalid (non-empty) authority: {}" "v1.9.1:internal/extension/grpc.go:58";
    NoCertificates           V1_4 V1_9 "failed to load TLS config: no valid tls certificates" "v1.9.1:internal/xds/runner/runner.go:444";
    // From here on after `failed to load resources from file PATH: `. These two end with a line of Kubernetes' code.
    NoKind                   V1_4 V1_9 "no kind \"{}\" is registered for version \"{}\" in scheme" "v1.9.1:internal/gatewayapi/resource/load.go:125";
    NoVersion                V1_4 V1_9 "no version \"{}\" has been registered in scheme" "v1.9.1:internal/gatewayapi/resource/load.go:125";
    Schema                   V1_4 V1_9 "local validation error: {}" "v1.9.1:internal/gatewayapi/resource/load.go:108";
    NotYaml                  V1_4 V1_9 "error converting YAML to JSON: {}" "v1.9.1:internal/gatewayapi/resource/load.go:91";
    Loopback                 V1_4 V1_5 "IP address {} in the loopback range is not supported" "v1.5.9:internal/gatewayapi/backend.go:79";
    LoopbackElsewhere        V1_6 V1_9 "IP address {} in the loopback range is only supported when using the Host infrastructure" "v1.9.1:internal/gatewayapi/backend.go:201";
}

/// The words that EG accepts in `retry.RetryableStatusCodes` (v1.9.1:internal/extension/grpc.go:216). Not `OK`.
pub const STATUS_CODES: &[&str] = &[
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
