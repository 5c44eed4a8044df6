//! Fields to header blocks (RFC 7541 section 6).
//!
//! Literals are not Huffman-coded: that costs time, and what repeats is in the table after its first use.

use super::fixed::{self, Known};
use super::integer::{write_integer, write_text};
use super::table::{Counted, DEFAULT_SIZE, Dynamic, OVERHEAD};

/// Whether a field goes into the dynamic table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Storing {
    /// Not there, nor into that of any other hop: a secret (RFC 7541 section 7.1.3).
    Never,
    No,
    Yes,
}

/// The sending side of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Encoder {
    table: Dynamic<Sent>,
    /// Where the next field probably is: most blocks have the same fields in the order in which they were stored, so
    /// each of them is one place newer than the one before it.
    next: usize,
    /// The sizes since the last block: the smallest and the last one.
    due: Option<(usize, usize)>,
}

/// A field that the peer has in its table.
#[derive(Debug)]
struct Sent {
    mark: u64,
    name_length: usize,
    /// The name and the value.
    bytes: Box<[u8]>,
}

impl Encoder {
    /// The table has 4096 bytes at most, until the peer allows less.
    pub(crate) fn new() -> Self {
        Self { table: Dynamic::new(DEFAULT_SIZE), next: 0, due: None }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins with the change (RFC 7541 section 4.2).
    pub(crate) fn resize(&mut self, size: u32) {
        let size = usize::try_from(size).map_or(DEFAULT_SIZE, |size| size.min(DEFAULT_SIZE));
        let smallest = self.due.map_or(size, |(smallest, _)| smallest.min(size));
        self.due = Some((smallest, size));
    }

    /// To be called before the first field of a block: writes the size of the table, if it has changed.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) {
        let Some((smallest, last)) = self.due.take() else { return };
        if smallest < self.table.limit() {
            self.announce(smallest, out);
        }
        if last != self.table.limit() {
            self.announce(last, out);
        }
    }

    fn announce(&mut self, size: usize, out: &mut Vec<u8>) {
        self.table.resize(size);
        write_integer(out, 0x20, 5, size);
    }

    /// The name of a pseudo-header field begins with a colon. A field that takes too much room in the table is not
    /// stored, whatever `storing` says.
    pub(crate) fn field(&mut self, name: &str, value: &[u8], storing: Storing, out: &mut Vec<u8>) {
        // Most fields that the static table has as a whole are pseudo-header fields.
        let mut known = name.starts_with(':').then(|| fixed::find(name, value));
        if storing != Storing::Never {
            let whole = match known {
                Some(Known { index, is_whole: true }) => Some(index),
                _ => self.find(name, value),
            };
            if let Some(index) = whole {
                return write_integer(out, 0x80, 7, index);
            }
        }
        let known = *known.get_or_insert_with(|| fixed::find(name, value));
        if known.is_whole && storing != Storing::Never {
            return write_integer(out, 0x80, 7, known.index);
        }
        let is_stored = storing == Storing::Yes && self.has_room(name, value);
        let (pattern, bits) = match storing {
            Storing::Never => (0x10, 4),
            Storing::No | Storing::Yes if !is_stored => (0, 4),
            Storing::No | Storing::Yes => (0x40, 6),
        };
        let index = if known.index == 0 { self.find_name(name) } else { known.index };
        out.reserve(name.len() + value.len() + LENGTHS);
        write_integer(out, pattern, bits, index);
        if index == 0 {
            write_text(out, name.as_bytes());
        }
        write_text(out, value);
        if is_stored {
            self.table.insert(Sent::new(name, value));
            self.next = self.next.wrapping_add(1);
        }
    }

    /// One large value must not displace what many calls have.
    fn has_room(&self, name: &str, value: &[u8]) -> bool {
        let limit = self.table.limit();
        value.len() <= limit / 4 && name.len() + value.len() + OVERHEAD <= limit
    }

    fn find(&mut self, name: &str, value: &[u8]) -> Option<usize> {
        let mark = mark(name, value);
        let is_it = |sent: &Sent| sent.mark == mark && sent.is(name, value);
        let place = match self.table.get(self.next) {
            Some(sent) if is_it(sent) => self.next,
            _ => self.table.find(is_it)?,
        };
        self.next = place.wrapping_sub(1);
        Some(fixed::FIRST_DYNAMIC + place)
    }

    /// The index of an entry with this name, or 0.
    fn find_name(&self, name: &str) -> usize {
        let place = self.table.find(|sent| sent.has_name(name));
        place.map_or(0, |place| fixed::FIRST_DYNAMIC + place)
    }
}

