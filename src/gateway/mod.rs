//! Configuration of Envoy Gateway (EG): what each release knows, and files that work for it.
//!
//! A [`Request`] is what somebody wishes for, each value already known to be well formed. [`Configuration::decide`] settles
//! what the chosen release makes of it: what EG would refuse or silently pass over is an error here, what has a use
//! only elsewhere is a finding. A configuration is written down by [`Configuration::yaml`], the same text every time.
//!
//! The form that works is plaintext on a unix socket, with `egext bridge` behind it. EG's own TLS needs a Kubernetes
//! client to read its Secrets with, and outside Kubernetes there is none: see [`NativeTls`].

mod bridge_command;
mod comments;
mod configuration;
mod emit;
mod hook;
mod include;
mod recognise;
mod sections;
mod value_error;
mod values;
mod version;
mod yaml;

pub use bridge_command::BridgeCommand;
pub use configuration::{Configuration, ConfigurationError, Mode, NativeTls, Request, Service, Standalone};
pub use hook::{hook_called, hook_names};
pub use include::Included;
pub use recognise::{has_encoded_secret, is_envoy_gateway};
pub use sections::{Section, masked, sections};
pub use value_error::ValueError;
pub use values::{AbsolutePath, ControllerName, Namespace, Resource, SecretName, SocketPath, TextPath};
pub use version::{Feature, MATRIX, Row, Treatment, Version};
