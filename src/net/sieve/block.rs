//! A header block, read field by field without knowing the dynamic table (RFC 7541 section 6).

use std::borrow::Cow;

use http::HeaderName;

use super::faults::Fault;
use super::huffman;

/// What h2 can take of a block.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// All of it. What is no HPACK at all is also left to h2: the table of its sender cannot be followed any more.
    Fine,
    /// This in its place. It does the same to the dynamic table, but for the octets that were exchanged. Without a
    /// fault nothing was lost.
    Mended(Vec<u8>, Option<Fault>),
}

/// Judges `block` for a connection whose lists of fields have `limit` octets at most (RFC 9113 section 6.5.2).
pub(super) fn judge(block: &[u8], limit: usize) -> Verdict {
    let mut size = 0;
    let mut fault = None;
    let mut is_socket = false;
    let mut rest = block;
    while !rest.is_empty() {
        let Some(piece) = Piece::read(&mut rest) else { return Verdict::Fine };
        size += piece.size();
        if fault.is_none() {
            match piece.inspect() {
                Some(Found::Fine) => {}
                Some(Found::Socket) => is_socket = true,
                Some(Found::Fault(found)) => fault = Some(found),
                None => return Verdict::Fine,
            }
        }
    }
    if size >= limit {
        fault = Some(Fault::TooLarge { size, limit });
    }
    match fault {
        None if !is_socket => Verdict::Fine,
        fault => Verdict::Mended(mended(block, fault.as_ref()), fault),
    }
}

fn mended(block: &[u8], fault: Option<&Fault>) -> Vec<u8> {
    let is_large = matches!(fault, Some(Fault::TooLarge { .. }));
    let mut written = Vec::with_capacity(if is_large { 0 } else { block.len() });
    let mut rest = block;
    while let Some(piece) = Piece::read(&mut rest) {
        match piece {
            Piece::Other(octets) => written.extend_from_slice(octets),
            Piece::Literal(literal) if is_large && literal.is_needless() => {}
            Piece::Literal(literal) => literal.write_mended(&mut written, is_large),
        }
    }
    written
}

