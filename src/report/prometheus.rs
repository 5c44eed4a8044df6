//! Metrics in the text format of Prometheus (version 0.0.4), as the textfile collector of node_exporter reads it.

use std::fmt::Write as _;

use super::Metric;

pub(super) fn metrics(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for Metric { name, help, samples } in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        // Writing to a string does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (labels, number) in samples {
            let labels = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect::<Vec<_>>()
                .join(",");
            let _ = match labels.as_str() {
                "" => writeln!(text, "{name} {number}"),
                labels => writeln!(text, "{name}{{{labels}}} {number}"),
            };
        }
    }
    text
}

/// Three characters cannot stand in a label's value as they are.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_early() {
        let mut metric = Metric::new("m", "A number.");
        metric.sample(vec![("file", "a\"} 1\n\\".to_owned()), ("role", "server".to_owned())], -7);
        metric.sample(Vec::new(), 1);
        assert_eq!(
            metrics(&[metric, Metric::new("nothing", "Not measured.")]),
            "# HELP m A number.\n# TYPE m gauge\nm{file=\"a\\\"} 1\\n\\\\\",role=\"server\"} -7\nm 1\n"
        );
    }
}
