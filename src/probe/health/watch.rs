//! Calls of `grpc.health.v1.Health/Watch`: the server says by itself when its health changes.

use std::mem;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::Code;
use tonic_health::pb::HealthCheckResponse;
use tower::{Service, ServiceExt as _};

use super::answer::{decode, request};
use super::codes::CODES;
use super::{origin, printable};
use crate::backoff::{Backoff, jittered};
use crate::diagnosis::Context;
use crate::net::{Reset, Session};
use crate::probe::{Calls, FIRST_PAUSE, HealthStatus};

/// One call for each service, on the same connection. They end when this is dropped.
pub(in crate::probe) struct Watcher {
    heard: Receiver<Heard>,
    _calls: JoinSet<()>,
}

/// What a call of `Watch` brought.
pub(in crate::probe) enum Heard {
    /// The server answered the call with this status of gRPC and never with one of health, or with what is no answer.
    Refusal(String),
    /// The health of the service with this number.
    Status(usize, HealthStatus),
}

impl Watcher {
    /// Calls for each service. A call that ends is made again, after a pause of at most `pause`, but not one that the
    /// server does not know.
    pub(in crate::probe) fn start(
        context: &Context<'_>,
        session: &Session<Full<Bytes>>,
        calls: &Calls,
        pause: Duration,
    ) -> Self {
        let (sender, heard) = channel(MOST_UNREAD);
        let mut running = JoinSet::new();
        for (number, service) in calls.services.iter().enumerate() {
            let (requests, sender) = (session.service(), sender.clone());
            let request = request(origin(context, calls, "Watch"), service, calls);
            let watch = Watch { number, longest: calls.longest, heard: sender };
            running.spawn(watch.again_and_again(requests, request, pause));
        }
        Self { heard, _calls: running }
    }

    /// Waits without end if no call is under way any more.
    pub(in crate::probe) async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => std::future::pending().await,
        }
    }
}

/// A call that is made as long as someone listens.
struct Watch {
    number: usize,
    longest: usize,
    heard: Sender<Heard>,
}

/// Why a call ended.
enum End {
    /// It was answered with what is no message.
    Broken,
    /// It was cut.
    Cut,
    /// The server ended it with this status of gRPC.
    Status(String),
}

impl End {
    /// Our own HTTP/2 resets a call whose answer breaks its rules.
    fn of(error: &hyper::Error) -> Self {
        if Reset::of(error).is_some_and(|reset| reset.ours && !reset.connection) {
            Self::Broken
        } else {
            Self::Cut
        }
    }
}

impl Watch {
    async fn again_and_again<S>(self, requests: S, request: Request<Full<Bytes>>, pause: Duration)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Incoming>, Error = hyper::Error> + Clone,
    {
        let mut backoff = Backoff::new(FIRST_PAUSE.min(pause), pause);
        let mut is_refused = false;
        loop {
            let (mut has_answered, begin) = (false, Instant::now());
            let end = self.once(requests.clone(), request.clone(), &mut has_answered).await;
            // One that ends at once is not made more often than others are asked.
            if begin.elapsed() > pause {
                backoff.reset();
            }
            let (refusal, is_last) = match end {
                End::Cut => (None, false),
                End::Broken => (Some(BROKEN.to_owned()), true),
                End::Status(code) => {
                    let is_unknown = code == (Code::Unimplemented as u32).to_string();
                    (Some(named(&code)).filter(|_| !has_answered), is_unknown)
                }
            };
            if let Some(refusal) = refusal.filter(|_| !mem::replace(&mut is_refused, true)) {
                let Ok(()) = self.heard.send(Heard::Refusal(refusal)).await else { return };
            }
            if is_last {
                return;
            }
            sleep(jittered(backoff.advance())).await;
        }
    }

    async fn once<S>(&self, requests: S, request: Request<Full<Bytes>>, has_answered: &mut bool) -> End
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Incoming>, Error = hyper::Error>,
    {
        let response = match requests.oneshot(request).await {
            Ok(response) => response,
            Err(error) => return End::of(&error),
        };
        let (head, mut body) = response.into_parts();
        // Only then a status in headers counts.
        if body.is_end_stream() {
            return status(&head.headers).unwrap_or(End::Broken);
        }
        let mut unread = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Err(error) => return End::of(&error),
                Ok(Ok(data)) => unread.extend_from_slice(&data),
                Ok(Err(frame)) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return status(&trailers).unwrap_or(End::Broken);
                }
            }
            loop {
                match message(&mut unread, self.longest) {
                    Err(NoMessage) => return End::Broken,
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        *has_answered = true;
                        if self
                            .heard
                            .send(Heard::Status(self.number, HealthStatus(message.status)))
                            .await
                            .is_err()
                        {
                            return End::Cut;
                        }
                    }
                }
            }
        }
        End::Cut
    }
}

fn status(fields: &HeaderMap) -> Option<End> {
    let code = fields.get_all("grpc-status").iter().next_back()?;
    Some(End::Status(String::from_utf8_lossy(code.as_bytes()).into_owned()))
}

/// What came cannot be a message.
struct NoMessage;

/// Takes the first message, if it has come as a whole. No compression was offered.
fn message(unread: &mut BytesMut, longest: usize) -> Result<Option<HealthCheckResponse>, NoMessage> {
    let Some(([flag, length @ ..], _)) = unread.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| NoMessage)?;
    if *flag != 0 || length > longest {
        return Err(NoMessage);
    }
    if unread.len() < PREFIX + length {
        return Ok(None);
    }
    unread.advance(PREFIX);
    let message = unread.split_to(length);
    decode(&message).map(Some).map_err(|_| NoMessage)
}

/// As the gRPC documents write it, or as the server does.
fn named(code: &str) -> String {
    let known = CODES.iter().find(|(known, _)| (*known as u32).to_string() == code);
    known.map_or_else(|| printable(code), |(_, name)| (*name).to_owned())
}

/// A flag and a length.
const PREFIX: usize = 5;

/// What a server answers with that has no status of health for us.
const BROKEN: &str = "what is no message of gRPC";

/// A server that says more waits.
const MOST_UNREAD: usize = 16;
