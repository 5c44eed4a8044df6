//! What a server presents, whatever we think of it.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::CertsError;
use crate::cli::Server;
use crate::commands::{Error, block_on};
use crate::diagnosis::{Context, Speaker, diagnose};
use crate::host::Host;
use crate::net::{self, Address, Alpn, ClientTls, Fault, FaultKind, Stage, Target, Transport};
use crate::pki::{Anchors, Identity, Role};
use crate::report::Finding;

/// Whom to ask, and under which name.
pub(super) struct Question<'a> {
    pub(super) address: &'a Address,
    pub(super) host: &'a Host,
    limit: std::time::Duration,
}

impl<'a> Question<'a> {
    /// None when no server was named.
    pub(super) fn new(server: &'a Server) -> Result<Option<Self>, Error> {
        let Some(address) = &server.connect else { return Ok(None) };
        let Address::Tcp { host, transport: Transport::Tls, .. } = address else {
            return Err(CertsError::Plaintext { address: address.clone() }.into());
        };
        if server.timeout.duration().is_zero() {
            return Err(Error::ZeroLimit { flag: "--timeout" });
        }
        let host = server.server_name.as_ref().unwrap_or(host);
        Ok(Some(Self { address, host, limit: server.timeout.duration() }))
    }

    /// The chain that the server presents, leaf first, or why there is none.
    ///
    /// With `anchors` the server sees a handshake that a client would make; without, one that ends at once.
    pub(super) fn ask(
        &self,
        anchors: Option<&Anchors>,
        identity: Option<&Identity>,
        directory: &Path,
        now: OffsetDateTime,
    ) -> Result<Result<Vec<CertificateDer<'static>>, Finding>, Error> {
        let tls = match anchors {
            Some(anchors) => ClientTls::new(anchors, identity)?,
            None => ClientTls::trusting_no_ca(),
        };
        let target =
            Target::new(self.address.clone(), Some(Arc::new(tls)), Some(self.host), Alpn::Preferred)?;
        let dialed = block_on(async { net::dial(&target, net::deadline(self.limit)).await })?;
        let presented = dialed.trace.witness.as_ref().map_or(&[][..], |witness| witness.presented());
        if !presented.is_empty() {
            return Ok(Ok(presented.to_vec()));
        }
        // A handshake without a certificate is none that we offered.
        let nothing = Fault { stage: Stage::Tls, kind: FaultKind::Closed };
        let fault = dialed.outcome.err().unwrap_or(nothing);
        let own = identity.map(Identity::leaf);
        let trace = &dialed.trace;
        let context = Context {
            target: &target,
            trace,
            own,
            limit: self.limit,
            now,
            directory,
            searched: false,
            spoke_tls: false,
            speaker: Speaker::Probe,
        };
        Ok(Err(diagnose(&context, &fault)))
    }
}

/// Our side's certificate in `directory`, if it is there and fits.
pub(super) fn client_in(directory: &Path) -> Option<Identity> {
    let file = |name| directory.join(name);
    Identity::load(&file(Role::Client.certificate_file()), &file(Role::Client.key_file())).ok()
}
