//! Octets as a caller sends them to a bridge after the preface of HTTP/2.
#![no_main]

use std::env;
use std::fs::DirBuilder;
use std::future::pending;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use egext::bridge::{Bridge, BridgePlan, ResyncPlan};
use egext::extension::{PassThrough, Server};
use egext::net::{Alpn, CallerLimits, SocketAccess, Target};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;

/// A bridge that runs, in front of a server that changes nothing.
struct Stage {
    runtime: Runtime,
    socket: PathBuf,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let directory = env::temp_dir().join(format!("egext-fuzz-{}", std::process::id()));
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).expect("a directory");
    let socket = directory.join("eg.sock");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = format!("tcp://{}", listener.local_addr().expect("bound"));
        let server = Server::new(PassThrough::new()).serve(TcpListenerStream::new(listener), pending());
        tokio::spawn(async move { server.await.expect("it serves") });
        let listen = format!("unix:{}", socket.display());
        let plan = plan(&listen, &upstream);
        let bridge = Bridge::bind(plan).await.expect("it listens");
        tokio::spawn(async move {
            let ended = bridge.run(&Notify::new()).await;
            // A panic here would be caught by the task.
            eprintln!("the bridge ends: {ended:?}");
            std::process::abort();
        });
    });
    Stage { runtime, socket }
});

fn plan(listen: &str, upstream: &str) -> BridgePlan {
    let upstream = Target::new(upstream.parse().expect("an address"), None, None, Alpn::Preferred);
    BridgePlan {
        listen: listen.parse().expect("an address"),
        server: None,
        upstream: upstream.expect("a target"),
        own: None,
        credentials: None,
        directory: PathBuf::new(),
        searched: false,
        connect_wait: Some(Duration::from_secs(6)),
        call_timeout: Some(Duration::from_secs(30)),
        drain_timeout: Duration::from_secs(30),
        resync: ResyncPlan::default(),
        socket: SocketAccess::default(),
        callers: CallerLimits::default(),
        keepalive: None,
        clock: || NOW,
    }
}

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bridge ends a connection as soon as the caller has ended its side.
const LIMIT: Duration = Duration::from_secs(5);

fuzz_target!(|octets: &[u8]| {
    let Stage { runtime, socket } = &*STAGE;
    let ended = runtime.block_on(async { timeout(LIMIT, exchange(socket, octets)).await });
    ended.expect("the connection ends in time");
});

async fn exchange(socket: &Path, octets: &[u8]) {
    let (mut reader, mut writer) = UnixStream::connect(socket).await.expect("it listens").into_split();
    let sending = async {
        // Fails when the bridge has ended the connection already, which is what it should do with most inputs.
        let _ = writer.write_all(&[PREFACE, octets].concat()).await;
        let _ = writer.shutdown().await;
    };
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ = tokio::join!(sending, reader.read_to_end(&mut answer));
}
