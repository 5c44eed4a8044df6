//! What a running bridge tells to people and monitoring: `--admin`.
//!
//! [`Admin`] listens on a unix socket or a loopback port and answers GET and HEAD: `/healthz`, `/readyz`, `/metrics`,
//! `/status` and a page for people at `/`. Nothing can be changed here.
//!
//! Everything that is shown comes from one value, `status::Status`, which is made from a copy of what the bridge
//! publishes ([`Observer`](crate::bridge::Observer)). So metrics, JSON, page and readiness cannot contradict each other.
//! The module is above `bridge`, because the bridge works without it; and it is not part of `render`, because what it
//! writes goes to peers and not to the streams of this process.
//!
//! The server has a thread and a runtime of its own. A large page, or a client that asks without pause, does not take
//! time from calls; and it answers until the last call has ended.

mod ask;
mod credentials;
mod gather;
mod heard;
mod metrics;
mod page;
mod process;
mod readiness;
mod routes;
mod seats;
mod server;
mod status;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

pub use ask::{Answer, AskError, Cause, Held, Told, Upstream, ask};
pub use gather::View;
pub use status::json_schema;

use crate::net::{Address, BindError, Inherited, Listener, SocketAccess};

/// The admin server, listening and not serving yet.
#[derive(Debug)]
pub struct Admin {
    // Before the runtime: the socket is registered there.
    listener: Listener,
    address: Address,
    runtime: Runtime,
}

/// Why there is no admin server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The operating system gives no thread, or does not say where we listen.
    #[error("cannot start the admin server")]
    Runtime(#[from] io::Error),
}

impl Admin {
    /// Listens at `address`: a unix socket or a loopback address. If one of `sockets`, which other processes have made,
    /// listens there, it is taken out and used. Must not be called from asynchronous code.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind_with(address: &Address, sockets: &mut Vec<Inherited>) -> Result<Self, AdminError> {
        let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(RESOLVER_KEPT).build()?;
        let access = SocketAccess::default();
        let listener = runtime.block_on(Listener::bind_with(address, &access, sockets))?;
        let address = listener.address(address.transport())?;
        Ok(Self { listener, address, runtime })
    }

    /// Where it listens. If port 0 was asked for, this has the port that the system chose.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves what `view` shows, in a thread of its own, until the value that is returned is dropped.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn serve(self, view: View) -> Result<Serving, AdminError> {
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let serve = move || {
            let Self { listener, runtime, .. } = self;
            runtime.block_on(server::serve(&listener, Arc::new(view), &stopped));
            // The path of a unix socket is removed by the listener.
            drop(listener);
        };
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(serve)?;
        Ok(Serving { stop, thread: Some(thread) })
    }
}

/// An admin server at work. Dropping it ends it and removes its socket.
#[derive(Debug)]
pub struct Serving {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // An error is a panic, which has been reported where it happened.
            let _ = thread.join();
        }
    }
}

/// How long the thread that has resolved the name of the address stays. The sandbox does not hold for it.
const RESOLVER_KEPT: Duration = Duration::from_millis(5);
