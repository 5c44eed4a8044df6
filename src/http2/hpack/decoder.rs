//! Header blocks to fields (RFC 7541 sections 3 and 6).

use std::borrow::Cow;

use super::field::{Entry, Field, Name};
use super::fixed;
use super::huffman;
use super::integer::integer;
use super::table::{Counted as _, DEFAULT_SIZE, Dynamic};

/// Why the state of a connection's compression is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CompressionError {
    #[error("a string in a header block is not Huffman-coded correctly")]
    Coding,
    #[error("a header block refers to entry {index}, which no table has")]
    Index { index: usize },
    #[error("an integer or a string in a header block is cut off or too long")]
    Length,
    #[error("a header block changes the size of the table after its first field")]
    LateSize,
    #[error("a header block gives the table {size} bytes, more than the limit of {limit}")]
    Size { size: usize, limit: usize },
}

/// The receiving side of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Dynamic<Entry>,
    /// What we allow the table to have.
    limit: usize,
}

impl Decoder {
    /// Our SETTINGS_HEADER_TABLE_SIZE stays the default.
    pub(crate) fn new() -> Self {
        Self::with_limit(DEFAULT_SIZE)
    }

    pub(super) fn with_limit(limit: usize) -> Self {
        Self { table: Dynamic::new(limit), limit }
    }

    /// Decodes a whole block; `take` gets each field with its size (RFC 9113 section 6.5.2).
    ///
    /// A field that comes from a table can be much larger than what refers to it: `take` has to count, and costs next to
    /// nothing where it does not want the field.
    ///
    /// # Errors
    /// The state of the compression is lost, and with it the connection (RFC 9113 section 4.3).
    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        mut take: impl FnMut(Cow<'_, Field>, usize),
    ) -> Result<(), CompressionError> {
        let mut rest = block;
        let mut may_resize = true;
        // Room for the strings of this block that are Huffman-coded.
        let mut room = Vec::new();
        while let Some(first) = rest.first() {
            match *first {
                0x80.. => {
                    let entry = self.entry(number(&mut rest, 7)?)?;
                    take(Cow::Borrowed(entry.field()), entry.size());
                }
                0x40.. => {
                    let entry = self.literal(&mut rest, 6, &mut room)?;
                    take(Cow::Borrowed(entry.field()), entry.size());
                    self.table.insert(entry);
                }
                0x20.. if may_resize => {
                    self.resize(number(&mut rest, 5)?)?;
                    continue;
                }
                0x20.. => return Err(CompressionError::LateSize),
                // Never to be indexed (RFC 7541 section 6.2.3), or just not indexed.
                pattern => {
                    let entry = self.literal(&mut rest, 4, &mut room)?;
                    let size = entry.size();
                    let mut field = entry.into_field();
                    if pattern >= 0x10 {
                        field.set_sensitive();
                    }
                    take(Cow::Owned(field), size);
                }
            }
            may_resize = false;
        }
        Ok(())
    }

    #[inline]
    fn entry(&self, index: usize) -> Result<&Entry, CompressionError> {
        match index.checked_sub(fixed::FIRST_DYNAMIC) {
            Some(place) => self.table.get(place),
            None => fixed::get(index),
        }
        .ok_or(CompressionError::Index { index })
    }

    /// A literal whose index of the name has `bits` bits in the first byte.
    fn literal(&self, rest: &mut &[u8], bits: u32, room: &mut Vec<u8>) -> Result<Entry, CompressionError> {
        let (name, length) = match number(rest, bits)? {
            0 => {
                let name = text(rest, room)?;
                (Name::judge(name), name.len())
            }
            index => {
                let entry = self.entry(index)?;
                (fixed::name(index).unwrap_or_else(|| entry.name()), entry.name_length())
            }
        };
        Ok(Entry::judge(name, length, text(rest, room)?))
    }

    fn resize(&mut self, size: usize) -> Result<(), CompressionError> {
        if size > self.limit {
            return Err(CompressionError::Size { size, limit: self.limit });
        }
        self.table.resize(size);
        Ok(())
    }
}

#[inline]
fn number(rest: &mut &[u8], bits: u32) -> Result<usize, CompressionError> {
    integer(rest, bits).ok_or(CompressionError::Length)
}

