//! One ordered story about a channel: what works, the first thing that is wrong, what to do next.
//!
//! The parts are looked at from the ground up, since a fault below shows in every part above it: the certificates, the
//! server that they are for, what it presents, the bridge in front of it, the bridge's socket, and what Envoy Gateway
//! (EG) is told to call. Whatever was not named is taken from the others: the socket from EG's configuration, the server
//! and the certificates from the bridge. What nothing says is looked for where it usually is, and is no error there:
//! see [`Origin`].

mod bridge;
mod known;
mod material;
mod parts;
mod server;
mod story;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc::UnboundedSender;

pub use known::{Known, Origin};
pub use material::Files;
pub use story::{Part, State, Step, Story};

use crate::gateway::{self, ADMIN_SOCKET, Called, Source, called};
use crate::host::Host;
use crate::net::{Address, ClientTls, TargetError, Transport};
use crate::pki::Certificate;
use crate::probe::{News, ProbePlan, TargetOutcome};
use crate::report::{Finding, FindingId};
use bridge::Bridge;
use known::Usual;
use material::Material;
use parts::Examination;
use server::Server;

/// What to look at.
#[derive(Debug)]
pub struct Plan {
    /// The directory of the certificates, unless the bridge says that it has others.
    pub directory: Known<PathBuf>,
    /// What files give for TLS, or why they give nothing.
    pub load: fn(&Files) -> Result<Tls, Box<Finding>>,
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
    /// How EG would connect to the servers that it calls by its own TLS.
    pub native: Vec<Native>,
    /// How EG reads them.
    pub questions: gateway::Questions,
    /// Limit of each question to a peer.
    pub limit: Duration,
    /// Is it tried whether the server refuses other clients?
    pub policy: bool,
    /// Findings that are left out.
    pub skip: Vec<FindingId>,
    /// Gets what is going on.
    pub news: Option<UnboundedSender<News>>,
}

/// What a connection with TLS needs.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whom we trust and what we show.
    pub client: Arc<ClientTls>,
    /// The certificate that we show.
    pub own: Option<Certificate>,
}

/// A server that EG calls by its own TLS.
#[derive(Debug)]
pub struct Native {
    /// The server.
    pub called: Called,
    /// The file that says so.
    pub file: String,
    /// Are EG's Secrets among the files? Without any, nothing is known of what EG trusts and presents.
    pub has_secrets: bool,
    /// Does EG present a certificate?
    pub presents: bool,
    /// The first release of EG that presents one, if this one presents none.
    pub presents_since: Option<&'static str>,
    /// How it is probed with EG's Secrets, or why that is not possible.
    pub plan: Result<ProbePlan, Box<TargetOutcome>>,
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
    let bridge = Bridge::ask(&plan, &services, now).await?;
    let server = plan.server.clone().map(Known::by(Origin::Named));
    let server = server.or_else(|| bridge.upstream().map(Known::by(Origin::Told)));
    let server = server.or_else(|| server_called(&services).map(Known::by(Origin::Configured)));
    let server = server.unwrap_or_else(|| Known { value: usual_server(), origin: Origin::Guessed });
    let material = Material::choose(&plan, bridge.answer(), now());
    let mut server = Server::new(&plan, server, &services, &bridge, material, now);
    let mut steps = vec![server.certificates()];
    steps.extend(server.steps().await?);
    let mut asked = vec![server.known.value.clone()];
    for address in others(&services, &server.known) {
        asked.push(address.clone());
        let material = Material::choose(&plan, bridge.answer(), now());
        let known = Known { value: address, origin: Origin::Configured };
        steps.extend(Server::new(&plan, known, &services, &bridge, material, now).steps().await?);
    }
    let examination = Examination { plan: &plan, services: &services, bridge: &bridge, server: &server };
    steps.extend([examination.bridge(), examination.socket()]);
    for other in Bridge::ask_others(&plan, &services, &bridge, now).await? {
        other_channel(&plan, &services, &other, (&mut steps, &mut asked), now).await?;
    }
    steps.push(examination.configuration());
    for step in &mut steps {
        step.leave_out(&plan.skip);
    }
    Ok(Story { steps })
}

/// Looks at the bridge of another manager, and at its server, unless that is among those that were `asked`.
async fn other_channel(
    plan: &Plan,
    services: &[Called],
    bridge: &Bridge<'_>,
    (steps, asked): (&mut Vec<Step>, &mut Vec<Address>),
    now: fn() -> OffsetDateTime,
) -> Result<(), TargetError> {
    let told = bridge.upstream().map(Known::by(Origin::Told));
    let is_new = plan.server.is_none() && told.as_ref().is_some_and(|known| !asked.contains(&known.value));
    let known = told.unwrap_or_else(|| Known { value: usual_server(), origin: Origin::Guessed });
    let material = Material::choose(plan, bridge.answer(), now());
    let mut server = Server::new(plan, known, services, bridge, material, now);
    if is_new {
        asked.push(server.known.value.clone());
        let certificates = server.certificates();
        let is_same = |step: &Step| step.part == Part::Certificates && step.subject == certificates.subject;
        if !steps.iter().any(is_same) {
            steps.push(certificates);
        }
        steps.extend(server.steps().await?);
    }
    let examination = Examination { plan, services, bridge, server: &server };
    // Where none is next to its socket, it may have one in another place.
    steps.extend(bridge.has_admin().then(|| examination.bridge()));
    steps.push(examination.socket());
    Ok(())
}

/// The files that EG is started with, among those that it loads.
fn configurations(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| !source.is_resource)
}

/// The sockets that EG calls, each once.
fn sockets_called(services: &[Called]) -> Vec<PathBuf> {
    let mut sockets = Vec::new();
    for called in services {
        match called {
            Called::Unix(path) if !sockets.contains(path) => sockets.push(path.clone()),
            Called::Unix(_) | Called::Tcp { .. } => {}
        }
    }
    sockets
}

fn server_called(services: &[Called]) -> Option<Address> {
    let mut servers = services.iter().filter(|called| matches!(called, Called::Tcp { .. }));
    servers.find_map(|called| called.address().ok())
}

/// The other servers that EG calls itself, if it calls `first`: each manager can have one.
fn others(services: &[Called], first: &Known<Address>) -> Vec<Address> {
    let mut others = Vec::new();
    let called = services.iter().filter(|called| matches!(called, Called::Tcp { .. }));
    for address in called.filter_map(|called| called.address().ok()) {
        if first.origin == Origin::Configured && address != first.value && !others.contains(&address) {
            others.push(address);
        }
    }
    others
}

fn usual_socket() -> Option<PathBuf> {
    Usual::at(Path::new(USUAL_SOCKET).to_owned()).there()
}

fn usual_server() -> Address {
    let host = Host::Name("localhost".to_owned());
    Address::Tcp { host, port: Address::DEFAULT_PORT, transport: Transport::Tls }
}

/// As the documentation and the systemd units have them.
const USUAL_SOCKET: &str = "/run/egext/eg.sock";
