//! `--resync`: after hook calls that the bridge had to answer itself, Envoy Gateway is made to translate again. Here the
//! test is Envoy Gateway: it makes the calls, and reads the directory.

#![expect(clippy::disallowed_methods, reason = "the test is Envoy Gateway's operator, who writes files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egext_test_support::Running;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;
use tonic::Code;

use crate::egext;
use crate::fixture::{Call, Caller, Upstream, post, within_limit};

/// A directory for everything: the resource directory, and sockets that stay the same when a program starts again.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir(place.resources()).expect("ours");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn resources(&self) -> PathBuf {
        self.path("resources")
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.resources().join(name), text).expect("ours");
        self
    }

    fn with_gateway(self) -> Self {
        self.write("all.yaml", &gateway("local", Some("apps")));
        self
    }

    /// A bridge to a server at `server.sock`.
    fn bridge(&self) -> Running {
        self.bridge_named("eg.sock", &[self.resources()])
    }

    fn bridge_named(&self, socket: &str, directories: &[PathBuf]) -> Running {
        let (listen, upstream) = (self.path(socket), self.path("server.sock"));
        let mut bridge = egext(["bridge", "--connect-wait", "200ms"])
            .args(["--listen".to_owned(), format!("unix:{}", listen.display())])
            .args(["--upstream".to_owned(), format!("unix:{}", upstream.display())]);
        for directory in directories {
            bridge = bridge.arg("--resync").arg(directory);
        }
        let mut running = bridge.start();
        running.wait_for_line("bridge is up");
        running
    }

    fn server(&self) -> Upstream {
        Upstream::unix_at(&self.path("server.sock"), Call::echo)
    }

    /// One hook call of Envoy Gateway: its code.
    async fn hook(&self) -> i32 {
        self.hook_of("eg.sock").await
    }

    async fn hook_of(&self, socket: &str) -> i32 {
        let stream = within_limit(UnixStream::connect(self.path(socket))).await.expect("the bridge listens");
        Caller::over(stream).await.hook().await.code()
    }

    /// The server is down, and Envoy Gateway is told so.
    async fn fails(&self) {
        assert_eq!(self.hook().await, Code::Unavailable as i32);
    }

    /// The visible files whose names begin as those of markers do.
    fn markers(&self) -> Vec<PathBuf> {
        self.entries().into_iter().filter(|path| name(path).starts_with("egext-resync")).collect()
    }

    /// What is hidden.
    fn hidden(&self) -> Vec<PathBuf> {
        self.entries().into_iter().filter(|path| name(path).starts_with(".egext")).collect()
    }

    fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.resources()).expect("ours");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.sort();
        paths
    }

    /// Waits for a marker, and returns it.
    async fn marker(&self) -> PathBuf {
        eventually("a marker", || self.markers().into_iter().next()).await
    }
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(egext_test_support::LIMIT, looking).await {
        Ok(found) => found,
        Err(_) => panic!("{what}: it takes far too long"),
    }
}

fn gateway(name: &str, namespace: Option<&str>) -> String {
    let namespace = namespace.map_or_else(String::new, |namespace| format!("  namespace: {namespace}\n"));
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: {name}\n{namespace}spec:\n  \
         gatewayClassName: eg\n  listeners:\n    - {{name: http, protocol: HTTP, port: 80}}\n"
    )
}

fn documents(marker: &Path) -> Vec<Value> {
    let text = fs::read_to_string(marker).expect("a marker");
    serde_saphyr::from_multiple(&text).expect("YAML")
}

