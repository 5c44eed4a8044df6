//! What systemd is told about the bridge (sd_notify(3)). Without `NOTIFY_SOCKET` nothing is sent.

use std::convert::Infallible;
use std::env;
use std::ffi::OsStr;
use std::future::pending;
use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as Datagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::{NotifyState, watchdog_enabled};
use tokio::net::UnixDatagram;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, warn};

use crate::bridge::Pulse;

/// The way to systemd.
///
/// The socket is connected at the start, because a sandbox may forbid that later, and kept. The variables stay in the
/// environment: the bridge starts no other process that could inherit them.
#[derive(Debug)]
pub(super) struct Notifier {
    socket: Option<UnixDatagram>,
    /// Why there is none, although one was named.
    fault: Option<String>,
    has_failed: AtomicBool,
}

impl Notifier {
    /// Connects with the socket that the environment names. Needs a runtime.
    pub(super) fn of_environment() -> Self {
        let name = env::var_os(NOTIFY_SOCKET).filter(|name| !name.is_empty());
        let (socket, fault) = match name.as_deref().map(connect) {
            Some(Ok(socket)) => (Some(socket), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self { socket, fault, has_failed: AtomicBool::new(false) }
    }

    /// A socket that cannot be used is logged and does not keep the bridge from starting: a unit of another type than
    /// `notify` works without it.
    pub(super) fn tell(&self) {
        if let Some(fault) = &self.fault {
            let socket = env::var_os(NOTIFY_SOCKET).unwrap_or_default();
            warn!(socket = %socket.display(), "cannot notify systemd: {fault}");
        }
    }

    /// The bridge listens. The upstream may be down: calls get their answer all the same, and EG may be ordered after
    /// the bridge while the extension server is ordered after EG.
    pub(super) async fn ready(&self) {
        self.send(&[NotifyState::Ready]).await;
    }

    /// Certificates are read again. [`Self::ready`] ends that.
    pub(super) async fn reloading(&self) {
        // systemd compares the time with that of its own signal (`Type=notify-reload`).
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]).await,
            Err(error) => warn!("cannot read the monotonic clock: {error}"),
        }
    }

    /// The bridge got the signal to stop.
    pub(super) async fn stopping(&self) {
        let status = NotifyState::Status("draining: calls in progress come to their end");
        self.send(&[NotifyState::Stopping, status]).await;
    }

    /// False if no service manager asked for messages.
    pub(super) fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// One line for `systemctl status`.
    pub(super) async fn status(&self, line: &str) {
        // A peer's words must not look like another message.
        self.send(&[NotifyState::Status(&line.replace(char::is_control, " "))]).await;
    }

    /// Sends the watchdog what it waits for, twice as often as needed, as long as every part of the bridge gives a sign of
    /// life. Without a watchdog this only waits.
    pub(super) async fn attend(&self, pulse: &Pulse) -> Infallible {
        let limit = watchdog_enabled().filter(|limit| self.socket.is_some() && !limit.is_zero());
        let Some(half) = limit.map(|limit| limit / 2) else { return pending().await };
        let mut ticks = interval(half);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match pulse.beat(half).await {
                Ok(()) => self.send(&[NotifyState::Watchdog]).await,
                // No message, so systemd restarts the service.
                Err(stuck) => error!("the watchdog is not served: {stuck}"),
            }
        }
    }

    async fn send(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let message = states.iter().map(|state| format!("{state}\n")).collect::<String>();
        let sent = timeout(SEND_LIMIT, socket.send(message.as_bytes())).await;
        let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let has_failed = sent.is_err();
        if let Err(error) = sent
            && !self.has_failed.load(Ordering::Relaxed)
        {
            warn!("cannot notify systemd: {error}");
        }
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }
}

/// A name that begins with `@` is abstract.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = Datagram::unbound()?;
    socket.connect_addr(&address(name)?)?;
    // systemd may be busy: its full queue must not hold up calls.
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a path nor an abstract name")),
    }
}

const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// How long a message may take.
const SEND_LIMIT: Duration = Duration::from_secs(1);
