use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::{Read as _, Seek as _};
use std::iter;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use egext::extension::{PassThrough, Server};
use egext::net::server_config;
use egext::pki::{Anchors, Identity};
use egext_test_support::{Egext, Running, TestServer};
use regex::{Captures, Regex};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;

use crate::faults;
use crate::page::Step;

/// One page's commands, in one directory.
pub struct Session {
    directory: TempDir,
    /// Bound until the server of the page takes it over.
    listener: Option<TcpListener>,
    port: u16,
    background: Vec<Running>,
    server: Option<Runtime>,
    /// By the port that the page has for each.
    faulty: BTreeMap<u16, TestServer>,
    last_code: i32,
}

impl Session {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("t").tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("run")).expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        Self {
            directory,
            listener: Some(listener),
            port,
            background: Vec::new(),
            server: None,
            faulty: BTreeMap::new(),
            last_code: 0,
        }
    }

    /// Runs one command and compares what it prints.
    pub fn run(&mut self, page: &str, step: &Step) {
        let place = format!("{page}:{}: `{}`", step.line, step.command);
        let certificates = self.directory.path().join("certs");
        for port in faults::PORTS.into_iter().filter(|port| step.command.contains(&format!(":{port}"))) {
            self.faulty.entry(port).or_insert_with(|| faults::server(port, &certificates));
        }
        let (printed, code) = match step.command.strip_suffix(" &") {
            Some(command) if command.contains("extension-server") => self.serve(),
            Some(command) => self.start(command),
            None if step.command == "echo $?" => (format!("{}\n", self.last_code), 0),
            None => self.finish(&step.command),
        };
        self.last_code = code;
        // A server that was started in the line above may be there at once or a moment later.
        let is_news = |line: &&str| line.contains("; trying again for up to ");
        let printed = self.as_documented(&printed);
        let printed: Vec<_> = printed.lines().filter(|line| !is_news(line)).map(comparable).collect();
        let expected: Vec<_> = step.printed.iter().map(|line| comparable(line)).collect();
        assert_eq!(printed, expected, "{place}");
    }

    /// The example's place is taken by the pass-through server: to the other commands they are the same, and
    /// `cargo test` does not compile the example with its generated Envoy types.
    fn serve(&mut self) -> (String, i32) {
        let certificates = self.directory.path().join("certs");
        let anchors = Anchors::load(&certificates.join("ca.crt")).expect("the page made a CA");
        let identity = Identity::load(&certificates.join("server.crt"), &certificates.join("server.key"))
            .expect("the page made a server's certificate");
        let tls = server_config(&anchors, &identity).expect("settings");
        let listener = self.listener.take().expect("a page has one server");
        listener.set_nonblocking(true).expect("a socket option");
        let runtime = Runtime::new().expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let server = Server::new(PassThrough::new()).with_tls(tls);
            server.serve(TcpListenerStream::new(listener), std::future::pending()).await
        });
        self.server = Some(runtime);
        (String::new(), 0)
    }

    fn start(&mut self, command: &str) -> (String, i32) {
        self.background.push(self.shell(&format!("exec {command}")).start());
        (String::new(), 0)
    }

    fn finish(&self, command: &str) -> (String, i32) {
        let mut output = tempfile::tempfile().expect("a file");
        let both = |output: &std::fs::File| output.try_clone().expect("a descriptor");
        let run = self.shell(command).stdout_to(both(&output)).stderr_to(both(&output)).run();
        let mut printed = String::new();
        output.rewind().expect("a file");
        output.read_to_string(&mut printed).expect("UTF-8");
        (printed, run.exit_code)
    }

    fn shell(&self, command: &str) -> Egext {
        let command = with_ports(command, |port| self.ports().find(|pair| pair.0 == port).map(|pair| pair.1))
            .replace("/run/egext", &self.run_directory().display().to_string());
        Egext::new("sh", ["-c", &command]).current_dir(self.directory.path()).env("PATH", path_with_egext())
    }

    fn run_directory(&self) -> PathBuf {
        self.directory.path().join("run")
    }

    fn as_documented(&self, printed: &str) -> String {
        with_ports(printed, |port| self.ports().find(|pair| pair.1 == port).map(|pair| pair.0))
            .replace(&self.run_directory().display().to_string(), "/run/egext")
    }

    /// The ports of the page, each with the one that is used in its place.
    fn ports(&self) -> impl Iterator<Item = (u16, u16)> {
        let faulty = self.faulty.iter().map(|(port, server)| (*port, server.port()));
        iter::once((5005, self.port)).chain(faulty)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }
}

/// A text with other ports, as far as there are others.
fn with_ports(text: &str, other: impl Fn(u16) -> Option<u16>) -> String {
    static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r":(\d{4,5})\b").expect("a form"));
    let replaced = |found: &Captures<'_>| match found[1].parse().ok().and_then(&other) {
        Some(port) => format!(":{port}"),
        None => found[0].to_owned(),
    };
    PORT.replace_all(text, replaced).into_owned()
}

/// A line without what differs from run to run: columns are as wide as what stands in them.
fn comparable(line: &str) -> String {
    static FORMS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r" +\d+\.\d ms", " 0.0 ms"),
            // In the words of this machine's resolver.
            (r"(failed to lookup address information: ).*", "$1"),
            (r"egext CA [0-9a-f]{8}", "egext CA 00000000"),
            (r"serial number [0-9a-f]{32}, until \d{4}-\d\d-\d\d", "serial number 0, until 2000-01-01"),
            (r"\d{1,2} (January|February|March|April|May|June|July|August|September|October|November|December) \d{4}", "1 January 2000"),
            // A server that was started in the line above is soon there, at this attempt or the next.
            (r", at attempt \d+", ""),
            // `localhost` has one address or two, in either order.
            (r"(resolve +)(127\.0\.0\.1|::1)(, (127\.0\.0\.1|::1))?", "${1}127.0.0.1"),
        ]
        .into_iter()
        .map(|(form, instead)| (Regex::new(form).expect("a form"), instead))
        .collect()
    });
    FORMS.iter().fold(line.to_owned(), |line, (form, instead)| form.replace_all(&line, *instead).into_owned())
}

fn path_with_egext() -> OsString {
    let directory = Path::new(env!("CARGO_BIN_EXE_egext")).parent().expect("a directory");
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths([directory.to_owned()].into_iter().chain(env::split_paths(&rest))).expect("a path")
}
