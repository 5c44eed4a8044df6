use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::http2::frame::{CONTINUATION, PADDED, PRIORITY};

/// Gives its bytes in pieces of these lengths, and then the end.
struct Peer {
    octets: Vec<u8>,
    pieces: Vec<usize>,
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = self.pieces.pop().unwrap_or(usize::MAX).min(self.octets.len()).min(buffer.remaining());
        let rest = self.octets.split_off(piece);
        buffer.put_slice(&std::mem::replace(&mut self.octets, rest));
        Poll::Ready(Ok(()))
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    [&Head::new(payload.len(), kind, flags, stream).octets(), payload].concat()
}

/// The last stream with a call.
const LAST: u32 = 9;

/// What comes through, read into buffers of so many bytes.
fn sieved(octets: Vec<u8>, pieces: Vec<usize>, room: usize) -> (Vec<u8>, HeaderFaults) {
    let calls = Arc::<Outgoing>::default();
    (1..=LAST).step_by(2).for_each(|_| calls.begin());
    let mut sieve = Sieve::new(Peer { octets, pieces }, calls);
    let faults = sieve.faults();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let read = runtime.block_on(async {
        let (mut all, mut some) = (Vec::new(), vec![0; room]);
        loop {
            match sieve.read(&mut some).await.expect("no error") {
                0 => return all,
                length => all.extend_from_slice(&some[..length]),
            }
        }
    });
    (read, faults)
}

const GOOD: &[u8] = b"\x82\x86\x84";
const BAD: &[u8] = b"\x88\x00\x01x\x03a\x07b";
const MENDED: &[u8] = b"\x88\x00\x01x\x03a?b";

/// A frame, or some, and what becomes of it.
fn parts() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let same = |frame: Vec<u8>| (frame.clone(), frame);
    prop_oneof![
        (1_usize..300).prop_map(move |length| same(frame(DATA, 0, 1, &vec![7; length]))),
        Just((frame(DATA, 0, 3, b""), vec![])),
        Just(same(frame(DATA, END_STREAM, 3, b""))),
        Just((frame(DATA, 0, LAST + 2, b"x"), vec![])),
        Just((frame(HEADERS, END_HEADERS, LAST + 2, GOOD), vec![])),
        Just(same(frame(6, 0, 0, b"12345678"))),
        Just(same(frame(HEADERS, END_HEADERS, 5, GOOD))),
        Just(same(frame(HEADERS, END_HEADERS | PADDED, 5, &[b"\x02", GOOD, b"\0\0"].concat()))),
        Just((frame(HEADERS, END_HEADERS | END_STREAM, 7, BAD), frame(HEADERS, 5, 7, MENDED))),
        Just((
            frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 7, &[b"\x01\0\0\0\0\0", BAD, b"\0"].concat()),
            frame(HEADERS, END_HEADERS, 7, MENDED),
        )),
        (1..BAD.len(), 0_usize..3).prop_map(|(at, empty)| {
            let mut frames = frame(HEADERS, END_STREAM, 9, &BAD[..at]);
            (0..empty).for_each(|_| frames.extend(frame(CONTINUATION, 0, 9, b"")));
            frames.extend(frame(CONTINUATION, END_HEADERS, 9, &BAD[at..]));
            (frames, frame(HEADERS, END_HEADERS | END_STREAM, 9, MENDED))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn frames_come_through_in_whatever_pieces(
        parts in prop::collection::vec(parts(), 0..12),
        pieces in prop::collection::vec(1_usize..40, 0..60),
        room in 1_usize..100,
    ) {
        let (given, expected): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (read, _) = sieved(given.concat(), pieces, room);
        prop_assert_eq!(read, expected.concat());
    }
}

#[test]
fn a_large_list_comes_in_frames_of_our_size() {
    let block = [&b"\x00\x01x\x7f\xa1\x8d\x06"[..], &[b'a'; 100_000]].concat();
    let mut frames = frame(HEADERS, 0, 1, &block[..16_384]);
    let pieces = block[16_384..].chunks(16_384).collect::<Vec<_>>();
    for (index, piece) in pieces.iter().enumerate() {
        frames.extend(frame(CONTINUATION, if index + 1 == pieces.len() { END_HEADERS } else { 0 }, 1, piece));
    }
    let expected =
        [frame(HEADERS, 0, 1, &block[..65_536]), frame(CONTINUATION, END_HEADERS, 1, &block[65_536..])];
    let (read, faults) = sieved(frames, vec![8192; 100], 8192);
    assert!(read == expected.concat());
    assert_eq!(faults.take_all(), []);
}

#[test]
fn what_breaks_the_protocol_is_left_to_h2() {
    for frames in [
        [frame(HEADERS, 0, 1, GOOD), frame(DATA, 0, 1, b"")].concat(),
        [frame(HEADERS, 0, 1, GOOD), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
        frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff"),
        frame(HEADERS, END_HEADERS | PRIORITY, 1, b"\0"),
        frame(HEADERS, END_HEADERS, 0, BAD),
        frame(CONTINUATION, END_HEADERS, 1, BAD),
        frame(DATA, 0, 0, b""),
        [frame(HEADERS, 0, 1, GOOD), frame(CONTINUATION, 0, 1, b"").repeat(500_000)].concat(),
    ] {
        let (read, _) = sieved(frames.clone(), vec![], 8192);
        assert!(read == frames);
    }
}
