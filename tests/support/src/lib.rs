//! Fixtures of the tests: runs of the built binary, certificates with defects, servers with manners.
//!
//! Everything is real: files in a temporary directory, listening sockets with a port of the system's
//! choice, child processes. Nothing lasts longer than the value that a test holds, nothing waits for a
//! fixed time, and what has not happened within [`LIMIT`] fails the test with what was seen until then.

mod advice;
mod needs;
mod pki;
mod printed;
mod provoked;
mod run;
mod running;
mod schema;
mod server;
mod stale;
mod terminal;
mod tls;
mod workload;

use std::time::Duration;

pub use advice::{check_output, check_page};
pub use needs::{has_openssl, is_root, skipped};
pub use pki::{TestAuthority, TestPki};
pub use printed::{answered, printed};
pub use provoked::provoked;
pub use run::{Egext, Run, assert_text, scrub};
pub use running::Running;
pub use rustix::process::Signal;
pub use schema::assert_conforms_to;
pub use server::{Manner, ReservedPort, TestServer};
pub use stale::{leave_stale_socket, wait_until_stale};
pub use terminal::Terminal;
pub use tls::AnyServer;
pub use workload::{Act, TestSvid, TestWorkloadApi};

/// What takes longer than this does not happen any more. No test comes near it, even on a busy machine, so it
/// proves nothing about a limit of the product that is shorter: a test that is about one sets the others apart.
pub const LIMIT: Duration = Duration::from_secs(120);
