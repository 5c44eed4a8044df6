//! A line on the terminal that says what is going on, and is gone when there is a result.

use std::env;
use std::io::{self, IsTerminal as _};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use super::printer::rendered;
use super::{human, stream};
use crate::report::Line;

/// A line that is written over itself. Dropping it erases it.
#[derive(Debug)]
pub(crate) struct Live {
    colours: bool,
    shown: String,
}

impl Live {
    /// None where stderr shows no such line.
    pub(super) fn new(colours: bool) -> Option<Self> {
        let is_capable = env::var_os("TERM").is_some_and(|name| !name.is_empty() && name != "dumb");
        (is_capable && io::stderr().is_terminal()).then(|| Self { colours, shown: String::new() })
    }

    /// Replaces it.
    pub(crate) fn show(&mut self, line: &Line) {
        let text = human::line(line);
        let text = rendered(text.trim_end(), self.colours);
        if text == self.shown || !is_in_foreground() {
            return;
        }
        // Without a line break where the terminal ends: of two lines only one would be erased.
        write(&format!("\r{WRAP_OFF}{text}{ERASE_REST}{WRAP_ON}"));
        self.shown = text.into_owned();
    }

    /// Makes room for what stays.
    pub(crate) fn erase(&mut self) {
        if !self.shown.is_empty() {
            write(&format!("\r{ERASE_REST}"));
            self.shown.clear();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.erase();
    }
}

/// What cannot be shown changes nothing about the result.
fn write(text: &str) {
    let _ = stream::write(io::stderr(), text.as_bytes());
}

/// The line of a job in the background would stand where another program writes. False only if that is known.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stderr()).map_or(true, |foreground| foreground == getpgrp())
}

const ERASE_REST: &str = "\x1b[K";
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";
