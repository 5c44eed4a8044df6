//! Certificate revocation lists.
//!
//! Peers are checked as nginx (`ssl_crl`), HAProxy (`crl-file`) and Envoy (`crl`) check them, which all set OpenSSL's
//! CRL_CHECK and CRL_CHECK_ALL: each certificate of a chain must be covered by a list of its issuer, and the list must
//! not be over. A certificate that no list covers, and every certificate of an issuer whose list is over, is refused:
//! otherwise it would be enough to keep a new list from arriving.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use webpki::BorrowedCertRevocationList;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::pki::x509::signature::{self, Signature};
use crate::pki::x509::{date, der};
use crate::pki::{Certificate, DistinguishedName, IdentityError, Refusal};

/// A certificate revocation list (RFC 5280 section 5). Its signature has not been verified.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Crl {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The CA that it is of.
    pub issuer: DistinguishedName,
    /// When it was issued.
    pub this_update: OffsetDateTime,
    /// When the next one is due; peers are refused from then on. `None` if it does not say.
    pub next_update: Option<OffsetDateTime>,
    /// How many certificates it revokes.
    pub revoked: usize,
    pub(crate) der: CertificateRevocationListDer<'static>,
    raw_issuer: Vec<u8>,
}

impl Crl {
    /// Every list of a file: PEM blocks, or one list in DER, as CAs publish it.
    pub(in crate::pki) fn from_octets(path: &Path, text: &[u8]) -> Result<Vec<Self>, IdentityError> {
        let none = || IdentityError::NoRevocationList { path: path.into() };
        let ders = match text.first() {
            Some(&SEQUENCE) => vec![CertificateRevocationListDer::from(text.to_vec())],
            _ => CertificateRevocationListDer::pem_slice_iter(text)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| none())?,
        };
        if ders.is_empty() {
            return Err(none());
        }
        ders.into_iter().enumerate().map(|(index, der)| Self::of(path, index + 1, der)).collect()
    }

    fn of(
        path: &Path,
        position: usize,
        der: CertificateRevocationListDer<'static>,
    ) -> Result<Self, IdentityError> {
        let broken = |source| IdentityError::UnusableRevocationList { path: path.into(), position, source };
        // What the verifier refuses at a handshake, it refuses here.
        BorrowedCertRevocationList::from_der(&der).map_err(|error| broken(Refusal::from(error)))?;
        let (_, parsed) = CertificateRevocationList::from_der(&der)
            .map_err(|_| broken(Refusal::from(webpki::Error::BadDer)))?;
        Ok(Self {
            path: path.into(),
            issuer: DistinguishedName::of(parsed.issuer()),
            this_update: date::utc(parsed.last_update().to_datetime()),
            next_update: parsed.next_update().map(|moment| date::utc(moment.to_datetime())),
            revoked: parsed.iter_revoked_certificates().count(),
            raw_issuer: parsed.issuer().as_raw().to_vec(),
            der,
        })
    }

    /// Did this CA sign it, as far as that can be verified?
    pub(in crate::pki) fn is_signed_by(&self, ca: &Certificate) -> bool {
        let Ok((_, parsed)) = CertificateRevocationList::from_der(&self.der) else { return false };
        let tbs = der::place(&self.der, parsed.tbs_cert_list.as_ref());
        let algorithm = self.der.get(tbs.end..).and_then(der::contents).unwrap_or_default();
        let (message, signature) = (parsed.tbs_cert_list.as_ref(), &*parsed.signature_value.data);
        signature::made_by(&ca.key, algorithm, message, signature) != Signature::Foreign
    }

    /// Is this its issuer's name, octet by octet?
    pub(in crate::pki) fn is_named_after(&self, raw_subject: &[u8]) -> bool {
        self.raw_issuer == raw_subject
    }
}

/// The tag with which DER begins, and no PEM.
const SEQUENCE: u8 = 0x30;

/// Lists of large CAs have some megabytes.
pub(super) const LIMIT: u64 = 32 << 20;
