//! One field of a header block, in its encoded form (RFC 7541 section 6).

use std::borrow::Cow;

use http::HeaderName;

use super::faults::HeaderFault;
use super::huffman;
use super::integer::{integer, write_integer, write_text};
use super::renamed::{Reader, other_name, static_name};

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
    /// An authority that is none, or a length that is not the body's: h2 resets the call.
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
    Authority,
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
    pub(super) fn inspect(&self, reader: Reader) -> Option<Effect> {
        let (effect, name) = match self {
            Self::Resize(_) => return Some(Effect::Fine),
            Self::Indexed { index, .. } => (Effect::Fine, static_name(*index).map(Cow::Borrowed)),
            Self::Literal(literal) => (literal.inspect()?, literal.full_name()),
        };
        let value = || match self {
            Self::Literal(literal) => literal.value.decoded().unwrap_or_default(),
            Self::Indexed { .. } | Self::Resize(_) => Cow::default(),
        };
        let name = name.filter(|_| reader == Reader::GrpcGo && matches!(effect, Effect::Fine));
        Some(match name {
            Some(name) if *name == *b"content-length" => Effect::Changed,
            Some(name) if other_name(&name, &value()).is_some() => Effect::Fault(Damage {
                fault: HeaderFault::OfConnection { name: name.escape_ascii().to_string() },
                is_in_name: true,
            }),
            _ => effect,
        })
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

impl Literal<'_> {
    fn kind(&self, name: &[u8]) -> Kind {
        match (self.name, name) {
            (Name::Index(2 | 3), _) | (_, b":method") => Kind::Method,
            (Name::Index(8..=14), _) | (_, b":status") => Kind::Status,
            (Name::Index(1), _) | (_, b":authority") => Kind::Authority,
            (Name::Index(4..=7), _) | (_, b":path" | b":protocol" | b":scheme") => Kind::Pseudo,
            _ => Kind::Field,
        }
    }

    fn inspect(&self) -> Option<Effect> {
        let name = match self.name {
            Name::Index(_) => Cow::Borrowed(&b""[..]),
            Name::Text(name) => name.decoded()?,
        };
        let kind = self.kind(&name);
        if kind == Kind::Field
            && matches!(self.name, Name::Text(_))
            && let Some(octet) = bad_in_name(&name)
        {
            return Some(Effect::Fault(Damage { fault: self.octet(&name, octet), is_in_name: true }));
        }
        // Most calls have a path that is Huffman-coded, and to decode it is most of the work here.
        if matches!(kind, Kind::Field | Kind::Pseudo)
            && self.value.is_coded
            && !huffman::may_have_bad(self.value.octets)
        {
            return Some(Effect::Fine);
        }
        let value = self.value.decoded()?;
        Some(match bad_in_value(kind, &value) {
            Some(octet) => Effect::Fault(Damage { fault: self.octet(&name, octet), is_in_name: false }),
            None if kind == Kind::Authority && is_socket(&value) => Effect::Changed,
            None => Effect::Fine,
        })
    }

    fn octet(&self, name: &[u8], octet: u8) -> HeaderFault {
        let name = match self.name {
            Name::Text(_) => name.escape_ascii().to_string(),
            Name::Index(index) => STATIC_NAMES.get(index).map_or("a header field", |name| name).to_owned(),
        };
        HeaderFault::Octet { name, octet }
    }

    /// Whether the list can do without it: it says nothing to HTTP/2 and is not kept for later.
    pub(super) fn is_needless(&self) -> bool {
        let is_pseudo = match self.name {
            Name::Index(index) => index <= 14,
            Name::Text(name) => name.decoded().is_some_and(|name| name.starts_with(b":")),
        };
        !self.is_stored && !is_pseudo
    }

    /// Its name, if it is not one of a dynamic table or of no interest.
    fn full_name(&self) -> Option<Cow<'_, [u8]>> {
        match self.name {
            Name::Index(index) => static_name(index).map(Cow::Borrowed),
            Name::Text(name) => name.decoded(),
        }
    }

    pub(super) fn write_mended(&self, written: &mut Vec<u8>, reader: Reader, is_large: bool) {
        let name = match self.name {
            Name::Index(_) => Cow::Borrowed(&b""[..]),
            Name::Text(name) => name.decoded().unwrap_or_default(),
        };
        let kind = self.kind(&name);
        let value = self.value.decoded().unwrap_or_default();
        let is_good_name =
            kind != Kind::Field || matches!(self.name, Name::Index(_)) || bad_in_name(&name).is_none();
        let is_too_long = is_large && value.len() > TABLE_SIZE;
        let is_socket = kind == Kind::Authority && is_socket(&value);
        let other = self.full_name().filter(|_| reader == Reader::GrpcGo);
        let other = other.and_then(|name| other_name(&name, &value));
        let is_fine = is_good_name && !is_socket && bad_in_value(kind, &value).is_none();
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
            true => write_text(written, &vec![b'x'; TABLE_SIZE]),
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
            true if self.octets.len() > TABLE_SIZE => self.decoded().map_or(0, |octets| octets.len()),
            _ => self.octets.len(),
        }
    }
}

