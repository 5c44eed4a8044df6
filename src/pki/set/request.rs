//! Certificate requests (PKCS#10): the requester keeps the key, and proves that it has it.
//!
//! Of a request we take the key, once its signature is verified, and the names of the kinds that a server or a
//! client of ours is called by: host names and IP addresses. All else is decided by us: a request that asks to
//! become a CA, or to be good for both sides, gets a plain leaf. A URI is not taken either, since a SPIFFE id
//! is an identity that the CA gives.
//!
//! The names are the requester's choice. So they count only as long as the operator names none, or says that
//! they count, and the report warns of those that another certificate of the set has.
//!
//! A key that is known already is another question than a name. The CA's key is refused: its holder would have a
//! leaf that no rotation takes from them. So is a key that lies in the set: the requester has a copy of what only
//! one machine should have, or the operator wanted a renewal. The key of an earlier request is usually the same
//! requester again, who wants other names; that is a warning.

use std::path::{Path, PathBuf};

use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;

use super::member::{self, Member};
use super::store::Snapshot;
use crate::pki::ca::authority::Authority;
use crate::pki::keys::file;
use crate::pki::x509::possession::{self, Possession};
use crate::pki::{
    CA_CERTIFICATE_FILE, Certificate, DistinguishedName, Found, IdentityError, NameError, PublicKey,
    SubjectName,
};

/// A request whose sender has proven to have the key.
#[derive(Debug)]
pub struct Request {
    /// The key that it is for.
    pub key: PublicKey,
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
        Self::from_pem(path, &file::read(path)?)
    }

    /// The same from memory; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_pem(path: &Path, text: &[u8]) -> Result<Self, RequestError> {
        let blocks = file::blocks(path, text)?;
        let der = match blocks.requests.as_slice() {
            [der] => der,
            [] => {
                let found = Found::of(text, &blocks);
                return Err(RequestError::NoRequest { path: path.into(), found });
            }
            several => return Err(RequestError::Several { path: path.into(), number: several.len() }),
        };
        let malformed = || RequestError::Malformed { path: path.into() };
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| malformed())?;
        if !rest.is_empty() {
            return Err(malformed());
        }
        let info = &request.certification_request_info;
        let key = PublicKey::of(&info.subject_pki);
        if let Some(reason) = key.refusal().or_else(|| key.weakness()) {
            let kind = key.to_string();
            return Err(RequestError::UnsupportedKey { path: path.into(), kind, reason });
        }
        match possession::verify(&request, &key) {
            Possession::Proven => {}
            Possession::NotProven => return Err(RequestError::NotProven { path: path.into() }),
            Possession::Unsupported(algorithm) => {
                return Err(RequestError::UnsupportedSignature { path: path.into(), algorithm });
            }
        }
        let mut accepted = Self {
            key,
            subject: DistinguishedName::of(&info.subject),
            names: Vec::new(),
            ignored: Vec::new(),
        };
        for extension in request.requested_extensions().into_iter().flatten() {
            accepted.take(extension)?;
        }
        Ok(accepted)
    }

    /// The names that the certificate gets: those that the operator has `typed`, and those of the request where
    /// the operator has typed none or `accepts` them.
    pub fn grant(&self, typed: &[SubjectName], accepts: bool) -> Granted {
        let (mut names, mut asked) = (typed.to_vec(), Vec::new());
        for name in self.names.iter().filter(|name| !typed.contains(name)) {
            if !asked.contains(name) {
                asked.push(name.clone());
            }
        }
        let (granted, withheld) =
            if accepts || typed.is_empty() { (asked, Vec::new()) } else { (Vec::new(), asked) };
        names.extend(granted.iter().cloned());
        Granted { names, of_request: granted, withheld }
    }

    /// Does a certificate have the key of the request?
    pub fn has_key_of(&self, certificate: &Certificate) -> bool {
        certificate.key.is_same(&self.key)
    }

    /// Refuses a key that its sender should not have.
    ///
    /// # Errors
    /// When it is that of a CA that signs for `set` or will, `authority` among them, or one that lies in the set with its
    /// certificate.
    pub fn refuse_known_key(
        &self,
        path: &Path,
        set: &Snapshot,
        authority: &Authority,
        members: &[Member],
    ) -> Result<(), RequestError> {
        let ca = set.path(CA_CERTIFICATE_FILE);
        let trusted = member::certificates(&ca, &set.read(CA_CERTIFICATE_FILE)?)?;
        let own = [authority.certificate(), authority.anchor()];
        let mut authorities = trusted.iter().chain(own).chain(authority.intermediates());
        if let Some(authority) = authorities.find(|authority| self.has_key_of(authority)) {
            let subject = authority.subject.to_string();
            let member = members.first().map(|member| member.path().to_owned());
            return Err(RequestError::KeyOfCa { path: path.into(), subject, member });
        }
        match members.iter().find(|member| member.has_key() && self.has_key_of(member.certificate())) {
            Some(member) => Err(RequestError::KeyOfMember {
                path: path.into(),
                name: member.name().into(),
                certificate: member.path().into(),
            }),
            None => Ok(()),
        }
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
            // Computed by the signer.
            ParsedExtension::SubjectKeyIdentifier(_) => {}
            _ => self.ignored.push("an extension that our certificates do not have".to_owned()),
        }
        Ok(())
    }
}

