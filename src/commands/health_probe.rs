//! In the place of grpc-health-probe: its flags, its exit codes and the beginnings of its lines, with the cause behind
//! them that it does not know.

mod security;

use std::borrow::Cow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use security::{Secured, secure};

use super::{Clock, block_on, lists};
use crate::cli::{GoDuration, HealthProbe, HealthProbeSecurity, HealthProbeStop};
use crate::host::Host;
use crate::net::{Address, Alpn, Target, Transport};
use crate::printable::printable;
use crate::probe::{Calls, HealthStatus, ProbePlan, Reply, TargetOutcome, WaitFor, probe};
use crate::render::Printer;
use crate::report::{Finding, FindingId, Line, chain};

/// Carries out what was typed for the other program.
pub fn health_probe(
    typed: Result<HealthProbe, HealthProbeStop>,
    clock: Clock,
    printer: &Printer,
) -> ExitCode {
    let say = |words: &str| words.lines().for_each(|line| printer.progress(&Line::from(line)));
    let typed = match typed {
        Ok(typed) => typed,
        Err(HealthProbeStop::Version) => {
            return printer.text(&format!(
                "egext {} in the place of grpc_health_probe 0.4.57\n",
                env!("CARGO_PKG_VERSION")
            ));
        }
        Err(HealthProbeStop::Help(text)) => {
            say(&text);
            return INVALID_ARGUMENTS.into();
        }
        Err(HealthProbeStop::Usage(words)) => {
            say(&words);
            return INVALID_ARGUMENTS.into();
        }
    };
    if typed.verbose {
        say(&options(&typed));
    }
    let secured = secure(&typed);
    if typed.verbose
        && let Ok(Secured { svid: Some(id), .. }) = &secured
    {
        say(&format!("SPIFFE Verifiable Identity Document (SVID): \"{id}\""));
    }
    let plan = secured.and_then(|secured| plan(&typed, secured));
    let is_begun = |failure: &Checked| ![INVALID_ARGUMENTS, SPIFFE_FAILED].contains(&failure.code);
    let is_usable = plan.as_ref().err().is_none_or(is_begun);
    if typed.verbose && is_usable {
        say("establishing connection");
    }
    let checked = plan.and_then(|plan| check(&typed, plan, clock)).unwrap_or_else(|failure| failure);
    if typed.verbose {
        say(&checked.log);
    }
    if checked.code != 0 || !typed.quiet {
        say(&checked.words);
    }
    checked.code.into()
}

/// What came of it: the last line, and the exit code.
struct Checked {
    code: u8,
    words: String,
    /// With `-v`.
    log: String,
}

impl Checked {
    fn failed(code: u8, words: String) -> Self {
        Self { code, words, log: String::new() }
    }
}

fn check(typed: &HealthProbe, plan: ProbePlan, clock: Clock) -> Result<Checked, Checked> {
    let probing = async {
        let begin = Instant::now();
        let outcome = probe(plan, clock).await.pop().expect("one target has one outcome");
        (outcome, begin.elapsed())
    };
    let (outcome, took) = block_on(probing)
        .map_err(|error| Checked::failed(CONNECTION_FAILED, format!("error: {}", chain(&error))))?;
    let mut checked = judge(typed, &outcome, took);
    checked.log = log(&outcome);
    Ok(checked)
}

fn plan(typed: &HealthProbe, Secured { tls, own, .. }: Secured) -> Result<ProbePlan, Checked> {
    let refused = |words: String| Checked::failed(INVALID_ARGUMENTS, words);
    let unreachable = |words: String| unreachable(typed, &words);
    let tls = tls.map(Arc::new);
    let address = address(typed).map_err(unreachable)?;
    let called = typed.security.tls().and_then(|tls| tls.server_name.as_deref());
    let name = called.map(|name| without_port(name).parse::<Host>()).transpose();
    let name = name.map_err(|error| unreachable(format!("-tls-server-name: {error}")))?;
    let target = match (address, tls) {
        (Address::Unix(path), Some(tls)) => Target::tls_on_socket(path, tls, name.as_ref(), Alpn::Required),
        (address, tls) => Target::new(address, tls, name.as_ref(), Alpn::Required),
    };
    let mut plan = ProbePlan::new(vec![target.map_err(|error| unreachable(error.to_string()))?]);
    plan.own = own;
    // The server's opinion of our certificate is what counts.
    plan.judges_own = false;
    plan.timeout = typed.connect_timeout;
    plan.wait = Some(typed.connect_timeout);
    plan.wait_for = WaitFor::Connection;
    plan.calls = Calls {
        services: vec![typed.service.clone()],
        // As gRPC for Go does: it calls the server by the name that it verifies.
        authority: called.and_then(|name| name.parse().ok()),
        metadata: metadata(typed).map_err(|words| refused(format!("error: {words}")))?,
        gzip: typed.gzip,
        limit: Some(typed.rpc_timeout),
        repeats_unseen: true,
        ..Calls::default()
    };
    Ok(plan)
}

