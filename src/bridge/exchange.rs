mod verdict;

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::alarms::Alarm;
use super::answer::Answer;
use super::call_log::{CallLog, status};
use super::checked::{Whose, checked};
use super::cutoff::Cutoff;
use super::deadline::{Deadline, Limits};
use super::pipe::{Broken, End, Pipe};
use super::request::Caller;
use super::surroundings::Surroundings;
use crate::backoff::{Backoff, jittered};
use crate::http2::{Http2Error, Judged, RecvStream, RequestHead, ResponseHead, Said, SendStream};
use crate::net::{Carried, Channel};

/// A call in progress.
pub(super) struct Exchange<'a> {
    bridge: &'a Surroundings,
    /// Of the caller's connection.
    cutoff: &'a Cutoff,
    limits: Limits,
    /// The one that counts, once the call has a connection.
    deadline: Option<Deadline>,
    limit: Option<Alarm>,
    upload: Pipe,
    /// `None` when all of the request's body has been sent, or the upstream does not want the rest.
    to_upstream: Option<SendStream>,
    /// `None` when the upstream has nothing more to do with the call.
    carried: Option<Carried>,
    caller: Caller,
    /// What the upstream says when it takes no new calls.
    said: Option<Said>,
    log: &'a mut CallLog,
}

/// Why there is no response of the upstream.
pub(super) enum Failure {
    /// The caller cancelled its call, or its connection ended: no answer would arrive.
    CallerGone,
    Answer(Answer),
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// How an attempt to get a response has failed.
enum Attempt {
    Failed(Failure),
    /// The server has not begun to process the call, and says so (RFC 9113 section 8.7).
    Unprocessed(Http2Error),
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        (bridge, cutoff): (&'a Surroundings, &'a Cutoff),
        limits: Limits,
        body: RecvStream,
        caller: Caller,
        log: &'a mut CallLog,
    ) -> Self {
        let upload = Pipe::replayable(body);
        Self {
            bridge,
            cutoff,
            limits,
            deadline: None,
            limit: None,
            upload,
            to_upstream: None,
            carried: None,
            caller,
            said: None,
            log,
        }
    }

    /// Passes the call on and its response back.
    pub(super) async fn run(&mut self, head: RequestHead, respond: &mut SendStream) -> Result<(), Failure> {
        let outcome = match self.response(head, respond).await {
            Ok((response, body)) => self.relay(response, body, respond).await,
            Err(failure) => Err(failure),
        };
        if matches!(outcome, Err(Failure::CallerGone)) {
            self.give_up();
        }
        outcome
    }

    /// Tells the log how much was passed on.
    pub(super) fn count(&mut self) {
        self.log.passed_on(self.upload.passed());
    }

    /// The head of the upstream's response. A call that was not processed is sent again, as gRPC's clients do without
    /// asking (proposal A6, transparent retries). If the server refuses it again and again, that has an end; if there is
    /// no connection, it waits as it did the first time.
    async fn response(
        &mut self,
        mut head: RequestHead,
        respond: &mut SendStream,
    ) -> Result<(Box<Judged<ResponseHead>>, RecvStream), Failure> {
        let mut give_up = None;
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        loop {
            let channel = self.channel(respond).await?;
            if let Some(deadline) = &self.deadline {
                deadline.pass_on(&mut head.fields);
            }
            let is_bodiless = self.upload.is_bodiless();
            let error = match channel.begin(&head, is_bodiless) {
                Ok((mut answer, to_upstream, carried)) => {
                    self.carried = Some(carried);
                    self.said = Some(channel.said().clone());
                    self.to_upstream = Some(to_upstream).filter(|_| !is_bodiless);
                    match self.attempt(&mut answer, respond).await {
                        Ok(head) => return Ok((head, answer)),
                        Err(Attempt::Failed(failure)) => return Err(failure),
                        Err(Attempt::Unprocessed(error)) => error,
                    }
                }
                // Nothing was sent.
                Err(error) if channel.is_closed() => error,
                Err(error) => return Err(self.cut(&error).into()),
            };
            // If a server refuses a call, it is tried again at once, and later after a pause.
            let is_first = give_up.is_none();
            self.again(&error, *give_up.get_or_insert_with(|| self.bridge.upstream.refused_until()))?;
            if error.is_reset() && !is_first {
                // In a box, as all that is rare: the task of each call has room for all that it may wait for.
                Box::pin(self.pause(jittered(backoff.advance()), respond)).await?;
            }
        }
    }

