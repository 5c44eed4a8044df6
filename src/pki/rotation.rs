//! Another CA in the place of the one that is there, while both sides keep talking.
//!
//! ```text
//!            ca.crt       ca.key   leafs by   next CA
//! idle       old          old      old        -
//! prepare    old, new     old      old        new
//! activate   new, old     new      new        -
//! finish     new          new      new        -
//! ```
//!
//! A peer is always given what it trusts: before the first leaf of the new CA is presented by anybody, everybody
//! has had the chance to load a `ca.crt` with both, and the old CA goes only when its last leaf is gone. Between
//! two steps there is any amount of time. What a step cannot know is whether the files have arrived at the other
//! machine; that is why there are three of them and not one.
//!
//! # Why there is no state file
//!
//! A file that says "prepared" can be lost, copied or restored without the certificates that it speaks of. The
//! certificates say it themselves: who has a next CA is prepared; who trusts another CA beside the one that
//! signs is activated. Each step is one replacement of the set, so there is nothing between two rows of the
//! table, and a step that was killed has either happened or not.
//!
//! # Where the second key lives
//!
//! In the set, under names that begin with a dot: the store gives those no link in the user's directory, so
//! that nobody copies the key to a peer. It travels with the set through every renewal, is replaced in the same
//! rename, and `ca.key` stays what it has always been: the key of the first certificate in `ca.crt`. The old
//! CA's key is not needed after `activate`: it stays in the set before, until there is another one. It is not
//! needed before either, so a set whose CA key was discarded gets a CA again in the same way.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;
use zeroize::Zeroizing;

use super::authority::{self, Authority, AuthorityError, Issued};
use super::change::{Difference, place};
use super::member::{self, Member, MemberError, Successor};
use super::renewal::{self, Ca, RenewalError, Selected, Signer};
use super::signature::is_signed_by;
use super::store::{SetFile, Snapshot, Store, StoreError};
use super::{
    CA_CERTIFICATE_FILE, CA_KEY_FILE, IdentityError, KeyType, Passphrase, PassphraseError, Role, SET_FILES,
    SubjectName, Summary, check, date, pem,
};
use crate::report::Hint;
use crate::shell::{dir_flag, shell_word};
use crate::units::Span;

/// How far a rotation has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// The new CA signs, and the old one is still trusted.
    Activated,
    /// One CA, which signs.
    Idle,
    /// The new CA is trusted, and the old one still signs.
    Prepared,
}

impl Phase {
    /// In JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Idle => "idle",
            Self::Prepared => "prepared",
        }
    }
}

/// The CAs and the leafs of a set, and what they say about a rotation.
#[derive(Debug)]
pub struct Rotation {
    /// What all of it was read from.
    set: Snapshot,
    /// All of `ca.crt`: what signs comes first.
    trusted: Vec<CertificateDer<'static>>,
    /// How far it has come.
    pub phase: Phase,
    /// What signs.
    pub ca: Ca,
    /// What will sign, where it is prepared.
    pub next: Option<Summary>,
    /// What has signed before and is still trusted.
    pub retiring: Vec<Summary>,
    /// All leafs.
    pub members: Vec<Member>,
}

impl Rotation {
    /// Reads the set in `directory`.
    ///
    /// # Errors
    /// When there is none, or one of its files cannot be used.
    pub fn load(directory: &Path) -> Result<Self, RotationError> {
        Self::of(member::set(directory)?)
    }

    /// The same of a set that is opened already.
    ///
    /// # Errors
    /// When one of its files cannot be used.
    pub fn of(set: Snapshot) -> Result<Self, RotationError> {
        let members = Member::all(&set)?;
        // Its key is not needed: the old CA signs nothing here, and may have none.
        let ca = Ca::without_key(&set)?;
        let trusted = ca.certificates().to_vec();
        let next = if set.has(NEXT_CERTIFICATE) { Some(next_certificate(&set)?) } else { None };
        let summary = |certificate| member::summary(&ca.path, certificate);
        let retiring = trusted[1..]
            .iter()
            .filter(|certificate| next.as_ref() != Some(certificate) && !is_above(&trusted[0], certificate))
            .map(summary)
            .collect::<Result<Vec<_>, _>>()?;
        let phase = match (&next, retiring.is_empty()) {
            (Some(_), _) => Phase::Prepared,
            (None, false) => Phase::Activated,
            (None, true) => Phase::Idle,
        };
        let next = next.as_ref().map(summary).transpose()?;
        Ok(Self { set, trusted, phase, ca, next, retiring, members })
    }

    /// When the present CA should be replaced: before it cuts the life of a leaf short.
    pub fn due_from(&self) -> OffsetDateTime {
        let longest = self.members.iter().map(|member| member.lifetime(&self.ca.summary)).max();
        let longest = longest.unwrap_or(member::DEFAULT_LIFETIME).duration();
        date::before(self.ca.summary.not_after, longest)
    }

