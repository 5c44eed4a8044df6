//! The commands, run as their users run them: the built binary, its output, its exit code.

mod addresses;
mod certs;
mod command;
mod commands;
mod compare;
mod config;
mod demo;
mod descriptors;
mod environment;
mod explain;
mod hints;
mod output;
mod pages;
mod probe;
mod typed;

use egext_test_support::Egext;

/// A run of the built binary.
fn egext<const N: usize>(arguments: [&str; N]) -> Egext {
    Egext::new(env!("CARGO_BIN_EXE_egext"), arguments)
}
