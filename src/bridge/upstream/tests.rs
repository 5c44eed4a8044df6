//! In paused time: a pause takes no time, and is measured to the millisecond however busy the machine is.

use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::UnixListener;
use tokio::time::sleep;

use super::end::Ended;
use super::keeper::{LAST_PAUSE, LEAST_PAUSE};
use super::*;
use crate::bridge::Pulse;
use crate::net::{Alpn, CallerLimits, SocketAccess, Target};

/// A bridge's way to a socket that is missing at first, so that each attempt fails at once.
struct Way {
    upstream: Arc<Upstream>,
    status: watch::Receiver<UpstreamStatus>,
    order: watch::Sender<Lifecycle>,
    directory: TempDir,
    _keeping: Keeping,
}

impl Way {
    fn new(connect_wait: Option<Duration>) -> Self {
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
            resync: crate::bridge::ResyncPlan::default(),
            socket: SocketAccess::default(),
            callers: CallerLimits::default(),
            keepalive: None,
            clock: || OffsetDateTime::UNIX_EPOCH,
        };
        let (order, phase) = watch::channel(Lifecycle::Serving);
        let (sender, status) = watch::channel(UpstreamStatus::new(OffsetDateTime::UNIX_EPOCH));
        let tied = (Pulse::new().1.upstream, Renewal::none());
        let (upstream, keeping) = Upstream::start(&plan, sender, phase, tied);
        Self { upstream: Arc::new(upstream), status, order, directory, _keeping: keeping }
    }

    /// How long a call waits until it is told that there is no connection.
    async fn refused(&self, path: &str) -> Duration {
        let begin = Instant::now();
        let answer = self.upstream.channel(None, path).await.expect_err("nothing listens");
        assert_eq!(answer.code(), Code::Unavailable as i32);
        begin.elapsed()
    }

    /// A server that accepts connections and says nothing.
    fn hangs(&self) -> UnixListener {
        UnixListener::bind(self.directory.path().join("up.sock")).expect("a free path")
    }

    fn failures(&self) -> u64 {
        self.upstream.state.borrow().failures
    }

    fn is_failing(&self) -> bool {
        matches!(self.status.borrow().state, UpstreamState::Failing { .. })
    }
}

const HOOK: &str = "/envoygateway.extension.EnvoyGatewayExtension/PostTranslateModify";

/// Envoy Gateway makes its calls one after the other: each of them waiting anew would take minutes.
#[tokio::test(start_paused = true)]
async fn calls_wait_until_the_connect_wait_has_passed_once() {
    let wait = Duration::from_secs(60);
    let way = Way::new(Some(wait));
    let first = way.refused(HOOK).await;
    assert!((wait..=wait + GRACE).contains(&first), "{first:?}");
    for _ in 0..10 {
        let next = way.refused(HOOK).await;
        assert!(next <= GRACE, "{next:?}");
    }
    // However long there was no call: what is known is told.
    sleep(3 * wait).await;
    assert!(way.refused(HOOK).await <= GRACE);
}

