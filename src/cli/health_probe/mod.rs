//! The command line of grpc-health-probe 0.4.57, which is called in many manifests.

mod flags;
mod quantity;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use flags::{Flags, contradiction};
pub use quantity::GoDuration;

/// What was typed for the other program.
#[derive(Clone, Debug)]
pub struct HealthProbe {
    /// The server; never empty.
    pub address: String,
    /// Limit of the connection.
    pub connect_timeout: Duration,
    /// Sent with the call: names and values.
    pub headers: Vec<(String, String)>,
    /// Compress requests.
    pub gzip: bool,
    /// Print failures only; a flag of ours.
    pub quiet: bool,
    /// Limit of the call.
    pub rpc_timeout: Duration,
    /// How the connection is protected.
    pub security: HealthProbeSecurity,
    /// The service; empty for the server as a whole.
    pub service: String,
    /// How the client calls itself.
    pub user_agent: String,
    /// Print what is done.
    pub verbose: bool,
}

/// How a connection is protected.
#[derive(Clone, Debug)]
pub enum HealthProbeSecurity {
    /// By Google's ALTS.
    Alts,
    /// Not at all.
    Plaintext,
    /// By TLS, with certificates of the Workload API of SPIFFE.
    Spiffe,
    /// By TLS, with certificates in files.
    Tls(HealthProbeTls),
}

/// What was typed about TLS.
#[derive(Clone, Debug)]
pub struct HealthProbeTls {
    /// File of the CAs; none for those of the system.
    pub ca: Option<String>,
    /// Files of certificate and key.
    pub pair: Option<(String, String)>,
    /// Name expected in the server's certificate.
    pub server_name: Option<String>,
    /// Verify the server.
    pub verify: bool,
}

impl HealthProbeSecurity {
    /// What was typed about TLS, if that was asked for.
    pub fn tls(&self) -> Option<&HealthProbeTls> {
        match self {
            Self::Tls(tls) => Some(tls),
            _ => None,
        }
    }
}

/// Why there is no health to check.
#[derive(Clone, Debug)]
pub enum HealthProbeStop {
    /// The flags were asked for, which is a failure to that program.
    Help(String),
    /// What was typed cannot be carried out; all that is printed about it.
    Usage(String),
    /// The version was asked for.
    Version,
}

/// Reads a command line if it is one of grpc-health-probe: if the binary is called by that name, or by `egext probe
/// --compat grpc-health-probe`.
pub fn health_probe(arguments: &[OsString]) -> Option<Result<HealthProbe, HealthProbeStop>> {
    let (program, rest) = arguments.split_first()?;
    let name = Path::new(program).file_name().and_then(OsStr::to_str)?;
    if NAMES.contains(&name) {
        return Some(parse(rest, false));
    }
    let [verb, rest @ ..] = rest else { return None };
    let (quiet, rest) = match rest {
        [first, rest @ ..] if verb == "probe" && (first == "-q" || first == "--quiet") => (true, rest),
        rest if verb == "probe" => (false, rest),
        _ => return None,
    };
    let rest = match rest {
        [flag, name, rest @ ..] if flag == "--compat" && is_name(name) => rest,
        [flag, rest @ ..]
            if flag.to_str().and_then(|flag| flag.strip_prefix("--compat=")).is_some_and(is_name) =>
        {
            rest
        }
        _ => return None,
    };
    Some(parse(rest, quiet))
}

fn is_name(word: impl AsRef<OsStr>) -> bool {
    NAMES.iter().any(|name| word.as_ref() == *name)
}

/// Its module, and its binary.
const NAMES: [&str; 2] = ["grpc-health-probe", "grpc_health_probe"];

fn parse(arguments: &[OsString], quiet: bool) -> Result<HealthProbe, HealthProbeStop> {
    let flags = Flags::parse(arguments)?;
    if flags.is_set("version") {
        return Err(HealthProbeStop::Version);
    }
    if let Some(words) = contradiction(&flags) {
        return Err(HealthProbeStop::Usage(words));
    }
    let text = |name| Some(flags.text(name)).filter(|text| !text.is_empty());
    let tls = || HealthProbeTls {
        ca: text("tls-ca-cert"),
        pair: text("tls-client-cert").zip(text("tls-client-key")),
        server_name: text("tls-server-name"),
        verify: !flags.is_set("tls-no-verify"),
    };
    let security = match () {
        () if flags.is_set("tls") => HealthProbeSecurity::Tls(tls()),
        () if flags.is_set("alts") => HealthProbeSecurity::Alts,
        () if flags.is_set("spiffe") => HealthProbeSecurity::Spiffe,
        () => HealthProbeSecurity::Plaintext,
    };
    Ok(HealthProbe {
        address: flags.text("addr"),
        connect_timeout: Duration::from_nanos(flags.duration("connect-timeout").0.unsigned_abs()),
        headers: flags.headers().to_vec(),
        gzip: flags.is_set("gzip"),
        quiet,
        rpc_timeout: Duration::from_nanos(flags.duration("rpc-timeout").0.unsigned_abs()),
        security,
        service: flags.text("service"),
        user_agent: flags.text("user-agent"),
        verbose: flags.is_set("v"),
    })
}
