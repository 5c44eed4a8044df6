//! Addresses, streams, listeners and TLS settings: what probe, bridge and demo stand on.

mod address;

pub use address::{Address, AddressError, Host, Transport};

pub(crate) use address::SOCKET_PATH_LIMIT;
