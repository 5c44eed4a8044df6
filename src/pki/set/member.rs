//! The leaf certificates of a set: those of both sides, and those that were issued later.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::change::Difference;
use super::issue::common_name;
use super::store::{SetFile, Snapshot, StoreError, refuse_inside};
use crate::pki::ca::authority::{Authority, AuthorityError, Issued, Leaf, LeafKey};
use crate::pki::ca::inherited::Inherited;
use crate::pki::ca::verify;
use crate::pki::keys::file;
use crate::pki::x509::{lifetime, strict};
use crate::pki::{
    CA_CERTIFICATE_FILE, Certificate, DistinguishedName, Found, Identity, IdentityError, KeyType, Refusal,
    Role, SubjectName,
};
use crate::units::Span;

/// One leaf of a set.
#[derive(Debug)]
pub struct Member {
    name: String,
    role: Role,
    path: PathBuf,
    /// At least one.
    chain: Vec<Certificate>,
    /// With its key; for a request, the requester keeps it.
    identity: Option<Identity>,
}

impl Member {
    /// All leaf certificates of a set, the server's and the client's own first.
    ///
    /// # Errors
    /// When one of its files cannot be used.
    pub fn all(set: &Snapshot) -> Result<Vec<Self>, IdentityError> {
        Self::all_but(set, None)
    }

    /// The same without the one that is called `left_out`, which may be broken.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub fn all_but(set: &Snapshot, left_out: Option<&str>) -> Result<Vec<Self>, IdentityError> {
        let mut names = stems(set).collect::<Vec<_>>();
        names.retain(|name| Some(*name) != left_out && !set.withdrawn().iter().any(|other| other == name));
        names.sort_by_key(|name| (*name != "server", *name != "client", name.to_owned()));
        names.into_iter().map(|name| Self::load(set, name)).collect()
    }

    /// The one that is called `name`.
    ///
    /// # Errors
    /// When one of its files is not there, or cannot be used.
    pub fn load(set: &Snapshot, name: &str) -> Result<Self, IdentityError> {
        let (file, key_file) = (certificate_file(name), key_file(name));
        let (path, text) = (set.path(&file), set.read(&file)?);
        let pair = || -> Result<Identity, IdentityError> {
            Identity::from_pem((&path, &text), (&set.path(&key_file), &set.read(&key_file)?))
        };
        let identity = set.has(&key_file).then(pair).transpose()?;
        let chain = match &identity {
            Some(identity) => identity.chain().to_vec(),
            None => certificates(&path, &text)?,
        };
        let role = match name {
            "client" => Role::Client,
            "server" => Role::Server,
            _ => role(&chain[0]),
        };
        Ok(Self { name: name.into(), role, path, chain, identity })
    }

    /// What its files are called, without `.crt` and `.key`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The side of the channel that it stands for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where its certificate is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its key is in the set too. Otherwise the requester of a CSR keeps it.
    pub fn has_key(&self) -> bool {
        self.identity.is_some()
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Proves that one of `issuers`, certificates of CAs, issued it for its side. Its dates are another question.
    ///
    /// # Errors
    /// When a verifier that trusts these CAs would refuse it.
    pub fn verify_below(&self, issuers: &[Certificate]) -> Result<(), Refusal> {
        verify::dates_aside(&self.chain, issuers, self.role)
    }

    /// What OpenSSL rejects on its way to a CA once only `after` of the CAs `before` is trusted, and the issuer there.
    pub fn loses_issuer(
        &self,
        before: &[Certificate],
        after: &[Certificate],
    ) -> Option<[DistinguishedName; 2]> {
        strict::loses_issuer(&self.chain, before, after)
    }

    /// The certificates of the CAs between it and the root.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.chain[1..]
    }

    /// When the first of those above it expires, of which `ca` is the root.
    pub fn issuers_end(&self, ca: &Certificate) -> OffsetDateTime {
        self.intermediates().iter().map(|issuer| issuer.not_after).fold(ca.not_after, OffsetDateTime::min)
    }

    /// How long its life was meant to be when `ca` issued it.
    pub fn lifetime(&self, ca: &Certificate) -> Span {
        // One that ends with its CA may have been cut short, and its successor should not be for that reason.
        let lifetime = lifetime::span(self.certificate());
        if self.ends_with(ca) { lifetime::rounded(lifetime).max(DEFAULT_LIFETIME) } else { lifetime }
    }

    /// Does it live as long as `ca`, its root, and those between them allow?
    pub fn ends_with(&self, ca: &Certificate) -> bool {
        self.certificate().not_after >= self.issuers_end(ca)
    }

    /// What a renewal has to refuse, because its holder may rely on it, in words.
    pub(in crate::pki) fn refused(&self) -> Vec<String> {
        Inherited::of(self.certificate()).refused
    }

    /// What its successor will not have, in words.
    pub fn dropped(&self) -> Vec<String> {
        Inherited::of(self.certificate()).dropped
    }

    /// Makes its successor: the same names and usages but for the difference, another serial number, `lifetime`
    /// from now on.
    ///
    /// # Errors
    /// When `authority` cannot issue it.
    pub(in crate::pki) fn reissue(
        &self,
        authority: &Authority,
        (difference, lifetime): (&Difference, Span),
        keep_key: bool,
        now: OffsetDateTime,
    ) -> Result<Successor, AuthorityError> {
        let key = match &self.identity {
            Some(identity) if keep_key => LeafKey::Kept(identity),
            Some(_) => LeafKey::New(difference.key_type.unwrap_or_else(|| key_type(self.certificate()))),
            None => LeafKey::Theirs(self.certificate().key.der()),
        };
        let (names, had_id) =
            (difference.names(&self.certificate().names), is_svid(&self.certificate().names));
        let mut inherited = Inherited::of(self.certificate());
        if had_id && !is_svid(&names) {
            inherited = inherited.without_spiffe_id(self.role);
        }
        let leaf = Leaf { role: self.role, name: "", names: &names, key, lifetime };
        let files = [certificate_file(&self.name), key_file(&self.name)];
        let has_new_key = matches!(key, LeafKey::New(_));
        let issued = authority.issue_after(&leaf, Some(&inherited), now)?;
        Ok(Successor { files, issued, has_new_key, dropped: inherited.dropped })
    }
}

