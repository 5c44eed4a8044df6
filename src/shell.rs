//! Commands that are printed to be pasted into a shell.

use std::borrow::Cow;
use std::path::Path;

/// `text` as one word for a POSIX shell.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The same for a path: what is not UTF-8 in it cannot be pasted anyway.
pub(crate) fn shell_path(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
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

#[cfg(test)]
mod tests {
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
    fn a_file_without_a_directory_lies_in_this_one() {
        let flag = |path: &str| Path::new(path).parent().map(dir_flag);
        assert_eq!(flag("server.crt").as_deref(), Some(" --dir ."));
        assert_eq!(flag("certs/server.crt").as_deref(), Some(""));
        assert_eq!(flag("a b/server.crt").as_deref(), Some(" --dir 'a b'"));
    }
}
