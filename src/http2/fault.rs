/// Why header fields are rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum HeaderFault {
    /// Only where grpc-go's reading counts, which takes it.
    #[error("the field `{name}`, which HTTP/2 does not allow")]
    OfConnection { name: String },
    #[error("`{name}` has the byte {octet:#04x}, which no header field can have")]
    Octet { name: String, octet: u8 },
    #[error("{size} bytes of header fields are more than the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
}

impl HeaderFault {
    /// Is it one that grpc-go takes?
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::OfConnection { .. })
    }
}
