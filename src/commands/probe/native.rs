//! Servers that Envoy Gateway calls by its own TLS, for the doctor.

use super::managers;
use crate::commands::Error;
use crate::doctor::Native;
use crate::gateway::{Peer, Questions, Source, peers};
use crate::probe::ProbePlan;

/// Those of all EnvoyGateway files among `sources`, whose order stays. Where EG never uses its TLS, it is not asked what it
/// would do with it.
pub(in crate::commands) fn all(sources: &mut [Source], questions: &Questions) -> Result<Vec<Native>, Error> {
    let mut all = Vec::new();
    for index in 0..sources.len() {
        if sources[index].is_resource {
            continue;
        }
        // The first is the file, and the others may have its Secrets.
        sources.swap(0, index);
        let (file, peers) = (sources[0].path.clone(), peers(sources, questions));
        sources.swap(0, index);
        for peer in peers {
            all.extend(one(peer, &file)?);
        }
    }
    Ok(all)
}

fn one(peer: Peer, file: &str) -> Result<Option<Native>, Error> {
    let called = peer.called.clone();
    let Some(tls) = peer.tls.as_ref().filter(|tls| tls.unusable.is_none()) else { return Ok(None) };
    // What is wrong with the address is told with the file.
    if called.address().is_err() {
        return Ok(None);
    }
    let (has_secrets, presents, presents_since) = (tls.has_secrets, tls.client.is_some(), tls.presents_since);
    let pattern = ProbePlan { gateway: Some(String::new()), ..ProbePlan::new(Vec::new()) };
    let (_, plan) = managers::one(peer, &pattern)?;
    Ok(Some(Native { called, file: file.to_owned(), has_secrets, presents, presents_since, plan }))
}
