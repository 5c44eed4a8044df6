//! One field of a header block, in its encoded form (RFC 7541 section 6).

use std::borrow::Cow;

use super::renamed::other_name;
use crate::http2::HeaderFault;
use crate::http2::hpack::integer::{integer, write_integer, write_text};
use crate::http2::hpack::{
    DEFAULT_SIZE, OVERHEAD, bad_in_method, bad_in_name, bad_in_status, bad_in_text, huffman, not_utf8,
    static_name,
};

/// One representation.
pub(super) enum Piece<'a> {
    Indexed {
        whole: &'a [u8],
        index: usize,
    },
    Literal(Literal<'a>),
    /// A new size of the table.
    Resize(&'a [u8]),
}

pub(super) struct Literal<'a> {
    whole: &'a [u8],
    /// Whether it goes into the dynamic table.
    is_stored: bool,
    name: Name<'a>,
    value: Text<'a>,
}

#[derive(Clone, Copy)]
enum Name<'a> {
    Index(usize),
    Text(Text<'a>),
}

/// A string, Huffman-coded or not.
#[derive(Clone, Copy)]
struct Text<'a> {
    octets: &'a [u8],
    is_coded: bool,
}

/// What h2 makes of a field.
pub(super) enum Effect {
    Fine,
    /// It gets another name, and nothing is wrong with it: for a length that is not the body's, h2 resets the call.
    Changed,
    /// It ends the connection.
    Fault(Damage),
}

/// What is wrong with a field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Damage {
    pub(super) fault: HeaderFault,
    /// Another field may have the same name from the table.
    pub(super) is_in_name: bool,
}

/// What a field takes from a table.
pub(super) enum Reference {
    Name(usize),
    Whole(usize),
}

/// What a value is of.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Field,
    Method,
    Status,
    /// Another pseudo-header field.
    Pseudo,
}

impl<'a> Piece<'a> {
    pub(super) fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let whole = *rest;
        let first = *whole.first()?;
        // RFC 7541 sections 6.1, 6.2.1, 6.3, and 6.2.2 with 6.2.3.
        let (bits, is_literal) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            0x20.. => (5, false),
            _ => (4, true),
        };
        let index = integer(rest, bits)?;
        if !is_literal {
            let whole = &whole[..whole.len() - rest.len()];
            return Some(if first >= 0x80 { Self::Indexed { whole, index } } else { Self::Resize(whole) });
        }
        let name = if index == 0 { Name::Text(Text::read(rest)?) } else { Name::Index(index) };
        let value = Text::read(rest)?;
        let whole = &whole[..whole.len() - rest.len()];
        Some(Self::Literal(Literal { whole, is_stored: first >= 0x40, name, value }))
    }

    /// As RFC 9113 section 6.5.2 counts it; what is in a table is guessed.
    pub(super) fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Indexed { .. } | Self::Resize(_) => INDEXED,
                Self::Literal(Literal { name: Name::Index(_), value, .. }) => INDEXED + value.length(),
                Self::Literal(Literal { name: Name::Text(name), value, .. }) => {
                    name.length() + value.length()
                }
            }
    }

    /// What h2 would make of it; `None` when it is no HPACK.
    pub(super) fn inspect(&self) -> Option<Effect> {
        match self {
            Self::Indexed { index, .. } => Some(Effect::of_good(name_at(*index), b"")),
            Self::Literal(literal) => literal.inspect(),
            Self::Resize(_) => Some(Effect::Fine),
        }
    }

    pub(super) fn reference(&self) -> Option<Reference> {
        match self {
            Self::Indexed { index, .. } => Some(Reference::Whole(*index)),
            Self::Literal(Literal { name: Name::Index(index), .. }) => Some(Reference::Name(*index)),
            Self::Literal(_) | Self::Resize(_) => None,
        }
    }

    /// Whether it goes into the dynamic table.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self, Self::Literal(Literal { is_stored: true, .. }))
    }
}

impl Effect {
    /// That of a field which could be parsed.
    fn of_good(name: &[u8], value: &[u8]) -> Self {
        match other_name(name, value) {
            None => Self::Fine,
            Some(_) if name == b"content-length" => Self::Changed,
            Some(_) => {
                let fault = HeaderFault::OfConnection { name: name.escape_ascii().to_string() };
                Self::Fault(Damage { fault, is_in_name: true })
            }
        }
    }
}

impl Kind {
    fn of(name: &[u8]) -> Self {
        match name {
            b":method" => Self::Method,
            b":status" => Self::Status,
            b":authority" | b":path" | b":protocol" | b":scheme" => Self::Pseudo,
            _ => Self::Field,
        }
    }
}

