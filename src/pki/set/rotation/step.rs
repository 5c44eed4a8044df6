//! What a step of a rotation writes.

use zeroize::Zeroizing;

use crate::pki::keys::pem;
use crate::pki::set::ca_bundle::TEMPORARY_FILE;
use crate::pki::set::member::Successor;
use crate::pki::set::store::{SetFile, Store, StoreError};
use crate::pki::{CA_CERTIFICATE_FILE, Certificate};

/// What a step changes: nothing is written before [`Self::apply`].
#[derive(Default)]
pub struct Step {
    pub(super) files: Vec<SetFile<'static>>,
    pub(super) removed: Vec<&'static str>,
    pub(super) successors: Vec<Successor>,
    /// The new leafs are not written: they show what the next step makes.
    pub(super) is_rehearsed: bool,
    pub(super) forgets_ca_keys: bool,
    pub(super) discards_ca_keys: bool,
}

impl Step {
    /// New leafs that it makes, or that the next step will make.
    pub fn successors(&self) -> &[Successor] {
        &self.successors
    }

    /// Writes all of it at once.
    ///
    /// # Errors
    /// When the set cannot be written. It is as before then.
    pub fn apply(self, store: Store) -> Result<Vec<Successor>, StoreError> {
        let Self { mut files, removed, successors, is_rehearsed, forgets_ca_keys, discards_ca_keys } = self;
        let store = if forgets_ca_keys { store.forget_ca_keys() } else { store };
        let store = if discards_ca_keys { store.discard_ca_keys() } else { store };
        if files.is_empty() {
            store.discard_other_ca_keys()?;
            return Ok(successors);
        }
        let written = if is_rehearsed { &[][..] } else { &successors };
        let files = written.iter().flat_map(Successor::files).chain(files.drain(..)).collect::<Vec<_>>();
        store.update(&files, &removed)?;
        Ok(successors)
    }

    pub(super) fn write(&mut self, name: &'static str, text: Zeroizing<String>, secret: bool) {
        self.files.push(SetFile { name, text, secret });
    }

    /// `trusted` becomes `ca.crt`; those that are `temporary` as well go with the rotation.
    pub(super) fn trust(&mut self, trusted: &[Certificate], temporary: &[Certificate]) {
        self.write(CA_CERTIFICATE_FILE, pem::bundle(trusted), false);
        match temporary {
            [] => self.removed.push(TEMPORARY_FILE),
            some => self.write(TEMPORARY_FILE, pem::bundle(some), false),
        }
    }
}
