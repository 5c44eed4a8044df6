//! The Workload API of SPIFFE: from an agent on the same machine, a workload learns who it is and whom it trusts.
//!
//! As go-spiffe v2.8.1 asks it: an answer that cannot be used is not the last one, and a call that fails is made again, until
//! the time is over. Only an agent that says that the request itself is wrong is not asked again.

mod answer;
mod endpoint;

use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use tokio::time::{sleep, timeout_at};
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

pub use answer::AnswerError;
pub use endpoint::{EndpointError, parse_endpoint};

use self::answer::{X509SvidRequest, X509SvidResponse};
use crate::backoff::{Backoff, jittered};
use crate::net::{self, Address, Alpn, Dialed, Target};
use crate::pki::{TrustBundles, X509Svid};
use crate::printable::printable;

/// Who a workload is, and whom it trusts.
#[derive(Debug)]
pub struct Workload {
    /// The first of its identities.
    pub svid: X509Svid,
    /// The CAs of its trust domain, and of those that this one trusts.
    pub bundles: TrustBundles,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The Workload API does not want to be asked again.
    #[error(transparent)]
    Final(Trouble),
    /// The time was over.
    #[error("no certificate came in time")]
    Late(#[source] Option<Trouble>),
}

/// What went wrong last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// An answer came that cannot be used.
    #[error("the answer of the Workload API cannot be used")]
    Answer(#[from] AnswerError),
    /// The call failed.
    #[error("the Workload API answered {code:?}{}", behind(.text))]
    Call {
        /// The status of gRPC.
        code: Code,
        /// What it says about it.
        text: String,
    },
    /// The call ended without an answer.
    #[error("the Workload API ended the call without an answer")]
    Ended,
    /// Nothing could be asked.
    #[error("no connection to the Workload API at `{address}`: {why}")]
    Unreachable {
        /// Where it should be.
        address: Address,
        /// Why.
        why: String,
    },
}

/// Asks the Workload API at `endpoint` who this process is, for as long as `limit`.
///
/// # Errors
/// When no answer that can be used came in time.
pub async fn fetch(endpoint: &Address, limit: Duration) -> Result<Workload, WorkloadError> {
    let mut last = None;
    let fetched = timeout_at(net::deadline(limit), again_and_again(endpoint, &mut last)).await;
    match fetched {
        Ok(Ok(workload)) => Ok(workload),
        Ok(Err(trouble)) => Err(WorkloadError::Final(trouble)),
        Err(_) => Err(WorkloadError::Late(last)),
    }
}

async fn again_and_again(endpoint: &Address, last: &mut Option<Trouble>) -> Result<Workload, Trouble> {
    let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
    loop {
        match ask(endpoint, last).await {
            Ok(workload) => return Ok(workload),
            Err(trouble) if trouble.is_final() => return Err(trouble),
            // That the call ended says less than the answer that came before.
            Err(Trouble::Ended) if matches!(last, Some(Trouble::Answer(_))) => {}
            Err(trouble) => *last = Some(trouble),
        }
        sleep(jittered(backoff.advance())).await;
    }
}

/// Makes one call, and takes the first of its answers that can be used. What is wrong with those before goes to `last`.
async fn ask(endpoint: &Address, last: &mut Option<Trouble>) -> Result<Workload, Trouble> {
    let unreachable = |why: String| Trouble::Unreachable { address: endpoint.clone(), why };
    let target = Target::new(endpoint.clone(), None, None, Alpn::Preferred);
    let target = target.map_err(|error| unreachable(error.to_string()))?;
    // The caller has a limit for everything together.
    let deadline = net::deadline(Duration::MAX);
    let Dialed { outcome, .. } = net::dial(&target, deadline).await;
    let opened = match outcome {
        Ok((stream, first)) => net::open(stream, first, deadline).await,
        Err(fault) => Err(fault),
    };
    let session = opened.map_err(|fault| unreachable(fault.kind.to_string()))?;
    let origin = Uri::builder().scheme("http").authority(endpoint.authority()).path_and_query("/").build();
    let origin = origin.map_err(|error| unreachable(error.to_string()))?;
    let mut client = Grpc::with_origin(session.service(), origin).max_decoding_message_size(LONGEST);
    client.ready().await.map_err(|error| unreachable(error.to_string()))?;
    let mut request = Request::new(X509SvidRequest {});
    // Without it an agent answers nothing: a browser that is led to the socket cannot send it.
    request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
    let codec = ProstCodec::<X509SvidRequest, X509SvidResponse>::default();
    let mut answers =
        client.server_streaming(request, PathAndQuery::from_static(METHOD), codec).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        match answer.into_workload() {
            Ok(workload) => return Ok(workload),
            Err(error) => *last = Some(error.into()),
        }
    }
    Err(Trouble::Ended)
}

impl Trouble {
    fn is_final(&self) -> bool {
        matches!(self, Self::Call { code: Code::InvalidArgument | Code::Cancelled, .. })
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let text = status.message().chars().take(TEXT_LIMIT).collect::<String>();
        Self::Call { code: status.code(), text: printable(&text) }
    }
}

fn behind(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

const METHOD: &str = "/SpiffeWorkloadAPI/FetchX509SVID";

/// Of an answer, in bytes: what clients of gRPC take if they are not told otherwise.
const LONGEST: usize = 4 << 20;

const TEXT_LIMIT: usize = 1000;

/// Between calls: short at first, for an agent that is just starting.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);
