use std::borrow::Cow;
use std::time::Duration;

#[cfg(feature = "cli")]
use crate::printable::printable;

/// A number that can be watched over time, once for each thing that it was measured on.
#[derive(Clone, Debug)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: Cow<'static, str>,
    /// What it means: one sentence.
    pub help: Cow<'static, str>,
    /// Labels and number.
    pub samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Metric {
    /// A metric without samples.
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), help: help.into(), samples: Vec::new() }
    }

    /// Adds a sample.
    pub fn sample(&mut self, labels: Vec<(&'static str, String)>, number: i64) {
        // What is counted here has far less than the 52 bits that a number of Prometheus has.
        self.samples.push((labels, number as f64));
    }

    #[cfg(feature = "cli")]
    pub(super) fn printable(&self) -> Self {
        let label = |(name, value): &(&'static str, String)| (*name, printable(value));
        let sample = |(labels, number): &(Vec<_>, f64)| (labels.iter().map(label).collect(), *number);
        let samples = self.samples.iter().map(sample).collect();
        Self { name: self.name.clone(), help: self.help.clone(), samples }
    }

    /// Adds a length of time, in seconds.
    pub fn measure(&mut self, labels: Vec<(&'static str, String)>, took: Duration) {
        self.samples.push((labels, took.as_secs_f64()));
    }
}
