//! HTTP/2 (RFC 9113) as a relay of gRPC needs it, for many calls of others on one connection.
//!
//! It knows both ends of a connection. Frames are encoded as soon as something is said, in one buffer, which the
//! connection's task writes when it has read what there is; what is read is decoded once, into fields that keep their
//! judgement in the dynamic table. So a call costs a fraction of what it costs in a library for all uses, and an idle
//! connection has no buffers.
//!
//! A fault of one call costs that call, never the connection: its fields come with what is wrong ([`Judged`]). What a peer
//! can make us keep is bounded by [`Limits`], and it is not read while it does not read our answers.
//!
//! There is no push, no priority, no upgrade from HTTP/1.1 and no extended CONNECT.

mod driver;
mod error;
mod fault;
mod fields;
mod handle;
mod limits;
mod message;
mod octets;
mod outbox;
mod ping;
mod pings;
mod remembered;
mod said;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) mod client;
pub(crate) mod frame;
pub(crate) mod hpack;
pub(crate) mod server;

pub(crate) use error::{Http2Error, Side};
pub(crate) use fault::HeaderFault;
pub(crate) use fields::{Fields, Judged, RequestHead, ResponseHead};
pub(crate) use handle::{RecvStream, SendStream};
pub(crate) use limits::Limits;
pub(crate) use pings::Pings;
pub(crate) use said::{Farewell, Said};
