//! In the place of grpc-health-probe: its flags, its exit codes and the beginnings of its lines, with the cause behind
//! them that it does not know.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::{Clock, block_on};
use crate::cli::{GoDuration, HealthProbe, HealthProbeStop, HealthProbeTls};
use crate::host::Host;
use crate::net::{Address, Alpn, ClientTls, Target, Transport};
use crate::pki::{Anchors, Certificate, Identity};
use crate::probe::{Calls, ProbePlan, Reply, TargetOutcome, WaitFor, probe};
use crate::render::Printer;
use crate::report::{FindingId, Line, chain};

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
                "egext {} in the place of grpc_health_probe 0.4.56\n",
                env!("CARGO_PKG_VERSION")
            ));
        }
        Err(HealthProbeStop::Help(text)) => {
            say(&text);
            return INVALID_ARGUMENTS.into();
        }
        Err(HealthProbeStop::Usage(words)) => {
            say(&format!("error: {words}"));
            return INVALID_ARGUMENTS.into();
        }
    };
    if typed.verbose {
        say(&options(&typed));
    }
    let checked = check(&typed, clock).unwrap_or_else(|failure| failure);
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

fn check(typed: &HealthProbe, clock: Clock) -> Result<Checked, Checked> {
    let plan = plan(typed)?;
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

fn plan(typed: &HealthProbe) -> Result<ProbePlan, Checked> {
    let refused = |words: String| Checked::failed(INVALID_ARGUMENTS, format!("error: {words}"));
    let address = address(typed).map_err(|words| {
        let words = format!("error: failed to connect service at \"{}\": {words}", typed.address);
        Checked::failed(CONNECTION_FAILED, words)
    })?;
    if let (Some(_), Some(path)) = (&typed.tls, address.socket_path()) {
        return Err(refused(format!("egext does not support -tls on a unix socket (`{}`)", path.display())));
    }
    let (tls, own) = match &typed.tls {
        None => (None, None),
        Some(tls) => {
            let of_files = |words| refused(format!("failed to initialize tls credentials. error={words}"));
            let (tls, own) = credentials(tls).map_err(of_files)?;
            (Some(Arc::new(tls)), own)
        }
    };
    let name = typed.tls.as_ref().and_then(|tls| tls.server_name.as_deref()).map(str::parse::<Host>);
    let name = name.transpose().map_err(|error| refused(format!("-tls-server-name: {error}")))?;
    let target = Target::new(address, tls, name.as_ref(), Alpn::Required);
    let mut plan = ProbePlan::new(vec![target.map_err(|error| refused(error.to_string()))?]);
    plan.own = own;
    // The server's opinion of our certificate is what counts.
    plan.judges_own = false;
    plan.timeout = typed.connect_timeout;
    plan.wait = Some(typed.connect_timeout);
    plan.wait_for = WaitFor::Connection;
    plan.calls = Calls {
        services: vec![typed.service.clone()],
        metadata: metadata(typed).map_err(refused)?,
        gzip: typed.gzip,
        limit: Some(typed.rpc_timeout),
        ..Calls::default()
    };
    Ok(plan)
}

/// Where gRPC for Go would connect to.
fn address(typed: &HealthProbe) -> Result<Address, String> {
    let text = typed.address.strip_prefix("passthrough:///").unwrap_or(&typed.address);
    if text.contains("://") && !text.starts_with("unix://") && !text.starts_with("dns:///") {
        return Err("not a target of gRPC".to_owned());
    }
    // This machine, as `net.Dial` of Go has it.
    let local = text.strip_prefix(':').map(|port| format!("localhost:{port}"));
    let has_port =
        text.starts_with("unix") || text.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(':');
    if !has_port && !text.starts_with("dns:") {
        return Err("missing port in address".to_owned());
    }
    let mut address =
        Address::of_server(local.as_deref().unwrap_or(text)).map_err(|error| error.to_string())?;
    if let (Address::Tcp { transport, .. }, None) = (&mut address, &typed.tls) {
        *transport = Transport::Plaintext;
    }
    Ok(address)
}

fn credentials(tls: &HealthProbeTls) -> Result<(ClientTls, Option<Certificate>), String> {
    let identity = match &tls.pair {
        Some((certificate, key)) => {
            Some(Identity::load(Path::new(certificate), Path::new(key)).map_err(|e| chain(&e))?)
        }
        None => None,
    };
    let made = match (tls.verify, &tls.ca) {
        (false, _) => ClientTls::accepting_any_server(identity.as_ref()),
        (true, Some(file)) => {
            let anchors = Anchors::load(Path::new(file)).map_err(|error| chain(&error))?;
            ClientTls::new(&anchors, identity.as_ref())
        }
        (true, None) => {
            let file = openssl_probe::probe().cert_file.ok_or(NO_SYSTEM_CAS)?;
            let anchors = Anchors::load(&file).map_err(|error| chain(&error))?;
            ClientTls::new(&anchors, identity.as_ref())
        }
    };
    Ok((made.map_err(|error| chain(&error))?, identity.map(|identity| identity.leaf().clone())))
}

fn metadata(typed: &HealthProbe) -> Result<HeaderMap, String> {
    let mut metadata = HeaderMap::new();
    let agent = format!("{} egext/{}", typed.user_agent, env!("CARGO_PKG_VERSION"));
    let agent =
        HeaderValue::from_str(&agent).map_err(|_| "-user-agent is no value of a header".to_owned())?;
    metadata.insert(http::header::USER_AGENT, agent);
    for (name, value) in &typed.headers {
        // Not with what was typed, which may be a token.
        let refused = |_| "invalid RPC header: not a name and a value of gRPC metadata".to_owned();
        let name = HeaderName::try_from(name).map_err(|_| refused(()))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused(()))?;
        value.set_sensitive(true);
        metadata.append(name, value);
    }
    Ok(metadata)
}