/// One representation.
enum Piece<'a> {
    /// An indexed field, or a new size of the table.
    Other(&'a [u8]),
    Literal(Literal<'a>),
}

struct Literal<'a> {
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
enum Found {
    Fine,
    /// An authority that is none: h2 resets the call.
    Socket,
    /// It ends the connection.
    Fault(Fault),
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
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
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
            return Some(Self::Other(&whole[..whole.len() - rest.len()]));
        }
        let name = if index == 0 { Name::Text(Text::read(rest)?) } else { Name::Index(index) };
        let value = Text::read(rest)?;
        let whole = &whole[..whole.len() - rest.len()];
        Some(Self::Literal(Literal { whole, is_stored: first >= 0x40, name, value }))
    }

    /// As RFC 9113 section 6.5.2 counts it; what is in a table is guessed.
    fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Other(_) => INDEXED,
                Self::Literal(Literal { name: Name::Index(_), value, .. }) => INDEXED + value.length(),
                Self::Literal(Literal { name: Name::Text(name), value, .. }) => {
                    name.length() + value.length()
                }
            }
    }

    /// What h2 would make of it; `None` when it is no HPACK.
    fn inspect(&self) -> Option<Found> {
        match self {
            Self::Other(_) => Some(Found::Fine),
            Self::Literal(literal) => literal.inspect(),
        }
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

    fn inspect(&self) -> Option<Found> {
        let name = match self.name {
            Name::Index(_) => Cow::Borrowed(&b""[..]),
            Name::Text(name) => name.decoded()?,
        };
        let kind = self.kind(&name);
        if kind == Kind::Field {
            if matches!(self.name, Name::Text(_))
                && let Some(octet) = bad_in_name(&name)
            {
                return Some(Found::Fault(self.octet(&name, octet)));
            }
            if self.value.is_coded && !huffman::may_have_control(self.value.octets) {
                return Some(Found::Fine);
            }
        }
        let value = self.value.decoded()?;
        Some(match bad_in_value(kind, &value) {
            Some(octet) => Found::Fault(self.octet(&name, octet)),
            None if kind == Kind::Authority && is_socket(&value) => Found::Socket,
            None => Found::Fine,
        })
    }

    fn octet(&self, name: &[u8], octet: u8) -> Fault {
        let name = match self.name {
            Name::Text(_) => name.escape_ascii().to_string(),
            Name::Index(index) => STATIC_NAMES.get(index).map_or("a header field", |name| name).to_owned(),
        };
        Fault::Octet { name, octet }
    }

    /// Whether the list can do without it: it says nothing to HTTP/2 and is not kept for later.
    fn is_needless(&self) -> bool {
        let is_pseudo = match self.name {
            Name::Index(index) => index <= 14,
            Name::Text(name) => name.decoded().is_some_and(|name| name.starts_with(b":")),
        };
        !self.is_stored && !is_pseudo
    }

    fn write_mended(&self, written: &mut Vec<u8>, is_large: bool) {
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
        if is_good_name && !is_socket && bad_in_value(kind, &value).is_none() && !is_too_long {
            return written.extend_from_slice(self.whole);
        }
        let (pattern, bits) = if self.is_stored { (0x40, 6) } else { (0, 4) };
        match self.name {
            Name::Index(index) => write_integer(written, pattern, bits, index),
            Name::Text(_) => {
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

    /// How many octets it stands for.
    fn length(&self) -> usize {
        match self.is_coded {
            // Only for long ones it matters how much longer they are.
            true if self.octets.len() > TABLE_SIZE => self.decoded().map_or(0, |octets| octets.len()),
            _ => self.octets.len(),
        }
    }
}

/// The first octet that cannot stand in a name (RFC 9113 section 8.2.1). That of an empty name does not exist.
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
        return if value.len() == 3 { b"500".to_vec() } else { value.to_vec() };
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
/// take for the authority on a unix socket. h2 resets their calls before anybody else sees them.
fn is_socket(authority: &[u8]) -> bool {
    let path = authority.strip_prefix(b"unix:").unwrap_or(authority);
    [&b"/"[..], b"%2F", b"%2f", b"@", b"%40"].iter().any(|start| path.starts_with(start))
}

/// As `http::HeaderValue` judges it.
fn is_control(octet: u8) -> bool {
    octet < b' ' && octet != b'\t' || octet == 0x7f
}

/// RFC 7541 section 5.1, as long as h2 takes it.
fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut after) = rest.split_first()?;
    let most = (1 << bits) - 1;
    let mut value = usize::from(*first) & most;
    if value == most {
        for shift in [0, 7, 14, 21] {
            let (octet, next) = after.split_first()?;
            after = next;
            value += usize::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                *rest = after;
                return Some(value);
            }
        }
        return None;
    }
    *rest = after;
    Some(value)
}

