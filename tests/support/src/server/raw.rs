//! Answers that no HTTP/2 library would send: frames written by hand (RFC 9113), headers as HPACK literals.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::drip::pour;
use super::record::Record;
use super::talk::PREFACE;

/// One answer to every call, octet by octet.
#[derive(Clone, Debug, Default)]
pub(super) struct RawAnswer {
    /// `:status` first.
    pub(super) head: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// None: the stream ends with the body, or with the head where there is none.
    pub(super) trailers: Vec<(&'static str, String)>,
    /// In place of all that: kind, flags and payload of a frame.
    pub(super) instead: Option<(u8, u8, Vec<u8>)>,
    /// How many calls get that, of all connections together; `None` for all of them.
    pub(super) only_first: Option<usize>,
    /// What follows without end: kind and payload of a frame.
    pub(super) again: Option<(u8, Vec<u8>)>,
    /// Between two of those.
    pub(super) pause: Option<Duration>,
    /// What the first frame says: numbers and values.
    pub(super) settings: Vec<(u16, u32)>,
}

impl RawAnswer {
    /// Status 200 in gRPC, a message that says SERVING, status OK.
    pub(super) fn serving() -> Self {
        Self {
            head: vec![(":status", "200".to_owned()), ("content-type", "application/grpc".to_owned())],
            body: vec![0, 0, 0, 0, 2, 8, 1],
            trailers: vec![("grpc-status", "0".to_owned())],
            ..Self::default()
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        match self.head.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.head.push((name, value.to_owned())),
        }
        self
    }

    pub(super) fn body(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.body = octets.into();
        self
    }

    /// RST_STREAM with this code.
    pub(super) fn reset(code: u32) -> Self {
        Self { instead: Some((RST_STREAM, 0, code.to_be_bytes().to_vec())), ..Self::default() }
    }

    /// GOAWAY with this code and these words, with no stream accepted.
    pub(super) fn go_away(code: u32, words: &str) -> Self {
        let payload = [&[0; 4], &code.to_be_bytes()[..], words.as_bytes()].concat();
        Self { instead: Some((GOAWAY, 0, payload)), ..Self::default() }
    }

    /// What stands here in place of an answer for so many calls, and then answers.
    pub(super) fn then_serving(self, calls: usize) -> Self {
        Self { instead: self.instead, only_first: Some(calls), ..Self::serving() }
    }

    /// A good head, and a body in pieces of this size.
    pub(super) fn endless_body(size: usize) -> Self {
        let head = Some((HEADERS, END_HEADERS, block(&Self::serving().head)));
        Self { instead: head, again: Some((DATA, vec![0; size])), ..Self::default() }
    }

    /// A head whose last field never comes.
    pub(super) fn endless_head() -> Self {
        let head = Some((HEADERS, 0, block(&Self::serving().head)));
        let field = block(&[("x-long", "a".repeat(16_000))]);
        Self { instead: head, again: Some((CONTINUATION, field)), ..Self::default() }
    }

    /// Frames of the connection.
    pub(super) fn endless_frames(kind: u8, payload: &[u8]) -> Self {
        let instead = Some((kind, 0, payload.to_vec()));
        Self { instead, again: Some((kind, payload.to_vec())), ..Self::default() }
    }

    fn first_frame(&self) -> Vec<u8> {
        let setting =
            |(number, value): &(u16, u32)| [&number.to_be_bytes()[..], &value.to_be_bytes()[..]].concat();
        frame(SETTINGS, 0, [0; 4], &self.settings.iter().flat_map(setting).collect::<Vec<_>>())
    }

    /// The answer to the call with this number, which begin with 1.
    fn frames(&self, stream: [u8; 4], call: usize) -> Vec<u8> {
        let instead = self.instead.as_ref().filter(|_| self.only_first.is_none_or(|first| call <= first));
        if let Some((kind, flags, payload)) = instead {
            return frame(*kind, *flags, of_kind(*kind, stream), payload);
        }
        let (body, trailers) = (!self.body.is_empty(), !self.trailers.is_empty());
        let head = block(&self.head);
        let (first, more) = head.split_at(head.len().min(LARGEST));
        let mut frames = frame(HEADERS, end(!body && !trailers) | end_headers(more), stream, first);
        let mut pieces = more.chunks(LARGEST).peekable();
        while let Some(piece) = pieces.next() {
            frames.extend(frame(
                CONTINUATION,
                end_headers(pieces.peek().copied().unwrap_or_default()),
                stream,
                piece,
            ));
        }
        let chunks = self.body.chunks(LARGEST).collect::<Vec<_>>();
        for (index, chunk) in chunks.iter().enumerate() {
            let last = index + 1 == chunks.len();
            frames.extend(frame(DATA, end(last && !trailers), stream, chunk));
        }
        if trailers {
            frames.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&self.trailers)));
        }
        frames
    }
}

/// Speaks as much HTTP/2 as it takes to get calls, and answers each with the same octets.
pub(super) async fn answer_raw(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &RawAnswer,
    record: &Record,
) -> io::Result<()> {
    stream.write_all(&answer.first_frame()).await?;
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await?;
        let [a, b, c, kind, flags, id @ ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, [0; 4], &[])).await?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, [0; 4], &payload)).await?,
            DATA | HEADERS if flags & END_STREAM != 0 => {
                record.change(|seen| seen.paths.push("(not read)".to_owned()));
                let call = record.read(|seen| seen.paths.len());
                stream.write_all(&answer.frames(id, call)).await?;
                if let Some((kind, payload)) = &answer.again {
                    let again = frame(*kind, 0, of_kind(*kind, id), payload);
                    return pour(&mut stream, &again, answer.pause, record).await;
                }
            }
            _ => {}
        }
    }
}

/// The stream to which a frame of this kind belongs: that of the call, or none.
fn of_kind(kind: u8, stream: [u8; 4]) -> [u8; 4] {
    if [GOAWAY, PING, SETTINGS].contains(&kind) { [0; 4] } else { stream }
}

fn end_headers(more: &[u8]) -> u8 {
    if more.is_empty() { END_HEADERS } else { 0 }
}

fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream);
    frame.extend(payload);
    frame
}

/// A length with a prefix of seven bits (RFC 7541 section 5.1).
fn extend_length(block: &mut Vec<u8>, length: usize) {
    let short = |length: usize| u8::try_from(length).expect("seven bits");
    if length < 127 {
        return block.push(short(length));
    }
    block.push(127);
    let mut rest = length - 127;
    while rest > 127 {
        block.push(short(rest % 128) | 128);
        rest /= 128;
    }
    block.push(short(rest));
}

/// Literal fields without indexing and without Huffman coding (RFC 7541 section 6.2.2).
fn block(fields: &[(&'static str, String)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_bytes(), value.as_bytes()] {
            extend_length(&mut block, text.len());
            block.extend(text);
        }
    }
    block
}

fn end(last: bool) -> u8 {
    if last { END_STREAM } else { 0 }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// SETTINGS_MAX_FRAME_SIZE of a client is this at least.
const LARGEST: usize = 16_384;
