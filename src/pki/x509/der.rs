//! The few parts of DER that we assemble from octets of others. The reader and the writer are x509-parser's.

use std::ops::Range;

use x509_parser::asn1_rs::{Any, FromDer as _, Sequence, ToDer as _};

/// The first element as it stands, and what follows it.
pub(in crate::pki) fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, _) = Any::from_der(der).ok()?;
    Some((&der[..der.len() - rest.len()], rest))
}

/// What is in the first element.
pub(in crate::pki) fn contents(der: &[u8]) -> Option<&[u8]> {
    Any::from_der(der).ok().map(|(_, element)| element.data)
}

/// SEQUENCE of elements.
pub(in crate::pki) fn sequence(elements: &[&[u8]]) -> Option<Vec<u8>> {
    Sequence::new(elements.concat().into()).to_der_vec().ok()
}

/// Where `part`, a slice of `whole`, stands in it.
pub(in crate::pki) fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start + part.len()
}

/// What stands in this place of `whole`; nothing if there is no such place.
pub(in crate::pki) fn part<'a>(whole: &'a [u8], place: &Range<usize>) -> &'a [u8] {
    whole.get(place.clone()).unwrap_or_default()
}
