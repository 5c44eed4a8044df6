use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

/// Certificates, one block after the other.
pub(in crate::pki) fn bundle<'a>(
    certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> Zeroizing<String> {
    let blocks = certificates.into_iter().map(|certificate| write("CERTIFICATE", certificate));
    Zeroizing::new(blocks.fold(String::new(), |text, block| text + &block))
}

/// One block, wiped from memory when dropped: it may be a key.
pub(in crate::pki) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    // Room for all of it at once: a string that grows leaves copies of its contents behind.
    let mut text = Zeroizing::new(String::with_capacity(room(label, der.len())));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    let mut column = 0;
    for octets in der.chunks(3) {
        let group =
            octets.iter().fold(0, |group, octet| group << 8 | u32::from(*octet)) << (8 * (3 - octets.len()));
        for digit in 0..4 {
            let value = group >> (18 - 6 * digit) & 0x3f;
            text.push(if digit > octets.len() { '=' } else { base64_digit(value) });
        }
        column += 4;
        if column == COLUMNS {
            text.push('\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// At least as many characters as a block has.
fn room(label: &str, octets: usize) -> usize {
    let encoded = octets.div_ceil(3) * 4;
    encoded + encoded.div_ceil(COLUMNS) + 2 * (label.len() + "-----BEGIN -----\n".len())
}

/// RFC 4648 section 4.
fn base64_digit(value: u32) -> char {
    let value = value as u8;
    char::from(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    })
}

/// RFC 7468 section 2.
const COLUMNS: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Blocks;
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(der in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = write("CERTIFICATE", &der);
            prop_assert!(text.lines().all(|line| line.len() <= COLUMNS));
            prop_assert!(text.len() <= room("CERTIFICATE", der.len()));
            let blocks = Blocks::read(text.as_bytes()).expect("PEM");
            prop_assert_eq!(blocks.certificates, [CertificateDer::from(der)]);
        }
    }
}
