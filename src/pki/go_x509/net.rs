//! Addresses and networks, as `net.IP` and `net.IPNet` compare and write them.

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and a mask of the same length. The address may have bits that the mask does not cover.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Net {
    address: Vec<u8>,
    mask: Vec<u8>,
}

impl Net {
    pub(super) fn of(address: &[u8], mask: &[u8]) -> Self {
        Self { address: address.to_vec(), mask: mask.to_vec() }
    }

    pub(super) fn length(&self) -> usize {
        self.address.len()
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.address.cmp(&other.address).then_with(|| self.mask.cmp(&other.mask))
    }

    pub(super) fn compare_to(&self, address: &[u8]) -> Ordering {
        self.address.as_slice().cmp(address)
    }

    /// `IPNet.Contains`
    pub(super) fn contains(&self, address: &[u8]) -> bool {
        let ((network, mask), address) = (self.short(), short(address));
        let masked = network.iter().zip(address).zip(mask);
        network.len() == address.len()
            && masked.into_iter().all(|((own, other), mask)| own & mask == other & mask)
    }

    /// Are its first and its last address within?
    pub(super) fn has_subnet(&self, other: &Self) -> bool {
        let last = other.address.iter().zip(&other.mask).map(|(address, mask)| address | !mask);
        self.contains(&other.address) && self.contains(&last.collect::<Vec<_>>())
    }

    /// An address of IPv4 in the form of one of IPv6 is one of IPv4, and the mask is cut short with it.
    fn short(&self) -> (&[u8], &[u8]) {
        let network = short(&self.address);
        (network, &self.mask[self.mask.len() - network.len()..])
    }
}

impl Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, mask) = self.short();
        write!(f, "{}/{}", text(network), mask.iter().map(|octet| octet.count_ones()).sum::<u32>())
    }
}

/// `IP.To4`
fn short(address: &[u8]) -> &[u8] {
    match address {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, four @ ..] if four.len() == 4 => four,
        _ => address,
    }
}

/// `IP.String`
pub(super) fn text(address: &[u8]) -> String {
    let address = short(address);
    let four = <[u8; 4]>::try_from(address).map(|four| Ipv4Addr::from(four).to_string());
    let sixteen = || <[u8; 16]>::try_from(address).map(|sixteen| Ipv6Addr::from(sixteen).to_string());
    four.or_else(|_| sixteen()).unwrap_or_default()
}

/// `IP.Equal`
pub(super) fn is(address: &[u8], wanted: IpAddr) -> bool {
    match wanted.to_canonical() {
        IpAddr::V4(wanted) => short(address) == wanted.octets(),
        IpAddr::V6(wanted) => address == wanted.octets(),
    }
}
