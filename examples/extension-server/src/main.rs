//! Flags, start and stop. The rest is in the library.

use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use extension_server::listen::{Address, Listener};
use extension_server::proto::envoy_gateway_extension_server::EnvoyGatewayExtensionServer;
use extension_server::service::Extension;
use extension_server::tls::Files;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tonic::transport::Server;
use tracing::{error, info, warn};

/// Adds a response header to every route that refers to a `ResponseHeader`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// `tls://host:port`, or plaintext: `unix:/path`, `tcp://` on a loopback address
    #[arg(long, value_name = "ADDRESS", default_value = "tls://localhost:5005")]
    listen: Address,
    /// Directory with `ca.crt`, `server.crt` and `server.key`
    #[arg(long, value_name = "DIR", default_value = "certs")]
    dir: PathBuf,
    /// CA of the clients, instead of `ca.crt` in `--dir`
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our certificate, instead of `server.crt` in `--dir`
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of `--cert`
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Serve without TLS; only on a unix socket or a loopback address
    #[arg(long, conflicts_with_all = ["dir", "ca", "cert", "key"])]
    plaintext: bool,
    /// Largest request; Envoy Gateway's `maxMessageSize` should be the same
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = octets)]
    max_message_size: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would be told by `eprintln!`, which panics if stderr is closed.
        .log_internal_errors(false)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let tls = match (&arguments.listen, arguments.plaintext) {
        (Address::Tls(_), false) => Some(Arc::new(arguments.files().server_config()?)),
        (Address::Tls(_), true) | (_, true) => None,
        (address, false) => return Err(format!("`{address}` is plaintext; say so with `--plaintext`").into()),
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<EnvoyGatewayExtensionServer<Extension>>().await;
    let extension =
        EnvoyGatewayExtensionServer::new(Extension).max_decoding_message_size(arguments.max_message_size);
    let router = Server::builder().add_service(health_service).add_service(extension);

    // Asked for before the first client can know of us, so that no signal is lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = Listener::bind(&arguments.listen, tls).await?;
    info!("listening on {}", listener.address()?);

    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("stopping");
        health.set_not_serving::<EnvoyGatewayExtensionServer<Extension>>().await;
        // The other end is gone only when serving ended by itself.
        let _ = stopping.send(());
    };
    let serve = listener.serve(router, stop);
    tokio::select! {
        ended = serve => ended?,
        () = grace_over(stopped) => warn!("calls were still in flight"),
    }
    info!("stopped");
    Ok(())
}

/// Ends some time after the stop began.
async fn grace_over(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep(GRACE).await;
}

impl Arguments {
    fn files(&self) -> Files {
        let named = Files::in_directory(&self.dir);
        Files {
            ca: self.ca.clone().unwrap_or(named.ca),
            certificate: self.cert.clone().unwrap_or(named.certificate),
            key: self.key.clone().unwrap_or(named.key),
        }
    }
}

/// `4MiB`, `512KiB` or octets.
fn octets(text: &str) -> Result<usize, String> {
    let (number, unit) = match text {
        _ if text.ends_with("KiB") => (&text[..text.len() - 3], 1 << 10),
        _ if text.ends_with("MiB") => (&text[..text.len() - 3], 1 << 20),
        _ => (text, 1),
    };
    let number: usize =
        number.parse().map_err(|_| "expected a size such as `512KiB` or `4MiB`".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

/// What a stop waits for calls in flight. Envoy Gateway's take milliseconds.
const GRACE: Duration = Duration::from_secs(5);
