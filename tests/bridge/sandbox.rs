//! What the process gives up once it listens, and that everything else still works.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use egext_test_support::{Running, TestPki, is_root};
use tokio::time::sleep;

use crate::egext;
use crate::fixture::{Admin, Bridge, Call, Caller, PAUSE, Upstream, within_limit};

/// This field of the status of each thread.
fn of_threads(running: &Running, field: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", running.id())).expect("it runs");
    let of_one = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.expect("the field").trim().to_owned()
    };
    tasks
        .filter_map(|task| fs::read_to_string(task.expect("readable").path().join("status")).ok())
        .map(|status| of_one(&status))
        .collect()
}

fn core_limit(running: &Running) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    line.expect("a limit").split_whitespace().next().expect("a number").to_owned()
}

/// The restriction and the flag are set by one call and inherited alike: a thread without the flag began too early.
#[tokio::test(flavor = "multi_thread")]
async fn every_thread_is_restricted_and_no_core_is_dumped() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).flag("--log-level", "debug").start();
    let line = bridge.running.wait_for_line("sandbox: ");
    // Also the certificates are read, and the name of the upstream is resolved.
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let flags = of_threads(&bridge.running, "NoNewPrivs");
    assert!(flags.len() >= 2 && flags.iter().all(|flag| flag == "1"), "{flags:?}");
    assert_eq!(core_limit(&bridge.running), "0");
    if line.contains("Landlock version") {
        assert!(line.contains(&*pki.directory().to_string_lossy()), "{line}");
        assert!(!line.contains("not restricted"), "{line}");
    }
    let socket = bridge.socket().to_owned();
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!socket.exists(), "the one file that it may remove");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_can_be_left_out() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).env("EGEXT_NO_SANDBOX", "true").start();
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    let own = fs::read_to_string("/proc/self/status").expect("ours");
    let own = own.lines().find_map(|line| line.strip_prefix("NoNewPrivs:")).expect("the field").trim();
    assert!(of_threads(&bridge.running, "NoNewPrivs").iter().all(|flag| flag == own));
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("sandbox"), "{log}");
}

/// Each attempt asks for the addresses of a name again, and reads the configuration of the resolver if it has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_resolved_again_inside() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    for connections in 1..4 {
        upstream.wait_for_connections(connections).await;
        assert_eq!(caller.hook().await.code(), 0);
        upstream.go_away();
    }
    let (code, log) = bridge.running.terminate();
    assert!(code == 0 && !log.contains("probe."), "{log}");
}

/// `/proc` shows memory and descriptors of such a process to root only.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_is_not_dumpable() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir_in("/tmp").expect("a temporary directory");
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o1777))
        .expect("ours");
    let socket = directory.path().join("eg.sock");
    let listen = format!("unix:{}", socket.display());
    for (flags, owner) in [(&[][..], 0), (&["--no-sandbox"], 65534)] {
        let mut running = egext(["bridge", "--listen", &listen, "--upstream", "unix:/nowhere"])
            .args(flags)
            .without_privileges()
            .start();
        running.wait_for_line("bridge is up");
        let environment = fs::metadata(format!("/proc/{}/environ", running.id())).expect("it runs");
        assert_eq!(environment.uid(), owner, "{flags:?}");
        assert_eq!(running.terminate().0, 0);
        assert!(!socket.exists());
    }
}

/// A server that starts after the sandbox is up is reached all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_comes_later_is_reached() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("server.sock");
    let bridge = Bridge::plaintext(&format!("unix:{}", path.display())).start();
    let upstream = Upstream::unix_at(&path, Call::echo);
    let caller: Caller = within_limit(bridge.caller()).await;
    upstream.wait_for_connections(1).await;
    assert_eq!(caller.hook().await.code(), 0);
    assert_eq!(bridge.running.terminate().0, 0);
}

/// A link that leads to a directory that was not named at the start: the sandbox says no, and the log says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_is_denied_with_words() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (inside, outside) = (directory.path().join("inside"), directory.path().join("outside"));
    for copy in [&inside, &outside] {
        let copied = std::process::Command::new("cp").arg("-rL").arg(pki.directory()).arg(copy).status();
        assert!(copied.expect("cp").success());
    }
    let flags = |bridge: crate::fixture::Plan| {
        let file = |name: &str| inside.join(name);
        bridge
            .flag("--ca", file("ca.crt"))
            .flag("--cert", file("client.crt"))
            .flag("--key", file("client.key"))
    };
    let mut bridge = flags(Bridge::plaintext(upstream.address())).flag("--log-level", "debug").start();
    let line = bridge.running.wait_for_line("sandbox: ");
    if !line.contains("Landlock version") {
        return egext_test_support::skipped("this kernel has no Landlock");
    }
    // The same file under another name, so only the sandbox can be against it.
    let ca = inside.join("ca.crt");
    fs::remove_file(&ca).expect("ours");
    std::os::unix::fs::symlink(outside.join("ca.crt"), &ca).expect("a link");
    bridge.running.signal(egext_test_support::Signal::HUP);
    let line = bridge.running.wait_for_line("bridge.reload.failed");
    assert!(line.contains("Permission denied") && line.contains("sandbox"), "{line}");
    assert_eq!(bridge.caller().await.hook().await.code(), 0, "with the old certificates");
    // Back again inside, it can be read.
    fs::remove_file(&ca).expect("ours");
    fs::copy(outside.join("ca.crt"), &ca).expect("ours");
    bridge.running.signal(egext_test_support::Signal::HUP);
    bridge.running.wait_for_line("are back");
    assert_eq!(bridge.running.terminate().0, 0);
}

