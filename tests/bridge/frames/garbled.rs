//! What a caller could send after the preface of HTTP/2: frames as they should be, and faults in them. A seed makes the
//! same octets each time.

use fastrand::Rng;

use crate::fixture::HOOK;
use crate::fixture::raw::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, request_fields,
};

struct Frame {
    kind: u8,
    flags: u8,
    id: u32,
    payload: Vec<u8>,
}

/// The octets of one connection.
pub fn connection(seed: u64) -> Vec<u8> {
    let rng = &mut Rng::with_seed(seed);
    let mut frames = conversation(rng);
    for _ in 0..faults(rng) {
        spoil(rng, &mut frames);
    }
    let mut octets = frames.iter().flat_map(octets_of).collect::<Vec<_>>();
    for _ in 0..faults(rng) {
        damage(rng, &mut octets);
    }
    octets
}

/// Mostly none: a whole conversation gets further into the bridge than its remains do.
fn faults(rng: &mut Rng) -> usize {
    rng.usize(..6).saturating_sub(3)
}

/// Some calls whose frames alternate, as HTTP/2 has it.
fn conversation(rng: &mut Rng) -> Vec<Frame> {
    let mut frames = vec![settings(rng)];
    let (mut last, mut open) = (0_u32, Vec::new());
    for _ in 0..rng.usize(3..24) {
        match rng.u32(..8) {
            0..=2 => {
                last = 2 * rng.u32(last.div_ceil(2)..last.div_ceil(2) + 3) + 1;
                if head(rng, last, &mut frames) {
                    open.push(last);
                }
            }
            3..=5 if !open.is_empty() => {
                let at = rng.usize(..open.len());
                let is_end = rng.bool();
                frames.push(message(rng, open[at], is_end));
                if is_end {
                    open.swap_remove(at);
                }
            }
            _ => frames.push(other(rng, last)),
        }
    }
    // Most callers say all that they have to say.
    if rng.u32(..4) > 0 {
        frames.extend(open.iter().map(|id| message(rng, *id, true)));
    }
    frames
}

/// The head of a call, in one frame or in several. True if messages follow.
fn head(rng: &mut Rng, id: u32, frames: &mut Vec<Frame>) -> bool {
    let block = fields(rng);
    let pieces = if rng.u32(..5) == 0 { rng.usize(1..6) } else { 1 };
    let length = block.len().div_ceil(pieces).max(1);
    let has_messages = rng.u32(..5) > 0;
    let chunks = block.chunks(length).collect::<Vec<_>>();
    for (index, chunk) in chunks.iter().enumerate() {
        let last = if index + 1 == chunks.len() { END_HEADERS } else { 0 };
        let end = if index == 0 && !has_messages { END_STREAM } else { 0 };
        let kind = if index == 0 { HEADERS } else { CONTINUATION };
        frames.push(Frame { kind, flags: last | end, id, payload: chunk.to_vec() });
    }
    has_messages
}

/// The fields of a call of gRPC, some of them changed, and things that only HPACK knows.
fn fields(rng: &mut Rng) -> Vec<u8> {
    let mut fields =
        request_fields(HOOK).map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).to_vec();
    for _ in 0..faults(rng) {
        let at = rng.usize(..fields.len());
        match rng.u32(..6) {
            0 => drop(fields.swap_remove(at)),
            1 => fields.push(fields[at].clone()),
            2 => damage(rng, &mut fields[at].0),
            3 => damage(rng, &mut fields[at].1),
            4 => fields.push((pick(rng, NAMES).to_vec(), pick(rng, VALUES).to_vec())),
            _ => fields.push((b"x-noise".to_vec(), noise(rng, 4096))),
        }
        if fields.is_empty() {
            break;
        }
    }
    let mut block = fields.iter().flat_map(|(name, value)| raw::literal(name, value)).collect::<Vec<_>>();
    if rng.u32(..6) == 0 {
        let at = rng.usize(..=block.len());
        block.splice(at..at, pick(rng, HPACK).to_vec());
    }
    block
}

/// A message of gRPC, or what looks like one.
fn message(rng: &mut Rng, id: u32, is_end: bool) -> Frame {
    let contents = noise(rng, 300);
    let length = if rng.u32(..9) == 0 { rng.u32(..) } else { u32::try_from(contents.len()).unwrap_or(0) };
    let prefix = [&[u8::from(rng.u32(..9) == 0)][..], &length.to_be_bytes()].concat();
    let end = if is_end { END_STREAM } else { 0 };
    let (padding, flags) =
        if rng.u32(..6) == 0 { (vec![rng.u8(..6)], end | PADDED) } else { (Vec::new(), end) };
    Frame { kind: DATA, flags, id, payload: [padding, prefix, contents].concat() }
}

