//! Integers and strings of HPACK (RFC 7541 section 5).

/// Reads an integer whose first byte has `bits` bits of it. Like h2, it takes five bytes at most.
#[inline]
pub(crate) fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
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

/// `pattern` is what the first byte has before the `bits` bits.
#[inline]
pub(crate) fn write_integer(written: &mut Vec<u8>, pattern: u8, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    let Some(mut rest) = value.checked_sub(most) else {
        return written.push(pattern | value as u8);
    };
    written.push(pattern | most as u8);
    while rest >= 0x80 {
        written.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    written.push(rest as u8);
}

/// Writes a string without Huffman coding.
pub(crate) fn write_text(written: &mut Vec<u8>, text: &[u8]) {
    write_integer(written, 0, 7, text.len());
    written.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7541 appendix C.1.
    #[test]
    fn the_standards_examples_are_understood() {
        for (coded, bits, value) in [(&b"\x0a"[..], 5, 10), (b"\x1f\x9a\x0a", 5, 1337), (b"\x2a", 8, 42)] {
            let mut written = Vec::new();
            write_integer(&mut written, 0, bits, value);
            assert_eq!(written, coded);
            assert_eq!(integer(&mut &*written, bits), Some(value));
        }
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_not_taken() {
        for coded in [&b""[..], b"\x1f", b"\x1f\x80", b"\x1f\x80\x80\x80\x80\x00"] {
            assert_eq!(integer(&mut &*coded, 5), None, "{coded:?}");
        }
    }

    proptest! {
        #[test]
        fn any_integer_is_read_back(value in 0_usize..1 << 28, bits in 4_u32..8, pattern in any::<u8>()) {
            let pattern = pattern >> bits << bits;
            let mut written = Vec::new();
            write_integer(&mut written, pattern, bits, value);
            prop_assert_eq!(written[0] >> bits << bits, pattern);
            let mut rest = &*written;
            prop_assert_eq!((integer(&mut rest, bits), rest), (Some(value), &b""[..]));
        }
    }
}
