use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::Body;
use tonic::codegen::StdError;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::{Hook, MESSAGE_LIMIT, Object, SERVICE, TranslateRequest, TranslateResponse};
use crate::pki::Certificate;

/// The gRPC service that answers every hook with what it was given.
#[derive(Clone)]
pub struct PassThrough {
    message_limit: usize,
    observer: Observer,
}

impl PassThrough {
    /// A service that takes and sends messages of up to [`MESSAGE_LIMIT`] bytes.
    pub fn new() -> Self {
        Self { message_limit: MESSAGE_LIMIT, observer: Arc::new(|_| ()) }
    }

    /// Takes and sends messages of up to so many bytes.
    #[must_use]
    pub fn with_message_limit(mut self, octets: usize) -> Self {
        self.message_limit = octets;
        self
    }

    /// Shows every hook call to `observer`, as it arrives and before its message was read.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&CallSeen<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    fn grpc<Q, A>(&self) -> Grpc<ProstCodec<A, Q>>
    where
        Q: prost::Message + Default + 'static,
        A: prost::Message + Default + 'static,
    {
        Grpc::new(ProstCodec::default())
            .max_decoding_message_size(self.message_limit)
            .max_encoding_message_size(self.message_limit)
    }
}

impl Default for PassThrough {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for PassThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassThrough").field("message_limit", &self.message_limit).finish_non_exhaustive()
    }
}

impl NamedService for PassThrough {
    const NAME: &'static str = SERVICE;
}

impl<B> Service<http::Request<B>> for PassThrough
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Some(hook) = Hook::from_path(request.uri().path()) else {
            let status = Status::unimplemented(format!("no such method: {}", request.uri().path()));
            return Box::pin(future::ready(Ok(status.into_http())));
        };
        let peer = request.extensions().get::<Peer>().and_then(|peer| peer.certificate.as_deref());
        (self.observer)(&CallSeen { hook, client_certificate: peer });
        let service = self.clone();
        Box::pin(async move {
            Ok(match hook {
                Hook::Translation => {
                    let answer = service_fn(|request: Request<TranslateRequest>| {
                        future::ready(Ok(Response::new(TranslateResponse::from(request.into_inner()))))
                    });
                    service.grpc().unary(answer, request).await
                }
                Hook::Cluster | Hook::Endpoints | Hook::HttpListener | Hook::Route | Hook::VirtualHost => {
                    let answer = service_fn(|request: Request<Object>| {
                        future::ready(Ok(Response::new(request.into_inner())))
                    });
                    service.grpc().unary(answer, request).await
                }
            })
        })
    }
}

/// One hook call, as the server saw it.
#[derive(Clone, Copy, Debug)]
pub struct CallSeen<'a> {
    /// Which one.
    pub hook: Hook,
    /// The caller's own certificate, if it came over TLS and presented one.
    pub client_certificate: Option<&'a Certificate>,
}

impl CallSeen<'_> {
    /// The common name in the caller's certificate.
    pub fn client_name(&self) -> Option<&str> {
        Some(self.client_certificate?.subject.common_name()).filter(|name| !name.is_empty())
    }
}

/// Who is at the other end of the connection that a request came by: one of the request's extensions.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) certificate: Option<Arc<Certificate>>,
}

type Observer = Arc<dyn Fn(&CallSeen<'_>) + Send + Sync>;
