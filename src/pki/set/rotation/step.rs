//! What a step of a rotation writes.

use zeroize::Zeroizing;

use crate::pki::keys::pem;
use crate::pki::set::ca_bundle::TEMPORARY_FILE;
use crate::pki::set::edit::Edit;
use crate::pki::set::member::Successor;
use crate::pki::set::store::{Forget, SetFile};
use crate::pki::{CA_CERTIFICATE_FILE, Certificate};

/// What a step changes: it is data, and [`Self::edit`] is what is written.
#[derive(Default)]
pub struct Step {
    pub(super) files: Vec<SetFile>,
    pub(super) removed: Vec<&'static str>,
    pub(super) successors: Vec<Successor>,
    /// The new leaf certificates are not written: they show what the next step makes.
    pub(super) is_rehearsed: bool,
    /// Which CA keys go with the set before.
    pub(super) forgets: Forget,
}

impl Step {
    /// What it writes. A step that only tries to issue leaf certificates writes none of them.
    pub fn edit(self) -> Edit<Vec<Successor>> {
        let Self { mut files, removed, successors, is_rehearsed, forgets } = self;
        if !is_rehearsed {
            files.extend(successors.iter().flat_map(Successor::files));
        }
        let removed = removed.into_iter().map(str::to_owned).collect();
        Edit::new(files, successors).without(removed).forgetting(forgets)
    }

    pub(super) fn write(&mut self, name: &'static str, text: Zeroizing<String>, secret: bool) {
        self.files.push(SetFile { name: name.to_owned(), text, secret });
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
