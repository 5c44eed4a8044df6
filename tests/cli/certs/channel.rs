//! Calls that go on while certificates are replaced.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use egext::crypto::provider;
use egext::net::server_config;
use egext::pki::{Anchors, Identity, Role};
use egext_test_support::LIMIT;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

use super::Place;

/// A server that wants client certificates, and a client that calls it all the time.
pub(super) struct Channel {
    server: Arc<Mutex<Arc<ServerConfig>>>,
    client: Arc<Mutex<Arc<ClientConfig>>>,
    /// How many ended, and who waits for more.
    calls: Arc<(Mutex<usize>, Condvar)>,
    failures: Arc<Mutex<Vec<String>>>,
    done: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Channel {
    pub(super) fn open(place: &Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Arc::new(Mutex::new(server_settings(place)));
        let client = Arc::new(Mutex::new(client_settings(place)));
        let calls: Arc<(Mutex<usize>, Condvar)> = Arc::default();
        let (failures, done) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let hung_up = Arc::new(AtomicBool::new(false));
        let serving = thread::spawn({
            let (server, hung_up) = (Arc::clone(&server), Arc::clone(&hung_up));
            move || {
                loop {
                    let (stream, _) = listener.accept().expect("a connection");
                    if hung_up.load(Ordering::SeqCst) {
                        break;
                    }
                    let config = Arc::clone(&server.lock().expect("a lock"));
                    // A refusal is the client's to report.
                    let _ = answer(stream, config);
                }
            }
        });
        let calling = thread::spawn({
            let (client, calls) = (Arc::clone(&client), Arc::clone(&calls));
            let (failures, done) = (Arc::clone(&failures), Arc::clone(&done));
            move || {
                while !done.load(Ordering::Relaxed) {
                    let config = Arc::clone(&client.lock().expect("a lock"));
                    if let Err(error) = call(address, config) {
                        failures.lock().expect("a lock").push(error.to_string());
                    }
                    let (ended, changed) = &*calls;
                    *ended.lock().expect("a lock") += 1;
                    changed.notify_all();
                }
                // Not before the last call has its answer. The connection wakes the server, which sees it.
                hung_up.store(true, Ordering::SeqCst);
                let _ = TcpStream::connect(address);
            }
        });
        Self { server, client, calls, failures, done, threads: vec![calling, serving] }
    }

    pub(super) fn reload(&self, side: Role, place: &Place) {
        match side {
            Role::Server => *self.server.lock().expect("a lock") = server_settings(place),
            Role::Client => *self.client.lock().expect("a lock") = client_settings(place),
        }
    }

    /// Waits for a few calls that began after now.
    pub(super) fn more_calls(&self) {
        let (ended, changed) = &*self.calls;
        let ended = ended.lock().expect("a lock");
        let target = *ended + 4;
        let waited = changed.wait_timeout_while(ended, LIMIT, |ended| *ended < target);
        assert!(!waited.expect("a lock").1.timed_out(), "no call ends");
    }

    /// Why calls failed.
    pub(super) fn close(self) -> Vec<String> {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it ends");
        }
        self.failures.lock().expect("a lock").clone()
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut octet = [0];
    stream.read_exact(&mut octet)?;
    stream.write_all(&octet)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn call(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<()> {
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(b"?")?;
    let mut octet = [0];
    // Only the answer proves that the server took our certificate.
    stream.read_exact(&mut octet)
}

fn server_settings(place: &Place) -> Arc<ServerConfig> {
    let (anchors, identity) = material(place, Role::Server);
    server_config(&anchors, &identity).expect("settings")
}

fn client_settings(place: &Place) -> Arc<ClientConfig> {
    let (anchors, identity) = material(place, Role::Client);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(anchors.root_store())
        .with_client_auth_cert(identity.ders(), identity.key())
        .expect("settings");
    Arc::new(config)
}

fn material(place: &Place, role: Role) -> (Anchors, Identity) {
    let path = |name| place.certs().join(name);
    let identity = Identity::load(&path(role.certificate_file()), &path(role.key_file()));
    (Anchors::load(&path("ca.crt")).expect("a CA"), identity.expect("a pair"))
}
