//! Certificates and keys.
//!
//! * [`Anchors`] and [`Identity`] are what a TLS endpoint needs, loaded from PEM and proven to fit together:
//!   an [`Identity`] has a chain, leaf certificate first, and the key of this certificate.
//! * [`Certificate`] is a parsed certificate: ours, or one that a peer presents.
//!
//! * [`go_x509`] verifies a chain as Go does, for [`authority`] and [`audit`].
//! * [`authority`] signs, and [`store`] is the only module that writes certificates and keys to disk.
//! * [`check`] compares a set on disk with the clock and with what was asked for.
//! * [`edit`] is the only way to change a set.
//! * [`remarks`] are findings about a set that was made, changed or read.
//! * [`member`], [`renewal`], [`change`] and [`rotation`] change an existing set, [`request`] issues for a key on another machine,
//!   and [`pack`] packs the files of one side for another machine.
//!
//! * [`X509Svid`] is an identity that the Workload API of SPIFFE gave, and [`TrustBundles`] verify such peers.
//!
//! A file that cannot be used is an [`IdentityError`], with a hint; a certificate that a peer would reject is
//! a finding of the command that uses it.

pub mod audit;
mod ca;
mod credentials;
pub mod go_x509;
mod keys;
mod set;
mod spiffe;
mod x509;

pub use audit::inspect;
pub use ca::authority;
pub use ca::verify::verify_server;
pub use credentials::crl::Crl;
pub use credentials::identity::{Anchors, Identity};
pub use credentials::source::{Loaded, PairFiles, Sources};
pub use credentials::status::{CredentialsStatus, InUse, Reload, ReloadOutcome, Reloads};
pub use keys::container::{Container, Der};
pub use keys::encrypted_key::DecryptError;
pub use keys::found::Found;
pub use keys::identity_error::IdentityError;
pub use keys::link::link_command;
pub use keys::passphrase::{Passphrase, PassphraseError};
pub use keys::pem::{Encryption, PemError};
#[cfg(feature = "cli")]
pub(crate) use keys::{container::Wanted, identity_error::encrypt_anew_hint};
pub use set::ca_files;
pub use set::change;
pub use set::check;
pub use set::edit;
pub use set::issue;
pub use set::member;
pub use set::pack;
pub use set::remarks;
pub use set::renewal;
pub use set::request;
pub use set::rotation;
pub use set::store;
pub use spiffe::bundles::{BundleError, SvidRefusal, TrustBundles};
pub use spiffe::svid::{SvidError, X509Svid};
pub use x509::certificate::Certificate;
pub use x509::certificate_error::InspectError;
pub use x509::date;
pub use x509::extension::{ExtendedKeyUsages, Extension, KEY_CERT_SIGN, KeyUsages};
pub use x509::key_kind::KeyKind;
pub use x509::key_type::KeyType;
pub use x509::lifetime;
pub use x509::name_error::NameError;
pub use x509::names::DistinguishedName;
pub use x509::public_key::PublicKey;
pub use x509::refusal::Refusal;
pub(crate) use x509::signature;
pub use x509::spiffe_id::{SpiffeId, SpiffeIdError, TrustDomain, is_path_segment};
pub use x509::subject_name::{SubjectName, is_network, parse_common_name};
pub use x509::trust::Distrust;
pub(crate) use x509::trust::Trust;
pub use x509::when;

use std::fmt::{self, Display};

use serde::Serialize;

use crate::choice::choices;

/// Which end of the channel a certificate stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The side that opens connections: Envoy Gateway, or the bridge next to it.
    Client,
    /// The extension server.
    Server,
}

choices! { Role { Client => "client", Server => "server" } }

impl Role {
    /// Both, in the order in which the files of a set are looked at.
    pub(crate) const SERVER_FIRST: [Self; 2] = [Self::Server, Self::Client];

    /// The file of its certificate, inside the directory that `egext certs init` fills.
    pub const fn certificate_file(self) -> &'static str {
        match self {
            Self::Client => "client.crt",
            Self::Server => "server.crt",
        }
    }

    /// The side that it talks to.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// The file of its key, next to the certificate.
    pub const fn key_file(self) -> &'static str {
        match self {
            Self::Client => "client.key",
            Self::Server => "server.key",
        }
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The file of the CA certificate: what both sides verify their peer against.
pub const CA_CERTIFICATE_FILE: &str = "ca.crt";

/// The file of the CA's key. It stays where new certificates are made.
pub const CA_KEY_FILE: &str = "ca.key";

/// The key of a CA that will sign, while it takes the place of another.
const NEXT_CA_KEY_FILE: &str = ".next-ca.key";

/// All files of a set.
pub const SET_FILES: [&str; 6] = [
    CA_CERTIFICATE_FILE,
    CA_KEY_FILE,
    Role::Server.certificate_file(),
    Role::Server.key_file(),
    Role::Client.certificate_file(),
    Role::Client.key_file(),
];
