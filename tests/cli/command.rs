use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use egext_test_support::{check_output, printed};
use snapbox::cmd::OutputAssert;
use snapbox::{Assert, IntoData};

/// A program as snapbox runs it. What it prints is looked at as what [`egext_test_support::Egext`] prints.
#[derive(Debug)]
pub struct Command(snapbox::cmd::Command, Vec<OsString>);

impl Command {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self(snapbox::cmd::Command::new(program), Vec::new())
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.1.push(argument.as_ref().to_owned());
        Self(self.0.arg(argument), self.1)
    }

    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        Self(self.0.env(name, value), self.1)
    }

    pub fn current_dir(self, directory: impl AsRef<Path>) -> Self {
        Self(self.0.current_dir(directory), self.1)
    }

    pub fn stdin(self, text: impl IntoData) -> Self {
        Self(self.0.stdin(text), self.1)
    }

    pub fn timeout(self, limit: Duration) -> Self {
        Self(self.0.timeout(limit), self.1)
    }

    #[track_caller]
    pub fn output(self) -> io::Result<Output> {
        let output = self.0.output()?;
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        printed(&stdout);
        printed(&stderr);
        check_output(&self.1, &stdout, &stderr);
        Ok(output)
    }

    #[track_caller]
    pub fn assert(self) -> OutputAssert {
        // A backslash is not a slash: a text is held as it is printed.
        let exactly = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
        OutputAssert::new(self.output().expect("it starts")).with_assert(exactly)
    }
}
