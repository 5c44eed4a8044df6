use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tonic::Code;

use super::answer::Answer;
use super::deadline;
use super::reply::{CallLog, Reply, status};
use super::upstream::Upstream;
use crate::net;

/// Passes calls on.
#[derive(Debug)]
pub(super) struct Calls {
    upstream: Upstream,
    scheme: Scheme,
    /// For callers that name none, as some do on a unix socket.
    authority: Authority,
    call_timeout: Option<Duration>,
}

impl Calls {
    pub(super) fn new(
        upstream: Upstream,
        scheme: Scheme,
        authority: Authority,
        call_timeout: Option<Duration>,
    ) -> Arc<Self> {
        Arc::new(Self { upstream, scheme, authority, call_timeout })
    }

    /// Passes one call on and gives its response, or an answer of our own.
    ///
    /// Dropped when the caller cancels, which drops the call to the upstream and so resets it.
    pub(super) async fn pass(&self, request: Request<Incoming>) -> Response<Reply> {
        let mut call = CallLog::new(request.uri().path());
        if request.method() == Method::CONNECT {
            // It would become a tunnel through the bridge, of which no deadline and no status knows anything.
            let answer = Answer::new(Code::Unimplemented, "`CONNECT` is not a gRPC call");
            call.end(Some(answer.code()));
            return answer.into_response();
        }
        let deadline = self.limit(&request).map(|limit| Instant::now() + limit);
        match self.forward(request, deadline).await {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                if let Some(code) = status(&head.headers) {
                    call.end(Some(code));
                }
                Response::from_parts(head, Reply::relay(incoming, deadline, call))
            }
            Err(answer) => {
                call.end(Some(answer.code()));
                answer.into_response()
            }
        }
    }

    /// The shorter of the caller's limit and ours.
    fn limit(&self, request: &Request<Incoming>) -> Option<Duration> {
        let limits = [deadline::asked(request.headers()), self.call_timeout];
        limits.into_iter().flatten().min().map(|limit| limit.min(net::LONGEST))
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        deadline: Option<Instant>,
    ) -> Result<Response<Incoming>, Answer> {
        let mut request = self.prepare(request);
        let give_up = self.upstream.give_up();
        loop {
            let session = self.upstream.session(give_up, deadline).await?;
            if let Some(deadline) = deadline {
                deadline::pass_on(request.headers_mut(), deadline.saturating_duration_since(Instant::now()));
            }
            let mut requests = session.requests();
            let sent = requests.try_send_request(request);
            let sent = match deadline {
                Some(deadline) => timeout_at(deadline, sent).await.map_err(|_| Answer::deadline())?,
                None => sent.await,
            };
            match sent {
                Ok(response) => {
                    self.upstream.answered();
                    return Ok(response);
                }
                // The connection ended before the request left: it can be sent again without harm, but not
                // for ever to a server that ends every connection.
                Err(mut unsent) => match unsent.take_message().filter(|_| Instant::now() < give_up) {
                    Some(again) => request = again,
                    None => return Err(Answer::of_cut(&unsent.into_error())),
                },
            }
        }
    }

    /// The same request with the scheme of the upstream's connection (RFC 9113 section 8.3.1). The authority
    /// stays the caller's.
    fn prepare(&self, request: Request<Incoming>) -> Request<Incoming> {
        let (mut head, body) = request.into_parts();
        let mut parts = head.uri.into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority.get_or_insert_with(|| self.authority.clone());
        parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
        head.uri = Uri::from_parts(parts).expect("all three parts are there");
        Request::from_parts(head, body)
    }
}
