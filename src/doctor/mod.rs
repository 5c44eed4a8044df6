//! One ordered story about a channel: what works, the first thing that is wrong, what to do next.
//!
//! The parts are looked at from the ground up, since a fault below shows in every part above it: the certificates, the
//! server that they are for, what it presents, the bridge in front of it, the bridge's socket, and what Envoy Gateway
//! (EG) is told to call. Whatever was not named is taken from the others: the socket from EG's configuration, the server
//! from the bridge.

mod parts;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

pub use story::{Part, State, Step, Story};

use crate::admin::{Answer, AskError, ask};
use crate::gateway::{self, Called, Source, called};
use crate::host::Host;
use crate::net::{Address, ClientTls, TargetError, Transport};
use crate::pki::Certificate;
use crate::report::{Finding, FindingId};
use parts::{Examination, audited};

/// What to look at.
#[derive(Debug)]
pub struct Plan {
    /// The directory of the certificates.
    pub directory: PathBuf,
    /// What its files give for TLS, or why they give nothing.
    pub tls: Result<Tls, Finding>,
    /// The server; by default the one that the bridge calls, or EG, or the one on this machine.
    pub server: Option<Address>,
    /// The name in the server's certificate; by default the host of its address.
    pub server_name: Option<Host>,
    /// The admin server of the bridge; by default the socket `admin.sock` beside the bridge's own.
    pub admin: Option<Address>,
    /// The socket of the bridge; by default the one that EG calls.
    pub socket: Option<PathBuf>,
    /// EG's configuration, and its resources.
    pub sources: Vec<Source>,
    /// How EG reads them.
    pub questions: gateway::Questions,
    /// Limit of each question to a peer.
    pub limit: Duration,
    /// Is it tried whether the server refuses other clients?
    pub policy: bool,
    /// Findings that are left out.
    pub skip: Vec<FindingId>,
}

/// What a connection with TLS needs.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whom we trust and what we show.
    pub client: Arc<ClientTls>,
    /// The certificate that we show.
    pub own: Option<Certificate>,
}

/// Looks at every part of the channel.
///
/// `now` is asked once for each verdict.
///
/// # Errors
/// When the name of the server cannot be in a certificate.
pub async fn examine(plan: Plan, now: fn() -> OffsetDateTime) -> Result<Story, TargetError> {
    let services: Vec<_> =
        configurations(&plan.sources).flat_map(|source| called(source, plan.questions.release)).collect();
    let socket = plan.socket.clone().or_else(|| socket_called(&services)).or_else(usual_socket);
    let admin = plan.admin.clone().or_else(|| admin_beside(socket.as_deref()?));
    let answer = match &admin {
        Some(address) => Some((address.clone(), ask(address, plan.limit).await)),
        None => None,
    };
    let named =
        plan.server.clone().or_else(|| upstream(answer.as_ref()?)).or_else(|| server_called(&services));
    let is_server_named = named.is_some();
    let server = named.unwrap_or_else(usual_server);
    let audit = audited(&plan, &server, now());
    let mut examination =
        Examination { plan: &plan, services, socket, answer, server, is_server_named, audit, now };
    let mut steps = vec![examination.certificates()];
    steps.extend(examination.server().await?);
    steps.push(examination.bridge());
    steps.push(examination.socket().await?);
    steps.push(examination.configuration());
    for step in &mut steps {
        step.leave_out(&plan.skip);
    }
    Ok(Story { steps })
}

/// The files that EG is started with, among those that it loads.
fn configurations(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| !source.is_resource)
}

fn socket_called(services: &[Called]) -> Option<PathBuf> {
    services.iter().find_map(|called| match called {
        Called::Unix(path) => Some(path.clone()),
        Called::Tcp { .. } => None,
    })
}

fn server_called(services: &[Called]) -> Option<Address> {
    let mut servers = services.iter().filter(|called| matches!(called, Called::Tcp { .. }));
    servers.find_map(|called| called.address().ok())
}

fn upstream((_, answer): &(Address, Result<Answer, AskError>)) -> Option<Address> {
    Address::of_server(&answer.as_ref().ok()?.upstream.address).ok()
}

fn admin_beside(socket: &Path) -> Option<Address> {
    let admin = socket.with_file_name(ADMIN_SOCKET);
    admin.symlink_metadata().is_ok().then_some(Address::Unix(admin))
}

fn usual_socket() -> Option<PathBuf> {
    let path = Path::new(USUAL_SOCKET);
    path.symlink_metadata().is_ok().then(|| path.to_owned())
}

fn usual_server() -> Address {
    let host = Host::Name("localhost".to_owned());
    Address::Tcp { host, port: Address::DEFAULT_PORT, transport: Transport::Tls }
}

/// As the documentation and the systemd units have them.
const USUAL_SOCKET: &str = "/run/egext/eg.sock";
const ADMIN_SOCKET: &str = "admin.sock";
