use std::io::ErrorKind::NotFound;

use super::Advice;
use crate::pki::IdentityError;
use crate::pki::authority::{AuthorityError, ImportError};
use crate::pki::go_x509;
use crate::pki::lifetime::CLOCK;
use crate::report::Hint as _;
use crate::shell::{shell_parent, shell_path};

impl Advice for AuthorityError {
    fn advice(&self) -> Option<String> {
        match self {
            Self::ExcludesRole { .. } => {
                Some("use a CA without extended key usage, or with both serverAuth and clientAuth".to_owned())
            }
            Self::Import(error) => error.advice(),
            Self::Lifetime { .. } => Some("name at least one second, such as `90d`".to_owned()),
            Self::NoHost => Some("name a host, too: `--san extension.internal`".to_owned()),
            Self::NoNames { .. } => Some("name it with `--san`".to_owned()),
            Self::Key(_) | Self::NoRandomness => Some("look at `dmesg` for `random`, and try again".to_owned()),
            Self::GoRefuses { refusal: go_x509::Refusal::ConstrainedName(_), .. } => Some(
                "below a CA with name constraints a URI needs a host name in it, such as `spiffe://example.org/extension`: leave the others out, or use a CA without constraints"
                    .to_owned(),
            ),
            Self::GoRefuses { .. } => Some("use another CA: `--ca-cert FILE --ca-key FILE`".to_owned()),
            Self::NotPermitted { .. } => Some(
                "choose names that the CA's name constraints permit (`certs init` takes the server's from `--san`, the client's from `--client-san`); `egext certs rotate-ca prepare --permit NAME --dir DIR` begins to replace a CA of `egext` by one that permits more"
                    .to_owned(),
            ),
            Self::SpiffeUris => Some("leave out the other URIs".to_owned()),
            Self::UnsupportedName { .. } => Some("use host names, IP addresses and URIs".to_owned()),
            Self::PublicKey => Some("ask the requester for a new CSR".to_owned()),
            Self::Refused(_) => Some(
                "an extension of an imported CA can be the cause: `openssl x509 -noout -text -in FILE` prints them; otherwise this is a fault of `egext`: please report it"
                    .to_owned(),
            ),
            Self::Sign => Some("use a CA with a P-256, P-384 or RSA key".to_owned()),
            Self::BothRoles { .. } | Self::Unreadable(_) => {
                Some("this is a fault of `egext`: please report it with this output".to_owned())
            }
        }
    }
}

impl Advice for ImportError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::ChainBroken { .. } => {
                "put the issuer's present certificate into the file, not one from before its renewal"
                    .to_owned()
            }
            Self::ChainIncomplete { path, .. } => {
                format!(
                    "append the CAs above it, up to the root: `cat issuer.crt root.crt >> {}`",
                    shell_path(path)
                )
            }
            Self::CriticalExtension { .. } => {
                "use a CA without it, or have the certificate issued again with this extension not critical"
                    .to_owned()
            }
            Self::DirectoryNames { .. } => {
                "use a CA whose name constraints are about host names and addresses only".to_owned()
            }
            Self::Expired { .. } => {
                "renew the CA first, or make one: `egext certs init --dir DIR`".to_owned()
            }
            Self::Identity(IdentityError::Unreadable { path, source }) if source.kind() == NotFound => {
                format!(
                    "check the path: `ls -a {}`; `--ca-cert` and `--ca-key` name the files of a CA",
                    shell_parent(path)
                )
            }
            Self::Identity(error) => return error.hint(),
            Self::NoCertificateSign { .. } => {
                "have the CA's certificate issued again with keyCertSign".to_owned()
            }
            Self::NotACa { .. } => "name the certificate of the CA, not one that it issued".to_owned(),
            Self::NoRoot { path } => {
                format!("append the root: `cat root.crt >> {}`", shell_path(path))
            }
            Self::NotYetValid { .. } => CLOCK.to_owned(),
            Self::OldCertificate { .. } => {
                "have it issued again as version 3, with `basicConstraints=critical,CA:TRUE`".to_owned()
            }
            Self::Passphrase(error) => return error.hint(),
            Self::PassphraseNeeded { .. } => {
                "name the file with its passphrase: `--ca-key-passphrase-file FILE`, or `-` for stdin"
                    .to_owned()
            }
            Self::PathLength { .. } => {
                "use a CA that stands higher, or have one issued with a longer path".to_owned()
            }
            Self::TooManyCertificates { .. } => {
                "leave only the CA and the CAs above it in the file".to_owned()
            }
            Self::UnsupportedKey { .. } => "use a CA with a P-256, P-384 or RSA key".to_owned(),
            Self::UnsupportedSignature { .. } | Self::WeakHash { .. } => {
                "have it signed again with SHA-256".to_owned()
            }
        })
    }
}
