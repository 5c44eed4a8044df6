/// A figure that is taken of every program.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Row {
    AddedMedian,
    AddedTail,
    CallCpu,
    Cpu64KiB,
    Cpu1MiB,
    Cpu4MiB,
    Cpu16MiB,
    Cpu64MiB,
    Connections,
    ConnectionCpu,
    Handshakes,
    HandshakeCpu,
    Resident,
    IdleMemory,
}

impl Row {
    pub const ALL: &[Self] = &[
        Self::AddedMedian,
        Self::AddedTail,
        Self::CallCpu,
        Self::Cpu64KiB,
        Self::Cpu1MiB,
        Self::Cpu4MiB,
        Self::Cpu16MiB,
        Self::Cpu64MiB,
        Self::Connections,
        Self::ConnectionCpu,
        Self::Handshakes,
        Self::HandshakeCpu,
        Self::Resident,
        Self::IdleMemory,
    ];

    /// What it is, with its unit.
    pub fn title(self) -> &'static str {
        match self {
            Self::AddedMedian => "one 2 KiB call in flight: added p50, µs",
            Self::AddedTail => "one 2 KiB call in flight: added p99.9, µs",
            Self::CallCpu => "32 calls of 2 KiB in flight: processor per call, µs",
            Self::Cpu64KiB => "message of 64 KiB: processor, ms",
            Self::Cpu1MiB => "message of 1 MiB: processor, ms",
            Self::Cpu4MiB => "message of 4 MiB: processor, ms",
            Self::Cpu16MiB => "message of 16 MiB: processor, ms",
            Self::Cpu64MiB => "message of 64 MiB: processor, ms",
            Self::Connections => "new connections with one call each, per second",
            Self::ConnectionCpu => "new connection with one call: processor, µs",
            Self::Handshakes => "mutual TLS handshakes with one call each, per second",
            Self::HandshakeCpu => "mutual TLS handshake with one call: processor, µs",
            Self::Resident => "resident memory after this load, MiB",
            Self::IdleMemory => "memory of one of 1,000 idle connections, KiB",
        }
    }

    /// True if a larger figure is the better one.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Connections | Self::Handshakes)
    }
}