fn write_integer(written: &mut Vec<u8>, pattern: u8, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    let Some(mut rest) = value.checked_sub(most) else { return written.push(pattern | value as u8) };
    written.push(pattern | most as u8);
    while rest >= 0x80 {
        written.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    written.push(rest as u8);
}

fn write_text(written: &mut Vec<u8>, text: &[u8]) {
    write_integer(written, 0, 7, text.len());
    written.extend_from_slice(text);
}

/// A character that h2 takes in an authority, and that stands in the name of no host. The place of an authority that is
/// none is filled with it: the dynamic table may bring it again with every call.
pub(crate) const NO_AUTHORITY: u8 = b'!';

/// What each field counts beside its octets (RFC 9113 section 6.5.2).
const OVERHEAD: usize = 32;

/// A guess at what stands in a table: the longest name in the static one has 27 octets.
const INDEXED: usize = 32;

/// Of the dynamic table, which our side never changes (RFC 9113 section 6.5.2).
const TABLE_SIZE: usize = 4096;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(pattern: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut written = vec![pattern];
        write_text(&mut written, name);
        write_text(&mut written, value);
        written
    }

    fn coded_field(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut written = vec![0];
        for text in [name, value] {
            let coded = huffman::tests::encode(text);
            write_integer(&mut written, 0x80, 7, coded.len());
            written.extend_from_slice(&coded);
        }
        written
    }

    #[test]
    fn good_blocks_are_left_alone() {
        let block = [
            // GET, http, `/`, and a value for the name of `:authority` (RFC 7541 appendix C.4.1), Huffman-coded.
            &b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
            &field(0x40, b"x-tenant", b"one\ttwo"),
            &field(0, b"x-raw", b"\xff\x80"),
            &field(0x10, b":path", b"/a"),
            b"\x20",
        ]
        .concat();
        assert_eq!(judge(&block, 1 << 20), Verdict::Fine);
        assert_eq!(judge(b"", 1 << 20), Verdict::Fine);
    }

    #[test]
    fn bad_octets_are_exchanged_and_named() {
        for (bad, good, name, octet) in [
            (field(0, b"grpc-message", b"a\x01b"), field(0, b"grpc-message", b"a?b"), "grpc-message", 1),
            (field(0x40, b"x", b"\n"), field(0x40, b"x", b"?"), "x", b'\n'),
            (field(0x40, b"X-Up", b"v"), field(0x40, b"x-xp", b"v"), "X-Up", b'X'),
            (field(0, b":odd", b"v"), field(0, b"xodd", b"v"), ":odd", b':'),
            (field(0, b":status", b"2x0"), field(0, b":status", b"500"), ":status", b'x'),
            (field(0, b":method", b"P T"), field(0, b":method", b"PXT"), ":method", b' '),
            (field(0, b":path", b"/\xff"), field(0, b":path", b"/?"), ":path", 0xff),
            (coded_field(b"grpc-message", b"a\x01b"), field(0, b"grpc-message", b"a?b"), "grpc-message", 1),
            (coded_field(b"X-Up", b"v"), field(0, b"x-xp", b"v"), "X-Up", b'X'),
        ] {
            let block = [b"\x82", &*bad, b"\x86"].concat();
            let expected = [b"\x82", &*good, b"\x86"].concat();
            let fault = Fault::Octet { name: name.to_owned(), octet };
            assert_eq!(judge(&block, 1 << 20), Verdict::Mended(expected, Some(fault)));
        }
    }

    #[test]
    fn an_authority_that_is_a_socket_is_none() {
        for (authority, expected) in [
            ("/run/eg.sock", true),
            ("%2Frun%2Feg.sock", true),
            ("unix:/run/eg.sock", true),
            ("@abstract", true),
            ("localhost", false),
            ("[::1]:80", false),
            ("user@host", false),
            ("unix:80", false),
        ] {
            for block in [
                field(0x40, b":authority", authority.as_bytes()),
                coded_field(b":authority", authority.as_bytes()),
            ] {
                match (judge(&block, 1 << 20), expected) {
                    (Verdict::Mended(mended, None), true) => {
                        assert!(mended.ends_with(b"!!!!"), "{authority}");
                    }
                    (verdict, expected) => {
                        assert_eq!((verdict, expected), (Verdict::Fine, false), "{authority}");
                    }
                }
            }
        }
    }

    #[test]
    fn large_lists_are_made_small() {
        let large = vec![b'a'; 5000];
        let block = [
            field(0, b":path", b"/a"),
            field(0, b"x-large", &large),
            field(0x40, b"x-stored", b"small"),
            field(0x40, b"x-stored", &large),
        ]
        .concat();
        let Verdict::Mended(mended, Some(fault)) = judge(&block, 10_000) else { panic!("too large") };
        let filler = vec![b'x'; TABLE_SIZE];
        let expected = [
            field(0, b":path", b"/a"),
            field(0x40, b"x-stored", b"small"),
            field(0x40, b"x-stored", &filler),
        ];
        assert_eq!(mended, expected.concat());
        assert!(matches!(fault, Fault::TooLarge { size: 10_000.., limit: 10_000 }), "{fault}");
    }

    proptest! {
        #[test]
        fn no_octets_panic(block in prop::collection::vec(any::<u8>(), 0..60), limit in 0_usize..2000) {
            judge(&block, limit);
        }

        #[test]
        fn a_mended_field_is_good(
            pattern in prop::sample::select(vec![0_u8, 0x10, 0x40]),
            name in prop::collection::vec(any::<u8>(), 1..12),
            value in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let block = field(pattern, &name, &value);
            if let Verdict::Mended(mended, _) = judge(&block, usize::MAX) {
                prop_assert_eq!(mended.len(), block.len());
                let is_status = name == b":status";
                prop_assert!(is_status || judge(&mended, usize::MAX) == Verdict::Fine);
            }
        }
    }
}
