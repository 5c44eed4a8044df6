use std::path::{Path, PathBuf};

use crate::input::is_stdin;
use crate::pki::audit::inspect;
use crate::pki::set::store::{self, Snapshot};
use crate::pki::{CA_CERTIFICATE_FILE, CA_KEY_FILE, IdentityError, Passphrase, Role};

/// Which files to look at.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whom both sides trust.
    pub ca: PathBuf,
    /// The CA's key, where it is here.
    pub ca_key: Option<CaKeyFile>,
    /// The CA's key, if the set has it and the directory does not.
    pub left_ca_key: Option<PathBuf>,
    /// What both sides show.
    pub leaves: Vec<LeafFiles>,
    /// Other certificate files, which must hold no key either.
    pub others: Vec<PathBuf>,
    /// The directory, if all of it is looked at.
    directory: Option<PathBuf>,
}

/// The CA's key.
#[derive(Clone, Debug)]
pub struct CaKeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it, where it is encrypted. It is compared with nothing without that.
    pub passphrase: Option<Passphrase>,
}

/// A side's certificate, and its key.
#[derive(Clone, Debug)]
pub struct LeafFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key of the leaf.
    pub key: PathBuf,
    /// The side; from the certificate, if the caller does not name it.
    pub role: Option<Role>,
}

impl Scope {
    /// These files, and no others.
    pub fn of_files(ca: PathBuf, leaves: impl IntoIterator<Item = LeafFiles>) -> Self {
        let leaves = leaves.into_iter().collect();
        Self { ca, ca_key: None, left_ca_key: None, leaves, others: Vec::new(), directory: None }
    }

    /// What the set in the directory has, if all of it is looked at.
    pub(super) fn set(&self) -> Option<Snapshot> {
        // What is wrong with the directory itself is found when its files are looked at.
        Snapshot::open(self.directory.as_deref()?).ok().flatten()
    }

    /// All files that are used, with those of the CA first, without stdin.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let leaves = self.leaves.iter().flat_map(|leaf| [&leaf.certificate, &leaf.key]);
        let ca = [&self.ca].into_iter().chain(self.ca_key.as_ref().map(|key| &key.path));
        ca.chain(leaves).map(PathBuf::as_path).filter(|path| !is_stdin(path))
    }

    /// `ca.crt`, and every `NAME.crt` of a directory that has its `NAME.key` next to it. Of `server` and `client`
    /// one half is enough to be missed.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn of_directory(directory: &Path) -> Result<Self, IdentityError> {
        let files = inspect::directory(directory)?;
        let has = |path: &Path| path.symlink_metadata().is_ok();
        let (mut leaves, mut others) = (Vec::new(), Vec::new());
        for role in Role::SERVER_FIRST {
            let file = |name| directory.join(name);
            let (certificate, key) = (file(role.certificate_file()), file(role.key_file()));
            if has(&certificate) || has(&key) {
                leaves.push(LeafFiles { certificate, key, role: Some(role) });
            }
        }
        let ca = directory.join(CA_CERTIFICATE_FILE);
        for certificate in files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "crt")) {
            let key = certificate.with_extension("key");
            let known = certificate == ca || leaves.iter().any(|leaf| leaf.certificate == certificate);
            if !known && has(&key) {
                leaves.push(LeafFiles { certificate, key, role: None });
            } else if !known {
                others.push(certificate);
            }
        }
        let ca_key = Some(directory.join(CA_KEY_FILE)).filter(|path| has(path));
        let ca_key = ca_key.map(|path| CaKeyFile { path, passphrase: None });
        let left_ca_key = Some(store::current(directory).join(CA_KEY_FILE));
        let left_ca_key = left_ca_key.filter(|path| ca_key.is_none() && has(path));
        let directory = Some(directory.to_owned());
        Ok(Self { ca, ca_key, left_ca_key, leaves, others, directory })
    }
}