/// A string, decoded into `room` if it is Huffman-coded.
fn text<'a: 'b, 'b>(rest: &mut &'a [u8], room: &'b mut Vec<u8>) -> Result<&'b [u8], CompressionError> {
    let is_coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = number(rest, 7)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or(CompressionError::Length)?;
    *rest = after;
    if !is_coded {
        return Ok(bytes);
    }
    room.clear();
    huffman::decode_into(bytes, room).ok_or(CompressionError::Coding)?;
    Ok(room)
}
#[cfg(test)]
impl Decoder {
    pub(super) fn table(&self) -> &Dynamic<Entry> {
        &self.table
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::HeaderFault;
    use super::super::tests::{fields, literal, shown};
    use super::*;

    fn bad(name: &str, octet: u8) -> Field {
        Field::Bad(Arc::new(HeaderFault::Octet { name: name.to_owned(), octet }))
    }

    fn pair(name: &str, value: &str) -> (String, Vec<u8>) {
        (name.to_owned(), value.into())
    }

    fn only(decoder: &mut Decoder, block: &[u8]) -> Field {
        let mut fields = fields(decoder, block).expect("HPACK");
        assert_eq!(fields.len(), 1);
        fields.remove(0)
    }

    #[test]
    fn a_bad_name_stays_bad_in_the_table() {
        let mut decoder = Decoder::new();
        only(&mut decoder, &literal(0x40, b"x-good", b"v"));
        let fault = bad("X-Up", b'X');
        // The field, the same from the table, its name with another value that is stored, then that one and the first.
        for block in [&*literal(0x40, b"X-Up", b"v"), b"\xbe", b"\x7e\x01w", b"\xbe", b"\xbf"] {
            assert_eq!(only(&mut decoder, block), fault, "{block:?}");
        }
        assert_eq!(shown(&only(&mut decoder, b"\xc0")), pair("x-good", "v"));
    }

    #[test]
    fn a_bad_value_stays_bad_in_the_table_but_its_name_is_good() {
        for (name, value, octet, index, good) in [
            (&b"x"[..], &b"\n"[..], b'\n', b'\x7e', "v"),
            (b":status", b"2x0", b'x', b'\x7e', "418"),
            (b":method", b"P T", b' ', b'\x7e', "PUT"),
            (b":path", b"/\xff", 0xff, b'\x7e', "/a"),
            (b":authority", b"\xff", 0xff, b'\x7e', "a"),
        ] {
            let mut decoder = Decoder::new();
            let shown_name = str::from_utf8(name).expect("ASCII");
            let fault = bad(shown_name, octet);
            assert_eq!(only(&mut decoder, &literal(0x40, name, value)), fault);
            assert_eq!(only(&mut decoder, b"\xbe"), fault);
            let again = [&[index, good.len() as u8], good.as_bytes()].concat();
            assert_eq!(shown(&only(&mut decoder, &again)), pair(shown_name, good));
            // That one is now the newest, and the bad one is behind it.
            assert_eq!(shown(&only(&mut decoder, b"\xbe")), pair(shown_name, good));
            assert_eq!(only(&mut decoder, b"\xbf"), fault);
        }
    }

    #[test]
    fn names_come_from_both_tables() {
        let mut decoder = Decoder::new();
        let malformed = |field: Field| matches!(field, Field::Malformed(_));
        // `te` with a value that makes it malformed, then with its only good one.
        assert!(malformed(only(&mut decoder, &literal(0x40, b"te", b"gzip"))));
        assert_eq!(shown(&only(&mut decoder, b"\x0f\x2f\x08trailers")), pair("te", "trailers"));
        assert_eq!(shown(&only(&mut decoder, b"\x01\x03a:1")), pair(":authority", "a:1"));
        assert_eq!(shown(&only(&mut decoder, b"\x0f\x10\x01j")), pair("content-type", "j"));
        assert!(malformed(only(&mut decoder, b"\x0f\x2a\x01a")));
        assert!(malformed(only(&mut decoder, b"\xb9")));
        assert!(malformed(only(&mut decoder, b"\x81")));
        // The entry whose name it takes is evicted by it.
        let mut decoder = Decoder::with_limit(40);
        only(&mut decoder, &literal(0x40, b"name", b"one"));
        assert_eq!(shown(&only(&mut decoder, b"\x7e\x03two")), pair("name", "two"));
        assert_eq!(shown(&only(&mut decoder, b"\xbe")), pair("name", "two"));
        assert_eq!(decoder.table().size(), 39);
    }

    #[test]
    fn only_what_is_never_indexed_is_sensitive() {
        let mut decoder = Decoder::new();
        for (pattern, expected) in [(0, false), (0x10, true), (0x40, false)] {
            let field = only(&mut decoder, &literal(pattern, b"x", b"v"));
            assert!(matches!(field, Field::Other(_, value) if value.is_sensitive() == expected));
        }
        // `authorization` by its index.
        let field = only(&mut decoder, b"\x1f\x08\x01a");
        assert!(matches!(field, Field::Other(_, value) if value.is_sensitive()));
    }

    #[test]
    fn the_size_changes_at_the_beginning_of_a_block_only() {
        let mut decoder = Decoder::new();
        only(&mut decoder, &literal(0x40, b"x", b"v"));
        assert_eq!(fields(&mut decoder, b"\x20\x3f\xe1\x1f"), Ok(Vec::new()));
        assert_eq!((decoder.table().size(), decoder.table().limit()), (0, 4096));
        for block in [&b"\x82\x20"[..], b"\x20\x82\x20", b"\x04\x01/\x20"] {
            assert_eq!(fields(&mut Decoder::new(), block), Err(CompressionError::LateSize));
        }
        let larger = CompressionError::Size { size: 4097, limit: 4096 };
        assert_eq!(fields(&mut decoder, b"\x3f\xe2\x1f"), Err(larger));
    }

    #[test]
    fn what_is_no_block_is_an_error() {
        for (block, error) in [
            (&b"\x80"[..], CompressionError::Index { index: 0 }),
            (b"\xbe", CompressionError::Index { index: 62 }),
            (b"\x7e\x01a", CompressionError::Index { index: 62 }),
            (b"\xff", CompressionError::Length),
            (b"\xff\x80\x80\x80\x80\x01", CompressionError::Length),
            (b"\x40", CompressionError::Length),
            (b"\x40\x01a", CompressionError::Length),
            (b"\x40\x01a\x02b", CompressionError::Length),
            (b"\x40\x01a\x81\xff", CompressionError::Coding),
            (b"\x40\x81\x00\x01a", CompressionError::Coding),
        ] {
            assert_eq!(fields(&mut Decoder::new(), block), Err(error), "{block:?}");
        }
    }

    #[test]
    fn fields_before_an_error_are_taken() {
        let mut number = 0;
        assert!(Decoder::new().decode(b"\x82\x86\x80", |_, _| number += 1).is_err());
        assert_eq!(number, 2);
    }
}