/// A frame that is no part of a message.
fn other(rng: &mut Rng, last: u32) -> Frame {
    let number = rng.u32(1..1 << 20).to_be_bytes();
    let stream = |kind, payload: Vec<u8>| match last {
        // A stream that has not begun would be a fault.
        0 => Frame { kind: PING, flags: 0, id: 0, payload: vec![7; 8] },
        id => Frame { kind, flags: 0, id, payload },
    };
    match rng.u32(..16) {
        0..=2 => settings(rng),
        3..=5 => Frame { kind: PING, flags: 0, id: 0, payload: vec![rng.u8(..); 8] },
        6 | 7 => Frame { kind: WINDOW_UPDATE, flags: 0, id: 0, payload: number.to_vec() },
        8 | 9 => stream(WINDOW_UPDATE, number.to_vec()),
        10 => stream(RST_STREAM, rng.u32(..14).to_be_bytes().to_vec()),
        11 => stream(PRIORITY, vec![0, 0, 0, 0, rng.u8(..)]),
        12 => Frame { kind: GOAWAY, flags: 0, id: 0, payload: vec![0; 8] },
        _ => Frame { kind: rng.u8(12..), flags: rng.u8(..), id: last, payload: noise(rng, 64) },
    }
}

fn settings(rng: &mut Rng) -> Frame {
    let mut payload = Vec::new();
    for _ in 0..rng.usize(..4) {
        let id = rng.u16(1..9);
        let value = match id {
            // ENABLE_PUSH, INITIAL_WINDOW_SIZE and MAX_FRAME_SIZE have limits (RFC 9113 section 6.5.2).
            2 => rng.u32(..2),
            4 => rng.u32(..1 << 31),
            5 => rng.u32(1 << 14..1 << 24),
            _ => *pick(rng, NUMBERS),
        };
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    Frame { kind: SETTINGS, flags: 0, id: 0, payload }
}

/// Makes one fault in whole frames.
fn spoil(rng: &mut Rng, frames: &mut Vec<Frame>) {
    let (at, other) = (rng.usize(..frames.len()), rng.usize(..frames.len()));
    let frame = &mut frames[at];
    match rng.u32(..7) {
        // PUSH_PROMISE among them, which no caller may send.
        0 => frame.kind = rng.u8(..12),
        1 => frame.flags ^= 1 << rng.u32(..8),
        2 => frame.id = *pick(rng, NUMBERS),
        3 => damage(rng, &mut frame.payload),
        4 => frame.payload.truncate(rng.usize(..=frame.payload.len())),
        5 => frames.swap(at, other),
        _ => {
            let Frame { kind, flags, id, ref payload } = *frame;
            let again = Frame { kind, flags, id, payload: payload.clone() };
            frames.insert(other, again);
        }
    }
}

/// Makes one fault in octets.
fn damage(rng: &mut Rng, octets: &mut Vec<u8>) {
    let at = rng.usize(..=octets.len());
    let end = octets.len().min(at + rng.usize(..16));
    match rng.u32(..5) {
        0 if at < octets.len() => octets[at] ^= 1 << rng.u32(..8),
        1 if at < octets.len() => octets[at] = *pick(rng, &[0, 1, 0x7f, 0x80, 0xff]),
        2 => drop(octets.drain(at..end)),
        3 => octets.truncate(at),
        _ => {
            let more = noise(rng, 40);
            octets.splice(at..at, more);
        }
    }
}

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    let length = rng.usize(..most);
    (0..length).map(|_| rng.u8(..)).collect()
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

fn octets_of(frame: &Frame) -> Vec<u8> {
    let Frame { kind, flags, id, payload } = frame;
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[*kind, *flags], &id.to_be_bytes(), payload].concat()
}

const NUMBERS: &[u32] =
    &[0, 1, 2, 3, 5, 100, 16_383, 16_384, 65_535, 1 << 24, 0x7fff_ffff, 0x8000_0000, u32::MAX];

const NAMES: &[&[u8]] = &[
    b":path",
    b":protocol",
    b":status",
    b"connection",
    b"content-length",
    b"content-type",
    b"cookie",
    b"egext-bridge-hops",
    b"grpc-encoding",
    b"grpc-timeout",
    b"host",
    b"te",
    b"transfer-encoding",
    b"upgrade",
    b"x-bin",
];

const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"4294967296",
    b"99999999999999999999",
    b"1n",
    b"1H",
    b"9999999999S",
    b"trailers",
    b"chunked",
    b"/",
    b"*",
    b"\xff\xfe",
    b"a\0b",
    b"a\r\nb: c",
];

/// Index 0, one far behind the table, integers that overflow, new sizes of the table, a bad Huffman code.
const HPACK: &[&[u8]] = &[
    b"\x80",
    b"\xff\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x3f\xe1\x1f",
    b"\x3f\xff\xff\xff\xff\xff\x0f",
    b"\x20",
    b"\x40\x81\xff\x81\xff",
    b"\x00\x7f\xff\xff\xff\xff\x0f",
    b"\x82\x86\x84",
];

const PADDED: u8 = 8;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
