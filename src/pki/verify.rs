//! The verification that a peer will do, done before it.
//!
//! This is webpki, the verifier of rustls: signatures, dates, path length, usages and names. What passes here
//! with the profile of this crate passes the other verifiers too; the tests hold OpenSSL against it.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;

use super::{Role, SubjectName};

/// Would a peer that trusts `anchors` accept `chain`, leaf first, from the side `role` now, under all `names`?
pub(super) fn leaf(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    role: Role,
    names: &[SubjectName],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err(Refusal::Verifier(webpki::Error::UnknownIssuer));
    };
    let anchors = anchors.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>()?;
    let leaf = EndEntityCert::try_from(leaf)?;
    let usage = match role {
        Role::Client => KeyUsage::client_auth(),
        Role::Server => KeyUsage::server_auth(),
    };
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(now.unix_timestamp()).unwrap_or_default(),
    ));
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, intermediates, now, usage, None, None)?;
    for name in names {
        if let Some(name) = verifiable(name)? {
            leaf.verify_is_valid_for_subject_name(&name)?;
        }
    }
    Ok(())
}

/// Would a client that calls the holder of `leaf` by `name` accept it?
pub(super) fn name(leaf: &CertificateDer<'_>, name: &SubjectName) -> Result<(), Refusal> {
    let leaf = EndEntityCert::try_from(leaf)?;
    match verifiable(name)? {
        Some(name) => Ok(leaf.verify_is_valid_for_subject_name(&name)?),
        None => Ok(()),
    }
}

/// Is `certificate` signed by its own key? No verifier looks at that in an anchor; a linter does.
pub(super) fn own_signature(certificate: &CertificateDer<'_>) -> Result<(), Refusal> {
    if signed_by(certificate, certificate) { Ok(()) } else { Err(Refusal::OwnSignature) }
}

/// Did the key of `issuer` sign `certificate`? Nothing else is looked at.
pub(super) fn signed_by(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok((_, signed)), Ok(issuer)) =
        (X509Certificate::from_der(certificate), EndEntityCert::try_from(issuer))
    else {
        return false;
    };
    let message = signed.tbs_certificate.as_ref();
    // Those that do not belong to the key, or are not the signature's, fail; no signature passes for two.
    webpki::ALL_VERIFICATION_ALGS
        .iter()
        .any(|algorithm| issuer.verify_signature(*algorithm, message, &signed.signature_value.data).is_ok())
}

/// What a verifier holds against a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A root that was not signed by its own key.
    #[error("the certificate's own key did not sign it")]
    OwnSignature,
    /// webpki's reason.
    #[error(transparent)]
    Verifier(#[from] webpki::Error),
}

/// The name as a client would ask for it; a wildcard by one of the names that it stands for.
fn verifiable(name: &SubjectName) -> Result<Option<ServerName<'static>>, webpki::Error> {
    Ok(match name {
        SubjectName::Dns(name) => {
            let name = name.strip_prefix("*.").map_or_else(|| name.clone(), |parent| format!("any.{parent}"));
            Some(ServerName::try_from(name).map_err(|_| webpki::Error::MalformedDnsIdentifier)?)
        }
        SubjectName::Ip(IpAddr::V4(address)) => Some(ServerName::IpAddress((*address).into())),
        SubjectName::Ip(IpAddr::V6(address)) => Some(ServerName::IpAddress((*address).into())),
        // TLS clients never ask for these.
        SubjectName::Email(_) | SubjectName::Other(_) | SubjectName::Uri(_) => None,
    })
}
