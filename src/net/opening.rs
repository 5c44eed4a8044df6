/// Has the peer closed the connection by an alert while TLS shakes hands?
///
/// `close_notify` is the end of what a peer sends (RFC 8446 section 6.1). rustls takes it for a warning until the handshake
/// is complete, and waits for a peer that keeps its socket open. Only alerts in plaintext are seen here: an encrypted one
/// is longer, and in TLS 1.3 rustls refuses it.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// The beginning of a record: its header, and what an alert has in it.
    record: [u8; ALERT],
    /// How much of that has passed.
    come: usize,
    /// How much of a longer record has still to pass.
    left: usize,
    is_closed: bool,
}

impl Opening {
    /// True when nothing more is to be read.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// These bytes pass.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_closed {
            if self.left > 0 {
                let length = self.left.min(bytes.len());
                self.left -= length;
                bytes = &bytes[length..];
                continue;
            }
            self.record[self.come] = bytes[0];
            self.come += 1;
            bytes = &bytes[1..];
            self.look();
        }
    }

    fn look(&mut self) {
        match (self.come, self.record) {
            (HEADER, [21, 3, _, 0, 2, ..]) => {}
            (HEADER, [_, _, _, high, low, ..]) => {
                (self.come, self.left) = (0, usize::from(u16::from_be_bytes([high, low])));
            }
            (ALERT, [.., description]) => (self.come, self.is_closed) = (0, description == CLOSE_NOTIFY),
            _ => {}
        }
    }
}

/// Type, version and length (RFC 8446 section 5.1).
const HEADER: usize = 5;

/// With level and description.
const ALERT: usize = HEADER + 2;

/// RFC 8446 section 6.
const CLOSE_NOTIFY: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_close_notify_in_plaintext_closes() {
        let is_closed = |sent: &[u8], piece: usize| {
            let mut opening = Opening::default();
            sent.chunks(piece).for_each(|bytes| opening.pass(bytes));
            opening.is_closed()
        };
        let close = [21, 3, 3, 0, 2, 1, 0];
        let after_others = [&[22, 3, 3, 0, 7], &close[..], &[21, 3, 1, 0, 2, 1, 112], &close[..]].concat();
        for piece in [1, 2, 5, 64] {
            assert!(is_closed(&close, piece));
            assert!(is_closed(&after_others, piece));
            assert!(!is_closed(&close[..6], piece));
            assert!(!is_closed(&after_others[..after_others.len() - 7], piece));
            assert!(!is_closed(&[&[23, 3, 3, 0, 7], &close[..]].concat(), piece));
        }
    }
}
