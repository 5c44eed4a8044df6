//! The layer `gateway`: could Envoy Gateway's own TLS connect here?

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::time::timeout_at;

use super::attempt::LEAST_TIME;
use super::outcome::Verdict;
use crate::diagnosis::{Context, gateway};
use crate::host::Host;
use crate::net::{Address, Greeting, Hello, deadline, greet};
use crate::pki::{Role, go_x509};

/// Judges the chain that the server has presented, and says hello to it once more, with the name that Envoy Gateway sends.
/// `effect` is what Envoy Gateway does without a connection. Nothing for plaintext.
pub(super) async fn look(context: &Context<'_>, effect: &str, left: Duration) -> Option<Verdict> {
    let (tls, host) = (context.target.tls()?, host(context.target.server_name()?)?);
    let witness = context.trace.witness.as_ref()?;
    let anchors: Vec<_> = tls.trusted().iter().map(|anchor| &anchor.der).collect();
    let mut findings = Vec::new();
    let verdict = go_x509::verify(witness.presented(), &anchors, Role::Server, Some(&host), context.now);
    match (verdict, witness.overruled()) {
        (Ok(()), None) => {}
        (Ok(()), Some(refusal)) => findings.push(gateway::accepts_more(context, refusal)),
        (Err(refusal), _) => findings.push(gateway::chain_refused(context, &refusal, effect)),
    }
    if witness.had_too_many_tickets() {
        findings.push(gateway::too_many_tickets(context, Some(effect)));
    }
    let Some(sent) = sni(context.target.address(), &host) else {
        // On a socket EG sends the name that we have sent, without a port.
        return Some(Verdict::of(findings, format!("certificate and SNI `{host}` accepted")));
    };
    let limit = left.min(LIMIT);
    let Some((Some(peer), _)) = context.trace.connected else { return None };
    let answer = answer(peer, &sent, context.target.server_name()?, limit).await;
    if let Ok(answer) = &answer {
        findings.extend(gateway::sni_refused(context, &sent, answer, (effect, limit)));
    }
    if is_by_group_of_go(context) {
        // The server may have others, too, and prefer this one.
        let ours = greet(peer, Hello::Ours(context.target.server_name()?), deadline(limit)).await;
        findings.extend(gateway::accepts_group(context, &ours));
    }
    Some(match answer {
        Err(why) if findings.is_empty() => Verdict::noted(format!("SNI `{sent}` could not be tried: {why}")),
        _ => Verdict::of(findings, format!("certificate and SNI `{sent}` (EG sends the port, too) accepted")),
    })
}

/// How the server answers a hello with `sent`, or why that could not be found out. A server that is gone, or has enough
/// connections, answers no hello: one that refuses the name goes on with `ours`, which it has just taken. A server that is
/// silent is asked for that before the limit is over, so that silence takes no longer.
async fn answer(
    peer: SocketAddr,
    sent: &str,
    ours: &ServerName<'static>,
    limit: Duration,
) -> Result<Greeting, String> {
    let end = deadline(limit);
    let mut theirs = pin!(greet(peer, Hello::Gateway(sent), end));
    let ours = greet(peer, Hello::Named(ours), end);
    let (theirs, ours) = match timeout_at(deadline(limit / 2), &mut theirs).await {
        Ok(Greeting::Accepted) => return Ok(Greeting::Accepted),
        Ok(theirs) => (theirs, ours.await),
        Err(_) => tokio::join!(theirs, ours),
    };
    match (theirs, ours) {
        (Greeting::Unsent(error), _) => Err(error.to_string()),
        (Greeting::Silent, _) if limit < LEAST_TIME => Err("too little time was left".to_owned()),
        (theirs, Greeting::Accepted) | (theirs @ Greeting::Accepted, _) => Ok(theirs),
        (_, Greeting::Unsent(error)) => Err(error.to_string()),
        _ => Err("the server does not answer any other name now".to_owned()),
    }
}

/// Was the key agreed on by a group that Go offers and we do not?
fn is_by_group_of_go(context: &Context<'_>) -> bool {
    let agreed = context.trace.handshake.as_ref();
    agreed.is_some_and(|(agreed, _)| agreed.key_exchange == GROUP_OF_GO)
}

/// The name is the host's, and the port the address's: this is what Envoy Gateway sends if it is configured with both.
fn sni(address: &Address, host: &Host) -> Option<String> {
    let Address::Tcp { port, .. } = address else { return None };
    Some(Address::Tcp { host: host.clone(), port: *port, transport: crate::net::Transport::Tls }.authority())
}

fn host(name: &ServerName<'_>) -> Option<Host> {
    name.to_str().parse().ok()
}

/// See `crypto::provider_as_go`.
const GROUP_OF_GO: &str = "secp521r1";

/// A server that has just made a handshake decides about a hello at once.
const LIMIT: Duration = Duration::from_secs(2);