/// The one directory that it may write to, and the admin server, on both kinds of sockets.
#[tokio::test(flavor = "multi_thread")]
async fn resync_writes_inside_and_nowhere_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (resources, server) = (directory.path().join("resources"), directory.path().join("server.sock"));
    with_gateway(&resources);
    let bridge = Bridge::plaintext(&format!("unix:{}", server.display()))
        .flag("--resync", &resources)
        .flag("--connect-wait", "200ms")
        .flag("--log-level", "debug");
    let mut bridge = bridge.start();
    let line = bridge.running.wait_for_line("sandbox: ");
    let flags = of_threads(&bridge.running, "NoNewPrivs");
    assert!(flags.iter().all(|flag| flag == "1"), "{flags:?}");
    let unavailable = tonic::Code::Unavailable as i32;
    assert_eq!(bridge.caller().await.hook().await.code(), unavailable);
    let upstream = Upstream::unix_at(&server, Call::echo);
    until(|| entries(&resources).iter().any(|name| name.starts_with("egext-resync"))).await;
    assert_eq!(bridge.caller().await.hook().await.code(), 0);
    until(|| entries(&resources) == ["all.yaml"]).await;
    if !line.contains("Landlock version") {
        return egext_test_support::skipped("this kernel has no Landlock");
    }
    assert!(line.contains(&format!("change=[{resources:?}]")), "{line}");
    // Another directory of the same name, which the same user may write to: only the sandbox can be against it.
    #[expect(clippy::disallowed_methods, reason = "the test is Envoy Gateway's operator")]
    fs::rename(&resources, directory.path().join("old")).expect("ours");
    with_gateway(&resources);
    upstream.die().await;
    until_async(|| async { bridge.caller().await.hook().await.code() == unavailable }).await;
    let line = bridge.running.wait_for_line("bridge.resync.directory");
    assert!(line.contains("Permission denied") && line.contains("sandbox"), "{line}");
    assert_eq!(entries(&resources), ["all.yaml"]);
    assert_eq!(bridge.running.terminate().0, 0);
}

/// It is bound before, answers inside, and its own numbers come from `/proc`, which is not dumpable then.
#[tokio::test(flavor = "multi_thread")]
async fn the_admin_server_shows_everything_inside() {
    let directory = tempfile::tempdir_in("/tmp").expect("a temporary directory");
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o1777))
        .expect("ours");
    let socket = directory.path().join("admin.sock");
    let listen = format!("unix:{}", directory.path().join("eg.sock").display());
    for admin in [format!("unix:{}", socket.display()), "127.0.0.1:0".to_owned()] {
        let mut running = egext(["bridge", "--listen", &listen, "--upstream", "unix:/nowhere"])
            .args(["--admin", &admin, "--log-level", "debug"])
            .without_privileges()
            .start();
        let line = running.wait_for_line("admin server is up");
        let client = match line.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok()) {
            Some(port) => Admin::Port(port),
            None => Admin::at(&socket),
        };
        let flags = of_threads(&running, "NoNewPrivs");
        assert!(flags.len() >= 2 && flags.iter().all(|flag| flag == "1"), "{flags:?}");
        for _ in 0..2 {
            let metrics = client.metrics().await;
            for name in ["process_open_fds ", "process_resident_memory_bytes ", "process_cpu_seconds_total "]
            {
                assert!(metrics.contains(name), "{admin}: {metrics}");
            }
        }
        assert_eq!(client.get("/readyz").await.code, 503);
        assert_eq!(running.terminate().0, 0);
        assert!(!socket.exists(), "{admin}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is Envoy Gateway's operator")]
fn with_gateway(resources: &Path) {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: local}\nspec:\n  \
                   listeners:\n    - {name: http, protocol: HTTP, port: 80}\n";
    fs::create_dir(resources).expect("ours");
    fs::write(resources.join("all.yaml"), gateway).expect("ours");
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("ours").map(|entry| entry.expect("readable").file_name());
    let mut names = entries.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

async fn until(is_so: impl Fn() -> bool) {
    until_async(|| async { is_so() }).await;
}

async fn until_async<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    within_limit(async {
        while !is_so().await {
            sleep(PAUSE).await;
        }
    })
    .await;
}
