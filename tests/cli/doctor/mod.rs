//! `egext doctor`: the first thing that is wrong, whatever else is.

mod files;
mod guessed;
mod left_out;
mod native;
mod several;
mod told;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use egext_test_support::{Egext, ReservedPort, Run, Running, Signal, TestPki, TestServer};
use serde_json::Value;
use tempfile::TempDir;

use crate::egext;

/// A channel, complete or not: nothing of the machine's own is looked at.
struct Channel {
    pki: TestPki,
    directory: TempDir,
}

impl Channel {
    fn new(pki: TestPki) -> Self {
        Self { pki, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn bridge(&self, server: &str) -> Running {
        let mut running = egext(["bridge", "--upstream", server, "--listen"])
            .arg(format!("unix:{}", self.path("eg.sock").display()))
            .arg("--admin")
            .arg(format!("unix:{}", self.path("admin.sock").display()))
            .pki(&self.pki)
            .start();
        running.wait_for_line("admin server is up");
        running.wait_for_socket(&self.path("eg.sock"));
        running
    }

    /// EG's file, with everything that it needs to be accepted.
    fn configuration(&self, socket: &str) -> Egext {
        fs::create_dir_all(self.path("resources")).expect("a directory");
        let run = egext(["config", "gateway", "--hook", "VirtualHost", "--resources-dir"]);
        let run = run.arg(self.path("resources")).arg("--socket").arg(self.path(socket)).run();
        assert_eq!(run.exit_code, 0, "{run:?}");
        write(&self.path("envoy-gateway.yaml"), &run.stdout);
        self.doctor().arg(self.path("envoy-gateway.yaml"))
    }

    fn doctor(&self) -> Egext {
        egext(["doctor"]).pki(&self.pki)
    }
}

#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
}

/// Part and state of each step.
fn steps(run: &Run) -> Vec<(&str, &str)> {
    let steps = run.json["steps"].as_array().expect("a list");
    steps
        .iter()
        .map(|step| (step["part"].as_str().expect("text"), step["state"].as_str().expect("text")))
        .collect()
}

fn assert_first(run: &Run, part: &str, id: &str) {
    let first = &run.json["first"];
    assert_eq!((&first["part"], &first["id"]), (&part.into(), &id.into()), "{}", run.stdout);
    assert!(first["next"].as_str().is_some_and(|next| !next.is_empty()), "{}", run.stdout);
}

#[test]
fn a_channel_that_works_has_nothing_wrong() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    // The server and the admin socket are found from the file and the bridge.
    let run = channel.configuration("eg.sock").json();
    let all = ["certificates", "server", "on-disk", "bridge", "socket", "configuration"];
    assert_eq!(steps(&run), all.map(|part| (part, "works")), "{}", run.stdout);
    assert_eq!((run.exit_code, &run.json["first"]), (0, &Value::Null));
    assert!(
        server.paths().iter().all(|path| path.starts_with("/grpc.health.v1.Health/")),
        "no hook is called"
    );

    let run = channel.configuration("eg.sock").run();
    assert!(run.stdout.ends_with("\nnothing is wrong\n"), "{}", run.stdout);
}

#[test]
fn without_certificates_they_come_first() {
    let server = ReservedPort::new();
    let run = egext(["doctor", "--server", &server.tls_address(), "--dir", "none"]).json();
    assert_eq!(run.exit_code, 1);
    assert_first(&run, "certificates", "doctor.certificates-missing");
    assert!(run.json["first"]["next"].as_str().is_some_and(|it| it.contains("egext certs init --dir none")));
    assert_eq!(steps(&run)[1], ("server", "skipped"));
    assert_eq!(run.json["steps"][1]["detail"], "the certificates come first");
}

#[test]
fn an_address_that_was_not_named_is_said_to_be_the_usual_one() {
    let run = egext(["doctor", "--dir", "none"]).json();
    let server = &run.json["steps"][1];
    assert_eq!(server["subject"], "localhost:5005");
    let words = "the certificates come first; this is the usual address, `--server HOST:PORT` names another";
    assert_eq!(server["detail"], words);
}

