//! What the verbs of `egext certs` found and did.

pub(crate) mod check;
pub(crate) mod show;
