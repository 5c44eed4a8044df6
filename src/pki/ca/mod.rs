//! Signs certificates, and verifies them before a peer does.

pub mod authority;
pub(super) mod inherited;
pub(super) mod profile;
pub(super) mod sign;
pub(super) mod verify;
