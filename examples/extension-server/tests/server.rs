//! The built server, as Envoy Gateway meets it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration, VirtualHost};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use extension_server::proto::envoy_gateway_extension_client::EnvoyGatewayExtensionClient;
use extension_server::proto::{
    ExtensionResource, PostClusterModifyRequest, PostEndpointsModifyRequest, PostHttpListenerModifyRequest,
    PostRouteExtensionContext, PostRouteModifyRequest, PostTranslateModifyRequest,
    PostVirtualHostModifyRequest,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test]
async fn a_route_gets_its_header_and_the_log_names_the_client() {
    let server = Server::mtls();
    let mut client = EnvoyGatewayExtensionClient::new(server.channel_with_certificate().await);

    let answer = client.post_route_modify(route_with(GREETING)).await.expect("an answer").into_inner();

    let route = answer.route.expect("the route");
    assert_eq!(route.name, "httproute/default/hello");
    let header = route.response_headers_to_add[0].header.as_ref().expect("a header");
    assert_eq!((header.key.as_str(), header.value.as_str()), ("x-greeting", "hello"));
    let line = server.log_line("PostRouteModify");
    assert!(line.contains("CN=test client, DNS:client.test") && line.contains("headers=1"), "{line}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let server = Server::mtls();
    let tls = ClientTlsConfig::new().ca_certificate(server.ca());
    let endpoint = Channel::from_shared(format!("https://{}", server.host())).expect("a URI");

    // In TLS 1.3 the client may learn it only at the first call.
    let refused = match endpoint.tls_config(tls).expect("a configuration").connect().await {
        Ok(channel) => HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_err(),
        Err(_) => true,
    };

    assert!(refused);
    let line = server.log_line("TLS handshake failed");
    assert!(line.contains("peer sent no certificates"), "{line}");
}

#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let server = Server::mtls();
    let silent: Vec<_> =
        (0..300).map(|_| std::net::TcpStream::connect(server.host()).expect("it listens")).collect();
    let line = server.log_line("TLS handshake given up");
    assert!(line.contains("too many at a time"), "{line}");
    let mut client = EnvoyGatewayExtensionClient::new(server.channel_with_certificate().await);
    client.post_route_modify(route_with(GREETING)).await.expect("an answer");
    drop(silent);
}

#[tokio::test]
async fn everything_else_comes_back_as_it_went() {
    let server = Server::on_a_socket(&[]);
    let mut client = EnvoyGatewayExtensionClient::new(server.channel().await);
    let name = || "n".to_owned();
    let host = VirtualHost { name: name(), domains: vec!["*".to_owned()], ..VirtualHost::default() };
    let listener = Listener { name: name(), ..Listener::default() };
    let cluster = Cluster { name: name(), ..Cluster::default() };
    let endpoints = ClusterLoadAssignment { cluster_name: name(), ..ClusterLoadAssignment::default() };

    let request = PostVirtualHostModifyRequest { virtual_host: Some(host.clone()), ..Default::default() };
    let answer = client.post_virtual_host_modify(request).await.expect("an answer").into_inner();
    assert_eq!(answer.virtual_host, Some(host));

    let request = PostHttpListenerModifyRequest { listener: Some(listener.clone()), ..Default::default() };
    let answer = client.post_http_listener_modify(request).await.expect("an answer").into_inner();
    assert_eq!(answer.listener.as_ref(), Some(&listener));

    let request = PostClusterModifyRequest { cluster: Some(cluster.clone()), ..Default::default() };
    let answer = client.post_cluster_modify(request).await.expect("an answer").into_inner();
    assert_eq!(answer.cluster.as_ref(), Some(&cluster));

    let request =
        PostEndpointsModifyRequest { load_assignment: Some(endpoints.clone()), ..Default::default() };
    let answer = client.post_endpoints_modify(request).await.expect("an answer").into_inner();
    assert_eq!(answer.load_assignment, Some(endpoints));

    let request = PostTranslateModifyRequest {
        clusters: vec![cluster.clone()],
        secrets: vec![Secret { name: name(), ..Secret::default() }],
        listeners: vec![listener],
        routes: vec![RouteConfiguration { name: name(), ..RouteConfiguration::default() }],
        ..PostTranslateModifyRequest::default()
    };
    let answer = client.post_translate_modify(request.clone()).await.expect("an answer").into_inner();
    assert_eq!(answer.clusters, request.clusters);
    assert_eq!(answer.secrets, request.secrets);
    assert_eq!(answer.listeners, request.listeners);
    assert_eq!(answer.routes, request.routes);

    assert!(server.log_line("PostTranslateModify").contains("client=\"plaintext\""));
}

