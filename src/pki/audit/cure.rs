//! How to get a certificate with a later end: what can be done depends on the CA next to it, and on where its key is.

use std::path::Path;

use time::OffsetDateTime;

use crate::pki::change::{ANOTHER_CA, PRIVATE_CA, renew_command, rotate_command};
use crate::pki::inspect::PemFile;
use crate::pki::store::HIDDEN;
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Summary, lifetime};
use crate::units::Within;

/// For the certificate of `summary` in the file `subject`.
pub(super) fn renewal(
    subject: &str,
    summary: &Summary,
    within: Option<Within>,
    now: OffsetDateTime,
) -> String {
    let path = Path::new(subject);
    let set = Set::around(path);
    if summary.is_ca {
        return format!(
            "replace the CA, which keeps all names: {}",
            rotate_command(path, set.prepare_flags())
        );
    }
    if set.ca.as_ref().is_some_and(|ca| ca.is_ca && ca.not_after <= now) {
        let prepare = rotate_command(&path.with_file_name(CA_CERTIFICATE_FILE), set.prepare_flags());
        return format!(
            "its CA has expired, too: {prepare} begins to replace the CA, and `activate` issues it anew"
        );
    }
    // What is due by another rule is not renewed without it.
    let flags = within.map_or_else(String::new, |within| format!("--within {within}"));
    if set.has_key {
        return format!("renew it: {}", renew_command(path, &flags));
    }
    if !set.is_stored {
        return format!("renew it where its CA is: {}", renew_command(path, &flags));
    }
    let flags = format!("{flags} {ANOTHER_CA}");
    let renew = format!("renew it with the CA's key: {}", renew_command(path, flags.trim_start()));
    if !set.is_ours {
        return renew;
    }
    let prepare = rotate_command(&path.with_file_name(CA_CERTIFICATE_FILE), PRIVATE_CA);
    format!("{renew}; if that key was discarded, {prepare} begins to replace the CA")
}

/// What lies next to a certificate.
struct Set {
    /// What the CA's certificate says.
    ca: Option<Summary>,
    /// `egext` has made the CA.
    is_ours: bool,
    /// The CA's key is there.
    has_key: bool,
    /// It is a set that `egext` stores.
    is_stored: bool,
}

impl Set {
    fn around(path: &Path) -> Self {
        let ca = PemFile::read(&path.with_file_name(CA_CERTIFICATE_FILE)).ok();
        let ca = ca.and_then(|file| file.certificates.into_iter().next());
        let is_there = |name| path.with_file_name(name).exists();
        Self {
            is_ours: ca.as_ref().is_some_and(|ca| lifetime::has_made(&ca.der)),
            ca: ca.map(|ca| ca.summary),
            has_key: is_there(CA_KEY_FILE),
            is_stored: is_there(HIDDEN),
        }
    }

    /// What begins to replace the CA, which is not a private one again unless that is asked for or is one now.
    fn prepare_flags(&self) -> &'static str {
        match (self.is_stored, self.is_ours, self.has_key) {
            (true, false, _) => ANOTHER_CA,
            (true, true, false) => PRIVATE_CA,
            _ => "",
        }
    }
}
