//! A set of certificates in a directory, and how it changes later.

pub(super) mod ca_bundle;
pub mod ca_files;
pub mod change;
pub mod check;
pub mod edit;
pub mod issue;
pub mod member;
pub mod pack;
pub mod remarks;
pub mod renewal;
pub mod request;
pub mod rotation;
pub mod store;