#[tokio::test]
async fn a_resource_that_envoy_would_not_take_is_answered_with_its_name() {
    let server = Server::on_a_socket(&[]);
    let mut client = EnvoyGatewayExtensionClient::new(server.channel().await);

    let status = client.post_route_modify(route_with(r#"{ "name": "x" }"#)).await.expect_err("refused");

    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "ResponseHeader `default/greeting`: spec: missing field `value`");
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_flag_says() {
    let request = PostTranslateModifyRequest {
        clusters: vec![Cluster { name: "n".repeat(5 << 20), ..Cluster::default() }],
        ..PostTranslateModifyRequest::default()
    };
    for (flags, code) in [(&[][..], Code::OutOfRange), (&["--max-message-size", "6MiB"], Code::Ok)] {
        let server = Server::on_a_socket(flags);
        let mut client =
            EnvoyGatewayExtensionClient::new(server.channel().await).max_decoding_message_size(usize::MAX);
        let answer = client.post_translate_modify(request.clone()).await;
        assert_eq!(answer.map_or_else(|status| status.code(), |_| Code::Ok), code);
    }
}

// Two threads: the client has to hang up while this one waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn health_is_served_and_a_signal_ends_all() {
    let server = Server::on_a_socket(&[]);
    let mut health = HealthClient::new(server.channel().await);
    for service in ["", "envoygateway.extension.EnvoyGatewayExtension"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    let socket = server.directory.path().join("s");
    assert!(socket.exists());

    let status = server.terminate();

    assert!(status.success(), "{status}");
    assert!(!socket.exists(), "the socket is removed");
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for (arguments, message) in [
        (&["--listen", "tcp://127.0.0.1:0"][..], "is plaintext; say so with `--plaintext`"),
        (&["--listen", "tcp://0.0.0.0:0", "--plaintext"], "is plaintext beyond this machine"),
        (&["--listen", "tls://127.0.0.1:0", "--plaintext"], "is TLS and needs certificates"),
        (&["--listen", "tls://127.0.0.1:0"], "cannot read `certs/ca.crt`"),
    ] {
        let output = Command::new(BINARY).args(arguments).current_dir(&directory).output().expect("it runs");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{log}");
        assert!(log.contains(message), "{message}: {log}");
    }
}

#[test]
fn a_leaf_in_the_ca_file_is_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    write_certificates(directory.path());
    fs::copy(directory.path().join("server.crt"), directory.path().join("ca.crt")).expect("copied");

    let arguments = ["--listen", "tls://127.0.0.1:0", "--dir", "."];
    let output = Command::new(BINARY).args(arguments).current_dir(&directory).output().expect("it runs");

    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("`./ca.crt` holds a certificate that is not a CA's"), "{log}");
}

/// A running server. It ends with the test.
struct Server {
    process: Child,
    log: Receiver<String>,
    address: String,
    directory: TempDir,
}

impl Server {
    fn mtls() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        write_certificates(directory.path());
        Self::spawn(directory, &["--listen", "tls://127.0.0.1:0", "--dir", "."])
    }

    fn on_a_socket(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        Self::spawn(directory, &[&["--listen", "unix:s", "--plaintext"], flags].concat())
    }

    fn spawn(directory: TempDir, arguments: &[&str]) -> Self {
        let mut process = Command::new(BINARY)
            .args(arguments)
            .current_dir(&directory)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stderr = process.stderr.take().expect("piped");
        let (sender, log) = channel();
        thread::spawn(move || {
            // The test may be over before the log is.
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        let mut server = Self { process, log, address: String::new(), directory };
        let line = server.log_line("listening on ");
        server.address = line.split_once("listening on ").expect("just found").1.to_owned();
        server
    }

    /// The next line that contains `text`.
    fn log_line(&self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("`{text}` was not logged"));
            if line.contains(text) {
                return line;
            }
        }
    }

    fn host(&self) -> &str {
        self.address.strip_prefix("tls://").expect("a TLS server")
    }

    fn ca(&self) -> Certificate {
        Certificate::from_pem(self.read("ca.crt"))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).expect(name)
    }

    async fn channel_with_certificate(&self) -> Channel {
        let identity = Identity::from_pem(self.read("client.crt"), self.read("client.key"));
        let tls = ClientTlsConfig::new().ca_certificate(self.ca()).identity(identity);
        let endpoint = Channel::from_shared(format!("https://{}", self.host())).expect("a URI");
        endpoint.tls_config(tls).expect("a configuration").connect().await.expect("a connection")
    }

    async fn channel(&self) -> Channel {
        let socket = self.directory.path().join("s");
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).expect("a URI");
        endpoint.connect().await.expect("a connection")
    }

    fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.log_line("stopped");
        self.process.wait().expect("it ended")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn route_with(spec: &str) -> PostRouteModifyRequest {
    let resource = format!(
        r#"{{"apiVersion":"example.egext.dev/v1alpha1","kind":"ResponseHeader",
            "metadata":{{"name":"greeting","namespace":"default"}},"spec":{spec}}}"#
    );
    let context = PostRouteExtensionContext {
        extension_resources: vec![ExtensionResource { unstructured_bytes: resource.into_bytes() }],
        ..PostRouteExtensionContext::default()
    };
    let route = Route { name: "httproute/default/hello".to_owned(), ..Route::default() };
    PostRouteModifyRequest { route: Some(route), post_route_context: Some(context) }
}

/// A CA, a server and a client, under the names that `egext certs init` gives them.
fn write_certificates(directory: &Path) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().expect("a key");
    let ca = params.self_signed(&key).expect("a certificate");
    write(directory, "ca.crt", &ca.pem());
    let issuer = Issuer::new(params, key);
    for (role, name, usage) in [
        ("server", "127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", "client.test", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("test {role}"));
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        write(directory, &format!("{role}.crt"), &certificate.pem());
        write(directory, &format!("{role}.key"), &key.serialize_pem());
    }
}

fn write(directory: &Path, name: &str, pem: &str) {
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).open(directory.join(name)).expect(name);
    file.write_all(pem.as_bytes()).expect(name);
}

const BINARY: &str = env!("CARGO_BIN_EXE_extension-server");
const GREETING: &str = r#"{ "name": "x-greeting", "value": "hello" }"#;
/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
