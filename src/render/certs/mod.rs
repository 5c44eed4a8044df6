//! What the verbs of `egext certs` found and did, laid out: for a person and for a program.

pub(crate) mod check;
pub(crate) mod init;
pub(crate) mod issue;
mod leaf;
pub(in crate::render) mod lines;
pub(crate) mod pack;
pub(crate) mod remove;
pub(crate) mod renew;
pub(crate) mod rotate_ca;
pub(crate) mod show;
