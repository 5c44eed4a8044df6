//! A bridge that gets no more descriptors serves the connections that it has, says what is wrong, and goes on when there are
//! descriptors again.

use std::fs;

use egext_test_support::{Running, TestPki};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tonic::Code;

use crate::fixture::{Bridge, Call, Caller, Upstream, within_limit};

/// So many files may the process have open; what it has stays open.
fn allow(running: &Running, descriptors: Option<u64>) {
    let pid = Pid::from_raw(running.id().try_into().expect("a process id")).expect("not zero");
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: descriptors.or(maximum), maximum })
        .expect("our child");
}

/// The time that a process has spent so far, in hundredths of a second (proc_pid_stat(5)).
fn spent(running: &Running) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.id())).expect("it runs");
    let behind_name = stat.rsplit(") ").next().expect("its name");
    behind_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_wait_until_there_are_descriptors_again() {
    let upstream = Upstream::unix(Call::echo);
    let mut bridge = Bridge::plaintext(upstream.address()).start();
    let before = bridge.caller().await;
    assert_eq!(before.hook().await.code(), 0);
    allow(&bridge.running, Some(0));
    // The kernel accepts it, and the bridge cannot.
    let newcomer = bridge.connect().await;
    let line = bridge.running.wait_for_line("cannot accept a connection");
    assert!(line.contains("Too many open files") && line.contains("`ulimit -n`"), "{line}");
    let begin = spent(&bridge.running);
    for _ in 0..20 {
        assert_eq!(before.hook().await.code(), 0, "who was there before is served");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let busy = spent(&bridge.running) - begin;
    assert!(busy < 50, "{busy} hundredths of a second, in about one");
    allow(&bridge.running, None);
    assert_eq!(within_limit(Caller::over(newcomer)).await.hook().await.code(), 0);
    let (code, log) = bridge.running.terminate();
    assert_eq!(code, 0, "{log}");
    // One at once, one with the number of the others at the end or after ten seconds.
    assert!((1..=3).contains(&log.matches("cannot accept a connection").count()), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_that_there_is_no_descriptor_for_the_server() {
    let pki = TestPki::new();
    for (upstream, has_tls) in
        [(Upstream::unix(Call::echo), false), (Upstream::mtls(&pki, Call::echo).await, true)]
    {
        let plan = match has_tls {
            true => Bridge::mtls(upstream.address(), &pki),
            false => Bridge::plaintext(upstream.address()),
        };
        let mut bridge = plan.flag("--connect-wait", "500ms").start();
        let caller = bridge.caller().await;
        assert_eq!(caller.hook().await.code(), 0);
        allow(&bridge.running, Some(0));
        upstream.go_away();
        let line = bridge.running.wait_for_line("no file descriptor is left");
        assert!(line.contains("`ulimit -n`"), "{line}");
        let answer = caller.hook().await;
        assert_eq!(answer.code(), Code::Unavailable as i32, "{answer:?}");
        assert!(answer.words().contains("Too many open files"), "{answer:?}");
        allow(&bridge.running, None);
        // A call ends the pause between two attempts.
        within_limit(async { while caller.hook().await.code() != 0 {} }).await;
        let (code, log) = bridge.running.terminate();
        assert_eq!(code, 0, "{log}");
    }
}

/// New certificates cannot be read then, and that is not their fault.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_cannot_be_read_for_want_of_descriptors_stay_in_use() {
    let pki = TestPki::new();
    let upstream = Upstream::mtls(&pki, Call::echo).await;
    let mut bridge = Bridge::mtls(upstream.address(), &pki).start();
    let caller = bridge.caller().await;
    assert_eq!(caller.hook().await.code(), 0);
    allow(&bridge.running, Some(0));
    pki.renew("client");
    bridge.running.signal(Signal::HUP);
    let line = bridge.running.wait_for_line("bridge.reload");
    assert!(line.contains("Too many open files") && line.contains("`ulimit -n`"), "{line}");
    assert_eq!(caller.hook().await.code(), 0);
    allow(&bridge.running, None);
    bridge.running.signal(Signal::HUP);
    bridge.running.wait_for_line(crate::reload::IN_USE);
    upstream.wait_for_connections(2).await;
    assert_eq!(caller.hook().await.code(), 0);
}
