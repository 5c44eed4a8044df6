//! What one machine needs, in one file.
//!
//! The archive is plain POSIX ustar, written here: three files with fixed short names need four fields of a
//! header and a checksum. A library would bring two more crates, and defaults to undo, since it copies owner and
//! date of the files that it packs. So the same set gives the same octets every time.

use std::path::Path;

use zeroize::Zeroizing;

use super::{Anchors, CA_CERTIFICATE_FILE, Identity, IdentityError, Refusal, Role, Summary, store, verify};

/// The files of one side, read at one moment.
pub struct Pack {
    files: Vec<(&'static str, u32, Zeroizing<Vec<u8>>)>,
    leaf: Summary,
}

impl Pack {
    /// Reads what `role` needs from the set in `directory`, and proves that it works.
    ///
    /// # Errors
    /// When a file cannot be used, or a peer would refuse the certificate for another reason than its dates.
    pub fn load(directory: &Path, role: Role) -> Result<Self, PackError> {
        // One set from the first file to the last, whoever replaces it meanwhile.
        let set = store::current(directory);
        let place = if set.is_dir() { set } else { directory.into() };
        let files =
            [(CA_CERTIFICATE_FILE, 0o644), (role.certificate_file(), 0o644), (role.key_file(), 0o600)];
        let mut read = Vec::new();
        for (name, mode) in files {
            let path = place.join(name);
            // Named as the user knows it.
            let text = super::identity::read(&path).map_err(|error| match error {
                IdentityError::Unreadable { source, .. } => {
                    IdentityError::Unreadable { path: directory.join(name), source }
                }
                other => other,
            })?;
            read.push((name, mode, text));
        }
        let shown = |name: &str| directory.join(name);
        let [(ca, _, anchors), (certificate, _, chain), (key, _, secret)] = read.as_slice() else {
            unreachable!("three files were read");
        };
        let anchors = Anchors::from_pem(&shown(ca), anchors)?;
        let identity = Identity::from_pem((&shown(certificate), chain), (&shown(key), secret))?;
        let leaf = identity.leaf().clone();
        verify::leaf(identity.chain(), anchors.certificates(), role, &[], leaf.not_after)
            .map_err(|refusal| PackError::Refused { role, refusal })?;
        Ok(Self { files: read, leaf })
    }

    /// What the certificate says.
    pub fn leaf(&self) -> &Summary {
        &self.leaf
    }

    /// The names of the files in it.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|(name, ..)| *name)
    }

    /// The archive, which holds a key.
    pub fn archive(&self) -> Zeroizing<Vec<u8>> {
        // A date that is the set's own: the same set gives the same archive.
        let modified = u64::try_from(self.leaf.not_before.unix_timestamp()).unwrap_or_default();
        let room = |contents: &[u8]| BLOCK + contents.len().next_multiple_of(BLOCK);
        let length = self.files.iter().map(|(_, _, contents)| room(contents)).sum::<usize>() + 2 * BLOCK;
        // Room for all of it at once: a buffer that grows leaves copies of the key behind.
        let mut archive = Zeroizing::new(Vec::with_capacity(length));
        for (name, mode, contents) in &self.files {
            archive.extend_from_slice(&header(name, *mode, contents.len(), modified));
            archive.extend_from_slice(contents);
            let padded = archive.len().next_multiple_of(BLOCK);
            archive.resize(padded, 0);
        }
        archive.resize(length, 0);
        archive
    }
}

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The set does not work.
    #[error("a peer would refuse the {role} certificate")]
    Refused {
        /// Its side.
        role: Role,
        /// Why.
        #[source]
        refusal: Refusal,
    },
}

impl crate::report::Hint for PackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Identity(error) => error.hint(),
            Self::Refused { .. } => Some("`egext certs init` says what is wrong with the set".to_owned()),
        }
    }
}

/// One file's header (POSIX.1-1988 ustar). Owner and group are root by number, which every `tar` takes for
/// whoever extracts, unless root does.
fn header(name: &str, mode: u32, length: usize, modified: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut field = |offset: usize, text: &str| {
        header[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    };
    field(0, name);
    field(100, &format!("{mode:07o}"));
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{length:011o}"));
    field(136, &format!("{modified:011o}"));
    // Counted as if it were blank itself.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\0");
    field(263, "00");
    let checksum = header.iter().map(|octet| u32::from(*octet)).sum::<u32>();
    header[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    header
}

const BLOCK: usize = 512;
