//! Octets as a PEM file for `certs show`, and as certificates that a server presents for both verifiers.
#![no_main]

use std::path::Path;

use egext::pki::audit::go_x509;
use egext::pki::inspect::{PemFile, first_out_of_order};
use egext::pki::{Anchors, Certificate, Role};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

fuzz_target!(|octets: &[u8]| {
    let path = Path::new("fuzz");
    // What is refused is refused with an error; anything else would end the process.
    let _ = Anchors::from_pem(path, octets);
    if let Ok(file) = PemFile::from_pem(path, octets) {
        let _ = first_out_of_order(&file.certificates);
        let _ = go_x509::verify(&file.certificates, &file.certificates, Role::Server, None, NOW);
    }
    let der = [CertificateDer::from(octets)];
    if Certificate::of(&der[0]).is_ok() {
        let _ = go_x509::verify(&der, &der, Role::Client, None, NOW);
    }
});
