//! Certificates and keys.
//!
//! * [`Anchors`] and [`Identity`] are what a TLS endpoint needs, loaded from PEM and proven to fit together:
//!   whoever holds an [`Identity`] holds a chain, leaf first, and the key of its leaf.
//! * [`Certificate`] is what a certificate says: ours, or one that a peer presents.
//!
//! * [`authority`] signs, and [`store`] is the only code that writes files.
//! * [`check`] compares a set on disk with the clock and with what was asked for.
//! * [`member`], [`renewal`], [`change`] and [`rotation`] are the later life of a set, [`request`] lets another machine keep a
//!   key, and [`pack`] carries a set to another machine.
//!
//! A file that cannot be used is an [`IdentityError`], with a hint; a certificate that a peer would refuse is
//! somebody else's finding.

pub mod audit;
pub mod authority;
mod ca_bundle;
mod certificate;
mod certificate_error;
pub mod change;
pub mod check;
mod container;
pub mod date;
mod der;
mod encrypted_key;
mod extension;
mod file;
mod found;
mod identity;
mod identity_error;
mod inherited;
pub mod inspect;
pub mod issue;
mod key_kind;
mod key_type;
pub mod lifetime;
mod link;
pub mod member;
mod name_error;
mod names;
pub mod pack;
mod passphrase;
mod pbes2;
mod pem;
mod possession;
mod private_key;
mod profile;
mod public_key;
mod refusal;
pub mod renewal;
pub mod request;
pub mod rotation;
mod sign;
pub(crate) mod signature;
pub mod store;
mod strict;
mod subject_name;
mod trust;
mod verify;
pub mod when;

pub use certificate::Certificate;
pub use certificate_error::InspectError;
pub use container::{Container, Der};
pub use encrypted_key::DecryptError;
pub use extension::{ExtendedKeyUsages, Extension, KEY_CERT_SIGN, KeyUsages};
pub use found::Found;
pub use identity::{Anchors, Identity};
pub use identity_error::IdentityError;
#[cfg(feature = "cli")]
pub(crate) use identity_error::encrypt_anew_hint;
pub use key_kind::KeyKind;
pub use key_type::KeyType;
pub use name_error::NameError;
pub use names::DistinguishedName;
pub use passphrase::{Passphrase, PassphraseError};
pub use pem::{Encryption, PemError};
pub use public_key::PublicKey;
pub use refusal::Refusal;
pub use subject_name::{SubjectName, is_network, parse_common_name};
pub use trust::Distrust;
pub(crate) use trust::Trust;
pub use verify::verify_server;

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::choice::{self, UnknownChoice};

/// Which end of the channel a certificate stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The side that opens connections: Envoy Gateway, or the bridge next to it.
    Client,
    /// The extension server.
    Server,
}

impl Role {
    /// Both.
    pub const ALL: &[Self] = &[Self::Client, Self::Server];

    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

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

    /// The file of its key, beside the certificate.
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

impl FromStr for Role {
    type Err = UnknownChoice;

    fn from_str(typed: &str) -> Result<Self, UnknownChoice> {
        choice::named(typed, Self::ALL, Self::name)
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
