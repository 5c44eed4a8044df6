//! The files of a TLS endpoint, read as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::crl::{self, Crl};
use crate::crypto::digest::{Context, SHA256};
use crate::input::is_stdin;
use crate::pki::keys::file::{LIMIT, read_within, unmoved};
use crate::pki::{Anchors, Identity, IdentityError, Role};

/// The files of a TLS endpoint.
#[derive(Clone, Debug)]
pub struct Sources {
    /// CA certificates that peers are verified against.
    pub ca: PathBuf,
    /// Revocation lists; none means that revocation is not checked.
    pub crls: Vec<PathBuf>,
    /// Certificates and keys, one entry for each side that we are.
    pub pairs: Vec<PairFiles>,
    once: Once,
}

/// Certificate and key of one side.
#[derive(Clone, Debug)]
pub struct PairFiles {
    /// The side.
    pub role: Role,
    /// Where they can be: the first pair of which a file is there is used. The second is that of a mounted Secret.
    pub candidates: Vec<(PathBuf, PathBuf)>,
    /// Without them there is no endpoint. Else the side presents no certificate.
    pub required: bool,
}

/// What was read from the files of one moment. Nothing has been verified but that each key is that of its certificate.
#[derive(Debug)]
pub struct Loaded {
    /// With the revocation lists.
    pub anchors: Anchors,
    /// One for each side that has a certificate.
    pub identities: Vec<(Role, Identity)>,
    /// Of all files together.
    digest: Digest,
    /// Of the files that are used by one side: other connections need not be made anew.
    sides: Vec<(Role, Digest)>,
}

/// SHA-256 of the contents of files.
pub(crate) type Digest = [u8; 32];

/// Contents of pipes, which can be read once.
type Once = Arc<Mutex<BTreeMap<PathBuf, Zeroizing<Vec<u8>>>>>;

impl Sources {
    /// Of an endpoint with these files.
    pub fn new(ca: PathBuf, crls: Vec<PathBuf>, pairs: Vec<PairFiles>) -> Self {
        Self { ca, crls, pairs, once: Once::default() }
    }

    /// Reads all of them, from one generation: if a path leads somewhere else after the reading than before, all are
    /// read again.
    ///
    /// # Errors
    /// If one cannot be read or used, or a key is not that of its certificate.
    pub fn load(&self) -> Result<Loaded, IdentityError> {
        unmoved(&self.paths().collect::<Vec<_>>(), || self.load_once())
    }

    /// The same for an endpoint that goes on with `loaded` if a file is missing: a side that has a certificate does not lose
    /// it because its files have gone.
    pub(crate) fn requiring(mut self, loaded: &Loaded) -> Self {
        for pair in &mut self.pairs {
            pair.required |= loaded.identity(pair.role).is_some();
        }
        self
    }

    /// Every file that can be read, whether it is there or not.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let pairs = self.pairs.iter().flat_map(|pair| &pair.candidates);
        let pairs = pairs.flat_map(|(certificate, key)| [certificate, key]);
        pairs.chain([&self.ca]).chain(&self.crls).map(PathBuf::as_path)
    }

    fn load_once(&self) -> Result<Loaded, IdentityError> {
        let mut identities = Vec::new();
        let mut sides = Vec::new();
        for pair in &self.pairs {
            let mut side = Context::new(&SHA256);
            if let Some((certificate, key)) = pair.chosen() {
                let (chain, secret) = (self.read(certificate, LIMIT)?, self.read(key, LIMIT)?);
                let identity = Identity::from_pem((certificate, &chain), (key, &secret))?;
                identities.push((pair.role, identity));
                add(&mut side, &chain);
                add(&mut side, &secret);
            }
            sides.push((pair.role, side));
        }
        let ca = self.read(&self.ca, LIMIT)?;
        let mut anchors = Anchors::from_pem(&self.ca, &ca)?;
        let mut peers = Context::new(&SHA256);
        add(&mut peers, &ca);
        for path in &self.crls {
            let lists = self.read(path, crl::LIMIT)?;
            anchors.revoke(Crl::from_octets(path, &lists)?)?;
            add(&mut peers, &lists);
        }
        let peers = digest(peers);
        let sides = sides.into_iter().map(|(role, mut side)| {
            side.update(&peers);
            (role, digest(side))
        });
        let sides = sides.collect::<Vec<_>>();
        let mut all = Context::new(&SHA256);
        sides.iter().for_each(|(_, side)| all.update(side));
        Ok(Loaded { anchors, identities, digest: digest(all), sides })
    }

    fn read(&self, path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let is_file = !is_stdin(path) && fs::metadata(path).map_or(true, |found| found.is_file());
        if is_file {
            return read_within(path, limit);
        }
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contents) = once.get(path) {
            return Ok(contents.clone());
        }
        let contents = read_within(path, limit)?;
        once.insert(path.to_owned(), contents.clone());
        Ok(contents)
    }
}

impl PairFiles {
    fn chosen(&self) -> Option<&(PathBuf, PathBuf)> {
        let is_present = |path: &Path| path.symlink_metadata().is_ok() || is_stdin(path);
        let is_there = |pair: &&(PathBuf, PathBuf)| is_present(&pair.0) || is_present(&pair.1);
        let fallback = self.candidates.first().filter(|_| self.required);
        self.candidates.iter().find(is_there).or(fallback)
    }
}

impl Loaded {
    /// The identity of one side.
    pub fn identity(&self, role: Role) -> Option<&Identity> {
        self.identities.iter().find(|(side, _)| *side == role).map(|(_, identity)| identity)
    }

    /// Are these the same files, byte by byte?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The same for the files that one side uses.
    pub(crate) fn is_same_for(&self, role: Role, other: &Self) -> bool {
        let of = |loaded: &Self| loaded.sides.iter().find(|(side, _)| *side == role).map(|(_, side)| *side);
        of(self) == of(other)
    }
}

/// With its length, so that no two lists of files are alike.
fn add(context: &mut Context, contents: &[u8]) {
    context.update(&contents.len().to_be_bytes());
    context.update(contents);
}

fn digest(context: Context) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
