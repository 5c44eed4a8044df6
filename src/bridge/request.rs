//! Which requests are gRPC calls, and which of their fields are passed on to the upstream.
//!
//! A refused request gets the HTTP status and the gRPC code that grpc-go's server would answer with
//! (`internal/transport/http2_server.go`).

use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::uri::Authority;
use http::{HeaderValue, Method, StatusCode};
use tonic::Code;

use super::answer::Answer;
use crate::http2::{Fields, RequestHead};

/// The way that requests take on.
#[derive(Debug)]
pub(super) struct NextHop {
    /// Whether the upstream's connection is TLS.
    pub(super) is_secure: bool,
    /// For callers that name none, as some do on a unix socket.
    pub(super) authority: Authority,
}

impl NextHop {
    /// The request as it goes to the upstream: with the scheme of the upstream's connection (RFC 9113 section 8.3.1),
    /// the authority of the caller, and without what only a proxy in front of us may say.
    pub(super) fn prepare(&self, mut head: RequestHead, caller: &Caller) -> Result<RequestHead, Answer> {
        let RequestHead { method, path, authority, fields, .. } = &mut head;
        if *method != Method::POST {
            let message = format!("`{method}` is not a gRPC call, which is a `POST`");
            return Err(Answer::new(Code::Internal, message).with_http_status(StatusCode::METHOD_NOT_ALLOWED));
        }
        check_content_type(fields)?;
        if !path.as_ref().is_some_and(|path| is_method(path.path())) {
            let path = path.as_ref().map_or("", |path| path.as_str());
            return Err(Answer::new(Code::Unimplemented, format!("malformed method name: `{path}`")));
        }
        let named = named(authority.take(), fields)?;
        *authority = Some(named.unwrap_or_else(|| self.authority.clone()));
        caller.remove_claims(fields);
        if let Caller::Remote(certificate) = caller {
            fields.set(CLIENT_CERTIFICATE, certificate.clone());
        }
        count_hop(fields)?;
        head.is_secure = self.is_secure;
        Ok(head)
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// A process of this machine, over plaintext: our user or root on a unix socket, any user on loopback.
    Local,
    /// A client with a certificate, and what the server behind the bridge is told about it. What it is called stands in
    /// there, and in no header that it sends.
    Remote(HeaderValue),
}

impl Caller {
    /// Takes out of its fields, be they headers or trailers, what it must not tell about itself.
    pub(super) fn remove_claims(&self, fields: &mut Fields) {
        if matches!(self, Self::Remote(_)) {
            remove_identities(fields);
        }
    }
}

/// `application/grpc`, also with a message format behind it (PROTOCOL-HTTP2.md, Requests).
fn check_content_type(fields: &Fields) -> Result<(), Answer> {
    let found = fields.get(&CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    match found.strip_prefix(b"application/grpc") {
        Some([] | [b'+' | b';', ..]) => Ok(()),
        _ => {
            let found = String::from_utf8_lossy(found);
            let message = format!("content type `{found}` is not gRPC, expected `application/grpc`");
            Err(Answer::new(Code::InvalidArgument, message)
                .with_http_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        }
    }
}

/// `/service/method`.
fn is_method(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.contains('/'))
}

/// The authority of a request. `:authority` counts; `host` counts without it and does not go on (RFC 9113 section
/// 8.3.1).
fn named(pseudo: Option<Authority>, fields: &mut Fields) -> Result<Option<Authority>, Answer> {
    let hosts = fields.count(&HOST);
    let host = fields.get(&HOST).cloned();
    if hosts > 0 {
        fields.retain(|name| *name != HOST);
    }
    let authority = match (pseudo, host) {
        (Some(authority), _) => authority,
        (None, None) => return Ok(None),
        (None, Some(_)) if hosts > 1 => return Err(malformed("more than one `host`")),
        (None, Some(host)) => {
            Authority::try_from(host.as_bytes()).map_err(|_| malformed("`host` is not a host name"))?
        }
    };
    if authority.as_str().contains('@') {
        return Err(malformed("`:authority` has user information"));
    }
    Ok(Some(authority))
}

/// What proxies tell about a caller. From a caller itself it is a claim without proof, and a server behind the
/// bridge would believe it.
fn remove_identities(fields: &mut Fields) {
    fields.retain(|name| !IDENTITIES.iter().any(|start| begins(name.as_str(), start)));
}

/// For many servers (CGI, WSGI, nginx's variables) `_` in a name is the same as `-`.
fn begins(name: &str, start: &str) -> bool {
    let mut letters = name.bytes().map(|letter| if letter == b'_' { b'-' } else { letter });
    start.bytes().all(|letter| letters.next() == Some(letter))
}

/// Bridges that lead to each other would pass a call on without end.
fn count_hop(fields: &mut Fields) -> Result<(), Answer> {
    let hops = match fields.get(&HOPS) {
        None => 0,
        Some(value) => value.to_str().ok().and_then(|value| value.parse().ok()).unwrap_or(MOST_HOPS),
    };
    if hops >= MOST_HOPS {
        let message = format!(
            "the call has passed {MOST_HOPS} bridges (`{HOPS}`), so they lead to each other; hint: compare `--listen` \
             and `--upstream` of the bridges"
        );
        return Err(Answer::new(Code::FailedPrecondition, message));
    }
    fields.set(HOPS, HeaderValue::from(hops + 1));
    Ok(())
}

fn malformed(what: impl Into<String>) -> Answer {
    let message = format!("malformed request: {}", what.into());
    Answer::new(Code::Internal, message).with_http_status(StatusCode::BAD_REQUEST)
}

/// How many bridges a call has passed.
const HOPS: HeaderName = HeaderName::from_static("egext-bridge-hops");

/// Who calls, for the server behind the bridge.
const CLIENT_CERTIFICATE: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Two are usual at most: one at each end. With these few a loop ends at once.
const MOST_HOPS: u16 = 4;

/// How their names begin: RFC 9440, RFC 7239, Envoy, the load balancers of AWS and Azure, and what nginx, HAProxy and
/// Traefik are usually set up with.
const IDENTITIES: &[&str] = &[
    "client-cert",
    "forwarded",
    "ssl-client-",
    "x-amzn-mtls-",
    "x-arr-clientcert",
    "x-client-cert",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-peer-metadata",
    "x-forwarded-",
    "x-real-ip",
    "x-ssl-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_content_types_are_taken() {
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
            ("", false),
        ] {
            let mut fields = Fields::default();
            fields.set(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(check_content_type(&fields).is_ok(), expected, "{value}");
        }
        assert!(check_content_type(&Fields::default()).is_err());
    }

    #[test]
    fn a_method_has_a_service() {
        for (path, expected) in
            [("/a.B/C", true), ("/a/b/c", true), ("/a", false), ("*", false), ("/", false)]
        {
            assert_eq!(is_method(path), expected, "{path}");
        }
    }
}
