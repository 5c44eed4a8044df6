use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use egext_test_support::TestPki;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::sleep;

use crate::usage;

/// What the proxies connect, and with which files.
pub struct Setting {
    egext: PathBuf,
    material: PathBuf,
    port: u16,
    directory: TempDir,
}

impl Setting {
    pub fn new(egext: &str, pki: &TestPki, port: u16) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let material = pki.directory().to_owned();
        // HAProxy wants certificate and key in one file.
        let pair = [fs::read(pki.client_certificate())?, fs::read(pki.client_key())?].concat();
        write(&directory.path().join("client.pem"), &pair)?;
        Ok(Self { egext: egext.into(), material, port, directory })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Fills in what a configuration leaves open.
    fn fill(&self, template: &str) -> String {
        template
            .replace("@DIR@", &self.directory.path().display().to_string())
            .replace("@PKI@", &self.material.display().to_string())
            .replace("@PORT@", &self.port.to_string())
    }
}

/// A program in the bridge's role.
pub struct Proxy {
    pub name: &'static str,
    command: fn(&Setting) -> io::Result<Command>,
}

impl Proxy {
    pub const ALL: &[Self] = &[
        Self { name: "egext", command: egext },
        Self { name: "haproxy", command: haproxy },
        Self { name: "nginx", command: nginx },
        Self { name: "envoy", command: envoy },
    ];

    /// Starts it and waits until it listens. `None` when it is not installed.
    pub async fn start(&self, setting: &Setting) -> io::Result<Option<Running>> {
        let socket = setting.file(&format!("{}.sock", self.name));
        let mut command = (self.command)(setting)?;
        let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut running = Running { child, socket };
        while UnixStream::connect(&running.socket).await.is_err() {
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
}

impl Running {
    pub fn socket(&self) -> &Path {
        &self.socket
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
        // A polite end, for nginx takes its workers along then; `kill` is everywhere.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

fn egext(setting: &Setting) -> io::Result<Command> {
    let mut command = Command::new(&setting.egext);
    egext_test_support::scrub(&mut command);
    command.arg("bridge").arg("--listen").arg(format!("unix:{}", setting.file("egext.sock").display()));
    command.arg("--upstream").arg(format!("localhost:{}", setting.port)).arg("--dir").arg(&setting.material);
    Ok(command)
}

fn haproxy(setting: &Setting) -> io::Result<Command> {
    configured(setting, "haproxy", HAPROXY, &["-db", "-f"])
}

fn nginx(setting: &Setting) -> io::Result<Command> {
    configured(setting, "nginx", NGINX, &["-c"])
}

fn envoy(setting: &Setting) -> io::Result<Command> {
    configured(setting, "envoy", ENVOY, &["--concurrency", "1", "--base-id", "71", "-c"])
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

const HAPROXY: &str = "\
global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend callers
  bind unix@@DIR@/haproxy.sock proto h2
  default_backend server
backend server
  http-reuse always
  server s 127.0.0.1:@PORT@ ssl alpn h2 crt @DIR@/client.pem ca-file @PKI@/ca.crt verify required verifyhost localhost
";

const NGINX: &str = "\
worker_processes 1;
daemon off;
pid @DIR@/nginx.pid;
error_log /dev/null;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream server { server 127.0.0.1:@PORT@; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen unix:@DIR@/nginx.sock http2;
    location / {
      grpc_pass grpcs://server;
      grpc_ssl_certificate @PKI@/client.crt;
      grpc_ssl_certificate_key @PKI@/client.key;
      grpc_ssl_trusted_certificate @PKI@/ca.crt;
      grpc_ssl_verify on;
      grpc_ssl_name localhost;
      grpc_ssl_protocols TLSv1.2 TLSv1.3;
    }
  }
}
";

const ENVOY: &str = r#"
static_resources:
  listeners:
  - address: { pipe: { path: "@DIR@/envoy.sock" } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: callers
          codec_type: HTTP2
          route_config:
            virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: server } }] }]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: server
    type: STATIC
    load_assignment:
      cluster_name: server
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: @PORT@ } } } }] }]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context:
          alpn_protocols: [h2]
          tls_certificates: [{ certificate_chain: { filename: "@PKI@/client.crt" }, private_key: { filename: "@PKI@/client.key" } }]
          validation_context: { trusted_ca: { filename: "@PKI@/ca.crt" } }
"#;