#[test]
fn a_server_that_is_away_comes_before_the_bridge_that_cannot_reach_it() {
    let channel = Channel::new(TestPki::new());
    let unused = ReservedPort::new();
    let mut bridge = channel.bridge(&unused.tls_address());
    bridge.wait_for_line("probe.connect.refused");
    let run = channel.configuration("eg.sock").json();
    assert_first(&run, "server", "probe.connect.refused");
    assert_eq!(
        steps(&run),
        [
            ("certificates", "works"),
            ("server", "failed"),
            ("on-disk", "skipped"),
            ("bridge", "failed"),
            ("socket", "failed"),
            ("configuration", "works"),
        ]
    );
}

#[test]
fn a_server_that_still_presents_the_old_certificate_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    channel.pki.renew("server");
    let run = channel.doctor().args(["--server", &server.address()]).json();
    assert_first(&run, "on-disk", "certs.presented-differs");
}

#[test]
fn a_bridge_that_does_not_run_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let unused = ReservedPort::new();
    let run = channel.doctor().args(["--server", &server.address(), "--admin", &unused.tcp_address()]).json();
    assert_first(&run, "bridge", "doctor.bridge-unanswered");
}

/// Any gRPC server, and one that never says a word.
#[test]
fn a_bridge_without_an_admin_server_is_said_to_need_one() {
    let channel = Channel::new(TestPki::new());
    let (server, bridge) = (TestServer::mtls(&channel.pki).spawn(), TestServer::unix().spawn());
    let socket = bridge.socket().display().to_string();
    let run = channel.doctor().args(["--server", &server.address(), "--socket", &socket]).json();
    let detail = run.json["steps"][3]["detail"].as_str().expect("words");
    let next =
        format!("start the bridge with `--admin unix:{}`", socket.replace("server.sock", "admin.sock"));
    assert!(detail.ends_with(&next), "{detail}");
}

#[test]
fn the_first_thing_is_told_with_its_file() {
    let channel = Channel::new(TestPki::new().client_expired());
    let unused = ReservedPort::new();
    let doctor = || channel.doctor().args(["--server", &unused.tls_address()]);
    let run = doctor().json();
    assert_first(&run, "certificates", "certs.expired");
    let subject = run.json["first"]["subject"].as_str().expect("a file");
    assert!(subject.ends_with("client.crt"), "{subject}");
    let run = doctor().run();
    let first = run.stdout.lines().find(|line| line.starts_with("first: certificates: "));
    assert!(first.is_some_and(|line| line.contains("client.crt: expired ")), "{}", run.stdout);
}

#[test]
fn a_hint_names_no_flag_that_only_the_probe_has() {
    let (channel, other) = (Channel::new(TestPki::new()), TestPki::new());
    let server = TestServer::mtls(&other).spawn();
    let run = channel.doctor().args(["--server", &server.address()]).json();
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.starts_with("name its set by `--dir`, or add the CA that issued it to `ca.crt`"), "{next}");

    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).not_serving().spawn();
    let run = channel.doctor().args(["--server", &server.address()]).json();
    let next = run.json["first"]["next"].as_str().expect("words");
    let words = format!(
        "its log says why it does not serve; `--wait 60s` waits until it serves, with `egext probe {} --dir ",
        server.address()
    );
    assert!(next.starts_with(&words), "{next}");
}

#[test]
fn a_server_that_is_silent_is_asked_once() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).stops_after(0).spawn();
    let run = channel.doctor().args(["--server", &server.address(), "--timeout", "200ms"]).json();
    assert_first(&run, "server", "probe.tls.timeout");
    assert_eq!((steps(&run)[2], server.connections()), (("on-disk", "skipped"), 1));
}

#[test]
fn a_signal_ends_it_with_a_result() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).stops_after(0).spawn();
    let running = channel.doctor().args(["--server", &server.address(), "--timeout", "1h"]).start();
    server.wait_for_connections(1);
    running.signal(Signal::INT);
    let (code, stderr) = running.finish();
    assert_eq!((code, &*stderr), (2, "error: interrupted\n"));
}

