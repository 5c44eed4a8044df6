//! Octets as one file that holds the CA's certificate and its key, plain or encrypted, and as a request for a
//! certificate.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use egext::pki::Passphrase;
use egext::pki::authority::Authority;
use egext::pki::request::Request;
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

static PASSPHRASE: LazyLock<Passphrase> =
    LazyLock::new(|| Passphrase::from_text(Path::new("passphrase"), b"open sesame\n").expect("a passphrase"));

fuzz_target!(|octets: &[u8]| {
    let path = Path::new("ca.pem");
    // What is refused is refused with an error; anything else would end the process.
    let _ = Authority::from_pem((path, octets), (path, octets), Some(&PASSPHRASE), NOW);
    let _ = Request::from_pem(path, octets);
});
