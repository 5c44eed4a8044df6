//! What may be printed about keys.

use std::path::Path;

use super::details::{Key, KeyState};
use crate::pki::inspect::{KeyFile, PemFile};
use crate::pki::{Encryption, KeyKind, PublicKey, encrypt_anew_hint};

pub(super) fn key_words(path: &Path, key: &KeyFile, owner: Option<(&Path, bool)>) -> String {
    let words = match key {
        KeyFile::Encrypted(Encryption::Pkcs8) => {
            "an encrypted key, which only its passphrase opens".to_owned()
        }
        KeyFile::Encrypted(Encryption::OpenSsl) => {
            format!("a key that is encrypted in the old OpenSSL form; {}", encrypt_anew_hint(path))
        }
        KeyFile::Unusable => "a key that is broken, or of a kind that TLS does not use".to_owned(),
        // "an RSA 2048 key", "an Ed25519 key", "a P-256 key"
        KeyFile::Usable(key) if matches!(key.kind(), KeyKind::Rsa | KeyKind::Ed25519) => {
            format!("an {key} key")
        }
        KeyFile::Usable(key) => format!("a {key} key"),
    };
    match owner {
        Some((path, true)) => format!(
            "{words}, belongs to `{}`; it stays where certificates are made: anyone who holds it can impersonate either side",
            path.display()
        ),
        Some((path, false)) => format!("{words}, belongs to `{}`", path.display()),
        None => words,
    }
}

pub(super) fn key_object(file: &PemFile, key: &KeyFile, owner: Option<(&Path, bool)>) -> Key {
    let (state, usable) = match key {
        KeyFile::Encrypted(_) => (KeyState::Encrypted, None),
        KeyFile::Unusable => (KeyState::Unusable, None),
        KeyFile::Usable(key) => (KeyState::Usable, Some(key)),
    };
    Key {
        source: file.path.display().to_string(),
        state,
        key_type: usable.map(ToString::to_string),
        sha256: usable.map(PublicKey::fingerprint),
        certificate_file: owner.map(|(path, _)| path.display().to_string()),
    }
}
