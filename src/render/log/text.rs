//! Fields of a line for a person. A hint has commands to paste, so it must not be escaped like a string in Rust.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

use crate::printable::printable;

/// As the subscriber writes them, but for the hint.
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

struct Visitor<'w>(DefaultVisitor<'w>);

impl Visit for Visitor<'_> {
    /// A hint is the last field of its line, so a quotation mark in it cannot begin another field.
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "hint" {
            return self.0.record_debug(field, &format_args!("\"{}\"", printable(value)));
        }
        self.0.record_str(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.record_debug(field, value);
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, dispatcher, warn};

    use crate::render::log::sink::Sink;
    use crate::render::log::{Form, dispatch};

    #[test]
    fn a_command_in_a_hint_can_be_pasted() {
        let hint = r#"`egext certs show 'it'\''s "a"\b/ca.crt'`"#;
        let line = Sink::default();
        dispatcher::with_default(&dispatch(Form::Text, Level::WARN, false, line.clone()), || {
            warn!(cause = "a\u{1b}\"b", hint = Some(hint.to_owned()), "it is broken");
            warn!(hint = "a\u{1b}[2J\nb", "control characters");
            warn!(hint = None::<String>, "nothing to do");
        });
        let lines = String::from_utf8(line.take()).expect("UTF-8");
        let lines =
            lines.lines().map(|line| line.split_once("WARN ").expect("a level").1).collect::<Vec<_>>();
        let expected = format!(r#"it is broken cause="a\u{{1b}}\"b" hint="{hint}""#);
        assert_eq!(lines, [&*expected, r#"control characters hint="a\u{1b}[2J\u{a}b""#, "nothing to do"]);
    }
}