#[test]
fn what_is_no_admin_server_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::plaintext().spawn();
    let run = channel.doctor().args(["--server", &server.address(), "--admin", &server.address()]).json();
    assert_first(&run, "bridge", "doctor.bridge-unanswered");
    assert!(run.json["first"]["message"].as_str().is_some_and(|it| it.contains("is no admin server")));
    assert_eq!(steps(&run)[0], ("certificates", "skipped"), "plaintext needs none");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound").to_string();
    let run = channel.doctor().args(["--server", &server.address(), "--admin", &address]);
    let run = run.args(["--timeout", "300ms"]).json();
    assert!(
        run.json["first"]["message"].as_str().is_some_and(|it| it.contains("did not answer within")),
        "{}",
        run.stdout
    );
}

/// What could be made or started there would fail.
#[test]
fn of_a_path_that_leads_in_a_circle_the_path_is_to_be_looked_at() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let circle = channel.path("loop");
    std::os::unix::fs::symlink("loop", &circle).expect("a link");
    let look = format!("look at the path: `ls -ld {}`", circle.display());
    let socket = format!("unix:{}", circle.display());
    for (directory, flags, hint) in [
        (&*circle, vec![], format!("{look}; `--dir` names another directory")),
        (channel.pki.directory(), vec!["--socket", &socket], look.clone()),
        (channel.pki.directory(), vec!["--admin", &socket], look),
    ] {
        let doctor = egext(["doctor", "--no-policy", "--server", &server.address(), "--dir"]).arg(directory);
        let run = doctor.args(flags).json();
        assert_eq!(run.findings().len(), 1, "{}", run.stdout);
        assert_eq!(run.findings()[0]["hint"], hint);
    }
}

/// Such an answer is no bridge that hangs.
#[test]
fn an_answer_without_an_end_is_none_of_a_bridge() {
    let channel = Channel::new(TestPki::new());
    for (begin, goes_on, limit, words) in [
        // It is cut without the limit.
        ("HTTP/1.1 100 Continue\r\n\r\n", true, "1h", "is no admin server of a bridge"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
            false,
            "300ms",
            "does not answer as a bridge does: it began, and did not come to an end within 300 ms",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
            false,
            "300ms",
            "does not answer as a bridge does: ",
        ),
    ] {
        let run = answered_by(&channel, limit, move |mut stream| {
            let text = begin.repeat(if goes_on { 1000 } else { 1 });
            while stream.write_all(text.as_bytes()).is_ok() && goes_on {}
            // Open until the doctor has seen enough; a reset is an end, too.
            let _ = stream.read(&mut [0]);
        });
        assert_first(&run, "bridge", "doctor.bridge-unanswered");
        let message = run.json["first"]["message"].as_str().expect("words");
        let admin = run.json["findings"][0]["subject"].as_str().expect("an address");
        assert!(message.contains(words) && message.contains(admin), "{message}");
    }
}

/// What a bridge of another version answers to one question, and what comes of that.
fn answered(channel: &Channel, body: &'static str) -> Run {
    answered_by(channel, "1h", move |mut stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + body).as_bytes()).expect("read");
    })
}

/// What comes of an admin server that does this after the question.
fn answered_by(channel: &Channel, limit: &str, answer: impl FnOnce(TcpStream) + Send + 'static) -> Run {
    let server = TestServer::plaintext().spawn();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let answering = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("doctor comes");
        let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        answer(stream);
    });
    let doctor = channel.doctor().args(["--server", &server.address(), "--admin", &address]);
    let run = doctor.args(["--timeout", limit]).json();
    answering.join().expect("answered");
    run
}

/// A newer one may know findings that we do not.
#[test]
fn a_bridge_with_a_reason_of_its_own_is_repeated() {
    let body = r#"{"schema":"egext.bridge-status/1","listen":"unix:/a","ready":false,"reasons":[{"id":"bridge.from.tomorrow","message":"the moon is full","hint":"wait"}],"warnings":[],"upstream":{"address":"a:1","state":"failing","causes":[]}}"#;
    let run = answered(&Channel::new(TestPki::new()), body);
    assert_first(&run, "bridge", "doctor.bridge-not-ready");
    assert_eq!(run.json["first"]["message"], "the moon is full");
}

#[test]
fn an_answer_in_another_form_is_not_read() {
    let body = r#"{"schema":"egext.bridge-status/9","ready":true}"#;
    let run = answered(&Channel::new(TestPki::new()), body);
    assert_first(&run, "bridge", "doctor.bridge-unanswered");
    assert_eq!(run.exit_code, 0, "nothing says that it does not work: {}", run.stdout);
    assert!(run.json["first"]["message"].as_str().is_some_and(|it| it.contains("egext.bridge-status/9")));
}

