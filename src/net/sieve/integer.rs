//! Integers and strings of HPACK (RFC 7541 section 5).

/// As long as h2 takes it.
pub(super) fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
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

pub(super) fn write_integer(written: &mut Vec<u8>, pattern: u8, bits: u32, value: usize) {
    let most = (1 << bits) - 1;
    let Some(mut rest) = value.checked_sub(most) else { return written.push(pattern | value as u8) };
    written.push(pattern | most as u8);
    while rest >= 0x80 {
        written.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    written.push(rest as u8);
}

pub(super) fn write_text(written: &mut Vec<u8>, text: &[u8]) {
    write_integer(written, 0, 7, text.len());
    written.extend_from_slice(text);
}
