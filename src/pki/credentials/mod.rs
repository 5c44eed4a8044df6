//! What a TLS endpoint needs, loaded from files: CA certificates, revocation lists, and a chain with its key. And what an
//! endpoint that runs says about them.

pub(super) mod crl;
pub(super) mod identity;
pub(super) mod source;
pub(super) mod status;
