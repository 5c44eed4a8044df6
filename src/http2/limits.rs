/// How much the peer of a connection may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many bytes of a stream may have come that its reader has not released (SETTINGS_INITIAL_WINDOW_SIZE). Not less than
    /// 65,535, which a peer may send before it has heard of it.
    pub(crate) stream_window: u32,
    /// The largest frame (SETTINGS_MAX_FRAME_SIZE).
    pub(crate) frame_size: u32,
    /// What the peer is told of lists of header fields (SETTINGS_MAX_HEADER_LIST_SIZE).
    pub(crate) told_header_list: u32,
    /// A list that has as many bytes (section 6.5.2) is not read, and has a fault.
    pub(crate) header_list: usize,
    /// A block of more bytes, as they are encoded, ends the connection (CVE-2024-27316).
    pub(crate) header_block: usize,
    /// How many streams the peer may have at once (SETTINGS_MAX_CONCURRENT_STREAMS).
    pub(crate) concurrent_streams: u32,
    /// How many of its streams may be malformed over the whole life of the connection: each of them is reset by us, so
    /// that they do not count as concurrent ones (CVE-2025-8671). `None` for no limit.
    pub(crate) malformed_streams: Option<usize>,
}
