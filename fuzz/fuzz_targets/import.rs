//! Octets as one file that holds the CA's certificate and its key, plain or encrypted, and as a request for a
//! certificate.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use egext::pki::authority::Authority;
use egext::pki::request::Request;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

/// One for the process: a CA is loaded from files, since a passphrase may come from a pipe.
static PLACE: LazyLock<(TempDir, PathBuf, PathBuf)> = LazyLock::new(|| {
    let directory = TempDir::new().expect("a temporary directory");
    let (file, passphrase) = (directory.path().join("ca.pem"), directory.path().join("passphrase"));
    fs::write(&passphrase, "open sesame\n").expect("writable");
    (directory, file, passphrase)
});

fuzz_target!(|octets: &[u8]| {
    let (_, file, passphrase) = &*PLACE;
    fs::write(file, octets).expect("writable");
    // What is refused is refused with an error; anything else would end the process.
    let _ = Authority::load(file, file, Some(passphrase), NOW);
    let _ = Request::from_pem(file, octets);
});
