//! Thousands of callers whose frames have faults: none of them ends the bridge, keeps it waiting or costs it memory, and
//! the next honest call is answered.
//!
//! `EGEXT_FRAMES` says how many there are; `.ci/run` asks for 20,000. Each has a seed of its own, counted on from
//! `EGEXT_SEED`. A failure prints the one that repeats it.

mod garbled;

use std::env;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::admin::Metrics;
use crate::fixture::raw::PREFACE;
use crate::fixture::{Admin, Bridge, Call, Upstream};

#[tokio::test(flavor = "multi_thread")]
async fn callers_with_garbled_frames_harm_nobody_else() {
    let upstream = Upstream::unix(Call::echo);
    let (bridge, admin) = Bridge::plaintext(upstream.address()).start_with_admin();
    let (first, count) = (number("EGEXT_SEED", 1), number("EGEXT_FRAMES", 400));
    let stays = bridge.caller().await;
    let mut settled = None;
    let mut octets = 0;
    for begin in (first..first + count).step_by(AT_ONCE) {
        let seeds = begin..(begin + AT_ONCE as u64).min(first + count);
        let mut callers = JoinSet::new();
        for seed in seeds.clone() {
            callers.spawn(hold_against(bridge.connect().await, seed));
        }
        while let Some(answered) = callers.join_next().await {
            octets += answered.expect("no panic");
        }
        let repeat = format!("to repeat it: EGEXT_SEED={begin} EGEXT_FRAMES={}", seeds.end - begin);
        let answer = timeout(egext_test_support::LIMIT, stays.hook()).await;
        assert_eq!(answer.map(|answer| answer.code()), Ok(0), "{repeat}");
        // What the first ones need is kept for the next ones.
        if settled.is_none() && begin - first >= count / 2 {
            settled = Some(memory(&admin).await);
        }
    }
    let (before, after) = (settled.expect("it is half-way at some time"), memory(&admin).await);
    assert!(after < before + MOST_GROWN, "{before} bytes have become {after}: EGEXT_SEED={first}");
    // What is refused at its first frame shows little.
    let metrics = Metrics::parse(&admin.metrics().await);
    let calls = metrics.of("egext_bridge_calls_total").iter().map(|(_, number)| number).sum::<f64>();
    assert!(octets > 30 * count && calls as u64 > count / 4, "{octets} bytes, {calls} calls");
    admin.wait_for("/metrics", |reply| open(&Metrics::parse(&reply.body)) == 1).await;
    let (code, log) = bridge.running.terminate();
    assert!(code == 0 && !log.contains("panicked"), "EGEXT_SEED={first}: {log}");
}

/// Sends all of it, and waits until the bridge has ended the connection: how many octets came back.
async fn hold_against(stream: UnixStream, seed: u64) -> u64 {
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        let octets = [PREFACE, &garbled::connection(seed)].concat();
        // Fails when the bridge has ended the connection already.
        let _ = writer.write_all(&octets).await;
        // Calls that are under way when the connection ends are dropped.
        sleep(PATIENCE).await;
        let _ = writer.shutdown().await;
    };
    let reading = async {
        let mut octets = Vec::new();
        // A reset is as good an end as any.
        let _ = reader.read_to_end(&mut octets).await;
        octets.len() as u64
    };
    let both = timeout(egext_test_support::LIMIT, async { tokio::join!(sending, reading).1 });
    both.await.unwrap_or_else(|_| panic!("it hangs; to repeat it: EGEXT_SEED={seed} EGEXT_FRAMES=1"))
}

async fn memory(admin: &Admin) -> u64 {
    Metrics::parse(&admin.metrics().await).count("process_resident_memory_bytes")
}

fn open(metrics: &Metrics) -> u64 {
    metrics.count("egext_bridge_connections_open")
}

#[expect(clippy::disallowed_methods, reason = "a test has no flags")]
fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |number| number.parse().expect("a number"))
}

const AT_ONCE: usize = 50;

/// For the answers to what was whole.
const PATIENCE: Duration = Duration::from_millis(20);

/// What an allocator may do with the same load.
const MOST_GROWN: u64 = 8 << 20;
