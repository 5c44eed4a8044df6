//! Commands that are printed to be pasted into a shell.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::printable::is_printable;

/// `text` as one word for a shell.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_safe) {
        return Cow::Borrowed(text);
    }
    if !text.chars().all(is_printable) {
        return Cow::Owned(escaped(text.as_bytes()));
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The same for a path, whatever bytes are in it. No path is read as a flag.
pub(crate) fn shell_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let here = if bytes.starts_with(b"-") { "./" } else { "" };
    let word = match path.to_str() {
        Some(text) => shell_word(text),
        None => Cow::Owned(escaped(bytes)),
    };
    format!("{here}{word}")
}

/// The same for a file that was typed. What was piped in is named as a file, so that the command can be typed again.
#[cfg(feature = "cli")]
pub(crate) fn shell_file(path: &Path) -> String {
    if path == Path::new("-") { "FILE".to_owned() } else { shell_path(path) }
}

/// POSIX's `$'...'` (2024; bash, zsh and ksh had it before): a hint stays one line, and a terminal is not moved by it.
fn escaped(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for byte in bytes {
        match byte {
            b'\n' => word.push_str(r"\n"),
            b'\'' | b'\\' => word.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => word.push(char::from(*byte)),
            // Always three digits, so that a digit after them is not read as a fourth one. Writing to a string does not fail.
            _ => drop(write!(word, "\\{byte:03o}")),
        }
    }
    word + "'"
}

/// The directory that `path` lies in, as one word for a shell.
pub(crate) fn shell_parent(path: &Path) -> String {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    shell_path(parent.unwrap_or(Path::new(".")))
}

/// The flag that names `directory`, where that is not the default.
pub(crate) fn dir_flag(directory: &Path) -> String {
    if directory == Path::new("certs") {
        return String::new();
    }
    // What a file without a directory before its name lies in.
    let here = directory.as_os_str().is_empty();
    format!(" --dir {}", shell_path(if here { Path::new(".") } else { directory }))
}

/// The same for the directory that `path` lies in.
pub(crate) fn dir_flag_of(path: &Path) -> String {
    path.parent().map_or_else(String::new, dir_flag)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_each_word_as_it_was() {
        for text in [
            "/run/eg.sock",
            "",
            "a b",
            "it's",
            "$HOME",
            "a;b|c&d",
            "`x`",
            "~",
            "*",
            "\\",
            "über",
            "[::1]:5005",
        ] {
            let script = format!("printf %s {}", shell_word(text));
            let printed = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8(printed.stdout).expect("UTF-8"), text);
        }
    }

    #[test]
    fn bash_reads_each_path_as_it_was_in_one_line() {
        for bytes in [&b"a\nb"[..], b"-x", b"\x1b[2J", b"it's\t7", b"\xff0", b"\\\r", "\u{202e}x".as_bytes()]
        {
            let word = shell_path(Path::new(OsStr::from_bytes(bytes)));
            assert!(word.chars().all(is_printable), "{word:?}");
            let printed =
                Command::new("bash").args(["-c", &format!("printf '<%s>' {word}")]).output().expect("bash");
            let here = if bytes == b"-x" { "./" } else { "" };
            assert_eq!(printed.stdout, [b"<", here.as_bytes(), bytes, b">"].concat());
        }
    }

    #[test]
    fn a_file_without_a_directory_lies_in_this_one() {
        let flag = |path: &str| dir_flag_of(Path::new(path));
        assert_eq!(flag("server.crt"), " --dir .");
        assert_eq!(flag("certs/server.crt"), "");
        assert_eq!(flag("a b/server.crt"), " --dir 'a b'");
    }
}
