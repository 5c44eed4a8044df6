//! What is only guessed is no error, and hides none.

use std::fs;

use egext_test_support::{Egext, ReservedPort, Running, TestPki, TestServer};

use super::{Channel, assert_first, steps, write};
use crate::egext;

/// One without an admin server.
pub(super) fn plain_bridge(channel: &Channel, server: &str) -> Running {
    let mut running = egext(["bridge", "--connect-wait", "forever", "--upstream", server, "--listen"])
        .arg(format!("unix:{}", channel.path("eg.sock").display()))
        .pki(&channel.pki)
        .start();
    running.wait_for_socket(&channel.path("eg.sock"));
    running
}

/// Without a flag, in a directory without certificates.
fn bare(channel: &Channel) -> Egext {
    drop(channel.configuration("eg.sock"));
    egext(["doctor", "envoy-gateway.yaml"]).current_dir(channel.path(""))
}

#[test]
fn a_bridge_without_an_admin_server_can_be_healthy() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = plain_bridge(&channel, &server.address());
    let run = bare(&channel).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    let expected = [
        ("certificates", "skipped"),
        ("server", "skipped"),
        ("on-disk", "skipped"),
        ("bridge", "skipped"),
        ("socket", "works"),
        ("configuration", "works"),
    ];
    assert_eq!(steps(&run), expected, "{}", run.stdout);
    assert_eq!(run.json["steps"][1]["origin"], "guessed");
    assert_eq!(run.json["steps"][4]["origin"], "configured");
    let run = bare(&channel).run();
    assert!(run.stdout.contains("\nnothing is wrong; not looked at: "), "{}", run.stdout);
}

#[test]
fn the_server_of_a_bridge_without_an_admin_server_is_in_its_answers() {
    let channel = Channel::new(TestPki::new());
    let unused = ReservedPort::new();
    let mut bridge = plain_bridge(&channel, &unused.tls_address());
    bridge.wait_for_line("probe.connect.refused");
    let run = channel.configuration("eg.sock").json();
    assert_first(&run, "server", "probe.connect.refused");
    assert_eq!(run.json["first"]["subject"], unused.tls_address().trim_start_matches("tls://"));
    assert_eq!(run.json["steps"][1]["origin"], "told");

    // Without certificates the server cannot be asked, and the bridge has told it all the same.
    let run = bare(&channel).json();
    assert_eq!(run.exit_code, 1, "{}", run.stdout);
    assert!(run.json["first"]["message"].as_str().is_some_and(|it| it.contains("refused")), "{}", run.stdout);
}

#[test]
fn a_bridge_that_is_down_comes_first() {
    let channel = Channel::new(TestPki::new());
    let run = channel.configuration("eg.sock").json();
    assert_first(&run, "socket", "probe.connect.socket-missing");
    let next = run.json["first"]["next"].as_str().expect("words");
    let listen =
        format!("start the bridge: `egext bridge --listen unix:{}", channel.path("eg.sock").display());
    assert!(next.starts_with(&listen), "{next}");

    // What a killed one leaves behind says nothing else.
    let server = TestServer::mtls(&channel.pki).spawn();
    channel.bridge(&server.address()).kill();
    let run = channel.configuration("eg.sock").json();
    assert_first(&run, "socket", "probe.connect.refused");
    assert_eq!(steps(&run)[3], ("bridge", "skipped"), "{}", run.stdout);
}

#[test]
fn a_bridge_that_hangs_comes_first() {
    let channel = Channel::new(TestPki::new().client_expired());
    let server = TestServer::mtls(&channel.pki).spawn();
    let bridge = channel.bridge(&server.address());
    bridge.stop();
    let doctor = || channel.configuration("eg.sock").args(["--timeout", "300ms"]);
    let run = doctor().json();
    bridge.signal(egext_test_support::Signal::CONT);
    assert_first(&run, "bridge", "doctor.bridge-hangs");
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.contains("restart it") && !next.contains("--admin"), "{next}");
}

