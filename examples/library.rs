//! The library without its command line: makes certificates in memory, starts a server with them, and probes it.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;

use egext::extension::{PassThrough, Server};
use egext::net::{Alpn, ClientTls, Target, server_config};
use egext::pki::Role;
use egext::pki::issue::{SetPlan, issue_set};
use egext::probe::{ProbePlan, probe};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

#[expect(clippy::print_stdout, reason = "a program's own report")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let set = issue_set(&SetPlan::default(), now())?;
    let (anchors, client) = (set.anchors()?, set.identity(Role::Client)?);

    let listener = TcpListener::bind("localhost:0").await?;
    let address = format!("localhost:{}", listener.local_addr()?.port()).parse()?;
    let server = Server::new(PassThrough::new())
        .with_tls(server_config(&anchors, &set.identity(Role::Server)?)?)
        .serve(TcpListenerStream::new(listener), pending());
    tokio::spawn(server);

    let tls = Arc::new(ClientTls::new(&anchors, Some(&client))?);
    let target = Target::new(address, Some(tls), None, Alpn::Required)?;
    let plan = ProbePlan { own: Some(client.leaf().clone()), ..ProbePlan::new(vec![target]) };
    for outcome in probe(plan, now).await {
        for layer in outcome.passed() {
            println!("{}: {}", layer.layer, layer.detail);
        }
        if let Some(cause) = outcome.cause() {
            return Err(cause.message.clone().into());
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program's own clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
