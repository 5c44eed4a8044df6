//! The certificates: those that were named, those that the bridge has, or those at the usual place.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use egext_test_support::{Egext, TestPki, TestServer, is_root, skipped};

use super::{Channel, assert_first, steps};
use crate::egext;

fn elsewhere(channel: &Channel) -> Egext {
    drop(channel.configuration("eg.sock"));
    egext(["doctor", "envoy-gateway.yaml"]).current_dir(channel.path(""))
}

#[test]
fn the_files_of_the_bridge_are_looked_at() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let _bridge = channel.bridge(&server.address());
    let run = elsewhere(&channel).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    let certificates = &run.json["steps"][0];
    assert_eq!((&certificates["state"], &certificates["origin"]), (&"works".into(), &"told".into()));
    assert_eq!(certificates["subject"], channel.pki.directory().display().to_string());
    assert_eq!(steps(&run)[2], ("on-disk", "works"), "{}", run.stdout);
}

#[test]
fn the_certificate_that_the_bridge_presents_is_the_one_to_renew() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let other = TestPki::new().client_expired();
    let mut bridge = egext(["bridge", "--upstream", &server.address(), "--listen"])
        .arg(format!("unix:{}", channel.path("eg.sock").display()))
        .arg("--admin")
        .arg(format!("unix:{}", channel.path("admin.sock").display()))
        .arg("--ca")
        .arg(channel.pki.ca())
        .arg("--cert")
        .arg(other.client_certificate())
        .arg("--key")
        .arg(other.client_key())
        .start();
    bridge.wait_for_line("admin server is up");
    bridge.wait_for_socket(&channel.path("eg.sock"));
    std::os::unix::fs::symlink(channel.pki.directory(), channel.path("certs")).expect("a link");
    let run = elsewhere(&channel).json();
    assert_first(&run, "certificates", "certs.expired");
    assert_eq!(run.json["first"]["subject"], other.client_certificate().display().to_string());
    let next = run.json["first"]["next"].as_str().expect("words");
    let place = other.directory().parent().expect("a temporary directory").display().to_string();
    assert!(next.contains(&place), "{next}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn the_key_of_the_bridge_can_be_anywhere() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let key = channel.path("secret.pem");
    fs::rename(channel.pki.client_key(), &key).expect("moved");
    let mut bridge = egext(["bridge", "--upstream", &server.address(), "--listen"])
        .arg(format!("unix:{}", channel.path("eg.sock").display()))
        .arg("--admin")
        .arg(format!("unix:{}", channel.path("admin.sock").display()))
        .arg("--ca")
        .arg(channel.pki.ca())
        .arg("--cert")
        .arg(channel.pki.client_certificate())
        .arg("--key")
        .arg(&key)
        .start();
    bridge.wait_for_line("admin server is up");
    bridge.wait_for_socket(&channel.path("eg.sock"));
    let run = elsewhere(&channel).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    assert_eq!(steps(&run)[..2], [("certificates", "works"), ("server", "works")], "{}", run.stdout);
}

#[test]
fn a_path_from_where_the_bridge_runs_is_not_taken_for_one_from_here() {
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    let parent = channel.pki.directory().parent().expect("a temporary directory").to_owned();
    let name = channel.pki.directory().file_name().expect("a name").to_owned();
    let mut bridge = egext(["bridge", "--upstream", &server.address(), "--listen"])
        .arg(format!("unix:{}", channel.path("eg.sock").display()))
        .arg("--admin")
        .arg(format!("unix:{}", channel.path("admin.sock").display()))
        .arg("--dir")
        .arg(&name)
        .current_dir(&parent)
        .start();
    bridge.wait_for_line("admin server is up");
    bridge.wait_for_socket(&channel.path("eg.sock"));
    // Another set has this name here.
    let other = TestPki::new().client_expired();
    std::os::unix::fs::symlink(other.directory(), channel.path(name.to_str().expect("text")))
        .expect("a link");
    let run = elsewhere(&channel).json();
    assert_eq!((run.exit_code, run.findings()), (0, &[][..]), "{}", run.stdout);
    assert_eq!(steps(&run)[..2], [("certificates", "skipped"), ("server", "skipped")], "{}", run.stdout);
    let reason = run.json["steps"][0]["detail"].as_str().expect("words");
    assert!(reason.contains("is not here"), "{reason}");

    let run = channel.doctor().arg(channel.path("envoy-gateway.yaml")).json();
    assert_eq!(steps(&run)[1], ("server", "works"), "`--dir` names it: {}", run.stdout);
}

#[test]
fn what_this_user_may_not_read_is_not_missing() {
    if !is_root() {
        return skipped("only root has files of another user");
    }
    let channel = Channel::new(TestPki::new());
    let server = TestServer::mtls(&channel.pki).spawn();
    fs::set_permissions(channel.pki.directory(), Permissions::from_mode(0o700)).expect("ours");
    let run = egext(["doctor", "--server", &server.address()]).pki(&channel.pki).without_privileges().json();
    assert_first(&run, "certificates", "doctor.certificates-unreadable");
    let next = run.json["first"]["next"].as_str().expect("words");
    assert!(next.starts_with("run as the user that owns it"), "{next}");
}
