use std::net::IpAddr;
use std::str::FromStr;

use super::Address;
use crate::host::Host;
use crate::report::Hint;

/// Where a name is, whatever the resolver says. It stays the name that the server is called by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// In lower case, without a final dot.
    name: String,
    at: IpAddr,
}

impl Placement {
    /// The name that is placed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The IP address that it is given.
    pub fn at(&self) -> IpAddr {
        self.at
    }

    /// Is it about the host of this address?
    pub fn is_of(&self, address: &Address) -> bool {
        matches!(address, Address::Tcp { host: Host::Name(name), .. } if name.trim_end_matches('.') == self.name)
    }
}

impl FromStr for Placement {
    type Err = PlacementError;

    /// Reads `name:address`; an IPv6 address stands in brackets.
    fn from_str(text: &str) -> Result<Self, PlacementError> {
        let malformed = || PlacementError { text: text.to_owned() };
        let (name, address) = text.split_once(':').ok_or_else(malformed)?;
        let Ok(Host::Name(name)) = name.parse() else { return Err(malformed()) };
        let in_brackets = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let at = match in_brackets {
            Some(address) => address.parse().map(IpAddr::V6),
            None => address.parse().map(IpAddr::V4),
        };
        Ok(Self { name: name.trim_end_matches('.').to_owned(), at: at.map_err(|_| malformed())? })
    }
}

/// It does not say where which name is.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a name and an IP address with a colon between them")]
pub struct PlacementError {
    text: String,
}

impl Hint for PlacementError {
    fn hint(&self) -> Option<String> {
        Some("for example `extension.internal:127.0.0.1` or `extension.internal:[::1]`; the port is that of the target".to_owned())
    }
}
