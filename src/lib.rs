//! TLS bootstrap and connectivity toolkit for Envoy Gateway extension servers.
//!
//! The binary `egext` is a thin shell around this library. Data flows one way:
//!
//! ```text
//! argv -> cli (clap types) -> command: plan (parsed, decided, no I/O) -> library(plan, now) -> Report -> render -> exit code
//! ```
//!
//! * [`cli`] is what can be typed, [`commands`] turns it into plans and reports.
//! * [`pki`] has certificates and keys: loaded, described, issued, checked, and stored by the one module that
//!   writes files.
//! * [`report`] is the result as data, and the only code that prints.
//! * [`net`] has addresses, streams, listeners and the one place that knows the crypto provider.
//! * [`units`] has durations and sizes as people type them.

pub mod cli;
pub mod commands;
pub mod net;
pub mod pki;
pub mod report;
pub mod units;
