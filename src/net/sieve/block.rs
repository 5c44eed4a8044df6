//! A header block, read field by field without knowing the dynamic table (RFC 7541 section 6).

use super::field::{Effect, Piece, write_indexed};
use super::stored::Stored;
use crate::http2::HeaderFault;

/// What h2 can take of a block.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Sifted {
    /// All of it. What is not HPACK at all is also left to h2: the table of its sender is then unknown.
    Fine,
    /// This in its place. It does the same to the dynamic table, but for the bytes that were exchanged. Without a
    /// fault nothing was lost.
    Mended(Vec<u8>, Option<HeaderFault>),
}

/// Judges `block` for a connection whose lists of fields have `limit` bytes at most (RFC 9113 section 6.5.2).
///
/// A field that was repaired and stored in the dynamic table still has its fault when it is used again: `stored` remembers it.
pub(super) fn judge(block: &[u8], limit: usize, stored: &mut Stored) -> Sifted {
    let mut size = 0;
    let mut fault: Option<HeaderFault> = None;
    let mut is_changed = false;
    let mut rest = block;
    while !rest.is_empty() {
        let Some(piece) = Piece::read(&mut rest) else { return Sifted::Fine };
        size += piece.size();
        let mut damage = piece.reference().and_then(|reference| stored.damage(&reference)).cloned();
        match piece.inspect() {
            Some(Effect::Fine) => {}
            Some(Effect::Changed) => is_changed = true,
            Some(Effect::Fault(found)) => damage = damage.or(Some(found)),
            None => return Sifted::Fine,
        }
        if piece.is_stored() {
            stored.insert(damage.as_ref());
        }
        let found = damage.map(|damage| damage.fault);
        // One that grpc-go takes does not hide one that it does not.
        fault = match (fault, found) {
            (Some(before), Some(found)) if before.is_of_connection() => Some(found),
            (before, found) => before.or(found),
        };
    }
    if size >= limit {
        fault = Some(HeaderFault::TooLarge { size, limit });
    }
    match fault {
        None if !is_changed => Sifted::Fine,
        fault => Sifted::Mended(mended(block, fault.as_ref()), fault),
    }
}

/// Can it be left out without a change of the dynamic table?
pub(super) fn is_needless(mut block: &[u8]) -> bool {
    while !block.is_empty() {
        match Piece::read(&mut block) {
            Some(piece) if !piece.is_stored() && !matches!(piece, Piece::Resize(_)) => {}
            _ => return false,
        }
    }
    true
}

