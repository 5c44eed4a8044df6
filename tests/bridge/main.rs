//! `egext bridge`, run as its users run it: the built binary between a caller and a server that are both
//! ours, so that both ends of every call can be asked what they saw.

mod access;
#[cfg(target_os = "linux")]
mod activation;
mod admin;
mod anchors;
mod calls;
mod connect;
mod connections;
mod crowd;
mod cuts;
mod deadline;
#[cfg(target_os = "linux")]
mod descriptors;
mod ends;
mod fields;
mod fixture;
mod floods;
mod forwarded;
mod frames;
mod hold;
mod hostile;
mod keepalive;
mod limits;
#[cfg(target_os = "linux")]
mod lock_file;
mod log;
mod log_sink;
mod material;
mod memory;
mod permitted;
mod reload;
mod reload_listener;
mod reload_refused;
mod requests;
mod resync;
mod retry;
mod revocation;
#[cfg(target_os = "linux")]
mod sandbox;
mod shared;
mod sockets;
mod stop;
#[cfg(target_os = "linux")]
mod strangers;
#[cfg(target_os = "linux")]
mod systemd;
mod tls_listener;

use egext_test_support::Egext;

/// A run of the built binary.
fn egext<const N: usize>(arguments: [&str; N]) -> Egext {
    Egext::new(env!("CARGO_BIN_EXE_egext"), arguments)
}

/// A run of a shell's script, in which the built binary is `$0` and the arguments that follow are `$@`.
fn script(script: &str) -> Egext {
    Egext::new("sh", ["-c", script, env!("CARGO_BIN_EXE_egext")])
}
