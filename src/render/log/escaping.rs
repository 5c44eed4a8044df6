//! JSON lines that are safe on a terminal.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::sink::Sink;
use crate::render::json::escaped;

/// The way to a [`Sink`] for JSON.
pub(super) struct Escaping(pub(super) Sink);

impl Write for &Escaping {
    /// The subscriber hands over one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match str::from_utf8(line) {
            Ok(text) if line.iter().any(|octet| *octet >= DEL) => self.0.push(escaped(text).as_bytes()),
            _ => self.0.push(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Escaping {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// The first octet that such a character can begin with.
const DEL: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing::{Level, dispatcher, info};

    use crate::render::log::sink::Sink;
    use crate::render::log::{Form, dispatch};

    #[test]
    fn no_text_of_a_peer_moves_the_cursor() {
        let hostile = "a\u{9b}2J\u{202e}\u{7f}\u{feff}\u{1b}[2J\u{e9}";
        let line = Sink::default();
        dispatcher::with_default(&dispatch(Form::Json, Level::INFO, false, line.clone()), || {
            info!(text = hostile, "{hostile}");
        });
        let line = String::from_utf8(line.take()).expect("UTF-8");
        let unsafe_ones = line
            .chars()
            .filter(|character| character.is_control() || "\u{202e}\u{feff}".contains(*character));
        assert_eq!(unsafe_ones.collect::<String>(), "\n");
        assert!(line.contains("\u{e9}"));
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((event["text"].as_str(), event["message"].as_str()), (Some(hostile), Some(hostile)));
    }
}
