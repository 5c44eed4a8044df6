//! Targets as gRPC's naming document writes them (grpc/doc/naming.md), as far as they name one TCP address.

/// The address in `dns:host:port`, `dns:///host:port`, `ipv4:address:port` or `ipv6:[address]:port`.
pub(super) fn address_of_target(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let rest = rest.strip_prefix("///").unwrap_or(rest);
    // `dns:5005` is a port of a host of this name.
    let is_port = rest.bytes().all(|octet| octet.is_ascii_digit());
    let is_scheme = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (is_scheme && !is_port).then_some(rest)
}

/// The address in `dns://server/host:port`, behind the DNS server that gRPC would ask.
pub(super) fn behind_dns_server(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let (server, address) = rest.split_once('/')?;
    (scheme.eq_ignore_ascii_case("dns") && !server.is_empty() && !address.is_empty()).then_some(address)
}

const SCHEMES: [&str; 3] = ["dns", "ipv4", "ipv6"];

/// What a target without a port means to gRPC.
pub(super) const GRPC_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    #[test]
    fn targets_of_grpc_are_addresses() {
        for (text, printed) in [
            ("dns:extension.internal:5005", "extension.internal:5005"),
            ("dns:///extension.internal:5005", "extension.internal:5005"),
            ("DNS:///extension.internal", "extension.internal:443"),
            ("dns:[::1]:5005", "[::1]:5005"),
            ("ipv4:127.0.0.1:5005", "127.0.0.1:5005"),
            ("ipv6:[::1]:5005", "[::1]:5005"),
            ("ipv6:[::1]", "[::1]:443"),
            ("dns:5005", "dns:5005"),
        ] {
            assert_eq!(Address::of_server(text).expect(text).to_string(), printed);
        }
        for text in ["dns:", "dns:///", "dns://8.8.8.8/host:1", "ipv4:127.0.0.1:1,127.0.0.2:1", "ipv6:::1:1"]
        {
            Address::of_server(text).expect_err(text);
        }
        assert_eq!(address_of_target("localhost:5005"), None);
    }
}