fn mended(block: &[u8], fault: Option<&HeaderFault>) -> Vec<u8> {
    let is_large = matches!(fault, Some(HeaderFault::TooLarge { .. }));
    let mut written = Vec::with_capacity(if is_large { 0 } else { block.len() });
    let mut rest = block;
    while let Some(piece) = Piece::read(&mut rest) {
        match piece {
            Piece::Indexed { whole, index } => write_indexed(&mut written, whole, index),
            Piece::Resize(whole) => written.extend_from_slice(whole),
            Piece::Literal(literal) if is_large && literal.is_needless() => {}
            Piece::Literal(literal) => literal.write_mended(&mut written, is_large),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http2::hpack::integer::{write_integer, write_text};
    use crate::http2::hpack::{DEFAULT_SIZE, huffman};

    /// The first block of a connection.
    fn judge(block: &[u8], limit: usize) -> Sifted {
        super::judge(block, limit, &mut Stored::default())
    }

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
        assert_eq!(judge(&block, 1 << 20), Sifted::Fine);
        assert_eq!(judge(b"", 1 << 20), Sifted::Fine);
    }

    #[test]
    fn bad_octets_are_exchanged_and_named() {
        for (bad, good, name, octet) in [
            (field(0, b"grpc-message", b"a\x01b"), field(0, b"grpc-message", b"a?b"), "grpc-message", 1),
            (field(0x40, b"x", b"\n"), field(0x40, b"x", b"?"), "x", b'\n'),
            (field(0x40, b"X-Up", b"v"), field(0x40, b"x-xp", b"v"), "X-Up", b'X'),
            (field(0, b":odd", b"v"), field(0, b"xodd", b"v"), ":odd", b':'),
            (field(0, b":status", b"2x0"), field(0, b":status", b"500"), ":status", b'x'),
            (field(0, b":status", b"many"), b"\x8e".to_vec(), ":status", b'm'),
            (
                field(0x40, b":status", b"2\x01000"),
                [b"\x8e", &*field(0x40, b"x-state", b"2?000")].concat(),
                ":status",
                1,
            ),
            (field(0, b":method", b"P T"), field(0, b":method", b"PXT"), ":method", b' '),
            (field(0, b":path", b"/\xff"), field(0, b":path", b"/?"), ":path", 0xff),
            (coded_field(b"grpc-message", b"a\x01b"), field(0, b"grpc-message", b"a?b"), "grpc-message", 1),
            (coded_field(b"X-Up", b"v"), field(0, b"x-xp", b"v"), "X-Up", b'X'),
            // With a name of the static table.
            (b"\x01\x02a\xff".to_vec(), b"\x01\x02a?".to_vec(), ":authority", 0xff),
            (b"\x0f\x27\x02a\x01".to_vec(), b"\x0f\x27\x02a?".to_vec(), "server", 1),
        ] {
            let block = [b"\x82", &*bad, b"\x86"].concat();
            let expected = [b"\x82", &*good, b"\x86"].concat();
            let fault = HeaderFault::Octet { name: name.to_owned(), octet };
            assert_eq!(judge(&block, 1 << 20), Sifted::Mended(expected, Some(fault)));
        }
    }

    #[test]
    fn a_mended_field_is_no_better_from_the_table() {
        let fault = HeaderFault::Octet { name: "X-Up".to_owned(), octet: b'X' };
        let mut stored = Stored::default();
        let mut judge = |block: &[u8]| super::judge(block, 1 << 20, &mut stored);
        let again = |block: &[u8]| Sifted::Mended(block.to_vec(), Some(fault.clone()));
        assert_eq!(judge(&field(0x40, b"x-good", b"v")), Sifted::Fine);
        assert_eq!(judge(&field(0x40, b"X-Up", b"v")), again(&field(0x40, b"x-xp", b"v")));
        // The field, its name with another value that is stored, then that one, and the good one behind both.
        assert_eq!(judge(b"\xbe"), again(b"\xbe"));
        assert_eq!(judge(b"\x7e\x01w"), again(b"\x7e\x01w"));
        assert_eq!(judge(b"\xbe"), again(b"\xbe"));
        assert_eq!(judge(b"\xbf"), again(b"\xbf"));
        assert_eq!(judge(b"\xc0"), Sifted::Fine);
    }

    #[test]
    fn h2_does_not_see_what_grpc_go_ignores() {
        let judge = |block: &[u8]| judge(block, 1 << 20);
        let of_connection = |name: &str| Some(HeaderFault::OfConnection { name: name.to_owned() });
        for (block, mended, fault) in [
            (
                field(0x40, b"connection", b"close"),
                field(0x40, b"xonnection", b"close"),
                of_connection("connection"),
            ),
            (coded_field(b"te", b"gzip"), field(0, b"xe", b"gzip"), of_connection("te")),
            // From the static table: the name, and the whole field.
            (
                b"\x0f\x2a\x01a".to_vec(),
                field(0, b"xransfer-encoding", b"a"),
                of_connection("transfer-encoding"),
            ),
            (b"\xb9".to_vec(), field(0, b"xransfer-encoding", b""), of_connection("transfer-encoding")),
            (b"\x5c\x017".to_vec(), field(0x40, b"x-egext-length", b"7"), None),
        ] {
            assert_eq!(judge(&block), Sifted::Mended(mended, fault));
        }
        assert_eq!(judge(&field(0, b"te", b"trailers")), Sifted::Fine);
        let both = [field(0, b"te", b"gzip"), field(0, b"x", b"\n")].concat();
        let worse = HeaderFault::Octet { name: "x".to_owned(), octet: b'\n' };
        assert!(matches!(judge(&both), Sifted::Mended(_, Some(fault)) if fault == worse));
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
        let Sifted::Mended(mended, Some(fault)) = judge(&block, 10_000) else { panic!("too large") };
        let filler = vec![b'x'; DEFAULT_SIZE];
        let expected = [
            field(0, b":path", b"/a"),
            field(0x40, b"x-stored", b"small"),
            field(0x40, b"x-stored", &filler),
        ];
        assert_eq!(mended, expected.concat());
        assert!(matches!(fault, HeaderFault::TooLarge { size: 10_000.., limit: 10_000 }), "{fault}");
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
            if let Sifted::Mended(mended, _) = judge(&block, usize::MAX) {
                prop_assert_eq!(mended.len(), block.len());
                let is_status = name == b":status";
                prop_assert!(is_status || judge(&mended, usize::MAX) == Sifted::Fine);
            }
        }
    }
}
