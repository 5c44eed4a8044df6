//! What one machine needs, in one file.
//!
//! The archive is plain POSIX ustar, written here: three files with fixed short names need four fields of a
//! header and a checksum. A library would bring two more crates, and defaults to undo, since it copies owner and
//! date of the files that it packs. So the same set gives the same octets every time.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::{
    Anchors, CA_CERTIFICATE_FILE, Identity, IdentityError, Refusal, Role, Summary, member, store, verify,
};

/// The files of one side, read at one moment.
pub struct Pack {
    files: Vec<Packed>,
    leaf: Summary,
}

/// One of them.
struct Packed {
    /// What it is called in the set.
    source: String,
    /// What it is called in the archive.
    name: &'static str,
    mode: u32,
    contents: Zeroizing<Vec<u8>>,
}

impl Pack {
    /// Reads what `role` needs from the set in `directory`, and proves that it works. `name` is that of a further
    /// certificate for this side.
    ///
    /// # Errors
    /// When a file cannot be used, or a peer would refuse the certificate for another reason than its dates.
    pub fn load(directory: &Path, role: Role, name: Option<&str>) -> Result<Self, PackError> {
        // One set from the first file to the last, whoever replaces it meanwhile.
        let set = store::current(directory);
        let place = if set.is_dir() { set } else { directory.into() };
        let read = |source: &str, name, mode| {
            // Named as the user knows it.
            let contents = super::identity::read(&place.join(source)).map_err(|error| match error {
                IdentityError::Unreadable { source: why, .. } => {
                    IdentityError::Unreadable { path: directory.join(source), source: why }
                }
                other => other,
            })?;
            Ok::<_, IdentityError>(Packed { source: source.to_owned(), name, mode, contents })
        };
        let (certificate, key) = match name {
            Some(name) => (member::certificate_file(name), member::key_file(name)),
            None => (role.certificate_file().to_owned(), role.key_file().to_owned()),
        };
        let files = [
            read(CA_CERTIFICATE_FILE, CA_CERTIFICATE_FILE, 0o644)?,
            read(&certificate, role.certificate_file(), 0o644)?,
            read(&key, role.key_file(), 0o600).map_err(|error| match name {
                Some(name) if is_missing(&error) => PackError::KeyElsewhere { name: name.to_owned() },
                _ => error.into(),
            })?,
        ];
        let shown = |file: &Packed| directory.join(&file.source);
        let [ca, certificate, key] = &files;
        let anchors = Anchors::from_pem(&shown(ca), &ca.contents)?;
        let identity =
            Identity::from_pem((&shown(certificate), &certificate.contents), (&shown(key), &key.contents))?;
        let leaf = identity.leaf().clone();
        verify::leaf(identity.chain(), anchors.certificates(), role, &[], leaf.not_after)
            .map_err(|refusal| PackError::Refused { role, refusal })?;
        Ok(Self { files: files.into(), leaf })
    }

    /// What the certificate says.
    pub fn leaf(&self) -> &Summary {
        &self.leaf
    }

    /// The names of the files in it.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|file| file.name)
    }

    /// What they are called in the set.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.source.as_str())
    }

    /// The archive, which holds a key.
    pub fn archive(&self) -> Zeroizing<Vec<u8>> {
        // A date that is the set's own: the same set gives the same archive.
        let modified = u64::try_from(self.leaf.not_before.unix_timestamp()).unwrap_or_default().min(LATEST);
        let room = |contents: &[u8]| BLOCK + contents.len().next_multiple_of(BLOCK);
        let length = self.files.iter().map(|file| room(&file.contents)).sum::<usize>() + 2 * BLOCK;
        // Room for all of it at once: a buffer that grows leaves copies of the key behind.
        let mut archive = Zeroizing::new(Vec::with_capacity(length));
        for Packed { name, mode, contents, .. } in &self.files {
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
    /// It was issued for a request.
    #[error("the key of `{name}` is not here: whoever sent the request for its certificate has it")]
    KeyElsewhere {
        /// The certificate's name.
        name: String,
    },
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
            Self::KeyElsewhere { name } => {
                Some(format!("send them `{CA_CERTIFICATE_FILE}` and `{}`", member::certificate_file(name)))
            }
            Self::Refused { .. } => Some("`egext certs init` says what is wrong with the set".to_owned()),
        }
    }
}

fn is_missing(error: &IdentityError) -> bool {
    matches!(error, IdentityError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
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

/// The last date that fits into a header, in the year 2242.
const LATEST: u64 = 0o777_7777_7777;
