//! Several extension managers, each with a bridge of its own.

use std::fs;

use egext_test_support::{Egext, Running, TestPki, TestServer};

use super::{Channel, assert_first, steps, write};
use crate::egext;

/// The doctor with a file whose managers call these sockets.
fn calling(channel: &Channel, sockets: &[&str]) -> Egext {
    let manager = |socket: &&str| {
        let path = channel.path(socket);
        format!(
            "- {{name: m{}, hooks: {{xdsTranslator: {{post: [VirtualHost]}}}}, service: {{unix: {{path: {}}}}}}}\n",
            socket.len(),
            path.display()
        )
    };
    write(
        &channel.path("eg.yaml"),
        &format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\nprovider: {{type: Kubernetes}}\n\
             gateway: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}\n\
             extensionManagers:\n{}",
            sockets.iter().map(manager).collect::<String>()
        ),
    );
    egext(["doctor", "eg.yaml"]).current_dir(channel.path(""))
}

fn bridge(channel: &Channel, server: &TestServer, (socket, admin): (&str, &str)) -> Running {
    for path in [socket, admin] {
        fs::create_dir_all(channel.path(path).parent().expect("a directory")).expect("made");
    }
    let mut running = egext(["bridge", "--upstream", &server.address(), "--listen"])
        .arg(format!("unix:{}", channel.path(socket).display()))
        .arg("--admin")
        .arg(format!("unix:{}", channel.path(admin).display()))
        .pki(&channel.pki)
        .start();
    running.wait_for_line("admin server is up");
    running.wait_for_socket(&channel.path(socket));
    running
}

#[test]
fn every_socket_that_eg_calls_is_called() {
    let channel = Channel::new(TestPki::new());
    let servers = [(); 2].map(|()| TestServer::mtls(&channel.pki).spawn());
    let _first = bridge(&channel, &servers[0], ("a/eg.sock", "a/admin.sock"));
    let second = bridge(&channel, &servers[1], ("second/eg.sock", "second/admin.sock"));
    let run = calling(&channel, &["a/eg.sock", "second/eg.sock"]).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    let of_each = ["server", "on-disk", "bridge", "socket"];
    let all = [&["certificates"][..], &of_each, &of_each, &["configuration"]].concat();
    assert_eq!(steps(&run), all.iter().map(|part| (*part, "works")).collect::<Vec<_>>(), "{}", run.stdout);
    assert_eq!(run.json["steps"][5]["subject"], servers[1].address());
    let socket = format!("unix:{}", channel.path("second/eg.sock").display());
    assert_eq!(run.json["steps"][8]["subject"], socket);

    drop(second);
    let run = calling(&channel, &["a/eg.sock", "second/eg.sock"]).json();
    assert_eq!(run.json["first"]["part"], "socket", "{}", run.stdout);
    assert_eq!(run.json["first"]["subject"], socket);
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.contains("start the bridge: `egext bridge --listen"), "{next}");
}

#[test]
fn the_admin_server_of_the_other_bridge_is_not_this_ones() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = bridge(&channel, &server, ("eg.sock", "admin.sock"));
    for order in [["eg.sock", "other.sock"], ["other.sock", "eg.sock"]] {
        let run = calling(&channel, &order).json();
        assert_first(&run, "socket", "probe.connect.socket-missing");
        let next = run.json["first"]["next"].as_str().expect("words");
        assert!(next.contains("other.sock") && !next.contains("--admin"), "{next}");
        assert!(steps(&run).contains(&("bridge", "works")), "{}", run.stdout);
    }
}
