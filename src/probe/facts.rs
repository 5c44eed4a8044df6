use std::net::SocketAddr;

use time::OffsetDateTime;

use crate::net::{Agreed, Settings, Trace};
use crate::pki::{Certificate, DistinguishedName};

/// What was learned about a channel, also about one that failed.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every address that was tried, in this order, and why it took no connection; `None` for the one that did.
    pub addresses: Vec<(SocketAddr, Option<String>)>,
    /// What the TLS handshake agreed on.
    pub agreed: Option<Agreed>,
    /// The certificates that the server presented, as far as they can be read.
    pub presented: Vec<Certificate>,
    /// The CAs that the server named when it asked for a client certificate; `None` if it did not ask.
    pub asked: Option<Vec<DistinguishedName>>,
    /// The certificate that we sent.
    pub sent: Option<Certificate>,
    /// What the server's first HTTP/2 frame says.
    pub settings: Option<Settings>,
    /// What the server says about its health.
    pub health: Option<String>,
    /// When the dates were judged.
    pub now: Option<OffsetDateTime>,
}

impl Facts {
    /// Of the layers up to TLS.
    pub(super) fn of(trace: &Trace, own: Option<&Certificate>, now: OffsetDateTime) -> Self {
        let failed = trace.failed.iter().map(|(address, why)| (*address, Some(why.clone())));
        let connected = trace.connected.as_ref().and_then(|(peer, _)| *peer).map(|peer| (peer, None));
        let witness = trace.witness.as_deref();
        let presented = witness.map_or(&[][..], |witness| witness.presented());
        let asked = witness.and_then(|witness| witness.asked()).map(|names| {
            names.iter().filter_map(|name| DistinguishedName::from_der(name.as_ref())).collect()
        });
        Self {
            addresses: failed.chain(connected).collect(),
            agreed: trace.handshake.as_ref().map(|(agreed, _)| agreed.clone()),
            presented: presented.iter().filter_map(|der| Certificate::of(der).ok()).collect(),
            sent: own.filter(|_| asked.is_some()).cloned(),
            asked,
            now: Some(now),
            ..Self::default()
        }
    }
}
