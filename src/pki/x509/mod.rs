//! Certificates and requests (RFC 5280, RFC 2986) as data: what they say, who signed them, what they may be trusted for.

pub(super) mod certificate;
pub(super) mod certificate_error;
pub mod date;
pub(super) mod der;
pub(super) mod extension;
pub(super) mod key_kind;
pub(super) mod key_type;
pub mod lifetime;
pub(super) mod name_error;
pub(super) mod names;
pub(super) mod possession;
pub(super) mod public_key;
pub(super) mod refusal;
mod rfc2253;
pub(crate) mod signature;
pub(super) mod spiffe_id;
pub(super) mod strict;
pub(super) mod subject_name;
pub(super) mod trust;
pub mod when;
