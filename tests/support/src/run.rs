use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use snapbox::cmd::OutputAssert;
use snapbox::{Assert, IntoData};
use tempfile::TempDir;

use crate::{LIMIT, Running, TestPki, check_output, printed};

/// One run of the built binary: an environment without surprises, an empty working directory, a time limit.
///
/// `tests/architecture.rs` holds that nothing else starts it.
#[derive(Debug)]
pub struct Egext {
    command: Command,
    directory: TempDir,
    limit: Duration,
    input: Option<Vec<u8>>,
    is_data: bool,
}

impl Egext {
    /// A run of `binary`, for which the test crate knows `env!("CARGO_BIN_EXE_egext")`.
    pub fn new<I>(binary: impl AsRef<OsStr>, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let directory =
            tempfile::Builder::new().prefix("egext-run-").tempdir().expect("a temporary directory");
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(directory.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        scrub(&mut command);
        Self { command, directory, limit: LIMIT, input: None, is_data: false }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds `--dir` with the certificates of `pki`.
    #[must_use]
    pub fn pki(self, pki: &TestPki) -> Self {
        self.arg("--dir").arg(pki.directory())
    }

    /// Runs somewhere else than in a new, empty directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Gives it this on stdin, and then the end; without it, stdin is empty.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self.open_stdin()
    }

    /// Keeps stdin open: [`Running::stdin`] writes to it.
    #[must_use]
    pub fn open_stdin(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Gives it something else as stdin, such as a socket.
    #[must_use]
    pub fn stdin_from(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// What it prints is a script or another kind of data, not text that is judged as words for people.
    #[must_use]
    pub fn prints_data(mut self) -> Self {
        self.is_data = true;
        self
    }

    /// Sends stdout elsewhere: it is empty in the [`Run`].
    #[must_use]
    pub fn stdout_to(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Sends stderr elsewhere: it is empty in the [`Run`].
    #[must_use]
    pub fn stderr_to(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Kills the process, and fails the test, after less time than usual.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs as a user who may do nothing special, even when the tests run as root. That user gets a copy of
    /// the binary, since the way to the real one may be closed to them.
    #[cfg(unix)]
    #[must_use]
    pub fn without_privileges(mut self) -> Self {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        use std::os::unix::process::CommandExt as _;

        let directory = self.directory.path();
        if fs::metadata(directory).expect("our directory").uid() != 0 {
            return self;
        }
        let copy = directory.join("egext");
        // Not by `fs::copy`: other tests start processes at the same time, these inherit the file that is
        // being written, and the system executes no file that is open for writing (ETXTBSY).
        let copied = Command::new("cp").arg(self.command.get_program()).arg(&copy).status();
        assert!(copied.expect("cp").success(), "the binary could not be copied");
        for path in [directory, &copy] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("ours");
        }
        let mut command = Command::new(copy);
        command
            .args(self.command.get_args())
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .uid(NOBODY)
            .gid(NOBODY);
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.command = command;
        self
    }

    /// Runs it to its end, which must not be a signal.
    #[track_caller]
    pub fn run(mut self) -> Run {
        let started = Instant::now();
        let output = self.end();
        let duration = started.elapsed();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let exit_code = output.status.code();
        let exit_code =
            exit_code.unwrap_or_else(|| panic!("`{:?}` ended by {}: {stderr}", self.command, output.status));
        Run { exit_code, stdout, stderr, duration, json: Value::Null }
    }

    /// Runs it to its end, whatever that is.
    #[track_caller]
    pub fn output(mut self) -> Output {
        self.end()
    }

    /// Runs it to its end, and holds what it printed against snapshots.
    #[track_caller]
    pub fn assert(self) -> OutputAssert {
        OutputAssert::new(self.output()).with_assert(exactly())
    }

    #[track_caller]
    fn end(&mut self) -> Output {
        let started = Instant::now();
        let mut child = self.spawn();
        let (closed, ends) = mpsc::channel();
        let stdout = collect(child.stdout.take(), closed.clone());
        let stderr = collect(child.stderr.take(), closed);
        let in_time = (0..2).all(|_| ends.recv_timeout(self.limit.saturating_sub(started.elapsed())).is_ok());
        if !in_time {
            // Best effort: it may have ended this very moment.
            let _ = child.kill();
        }
        let [stdout, stderr] = [stdout, stderr].map(|output| output.octets());
        let [out, error] = [&stdout, &stderr].map(|octets| String::from_utf8_lossy(octets));
        assert!(
            in_time,
            "`{:?}` still ran after {:?}\nstdout: {out}\nstderr: {error}",
            self.command, self.limit
        );
        let left = self.limit.saturating_sub(started.elapsed());
        let status = wait(&mut child, left).unwrap_or_else(|| {
            panic!("`{:?}` closed its output and still ran after {:?}", self.command, self.limit)
        });
        if !self.is_data {
            printed(&out);
            printed(&error);
            check_output(&self.arguments(), &out, &error);
        }
        drop((out, error));
        Output { status, stdout, stderr }
    }

    /// Runs it with `-o json` to its end, and reads the object on stdout.
    pub fn json(self) -> Run {
        let mut run = self.args(["-o", "json"]).run();
        run.json = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}) on stdout: {run:?}"));
        run
    }

    /// Starts it, for commands that go on until they are stopped.
    pub fn start(mut self) -> Running {
        let child = self.spawn();
        let arguments = self.arguments();
        Running::new(child, arguments, format!("{:?}", self.command), self.directory)
    }

    fn arguments(&self) -> Vec<OsString> {
        self.command.get_args().map(OsStr::to_owned).collect()
    }

    fn spawn(&mut self) -> Child {
        let mut child = self.command.spawn();
        if let (Some(input), Ok(child)) = (self.input.take(), &mut child) {
            let mut stdin = child.stdin.take().expect("piped");
            // In a thread of its own, since a program need not read before it writes, and need not read all.
            thread::spawn(move || stdin.write_all(&input));
        }
        // The command holds our ends of what its outputs were sent to: a pipe would not end with the process.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        child.unwrap_or_else(|error| panic!("cannot start `{:?}`: {error}", self.command))
    }
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// 0, 1, 2 or 3.
    pub exit_code: i32,
    /// All of it.
    pub stdout: String,
    /// All of it.
    pub stderr: String,
    /// From start to end.
    pub duration: Duration,
    /// The object on stdout, after [`Egext::json`].
    pub json: Value,
}

impl Run {
    /// The findings of the report.
    pub fn findings(&self) -> &[Value] {
        self.json["findings"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The ids of the findings, in their order.
    pub fn ids(&self) -> Vec<&str> {
        self.findings().iter().filter_map(|finding| finding["id"].as_str()).collect()
    }

    /// The first finding with this id.
    pub fn finding(&self, id: &str) -> Option<&Value> {
        self.findings().iter().find(|finding| finding["id"] == id)
    }
}

/// Asserts that a run's report has a finding: `assert_finding!(run, "probe.connect.refused", subject = address)`.
///
/// Every key of the finding can be compared: `severity`, `subject`, `message`, `hint`. Gives the finding back.
#[macro_export]
macro_rules! assert_finding {
    ($run:expr, $id:expr $(, $key:ident = $value:expr)* $(,)?) => {{
        let run: &$crate::Run = &$run;
        let id: &str = $id;
        let finding = run.finding(id).unwrap_or_else(|| panic!("no finding `{id}` in {:?}: {}", run.ids(), run.stdout));
        $(assert_eq!(finding[stringify!($key)], $value, "`{}` of {finding:#}", stringify!($key));)*
        finding
    }};
}

/// Asserts that a text is like a snapshot.
#[track_caller]
pub fn assert_text(actual: impl IntoData, expected: impl IntoData) {
    exactly().eq(actual, expected);
}

/// A backslash is not a slash: a text is held as it is printed.
fn exactly() -> Assert {
    Assert::new().action_env("SNAPSHOTS").normalize_paths(false)
}

/// Takes from a command what changes how egext works: for programs that start it and are not ours.
pub fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| disturbs(name)) {
        command.env_remove(name);
    }
}

/// True for variables that change what egext does or prints.
fn disturbs(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("EGEXT_") || ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"].contains(&&*name)
}

/// Waits for the end of a child: `None` after `limit`, when it has been killed.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return Some(status);
        }
        if Instant::now() >= deadline {
            // It may have ended this very moment.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(BETWEEN_TRIES);
    }
}

/// What a process has printed so far.
#[derive(Clone, Debug, Default)]
struct Collected(Arc<Mutex<Vec<u8>>>);

impl Collected {
    fn octets(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while it was held").clone()
    }
}

/// Reads to the end in a thread of its own, for a pipe that nobody empties would stop the process, and says
/// so on `closed`. A process that inherited the pipe can keep it open: the thread is not waited for.
fn collect(mut stream: Option<impl Read + Send + 'static>, closed: Sender<()>) -> Collected {
    let output = Collected::default();
    let shared = output.clone();
    thread::spawn(move || {
        let mut octets = [0; 16 * 1024];
        // What was read before an error is the better part of a failure message.
        while let Some(Ok(read @ 1..)) = stream.as_mut().map(|stream| stream.read(&mut octets)) {
            shared.0.lock().expect("no panic while it was held").extend_from_slice(&octets[..read]);
        }
        // Fails only when the test has failed already.
        let _ = closed.send(());
    });
    output
}

/// Only between two looks at something that is not announced.
pub(crate) const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// The user and group without rights, `nobody` on every Linux.
const NOBODY: u32 = 65534;
