//! Everything at once, in one process and one directory: certificates, an extension server with mutual TLS,
//! a bridge in front of it, and proof that calls pass and that a client without a certificate is rejected.
//!
//! It uses the code of the other commands in the way a user would.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;

use crate::bridge::{self, Bridge, Died, Drained, ResyncPlan};
use crate::extension::{self, Hook, Object, PassThrough, Server};
use crate::gateway::{self, BridgeCommand, ConfigurationError, ValueError};
use crate::host::Host;
use crate::net::{
    self, Address, AddressError, Alpn, BindError, CallerLimits, ClientTls, Fault, SocketAccess, Target,
    TargetError, TlsError, Transport, server_config,
};
use crate::pki::authority::AuthorityError;
use crate::pki::issue::{CertificateSet, SetPlan, issue_set};
use crate::pki::store::{Store, StoreError};
use crate::pki::{Anchors, CA_CERTIFICATE_FILE, Certificate, Identity, IdentityError, Role, SET_FILES};
use crate::probe::{self, TargetOutcome};

/// The running demo. Dropping it stops all of it.
#[derive(Debug)]
pub struct RunningDemo {
    directory: PathBuf,
    anchors: Anchors,
    client: Identity,
    server: Address,
    socket: Address,
    /// The name in the client certificate of the last hook call, as the server saw it.
    seen: Arc<Mutex<Option<String>>>,
    clock: fn() -> OffsetDateTime,
    stop_server: Arc<Notify>,
    serving: JoinSet<Result<(), tonic::transport::Error>>,
    bridging: JoinSet<Result<Drained, Died>>,
}

/// A hook call that came back.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// Which one.
    pub hook: Hook,
    /// Length of the object that was sent and came back the same.
    pub octets: usize,
    /// The name in the client certificate that the server saw.
    pub client: String,
    /// From the first octet sent to the last one received.
    pub took: Duration,
}

impl RunningDemo {
    /// Fills `directory`, starts the server and the bridge.
    ///
    /// # Errors
    /// When the directory cannot be written, or this machine gives us no port or socket.
    pub async fn start(
        directory: &Path,
        clock: fn() -> OffsetDateTime,
    ) -> Result<(Self, CertificateSet), DemoError> {
        let certificates = directory.join(CERTIFICATES);
        let set = issue_set(&SetPlan::default(), clock())?;
        Store::open(&certificates, &SET_FILES)?.write(&set.files())?;
        let anchors = Anchors::load(&certificates.join(CA_CERTIFICATE_FILE))?;
        let load = |role: Role| {
            Identity::load(&certificates.join(role.certificate_file()), &certificates.join(role.key_file()))
        };
        let (server_identity, client) = (load(Role::Server)?, load(Role::Client)?);

        let seen = Arc::new(Mutex::new(None));
        let tls = server_config(&anchors, &server_identity)?;
        let stop_server = Arc::new(Notify::new());
        let (server, serving) = start_server(tls, Arc::clone(&seen), Arc::clone(&stop_server))
            .await
            .map_err(DemoError::Server)?;
        let socket = format!("unix:{}", directory.join(SOCKET).display()).parse()?;
        let mut demo = Self {
            directory: directory.to_owned(),
            anchors,
            client,
            server,
            socket,
            seen,
            clock,
            stop_server,
            serving,
            bridging: JoinSet::new(),
        };
        let bridge = Bridge::bind(demo.bridge_plan()?).await?;
        // It ends with the demo.
        demo.bridging.spawn(async move { bridge.run(&Notify::new()).await });
        Ok((demo, set))
    }

    /// Where the server listens.
    pub fn server(&self) -> &Address {
        &self.server
    }

    /// Where the bridge listens.
    pub fn socket(&self) -> &Address {
        &self.socket
    }

    /// Where the certificates are.
    pub fn certificates(&self) -> PathBuf {
        self.directory.join(CERTIFICATES)
    }