    /// Makes the new CA and trusts it beside the old one.
    ///
    /// # Errors
    /// When it cannot be made or written. Nothing has changed then.
    pub fn prepare(
        &self,
        store: Store,
        plan: &NextCa,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Summary, RotationError> {
        // Their names go into the new CA.
        renewal::refuse_strangers(&self.members, self.signs())?;
        let names = self.members.iter().flat_map(|member| member.summary().names.clone()).collect::<Vec<_>>();
        let domain = authority::trust_domain(&names).into_iter().collect::<Vec<_>>();
        let is_constrained = has_name_constraints(&self.trusted[0]);
        if !is_constrained && !plan.permit.is_empty() {
            return Err(RotationError::NotConstrained { path: self.ca.path.clone() });
        }
        let permitted = names.iter().chain(&plan.permit).cloned().collect::<Vec<_>>();
        let constraints = is_constrained.then_some(permitted.as_slice());
        let (authority, issued) =
            Authority::create_for(plan.key_type, plan.lifetime, &domain, constraints, now)?;
        let key = self.locked((&authority, &issued), passphrase)?;
        let trusted = self.trusted.iter().chain([issued.certificate()]);
        let files = [
            SetFile { name: CA_CERTIFICATE_FILE, text: pem::bundle(trusted), secret: false },
            SetFile { name: NEXT_CERTIFICATE, text: issued.certificate_pem(), secret: false },
            SetFile { name: NEXT_CA_KEY_FILE, text: key, secret: true },
        ];
        store.update(&files, &[])?;
        Ok(issued.summary().clone())
    }

    /// Lets the new CA issue all leafs anew, and trusts the old one beside it.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn activate(
        &self,
        store: Store,
        passphrase: Option<&Path>,
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, RotationError> {
        let [certificates, key] = [NEXT_CERTIFICATE, NEXT_CA_KEY_FILE].map(|name| self.set.read(name));
        let (certificates, key) = (certificates?, key?);
        let [certificates_path, key_path] =
            [NEXT_CERTIFICATE, NEXT_CA_KEY_FILE].map(|name| self.set.path(name));
        let pair = ((&*certificates_path, &**certificates), (&*key_path, &**key));
        let authority = Authority::from_pem(pair.0, pair.1, passphrase, now)?;
        let next = next_certificate(&self.set)?;
        let all = |member| Selected { member, difference: Difference::default() };
        let selected = self.members.iter().map(all).collect::<Vec<_>>();
        // The old CA has issued them.
        let signer = Signer { authority: &authority, issuers: self.signs(), ca: &self.ca.summary };
        let successors = renewal::renew(&selected, &signer, false, now)?;
        let old = self.trusted.iter().filter(|certificate| **certificate != next);
        let mut files = successors.iter().flat_map(Successor::files).collect::<Vec<_>>();
        files.push(SetFile {
            name: CA_CERTIFICATE_FILE,
            text: pem::bundle([&next].into_iter().chain(old)),
            secret: false,
        });
        files.push(SetFile { name: CA_KEY_FILE, text: text(&key_path, &key)?, secret: true });
        store.update(&files, &[NEXT_CERTIFICATE, NEXT_CA_KEY_FILE])?;
        Ok(successors)
    }

    /// The CA that signs at present, or the root above it.
    fn signs(&self) -> &[CertificateDer<'static>] {
        &self.trusted[..1]
    }

    /// The new CA's key: encrypted when there is a passphrase, and in no case more open than the old one.
    fn locked(
        &self,
        (authority, issued): (&Authority, &Issued),
        passphrase: Option<&Path>,
    ) -> Result<Zeroizing<String>, RotationError> {
        let is_encrypted = self.set.has(CA_KEY_FILE) && pem::is_encrypted(&self.set.read(CA_KEY_FILE)?);
        match passphrase {
            Some(passphrase) => Ok(authority.encrypted_key(&Passphrase::read(passphrase)?)?),
            None if is_encrypted => Err(RotationError::PassphraseNeeded { path: self.ca.key.clone() }),
            None => Ok(issued.key_pem().ok_or(AuthorityError::Sign)?),
        }
    }

    /// Trusts the old CA no more.
    ///
    /// # Errors
    /// When a leaf of the old CA is still there, or the new set cannot be written.
    pub fn finish(&self, store: Store) -> Result<(), RotationError> {
        let signer = &self.trusted[0];
        let is_strange = |member: &&Member| member.verify_below(self.signs()).is_err();
        if let Some(member) = self.members.iter().find(is_strange) {
            return Err(RotationError::StillNeeded {
                path: member.path().into(),
                name: member.name().into(),
                role: member.role(),
            });
        }
        let above = self.trusted[1..].iter().filter(|certificate| is_above(signer, certificate));
        let text = pem::bundle([signer].into_iter().chain(above));
        store.forget_ca_keys().update(&[SetFile { name: CA_CERTIFICATE_FILE, text, secret: false }], &[])?;
        Ok(())
    }
}

/// What the new CA shall be like.
#[derive(Clone, Debug)]
pub struct NextCa {
    /// Of its key.
    pub key_type: KeyType,
    /// From now on.
    pub lifetime: Span,
    /// Names that its constraints permit in addition to those of the set.
    pub permit: Vec<SubjectName>,
}

impl NextCa {
    /// Like the CA that it replaces.
    pub fn like(ca: &Ca) -> Self {
        Self {
            key_type: member::key_type(&ca.summary),
            lifetime: check::lifetime(&ca.summary),
            permit: Vec::new(),
        }
    }
}

/// Locks the set in `directory` for one step.
///
/// # Errors
/// When it cannot be written to.
pub fn open(directory: &Path) -> Result<Store, StoreError> {
    Store::open(directory, &SET_FILES)
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// A certificate could not be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The CA cannot be used.
    #[error(transparent)]
    Ca(#[from] RenewalError),
    /// A file cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The set cannot be read.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The user permits names that are permitted.
    #[error("the CA in `{}` has no name constraints, so it permits every name", path.display())]
    NotConstrained {
        /// Its certificate.
        path: PathBuf,
    },
    /// The user wants to go on where nothing has begun.
    #[error("no new CA is prepared in `{}`", directory.display())]
    NotPrepared {
        /// The directory.
        directory: PathBuf,
    },
    /// The old CA's key is encrypted, and the new one's should be.
    #[error("the key in `{}` is encrypted, so that of the new CA has to be, too", path.display())]
    PassphraseNeeded {
        /// The old CA's key.
        path: PathBuf,
    },
    /// There is no passphrase where one was named.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// Somebody has put an older certificate back.
    #[error("`{}` is not of the new CA", path.display())]
    StillNeeded {
        /// The certificate.
        path: PathBuf,
        /// What its files are called.
        name: String,
        /// Its side.
        role: Role,
    },
    /// The set cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user wants to begin again, or to end, in the middle of a rotation.
    #[error("a rotation is under way in `{}`", directory.display())]
    UnderWay {
        /// The directory.
        directory: PathBuf,
        /// The step that it waits for.
        next: &'static str,
    },
}

impl Hint for RotationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Authority(error) => error.hint(),
            Self::Ca(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Member(error) => error.hint(),
            Self::NotConstrained { .. } => Some("leave out `--permit`".to_owned()),
            Self::NotPrepared { directory } => Some(next_step("prepare", directory) + " makes one"),
            Self::Passphrase(error) => error.hint(),
            Self::PassphraseNeeded { .. } => {
                Some("name the file with its passphrase: `--ca-key-passphrase-file FILE`".to_owned())
            }
            Self::StillNeeded { path, name, role } => Some(format!(
                "copy back the certificate that the new CA issued, or issue a new one: `egext certs issue {role} --out {} --replace --san NAME{}`",
                shell_word(name),
                place(path)
            )),
            Self::Store(error) => error.hint(),
            Self::UnderWay { directory, next } => {
                Some(format!("the next step is {}", next_step(next, directory)))
            }
        }
    }
}

