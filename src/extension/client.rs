use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use http_body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codegen::StdError;
use tonic::{IntoRequest as _, Status};
use tonic_prost::ProstCodec;

use super::{Hook, MESSAGE_LIMIT, Object, TranslateRequest, TranslateResponse};

/// A message that can be sent to an extension server.
pub trait HookRequest: prost::Message + Default + 'static {
    /// What comes back.
    type Response: prost::Message + Default + 'static;
}

impl HookRequest for Object {
    type Response = Self;
}

impl HookRequest for TranslateRequest {
    type Response = TranslateResponse;
}

/// Calls `hook` as Envoy Gateway would: [`Hook::Translation`] takes a [`TranslateRequest`], every other
/// hook an [`Object`].
///
/// `origin` is scheme and authority of the request, such as `http://localhost` on a unix socket.
///
/// # Errors
/// The status that the server, or whatever is in front of it, answered; `Unknown` with the cause when the
/// service could not be reached.
pub async fn call<S, R>(service: S, origin: Uri, hook: Hook, request: R) -> Result<R::Response, Status>
where
    S: GrpcService<tonic::body::Body>,
    S::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as Body>::Error: Into<StdError> + Send,
    R: HookRequest,
{
    let mut client = Grpc::with_origin(service, origin)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::from_static(hook.path());
    let codec = ProstCodec::<R, R::Response>::default();
    Ok(client.unary(request.into_request(), path, codec).await?.into_inner())
}
