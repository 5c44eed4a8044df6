use std::env;
use std::path::{Path, PathBuf};

use super::{Checked, INVALID_ARGUMENTS, SPIFFE_FAILED, unreachable};
use crate::cli::{GoDuration, HealthProbe, HealthProbeSecurity, HealthProbeTls};
use crate::commands::block_on;
use crate::net::ClientTls;
use crate::pki::{Anchors, Certificate, Identity, SpiffeId};
use crate::report::chain;
use crate::workload::{Workload, WorkloadError, fetch, parse_endpoint};

/// How the connection is protected, with what that needs.
#[derive(Default)]
pub(super) struct Secured {
    /// None for plaintext.
    pub(super) tls: Option<ClientTls>,
    /// The certificate that we present.
    pub(super) own: Option<Certificate>,
    /// Who that says that we are.
    pub(super) svid: Option<SpiffeId>,
}

/// Reads the files, or asks the Workload API.
pub(super) fn secure(typed: &HealthProbe) -> Result<Secured, Checked> {
    let failed = |code, kind: &str, words: &str| {
        Checked::failed(code, format!("failed to initialize tls credentials{kind}. error={words}"))
    };
    match &typed.security {
        HealthProbeSecurity::Alts => Err(unreachable(typed, NO_ALTS)),
        HealthProbeSecurity::Plaintext => Ok(Secured::default()),
        HealthProbeSecurity::Spiffe => {
            of_workload(typed).map_err(|words| failed(SPIFFE_FAILED, " with spiffe", &words))
        }
        HealthProbeSecurity::Tls(tls) => of_files(tls).map_err(|words| failed(INVALID_ARGUMENTS, "", &words)),
    }
}

fn of_files(tls: &HealthProbeTls) -> Result<Secured, String> {
    let identity = match &tls.pair {
        Some((certificate, key)) => {
            Some(Identity::load(Path::new(certificate), Path::new(key)).map_err(|e| chain(&e))?)
        }
        None => None,
    };
    let made = match tls.verify {
        false => ClientTls::accepting_any_server(identity.as_ref()),
        true => {
            let system = || openssl_probe::probe().cert_file.ok_or(NO_SYSTEM_CAS);
            let file = tls.ca.as_ref().map(PathBuf::from).map_or_else(system, Ok)?;
            let anchors = Anchors::load(&file).map_err(|error| chain(&error))?;
            ClientTls::new(&anchors, identity.as_ref())
        }
    };
    let tls = made.map(ClientTls::judging_as_go).map_err(|error| chain(&error))?;
    Ok(Secured { tls: Some(tls), own: identity.map(|identity| identity.leaf().clone()), svid: None })
}

fn of_workload(typed: &HealthProbe) -> Result<Secured, String> {
    let endpoint = env::var_os(ENDPOINT).filter(|endpoint| !endpoint.is_empty()).ok_or(NO_ENDPOINT)?;
    let endpoint =
        parse_endpoint(&endpoint.to_string_lossy()).map_err(|error| format!("{ENDPOINT}: {error}"))?;
    let fetched = block_on(fetch(&endpoint, typed.rpc_timeout)).map_err(|error| chain(&error))?;
    let Workload { svid, bundles } = fetched.map_err(|error| match error {
        WorkloadError::Late(last) => {
            let silence = || format!("no answer from the Workload API at `{endpoint}`");
            let last = last.map_or_else(silence, |last| chain(&last));
            format!("no certificate within {}: {last}", GoDuration::of(typed.rpc_timeout))
        }
        error => chain(&error),
    })?;
    let tls = ClientTls::of_workload(svid.identity(), bundles).map(ClientTls::judging_as_go);
    let tls = tls.map_err(|error| chain(&error))?;
    Ok(Secured { tls: Some(tls), own: Some(svid.identity().leaf().clone()), svid: Some(svid.id().clone()) })
}

/// Where the Workload API is (SPIFFE Workload Endpoint, section 4).
const ENDPOINT: &str = "SPIFFE_ENDPOINT_SOCKET";

const NO_ENDPOINT: &str = "SPIFFE_ENDPOINT_SOCKET is not set: it names the socket of the Workload API, such as unix:///run/spire/agent.sock";

const NO_ALTS: &str = "ALTS works only between machines of Google Cloud, and egext does not speak it";

const NO_SYSTEM_CAS: &str =
    "this system has no file with CA certificates: name one with -tls-ca-cert, or in SSL_CERT_FILE";
