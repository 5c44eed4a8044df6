//! From a request to its answer.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::gather::View;
use super::metrics::{self, Exposition};
use super::readiness::Readiness;
use super::{page, status};

/// How a client has reached the admin server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Peer {
    Loopback,
    UnixSocket,
}

/// The answer to `request`.
pub(super) async fn answer<B>(view: &View, request: &Request<B>, peer: Peer) -> Response<Full<Bytes>> {
    if peer == Peer::Loopback && !is_local(request) {
        return text(StatusCode::MISDIRECTED_REQUEST, FOREIGN_HOST.to_owned());
    }
    let path = request.uri().path();
    if !PATHS.iter().any(|(known, _)| *known == path) {
        return text(StatusCode::NOT_FOUND, not_found());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let status = || view.status();
    match path {
        "/" => respond(StatusCode::OK, HTML, page::page(&status()), page::policy()),
        "/healthz" => health(view).await,
        "/metrics" => metrics(request, &status()),
        "/readyz" => readiness(request, &status()),
        _ => json(StatusCode::OK, &status()),
    }
}

/// Asks the parts of the bridge, so that one that is stuck is seen. The upstream does not count: a restart of the bridge
/// would not mend it.
async fn health(view: &View) -> Response<Full<Bytes>> {
    match view.pulse().beat(BEAT_LIMIT).await {
        Ok(()) => text(StatusCode::OK, "alive\n".to_owned()),
        Err(stuck) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not alive\nreason: {stuck}\n")),
    }
}

fn metrics<B>(request: &Request<B>, status: &status::Status) -> Response<Full<Bytes>> {
    let form = Exposition::wanted(accepted(request.headers()));
    respond(StatusCode::OK, form.content_type(), metrics::text(status, form), NOTHING)
}

/// Text for people and for `kubectl describe`; JSON for programs that ask for it.
fn readiness<B>(request: &Request<B>, status: &status::Status) -> Response<Full<Bytes>> {
    let readiness = Readiness::of(status);
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match accepted(request.headers()).contains("application/json") {
        true => json(code, &readiness),
        false => text(code, readiness.text()),
    }
}

fn json(code: StatusCode, value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let mut body = serde_json::to_string_pretty(value).expect("strings and numbers always serialise");
    body.push('\n');
    respond(code, "application/json", body, NOTHING)
}

fn text(code: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(code, "text/plain; charset=utf-8", body, NOTHING)
}

fn respond(code: StatusCode, form: &'static str, body: String, policy: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).expect("it is ASCII"));
    response
}

/// A page of another site can make a browser resolve the site's name to 127.0.0.1, and read the answers then. Such a
/// request has the site's name in `Host`. A request of HTTP/1.0 has none, and comes from no browser.
fn is_local<B>(request: &Request<B>) -> bool {
    let uri = request.uri().host().map(str::to_owned);
    let header = match request.headers().get(HOST).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(value)) => Some(host(value).to_owned()),
        Some(Err(_)) => return false,
    };
    uri.into_iter().chain(header).all(|host| is_local_name(&host))
}

/// The host of `host:port`.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_local_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// All values of `Accept` in one.
fn accepted(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn not_found() -> String {
    let paths = PATHS.iter().map(|(path, what)| format!("{path:<9}{what}\n"));
    format!("not found; there are:\n{}", paths.collect::<String>())
}

const PATHS: &[(&str, &str)] = &[
    ("/", "what the bridge does, for people"),
    ("/healthz", "200 while the bridge is alive"),
    ("/metrics", "for Prometheus"),
    ("/readyz", "200 if calls reach the upstream, 503 with the reasons if not"),
    ("/status", "what the bridge does, as JSON"),
];

/// Calls are passed on in microseconds, so a part that needs longer to answer does not do its work.
const BEAT_LIMIT: Duration = Duration::from_secs(2);

const FOREIGN_HOST: &str = "the request is for another host; use `localhost` or `127.0.0.1`\n";

const HTML: &str = "text/html; charset=utf-8";

/// The policy of answers that are no pages.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (value, expected) in [
            ("localhost", true),
            ("LOCALHOST:9000", true),
            ("127.0.0.1:9000", true),
            ("127.9.9.9", true),
            ("[::1]:9000", true),
            // An IPv6 address stands in brackets there (RFC 3986 section 3.2.2).
            ("::1", false),
            ("example.com", false),
            ("example.com:9000", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com:80", false),
            ("192.0.2.1", false),
            ("", false),
        ] {
            let request = Request::builder().uri("/").header(HOST, value).body(()).expect("a request");
            assert_eq!(is_local(&request), expected, "{value}");
        }
        let named = Request::builder().uri("http://example.com/").body(()).expect("a request");
        assert!(!is_local(&named));
    }
}
