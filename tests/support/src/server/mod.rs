//! Servers that misbehave in one way each, on a real socket, in a thread of their own.

mod drip;
mod hello_only;
mod manner;
mod mutable;
mod named;
mod raw;
mod record;
mod talk;

use std::future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use hello_only::HelloOnly;
use manner::Conduct;
pub use manner::Manner;
use mutable::Mutable;
use named::NameFilter;
use record::Record;
use talk::{Stream, talk};

/// A server on a real socket. Stops when dropped.
///
/// It starts with what is spoken below HTTP/2 and goes on with how it behaves:
/// `TestServer::mtls(&pki).not_serving().spawn()`.
#[derive(Debug)]
pub struct TestServer {
    place: Place,
    speaks_tls: bool,
    record: Arc<Record>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

#[derive(Clone, Debug)]
enum Place {
    Port(u16),
    Socket(PathBuf),
}

impl TestServer {
    /// As `egext probe` takes it: `localhost:PORT`, `tcp://127.0.0.1:PORT` or `unix:/path`.
    pub fn address(&self) -> String {
        match &self.place {
            Place::Port(_) if self.speaks_tls => self.tls_address(),
            Place::Port(_) => self.tcp_address(),
            Place::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    /// `localhost:PORT`, whatever it speaks.
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// `tcp://127.0.0.1:PORT`, whatever it speaks.
    pub fn tcp_address(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port())
    }

    /// The port that it listens on.
    ///
    /// # Panics
    /// When it listens on a unix socket.
    pub fn port(&self) -> u16 {
        match &self.place {
            Place::Port(port) => *port,
            Place::Socket(path) => panic!("`{}` is not a port", path.display()),
        }
    }

    /// The unix socket that it listens on.
    ///
    /// # Panics
    /// When it listens on a port.
    pub fn socket(&self) -> &Path {
        match &self.place {
            Place::Port(port) => panic!("port {port} is not a unix socket"),
            Place::Socket(path) => path,
        }
    }

    /// How many connections it accepted.
    pub fn connections(&self) -> usize {
        self.record.read(|seen| seen.connections)
    }

    /// How many requests it got, of whatever kind.
    pub fn calls(&self) -> usize {
        self.record.read(|seen| seen.paths.len())
    }

    /// The path of every request that it got.
    pub fn paths(&self) -> Vec<String> {
        self.record.read(|seen| seen.paths.clone())
    }

    /// The values of a header in every request that it got.
    pub fn headers(&self, name: &str) -> Vec<Vec<String>> {
        let values = |headers: &http::HeaderMap| {
            let values = headers.get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        };
        self.record.read(|seen| seen.headers.iter().map(values).collect())
    }

    /// The server name that each finished handshake asked for.
    pub fn server_names(&self) -> Vec<Option<String>> {
        self.record.read(|seen| seen.server_names.clone())
    }

    /// How many handshakes finished with a client certificate.
    pub fn client_certificates(&self) -> usize {
        self.record.read(|seen| seen.client_certificates)
    }

    /// How many octets of what has no end it could send.
    pub fn poured(&self) -> usize {
        self.record.read(|seen| seen.poured)
    }

    /// Waits until it got so many requests.
    ///
    /// # Panics
    /// When they do not come for a long time.
    pub fn wait_for_calls(&self, calls: usize) {
        self.record.wait("calls", |seen| seen.paths.len() >= calls);
    }

    /// Waits until it accepted so many connections.
    ///
    /// # Panics
    /// When they do not come for a long time.
    pub fn wait_for_connections(&self, connections: usize) {
        self.record.wait("connections", |seen| seen.connections >= connections);
    }

    /// From now on its health is this, for the server as a whole.
    pub fn set_serving(&self, serving: bool) {
        self.record.set_serving(serving);
    }

    /// Ends every connection, and goes on.
    pub fn cut(&self) {
        self.record.cut();
    }

    /// Tells every client to make its next call on another connection (GOAWAY), and lets calls in progress go on.
    pub fn say_goodbye(&self) {
        self.record.say_goodbye();
    }

    /// From now on it reads and says nothing, and keeps all connections open.
    pub fn freeze(&self) {
        self.record.freeze();
    }

    /// Cuts every connection and closes the socket.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            // Fails when the thread is gone; the join says why.
            let _ = stop.send(());
            if let Err(panic) = thread.join()
                && !thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port that nobody listens on, and that nobody else can get.
#[derive(Debug)]
pub struct ReservedPort {
    socket: TcpSocket,
    port: u16,
}

impl ReservedPort {
    /// Reserves a port of 127.0.0.1.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Bound without listening: connections are refused, and the port is taken.
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        Self { socket, port }
    }

    /// `localhost:PORT`
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `tcp://127.0.0.1:PORT`
    pub fn tcp_address(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server on this port.
    pub fn spawn(self, manner: Manner) -> TestServer {
        spawn(manner, |runtime| Listening::on_port(self.socket, runtime))
    }
}

impl Default for ReservedPort {
    fn default() -> Self {
        Self::new()
    }
}

/// A socket that listens, and what has to live as long: the directory that it is in, what fills its backlog.
struct Listening {
    listener: Listener,
    place: Place,
    _directory: Option<TempDir>,
    // What occupies the whole backlog, for as long as the server runs.
    occupied: Option<std::net::TcpStream>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    fn on_free_port(runtime: &Runtime) -> Self {
        Self::on_port(ReservedPort::new().socket, runtime)
    }

    fn on_port(socket: TcpSocket, runtime: &Runtime) -> Self {
        let _inside = runtime.enter();
        let listener = socket.listen(BACKLOG).expect("bound");
        let place = Place::Port(listener.local_addr().expect("bound").port());
        Self { listener: Listener::Tcp(listener), place, _directory: None, occupied: None }
    }

    fn on_socket(runtime: &Runtime) -> Self {
        let _inside = runtime.enter();
        let directory = tempfile::Builder::new().prefix("egext-").tempdir().expect("a temporary directory");
        let path = directory.path().join("server.sock");
        let listener = UnixListener::bind(&path).expect("a new path");
        Self {
            listener: Listener::Unix(listener),
            place: Place::Socket(path),
            _directory: Some(directory),
            occupied: None,
        }
    }

    /// A listener whose queue is full, so that Linux drops whatever else wants to connect.
    fn without_room(runtime: &Runtime) -> Self {
        let _inside = runtime.enter();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let listener = socket.listen(0).expect("bound");
        let address = listener.local_addr().expect("bound");
        // A queue of length 0 takes one connection.
        let occupied = Some(std::net::TcpStream::connect(address).expect("the one place"));
        Self {
            listener: Listener::Tcp(listener),
            place: Place::Port(address.port()),
            _directory: None,
            occupied,
        }
    }

    async fn accept(&self) -> Box<dyn Stream> {
        // Fails when file descriptors run out, and then every test does.
        match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a TCP socket");
                Box::new(stream)
            }
            Listener::Unix(listener) => Box::new(listener.accept().await.expect("a connection").0),
        }
    }
}

fn spawn(manner: Manner, listen: impl FnOnce(&Runtime) -> Listening) -> TestServer {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listening = listen(&runtime);
    let place = listening.place.clone();
    let tls = manner.tls().map(TlsAcceptor::from);
    let speaks_tls = tls.is_some();
    let record = Arc::new(Record::new(manner.serving(), manner.watched));
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn({
        let record = Arc::clone(&record);
        move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(&listening, tls, &manner, record) => (),
                    // Sent or dropped: both mean the end.
                    _ = stopped => (),
                }
            });
            // Ends the tasks, and with them the connections.
            drop(runtime);
        }
    });
    TestServer { place, speaks_tls, record, running: Some((stop, thread)) }
}