fn unreachable(typed: &HealthProbe, words: &str) -> Checked {
    let words = format!("error: failed to connect service at \"{}\": {words}", typed.address);
    Checked::failed(CONNECTION_FAILED, words)
}

/// A name as gRPC for Go takes it: a port is no part of it.
fn without_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if is_number(port) && !host.contains(':') => host,
        _ => name,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// Where gRPC for Go would connect to.
fn address(typed: &HealthProbe) -> Result<Address, String> {
    let text = match typed.address.strip_prefix("passthrough:") {
        Some(rest) => rest.strip_prefix("///").unwrap_or(rest),
        None => &typed.address,
    };
    let text = &*taken_apart(text);
    if text.contains("://") && !text.starts_with("unix://") && !text.starts_with("dns:///") {
        return Err("not a target of gRPC".to_owned());
    }
    // This machine, as `net.Dial` of Go has it.
    let local = text.strip_prefix(':').filter(|port| is_number(port)).map(|port| format!("localhost:{port}"));
    if text.rfind(':') <= text.rfind(']') && !text.starts_with("dns:") {
        return Err("missing port in address".to_owned());
    }
    let mut address =
        Address::of_server(local.as_deref().unwrap_or(text)).map_err(|error| error.to_string())?;
    if let (Address::Tcp { transport, .. }, HealthProbeSecurity::Plaintext) = (&mut address, &typed.security)
    {
        *transport = Transport::Plaintext;
    }
    Ok(address)
}

/// The target without what gRPC for Go does not look at: to it a target with a scheme is a URL, whose path it decodes.
fn taken_apart(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once(':') else { return text.into() };
    let scheme = scheme.to_ascii_lowercase();
    if !["dns", "unix"].contains(&&*scheme) {
        return text.into();
    }
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let decoded = percent_encoding::percent_decode_str(&rest[..end]).decode_utf8();
    match decoded {
        Ok(path) if rest.starts_with('/') => format!("{scheme}:{path}").into(),
        _ => format!("{scheme}:{}", &rest[..end]).into(),
    }
}

fn metadata(typed: &HealthProbe) -> Result<HeaderMap, String> {
    let mut metadata = HeaderMap::new();
    let agent = format!("{} egext/{}", typed.user_agent, env!("CARGO_PKG_VERSION"));
    let agent = HeaderValue::from_bytes(agent.as_bytes())
        .map_err(|_| "-user-agent is no value of a header".to_owned())?;
    metadata.insert(http::header::USER_AGENT, agent);
    for (name, value) in &typed.headers {
        if OF_GRPC.contains(&&**name) {
            continue;
        }
        // Not with what was typed, which may be a token.
        let refused = || "invalid RPC header: not a name and a value of gRPC metadata".to_owned();
        let (name, value) = lists::metadata_field(name, value).ok_or_else(refused)?;
        metadata.append(name, value);
    }
    Ok(metadata)
}