    /// The connection to the upstream. The limits of the call begin to count when there is one.
    async fn channel(&mut self, respond: &mut SendStream) -> Result<Channel, Failure> {
        let upstream = &self.bridge.upstream;
        if let Some(channel) = upstream.channel_at_once() {
            // A call that was cancelled before it was read does not count.
            let gone = poll_fn(|context| Poll::Ready(respond.poll_failed(context).is_ready())).await;
            if gone {
                return Err(Failure::CallerGone);
            }
            // One that is sent again at once has not got more time.
            if self.deadline.is_none() {
                self.begin_limits();
            }
            return Ok(channel);
        }
        let channel = Box::pin(self.wait_for_channel(respond)).await?;
        self.begin_limits();
        Ok(channel)
    }

    async fn wait_for_channel(&mut self, respond: &mut SendStream) -> Result<Channel, Failure> {
        let upload = &mut self.upload;
        let channel = self.bridge.upstream.channel(self.limits.asked.as_ref(), self.log.path());
        tokio::select! {
            channel = channel => Ok(channel?),
            reason = poll_fn(|_| self.cutoff.poll()) => Err(Answer::dismissed(reason).into()),
            _ = poll_fn(|context| respond.poll_failed(context)) => Err(Failure::CallerGone),
            _ = poll_fn(|context| upload.poll_source(context)) => Err(Failure::CallerGone),
        }
    }

    fn begin_limits(&mut self) {
        self.deadline = self.limits.connected();
        self.limit = self.deadline.map(|deadline| self.bridge.alarms.at(deadline.at));
    }

    /// Whether the call can be sent once more.
    fn again(&mut self, error: &Http2Error, give_up: Instant) -> Result<(), Failure> {
        (self.to_upstream, self.carried) = (None, None);
        // A server that says goodbye again and again may be waited for, one that refuses the call is there.
        let is_held = !error.is_reset() && self.bridge.upstream.holds_calls();
        if Instant::now() >= give_up && !is_held || self.is_cut_by_us() {
            return Err(self.cut(error).into());
        }
        if self.upload.rewind() {
            return Ok(());
        }
        let message = "the extension server did not take the call, and too much of its message was sent already to send \
                       it again";
        Err(Answer::new(Code::Unavailable, message).into())
    }

