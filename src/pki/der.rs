//! DER, as far as encrypted keys need it.
//!
//! Small on purpose: one structure is written and read that x509-parser does not know. The reader takes what DER
//! allows and nothing else: definite and shortest lengths, tags of one octet.

/// Any element.
pub(super) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let octets = length.to_be_bytes();
    let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
    let mut der = Vec::with_capacity(length + significant.len() + 2);
    der.push(tag);
    match significant {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).expect("a length has eight octets at most"));
            der.extend(long);
        }
    }
    der.extend(contents);
    der
}

/// SEQUENCE of elements.
pub(super) fn sequence<T: AsRef<[u8]>>(elements: &[T]) -> Vec<u8> {
    let contents = elements.iter().flat_map(AsRef::as_ref).copied().collect::<Vec<_>>();
    element(SEQUENCE, &contents)
}

/// INTEGER, positive, from the octets of its absolute value.
pub(super) fn unsigned(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = &octets[zeros..];
    let sign: &[u8] = if significant.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, significant].concat())
}

/// OBJECT IDENTIFIER.
///
/// # Panics
/// When there are fewer than two arcs.
pub(super) fn object_identifier(arcs: &[u32]) -> Vec<u8> {
    let [first, second, rest @ ..] = arcs else { panic!("an object identifier has two arcs at least") };
    let mut contents = Vec::new();
    for arc in std::iter::once(&(first * 40 + second)).chain(rest) {
        let groups = (32 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group == 0 { 0 } else { 0x80 };
            contents.push((arc >> (7 * group) & 0x7f) as u8 | more);
        }
    }
    element(OBJECT_IDENTIFIER, &contents)
}

/// OCTET STRING.
pub(super) fn octet_string(octets: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, octets)
}

/// What is left of some DER.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// Takes the next element, and tells its tag and contents.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // No file that we read is longer than three octets can say.
            0x81..=0x83 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
                let shortest = length >= 0x80 && octets.first() != Some(&0);
                shortest.then_some((length, rest))?
            }
            _ => return None,
        };
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// Takes the next element, if it has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, contents) = ahead.any()?;
        (found == tag).then(|| {
            *self = ahead;
            contents
        })
    }

    /// Takes a SEQUENCE, to be read by itself.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.take(SEQUENCE).map(Self)
    }

    /// Takes a positive INTEGER of at most 32 bits.
    pub(super) fn number(&mut self) -> Option<u32> {
        let octets = self.take(INTEGER)?;
        let (first, second) = (*octets.first()?, octets.get(1));
        let shortest = first != 0 || second.is_none_or(|second| *second >= 0x80);
        let fits = octets.len() <= 4 || octets.len() == 5 && first == 0;
        (first < 0x80 && shortest && fits)
            .then(|| octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    /// Is nothing left?
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

pub(super) const INTEGER: u8 = 2;
pub(super) const OCTET_STRING: u8 = 4;
pub(super) const OBJECT_IDENTIFIER: u8 = 6;
pub(super) const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn these_are_the_octets() {
        assert_eq!(unsigned(&[0, 0]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0x7f]), [2, 1, 0x7f]);
        assert_eq!(
            object_identifier(&[1, 2, 840, 113_549, 1, 1, 11]),
            [6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 11]
        );
        assert_eq!(object_identifier(&[2, 5, 29, 0]), [6, 3, 85, 29, 0]);
        assert_eq!(element(4, &[7; 0x80])[..4], [4, 0x81, 0x80, 7]);
        assert_eq!(element(4, &[7; 0x100])[..5], [4, 0x82, 1, 0, 7]);
    }

    #[test]
    fn what_is_not_der_is_not_read() {
        for der in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x84, 0, 0, 0, 1, 7],
            &[0x1f, 1, 7],
        ] {
            assert!(Reader::new(der).any().is_none(), "{der:?}");
        }
        for number in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 5, 1, 0, 0, 0, 0]] {
            assert!(Reader::new(number).number().is_none(), "{number:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            tag in 0_u8..0x1f, contents in prop::collection::vec(any::<u8>(), 0..70_000), number: u32
        ) {
            let der = [element(tag, &contents), unsigned(&number.to_be_bytes())].concat();
            let mut reader = Reader::new(&der);
            prop_assert_eq!(reader.take(tag), Some(contents.as_slice()));
            prop_assert_eq!(reader.number(), Some(number));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_octets_panic(der in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&der);
            let _ = (reader.number(), reader.sequence());
            while reader.any().is_some() {}
        }
    }
}
