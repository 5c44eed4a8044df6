use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Args;

use crate::net::{CallerLimits, Keepalive};
use crate::units::{QuantityError, Size, Span};

/// What callers may use, and how long connections last.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Most connections of callers at the same time (1 to 65536)
    ///
    /// The descriptors that the process may have allow at most 128 fewer. One remote address can have half of them, but at
    /// least 16. Above the limit, an older one that has not begun HTTP/2 is closed, otherwise the new one.
    #[arg(long, value_name = "NUMBER", value_parser = connections, default_value = "4096", env = "EGEXT_MAX_CONNECTIONS")]
    pub max_connections: usize,
    /// Most calls at the same time on one connection of a caller (1 to 4096)
    ///
    /// The caller is told the number (`SETTINGS_MAX_CONCURRENT_STREAMS`). A call above it is refused (REFUSED_STREAM).
    #[arg(long, value_name = "NUMBER", value_parser = streams, default_value = "1024", env = "EGEXT_MAX_CONCURRENT_STREAMS")]
    pub max_concurrent_streams: u32,
    /// Largest metadata of a request or a response (8KiB to 16MiB)
    ///
    /// Each field counts as its name, its value and 32 bytes. A call with more gets RESOURCE_EXHAUSTED.
    #[arg(long, value_name = "SIZE", value_parser = metadata, default_value = "1MiB", env = "EGEXT_MAX_METADATA_SIZE")]
    pub max_metadata_size: u32,
    /// Limit of a caller's TLS handshake, and then of its first HTTP/2 frame
    #[arg(long, value_name = "DURATION", value_parser = positive, default_value = "10s", env = "EGEXT_HANDSHAKE_TIMEOUT")]
    pub handshake_timeout: Span,
    /// Close a caller's connection after this time without a call; `0s` for never
    ///
    /// It gets GOAWAY, and its client connects again for the next call. Envoy Gateway closes a connection that has been
    /// idle for half an hour itself.
    #[arg(long, value_name = "DURATION", default_value = "1h", env = "EGEXT_IDLE_TIMEOUT")]
    pub idle_timeout: Span,
    /// Close a caller's connection after this time, more or less; `0s` for never
    ///
    /// The time differs by up to a tenth, so that not all callers connect again at once. A caller gets GOAWAY, and its calls
    /// have `--drain-timeout` to finish before they get UNAVAILABLE.
    #[arg(long, value_name = "DURATION", default_value = "0s", env = "EGEXT_MAX_CONNECTION_AGE")]
    pub max_connection_age: Span,
    /// Send PING to an upstream silent for this long during calls; `0s` for never
    ///
    /// At least 100ms. While no call waits there is no PING, because servers end connections on which there are too many. Then
    /// TCP finds out within half a minute that a host has gone.
    #[arg(long, value_name = "DURATION", value_parser = interval, default_value = "10s", env = "EGEXT_KEEPALIVE_INTERVAL")]
    pub keepalive_interval: Span,
    /// How long the upstream may take to answer PING (at least 1s)
    ///
    /// If nothing arrives from it in this time, its calls fail with UNAVAILABLE, and the bridge connects again. It must be
    /// longer than the server ever stands still: one whose only thread computes answers no PING.
    #[arg(long, value_name = "DURATION", value_parser = answer, default_value = "10s", env = "EGEXT_KEEPALIVE_TIMEOUT")]
    pub keepalive_timeout: Span,
}

impl Limits {
    /// Those of callers.
    pub fn of_callers(&self) -> CallerLimits {
        CallerLimits {
            connections: self.max_connections,
            concurrent_calls: self.max_concurrent_streams,
            metadata: self.max_metadata_size,
            handshake: self.handshake_timeout.duration(),
            preface: self.handshake_timeout.duration(),
            idle: unless_zero(self.idle_timeout),
            age: unless_zero(self.max_connection_age),
            ..CallerLimits::default()
        }
    }

    /// How the upstream is asked whether it is still there.
    pub fn keepalive(&self) -> Option<Keepalive> {
        let timeout = self.keepalive_timeout.duration();
        unless_zero(self.keepalive_interval).map(|interval| Keepalive { interval, timeout })
    }
}

fn unless_zero(span: Span) -> Option<Duration> {
    Some(span.duration()).filter(|duration| !duration.is_zero())
}

fn positive(text: &str) -> Result<Span, QuantityError> {
    let span: Span = text.parse()?;
    if span.duration().is_zero() { Err(QuantityError::Zero) } else { Ok(span) }
}

/// Zero is for never.
fn interval(text: &str) -> Result<Span, QuantityError> {
    let span: Span = text.parse()?;
    if span.duration().is_zero() { Ok(span) } else { at_least(LEAST_SILENCE, span) }
}

fn answer(text: &str) -> Result<Span, QuantityError> {
    at_least(LEAST_ANSWER, text.parse()?)
}

fn at_least(least: Span, span: Span) -> Result<Span, QuantityError> {
    if span < least { Err(QuantityError::TooShort { least }) } else { Ok(span) }
}

fn connections(text: &str) -> Result<usize, QuantityError> {
    number(text, 1..=65_536, 4096)
}

fn streams(text: &str) -> Result<u32, QuantityError> {
    number(text, 1..=4_096, 1024)
}

/// A number of `range`. The hint names the end that is closest to what was typed, and `usual` if that is not a number.
fn number<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>, usual: u64) -> Result<T, QuantityError> {
    let (least, most) = range.into_inner();
    let typed = text.parse::<i128>();
    let within = typed.clone().unwrap_or(usual.into()).clamp(least.into(), most.into());
    let example = u64::try_from(within).unwrap_or(usual);
    let number = typed.ok().filter(|number| *number == within).and_then(|_| T::try_from(example).ok());
    number.ok_or(QuantityError::NumberRange { least, most, example })
}

fn metadata(text: &str) -> Result<u32, QuantityError> {
    let size = match text.parse::<Size>() {
        // Also for a size above the largest of all flags, the range of this one is what counts.
        Err(QuantityError::TooLarge) => u64::MAX,
        size => size?.octets(),
    };
    let (least, most) = (u64::from(*METADATA.start()), u64::from(*METADATA.end()));
    let within = size.clamp(least, most);
    let number = u32::try_from(within).ok().filter(|_| size == within);
    let [least, most, example] = [least, most, within].map(Size::from_octets);
    number.ok_or(QuantityError::SizeRange { least, most, example })
}

/// With less, the time that an answer needs on its way would count as silence. grpc-go's clients take at least 10 s, to spare
/// servers PINGs; here their number has its own limit (`net::keepalive`).
const LEAST_SILENCE: Span = Span::from_milliseconds(100);

/// With less, a server that collects garbage, or a lost packet (TCP sends again after 200 ms and more), would pass for a
/// server that stands still, and all calls would end.
const LEAST_ANSWER: Span = Span::from_seconds(1);

/// Less than gRPC's C core takes by default would refuse calls that work elsewhere. More is refused by grpc-go.
const METADATA: RangeInclusive<u32> = 8 << 10..=16 << 20;
