use std::fmt::{self, Display, Write};

use crate::printable::is_printable;

/// Text that cannot be taken for markup, inside of an element or of a quoted attribute.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper(f), "{}", self.0)
    }
}

struct Escaper<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| self.write_char(letter))
    }

    fn write_char(&mut self, letter: char) -> fmt::Result {
        match letter {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            // They turn the direction of text, so that it reads as something else, or are not allowed in HTML.
            letter if !is_printable(letter) => self.0.write_char('\u{fffd}'),
            letter => self.0.write_char(letter),
        }
    }
}

/// A message or a hint, with what is in backticks set as code.
pub(super) struct Marked<'a>(pub(super) &'a str);

impl Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.split('`').enumerate() {
            match number % 2 {
                0 => write!(f, "{}", Text(part))?,
                _ => write!(f, "<code>{}</code>", Text(part))?,
            }
        }
        Ok(())
    }
}

/// A moment of RFC 3339 for a reader.
pub(super) struct Time<'a>(pub(super) &'a str);

impl Display for Time<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable = self.0.replace('T', " ").replace('Z', " UTC");
        write!(f, "<time datetime=\"{}\">{}</time>", Text(self.0), Text(readable))
    }
}

/// A length of time, in its two largest units.
pub(super) struct Span(pub(super) u64);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.0 / 86_400, self.0 / 3600 % 24, self.0 / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{} s", self.0),
            (0, 0, minutes) => write!(f, "{minutes} min {} s", self.0 % 60),
            (0, hours, minutes) => write!(f, "{hours} h {minutes} min"),
            (days, hours, _) => write!(f, "{days} d {hours} h"),
        }
    }
}

/// A time that a call took.
pub(super) struct Took(pub(super) f64);

impl Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds < 1.0 => write!(f, "{} ms", (seconds * 1e6).round() / 1e3),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

/// A number of bytes.
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes < 10 << 10 => write!(f, "{bytes} B"),
            bytes if bytes < 10 << 20 => write!(f, "{} KiB", bytes >> 10),
            bytes if bytes < 10 << 30 => write!(f, "{} MiB", bytes >> 20),
            bytes => write!(f, "{} GiB", bytes >> 30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        let hostile = "</code><script>alert('1')</script>\" onload=\"x&";
        let written = Text(hostile).to_string();
        assert!(!written.contains(['<', '>', '"', '\'']), "{written}");
        assert_eq!(Text("a\u{202e}b\0").to_string(), "a\u{fffd}b\u{fffd}");
        let hint = Marked("run `egext <x>` then").to_string();
        assert_eq!(hint, "run <code>egext &lt;x&gt;</code> then");
    }

    #[test]
    fn lengths_are_in_units_of_people() {
        for (seconds, expected) in
            [(5, "5 s"), (65, "1 min 5 s"), (3 * 3600 + 60, "3 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(Span(seconds).to_string(), expected);
        }
        assert_eq!(Took(0.0025).to_string(), "2.5 ms");
        assert_eq!(Took(2.5).to_string(), "2.5 s");
        assert_eq!(Bytes(11 << 20).to_string(), "11 MiB");
    }
}
