//! What a TLS endpoint needs, loaded from files: CA certificates, and a chain with its key.

pub(super) mod identity;
