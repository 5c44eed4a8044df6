//! In paused time: a pause takes no time, and is measured to the millisecond however busy the machine is.

use tempfile::TempDir;

use super::*;
use crate::bridge::Pulse;
use crate::net::{Alpn, CallerLimits};

/// A plan for an upstream whose socket is missing, so that each attempt fails at once.
fn plan(connect_wait: Duration) -> (BridgePlan, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = |name: &str| format!("unix:{}", directory.path().join(name).display()).parse();
    let upstream = Target::new(socket("up.sock").expect("an address"), None, None, Alpn::Preferred);
    let plan = BridgePlan {
        listen: socket("eg.sock").expect("an address"),
        server: None,
        upstream: upstream.expect("a target"),
        own: None,
        credentials: None,
        directory: "certs".into(),
        searched: false,
        connect_wait,
        call_timeout: None,
        drain_timeout: Duration::ZERO,
        callers: CallerLimits::default(),
        clock: || OffsetDateTime::UNIX_EPOCH,
    };
    (plan, directory)
}

/// How long a call waits until it is told that there is no connection.
async fn refused(upstream: &Upstream) -> Duration {
    let begin = Instant::now();
    let answer = upstream.channel(upstream.give_up(), None, "/a/B").await.expect_err("nothing listens");
    assert_eq!(answer.code(), Code::Unavailable as i32);
    begin.elapsed()
}

/// Envoy Gateway makes its calls one after the other: each of them waiting anew would take minutes.
#[tokio::test(start_paused = true)]
async fn a_burst_of_calls_waits_once() {
    let wait = Duration::from_secs(60);
    let (plan, _directory) = plan(wait);
    let (upstream, _keeping) = Upstream::start(&plan, Pulse::new().1.upstream, Renewal::none());
    let first = refused(&upstream).await;
    assert!((wait..=wait + ATTENDED_PAUSE).contains(&first), "{first:?}");
    for _ in 0..10 {
        let next = refused(&upstream).await;
        assert!(next <= ATTENDED_PAUSE, "{next:?}");
    }
    // A call long after the last one has patience again.
    sleep(2 * wait).await;
    let anew = refused(&upstream).await;
    assert!((wait..=wait + ATTENDED_PAUSE).contains(&anew), "{anew:?}");
}

/// 50, 100, 200 ms and so on up to 5 s, each between half of it and all of it.
#[tokio::test(start_paused = true)]
async fn pauses_grow_while_no_call_waits() {
    let (plan, _directory) = plan(Duration::from_secs(1));
    let (upstream, _keeping) = Upstream::start(&plan, Pulse::new().1.upstream, Renewal::none());
    let failures = || upstream.state.borrow().failures;
    // The seven pauses up to 3.2 s, and nine of 5 s; behind each the attempt fails at once.
    sleep(Duration::from_millis(50 + 100 + 200 + 400 + 800 + 1600 + 3200) + 9 * LAST_PAUSE).await;
    let attempts = failures();
    assert!((16..=27).contains(&attempts), "{attempts} attempts");
    // A call that wants the connection does not wait for the end of such a pause.
    let begin = Instant::now();
    upstream.wanted.notify_one();
    upstream.state.clone().wait_for(|state| state.failures > attempts).await.expect("it is kept");
    assert!(begin.elapsed() <= LEAST_PAUSE, "{:?}", begin.elapsed());
}

/// Pauses of a second and more would let a call miss the server that it waits for.
#[tokio::test(start_paused = true)]
async fn pauses_stay_short_while_a_call_waits() {
    let (plan, _directory) = plan(Duration::from_secs(60));
    let (upstream, _keeping) = Upstream::start(&plan, Pulse::new().1.upstream, Renewal::none());
    refused(&upstream).await;
    let attempts = upstream.state.borrow().failures;
    // In 60 s, with 145 to 270 ms between two of them.
    assert!((220..=425).contains(&attempts), "{attempts} attempts");
}
