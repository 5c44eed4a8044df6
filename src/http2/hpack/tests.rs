//! Both sides together, and the standard's examples.

use proptest::prelude::*;

use super::decoder::CompressionError;
use super::integer::{write_integer, write_text};
use super::table::Counted;
use super::*;

/// A literal without Huffman coding.
pub(super) fn literal(pattern: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut written = vec![pattern];
    write_text(&mut written, name);
    write_text(&mut written, value);
    written
}

pub(super) fn coded_literal(pattern: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut written = vec![pattern];
    for text in [name, value] {
        let coded = huffman::tests::encode(text);
        write_integer(&mut written, 0x80, 7, coded.len());
        written.extend_from_slice(&coded);
    }
    written
}

pub(super) fn fields(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Field>, CompressionError> {
    let mut fields = Vec::new();
    decoder.decode(block, |field, _| fields.push(field.into_owned()))?;
    Ok(fields)
}

/// The name and the value of a good field. No field has the value of a scheme.
pub(super) fn shown(field: &Field) -> (String, Vec<u8>) {
    let (name, value) = match field {
        Field::Authority(authority) => (":authority", authority.as_ref().expect("no socket").as_str().into()),
        Field::Method(method) => (":method", method.as_str().into()),
        Field::Other(name, value) => (name.as_str(), value.as_bytes().to_vec()),
        Field::Path(path) => (":path", path.as_str().into()),
        Field::Scheme => (":scheme", b"http".to_vec()),
        Field::Status(status) => (":status", status.as_str().into()),
        Field::Bad(_) | Field::Malformed(_) => panic!("not good: {field:?}"),
    };
    (name.to_owned(), value)
}

fn from_hex(digits: &str) -> Vec<u8> {
    let digits = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect::<Vec<_>>();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A block, what is in it, and the size of the table and what is in that afterwards, newest first.
type Example<'a> = (&'a str, Pairs<'a>, usize, Pairs<'a>);

fn assert_decoded(limit: usize, examples: &[Example<'_>]) {
    let mut decoder = Decoder::with_limit(limit);
    let owned = |pairs: Pairs<'_>| {
        let pair = |(name, value): &(&str, &str)| {
            let value = if *name == ":scheme" { "http" } else { value };
            ((*name).to_owned(), value.as_bytes().to_vec())
        };
        pairs.iter().map(pair).collect::<Vec<_>>()
    };
    for (block, pairs, size, table) in examples {
        let found = fields(&mut decoder, &from_hex(block)).expect("HPACK");
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), owned(pairs), "{block}");
        let entries = decoder.table().entries();
        let stored = entries.iter().map(|entry| shown(entry.field())).collect::<Vec<_>>();
        assert_eq!((decoder.table().size(), stored), (*size, owned(table)), "{block}");
    }
}

fn assert_encoded(limit: usize, examples: &[Example<'_>]) {
    let mut encoder = Encoder::with_limit(limit);
    for (block, pairs, size, table) in examples {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value) in *pairs {
            encoder.field(name, value.as_bytes(), Storing::Yes, &mut out);
        }
        assert_eq!(out, from_hex(block));
        assert_eq!((encoder.table().size(), encoder.table().entries().len()), (*size, table.len()));
    }
}

