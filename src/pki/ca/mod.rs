//! Signs, and verifies what was signed before a peer does.

pub mod authority;
pub(super) mod inherited;
pub(super) mod profile;
pub(super) mod sign;
pub(super) mod verify;
