use std::sync::Arc;

use super::witness::Witness;

/// Where the records of TLS end, for a reader that gets one at a time (RFC 8446 section 5.1).
///
/// rustls looks at all records that it has before it gives out data. So only a reader of single records can say what came
/// between two pieces of data, as Go counts it.
#[derive(Debug)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// How much of a header has passed; none of it while a record passes.
    come: usize,
    /// How much of a record has still to pass.
    left: usize,
    witness: Arc<Witness>,
}

impl Records {
    /// Of a connection whose handshake `witness` sees.
    pub(super) fn new(witness: Arc<Witness>) -> Self {
        Self { header: [0; HEADER], come: 0, left: 0, witness }
    }

    /// How much may pass now: never zero.
    pub(super) fn room(&self) -> usize {
        if self.left > 0 { self.left } else { HEADER - self.come }
    }

    /// These bytes pass, no more of them than there is room for.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        if self.left > 0 {
            self.left -= bytes.len();
            return;
        }
        self.header[self.come..self.come + bytes.len()].copy_from_slice(bytes);
        self.come += bytes.len();
        if self.come == HEADER {
            let [_, _, _, high, low] = self.header;
            (self.left, self.come) = (usize::from(u16::from_be_bytes([high, low])), 0);
        }
    }

    /// The last record had data.
    pub(super) fn had_data(&self) {
        self.witness.had_data();
    }
}

/// Type, version and length.
const HEADER: usize = 5;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::super::ReadAhead;
    use super::*;

    #[tokio::test]
    async fn a_reader_gets_no_more_than_a_header_or_a_record() {
        let (mut peer, stream) = duplex(1 << 10);
        let sent = [&[22, 3, 3, 0, 3, 1, 2, 3][..], &[23, 3, 3, 0, 0], &[23, 3, 3, 1, 0], &[7; 256]].concat();
        peer.write_all(&sent).await.expect("room for all of it");
        let mut ahead = ReadAhead::in_records(stream, Records::new(Arc::default()));
        let (mut lengths, mut received) = (Vec::new(), Vec::new());
        while received.len() < sent.len() {
            let mut room = [0; 4 << 10];
            let length = ahead.read(&mut room).await.expect("bytes");
            lengths.push(length);
            received.extend_from_slice(&room[..length]);
        }
        assert_eq!((lengths, received), (vec![5, 3, 5, 5, 256], sent));
    }
}
