//! An extension server for Envoy Gateway, to be copied as a start.
//!
//! Envoy Gateway translates Gateway API objects into Envoy's configuration, and asks an extension server
//! what it would like changed. This one adds a response header to every route that refers to a
//! `ResponseHeader` resource.
//!
//! - [`policy`]: what to change. The file to replace by your own.
//! - [`service`]: the six calls; those without a policy give back what they got.
//! - [`tls`]: mutual TLS, from PEM files.
//! - [`listen`]: where to listen, and the way from an accepted connection to a call.
//! - [`proto`]: generated from `proto/extension.proto`.

pub mod listen;
pub mod policy;
pub mod service;
pub mod tls;

/// Messages, server and client of Envoy Gateway's extension protocol.
#[expect(missing_docs, unused_qualifications, reason = "generated")]
pub mod proto {
    include!("generated/envoygateway.extension.rs");
}
