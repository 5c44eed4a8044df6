//! The admin server of another bridge, asked what it says of itself.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::ext::on_informational;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::heard::Heard;
use super::status::{SCHEMA, SCHEMA_NAME};
use crate::net::Address;

/// What a bridge says of itself, as far as another program acts on it.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    /// Where it is called.
    pub listen: String,
    /// Do calls reach the upstream?
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<Told>,
    /// What does not stop calls yet.
    pub warnings: Vec<Told>,
    /// Whom it calls.
    pub upstream: Upstream,
    /// Certificates in use.
    #[serde(default)]
    pub certificates: Vec<Held>,
}

/// A certificate that a bridge has.
#[derive(Clone, Debug, Deserialize)]
pub struct Held {
    /// Who presents it: `ca`, `client` or `server`.
    pub role: String,
    /// Where the bridge has read it; a relative path begins where the bridge runs.
    pub file: String,
    /// Where it has read the key, if it is not a CA.
    pub key_file: Option<String>,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
}

/// Whom a bridge calls.
#[derive(Clone, Debug, Deserialize)]
pub struct Upstream {
    /// As it was given.
    pub address: String,
    /// `connected`, `connecting` or `failing`.
    pub state: String,
    /// The last different reasons for which there was no connection, oldest first.
    pub causes: Vec<Cause>,
}

/// Why there was no connection.
#[derive(Clone, Debug, Deserialize)]
pub struct Cause {
    /// When it was seen last (RFC 3339).
    pub last: String,
    /// The words of the finding.
    pub message: String,
}

/// Something that a bridge says.
#[derive(Clone, Debug, Deserialize)]
pub struct Told {
    /// The stable name of the finding. A newer bridge can have one that we do not know.
    #[serde(default)]
    pub id: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
}

/// Why a bridge said nothing that we understand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nothing listens there.
    #[error("cannot connect to `{address}`")]
    Connect {
        /// Where.
        address: Address,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else than an admin server is there.
    #[error("what listens on `{address}` is no admin server of a bridge")]
    Foreign {
        /// Where.
        address: Address,
    },
    /// It did not say a word in time.
    #[error("`{address}` did not answer within {} ms", limit.as_millis())]
    Late {
        /// Where.
        address: Address,
        /// In what time.
        limit: Duration,
    },
    /// It has begun to say something. A bridge says all of it at once.
    #[error("what listens on `{address}` does not answer as a bridge does: it began, and did not come to an end within {} ms", limit.as_millis())]
    Unfinished {
        /// Where.
        address: Address,
        /// In what time.
        limit: Duration,
    },
    /// A bridge of another version.
    #[error("the bridge behind `{address}` answers in `{schema}`, which this version does not read")]
    Version {
        /// Where.
        address: Address,
        /// In which form.
        schema: String,
    },
}

/// Asks the admin server at `address`, for at most `limit`.
///
/// # Errors
/// When nothing that is an admin server answers in time.
pub async fn ask(address: &Address, limit: Duration) -> Result<Answer, AskError> {
    let unreachable = |source| AskError::Connect { address: address.clone(), source };
    let heard = Heard::default();
    let asking = async {
        let answer = match address {
            Address::Unix(path) => {
                exchange(UnixStream::connect(path).await.map_err(unreachable)?, &heard).await
            }
            Address::Tcp { host, port, .. } => {
                let stream = TcpStream::connect((host.to_string(), *port)).await.map_err(unreachable)?;
                exchange(stream, &heard).await
            }
        };
        let body = answer.ok_or_else(|| AskError::Foreign { address: address.clone() })?;
        read(&body, address)
    };
    let late = |_| match heard.anything() {
        true => AskError::Unfinished { address: address.clone(), limit },
        false => AskError::Late { address: address.clone(), limit },
    };
    timeout(limit, asking).await.map_err(late)?
}

/// What the answer says.
fn read(body: &[u8], address: &Address) -> Result<Answer, AskError> {
    let foreign = || AskError::Foreign { address: address.clone() };
    let Form { schema } = serde_json::from_slice(body).map_err(|_| foreign())?;
    match schema.strip_prefix(SCHEMA_NAME) {
        Some(_) if schema == SCHEMA => serde_json::from_slice(body).map_err(|_| foreign()),
        Some(_) => Err(AskError::Version { address: address.clone(), schema }),
        None => Err(foreign()),
    }
}

/// What every version says in the same way.
#[derive(Deserialize)]
struct Form {
    schema: String,
}

/// None for whatever else speaks there, in whatever way.
async fn exchange<S>(stream: S, heard: &Heard) -> Option<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(heard.on(stream))).await.ok()?;
    let mut request = Request::get("/status")
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .expect("both are constants");
    // A bridge sends no interim answer, and hyper would read them without end.
    let interim = heard.clone();
    on_informational(&mut request, move |_| interim.cut());
    let asking = async {
        let response = sender.send_request(request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await.ok()?;
        Some(body.to_bytes())
    };
    // The connection does its part while the answer is read, and may end before it.
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        _ = connection => asking.await,
    }
}

/// A bridge with hundreds of methods and certificates has a few hundred KiB.
const BODY_LIMIT: usize = 8 << 20;
