//! TLS bootstrap and connectivity toolkit for Envoy Gateway extension servers.
//!
//! The binary `egext` is a thin shell around this library. Data flows one way:
//!
//! ```text
//! argv -> cli (clap types) -> command: plan (parsed, decided, no I/O) -> library(plan, now) -> Report -> render -> exit code
//! ```
//!
//! * [`bridge`] is the gRPC-aware proxy.
//! * [`cli`] is what can be typed, [`commands`] turns it into plans and reports.
//! * [`demo`] puts all parts together in one process.
//! * [`extension`] is the extension server protocol, with a server that changes nothing.
//! * [`gateway`] knows the releases of Envoy Gateway and writes configuration for them.
//! * [`net`] has addresses, streams, listeners and the one place that knows the crypto provider.
//! * [`pki`] has certificates and keys: loaded, described, issued, checked, and stored by the one module that
//!   writes files.
//! * [`probe`] sees a channel layer by layer and names the cause of what fails.
//! * [`report`] is the result as data, and the only code that prints.
//! * [`units`] has durations and sizes as people type them.

pub mod bridge;
pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod commands;
#[cfg(feature = "cli")]
pub mod demo;
pub mod extension;
pub mod gateway;
mod input;
pub mod net;
pub mod pki;
pub mod probe;
pub mod report;
mod shell;
pub mod units;