fn next_step(step: &str, directory: &Path) -> String {
    format!("`egext certs rotate-ca {step}{}`", dir_flag(directory))
}

/// Has `other` signed `ca`, as the root of an imported CA has?
fn is_above(ca: &CertificateDer<'_>, other: &CertificateDer<'_>) -> bool {
    ca != other && is_signed_by(ca, other)
}

fn has_name_constraints(ca: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(ca)
        .is_ok_and(|(_, ca)| ca.name_constraints().is_ok_and(|constraints| constraints.is_some()))
}

/// All of a file as it is, wiped from memory when dropped.
fn text(path: &Path, octets: &[u8]) -> Result<Zeroizing<String>, IdentityError> {
    let invalid = |_| std::io::Error::from(std::io::ErrorKind::InvalidData);
    let text = std::str::from_utf8(octets)
        .map_err(|error| IdentityError::Unreadable { path: path.into(), source: invalid(error) })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn next_certificate(set: &Snapshot) -> Result<CertificateDer<'static>, IdentityError> {
    let path = set.path(NEXT_CERTIFICATE);
    Ok(member::certificates(&path, &set.read(NEXT_CERTIFICATE)?)?.remove(0))
}

const NEXT_CERTIFICATE: &str = ".next-ca.crt";
/// The key of a CA that will sign.
pub(super) const NEXT_CA_KEY_FILE: &str = ".next-ca.key";