/// Seven hooks with four tries each, and the shortest pauses that Envoy Gateway makes in between.
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_costs_one_connect_wait() {
    let way = Way::new(Some(DEFAULT_CONNECT_WAIT));
    let _server = way.hangs();
    let begin = Instant::now();
    for _ in 0..7 {
        for pause in [90, 190, 390, 0] {
            way.refused(HOOK).await;
            sleep(Duration::from_millis(pause)).await;
        }
    }
    let took = begin.elapsed();
    assert!((DEFAULT_CONNECT_WAIT..2 * DEFAULT_CONNECT_WAIT).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_fails_when_the_connect_wait_has_passed() {
    for (wait, patience) in [(Some(1), 1), (Some(6), 6), (Some(600), 6), (None, 6)] {
        let way = Way::new(wait.map(Duration::from_secs));
        let patience = Duration::from_secs(patience);
        sleep(patience - Duration::from_millis(10)).await;
        assert!(!way.is_failing(), "{wait:?}");
        sleep(Duration::from_millis(20)).await;
        assert!(way.is_failing(), "{wait:?}");
        let status = way.status.borrow().clone();
        assert_eq!((status.connects, status.causes.len(), status.held), (0, 1, None));
        assert_eq!(status.failures, [(status.causes[0].cause.id, status.causes[0].times)]);
        assert_eq!(status.failures[0].1, way.failures());
    }
}

#[tokio::test(start_paused = true)]
async fn held_calls_are_counted_and_health_checks_are_not_held() {
    let way = Way::new(None);
    sleep(Duration::from_secs(3600)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let upstream = Arc::clone(&way.upstream);
        held.push(tokio::spawn(async move { upstream.channel(None, HOOK).await.map(drop) }));
    }
    sleep(Duration::from_secs(3600)).await;
    let since = OffsetDateTime::UNIX_EPOCH;
    assert_eq!(way.status.borrow().held, Some(HeldCalls { calls: 3, since }));
    let health = way.refused("/grpc.health.v1.Health/Check").await;
    assert!(health <= GRACE, "{health:?}");
    // One whose caller goes away leaves.
    held.pop().expect("three").abort();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(way.status.borrow().held, Some(HeldCalls { calls: 2, since }));
    way.order.send_replace(Lifecycle::Draining);
    for call in held {
        let answer = call.await.expect("no panic").expect_err("nothing listens");
        assert_eq!(answer.message(), Answer::stopping().message());
    }
    assert_eq!(way.status.borrow().held, None);
}

#[tokio::test(start_paused = true)]
async fn not_every_number_of_calls_is_held() {
    let way = Way::new(None);
    let mut held = JoinSet::new();
    for _ in 0..MOST_WAITING {
        let upstream = Arc::clone(&way.upstream);
        held.spawn(async move { upstream.channel(None, HOOK).await.map(drop) });
    }
    sleep(Duration::from_secs(1)).await;
    assert!(way.refused(HOOK).await.is_zero());
    held.abort_all();
    while held.join_next().await.is_some() {}
    let upstream = Arc::clone(&way.upstream);
    let again = tokio::spawn(async move { upstream.channel(None, HOOK).await.map(drop) });
    sleep(Duration::from_secs(1)).await;
    assert!(!again.is_finished());
}

/// 50, 100, 200 ms and so on up to 5 s, each between half of it and all of it.
#[tokio::test(start_paused = true)]
async fn pauses_grow_while_no_call_waits() {
    let way = Way::new(Some(Duration::from_secs(1)));
    // The seven pauses up to 3.2 s, and nine of 5 s; behind each the attempt fails at once.
    sleep(Duration::from_millis(50 + 100 + 200 + 400 + 800 + 1600 + 3200) + 9 * LAST_PAUSE).await;
    let attempts = way.failures();
    assert!((16..=27).contains(&attempts), "{attempts} attempts");
    // A call that wants the connection does not wait for the end of such a pause.
    let begin = Instant::now();
    way.upstream.wanted.notify_one();
    way.upstream.state.clone().wait_for(|state| state.failures > attempts).await.expect("it is kept");
    assert!(begin.elapsed() <= LEAST_PAUSE, "{:?}", begin.elapsed());
}

/// Pauses of a second and more would let a call miss the server that it waits for.
#[tokio::test(start_paused = true)]
async fn pauses_stay_short_while_a_call_waits() {
    let way = Way::new(Some(Duration::from_secs(60)));
    way.refused(HOOK).await;
    let attempts = way.failures();
    // In 60 s, with 145 to 270 ms between two of them.
    assert!((220..=425).contains(&attempts), "{attempts} attempts");
}

/// What a call is told before an attempt has failed.
#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_is_told_from_one_that_never_was() {
    let (status, _seen) = watch::channel(UpstreamStatus::new(OffsetDateTime::UNIX_EPOCH));
    let (board, calls) = Board::new(status, None, || OffsetDateTime::UNIX_EPOCH);
    let told = || calls.borrow().absence.answer("unix:up.sock").message().to_owned();
    assert!(told().ends_with("there is no connection to `unix:up.sock` yet"), "{}", told());
    board.ended(&Ended::of("unix:up.sock", None, None), None);
    let words = "the connection to `unix:up.sock` ended, and there is no new one yet";
    assert!(told().ends_with(words), "{}", told());
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer");
    let fault = crate::net::Fault { stage: crate::net::Stage::Call, kind: crate::net::FaultKind::Io(error) };
    board.ended(&Ended::of("unix:up.sock", None, Some(&fault)), None);
    assert!(told().contains("the server is silent: no answer"), "{}", told());
}
