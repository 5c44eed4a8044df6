//! What a TLS endpoint needs: loaded, and proven to fit together.

pub(super) mod identity;
