//! Verifies a certificate as its peers will, before it is used.
//!
//! This is webpki, the verifier of rustls: signatures, dates, path length, usages and names. The tests
//! also verify such certificates with OpenSSL.

use std::net::IpAddr;
use std::slice;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::pki::{Anchors, Certificate, Refusal, Role, SubjectName, Trust};

/// Would a peer that trusts `anchors` accept `chain`, leaf first, from the side `role` now, under all `names`?
pub(in crate::pki) fn leaf(
    chain: &[Certificate],
    anchors: &[Certificate],
    role: Role,
    names: &[SubjectName],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err(Refusal::Verifier(webpki::Error::UnknownIssuer));
    };
    let trusted = |anchor: &&Certificate| match Trust::of(anchor) {
        Ok(trust) => trust.can_sign() || *anchor == leaf,
        Err(_) => false,
    };
    let anchors = anchors.iter().filter(trusted).map(|anchor| anchor_from_trusted_cert(&anchor.der));
    let anchors = anchors.collect::<Result<Vec<_>, _>>()?;
    let intermediates = intermediates.iter().map(|sent| CertificateDer::from(&*sent.der));
    let intermediates = intermediates.collect::<Vec<_>>();
    let leaf = EndEntityCert::try_from(&leaf.der)?;
    let usage = match role {
        Role::Client => KeyUsage::client_auth(),
        Role::Server => KeyUsage::server_auth(),
    };
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(now.unix_timestamp()).unwrap_or_default(),
    ));
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &intermediates, now, usage, None, None)?;
    for name in names {
        if let Some(name) = verifiable(name)? {
            leaf.verify_is_valid_for_subject_name(&name)?;
        }
    }
    Ok(())
}

/// Would such a peer accept it at any moment at all? So the verdict is about everything but dates.
///
/// A path is alive from the moment when its youngest certificate begins. So there is a moment for it if there is one
/// among those.
///
/// # Errors
/// The first refusal that is not about dates, or one about dates if no path is ever alive as a whole.
pub(in crate::pki) fn dates_aside(
    chain: &[Certificate],
    anchors: &[Certificate],
    role: Role,
) -> Result<(), Refusal> {
    let mut refusal = None;
    for moment in beginnings(chain, anchors) {
        match leaf(chain, anchors, role, &[], moment) {
            Ok(()) => return Ok(()),
            Err(found) if refusal.as_ref().is_none_or(Refusal::is_about_dates) => refusal = Some(found),
            Err(_) => {}
        }
    }
    refusal.map_or(Ok(()), Err)
}

/// The first moment of the leaf, and those of others during its life, the earliest first.
fn beginnings(chain: &[Certificate], anchors: &[Certificate]) -> Vec<OffsetDateTime> {
    let Some((leaf, sent)) = chain.split_first() else { return vec![OffsetDateTime::UNIX_EPOCH] };
    let (begin, end) = (leaf.not_before, leaf.not_after);
    let others = sent.iter().chain(anchors).map(|certificate| certificate.not_before);
    let mut moments =
        others.filter(|other| begin < *other && *other <= end).chain([begin]).collect::<Vec<_>>();
    moments.sort_unstable();
    moments.dedup();
    moments.truncate(MOMENTS);
    moments
}

/// Would a client that trusts `anchors` accept `chain`, leaf first, from the server that it calls by `name`?
///
/// # Errors
/// The reason if not.
pub fn verify_server(
    chain: &[Certificate],
    anchors: &Anchors,
    name: &SubjectName,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    leaf(chain, anchors.certificates(), Role::Server, slice::from_ref(name), now)
}

/// Would a client that calls the holder of `leaf` by `name` accept it?
pub(in crate::pki) fn name(leaf: &Certificate, name: &SubjectName) -> Result<(), Refusal> {
    let leaf = EndEntityCert::try_from(&leaf.der)?;
    match verifiable(name)? {
        Some(name) => Ok(leaf.verify_is_valid_for_subject_name(&name)?),
        None => Ok(()),
    }
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

/// At how many moments a chain is verified. A set has one to three; a bundle of strangers has hundreds.
const MOMENTS: usize = 16;