#[test]
fn a_configuration_that_calls_another_socket_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    let doctor = channel.configuration("other.sock").arg("--socket").arg(channel.path("eg.sock"));
    let run = doctor.json();
    assert_first(&run, "configuration", "doctor.socket-differs");
    // Without the flag it looks where EG would.
    let run = channel.configuration("other.sock").json();
    assert_eq!(steps(&run)[4], ("socket", "failed"), "{}", run.stdout);
}

#[test]
fn mistakes_in_the_file_of_envoy_gateway_are_told_with_their_place() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).takes_names_with_ports().spawn();
    write(
        &channel.path("envoy-gateway.yaml"),
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\ngateway: {}\nextensionManager:\n  failopen: true\n",
    );
    let run = channel.doctor().args(["--server", &server.address()]).arg(channel.path("envoy-gateway.yaml"));
    let run = run.json();
    assert_eq!(run.json["first"]["part"], "configuration", "{}", run.stdout);
    let finding = &run.findings()[0];
    assert!(finding["location"]["line"].is_u64(), "{finding}");
}

#[test]
fn a_junit_report_has_every_part() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::plaintext().spawn();
    let run = channel.doctor().args(["--server", &server.address(), "-o", "junit"]).run();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    for part in ["certificates", "server", "on disk", "bridge", "socket", "configuration"] {
        assert!(run.stdout.contains(&format!("name=\"{part}\"")), "{part}: {}", run.stdout);
    }
    let skipped = "<testcase classname=\"configuration\" name=\"configuration\">\
                   <skipped message=\"no EnvoyGateway file was named or found\"/>";
    assert!(run.stdout.contains(skipped), "{}", run.stdout);
}

#[test]
fn what_it_cannot_do_is_said() {
    let run = egext(["doctor", "missing.yaml"]).run();
    assert_eq!((run.exit_code, &*run.stdout), (2, ""));
    assert!(run.stderr.contains("cannot read `missing.yaml`"), "{}", run.stderr);
    let run = egext(["doctor", "--timeout", "0s"]).run();
    assert_eq!(run.exit_code, 2);
}

#[test]
fn a_resource_directory_that_is_not_there_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    let doctor = channel.configuration("eg.sock");
    fs::remove_dir(channel.path("resources")).expect("ours");
    let run = doctor.json();
    assert_first(&run, "configuration", "config.path");
    assert_eq!(run.exit_code, 0, "a warning");
}

/// A bridge connects to the server by its own TLS, or EG by its own.
#[test]
fn envoy_gateways_own_tls_counts_if_there_is_no_bridge() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let run = channel.doctor().args(["--server", &server.address()]).json();
    assert_first(&run, "server", "probe.gateway.sni-refused");
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.contains(&format!("--upstream {} --dir ", server.address())), "{next}");

    let bridge = channel.bridge(&server.address());
    let run = channel.configuration("eg.sock").json();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    let detail = run.json["steps"][1]["detail"].as_str().expect("words");
    assert!(detail.ends_with(", health, policy"), "{detail}");
    drop(bridge);

    // EG's file says that it connects by itself.
    write(
        &channel.path("native.yaml"),
        &format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{type: Kubernetes}}\n\
             gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
             extensionManager:\n  hooks: {{xdsTranslator: {{post: [Route]}}}}\n\
             \x20 service: {{fqdn: {{hostname: localhost, port: {}}}, tls: {{certificateRef: {{name: ca}}, clientCertificateRef: {{name: client}}}}}}\n",
            server.port()
        ),
    );
    let run = channel.doctor().arg(channel.path("native.yaml")).json();
    assert_first(&run, "server", "probe.gateway.sni-refused");
    assert!(!run.ids().contains(&"config.server-name"), "the server was asked: {}", run.stdout);
}

#[test]
fn a_server_that_answers_every_client_is_told_of() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::tls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    let run = channel.configuration("eg.sock").json();
    assert_first(&run, "server", "probe.policy.client-cert-not-required");
    assert_eq!(
        run.json["first"]["next"],
        "let the server require client certificates, or pass `--no-policy` if clients have none"
    );
}
