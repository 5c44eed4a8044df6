//! The certificates of a bridge: loaded, verified, and published for every handshake, again whenever their files change.
//!
//! Handshakes read the TLS settings from watch channels, and only this module can write to them. What it publishes was
//! loaded from the files of one moment ([`crate::pki::Sources`]) and verified ([`Verified`]); what fails is told, and
//! the old settings stay.

mod files;
mod keeper;
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "polled.rs")]
mod notices;

use std::convert::Infallible;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tracing::info;

pub(super) use keeper::Keeper;

use crate::net::{ClientTls, Permitted, ServerTls, TlsError};
use crate::pki::audit::Verified;
use crate::pki::{Certificate, CredentialsStatus, IdentityError, Loaded, ReloadOutcome, Role, Sources};
use crate::report::Finding;

/// Certificates from files that may change while they are in use.
#[derive(Clone, Debug)]
pub struct Credentials {
    sources: Sources,
    permitted: Permitted,
    verified: Arc<Verified>,
    loaded: OffsetDateTime,
}

impl Credentials {
    /// Loads them for a start. `permitted` says which clients a listener accepts. What is wrong with them is in [`Self::findings`].
    ///
    /// # Errors
    /// If a file cannot be read or used, or a key is not that of its certificate.
    pub fn load(sources: Sources, permitted: Permitted, now: OffsetDateTime) -> Result<Self, IdentityError> {
        let verified = Arc::new(Verified::first(sources.load()?, now));
        Ok(Self { sources, permitted, verified, loaded: now })
    }

    /// Why peers will reject them, now or soon.
    pub fn findings(&self) -> &[Finding] {
        self.verified.findings()
    }

    /// The settings of a listener, if there is a server's certificate.
    ///
    /// # Errors
    /// If they cannot be used for TLS.
    pub fn server(&self) -> Result<Option<Arc<ServerTls>>, TlsError> {
        server(self.verified.loaded(), &self.permitted)
    }

    /// The settings of the connection to the upstream.
    ///
    /// # Errors
    /// If they cannot be used for TLS.
    pub fn client(&self) -> Result<Arc<ClientTls>, TlsError> {
        client(self.verified.loaded())
    }

    /// The certificate that we present to the upstream.
    pub fn own(&self) -> Option<&Certificate> {
        own(self.verified.loaded())
    }

    /// What can be said of them before the first reload.
    pub(super) fn status(&self) -> CredentialsStatus {
        let mut status = CredentialsStatus::none();
        use_now(&mut status, self.verified.loaded(), self.loaded);
        status
    }
}

/// What the bridge shows to the upstream and trusts there.
#[derive(Clone, Debug)]
pub(super) struct ClientSide {
    pub(super) tls: Arc<ClientTls>,
    pub(super) own: Option<Certificate>,
}

/// Tells a bridge to look at its files now.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Asks for it. The answer is in the log and a new `last` in the status: also if nothing has changed.
    pub fn order(&self) {
        self.0.notify_one();
    }

    pub(super) async fn ordered(&self) {
        self.0.notified().await;
    }

    /// Answers the orders of a bridge without certificates.
    pub(super) async fn refused(self, status: Noted, clock: fn() -> OffsetDateTime) -> Infallible {
        loop {
            self.ordered().await;
            info!("there is nothing to reload: the bridge uses no files of certificates");
            status.send_modify(|status| status.note(clock(), ReloadOutcome::Unchanged, None));
        }
    }
}

/// Where the status of the certificates is noted: by the keeper of the files and by that of the upstream.
pub(super) type Noted = Arc<watch::Sender<CredentialsStatus>>;

fn server(loaded: &Loaded, permitted: &Permitted) -> Result<Option<Arc<ServerTls>>, TlsError> {
    let Some(identity) = loaded.identity(Role::Server) else { return Ok(None) };
    ServerTls::new(&loaded.anchors, identity, permitted).map(|tls| Some(Arc::new(tls)))
}

fn client(loaded: &Loaded) -> Result<Arc<ClientTls>, TlsError> {
    Ok(Arc::new(ClientTls::new(&loaded.anchors, loaded.identity(Role::Client))?))
}

fn own(loaded: &Loaded) -> Option<&Certificate> {
    loaded.identity(Role::Client).map(crate::pki::Identity::leaf)
}

fn use_now(status: &mut CredentialsStatus, loaded: &Loaded, now: OffsetDateTime) {
    status.use_now(loaded.identities.iter().map(|(role, identity)| (*role, identity)), &loaded.anchors, now);
}
