use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::pki::Certificate;

/// Certificates, one block after the other.
pub(in crate::pki) fn bundle<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Zeroizing<String> {
    let blocks = certificates.into_iter().map(|certificate| write("CERTIFICATE", &certificate.der));
    Zeroizing::new(blocks.fold(String::new(), |text, block| text + &block))
}

/// One block, wiped from memory when dropped: it may be a key.
pub(in crate::pki) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    // Room for all of it at once: a string that grows leaves copies of its contents behind.
    let mut text = Zeroizing::new(String::with_capacity(room(label, der.len())));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for line in der.chunks(LINE) {
        BASE64.encode_append(line, &mut text);
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

/// RFC 7468 section 2.
const COLUMNS: usize = 64;

/// Octets in a line.
const LINE: usize = COLUMNS / 4 * 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls_pki_types::CertificateDer;

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
