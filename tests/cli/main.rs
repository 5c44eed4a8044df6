//! The commands, run as their users run them: the built binary, its output, its exit code.

mod certs;
mod explain;
mod output;
