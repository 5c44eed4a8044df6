//! What is going on, in one line.

use std::time::{Duration, Instant};

use crate::net::Address;
use crate::probe::{Layer, News};
use crate::report::{Line, Style};

/// Knows from the news how far the targets are.
#[derive(Debug)]
pub(crate) struct Progress {
    targets: usize,
    done: usize,
    /// Those that are not done, in the order in which they began.
    begun: Vec<Begun>,
}

#[derive(Debug)]
struct Begun {
    address: Address,
    layer: Option<Layer>,
    since: Instant,
    /// Why it is waited for, and until when.
    waiting: Option<(String, Instant)>,
}

impl Progress {
    /// Of so many targets.
    pub(crate) fn new(targets: usize) -> Self {
        Self { targets, done: 0, begun: Vec::new() }
    }

    /// What has happened at `now`.
    pub(crate) fn note(&mut self, news: &News, now: Instant) {
        match news {
            News::Done { address } => {
                self.done += 1;
                self.begun.retain(|begun| begun.address != *address);
            }
            News::Layer { address, layer } => {
                let begun = self.begun(address, now);
                (begun.layer, begun.since) = (Some(*layer), now);
            }
            News::Waiting(waiting) => {
                let end = now + waiting.left;
                self.begun(&waiting.address, now).waiting = Some((waiting.cause.message.clone(), end));
            }
        }
    }

    fn begun(&mut self, address: &Address, now: Instant) -> &mut Begun {
        let place = self.begun.iter().position(|begun| begun.address == *address).unwrap_or_else(|| {
            self.begun.push(Begun { address: address.clone(), layer: None, since: now, waiting: None });
            self.begun.len() - 1
        });
        &mut self.begun[place]
    }

    /// The target that takes longest, and how many there are.
    pub(crate) fn line(&self, now: Instant) -> Option<Line> {
        let begun = self.begun.first()?;
        let line = match self.targets {
            1 => Line::default(),
            targets => Line::default().with(Style::Dim, format!("{} of {targets} done: ", self.done)),
        };
        let address = begun.address.to_string();
        if let Some((cause, end)) = &begun.waiting {
            let left = words(end.saturating_duration_since(now));
            let line = line.plain("waiting for ").with(Style::Strong, address);
            return Some(line.with(Style::Dim, format!(", {left} left")).plain(format!(": {cause}")));
        }
        let layer = begun.layer.map_or("", |layer| layer.name());
        let line = line.plain("probing ").with(Style::Strong, address).plain(format!(": {layer}"));
        let took = now.saturating_duration_since(begun.since);
        if took < SHORT {
            return Some(line);
        }
        Some(line.with(Style::Dim, format!(", {}", words(took))))
    }
}

/// In two units at most, each of which can be seen to change.
fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

/// What has just begun has no time.
const SHORT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_two_units_at_most() {
        let words = [0, 59, 60, 3599, 3600, 86_399].map(|seconds| words(Duration::from_secs(seconds)));
        assert_eq!(words, ["0s", "59s", "1m0s", "59m59s", "1h0m", "23h59m"]);
    }
}
