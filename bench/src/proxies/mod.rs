//! The programs that are compared, in both roles: mutual TLS begun for callers on a unix socket, and mutual TLS ended
//! in front of a plaintext server.

mod configuration;

use std::fs;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use egext_test_support::TestPki;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

use crate::server::Servers;
use crate::usage;
use configuration::{ENVOY, HAPROXY, NGINX};

/// What the proxies connect, and with which files.
pub struct Setting {
    egext: PathBuf,
    material: PathBuf,
    servers: Servers,
    /// Where callers with TLS are accepted, by one program after the other.
    listen: u16,
    directory: TempDir,
}

impl Setting {
    pub fn new(egext: &str, pki: &TestPki, servers: Servers) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        // The fixture's directory has a name that not every program can read from its configuration.
        let material = directory.path().join("pki");
        fs::create_dir(&material)?;
        for entry in fs::read_dir(pki.directory())? {
            let entry = entry?;
            write(&material.join(entry.file_name()), &fs::read(entry.path())?)?;
        }
        // HAProxy reads certificate and key from one file.
        for side in ["client", "server"] {
            let file = |ending: &str| fs::read(material.join(format!("{side}.{ending}")));
            write(&directory.path().join(format!("{side}.pem")), &[file("crt")?, file("key")?].concat())?;
        }
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { egext: egext.into(), material, servers, listen, directory })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Fills in what a configuration leaves open.
    fn fill(&self, template: &str) -> String {
        template
            .replace("@DIR@", &self.directory.path().display().to_string())
            .replace("@PKI@", &self.material.display().to_string())
            .replace("@PORT@", &self.servers.secure.to_string())
            .replace("@PLAIN@", &self.servers.plain.to_string())
            .replace("@LISTEN@", &self.listen.to_string())
    }
}

/// The side on which a program speaks TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Callers come in plaintext over a unix socket.
    Originate,
    /// Callers come with a client certificate over TCP.
    Terminate,
}

/// The binary that `packaging/build` makes, if it was run.
const PACKAGED: &str = "target/packaging/egext";

/// A program in the bridge's role.
pub struct Proxy {
    pub name: &'static str,
    command: fn(&Setting, Role) -> io::Result<Command>,
}

impl Proxy {
    pub const ALL: &[Self] = &[
        Self { name: "egext", command: |setting, role| egext(&setting.egext, "egext", setting, role) },
        Self {
            name: "packaged",
            command: |setting, role| egext(Path::new(PACKAGED), "packaged", setting, role),
        },
        Self {
            name: "haproxy",
            command: |setting, _| configured(setting, "haproxy", HAPROXY, &["-db", "-f"]),
        },
        Self { name: "nginx", command: |setting, _| configured(setting, "nginx", NGINX, &["-c"]) },
        Self {
            name: "envoy",
            command: |setting, _| {
                configured(setting, "envoy", ENVOY, &["--concurrency", "1", "--base-id", "71", "-c"])
            },
        },
    ];

    /// The bridge itself is no peer of the bridge.
    pub fn is_peer(name: &str) -> bool {
        !matches!(name, "egext" | "packaged")
    }

    /// Starts it and waits until it listens. `None` when it is not installed.
    pub async fn start(&self, setting: &Setting, role: Role) -> io::Result<Option<Running>> {
        let socket = setting.file(&format!("{}.sock", self.name));
        let mut command = (self.command)(setting, role)?;
        let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut running = Running { child, socket, port: setting.listen };
        while !running.listens(role).await {
            if let Some(status) = running.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended: {status}", self.name)));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Some(running))
    }
}

/// A proxy that listens. Ends when dropped.
pub struct Running {
    child: Child,
    socket: PathBuf,
    port: u16,
}

impl Running {
    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where callers are accepted in plaintext.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where callers are accepted with TLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    async fn listens(&self, role: Role) -> bool {
        match role {
            Role::Originate => UnixStream::connect(&self.socket).await.is_ok(),
            Role::Terminate => TcpStream::connect(("127.0.0.1", self.port)).await.is_ok(),
        }
    }

    /// The processor time that it used during `work`, in microseconds.
    pub async fn cpu(&self, work: impl Future<Output = io::Result<()>>) -> io::Result<f64> {
        let before = usage::cpu(self.child.id())?;
        work.await?;
        Ok(usage::cpu(self.child.id())? - before)
    }

    /// In MiB.
    pub fn resident(&self) -> io::Result<f64> {
        usage::resident(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // With this signal nginx ends its workers too; `kill` is everywhere.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

fn egext(binary: &Path, name: &str, setting: &Setting, role: Role) -> io::Result<Command> {
    let (listen, upstream) = match role {
        Role::Originate => (
            format!("unix:{}", setting.file(&format!("{name}.sock")).display()),
            format!("localhost:{}", setting.servers.secure),
        ),
        Role::Terminate => (
            format!("tls://127.0.0.1:{}", setting.listen),
            format!("tcp://127.0.0.1:{}", setting.servers.plain),
        ),
    };
    let mut command = Command::new(binary);
    egext_test_support::scrub(&mut command);
    command.args(["bridge", "--listen", &listen, "--upstream", &upstream, "--dir"]).arg(&setting.material);
    Ok(command)
}

fn configured(setting: &Setting, name: &str, template: &str, flags: &[&str]) -> io::Result<Command> {
    let path = setting.file(&format!("{name}.{}", if name == "envoy" { "yaml" } else { "conf" }));
    write(&path, setting.fill(template).as_bytes())?;
    let mut command = Command::new(name);
    command.args(flags).arg(path);
    Ok(command)
}

#[expect(clippy::disallowed_methods, reason = "in a temporary directory of its own")]
fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    fs::write(path, octets)
}