/// The number that the only rule of every route matches.
fn number(marker: &Path) -> String {
    let numbers = documents(marker).into_iter().map(|route| {
        let header = route["spec"]["rules"][0]["matches"][0]["headers"][0].clone();
        assert_eq!(header["name"], "x-egext-resync");
        header["value"].as_str().expect("a string").to_owned()
    });
    let numbers: Vec<_> = numbers.collect();
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1]), "{numbers:?}");
    numbers[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_comes_with_the_server_and_goes_with_the_answers() {
    let place = Place::new().with_gateway();
    let before = fs::read(place.resources().join("all.yaml")).expect("ours");
    let mut bridge = place.bridge();
    place.fails().await;
    // As long as the server is down there is nothing for Envoy Gateway to see.
    eventually("a note for the next bridge", || place.hidden().into_iter().next()).await;
    assert_eq!(place.markers(), <Vec<PathBuf>>::new());

    let _server = place.server();
    let marker = place.marker().await;
    let written = Instant::now();
    let number = number(&marker);
    let route = &documents(&marker)[0];
    assert_eq!(
        route["spec"],
        json!({
            "parentRefs": [{ "name": "local" }],
            "rules": [{
                "matches": [{ "headers": [{ "type": "Exact", "name": "x-egext-resync", "value": number }] }],
                "filters": [{ "type": "RequestRedirect", "requestRedirect": { "statusCode": 302 } }],
            }],
        })
    );
    assert_eq!((&route["kind"], &route["metadata"]["namespace"]), (&json!("HTTPRoute"), &json!("apps")));
    assert_eq!(fs::metadata(&marker).expect("there").permissions().mode() & 0o777, 0o644);

    assert_eq!(place.hook().await, 0);
    eventually("the marker goes", || (place.entries().len() == 1).then_some(())).await;
    // The test has seen it a moment after it was written.
    assert!(written.elapsed() > Duration::from_millis(1_800), "{:?}", written.elapsed());
    bridge.wait_for_line("Envoy Gateway has translated again");
    assert_eq!(fs::read(place.resources().join("all.yaml")).expect("ours"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_that_envoy_gateway_loads_gets_a_route_in_its_namespace() {
    let place = Place::new();
    let json = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "json" },
        "spec": { "listeners": [{ "name": "https", "protocol": "HTTPS", "port": 443 }] },
    });
    place
        .write("one.yaml", &format!("{}---\n{}", gateway("first", Some("a")), gateway("second", Some("a"))))
        .write(
            "two",
            &format!(
                "---\n# note\n{}--- # more\n{}",
                gateway("third", Some("b")),
                gateway("first", Some("a"))
            ),
        )
        .write("three.json", &json.to_string())
        .write(".hidden.yaml", &gateway("hidden", None))
        .write("closed.yaml", &gateway("closed", Some("c")).replace("HTTP, port", "TCP, port"));
    fs::create_dir(place.resources().join("sub")).expect("ours");
    place.write("sub/deep.yaml", &gateway("deep", None));
    let mut bridge = place.bridge();
    place.fails().await;
    let _server = place.server();
    let parents = documents(&place.marker().await).into_iter().map(|route| {
        let names = route["spec"]["parentRefs"].as_array().expect("a list").iter();
        let names: Vec<_> = names.map(|parent| parent["name"].as_str().expect("a name").to_owned()).collect();
        (route["metadata"]["namespace"].as_str().expect("a name").to_owned(), names)
    });
    assert_eq!(
        parents.collect::<BTreeMap<_, _>>(),
        BTreeMap::from([
            ("a".to_owned(), vec!["first".to_owned(), "second".to_owned()]),
            ("b".to_owned(), vec!["third".to_owned()]),
            ("envoy-gateway-system".to_owned(), vec!["json".to_owned()]),
        ])
    );
    let line = bridge.wait_for_line("bridge.resync.no-listener");
    assert!(line.contains("`c/closed`"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outage_has_another_number() {
    let place = Place::new().with_gateway();
    let _bridge = place.bridge();
    place.fails().await;
    let server = place.server();
    let first = number(&place.marker().await);
    // Lost again before Envoy Gateway had its answers.
    server.die().await;
    place.fails().await;
    let _server = place.server();
    let marker = place.marker().await;
    eventually("another number", || (number(&marker) != first).then_some(())).await;
    assert_eq!(place.markers().len(), 1);
    assert_eq!(place.hook().await, 0);
    eventually("it goes", || (place.entries().len() == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_could_mend_is_followed_by_a_marker_too() {
    let place = Place::new().with_gateway();
    let socket = place.path("server.sock");
    let listener = UnixListener::bind(&socket).expect("a free path");
    let wrong = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // Fails when the bridge has gone.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let _bridge = place.bridge();
    assert_eq!(place.hook().await, Code::FailedPrecondition as i32);
    assert_eq!(place.markers(), <Vec<PathBuf>>::new());
    wrong.abort();
    let _server = place.server();
    place.marker().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_calls_do_not_matter_to_envoy_gateway() {
    let place = Place::new().with_gateway();
    let _bridge = place.bridge();
    let stream = UnixStream::connect(place.path("eg.sock")).await.expect("the bridge listens");
    let caller = Caller::over(stream).await;
    for path in ["/grpc.health.v1.Health/Check", "/other.Service/Method"] {
        assert_eq!(caller.call(post(path), "").await.code(), Code::Unavailable as i32);
    }
    let server = place.server();
    server.wait_for_connections(1).await;
    // A hook that the server answers is no failure either. With it, there has been time for a note.
    assert_eq!(place.hook().await, 0);
    assert_eq!(place.entries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bridge_leaves_its_task_to_the_next_one() {
    let place = Place::new().with_gateway();
    let bridge = place.bridge();
    place.fails().await;
    let note = eventually("a note", || place.hidden().into_iter().next()).await;
    bridge.kill();
    // As if it had been killed in the middle of writing it.
    let begun = fs::read(&note).expect("a note")[..10].to_vec();
    fs::write(&note, begun).expect("ours");

    let bridge = place.bridge();
    let server = place.server();
    let marker = place.marker().await;
    let first = number(&marker);
    bridge.kill();
    drop(server);

    // And one that was killed before it could remove the marker.
    let _bridge = place.bridge();
    let _server = place.server();
    eventually("another number", || (number(&marker) != first).then_some(())).await;
    assert_eq!(place.hook().await, 0);
    eventually("nothing is left", || (place.entries().len() == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_markers_name_that_is_not_ours_stays() {
    let place = Place::new().with_gateway();
    let bridge = place.bridge();
    place.fails().await;
    let server = place.server();
    let marker = place.marker().await;
    assert_eq!(place.hook().await, 0);
    eventually("it goes", || (place.entries().len() == 1).then_some(())).await;
    bridge.kill();
    server.die().await;

    let elsewhere = place.path("elsewhere.yaml");
    for foreign in ["text", "link"] {
        let text = gateway("foreign", Some("apps"));
        if foreign == "link" {
            fs::remove_file(&marker).expect("ours");
            fs::write(&elsewhere, &text).expect("ours");
            symlink(&elsewhere, &marker).expect("ours");
        } else {
            fs::write(&marker, &text).expect("ours");
        }
        let mut bridge = place.bridge();
        place.fails().await;
        let server = place.server();
        let line = bridge.wait_for_line("bridge.resync.foreign");
        assert!(line.contains(&name(&marker)), "{line}");
        assert_eq!(fs::read_to_string(&marker).expect("there"), text);
        assert_eq!(fs::symlink_metadata(&marker).expect("there").is_symlink(), foreign == "link");
        bridge.kill();
        server.die().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_in_one_directory_have_a_marker_each() {
    let place = Place::new().with_gateway();
    let directories = [place.resources()];
    let _one = place.bridge_named("eg.sock", &directories);
    let _two = place.bridge_named("eg2.sock", &directories);
    for socket in ["eg.sock", "eg2.sock"] {
        assert_eq!(place.hook_of(socket).await, Code::Unavailable as i32);
    }
    let _server = place.server();
    eventually("two markers", || (place.markers().len() == 2).then_some(())).await;
    assert_eq!(place.hook_of("eg.sock").await, 0);
    eventually("one goes", || (place.markers().len() == 1).then_some(())).await;
    assert_eq!(place.hook_of("eg2.sock").await, 0);
    eventually("both go", || (place.entries().len() == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_may_be_reached_by_a_link() {
    let place = Place::new().with_gateway();
    let link = place.path("link");
    symlink(place.resources(), &link).expect("ours");
    let _bridge = place.bridge_named("eg.sock", &[link]);
    place.fails().await;
    let _server = place.server();
    place.marker().await;
}

/// Each file keeps Envoy Gateway from loading its directory, so that no marker has an effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_keeps_envoy_gateway_from_loading_is_named() {
    let place = Place::new();
    let mut directories = Vec::new();
    for (directory, file, text) in [
        ("comment", "empty.yaml", "# nothing but a comment\n"),
        ("prose", "README.txt", "Notes: on: this\ndirectory\n"),
        ("backup", "all.yaml~", "apiVersion: v1\nkind: Gate"),
        ("fine", "other.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"),
    ] {
        let path = place.path(directory);
        fs::create_dir(&path).expect("ours");
        fs::write(path.join("all.yaml"), gateway("local", None)).expect("ours");
        let text = if directory == "backup" { "Gateway" } else { text };
        fs::write(path.join(file), text).expect("ours");
        directories.push(path);
    }
    let mut bridge = place.bridge_named("eg.sock", &directories);
    place.fails().await;
    let _server = place.server();
    for file in ["empty.yaml", "README.txt", "all.yaml~"] {
        bridge.wait_for_line(file);
    }
    let line = bridge.wait_for_line("error when reload resources");
    assert!(line.contains("bridge.resync.no-effect"), "{line}");
    // The marker stays: when the file is gone, Envoy Gateway loads it, and all is well.
    assert_eq!(place.hook().await, 0);
    for path in directories {
        eventually("it goes", || (fs::read_dir(&path).expect("ours").count() == 2).then_some(())).await;
    }
    let (_, log) = bridge.terminate();
    assert_eq!(log.matches("bridge.resync.no-effect").count(), 4, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_a_gateway_is_told_once() {
    let place = Place::new();
    place.write("all.yaml", &gateway("local", None).replace("kind: Gateway", "kind: GatewayClass"));
    let mut bridge = place.bridge();
    place.fails().await;
    let _server = place.server();
    bridge.wait_for_line("bridge.resync.no-gateway");
    place.write("all.yaml", &gateway("local", None));
    // The next attempt finds it.
    place.marker().await;
    assert_eq!(place.hook().await, 0);
    eventually("it goes", || (place.entries().len() == 1).then_some(())).await;
    let (_, log) = bridge.terminate();
    assert_eq!(log.matches("bridge.resync.no-gateway").count(), 1, "{log}");
}

/// One that is there and goes, or comes to be closed to the bridge, is for the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_gone_is_told_when_it_is_needed() {
    let place = Place::new();
    let mut bridge = place.bridge();
    fs::remove_dir(place.resources()).expect("ours");
    place.fails().await;
    let line = bridge.wait_for_line("bridge.resync.directory");
    assert!(line.contains("No such file") && line.contains("create it"), "{line}");
}

/// The disk is full, or a limit stands against it: nothing of ours stays in the directory, and calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_leaves_nothing_behind() {
    let place = Place::new().with_gateway();
    let (listen, upstream) = (place.path("eg.sock"), place.path("server.sock"));
    let mut bridge = crate::script(
        r#"ulimit -f 0; exec "$0" bridge --connect-wait 200ms --listen "unix:$1" --upstream "unix:$2" --resync "$3""#,
    )
    .arg(listen)
    .arg(upstream)
    .arg(place.resources())
    .start();
    bridge.wait_for_line("bridge is up");
    place.fails().await;
    let line = bridge.wait_for_line("bridge.resync.directory");
    assert!(line.contains("cannot be written"), "{line}");
    let _server = place.server();
    eventually("calls pass", || place.path("server.sock").exists().then_some(())).await;
    assert_eq!(place.entries().len(), 1);
}