    async fn pause(&mut self, pause: Duration, respond: &mut SendStream) -> Result<(), Failure> {
        let mut pause = pin!(sleep(pause));
        poll_fn(|context| {
            let is_reset = respond.poll_failed(context).is_ready();
            if is_reset || self.upload.poll_source(context).is_ready() {
                return Poll::Ready(Err(Failure::CallerGone));
            }
            if let Poll::Ready(answer) = self.poll_time(context) {
                return Poll::Ready(Err(answer.into()));
            }
            pause.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Sends the request until the head of its response comes.
    async fn attempt(
        &mut self,
        answer: &mut RecvStream,
        respond: &mut SendStream,
    ) -> Result<Box<Judged<ResponseHead>>, Attempt> {
        let outcome = poll_fn(|context| {
            if respond.poll_failed(context).is_ready() {
                return Poll::Ready(Err(Attempt::Failed(Failure::CallerGone)));
            }
            if let Err(failure) = self.poll_upload(context) {
                return Poll::Ready(Err(Attempt::Failed(failure)));
            }
            if let Poll::Ready(head) = answer.poll_head(context) {
                return Poll::Ready(head.map_err(|error| self.attempt_failed(error)));
            }
            self.poll_time(context).map(|answer| Err(Attempt::Failed(answer.into())))
        })
        .await;
        if outcome.is_ok() {
            self.carried.iter().for_each(Carried::answered);
            self.bridge.upstream.answered();
            self.bridge.hooks.answered();
            self.upload.settle();
        }
        outcome
    }

    fn attempt_failed(&self, error: Http2Error) -> Attempt {
        match error.is_unprocessed() {
            true => Attempt::Unprocessed(error),
            false => Attempt::Failed(self.cut(&error).into()),
        }
    }

    /// Passes the response on until its end.
    async fn relay(
        &mut self,
        head: Box<Judged<ResponseHead>>,
        body: RecvStream,
        to_caller: &mut SendStream,
    ) -> Result<(), Failure> {
        let head = checked(*head, Whose::Server)?;
        let code = status(&head.fields);
        if self.is_late_cancel(code) {
            return Err(self.too_late().into());
        }
        let is_bodiless = body.is_end_stream();
        if is_bodiless {
            self.carried = None;
        }
        if code.is_some() || is_bodiless {
            self.log.answered_by_server(code);
        }
        if to_caller.send_response(&head, is_bodiless).is_err() {
            return Err(Failure::CallerGone);
        }
        if is_bodiless {
            return Ok(());
        }
        let mut download = Pipe::new(body);
        let end = poll_fn(|context| self.poll_relay(context, &mut download, to_caller)).await;
        if end.is_ok() {
            self.carried = None;
        }
        self.log.passed_back(download.passed());
        let sent = match end {
            Ok(End::Sent) => {
                self.log.answered_by_server(None);
                Ok(())
            }
            Ok(End::Bare) => {
                self.log.answered_by_server(None);
                to_caller.send_data(Bytes::new(), true)
            }
            Ok(End::Trailers(trailers)) => to_caller.send_trailers(&self.judged(trailers)),
            // Trailers need no room in the caller's window: it gets them also if it does not read.
            Err(Failure::Answer(answer)) => to_caller.send_trailers(&self.told(answer)),
            Err(Failure::CallerGone) => return Err(Failure::CallerGone),
        };
        sent.map_err(|_| Failure::CallerGone)
    }

    /// Both directions at once, and all that may end them early.
    fn poll_relay(
        &mut self,
        context: &mut Context<'_>,
        download: &mut Pipe,
        to_caller: &mut SendStream,
    ) -> Poll<Result<End, Failure>> {
        if to_caller.poll_failed(context).is_ready() {
            return Poll::Ready(Err(Failure::CallerGone));
        }
        self.poll_upload(context)?;
        let answer = match download.poll(context, to_caller) {
            Poll::Ready(Ok(end)) => return Poll::Ready(Ok(end)),
            Poll::Ready(Err(Broken::Sink)) => return Poll::Ready(Err(Failure::CallerGone)),
            Poll::Ready(Err(Broken::Source(error))) => self.cut(&error),
            Poll::Pending => {
                // The caller may take its time to read the rest.
                if download.is_received() {
                    self.carried = None;
                }
                ready!(self.poll_time(context))
            }
        };
        Poll::Ready(Err(answer.into()))
    }

    /// Ready when the time of the call is over, by its limit or together with the caller's connection.
    fn poll_time(&mut self, context: &Context<'_>) -> Poll<Answer> {
        let answer = match self.cutoff.poll() {
            Poll::Ready(reason) => Answer::dismissed(reason),
            Poll::Pending => {
                ready!(self.limit.as_mut().map_or(Poll::Pending, |limit| limit.poll(context)));
                self.too_late()
            }
        };
        self.give_up();
        Poll::Ready(answer)
    }

    /// Nothing more is waited for from the upstream.
    fn give_up(&mut self) {
        self.carried.take().into_iter().for_each(Carried::give_up);
    }

    /// Passes the request's body on.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let Some(sink) = &mut self.to_upstream else {
            // The upstream no longer wants it. If the caller has gone, its side of the response reports that.
            let _ = self.upload.poll_source(context);
            return Ok(());
        };
        // The response says why a sink failed. A server may answer without reading the whole message.
        let _ = match self.upload.poll(context, sink) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Err(Broken::Source(_))) => return Err(Failure::CallerGone),
            Poll::Ready(Err(Broken::Sink) | Ok(End::Sent)) => Ok(()),
            Poll::Ready(Ok(End::Bare)) => sink.send_data(Bytes::new(), true),
            Poll::Ready(Ok(End::Trailers(trailers))) => {
                let mut trailers = checked(trailers, Whose::Caller)?;
                self.caller.remove_claims(&mut trailers);
                sink.send_trailers(&trailers)
            }
        };
        self.to_upstream = None;
        Ok(())
    }
}

/// Between attempts for a call that the server refuses.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(250);
