//! Configuration of Envoy Gateway (EG): what each release knows, and files that work for it.
//!
//! A [`Request`] is what the caller asks for; each value is already well formed. [`Configuration::decide`] checks
//! it against the chosen release: what EG would refuse or silently ignore is an error, what is only of use with
//! another provider is a finding. [`Configuration::yaml`] writes the configuration; the text is the same every time.
//!
//! The form that works outside Kubernetes is plaintext on a unix socket, with `egext bridge` behind it. EG's own TLS needs
//! a Kubernetes client to read its Secrets: see [`NativeTls`].

mod base64;
mod bridge_command;
mod check;
mod comments;
mod confidential;
mod config_map;
mod configuration;
mod document;
mod emit;
mod example;
mod header;
mod hook;
mod include;
mod kubernetes;
mod logging;
mod model;
pub mod patch;
mod preset;
mod provider;
pub mod releases;
mod request;
mod retry;
mod schema;
mod secrets;
mod sections;
mod value_error;
mod values;
mod wishes;
mod yaml;

pub use bridge_command::{ADMIN_SOCKET, BridgeCommand};
pub use check::{
    Called, Checked, FILE_LIMIT, InPlace, Lack, NotRead, Pair, Pauses, Peer, PeerTls, Questions, Source,
    Verdict, called, check, obstacle, peers,
};
pub use confidential::{has_encoded_secret, masked};
pub use configuration::{Configuration, ConfigurationError};
pub use document::{Cause, Place};
pub use example::{EXAMPLE_FILE, EXAMPLE_URL};
pub use hook::{hook_called, hook_names};
pub use include::Included;
pub use kubernetes::{Cluster, Kubernetes, KubernetesError, Manifest, Part, Sidecars, Trust};
pub use logging::{LogComponent, LogLevel, LogSetting};
pub use preset::Preset;
pub use releases::{Release, Version};
pub use request::{Mode, NativeTls, Request, Service, WholeFile};
pub use retry::{Multiplier, Retry, StatusCode};
pub use secrets::{ClientSecret, DEFAULT_CA_SECRET, DEFAULT_CLIENT_SECRET, DEFAULT_NAMESPACE, Secrets};
pub use sections::{NoSections, Section, sections};
pub use value_error::ValueError;
pub use values::{
    AbsolutePath, ControllerName, Image, ManagerName, Namespace, ObjectName, Resource, SecretName,
    SocketPath, TextPath,
};
pub use wishes::{Treatment, WISHES, Wish, WishRow};
