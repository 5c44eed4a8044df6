//! Certificate requests (PKCS#10): somebody else keeps the key, and proves to have it.
//!
//! Of a request we take the key, once its signature is verified, and the names of the kinds that a server or a
//! client of ours is called by: host names and IP addresses. All else is decided by us: a request that asks to
//! become a CA, or to be good for both sides, gets a plain leaf. A URI is not taken either, since a SPIFFE id
//! is an identity that the CA gives.

use std::path::{Path, PathBuf};

use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;

use super::{DistinguishedName, IdentityError, NameError, SubjectName, identity, summary};
use crate::report::Hint;

/// A request whose sender has proven to have the key.
#[derive(Debug)]
pub struct Request {
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// Kind and size of the key, such as `P-256`.
    pub key: String,
    /// How the sender calls itself.
    pub subject: DistinguishedName,
    /// The names that are taken.
    pub names: Vec<SubjectName>,
    /// What else was asked for, in words.
    pub ignored: Vec<String>,
}

impl Request {
    /// Loads a request, PEM.
    ///
    /// # Errors
    /// When it cannot be read, or its signature is not by the key that is in it.
    pub fn load(path: &Path) -> Result<Self, RequestError> {
        Self::from_pem(path, &identity::read(path)?)
    }

    /// The same from memory; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_pem(path: &Path, text: &[u8]) -> Result<Self, RequestError> {
        let blocks = identity::blocks(path, text)?;
        let der = match blocks.requests.as_slice() {
            [der] => der,
            [] => {
                return Err(RequestError::NoRequest { path: path.into(), key: blocks.key_line.is_some() });
            }
            several => return Err(RequestError::Several { path: path.into(), number: several.len() }),
        };
        let malformed = || RequestError::Malformed { path: path.into() };
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| malformed())?;
        if !rest.is_empty() {
            return Err(malformed());
        }
        request.verify_signature().map_err(|_| RequestError::NotProven { path: path.into() })?;
        let info = &request.certification_request_info;
        let mut accepted = Self {
            public_key: info.subject_pki.raw.to_vec(),
            key: summary::key_kind(&info.subject_pki),
            subject: DistinguishedName::of(&info.subject),
            names: Vec::new(),
            ignored: Vec::new(),
        };
        for extension in request.requested_extensions().into_iter().flatten() {
            accepted.take(extension)?;
        }
        Ok(accepted)
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) -> Result<(), RequestError> {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in names.general_names.iter().map(SubjectName::of) {
                    match name {
                        // Read as if typed: what no certificate of ours can have is refused with advice.
                        SubjectName::Dns(_) | SubjectName::Ip(_) => {
                            self.names.push(name.to_string().parse()?);
                        }
                        other => self.ignored.push(format!("the name `{other}`")),
                    }
                }
            }
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                self.ignored.push("to be a CA".to_owned());
            }
            ParsedExtension::BasicConstraints(_) => {}
            ParsedExtension::KeyUsage(_) | ParsedExtension::ExtendedKeyUsage(_) => {
                let usages = "usages, which follow from the role".to_owned();
                if !self.ignored.contains(&usages) {
                    self.ignored.push(usages);
                }
            }
            // Computed by whoever signs.
            ParsedExtension::SubjectKeyIdentifier(_) => {}
            _ => self.ignored.push("an extension that our certificates do not have".to_owned()),
        }
        Ok(())
    }
}

/// Why a request was not accepted. Always the file's fault, or its sender's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The file cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Not a request, though it says so.
    #[error("the request in `{}` is broken", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// A name that cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something else is in the file.
    #[error("`{}` holds no certificate request", path.display())]
    NoRequest {
        /// The file.
        path: PathBuf,
        /// It holds a key, which should not have left its machine.
        key: bool,
    },
    /// More than one, of which only one can be issued.
    #[error("`{}` holds {number} certificate requests", path.display())]
    Several {
        /// The file.
        path: PathBuf,
        /// How many.
        number: usize,
    },
    /// Somebody asks for a certificate for a key that is not theirs, or of a kind that we cannot verify.
    #[error("`{}` is not signed by the key that it is for", path.display())]
    NotProven {
        /// The file.
        path: PathBuf,
    },
}

impl Hint for RequestError {
    fn hint(&self) -> Option<String> {
        let new_request =
            "`openssl req -new -key server.key -subj /CN=server -addext subjectAltName=DNS:NAME` makes one";
        match self {
            Self::Identity(error) => error.hint(),
            Self::Malformed { .. } => Some(new_request.to_owned()),
            Self::Name(error) => error.hint(),
            Self::NoRequest { key: true, .. } => {
                Some(format!("a key stays with its owner, who sends a request: {new_request}"))
            }
            Self::NoRequest { .. } => Some(new_request.to_owned()),
            Self::Several { .. } => Some("put each request into a file of its own".to_owned()),
            Self::NotProven { .. } => {
                Some("ask its sender for a new one; keys are P-256, P-384, RSA or Ed25519".to_owned())
            }
        }
    }
}
