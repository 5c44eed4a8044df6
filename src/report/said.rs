//! The text of an error as it is printed: shortened, and without passwords that were typed in a URL.

use std::error::Error;
use std::io;

use rustix::io::Errno;

use super::{Hint, chain};
#[cfg(feature = "cli")]
use crate::printable::printable;
use crate::printable::without_user_of_url;

/// An error as it is printed: no line that a screen cannot hold, and no password of a URL.
pub(crate) struct Said {
    /// What happened, with everything behind it, in one line.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Said {
    pub(crate) fn of(error: &dyn Hint) -> Self {
        let hint = lack_of_descriptors(error).or_else(|| error.hint());
        let hint = hint.map(|hint| spans(&hint, |text| shortened(&each_word(text), LONGEST_COMMAND)));
        let message = spans(&chain(error), |text| shortened(&without_user(text), LONGEST));
        Self {
            message: shortened(&message, LONGEST_TEXT),
            hint: hint.map(|hint| shortened(&hint, LONGEST_TEXT)),
        }
    }

    /// For lines of text, in which names of files and values of strangers stand.
    #[cfg(feature = "cli")]
    pub(crate) fn printable(&self) -> Self {
        Self { message: printable(&self.message), hint: self.hint.as_deref().map(printable) }
    }
}

/// True if a part of `text` between backticks is too long to be repeated.
#[cfg(feature = "cli")]
pub(crate) fn has_long_part(text: &str) -> bool {
    text.split('`').any(|part| part.chars().count() > LONGEST)
}

/// Whatever is to be opened next fails for the same reason, so the hints of those errors lead astray.
fn lack_of_descriptors(error: &dyn Error) -> Option<String> {
    let mut next = error.source();
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(is_lack_of_descriptors) {
            return Some(MORE_DESCRIPTORS.to_owned());
        }
        next = error.source();
    }
    None
}

/// True if this process, or the system, has too many open files.
pub(crate) fn is_lack_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|lack| code == Some(lack.raw_os_error()))
}

/// Applies `change` to what stands between backticks, where texts repeat what was typed. A backtick that was typed
/// itself leaves them unbalanced or moves what is between them, so every part is changed.
fn spans(text: &str, change: impl Fn(&str) -> String) -> String {
    text.split('`').map(change).collect::<Vec<_>>().join("`")
}

/// `text` without its middle, if it is longer than `most` characters.
fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let kept = most / 2;
    let begin: String = text.chars().take(kept).collect();
    let end: String = text.chars().skip(length - kept).collect();
    format!("{begin}…{end}")
}

/// The same for each word of a command.
fn each_word(command: &str) -> String {
    let mut is_quoted = false;
    let ends = |character| {
        is_quoted ^= character == '\'';
        character == ' ' && !is_quoted
    };
    command.split_inclusive(ends).map(without_user).collect()
}

/// `text` with `***` in place of a user's name and password, both of which may have an `@`: what stands between a scheme
/// or the beginning and the last `@`. Without a scheme there must be a password, for `a@b` can be many things.
fn without_user(text: &str) -> String {
    let with_password = || {
        let (before, behind) = text.rsplit_once('@')?;
        // Not a path, nor a socket with the name of an instance in it.
        let (user, _) = before.split_once(':').filter(|(user, _)| *user != "unix" && !user.contains('/'))?;
        let begin = user.rfind([' ', '=', '\'']).map_or(0, |at| at + 1);
        Some(format!("{}***@{behind}", &before[..begin]))
    };
    without_user_of_url(text).or_else(with_password).unwrap_or_else(|| text.to_owned())
}

/// More characters than most paths have, and no more than a screen can hold.
const LONGEST: usize = 240;

/// No command that is worth pasting has as many, although paths may.
const LONGEST_COMMAND: usize = 1000;

/// What was typed may be made of backticks.
const LONGEST_TEXT: usize = 2000;

/// What to do if no file can be opened.
pub(crate) const MORE_DESCRIPTORS: &str =
    "`ulimit -n` shows how many files a process may have open: raise that limit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_user_is_hidden() {
        for (text, hidden) in [
            ("https://user:pw@h/x", "https://***@h/x"),
            ("https://u:p@w@h/x", "https://***@h/x"),
            ("user:pw@h:1", "***@h:1"),
            ("tls://***@h:1", "tls://***@h:1"),
            ("a@b", "a@b"),
            ("/srv/a:b@c/ca.crt", "/srv/a:b@c/ca.crt"),
            ("unix:egext@1.sock", "unix:egext@1.sock"),
            ("--upstream=u:pw@h", "--upstream=***@h"),
        ] {
            assert_eq!(without_user(text), hidden, "{text}");
        }
        assert_eq!(each_word("ls 'u:p w@h' a@b"), "ls '***@h' a@b");
        assert_eq!(each_word("ls 'https://u:p w@h/x' tcp://h:1 a@b"), "ls 'https://***@h/x' tcp://h:1 a@b");
    }

    #[test]
    fn what_is_long_loses_its_middle() {
        let text = "ä".repeat(LONGEST);
        assert_eq!(shortened(&text, LONGEST), text);
        let short = shortened(&format!("a{text}b"), LONGEST);
        assert!(
            short.chars().count() == LONGEST + 1 && short.starts_with('a') && short.ends_with('b'),
            "{short}"
        );
    }
}
