//! Messages compressed as the encoding `gzip` of gRPC.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

pub(super) fn compressed(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

/// What a compressed message was, as far as a health answer needs it: a bomb is cut.
pub(super) fn expanded(message: &[u8]) -> io::Result<Vec<u8>> {
    let mut expanded = Vec::new();
    MultiGzDecoder::new(message).take(LONGEST).read_to_end(&mut expanded)?;
    Ok(expanded)
}

const LONGEST: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_and_a_bomb_does_not() {
        for message in [&b""[..], b"\x08\x01"] {
            assert_eq!(expanded(&compressed(message)).expect("our own"), message);
        }
        assert_eq!(expanded(&compressed(&vec![0; 1 << 20])).expect("cut").len() as u64, LONGEST);
        expanded(b"plain").expect_err("not compressed");
    }
}
