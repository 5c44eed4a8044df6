//! Calls leave nothing behind. `bench/` has the long run.

use std::fs;
use std::sync::Arc;

use egext_test_support::{Running, TestPki};
use tokio::task::JoinSet;

use crate::fixture::raw::{DATA, END_HEADERS, Frames, HEADERS, literal, request_fields};
use crate::fixture::{Bridge, Call, Caller, HOOK, Plan, Upstream, post};

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_leave_memory_and_files_where_they_were() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = countable(Bridge::mtls(upstream.address(), &pki));
    let caller = Arc::new(bridge.caller().await);
    calls(&caller, 1000).await;
    let (memory, files) = (resident(&bridge.running), open_files(&bridge.running));
    calls(&caller, 9000).await;
    let grown = resident(&bridge.running).saturating_sub(memory);
    assert!(grown < 2048, "{grown} KiB more after 9,000 more calls");
    assert_eq!(open_files(&bridge.running), files);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_come_and_go_leave_no_files_open() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let bridge = countable(Bridge::mtls(upstream.address(), &pki));
    let stays = bridge.caller().await;
    assert_eq!(stays.hook().await.code(), 0);
    let files = open_files(&bridge.running);
    for number in 0..200 {
        let caller = bridge.caller().await;
        match number % 3 {
            0 => assert_eq!(caller.hook().await.code(), 0),
            1 => drop(caller.send(post(HOOK), "").await),
            _ => drop(bridge.connect().await),
        }
        caller.disconnect().await;
    }
    // The last ones are closed when the bridge has seen that they went.
    for _ in 0..1000 {
        if open_files(&bridge.running) <= files {
            return;
        }
        assert_eq!(stays.hook().await.code(), 0);
    }
    panic!("{} files are open, {files} were", open_files(&bridge.running));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_needs_little_memory() {
    let upstream = Upstream::unix(Call::echo);
    let bridge = Bridge::plaintext(upstream.address()).start();
    let mut idle = Vec::new();
    for _ in 0..2 {
        let before = resident(&bridge.running);
        for _ in 0..300 {
            let mut frames = Frames::client(bridge.connect().await).await;
            frames.ping().await;
            idle.push(frames);
        }
        let grown = resident(&bridge.running).saturating_sub(before) / 300;
        // The first ones are the first for the allocator, too.
        assert!(idle.len() == 300 || grown < 30, "{grown} KiB for each");
    }
}

/// What a caller may send before its call has a connection is bounded in octets, and small frames cost no more.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn frames_of_one_octet_take_no_more_room_while_their_call_waits() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let nobody = format!("unix:{}", directory.path().join("nobody.sock").display());
    let bridge = Bridge::plaintext(&nobody).flag("--connect-wait", "10m").start();
    let mut frames = Frames::client(bridge.connect().await).await;
    frames.ping().await;
    let before = resident(&bridge.running);
    let fields = request_fields(HOOK);
    let head = fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value)).collect::<Vec<_>>();
    for id in (1..16).step_by(2) {
        frames.write(HEADERS, END_HEADERS, id, &head).await;
        let small = [0, 0, 1, DATA, 0, 0, 0, 0, u8::try_from(id).expect("small"), b'o'].repeat(5000);
        for _ in 0..10 {
            frames.write_raw(&small).await;
            frames.ping().await;
        }
    }
    let grown = resident(&bridge.running).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more for 400,000 octets");
}

/// 32 at a time, 2 KiB each.
async fn calls(caller: &Arc<Caller>, number: usize) {
    let message = crate::calls::noise(2048);
    let mut under_way = JoinSet::new();
    for _ in 0..number {
        if under_way.len() == 32 {
            under_way.join_next().await.expect("32 of them").expect("a good call");
        }
        let (caller, message) = (Arc::clone(caller), message.clone());
        under_way.spawn(async move {
            let answer = caller.call(post(HOOK), message.clone()).await;
            assert!(answer.code() == 0 && answer.message == message);
        });
    }
    under_way.join_all().await;
}

/// One whose open files are shown to us: of a process that dumps no core, `/proc` shows them to root only.
#[cfg(target_os = "linux")]
fn countable(plan: Plan) -> Bridge {
    plan.env("EGEXT_NO_SANDBOX", "1").start()
}

/// In KiB (proc_pid_status(5)).
pub fn resident(running: &Running) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn open_files(running: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", running.id())).expect("it runs").count()
}