/// RFC 7541 appendix C.2, where each example has its own table.
#[test]
fn single_fields_are_as_in_the_standard() {
    let header: Pairs<'_> = &[("custom-key", "custom-header")];
    let stored: &[Example<'_>] =
        &[("400a637573746f6d2d6b65790d637573746f6d2d686561646572", header, 55, header)];
    assert_decoded(4096, stored);
    assert_encoded(4096, stored);
    assert_decoded(4096, &[("040c2f73616d706c652f70617468", &[(":path", "/sample/path")], 0, &[])]);
    assert_decoded(4096, &[("100870617373776f726406736563726574", &[("password", "secret")], 0, &[])]);
    assert_decoded(4096, &[("82", &[(":method", "GET")], 0, &[])]);
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    encoder.field(":path", b"/sample/path", Storing::No, &mut out);
    encoder.field("password", b"secret", Storing::Never, &mut out);
    encoder.field(":method", b"GET", Storing::Yes, &mut out);
    let expected = ["040c2f73616d706c652f70617468", "100870617373776f726406736563726574", "82"].concat();
    assert_eq!(out, from_hex(&expected));
}

const HOST: (&str, &str) = (":authority", "www.example.com");
const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");
const CUSTOM: (&str, &str) = ("custom-key", "custom-value");
const GET: (&str, &str) = (":method", "GET");
const REQUESTS: [Pairs<'_>; 3] = [
    &[GET, (":scheme", "http"), (":path", "/"), HOST],
    &[GET, (":scheme", "http"), (":path", "/"), HOST, NO_CACHE],
    &[GET, (":scheme", "https"), (":path", "/index.html"), HOST, CUSTOM],
];

/// RFC 7541 appendix C.3 and C.4.
#[test]
fn requests_are_as_in_the_standard() {
    let examples = |blocks: [&'static str; 3]| {
        let tables: [(usize, Pairs<'_>); 3] =
            [(57, &[HOST]), (110, &[NO_CACHE, HOST]), (164, &[CUSTOM, NO_CACHE, HOST])];
        [0, 1, 2].map(|index| (blocks[index], REQUESTS[index], tables[index].0, tables[index].1))
    };
    let plain = examples([
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ]);
    assert_decoded(4096, &plain);
    assert_encoded(4096, &plain);
    let coded = examples([
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ]);
    assert_decoded(4096, &coded);
}

const FOUND: (&str, &str) = (":status", "302");
const REDIRECT: (&str, &str) = (":status", "307");
const PRIVATE: (&str, &str) = ("cache-control", "private");
const DATE: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const LATER: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const COOKIE: (&str, &str) = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");

/// RFC 7541 appendix C.5 and C.6: a table of 256 bytes, so entries are evicted.
#[test]
fn responses_are_as_in_the_standard() {
    let examples = |blocks: [&'static str; 3]| -> [Example<'static>; 3] {
        [
            (blocks[0], &[FOUND, PRIVATE, DATE, LOCATION], 222, &[LOCATION, DATE, PRIVATE, FOUND]),
            (blocks[1], &[REDIRECT, PRIVATE, DATE, LOCATION], 222, &[REDIRECT, LOCATION, DATE, PRIVATE]),
            (
                blocks[2],
                &[(":status", "200"), PRIVATE, LATER, LOCATION, GZIP, COOKIE],
                215,
                &[COOKIE, GZIP, LATER],
            ),
        ]
    };
    let plain = examples([
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
         6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d
         4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572
         73696f6e3d31",
    ]);
    assert_decoded(256, &plain);
    assert_encoded(256, &plain);
    let coded = examples([
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b
         97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf
         cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ]);
    assert_decoded(256, &coded);
}

#[derive(Clone, Debug)]
struct Sending {
    name: String,
    value: Vec<u8>,
    storing: Storing,
}

#[derive(Clone, Debug)]
struct Block {
    sizes: Vec<u32>,
    fields: Vec<Sending>,
}

fn any_pair() -> impl Strategy<Value = (String, Vec<u8>)> {
    let pseudo = [
        (":authority", "localhost:5005"),
        (":method", "GET"),
        (":method", "POST"),
        (":method", "PURGE"),
        (":path", "/"),
        (":path", "/package.Service/Call"),
        (":scheme", "http"),
        (":status", "200"),
        (":status", "418"),
        ("accept-encoding", "gzip, deflate"),
        ("te", "trailers"),
    ];
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
    let name = prop_oneof!["x-[a-d]{1,2}", Just("content-type".to_owned()), Just("grpc-timeout".to_owned())];
    let value = prop_oneof![
        8 => "[a-c]{0,2}".prop_map(String::into_bytes),
        4 => prop::collection::vec(0x80_u8.., 0..40),
        1 => (0_usize..5000).prop_map(|length| vec![b'v'; length]),
    ];
    prop_oneof![prop::sample::select(pseudo.map(pair).to_vec()), (name, value)]
}

fn any_block() -> impl Strategy<Value = Block> {
    let storing = prop_oneof![6 => Just(Storing::Yes), 1 => Just(Storing::No), 1 => Just(Storing::Never)];
    let sending = (any_pair(), storing).prop_map(|((name, value), storing)| Sending { name, value, storing });
    let size = prop_oneof![0_u32..300, 0_u32..10_000, Just(u32::MAX)];
    let sizes = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(size, 1..4)];
    (sizes, prop::collection::vec(sending, 0..20)).prop_map(|(sizes, fields)| Block { sizes, fields })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(blocks in prop::collection::vec(any_block(), 1..12)) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        for Block { sizes, fields } in blocks {
            sizes.into_iter().for_each(|size| encoder.resize(size));
            let mut out = Vec::new();
            encoder.begin(&mut out);
            for Sending { name, value, storing } in &fields {
                encoder.field(name, value, *storing, &mut out);
            }
            let mut sent = fields.iter();
            decoder.decode(&out, |field, size| {
                let field = field.into_owned();
                let Sending { name, value, storing } = sent.next().expect("as many fields");
                assert_eq!(shown(&field), (name.clone(), value.clone()));
                assert_eq!(size, name.len() + value.len() + 32);
                if let Field::Other(_, value) = &field {
                    assert_eq!(value.is_sensitive(), *storing == Storing::Never);
                }
            }).expect("HPACK");
            prop_assert!(sent.next().is_none());
            let (there, here) = (encoder.table(), decoder.table());
            prop_assert_eq!((there.size(), there.limit()), (here.size(), here.limit()));
            prop_assert!(here.size() <= here.limit());
            let sizes = there.entries().iter().map(Counted::size);
            prop_assert!(sizes.eq(here.entries().iter().map(Counted::size)));
        }
    }

    #[test]
    fn no_bytes_panic(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4)) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let _ = fields(&mut decoder, &block);
            prop_assert!(decoder.table().size() <= 4096);
        }
    }

    #[test]
    fn no_literals_panic(literals in prop::collection::vec(
        (
            prop::sample::select(vec![0_u8, 0x10, 0x40]),
            prop::collection::vec(any::<u8>(), 0..5),
            prop::collection::vec(any::<u8>(), 0..9),
            0x80_u8..0xff,
        ),
        0..20,
    )) {
        let mut decoder = Decoder::new();
        for (pattern, name, value, index) in literals {
            fields(&mut decoder, &coded_literal(pattern, &name, &value)).expect("HPACK");
            fields(&mut decoder, &literal(pattern, &name, &value)).expect("HPACK");
            let _ = fields(&mut decoder, &[index]);
        }
    }
}
