use super::Advice;
use crate::pki::request::RequestError;
use crate::pki::{Found, IdentityError, Wanted};
use crate::report::Hint as _;
use crate::shell::{dir_flag_of, shell_word};

impl Advice for RequestError {
    fn advice(&self) -> Option<String> {
        let new_request =
            "`openssl req -new -key server.key -subj /CN=server -addext subjectAltName=DNS:NAME` makes one";
        match self {
            Self::Identity(error @ IdentityError::Unreadable { source, .. })
                if source.kind() != std::io::ErrorKind::NotFound =>
            {
                error.hint()
            }
            Self::Identity(IdentityError::MalformedPem { path, source }) => Some(source.hint(path)),
            Self::Identity(_) => Some(format!("name the file of a certificate request; {new_request}")),
            Self::KeyOfCa { member, .. } => Some(format!(
                "a server or client needs a key of its own: `openssl ecparam -name prime256v1 -genkey -noout -out NEW.key`; if a stranger sent the CSR, the CA's key has leaked: `egext certs rotate-ca prepare{place}`",
                place = member.as_deref().map_or_else(String::new, dir_flag_of)
            )),
            Self::KeyOfMember { name, certificate, .. } => Some(format!(
                "to change its names: `egext certs renew --name {name} --add-san NAME --keep-key{place}`; if a stranger sent the CSR, the key has leaked: `egext certs renew --name {name} --force{place}`",
                name = shell_word(name),
                place = dir_flag_of(certificate)
            )),
            Self::Malformed { .. } => Some(new_request.to_owned()),
            Self::Name(error) => error.advice(),
            Self::NoRequest { found, .. } if found.is_key() => {
                Some(format!("a key stays with its owner, who sends a request: {new_request}"))
            }
            Self::NoRequest { path, found: Found::Container(container) } if container.may_hold_request() => {
                Some(container.hint(path, Wanted::Certificate))
            }
            Self::NoRequest { .. } => Some(new_request.to_owned()),
            Self::Several { .. } => Some("put each request into a file of its own".to_owned()),
            Self::UnsupportedKey { .. } => Some("ask its sender for one with a P-256 key".to_owned()),
            Self::NotProven { .. } => Some(format!("ask its sender for a new one: {new_request}")),
            Self::UnsupportedSignature { .. } => {
                Some("ask its sender for one signed with SHA-256: `openssl req -new -sha256 -key server.key -subj /CN=server -addext subjectAltName=DNS:NAME`".to_owned())
            }
        }
    }
}
