//! How to get a certificate that expires later. This depends on the CA next to it, and on where the CA's key is.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::pki::audit::inspect::PemFile;
use crate::pki::set::change::{ANOTHER_CA, renew_command, replaced_with_its_ca, rotate_command};
use crate::pki::set::rotation::replacement;
use crate::pki::set::store::HIDDEN;
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, Certificate};
use crate::units::Within;

/// For `certificate` in the file `subject`.
pub(super) fn renewal(
    subject: &str,
    certificate: &Certificate,
    within: Option<Within>,
    now: OffsetDateTime,
) -> String {
    let path = Path::new(subject);
    let set = Set::around(path);
    if certificate.is_ca {
        return set.of_ca(path, certificate.is_ours());
    }
    if set.ca.as_ref().is_some_and(|ca| ca.is_ca && ca.not_after <= now) {
        return replaced_with_its_ca(&set.replacement());
    }
    // What is due by another rule is not renewed without it.
    let flags = within.map_or_else(String::new, |within| format!("--within {within}"));
    set.renew(path, &flags)
}

/// For a leaf certificate in the file `subject` that should have been written in another way.
pub(super) fn reissue(subject: &str) -> String {
    let path = Path::new(subject);
    Set::around(path).renew(path, "--force")
}

/// What lies next to a certificate.
struct Set {
    directory: PathBuf,
    /// What the CA's certificate says.
    ca: Option<Certificate>,
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
            directory: path.parent().map(Path::to_owned).unwrap_or_default(),
            is_ours: ca.as_ref().is_some_and(Certificate::is_ours),
            ca,
            has_key: is_there(CA_KEY_FILE),
            is_stored: is_there(HIDDEN),
        }
    }

    /// The command that begins to replace the CA, or goes on with that.
    fn replacement(&self) -> String {
        match self.is_stored || self.has_key {
            true => replacement(&self.directory),
            false => rotate_command(Path::new(""), ""),
        }
    }

    /// For the CA itself, which `egext` has made if it `is_own`.
    fn of_ca(&self, path: &Path, is_own: bool) -> String {
        let is_of_set = path.file_name().is_some_and(|name| name == CA_CERTIFICATE_FILE);
        match (is_of_set && (self.is_stored || self.has_key), is_own) {
            (true, _) => format!("replace the CA, which keeps all names: {}", self.replacement()),
            (false, true) => {
                let prepare = rotate_command(Path::new(""), "");
                format!("replace the CA where it was made: {prepare}; and bring its certificate here")
            }
            (false, false) => "put the CA's new certificate, from its operator, into the file".to_owned(),
        }
    }

    fn renew(&self, path: &Path, flags: &str) -> String {
        if self.has_key {
            return format!("renew it: {}", renew_command(path, flags));
        }
        if !self.is_stored {
            return format!("renew it where its CA is: {}", renew_command(path, flags));
        }
        let flags = format!("{flags} {ANOTHER_CA}");
        let renew = format!("renew it with the CA's key: {}", renew_command(path, flags.trim_start()));
        if !self.is_ours {
            return renew;
        }
        format!("{renew}; if that key was discarded, {} begins to replace the CA", self.replacement())
    }
}
