use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use egext_test_support::printed;
use snapbox::IntoData;
use snapbox::cmd::OutputAssert;

/// A program as snapbox runs it. What it prints is looked at as what [`egext_test_support::Egext`] prints.
#[derive(Debug)]
pub struct Command(snapbox::cmd::Command);

impl Command {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self(snapbox::cmd::Command::new(program))
    }

    pub fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        Self(self.0.arg(argument))
    }

    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        Self(self.0.args(arguments))
    }

    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        Self(self.0.env(name, value))
    }

    pub fn current_dir(self, directory: impl AsRef<Path>) -> Self {
        Self(self.0.current_dir(directory))
    }

    pub fn stdin(self, text: impl IntoData) -> Self {
        Self(self.0.stdin(text))
    }

    pub fn timeout(self, limit: Duration) -> Self {
        Self(self.0.timeout(limit))
    }

    #[track_caller]
    pub fn output(self) -> io::Result<Output> {
        let output = self.0.output()?;
        for text in [&output.stdout, &output.stderr] {
            printed(&String::from_utf8_lossy(text));
        }
        Ok(output)
    }

    #[track_caller]
    pub fn assert(self) -> OutputAssert {
        OutputAssert::new(self.output().expect("it starts"))
    }
}
