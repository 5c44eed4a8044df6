use schemars::JsonSchema;
use serde::Serialize;

/// What `egext certs show` adds to its JSON object.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    /// Whether a client would trust what the server presents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verification: Option<Verification>,
    /// Files that may hold certificates or keys and could not be read.
    pub(super) left_out: Vec<LeftOut>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) keys: Vec<Key>,
    /// Of each source with several certificates, whether they are a chain.
    pub(super) chains: Vec<Chain>,
}

/// Whether a client would trust what a server presents.
#[derive(Serialize, JsonSchema)]
pub(super) struct Verification {
    /// The server's address.
    pub(super) source: String,
    /// The name that was verified.
    pub(super) name: String,
    /// The file of the CA.
    pub(super) ca: Option<String>,
    pub(super) state: VerificationState,
    /// Why it was refused.
    pub(super) reason: Option<String>,
}

/// The result.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum VerificationState {
    Refused,
    Skipped,
    Verified,
}

/// A file that may hold certificates or keys and could not be read.
#[derive(Serialize, JsonSchema)]
pub(super) struct LeftOut {
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

/// A certificate.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShownCertificate")]
pub(super) struct Certificate {
    /// The file or address that it is from.
    pub(super) source: String,
    /// Its place there, from 1 on.
    pub(super) position: usize,
    /// The version of X.509.
    pub(super) version: u32,
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The file with the certificate of its issuer.
    pub(super) issuer_file: Option<String>,
    pub(super) self_issued: bool,
    pub(super) names: Vec<String>,
    pub(super) is_ca: bool,
    /// How many CAs may be between it and a leaf certificate, if it says so.
    pub(super) path_length: Option<u32>,
    pub(super) key_usages: Option<Vec<&'static str>>,
    pub(super) extended_key_usages: Option<Vec<String>>,
    pub(super) key_type: String,
    /// The file with its key.
    pub(super) key_file: Option<String>,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) serial: String,
    /// How it was signed.
    pub(super) signature: String,
    pub(super) sha256: String,
    pub(super) key_sha256: String,
    pub(super) belongs_to: Side,
}

/// Which side of TLS needs a certificate.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// Both the server and the client trust it.
    Both,
    Client,
    /// The server or the client presents it.
    Either,
    Neither,
    Server,
}

impl Side {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Client => "client",
            Self::Either => "either",
            Self::Neither => "neither",
            Self::Server => "server",
        }
    }
}

/// A private key, without its secret parts.
#[derive(Serialize, JsonSchema)]
pub(super) struct Key {
    pub(super) source: String,
    pub(super) state: KeyState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_type: Option<String>,
    /// Fingerprint of the public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// The file with its certificate.
    pub(super) certificate_file: Option<String>,
}

/// Can it be used?
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyState {
    Encrypted,
    Unusable,
    Usable,
}

/// Several certificates in one source.
#[derive(Serialize, JsonSchema)]
pub(super) struct Chain {
    pub(super) source: String,
    /// True if the leaf certificate is first and each issuer follows the certificate that it issued.
    pub(super) in_order: bool,
    /// The place of the first that did not issue the one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) out_of_order_at: Option<usize>,
}
