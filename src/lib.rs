//! TLS bootstrap and connectivity toolkit for Envoy Gateway extension servers.
//!
//! The binary `egext` is a thin shell around this library: `cli` parses, `commands` turns flags and files into a plan,
//! the library does the work, and `render` prints the result. `docs/architecture.md` says which module may use which.
//!
//! * [`bridge`] is the gRPC-aware proxy.
//! * `cli` parses the command line, `commands` turns it into plans and reports, `render` prints these (feature `cli`).
//! * [`crypto`] is the only module that names the crypto provider.
//! * `demo` puts all parts together in one process (feature `cli`).
//! * [`diagnosis`] names the cause of a fault: for the probe, the bridge and the checks of certificates.
//! * `doctor` looks at all parts of a channel and names the first that is wrong (feature `cli`).
//! * [`extension`] is the extension server protocol, with a server that changes nothing.
//! * [`gateway`] knows the releases of Envoy Gateway and writes configuration for them.
//! * [`host`] is a host as it is typed: a DNS name or an IP address.
//! * `http2` is the bridge's HTTP/2.
//! * [`net`] has addresses, streams, listeners and TLS settings.
//! * [`pki`] has certificates and keys: it loads, describes, issues, checks and stores them.
//! * [`probe`] tests a channel layer by layer and names the cause of the first failure.
//! * [`report`] is the result of a command as data.
//! * `sandbox` takes from a process what it does not need any more (feature `cli`).
//! * [`units`] has durations and sizes as people type them.
//!
//! # Examples
//!
//! A CA, a server's and a client's certificate in memory. [`pki::store`] writes such a set to a directory.
//!
//! ```
//! use egext::pki::issue::{SetPlan, issue_set};
//! # let now = time::macros::datetime!(2026-07-01 0:00 UTC);
//!
//! let set = issue_set(&SetPlan::default(), now)?;
//! assert!(set.server.certificate_pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! # Ok::<(), egext::pki::authority::AuthorityError>(())
//! ```
//!
//! Would Envoy Gateway accept a server's chain?
//!
//! ```
//! use egext::pki::audit::go_x509;
//! use egext::pki::Role;
//! # use egext::pki::issue::{SetPlan, issue_set};
//! # let now = time::macros::datetime!(2026-07-01 0:00 UTC);
//! # let set = issue_set(&SetPlan::default(), now)?;
//!
//! let (chain, anchors) = (set.server.chain(), set.ca.chain());
//! assert!(go_x509::verify(chain, anchors, Role::Server, Some(&"localhost".parse()?), now).is_ok());
//! let refusal = go_x509::verify(chain, anchors, Role::Server, Some(&"example.com".parse()?), now);
//! let text = refusal.expect_err("another name").to_string();
//! assert!(text.starts_with("x509: certificate is valid for localhost"), "{text}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server that is not running, and the cause as a finding:
//!
//! ```
//! use egext::net::{Alpn, Target};
//! use egext::probe::{ProbePlan, probe};
//! # fn now() -> time::OffsetDateTime { time::macros::datetime!(2026-07-01 0:00 UTC) }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let target = Target::new("unix:/run/nobody/eg.sock".parse()?, None, None, Alpn::Required)?;
//! let outcomes = probe(ProbePlan::new(vec![target]), now).await;
//! let cause = outcomes[0].cause().expect("a finding");
//! assert_eq!(cause.id.name(), "probe.connect.socket-missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "cli")]
pub mod admin;
mod backoff;
pub mod bridge;
pub mod choice;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod commands;
pub mod crypto;
#[cfg(feature = "cli")]
pub mod demo;
pub mod diagnosis;
#[cfg(feature = "cli")]
pub mod doctor;
pub mod extension;
pub mod gateway;
pub mod host;
mod http2;
mod input;
pub mod net;
pub mod pki;
mod printable;
pub mod probe;
#[cfg(feature = "cli")]
pub mod render;
pub mod report;
#[cfg(feature = "cli")]
pub mod sandbox;
mod shell;
pub mod units;
pub mod workload;
mod yaml_documents;