/// Who decided about which name.
#[derive(Clone, Debug)]
pub struct Granted {
    /// All that the certificate gets.
    pub names: Vec<SubjectName>,
    /// Those of them that only the request names.
    pub of_request: Vec<SubjectName>,
    /// Those that the request names and the certificate does not get.
    pub withheld: Vec<SubjectName>,
}

/// Would a certificate for one of them pass for the other? A wildcard stands for one label.
pub fn overlap(one: &SubjectName, other: &SubjectName) -> bool {
    let covers = |wildcard: &str, name: &str| {
        let parent = wildcard.strip_prefix("*.");
        parent.is_some_and(|parent| name.split_once('.').is_some_and(|(_, rest)| rest == parent))
    };
    match (one, other) {
        (SubjectName::Dns(one), SubjectName::Dns(other)) => {
            let [one, other] = [one, other].map(|name| name.to_ascii_lowercase());
            one == other || covers(&one, &other) || covers(&other, &one)
        }
        _ => one == other,
    }
}

/// Why a request was not accepted. Always the file's fault, or its sender's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The file cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its sender has the CA's key, or the operator has taken the wrong one.
    #[error("`{}` is for the key of the CA `{subject}`, which is not issued to anyone", path.display())]
    KeyOfCa {
        /// The file.
        path: PathBuf,
        /// The CA.
        subject: String,
        /// A certificate of the set.
        member: Option<PathBuf>,
    },
    /// Its sender has a key that lies in the set.
    #[error("`{}` is for the key of `{}`", path.display(), certificate.display())]
    KeyOfMember {
        /// The file.
        path: PathBuf,
        /// What the files of the certificate with this key are called.
        name: String,
        /// That certificate.
        certificate: PathBuf,
    },
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
    #[error("`{}` holds no certificate request: {found}", path.display())]
    NoRequest {
        /// The file.
        path: PathBuf,
        /// What it holds; of a key that it should not have left its machine.
        found: Found,
    },
    /// More than one, of which only one can be issued.
    #[error("`{}` holds {number} certificate requests", path.display())]
    Several {
        /// The file.
        path: PathBuf,
        /// How many.
        number: usize,
    },
    /// A key that no TLS stack takes.
    #[error("`{}` is for a key that TLS stacks refuse ({kind}): {reason}", path.display())]
    UnsupportedKey {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// The signature was made by another key, or the request was changed afterwards.
    #[error("`{}` is not signed by the key that it is for", path.display())]
    NotProven {
        /// The file.
        path: PathBuf,
    },
    /// The signature cannot be verified, so it proves nothing.
    #[error("`{}` is signed in a way that is not supported: {algorithm}", path.display())]
    UnsupportedSignature {
        /// The file.
        path: PathBuf,
        /// Such as `RSA-PSS with SHA-224`.
        algorithm: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_overlaps_with_what_it_stands_for() {
        let name = |text: &str| text.parse::<SubjectName>().expect("a name");
        for (one, other, expected) in [
            ("*.a.example", "b.a.example", true),
            ("*.a.example", "c.b.a.example", false),
            ("*.a.example", "a.example", false),
            ("*.a.example", "*.a.example", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
        ] {
            assert_eq!(overlap(&name(one), &name(other)), expected, "{one} {other}");
            assert_eq!(overlap(&name(other), &name(one)), expected, "{other} {one}");
        }
    }
}
