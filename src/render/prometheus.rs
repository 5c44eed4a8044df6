//! Metrics in the text format of Prometheus (version 0.0.4), as the textfile collector of node_exporter reads it.

use std::fmt::Write as _;

use crate::report::{Metric, Report};

pub(super) fn report(report: &Report) -> String {
    metrics(&report.metrics) + &metrics(&[completed(Some(report.command), true)])
}

/// All that can be said of a command that could not run. Without it the numbers of the run before would stay, and look
/// like those of today.
pub(super) fn error(command: Option<&str>) -> String {
    metrics(&[completed(command, false)])
}

fn completed(command: Option<&str>, completed: bool) -> Metric {
    let name = command.map_or_else(|| "egext".to_owned(), |command| format!("egext {command}"));
    let help = format!("1 if `{name}` ran to its end, 0 if it could not.");
    let mut metric = Metric::new(format!("{}_completed", name.replace([' ', '-'], "_")), help);
    metric.sample(Vec::new(), i64::from(completed));
    metric
}

fn metrics(metrics: &[Metric]) -> String {
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
