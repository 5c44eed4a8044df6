use std::fmt;

/// What the log calls a connection. Lines with the same name belong together.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionName {
    /// Of a caller, counted from 1 in the order in which they are accepted.
    Caller(u64),
    /// To the upstream, counted from 1.
    Upstream(u64),
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(number) => write!(f, "c{number}"),
            Self::Upstream(number) => write!(f, "u{number}"),
        }
    }
}
