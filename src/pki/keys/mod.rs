//! Files and keys: what a PEM file holds, private keys and what opens them, and why a file could not be used.

pub(super) mod container;
pub(super) mod encrypted_key;
pub(super) mod file;
pub(super) mod found;
pub(super) mod identity_error;
pub(super) mod link;
pub(super) mod passphrase;
pub(super) mod pbes2;
pub(super) mod pem;
pub(super) mod private_key;
