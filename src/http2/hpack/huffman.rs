//! Decodes the Huffman coding of header fields (RFC 7541 section 5.2 and appendix B).

/// The bytes that `coded` stands for; `None` if it is no such code.
pub(crate) fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    decode_into(coded, &mut octets)?;
    Some(octets)
}

/// Appends the bytes that `coded` stands for.
pub(super) fn decode_into(coded: &[u8], octets: &mut Vec<u8>) -> Option<()> {
    octets.reserve(coded.len() * 8 / SHORTEST);
    let mut rest = coded;
    // The next bits, the first of them on top, and how many they are. Zeros follow.
    let (mut bits, mut number) = (0_u64, 0);
    loop {
        if number < u32::BITS {
            if let Some((next, after)) = rest.split_first_chunk() {
                bits |= u64::from(u32::from_be_bytes(*next)) << (u32::BITS - number);
                number += u32::BITS;
                rest = after;
            } else {
                for octet in std::mem::take(&mut rest) {
                    bits |= u64::from(*octet) << (u64::BITS - u8::BITS - number);
                    number += u8::BITS;
                }
            }
        }
        while number >= u8::BITS
            && let (symbol, length @ 1..) = SHORT[(bits >> (u64::BITS - u8::BITS)) as usize]
        {
            octets.push(symbol);
            (bits, number) = (bits << length, number - u32::from(length));
        }
        // The longest code fits.
        if number < u32::BITS && !rest.is_empty() {
            continue;
        }
        if number == 0 {
            return Some(());
        }
        // Ones follow the last bit.
        let window = ((bits | u64::MAX >> number) >> u32::BITS) as u32;
        let (symbol, length) = match SHORT[(window >> (u32::BITS - u8::BITS)) as usize] {
            (_, 0) => long(window)?,
            (symbol, length) => (symbol.into(), length.into()),
        };
        let Some(left) = number.checked_sub(length) else {
            // The first bits of the end's code, all of them ones, and fewer than a byte has.
            return (number < u8::BITS && window == u32::MAX).then_some(());
        };
        // The end itself must not be coded.
        octets.push(u8::try_from(symbol).ok()?);
        (bits, number) = (bits << length, left);
    }
}

/// The symbol whose code `window` begins with, and the length of that code, which is not in [`SHORT`].
fn long(window: u32) -> Option<(u16, u32)> {
    (9..=LONGEST).find_map(|length| {
        let Row { first, number, index } = ROWS[length];
        let place = (window >> (32 - length)).checked_sub(first).filter(|place| *place < number)?;
        Some((SYMBOLS[index + place as usize], length as u32))
    })
}

/// Whether `coded` may hold a control character, or one that is not ASCII. Their codes, and few others, begin with ten
/// ones at least. So it is found without decoding that most strings have none.
pub(crate) fn may_have_bad(coded: &[u8]) -> bool {
    coded.contains(&0xff)
        || coded.windows(2).any(|pair| pair[0].trailing_ones() + pair[1].leading_ones() >= 10)
}

/// The codes of one length.
#[derive(Clone, Copy)]
struct Row {
    first: u32,
    number: u32,
    /// Where their symbols begin.
    index: usize,
}

const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The code is canonical: codes of one length follow each other in the order of their symbols.
const ROWS: [Row; LONGEST + 1] = {
    let mut rows = [Row { first: 0, number: 0, index: 0 }; LONGEST + 1];
    let mut symbol = 0;
    while symbol < LENGTHS.len() {
        rows[LENGTHS[symbol] as usize].number += 1;
        symbol += 1;
    }
    let mut length = 1;
    while length <= LONGEST {
        let before = rows[length - 1];
        rows[length].first = (before.first + before.number) << 1;
        rows[length].index = before.index + before.number as usize;
        length += 1;
    }
    rows
};

/// By the length of their codes, then by their value.
const SYMBOLS: [u16; LENGTHS.len()] = {
    let mut symbols = [0; LENGTHS.len()];
    let mut next = 0;
    let mut length = 1;
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                symbols[next] = symbol as u16;
                next += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    symbols
};

/// What a byte begins with, if that is a code: the symbol, and the length of its code or 0. Names and most values
/// have no longer ones.
const SHORT: [(u8, u8); 256] = {
    let mut short = [(0, 0); 256];
    let mut length = 1;
    while length <= 8 {
        let row = ROWS[length];
        let mut place = 0;
        while place < row.number {
            let code = ((row.first + place) as usize) << (8 - length);
            let mut rest = 0;
            while rest < 1 << (8 - length) {
                short[code + rest] = (SYMBOLS[row.index + place as usize] as u8, length as u8);
                rest += 1;
            }
            place += 1;
        }
        length += 1;
    }
    short
};

/// Of the code of each byte, and of the end of a string.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn encode(octets: &[u8]) -> Vec<u8> {
        let mut bits = octets
            .iter()
            .flat_map(|octet| {
                let length = usize::from(LENGTHS[usize::from(*octet)]);
                let Row { first, index, number } = ROWS[length];
                let symbols = &SYMBOLS[index..index + number as usize];
                let place =
                    symbols.iter().position(|symbol| *symbol == u16::from(*octet)).expect("one of them");
                let code = first + place as u32;
                (0..length).rev().map(move |shift| code >> shift & 1)
            })
            .collect::<Vec<_>>();
        bits.resize(bits.len().next_multiple_of(8), 1);
        bits.chunks(8).map(|bits| bits.iter().fold(0, |octet, bit| octet << 1 | *bit as u8)).collect()
    }

    /// RFC 7541 appendix C.4 and C.6.
    #[test]
    fn the_standards_examples_are_understood() {
        for (coded, text) in [
            (&b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..], "www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", "custom-value"),
            (b"\x64\x02", "302"),
            (b"", ""),
        ] {
            assert_eq!(decode(coded).as_deref(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_code_is_not_taken() {
        for coded in [&b"\xff"[..], b"\xff\xff\xff\xff", b"\x00\x00\xff\xff", b"\xf1\xe0"] {
            assert_eq!(decode(coded), None, "{coded:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_back(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&octets)), Some(octets));
        }

        #[test]
        fn what_is_decoded_is_encoded_in_one_way(coded in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Some(octets) = decode(&coded) {
                prop_assert_eq!(encode(&octets), coded);
            }
        }

        #[test]
        fn no_bad_character_is_overlooked(
            before in "[ -~]{0,9}",
            octet in prop_oneof![0_u8..32, 127_u8..=255],
            after in "[ -~]{0,9}",
        ) {
            let octets = [before.as_bytes(), &[octet], after.as_bytes()].concat();
            prop_assert!(may_have_bad(&encode(&octets)));
        }
    }
}
