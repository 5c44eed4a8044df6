//! Describes certificates and key files, for `certs show` and `certs check`. These must also
//! handle files that no other part of the program would accept.

mod file;
mod files;

use file::entries;
pub use file::{KeyFile, PemFile, directory};
pub use files::{LeftOut, PemFiles};

use crate::pki::Certificate;
use crate::pki::keys::pem;

/// A certificate as a PEM block.
pub fn block(certificate: &Certificate) -> String {
    pem::write("CERTIFICATE", &certificate.der).to_string()
}

/// Where a chain stops being one: the position, counted from one, of the first certificate that did not issue
/// the one before it.
pub fn first_out_of_order(chain: &[Certificate]) -> Option<usize> {
    chain.windows(2).position(|pair| !pair[0].is_issued_by(&pair[1])).map(|index| index + 2)
}