/// In that program's words as far as they are its own.
fn judge(typed: &HealthProbe, outcome: &TargetOutcome, took: Duration) -> Checked {
    let address = &typed.address;
    // In one line, whatever a certificate has in its names.
    let in_line = |cause: &Finding| format!("{} ({})", printable(&cause.message), cause.id);
    let cause = outcome.cause().map(in_line).unwrap_or_default();
    match outcome.replies.last() {
        None if !outcome.is_connected() => {
            let limit = GoDuration::of(typed.connect_timeout);
            let words = match took >= typed.connect_timeout {
                true => format!("timeout: failed to connect service \"{address}\" within {limit}: {cause}"),
                false => format!("error: failed to connect service at \"{address}\": {cause}"),
            };
            Checked::failed(CONNECTION_FAILED, words)
        }
        None if outcome.cause().is_some_and(|cause| cause.id == FindingId::ProbeGrpcTimeout) => {
            let limit = GoDuration::of(typed.rpc_timeout);
            let id = FindingId::ProbeGrpcTimeout;
            Checked::failed(RPC_FAILED, format!("timeout: health rpc did not complete within {limit} ({id})"))
        }
        Some(Reply { code: Some(UNIMPLEMENTED), text, .. }) => {
            Checked::failed(RPC_FAILED, format!("{NO_HEALTH_SERVICE}: {}", printable(text)))
        }
        Some(Reply { code: Some(DEADLINE_EXCEEDED), .. }) => {
            let limit = GoDuration::of(typed.rpc_timeout);
            let words = format!("timeout: health rpc did not complete within {limit}: {cause}");
            Checked::failed(RPC_FAILED, words)
        }
        Some(Reply { status: Some(status), .. }) if status.is_serving() => {
            Checked::failed(0, format!("status: {status}"))
        }
        Some(Reply { status: Some(status), .. }) => {
            Checked::failed(UNHEALTHY, format!("service unhealthy (responded with \"{status}\")"))
        }
        _ => Checked::failed(RPC_FAILED, format!("error: health rpc failed: {cause}")),
    }
}

/// What is printed with `-v` before anything is done.
fn options(typed: &HealthProbe) -> String {
    let [connect, rpc] = [typed.connect_timeout, typed.rpc_timeout].map(GoDuration::of);
    let mut lines = vec![
        "parsed options:".to_owned(),
        format!("> addr={} conn_timeout={connect} rpc_timeout={rpc}", typed.address),
    ];
    // Their names; the values may be tokens.
    let names = typed.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    if !names.is_empty() {
        lines.push(format!("> headers: {}", names.join(", ")));
    }
    let tls = typed.security.tls();
    lines.push(format!("> tls={}", tls.is_some()));
    if let Some(tls) = tls {
        let (certificate, key) = tls.pair.clone().unwrap_or_default();
        lines.push(format!("  > no-verify={}", !tls.verify));
        lines.push(format!("  > ca-cert={}", tls.ca.as_deref().unwrap_or_default()));
        lines.push(format!("  > client-cert={certificate}"));
        lines.push(format!("  > client-key={key}"));
        lines.push(format!("  > server-name={}", tls.server_name.as_deref().unwrap_or_default()));
    }
    let is_alts = matches!(typed.security, HealthProbeSecurity::Alts);
    let is_spiffe = matches!(typed.security, HealthProbeSecurity::Spiffe);
    lines.push(format!("> alts={is_alts}\n> spiffe={is_spiffe}"));
    lines.join("\n")
}

/// What is printed with `-v` once it is known.
fn log(outcome: &TargetOutcome) -> String {
    if !outcome.is_connected() {
        return String::new();
    }
    let rpc = outcome.replies.iter().map(|reply| reply.took).sum();
    let connect = GoDuration::of(outcome.took.saturating_sub(rpc));
    let mut log = format!("connection established (took {connect})");
    if outcome.replies.iter().any(|reply| reply.status.is_some_and(HealthStatus::is_serving)) {
        log += &format!("\ntime elapsed: connect={connect} rpc={}", GoDuration::of(rpc));
    }
    log
}

/// Exit codes, as its page has them.
const INVALID_ARGUMENTS: u8 = 1;
const CONNECTION_FAILED: u8 = 2;
const RPC_FAILED: u8 = 3;
const UNHEALTHY: u8 = 4;
const SPIFFE_FAILED: u8 = 20;

/// Statuses of gRPC.
const DEADLINE_EXCEEDED: u32 = 4;
const UNIMPLEMENTED: u32 = 12;

/// What gRPC for Go sends itself. It leaves out what a caller says about these
/// (grpc-go v1.83.2:internal/transport/http_util.go, `isReservedHeader`).
const OF_GRPC: [&str; 8] = [
    "content-type",
    "grpc-encoding",
    "grpc-message",
    "grpc-message-type",
    "grpc-status",
    "grpc-timeout",
    "te",
    "user-agent",
];

const NO_HEALTH_SERVICE: &str =
    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)";