/// The first byte that cannot stand in a name (RFC 9113 section 8.2.1). That of an empty name does not exist.
fn bad_in_name(name: &[u8]) -> Option<u8> {
    if HeaderName::from_lowercase(name).is_ok() {
        return None;
    }
    name.iter().copied().find(|octet| HeaderName::from_lowercase(&[*octet]).is_err())
}

fn bad_in_value(kind: Kind, value: &[u8]) -> Option<u8> {
    match kind {
        Kind::Field => value.iter().copied().find(|octet| is_control(*octet)),
        Kind::Method => value.iter().copied().find(|octet| http::Method::from_bytes(&[*octet]).is_err()),
        Kind::Status => match http::StatusCode::from_bytes(value) {
            Ok(_) => None,
            Err(_) => value.iter().copied().find(|octet| !octet.is_ascii_digit()).or(value.first().copied()),
        },
        Kind::Authority | Kind::Pseudo => match str::from_utf8(value) {
            Ok(_) => None,
            Err(error) => value.get(error.valid_up_to()).copied(),
        },
    }
}

/// Of the same length, so that it takes the same room in the table.
fn mended_value(kind: Kind, value: &[u8]) -> Vec<u8> {
    if kind == Kind::Authority && is_socket(value) {
        return vec![NO_AUTHORITY; value.len()];
    }
    if bad_in_value(kind, value).is_none() {
        return value.to_vec();
    }
    if kind == Kind::Status {
        return b"500".to_vec();
    }
    let good = |octet: &u8| match kind {
        Kind::Method if http::Method::from_bytes(&[*octet]).is_err() => b'X',
        Kind::Authority | Kind::Pseudo if !octet.is_ascii() => b'?',
        _ if is_control(*octet) => b'?',
        _ => *octet,
    };
    value.iter().map(good).collect()
}

/// The path of a socket, plain or percent-encoded, or an abstract socket: what clients that are made of gRPC's C core
/// use as the authority on a unix socket. h2 resets their calls before we see them.
fn is_socket(authority: &[u8]) -> bool {
    let path = authority.strip_prefix(b"unix:").unwrap_or(authority);
    let is_abstract = [&b"@"[..], b"%40"].iter().any(|start| path.starts_with(start));
    // Some leave out the first slash. No host name and no port has one.
    is_abstract || path.contains(&b'/') || path.windows(3).any(|octets| octets.eq_ignore_ascii_case(b"%2F"))
}

/// As `http::HeaderValue` judges it.
fn is_control(octet: u8) -> bool {
    octet < b' ' && octet != b'\t' || octet == 0x7f
}

/// A field of a table. None in the static one that has another name has a value.
pub(super) fn write_indexed(written: &mut Vec<u8>, whole: &[u8], index: usize, reader: Reader) {
    let name = static_name(index).filter(|_| reader == Reader::GrpcGo);
    match name.and_then(|name| other_name(name, b"")) {
        None => written.extend_from_slice(whole),
        Some(other) => {
            written.push(0);
            write_text(written, &other);
            write_text(written, b"");
        }
    }
}

/// A character that h2 takes in an authority, and that stands in the name of no host. The place of an authority that is
/// none is filled with it: the dynamic table may bring it again with every call.
pub(crate) const NO_AUTHORITY: u8 = b'!';

/// In the static table (RFC 7541 appendix A).
const STATUS_500: u8 = 14;

const SAME_LENGTH_AS_STATUS: &[u8; ":status".len()] = b"x-state";

/// What each field counts in addition to its bytes (RFC 9113 section 6.5.2).
const OVERHEAD: usize = 32;

/// A guess at what stands in a table: the longest name in the static one has 27 bytes.
const INDEXED: usize = 32;

/// Of the dynamic table, which our side never changes (RFC 9113 section 6.5.2).
pub(super) const TABLE_SIZE: usize = 4096;

/// Those of the static table that say something in a message (RFC 7541 appendix A).
const STATIC_NAMES: &[&str] = &[
    "a header field",
    ":authority",
    ":method",
    ":method",
    ":path",
    ":path",
    ":scheme",
    ":scheme",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
];
