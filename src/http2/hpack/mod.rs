//! HPACK (RFC 7541): header blocks to fields, and back.
//!
//! A field is judged when it is received, and not again when it comes from the dynamic table. So what most fields of
//! a call cost is one look-up and one clone. A bad field does not end the decoding: only its request or response is bad,
//! not the connection.

mod common;
mod decoder;
mod encoder;
mod field;
mod fixed;
pub(crate) mod huffman;
pub(crate) mod integer;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::decoder::Decoder;
pub(crate) use self::encoder::{Encoder, Storing};
pub(crate) use self::field::{
    Field, bad_in_method, bad_in_name, bad_in_status, bad_in_text, is_of_connection, not_utf8,
};
pub(crate) use self::fixed::{FIRST_DYNAMIC, static_name};
pub(crate) use self::table::{DEFAULT_SIZE, OVERHEAD};
use super::HeaderFault;