/// In that program's words as far as they are its own.
fn judge(typed: &HealthProbe, outcome: &TargetOutcome, took: Duration) -> Checked {
    let address = &typed.address;
    let cause = outcome.cause().map(|cause| format!("{} ({})", cause.message, cause.id)).unwrap_or_default();
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
            Checked::failed(
                RPC_FAILED,
                format!("timeout: health rpc did not complete within {limit}: {cause}"),
            )
        }
        Some(Reply { code: Some(UNIMPLEMENTED), .. }) => {
            Checked::failed(RPC_FAILED, NO_HEALTH_SERVICE.to_owned())
        }
        Some(Reply { status: Some(status), .. }) if status == "SERVING" => {
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
    lines.push(format!("> tls={}", typed.tls.is_some()));
    if let Some(tls) = &typed.tls {
        let (certificate, key) = tls.pair.clone().unwrap_or_default();
        lines.push(format!("  > no-verify={}", !tls.verify));
        lines.push(format!("  > ca-cert={}", tls.ca.as_deref().unwrap_or_default()));
        lines.push(format!("  > client-cert={certificate}"));
        lines.push(format!("  > client-key={key}"));
        lines.push(format!("  > server-name={}", tls.server_name.as_deref().unwrap_or_default()));
    }
    lines.push("> alts=false\n> spiffe=false\nestablishing connection".to_owned());
    lines.join("\n")
}

/// What is printed with `-v` once it is known.
fn log(outcome: &TargetOutcome) -> String {
    if !outcome.is_connected() {
        return String::new();
    }
    let rpc = outcome.replies.iter().map(|reply| reply.took).sum();
    let connect = GoDuration::of(outcome.took().saturating_sub(rpc));
    let mut log = format!("connection established (took {connect})");
    if outcome.replies.iter().any(|reply| reply.status.as_deref() == Some("SERVING")) {
        log += &format!("\ntime elapsed: connect={connect} rpc={}", GoDuration::of(rpc));
    }
    log
}

/// Exit codes, as its page has them.
const INVALID_ARGUMENTS: u8 = 1;
const CONNECTION_FAILED: u8 = 2;
const RPC_FAILED: u8 = 3;
const UNHEALTHY: u8 = 4;

/// The status of gRPC.
const UNIMPLEMENTED: u32 = 12;

const NO_HEALTH_SERVICE: &str =
    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)";

const NO_SYSTEM_CAS: &str =
    "this system has no file with CA certificates: name one with -tls-ca-cert, or in SSL_CERT_FILE";