impl Literal<'_> {
    fn inspect(&self) -> Option<Effect> {
        let name = self.full_name()?;
        let kind = Kind::of(&name);
        if kind == Kind::Field
            && let Some(octet) = bad_in_name(&name)
        {
            return Some(Effect::Fault(Damage { fault: self.octet(&name, octet), is_in_name: true }));
        }
        let is_plain = matches!(kind, Kind::Field | Kind::Pseudo)
            && self.value.is_coded
            && !huffman::may_have_bad(self.value.octets);
        // Most values are Huffman-coded, and neither bad nor of interest.
        let value = if is_plain && *name != *b"te" { Cow::default() } else { self.value.decoded()? };
        Some(match bad_in_value(kind, &value) {
            Some(octet) => Effect::Fault(Damage { fault: self.octet(&name, octet), is_in_name: false }),
            None => Effect::of_good(&name, &value),
        })
    }

    fn octet(&self, name: &[u8], octet: u8) -> HeaderFault {
        let name = match self.name {
            Name::Index(_) if name.is_empty() => "a header field".to_owned(),
            Name::Index(_) | Name::Text(_) => name.escape_ascii().to_string(),
        };
        HeaderFault::Octet { name, octet }
    }

    /// Whether the list can do without it: it says nothing to HTTP/2 and is not kept for later.
    pub(super) fn is_needless(&self) -> bool {
        !self.is_stored && !self.full_name().is_some_and(|name| name.starts_with(b":"))
    }

    /// Its name, which is empty if a dynamic table has it; `None` when it is no HPACK.
    fn full_name(&self) -> Option<Cow<'_, [u8]>> {
        match self.name {
            Name::Index(index) => Some(Cow::Borrowed(name_at(index))),
            Name::Text(name) => name.decoded(),
        }
    }

    pub(super) fn write_mended(&self, written: &mut Vec<u8>, is_large: bool) {
        let name = self.full_name().unwrap_or_default();
        let kind = Kind::of(&name);
        let value = self.value.decoded().unwrap_or_default();
        let is_good_name = kind != Kind::Field || bad_in_name(&name).is_none();
        let is_too_long = is_large && value.len() > DEFAULT_SIZE;
        let other = other_name(&name, &value);
        let is_fine = is_good_name && bad_in_value(kind, &value).is_none();
        if is_fine && !is_too_long && other.is_none() {
            return written.extend_from_slice(self.whole);
        }
        if kind == Kind::Status && value.len() != 3 {
            return self.write_other_status(written, &value);
        }
        let (pattern, bits) = if self.is_stored { (0x40, 6) } else { (0, 4) };
        match (self.name, other) {
            (_, Some(other)) => {
                written.push(pattern);
                write_text(written, &other);
            }
            (Name::Index(index), None) => write_integer(written, pattern, bits, index),
            (Name::Text(_), None) => {
                written.push(pattern);
                let good = |octet: &u8| if bad_in_name(&[*octet]).is_none() { *octet } else { b'x' };
                let name = if is_good_name { name.to_vec() } else { name.iter().map(good).collect() };
                write_text(written, &name);
            }
        }
        match is_too_long {
            // Larger than the table, so that it does to the table what the whole value does: it empties it.
            true => write_text(written, &vec![b'x'; DEFAULT_SIZE]),
            false => write_text(written, &mended_value(kind, &value)),
        }
    }

    /// No status has the length of this one. The static table's 500 comes in its place, and where it goes into the
    /// dynamic table, a field of the same size does.
    fn write_other_status(&self, written: &mut Vec<u8>, value: &[u8]) {
        written.push(0x80 | STATUS_500);
        if self.is_stored {
            written.push(0x40);
            write_text(written, SAME_LENGTH_AS_STATUS);
            write_text(written, &mended_value(Kind::Field, value));
        }
    }
}

impl<'a> Text<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let is_coded = *rest.first()? & 0x80 != 0;
        let length = integer(rest, 7)?;
        let (octets, after) = rest.split_at_checked(length)?;
        *rest = after;
        Some(Self { octets, is_coded })
    }

    fn decoded(&self) -> Option<Cow<'a, [u8]>> {
        match self.is_coded {
            true => huffman::decode(self.octets).map(Cow::Owned),
            false => Some(Cow::Borrowed(self.octets)),
        }
    }

    /// How many bytes it stands for.
    fn length(&self) -> usize {
        match self.is_coded {
            // Only for long ones it matters how much longer they are.
            true if self.octets.len() > DEFAULT_SIZE => self.decoded().map_or(0, |octets| octets.len()),
            _ => self.octets.len(),
        }
    }
}

/// The name that the static table has at `index`, or none.
fn name_at(index: usize) -> &'static [u8] {
    static_name(index).unwrap_or_default().as_bytes()
}

fn bad_in_value(kind: Kind, value: &[u8]) -> Option<u8> {
    match kind {
        Kind::Field => bad_in_text(value),
        Kind::Method => bad_in_method(value),
        Kind::Pseudo => not_utf8(value),
        Kind::Status => http::StatusCode::from_bytes(value).err().and_then(|_| bad_in_status(value)),
    }
}

/// Of the same length, so that it takes the same room in the table.
fn mended_value(kind: Kind, value: &[u8]) -> Vec<u8> {
    if bad_in_value(kind, value).is_none() {
        return value.to_vec();
    }
    if kind == Kind::Status {
        return b"500".to_vec();
    }
    let good = |octet: &u8| match kind {
        Kind::Method if bad_in_method(&[*octet]).is_some() => b'X',
        Kind::Pseudo if !octet.is_ascii() => b'?',
        _ if bad_in_text(&[*octet]).is_some() => b'?',
        _ => *octet,
    };
    value.iter().map(good).collect()
}

/// A field of a table. None in the static one that has another name has a value.
pub(super) fn write_indexed(written: &mut Vec<u8>, whole: &[u8], index: usize) {
    match other_name(name_at(index), b"") {
        None => written.extend_from_slice(whole),
        Some(other) => {
            written.push(0);
            write_text(written, &other);
            write_text(written, b"");
        }
    }
}

/// In the static table (RFC 7541 appendix A).
const STATUS_500: u8 = 14;

const SAME_LENGTH_AS_STATUS: &[u8; ":status".len()] = b"x-state";

/// A guess at what stands in a table: the longest name in the static one has 27 bytes.
const INDEXED: usize = 32;