async fn serve(listening: &Listening, tls: Option<TlsAcceptor>, manner: &Manner, record: Arc<Record>) {
    if listening.occupied.is_some() {
        return future::pending().await;
    }
    loop {
        let mut stream = listening.accept().await;
        let number = record.connection();
        let gone = manner.gone_after.as_ref().filter(|(served, _)| number > *served);
        let conduct = match number {
            early if early <= manner.failures.0 => manner.failures.1.clone(),
            _ if record.is_frozen() => Conduct::Hang,
            late if manner.hangs_after.is_some_and(|served| late > served) => Conduct::Hang,
            _ => gone.map_or(&manner.conduct, |(_, conduct)| conduct).clone(),
        };
        let tls = tls.clone().filter(|_| number > manner.failures.0 && gone.is_none());
        stream = Box::new(Mutable::freezing(stream, record.frozen()));
        if let Some(mute) = &manner.mute {
            mute.store(false, Ordering::Relaxed);
            stream = Box::new(Mutable::new(stream, Arc::clone(mute)));
        }
        if manner.closes_on_plaintext {
            stream = Box::new(HelloOnly::new(stream));
        }
        if let Some(named) = manner.named {
            stream = Box::new(NameFilter::new(stream, named));
        }
        tokio::spawn(talk(stream, tls, conduct, Arc::clone(&record)));
    }
}

/// As many as any test wants.
const BACKLOG: u32 = 128;