#[test]
fn a_file_that_cannot_be_read_comes_first() {
    let channel = Channel::new(TestPki::new().client_expired());
    write(&channel.path("eg.yaml"), "kind: [EnvoyGateway\n");
    let run = channel.doctor().arg(channel.path("eg.yaml")).json();
    assert_first(&run, "configuration", "config.unreadable");
    let run = egext(["doctor", "eg.yaml"]).current_dir(channel.path("")).json();
    assert_first(&run, "configuration", "config.unreadable");
    assert_eq!(run.ids(), ["config.unreadable"], "{}", run.stdout);
}

#[test]
fn a_port_that_is_none_comes_with_its_file() {
    let channel = Channel::new(TestPki::new());
    let text = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {type: Kubernetes}\n\
                gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n\
                extensionManager:\n  hooks: {xdsTranslator: {post: [Route]}}\n\
                \x20 service: {fqdn: {hostname: localhost, port: 0}, tls: {certificateRef: {name: a}}}\n";
    write(&channel.path("eg.yaml"), text);
    let run = channel.doctor().arg(channel.path("eg.yaml")).json();
    assert_eq!(run.exit_code, 1, "{}", run.stdout);
    assert_eq!(run.json["first"]["part"], "configuration", "{}", run.stdout);
    assert!(run.findings()[0]["location"]["line"].is_u64(), "{}", run.stdout);
}

#[test]
fn a_socket_that_eg_alone_knows_is_told_before_its_absence() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    let run = channel.configuration("other.sock").json();
    assert_first(&run, "configuration", "doctor.socket-differs");
    let socket = &run.findings()[0];
    assert!(socket["hint"].as_str().is_some_and(|it| it.starts_with("the bridge listens on ")), "{socket}");
}

#[test]
fn a_named_socket_that_eg_does_not_call_is_told_of_without_an_admin_server() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = plain_bridge(&channel, &server.address());
    let socket = channel.path("eg.sock");
    let run = channel.configuration("other.sock").arg("--socket").arg(&socket).json();
    assert_eq!(run.exit_code, 1, "{}", run.stdout);
    assert_first(&run, "configuration", "doctor.socket-differs");
    assert_eq!(steps(&run)[4], ("socket", "works"), "{}", run.stdout);
    let message = format!(
        "EG calls `unix:{}`, and not `unix:{}`, the socket that was named",
        channel.path("other.sock").display(),
        socket.display()
    );
    assert_eq!(run.json["first"]["message"], message);

    let run = channel.configuration("eg.sock").arg("--socket").arg(&socket).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    // From where it runs.
    let doctor = channel.configuration("eg.sock").current_dir(channel.path(""));
    let run = doctor.args(["--socket", "eg.sock"]).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
}

#[test]
fn one_socket_can_have_several_names() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    fs::create_dir(channel.path("run")).expect("new");
    for name in ["eg.sock", "admin.sock"] {
        std::os::unix::fs::symlink(channel.path(name), channel.path("run").join(name)).expect("a link");
    }
    let run = channel.configuration("run/eg.sock").json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
}

#[test]
fn the_admin_server_of_another_bridge_says_nothing_about_this_one() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = plain_bridge(&channel, &server.address());
    let unused = ReservedPort::new();
    let mut other = egext(["bridge", "--upstream", &unused.tls_address(), "--listen"])
        .arg(format!("unix:{}", channel.path("other.sock").display()))
        .arg("--admin")
        .arg(format!("unix:{}", channel.path("admin.sock").display()))
        .pki(&channel.pki)
        .start();
    other.wait_for_line("admin server is up");
    let run = channel.configuration("eg.sock").json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    assert_eq!(steps(&run)[3], ("bridge", "skipped"), "{}", run.stdout);
}

#[test]
fn with_nothing_that_works_it_is_not_said_that_nothing_is_wrong() {
    let channel = Channel::new(TestPki::new());
    let run = channel.doctor().run();
    assert_eq!(run.exit_code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("not known whether the channel works"), "{}", run.stdout);
}

#[test]
fn a_socket_can_be_an_address() {
    let channel = Channel::new(TestPki::new());
    let bridge = TestServer::unix().spawn();
    let run = channel.doctor().args(["--socket", &bridge.address()]).json();
    assert_eq!(run.json["steps"][4]["subject"], bridge.address());
}
