use std::fmt::{self, Display};

/// The name of a workload: a URI with its trust domain, and a path in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SpiffeId {
    text: String,
    /// Where the path begins.
    path: usize,
}

/// Whose certificates are verified against one bundle of CAs, such as `example.org`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TrustDomain(String);

/// Why a text is not the name of a workload or of a trust domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SpiffeIdError {
    #[error("a path has no `.` and no `..`")]
    DotSegment,
    #[error("the certificate has no URI")]
    Missing,
    #[error("it has no trust domain")]
    NoTrustDomain,
    #[error("it does not begin with `spiffe://`")]
    Scheme,
    #[error("a path has no empty part")]
    Segment,
    #[error("the parts of a path have letters, digits, `.`, `-` and `_` only")]
    SegmentCharacter,
    #[error("the certificate has more than one URI")]
    Several,
    #[error("a trust domain has lower case letters, digits, `.`, `-` and `_` only")]
    TrustDomainCharacter,
}

impl SpiffeId {
    /// Reads an id, possibly of a trust domain itself, which has no path.
    ///
    /// # Errors
    /// When it breaks a rule of SPIFFE-ID section 2.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        TrustDomain::check(domain)?;
        for segment in path.split('/').skip(1) {
            match segment {
                "" => return Err(SpiffeIdError::Segment),
                "." | ".." => return Err(SpiffeIdError::DotSegment),
                plain if plain.bytes().all(is_plain) => {}
                _ => return Err(SpiffeIdError::SegmentCharacter),
            }
        }
        Ok(Self { text: text.to_owned(), path: text.len() - path.len() })
    }

    /// The one that a certificate with these URIs is for.
    pub(super) fn of_certificate(uris: &[String]) -> Result<Self, SpiffeIdError> {
        match uris {
            [] => Err(SpiffeIdError::Missing),
            [id] => Self::parse(id),
            _ => Err(SpiffeIdError::Several),
        }
    }

    /// Where it belongs.
    pub fn trust_domain(&self) -> TrustDomain {
        TrustDomain(self.text[SCHEME.len()..self.path].to_owned())
    }

    /// Which workload of it; empty for the trust domain itself.
    pub fn path(&self) -> &str {
        &self.text[self.path..]
    }
}

impl TrustDomain {
    /// Reads the name of a trust domain, or an id of one of its members.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.contains(":/") {
            return SpiffeId::parse(text).map(|id| id.trust_domain());
        }
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }

    fn check(name: &str) -> Result<(), SpiffeIdError> {
        let is_allowed = |octet: u8| is_plain(octet) && !octet.is_ascii_uppercase();
        match name {
            "" => Err(SpiffeIdError::NoTrustDomain),
            name if name.bytes().all(is_allowed) => Ok(()),
            _ => Err(SpiffeIdError::TrustDomainCharacter),
        }
    }
}

impl Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"._-".contains(&octet)
}

const SCHEME: &str = "spiffe://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_trust_domain_and_perhaps_a_path() {
        for (text, domain, path) in [
            ("spiffe://example.org/a/B_c-1.d", "example.org", "/a/B_c-1.d"),
            ("spiffe://td_1", "td_1", ""),
            ("spiffe://td/...", "td", "/..."),
        ] {
            let id = SpiffeId::parse(text).expect(text);
            assert_eq!((&*id.trust_domain().0, id.path(), &*id.to_string()), (domain, path, text));
            assert_eq!(TrustDomain::parse(text), Ok(id.trust_domain()));
        }
        assert_eq!(TrustDomain::parse("example.org").map(|domain| domain.0), Ok("example.org".to_owned()));
    }

    #[test]
    fn what_breaks_a_rule_is_no_id() {
        use SpiffeIdError::*;
        for (text, error) in [
            ("", Scheme),
            ("https://td/a", Scheme),
            ("spiffe:/td/a", Scheme),
            ("SPIFFE://td/a", Scheme),
            ("spiffe://", NoTrustDomain),
            ("spiffe:///a", NoTrustDomain),
            ("spiffe://Td/a", TrustDomainCharacter),
            ("spiffe://td:1/a", TrustDomainCharacter),
            ("spiffe://a@td/a", TrustDomainCharacter),
            ("spiffe://td?/a", TrustDomainCharacter),
            ("spiffe://td/", Segment),
            ("spiffe://td/a/", Segment),
            ("spiffe://td//a", Segment),
            ("spiffe://td/./a", DotSegment),
            ("spiffe://td/a/..", DotSegment),
            ("spiffe://td/a?b", SegmentCharacter),
            ("spiffe://td/%61", SegmentCharacter),
            ("spiffe://td/\u{e4}", SegmentCharacter),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(error), "{text}");
        }
        for (text, error) in [
            ("", NoTrustDomain),
            ("a b", TrustDomainCharacter),
            ("td/a", TrustDomainCharacter),
            ("x:/td", Scheme),
        ] {
            assert_eq!(TrustDomain::parse(text), Err(error), "{text}");
        }
    }
}
