use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Http2Error;
use super::driver::Driver;
use super::fields::RequestHead;
use super::handle::{RecvStream, SendStream, handles};
use super::limits::Limits;
use super::pings::Pings;
use super::said::Said;
use super::state::{Role, Shared, State, lock};
use super::stream::Stream;

/// The client's end of a connection. It does its work while it is polled.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    driver: Driver<S>,
    shared: Shared,
}

/// Begins calls. The connection ends when there is none of these any more, and the last call is over.
#[derive(Debug)]
pub(crate) struct Requests(Shared);

/// Begins HTTP/2. Nothing is sent before the connection is polled.
pub(crate) fn begin<S>(stream: S, limits: Limits) -> (Requests, Connection<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shared = Arc::new(Mutex::new(State::new(Role::client(), limits)));
    let driver = Driver::new(stream, &shared);
    (Requests(Shared::clone(&shared)), Connection { driver, shared })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Ready at the end of the connection. Its stream knows why it has ended.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.driver.poll(context)
    }

    /// Whether no new calls are possible.
    pub(crate) fn is_refusing(&self) -> bool {
        lock(&self.shared).refusal().is_some()
    }

    /// Asks the server whether it is there.
    pub(crate) fn pings(&self) -> Pings {
        Pings::new(&self.shared)
    }

    /// What the server says when it takes no new calls.
    pub(crate) fn said(&self) -> Said {
        lock(&self.shared).said.clone()
    }
}

impl Requests {
    /// Begins a call; `is_bodiless` if the head is all of it. If the server has no room for more calls, it waits here.
    ///
    /// # Errors
    /// When no new calls are possible.
    pub(crate) fn begin(
        &self,
        head: &RequestHead,
        is_bodiless: bool,
    ) -> Result<(RecvStream, SendStream), Http2Error> {
        let mut state = lock(&self.0);
        if let Some(refusal) = state.refusal() {
            return Err(refusal);
        }
        let id = state.next_id();
        let mut stream = Stream::new(state.limits.stream_window);
        let handles = handles(&self.0, id, &mut stream);
        state.streams.insert(id, Box::new(stream));
        state.call(id, head, is_bodiless);
        Ok(handles)
    }

    /// Whether no new calls are possible.
    pub(crate) fn is_refused(&self) -> bool {
        lock(&self.0).refusal().is_some()
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        lock(&self.0).abandon();
    }
}