impl Sent {
    fn new(name: &str, value: &[u8]) -> Self {
        let bytes = [name.as_bytes(), value].concat().into_boxed_slice();
        Self { mark: mark(name, value), name_length: name.len(), bytes }
    }

    fn has_name(&self, name: &str) -> bool {
        self.name_length == name.len() && self.bytes.starts_with(name.as_bytes())
    }

    fn is(&self, name: &str, value: &[u8]) -> bool {
        self.has_name(name) && self.bytes[name.len()..] == *value
    }
}

impl Counted for Sent {
    fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

/// Tells most different fields apart at once: both lengths, and the end of the value, where values differ most.
fn mark(name: &str, value: &[u8]) -> u64 {
    let end = value.last_chunk().map_or(0, |end| u32::from_le_bytes(*end));
    (name.len() as u64) << 48 ^ (value.len() as u64) << 32 ^ u64::from(end)
}

/// Room for three integers of a literal.
const LENGTHS: usize = 12;
#[cfg(test)]
impl Encoder {
    pub(super) fn with_limit(limit: usize) -> Self {
        Self { table: Dynamic::new(limit), next: 0, due: None }
    }

    pub(super) fn table(&self) -> &Dynamic<impl Counted> {
        &self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(encoder: &mut Encoder, sizes: &[u32]) -> Vec<u8> {
        sizes.iter().for_each(|size| encoder.resize(*size));
        let mut out = Vec::new();
        encoder.begin(&mut out);
        out.to_vec()
    }

    fn written(encoder: &mut Encoder, name: &str, value: &[u8], storing: Storing) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.field(name, value, storing, &mut out);
        out.to_vec()
    }

    #[test]
    fn the_size_is_announced_if_it_changes() {
        let mut encoder = Encoder::new();
        for (sizes, expected) in [
            (&[][..], &b""[..]),
            (&[4096], b""),
            (&[u32::MAX], b""),
            (&[30], b"\x3e"),
            (&[], b""),
            (&[100], b"\x3f\x45"),
            (&[4096, 0, 8192], b"\x20\x3f\xe1\x1f"),
            (&[0, 10], b"\x20\x2a"),
            (&[20, 4096, 16], b"\x30"),
            (&[20, 16], b""),
        ] {
            assert_eq!(begun(&mut encoder, sizes), expected, "{sizes:?}");
        }
    }

    #[test]
    fn a_table_that_shrinks_forgets() {
        let mut encoder = Encoder::new();
        assert_eq!(written(&mut encoder, "x", b"v", Storing::Yes), b"\x40\x01x\x01v");
        assert_eq!(written(&mut encoder, "x", b"v", Storing::Yes), b"\xbe");
        begun(&mut encoder, &[0, 4096]);
        assert_eq!(written(&mut encoder, "x", b"v", Storing::No), b"\x00\x01x\x01v");
    }

    #[test]
    fn a_secret_is_never_an_index() {
        let mut encoder = Encoder::new();
        written(&mut encoder, "x", b"v", Storing::Yes);
        assert_eq!(written(&mut encoder, "x", b"v", Storing::Never), b"\x1f\x2f\x01v");
        assert_eq!(written(&mut encoder, ":method", b"GET", Storing::Never), b"\x12\x03GET");
        assert_eq!(written(&mut encoder, "accept", b"", Storing::Never), b"\x1f\x04\x00");
        assert_eq!(encoder.table.entries().len(), 1);
    }

    #[test]
    fn a_large_value_is_not_stored() {
        let mut encoder = Encoder::new();
        for (length, number) in [(1025, 0), (1024, 1)] {
            written(&mut encoder, "x", &vec![b'v'; length], Storing::Yes);
            assert_eq!(encoder.table.entries().len(), number);
        }
        written(&mut encoder, &"x".repeat(4096), b"", Storing::Yes);
        assert_eq!(encoder.table.entries().len(), 1);
    }

    #[test]
    fn the_newest_of_several_names_is_used() {
        let mut encoder = Encoder::new();
        for value in [b"a", b"b"] {
            written(&mut encoder, "x", value, Storing::Yes);
        }
        assert_eq!(written(&mut encoder, "x", b"c", Storing::No), b"\x0f\x2f\x01c");
        assert_eq!(written(&mut encoder, "x", b"a", Storing::No), b"\xbf");
        // The ends of both values are the same.
        written(&mut encoder, "y", b"one-value", Storing::Yes);
        assert_eq!(written(&mut encoder, "y", b"two-value", Storing::No)[..2], *b"\x0f\x2f");
    }
}
