//! A strict reader of OpenMetrics 1.0 text: what Prometheus would accept with a shrug is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of a text by name and labels.
#[derive(Debug, Default)]
pub struct Metrics {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Metrics {
    /// # Panics
    /// When the text breaks a rule.
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no `# EOF` at the end:\n{text}"));
        assert!(!body.contains("# EOF"), "`# EOF` in the middle");
        let mut metrics = Self::default();
        let mut family = None::<String>;
        let mut described = BTreeSet::new();
        for line in body.lines() {
            assert!(!line.is_empty() && line.trim() == line, "`{line}`");
            match line.strip_prefix("# ") {
                Some(comment) => {
                    let mut words = comment.splitn(3, ' ');
                    let (kind, name, rest) = (words.next(), words.next().expect("a name"), words.next());
                    match kind {
                        Some("HELP") => {
                            assert!(described.insert(name.to_owned()), "a second HELP of {name}");
                            assert!(rest.is_some_and(|help| help.ends_with('.')), "{line}");
                            family = Some(name.to_owned());
                        }
                        Some("TYPE") => {
                            assert_eq!(family.as_deref(), Some(name), "TYPE comes after HELP");
                            let kind = rest.expect("a type").to_owned();
                            assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{line}");
                            assert!(metrics.types.insert(name.to_owned(), kind).is_none(), "a second {line}");
                        }
                        _ => panic!("`{line}`"),
                    }
                }
                None => metrics.sample(family.as_deref().expect("HELP comes first"), line),
            }
        }
        metrics.check_histograms();
        metrics
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let name = series.split('{').next().expect("a name");
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        let allowed: &[&str] = match self.types[family].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            _ => &["_bucket", "_sum", "_count"],
        };
        assert!(allowed.contains(&suffix), "{line}: `{suffix}` does not fit its type");
        check_labels(&series[name.len()..], line);
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value >= 0.0, "{line}");
        assert!(self.samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }

    /// Buckets grow, and the last one is the count.
    fn check_histograms(&self) {
        let mut last = BTreeMap::<String, f64>::new();
        for (series, value) in &self.samples {
            let Some((name, labels)) = series.split_once("_bucket{") else { continue };
            let method = labels.split("method=").nth(1).expect("a method");
            let key = format!("{name}_count{{method={method}");
            let count = self.samples[&key];
            assert!(*value <= count, "{series}");
            let biggest = last.entry(key).or_default();
            *biggest = biggest.max(*value);
            if labels.contains("le=\"+Inf\"") {
                assert!((value - count).abs() < f64::EPSILON, "{series}");
            }
        }
    }

    /// # Panics
    /// When there is no such sample.
    pub fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no `{series}` in {:#?}", self.samples.keys()))
    }

    /// The same as a whole number, 0 if it is not there.
    pub fn count(&self, series: &str) -> u64 {
        let value = self.samples.get(series).copied().unwrap_or_default();
        assert!(value.fract() == 0.0, "{series} is {value}");
        format!("{value}").parse().expect("a number")
    }

    /// All series of a name.
    pub fn of(&self, name: &str) -> Vec<(&str, f64)> {
        let is_it = |series: &str| series.split('{').next() == Some(name);
        self.samples
            .iter()
            .filter(|(series, _)| is_it(series))
            .map(|(series, value)| (series.as_str(), *value))
            .collect()
    }

    /// Names and types of all families.
    pub fn families(&self) -> impl Iterator<Item = (&str, &str)> {
        self.types.iter().map(|(name, kind)| (name.as_str(), kind.as_str()))
    }
}

fn check_labels(labels: &str, line: &str) {
    if labels.is_empty() {
        return;
    }
    let mut rest = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("braces");
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        assert!(names.insert(name), "`{name}` twice: {line}");
        let end = end_of_value(after).unwrap_or_else(|| panic!("{line}"));
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => {
                assert!(!more.is_empty(), "{line}");
                rest = more;
            }
            None => assert!(rest.is_empty(), "{line}"),
        }
    }
}

/// Where the quote stands that ends a value.
fn end_of_value(text: &str) -> Option<usize> {
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some(place),
            '\\' => assert!(matches!(letters.next()?.1, '\\' | '"' | 'n'), "{text}"),
            _ => {}
        }
    }
    None
}