    /// Probes the server and then the bridge.
    ///
    /// # Errors
    /// When our own certificates cannot be used.
    pub async fn probe(&self) -> Result<Vec<TargetOutcome>, DemoError> {
        let targets = vec![self.upstream(Some(&self.client))?, self.bridge_target()?];
        // On a busy machine the bridge may need more than one attempt until it is connected.
        Ok(self.probe_targets(targets, Some(self.client.leaf().clone()), Some(LIMIT)).await)
    }

    /// Probes the server without a client certificate.
    ///
    /// # Errors
    /// When our own certificates cannot be used.
    pub async fn probe_as_stranger(&self) -> Result<TargetOutcome, DemoError> {
        let mut outcomes = self.probe_targets(vec![self.upstream(None)?], None, None).await;
        Ok(outcomes.remove(0))
    }

    /// Calls a hook through the bridge, as Envoy Gateway does.
    ///
    /// # Errors
    /// When there is no way through, or the object comes back changed.
    pub async fn call(&self) -> Result<HookCall, DemoError> {
        let deadline = Instant::now() + LIMIT;
        let dialed = net::dial(&self.bridge_target()?, deadline).await;
        let (stream, first) = dialed.outcome.map_err(DemoError::Bridge)?;
        let session = net::open(stream, first, deadline).await.map_err(DemoError::Bridge)?;
        let origin = Uri::from_static("http://localhost");
        let begin = Instant::now();
        let object = Object::from(Bytes::from_static(VIRTUAL_HOST));
        let answer = extension::call(session.service(), origin, Hook::VirtualHost, object.clone()).await?;
        let took = begin.elapsed();
        if answer != object {
            return Err(DemoError::Changed);
        }
        let client = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(HookCall {
            hook: Hook::VirtualHost,
            octets: VIRTUAL_HOST.len(),
            client: client.ok_or(DemoError::Unseen)?,
            took,
        })
    }

    /// Stops the extension server and calls the hook once more.
    ///
    /// # Errors
    /// When the call gets no answer, or goes through all the same.
    pub async fn call_without_server(&mut self) -> Result<Status, DemoError> {
        self.stop_server.notify_one();
        let ended = timeout(LIMIT, self.serving.join_next()).await.map_err(|_| DemoError::StillServed)?;
        ended.transpose().map_err(Died::from)?.transpose().map_err(DemoError::Serve)?;
        match self.call().await {
            Err(DemoError::Hook(status)) => Ok(status),
            Err(error) => Err(error),
            Ok(_) => Err(DemoError::StillServed),
        }
    }

    /// Waits until a part of the demo ends by itself, which is a fault of ours.
    pub async fn ended(&mut self) -> DemoError {
        tokio::select! {
            Some(ended) = self.bridging.join_next() => match ended {
                Ok(Ok(_)) => DemoError::Ended { part: "bridge" },
                Ok(Err(died)) => DemoError::Died(died),
                Err(error) => DemoError::Died(error.into()),
            },
            Some(ended) = self.serving.join_next() => match ended {
                Ok(Ok(())) => DemoError::Ended { part: "extension server" },
                Ok(Err(error)) => DemoError::Serve(error),
                Err(error) => DemoError::Died(error.into()),
            },
        }
    }

    /// What belongs into Envoy Gateway's configuration to use this bridge.
    ///
    /// # Errors
    /// When the directory's path cannot stand in a configuration.
    pub fn stanza(&self) -> Result<String, DemoError> {
        let socket = self.directory.join(SOCKET);
        let bridge = BridgeCommand {
            socket: socket.as_path().try_into()?,
            alone: true,
            upstream: self.server.clone(),
            material: self.certificates().as_path().try_into()?,
            hold: false,
            resync: Vec::new(),
        };
        Ok(gateway::Configuration::decide(gateway::Request::new(bridge))?.yaml())
    }

    fn upstream(&self, identity: Option<&Identity>) -> Result<Target, DemoError> {
        let tls = ClientTls::new(&self.anchors, identity)?;
        Ok(Target::new(self.server.clone(), Some(Arc::new(tls)), None, Alpn::Required)?)
    }

