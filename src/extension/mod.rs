//! The extension server protocol of Envoy Gateway, and a server that changes nothing.
//!
//! The hooks carry xDS resources: clusters, listeners, routes. A server that only returns them does not need
//! their contents, so the messages here hold them as bytes. On the wire an embedded message and a `bytes`
//! field are the same (both length-delimited), so a peer with the full Envoy types sees no difference, and
//! every resource is returned byte by byte. So the binary does not contain the tens of thousands of lines
//! of generated Envoy types.
//!
//! [`Server`] is the pass-through server of `egext demo` and of the tests, [`call`] the other side.

mod client;
mod hook;
mod message;
mod server;
mod service;

pub use client::{HookRequest, call};
pub use hook::Hook;
pub use message::{Object, TranslateRequest, TranslateResponse};
pub use server::Server;
pub use service::{CallSeen, PassThrough};

/// The gRPC service that an extension server offers.
pub const SERVICE: &str = "envoygateway.extension.EnvoyGatewayExtension";

/// The largest message that is taken or sent unless told otherwise, in bytes.
///
/// gRPC's own default is 4 MiB, which the resources of a large gateway outgrow in the translation hook.
pub const MESSAGE_LIMIT: usize = 32 << 20;