/// What takes a leaf's place.
#[derive(Debug)]
pub struct Successor {
    files: [String; 2],
    issued: Issued,
    has_new_key: bool,
    dropped: Vec<String>,
}

impl Successor {
    /// What is written in the place of its predecessor's files.
    pub fn files(&self) -> Vec<SetFile> {
        let [certificate, key] = &self.files;
        let mut files =
            vec![SetFile { name: certificate.clone(), text: self.issued.certificate_pem(), secret: false }];
        // A key that is kept stays as it is, in whatever form.
        let new_key = self.issued.key_pem().filter(|_| self.has_new_key);
        files.extend(new_key.map(|text| SetFile { name: key.clone(), text, secret: true }));
        files
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.issued.certificate()
    }

    /// What was signed.
    pub fn issued(&self) -> &Issued {
        &self.issued
    }

    /// What its predecessor has and it has not, in words.
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// It has a key of its own, not its predecessor's.
    pub fn has_new_key(&self) -> bool {
        self.has_new_key
    }
}

/// The set in `directory` at this moment.
///
/// # Errors
/// When there is none, or others could replace its files.
pub fn set(directory: &Path) -> Result<Snapshot, MemberError> {
    refuse_inside(directory)?;
    Snapshot::open(directory)?.ok_or_else(|| MemberError::NoSet { directory: directory.into() })
}

/// What the leaf certificates of a set are called, those that a user has deleted among them.
fn stems(set: &Snapshot) -> impl Iterator<Item = &str> {
    let files = set.names().iter().filter(|name| *name != CA_CERTIFICATE_FILE && !name.starts_with('.'));
    files.filter_map(|name| name.strip_suffix(".crt"))
}

/// The same without the set's own: what `egext certs issue` has added.
pub fn further(set: &Snapshot) -> impl Iterator<Item = &str> {
    stems(set).filter(|name| !is_own(name))
}

/// Is it what the set itself calls the certificate of one side?
pub fn is_own(name: &str) -> bool {
    Role::ALL.iter().any(|role| name == role.name())
}

/// May a certificate be called so? Two files get the name, next to those of the set itself.
pub fn is_name(name: &str) -> bool {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(is_plain) && name.len() <= 64
}

/// Does `set` have a certificate or a key that is called so? A user who has deleted the files wants the name to be free.
pub fn is_taken(set: &Snapshot, name: &str) -> bool {
    let is_there = set.has(&certificate_file(name)) || set.has(&key_file(name));
    is_there && !set.withdrawn().iter().any(|withdrawn| withdrawn == name)
}

/// The type of key that one more certificate for this side gets: that of the set's own, which `init` and `renew` have given
/// it.
pub fn usual_key_type(members: &[Member], role: Role) -> KeyType {
    let own = |side: Role| members.iter().find(|member| member.name() == side.name());
    let own = own(role).or_else(|| own(role.other()));
    own.map(|member| key_type(member.certificate())).unwrap_or_default()
}

/// The file of the certificate that is called `name`.
pub fn certificate_file(name: &str) -> String {
    format!("{name}.crt")
}

/// The file of the key that is called `name`.
pub fn key_file(name: &str) -> String {
    format!("{name}.key")
}

/// Why the leaf certificates of a set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// The user named a directory that `egext` has not filled.
    #[error("there is no set of `egext` in `{}`", directory.display())]
    NoSet {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory cannot be searched.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every certificate of a file: at least one.
pub(in crate::pki) fn certificates(path: &Path, text: &[u8]) -> Result<Vec<Certificate>, IdentityError> {
    let certificates = file::blocks(path, text)?.certificates;
    if certificates.is_empty() {
        return Err(IdentityError::NoCertificate { path: path.into(), found: Found::Text });
    }
    file::certificates(path, &certificates)
}

/// The side of a further leaf certificate. One with a SPIFFE id is valid for both; its subject says for which it was issued.
fn role(summary: &Certificate) -> Role {
    match (summary.server_auth, summary.client_auth) {
        (true, true) if summary.subject.as_str() == common_name(Role::Client) => Role::Client,
        (true, _) => Role::Server,
        (false, _) => Role::Client,
    }
}

fn is_svid(names: &[SubjectName]) -> bool {
    names.iter().any(SubjectName::is_spiffe)
}

/// Kind and size of a certificate's key, if we make such keys; the default otherwise.
pub fn key_type(summary: &Certificate) -> KeyType {
    KeyType::of(&summary.key).unwrap_or_default()
}

/// As of `egext certs init`.
pub const DEFAULT_LIFETIME: Span = Span::from_days(365);
