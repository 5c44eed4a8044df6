use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Http2Error;
use super::driver::Driver;
use super::fields::{Judged, RequestHead};
use super::handle::{RecvStream, SendStream, handles};
use super::limits::Limits;
use super::pings::Pings;
use super::state::{Role, Shared, State, lock};

/// The server's end of a connection. It does its work while it is polled for calls.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    driver: Driver<S>,
    shared: Shared,
}

/// A call: what it begins with, its body, and the way back.
pub(crate) type Call = (Box<Judged<RequestHead>>, RecvStream, SendStream);

/// Waits until the client begins HTTP/2.
///
/// # Errors
/// When it says something else, or the stream fails.
pub(crate) async fn begin<S>(stream: S, limits: Limits) -> Result<Connection<S>, Http2Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let role = Role::server();
    let shared = Arc::new(Mutex::new(State::new(role, limits)));
    let mut driver = Driver::new(stream, &shared);
    poll_fn(|context| driver.poll_preface(context)).await?;
    Ok(Connection { driver, shared })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The next call. `None` when there will be none, and all that was to be said has been sent.
    ///
    /// # Errors
    /// When the connection fails.
    pub(crate) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Call, Http2Error>>> {
        if let Some(call) = self.arrived() {
            return Poll::Ready(Some(Ok(call)));
        }
        if self.driver.poll(context).is_ready() {
            let over = lock(&self.shared).over.clone();
            return Poll::Ready(over.filter(|over| !over.is_good_end()).map(Err));
        }
        self.arrived().map_or(Poll::Pending, |call| Poll::Ready(Some(Ok(call))))
    }

    fn arrived(&mut self) -> Option<Call> {
        let mut state = lock(&self.shared);
        let (id, head) = state.arrived()?;
        let (receive, send) = handles(&self.shared, id, state.streams.get_mut(&id)?);
        Some((head, receive, send))
    }

    /// To be called before the first poll: what we say first (RFC 9113 section 3.4) waits for what the client says first,
    /// and then, if the client has begun with whole calls, for the first answer: its message, or its end. Both are one write
    /// then, and one thing for the client to read and to answer.
    ///
    /// It is for the caller of this to end the wait in time, as long as [`Connection::holds_back`].
    pub(crate) fn hold_back(&mut self) {
        lock(&self.shared).hold_back();
    }

    /// Whether what we say first still waits.
    pub(crate) fn holds_back(&self) -> bool {
        lock(&self.shared).holds_back()
    }

    /// What we say first waits no longer.
    pub(crate) fn speak(&mut self) {
        lock(&self.shared).speak();
    }

    /// Is there any call, or an answer that was not written yet?
    pub(crate) fn has_streams(&self) -> bool {
        lock(&self.shared).is_busy()
    }

    /// Tells the client to make new calls on another connection (RFC 9113 section 6.8). This one ends after the calls that
    /// the client has begun before it heard that.
    pub(crate) fn leave(&mut self) {
        lock(&self.shared).begin_to_leave();
    }

    /// Asks the client whether it is there.
    pub(crate) fn pings(&self) -> Pings {
        Pings::new(&self.shared)
    }
}
