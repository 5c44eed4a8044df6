//! DER as `golang.org/x/crypto/cryptobyte` reads it, which `crypto/x509` parses with.

use std::fmt::Write as _;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

/// One element.
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (header, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81..=0x84 => {
                let octets = rest.get(..usize::from(first & 0x7f))?;
                let length = octets.iter().fold(0_u64, |length, octet| length << 8 | u64::from(*octet));
                let shortest = length >= 0x80 && octets.first() != Some(&0);
                (2 + octets.len(), usize::try_from(length).ok().filter(|_| shortest)?)
            }
            _ => return None,
        };
        if tag & 0x1f == 0x1f {
            return None;
        }
        let whole = self.0.get(..header.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag, contents: &whole[header..], whole })
    }

    pub(super) fn starts_with(self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    pub(super) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|element| element.tag == tag)
    }

    pub(super) fn take(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(|element| Self(element.contents))
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.take(SEQUENCE)
    }

    /// None when it is malformed; an inner none when it is not there.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<Self>> {
        if self.starts_with(tag) { self.take(tag).map(Some) } else { Some(None) }
    }

    /// INTEGER in its shortest form: its octets.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        Self::shortest(self.take(INTEGER)?.0)
    }

    pub(super) fn shortest(octets: &'a [u8]) -> Option<&'a [u8]> {
        match octets {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => None,
            octets => Some(octets),
        }
    }

    /// INTEGER that a signed number of 64 bits holds.
    pub(super) fn number(&mut self) -> Option<i64> {
        signed(self.integer()?)
    }

    /// OBJECT IDENTIFIER whose arcs fit into 31 bits, with dots.
    pub(super) fn oid(&mut self) -> Option<String> {
        dotted(self.take(OBJECT_IDENTIFIER)?.0)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.take(BOOLEAN)?.0 {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// BIT STRING, and how many bits of its last octet do not count.
    pub(super) fn bits(&mut self) -> Option<(&'a [u8], u8)> {
        let (&padding, octets) = self.take(BIT_STRING)?.0.split_first()?;
        let clean = match octets.last() {
            Some(last) => padding < 8 && u32::from(*last) & ((1 << padding) - 1) == 0,
            None => padding == 0,
        };
        clean.then_some((octets, padding))
    }
}

/// A BIT STRING as a number (`RightAlign`).
pub(super) fn right_aligned((octets, padding): (&[u8], u8)) -> Vec<u8> {
    if padding == 0 {
        return octets.to_vec();
    }
    let above = std::iter::once(&0).chain(octets);
    above.zip(octets).map(|(left, right)| left << (8 - padding) | right >> padding).collect()
}

pub(super) fn signed(octets: &[u8]) -> Option<i64> {
    let negative = octets.first()? & 0x80 != 0;
    let start = if negative { -1 } else { 0 };
    (octets.len() <= 8).then(|| octets.iter().fold(start, |number, octet| number << 8 | i64::from(*octet)))
}

/// Is it an object identifier, with arcs of any size?
pub(super) fn is_oid(octets: &[u8]) -> bool {
    let ends = octets.last().is_some_and(|last| last & 0x80 == 0);
    ends && octets.split_inclusive(|octet| octet & 0x80 == 0).all(|arc| arc.first() != Some(&0x80))
}

/// An object identifier as it is written, or none where Go cannot read it.
pub(super) fn dotted(octets: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let end = rest.iter().position(|octet| octet & 0x80 == 0)?;
        let (arc, behind) = rest.split_at(end + 1);
        let value = arc.iter().fold(0_u64, |value, octet| value << 7 | u64::from(octet & 0x7f));
        if arc.len() > 5 || arc[0] == 0x80 || value >= 1 << 31 {
            return None;
        }
        arcs.push(value);
        rest = behind;
    }
    let (&first, others) = arcs.split_first()?;
    let high = (first / 40).min(2);
    let mut text = format!("{high}.{}", first - high * 40);
    for arc in others {
        // Writing to a string does not fail.
        let _ = write!(text, ".{arc}");
    }
    Some(text)
}

pub(super) const BOOLEAN: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const BIT_STRING: u8 = 3;
pub(super) const OCTET_STRING: u8 = 4;
pub(super) const OBJECT_IDENTIFIER: u8 = 6;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A context-specific tag.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// A context-specific tag of something that holds others.
pub(super) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}