    fn bridge_target(&self) -> Result<Target, DemoError> {
        Ok(Target::new(self.socket.clone(), None, None, Alpn::Required)?)
    }

    fn bridge_plan(&self) -> Result<bridge::BridgePlan, DemoError> {
        Ok(bridge::BridgePlan {
            listen: self.socket.clone(),
            server: None,
            upstream: self.upstream(Some(&self.client))?,
            own: Some(self.client.leaf().clone()),
            credentials: None,
            directory: self.certificates(),
            searched: false,
            connect_wait: Some(CONNECT_WAIT),
            call_timeout: Some(LIMIT),
            drain_timeout: CONNECT_WAIT,
            resync: ResyncPlan::default(),
            socket: SocketAccess::default(),
            callers: CallerLimits::default(),
            keepalive: None,
            clock: self.clock,
        })
    }

    async fn probe_targets(
        &self,
        targets: Vec<Target>,
        own: Option<Certificate>,
        wait: Option<Duration>,
    ) -> Vec<TargetOutcome> {
        let directory = self.certificates();
        let plan =
            probe::ProbePlan { own, directory, timeout: LIMIT, wait, ..probe::ProbePlan::new(targets) };
        probe::probe(plan, self.clock).await
    }
}

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The directory's path is too long for a socket.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No certificates could be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The socket cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Our own bridge does not answer.
    #[error("the bridge does not answer: {0:?}")]
    Bridge(Fault),
    /// The pass-through server changed an object.
    #[error("the object came back changed")]
    Changed,
    /// A part of the demo panicked.
    #[error(transparent)]
    Died(#[from] Died),
    /// A part of the demo ended without an error, although it was not asked to.
    #[error("the {part} ended by itself")]
    Ended {
        /// Which one.
        part: &'static str,
    },
    /// The call was answered with an error.
    #[error("the hook call failed")]
    Hook(#[from] Status),
    /// What was written cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The configuration cannot be written.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// There is no port for the server.
    #[error("cannot start the extension server on 127.0.0.1")]
    Server(#[source] io::Error),
    /// The extension server ended by an error.
    #[error("the extension server failed")]
    Serve(#[source] tonic::transport::Error),
    /// The server that was stopped still answers.
    #[error("the extension server was stopped, and a call still came through")]
    StillServed,
    /// The server accepted a client without a certificate.
    #[error("the server accepted a client without a certificate")]
    StrangerAccepted,
    /// The certificates cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The targets contradict themselves.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The call came through without a client certificate.
    #[error("the server saw no client certificate")]
    Unseen,
    /// The directory's path cannot stand in a configuration.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A pass-through server with mutual TLS on a port of the system's choice. It ends when `stop` is notified.
async fn start_server(
    tls: Arc<rustls::ServerConfig>,
    seen: Arc<Mutex<Option<String>>>,
    stop: Arc<Notify>,
) -> io::Result<(Address, JoinSet<Result<(), tonic::transport::Error>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let service = PassThrough::new().with_observer(move |call| {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = call.client_name().map(str::to_owned);
    });
    let server = Server::new(service).with_tls(tls);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        // Answers go out in several small pieces: none waits for the acknowledgement of the one before.
        let connections = TcpListenerStream::new(listener)
            .map(|stream| stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream)));
        server.serve(connections, async move { stop.notified().await }).await
    });
    let host = Host::Name("localhost".to_owned());
    Ok((Address::Tcp { host, port, transport: Transport::Tls }, serving))
}

/// Inside the demo's directory.
const CERTIFICATES: &str = "certs";
const SOCKET: &str = "eg.sock";

/// Of everything that has to be waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// Short, so that the answer of a bridge without a server comes soon.
const CONNECT_WAIT: Duration = Duration::from_secs(1);

/// `envoy.config.route.v3.VirtualHost` with the name `demo` and the domain `*`.
const VIRTUAL_HOST: &[u8] = b"\x0a\x04demo\x12\x01*";
