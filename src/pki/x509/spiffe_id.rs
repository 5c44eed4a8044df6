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
    #[error("it has no path")]
    NoPath,
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
    #[error("it is too long")]
    TooLong,
    #[error("a trust domain has lower case letters, digits, `.`, `-` and `_` only")]
    TrustDomainCharacter,
}

impl SpiffeId {
    /// Reads an id, possibly of a trust domain itself, which has no path.
    ///
    /// # Errors
    /// When it breaks a rule of SPIFFE-ID sections 2.1 and 2.2.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix(SPIFFE_SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        TrustDomain::check(domain)?;
        path.split('/').skip(1).try_for_each(check_segment)?;
        Ok(Self { text: text.to_owned(), path: text.len() - path.len() })
    }

    /// Reads the id of a workload, for a certificate that is to be issued: it has a path, and every implementation of SPIFFE
    /// must be able to read it (SPIFFE-ID section 2.3).
    ///
    /// # Errors
    /// When it is not such an id.
    pub fn of_workload(text: &str) -> Result<Self, SpiffeIdError> {
        let id = Self::parse(text)?;
        if id.path().is_empty() {
            return Err(SpiffeIdError::NoPath);
        }
        if id.trust_domain().0.len() > LONGEST_TRUST_DOMAIN || text.len() > LONGEST {
            return Err(SpiffeIdError::TooLong);
        }
        Ok(id)
    }

    /// The one that a certificate with these URIs is for.
    pub(in crate::pki) fn of_certificate(uris: &[String]) -> Result<Self, SpiffeIdError> {
        match uris {
            [] => Err(SpiffeIdError::Missing),
            [id] => Self::parse(id),
            _ => Err(SpiffeIdError::Several),
        }
    }

    /// Where it belongs.
    pub fn trust_domain(&self) -> TrustDomain {
        TrustDomain(self.text[SPIFFE_SCHEME.len()..self.path].to_owned())
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

    /// SPIFFE-ID section 2.1.
    fn check(name: &str) -> Result<(), SpiffeIdError> {
        let is_allowed = |byte: u8| is_plain(byte) && !byte.is_ascii_uppercase();
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

/// Is it one part of the path of an id? Then a `/`, a query or an escape cannot hide in it.
pub fn is_path_segment(text: &str) -> bool {
    check_segment(text).is_ok()
}

/// SPIFFE-ID section 2.2.
fn check_segment(segment: &str) -> Result<(), SpiffeIdError> {
    match segment {
        "" => Err(SpiffeIdError::Segment),
        "." | ".." => Err(SpiffeIdError::DotSegment),
        plain if plain.bytes().all(is_plain) => Ok(()),
        _ => Err(SpiffeIdError::SegmentCharacter),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

pub(super) const SPIFFE_SCHEME: &str = "spiffe://";

/// In bytes (SPIFFE-ID section 2.3).
const LONGEST: usize = 2048;
const LONGEST_TRUST_DOMAIN: usize = 255;

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

    #[test]
    fn an_id_to_be_issued_has_a_path_and_a_length_that_all_can_read() {
        let of_length = |domain: usize, all: usize| {
            let begin = format!("spiffe://{}/", "d".repeat(domain));
            format!("{begin}{}", "p".repeat(all - begin.len()))
        };
        for id in ["spiffe://example.org/a", &of_length(255, 2048)] {
            assert_eq!(SpiffeId::of_workload(id), SpiffeId::parse(id));
        }
        for (id, error) in [
            ("spiffe://example.org", SpiffeIdError::NoPath),
            ("spiffe://example.org/", SpiffeIdError::Segment),
            (&of_length(256, 300), SpiffeIdError::TooLong),
            (&of_length(1, 2049), SpiffeIdError::TooLong),
        ] {
            assert_eq!(SpiffeId::of_workload(id), Err(error), "{id}");
        }
        // Such an id of a peer is read nevertheless.
        SpiffeId::parse(&of_length(256, 2049)).expect("a long id");
    }
}
