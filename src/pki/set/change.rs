//! Changes in a renewal of one leaf certificate: names, lifetime, type of key.
//!
//! The same CA issues the new certificate, so peers that trust the old one trust the new one.
//! What the certificate already has is not a change, so that the same command can be repeated.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::member::Member;
use crate::host::Host;
use crate::pki::x509::names::list;
use crate::pki::x509::{date, lifetime};
use crate::pki::{Certificate, KeyType, NameError, SubjectName};
use crate::report::in_backticks;
use crate::shell::{dir_flag, dir_flag_of, shell_path, shell_word};
use crate::units::Span;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Names to add to its own.
    pub add: Vec<SubjectName>,
    /// Names to remove, as typed: a certificate may have names that we would not write.
    pub remove: Vec<String>,
    /// From now on.
    pub lifetime: Option<Span>,
    /// Of a new key.
    pub key_type: Option<KeyType>,
}

impl Change {
    /// Nothing was asked for.
    pub fn is_empty(&self) -> bool {
        let Self { add, remove, lifetime, key_type } = self;
        add.is_empty() && remove.is_empty() && lifetime.is_none() && key_type.is_none()
    }

    /// What of it `member` does not have yet.
    ///
    /// # Errors
    /// When it contradicts itself or cannot be done with this certificate.
    pub fn of(
        &self,
        (member, ca): (&Member, &Certificate),
        keep_key: bool,
        now: OffsetDateTime,
    ) -> Result<Difference, ChangeError> {
        let summary = member.certificate();
        let removed = self.removed(member)?;
        let added = self.add.iter().filter(|name| !has(&summary.names, name)).cloned().collect();
        // What its CA would cut to what is there already is nothing new.
        let is_at_its_end =
            |wanted: Span| member.ends_with(ca) && date::after(now, wanted.duration()) >= summary.not_after;
        let lifetime =
            self.lifetime.filter(|wanted| !is_as_long(*wanted, summary) && !is_at_its_end(*wanted));
        let key_type = self.key_type.filter(|wanted| !summary.key.is_a(*wanted));
        if key_type.is_some() && !member.has_key() {
            let (name, path) = (member.name().to_owned(), member.path().to_owned());
            return Err(ChangeError::KeyElsewhere { name, path, role: member.role() });
        }
        if key_type.is_some() && keep_key {
            return Err(ChangeError::KeyKept { name: member.name().to_owned() });
        }
        let difference = Difference { added, removed, lifetime, key_type };
        if difference.is_none() {
            return Ok(difference);
        }
        // Where all else is as asked for, an absent name shows that the change was made already.
        if let Some(name) = self.absent(member).first() {
            let (path, names) = (member.path().to_owned(), list(&summary.names));
            return Err(ChangeError::NotThere { path, name: (*name).to_owned(), names });
        }
        let after = difference.names(&summary.names);
        let is_server = |names: &[SubjectName]| names.iter().any(SubjectName::is_host);
        if after.is_empty() {
            return Err(ChangeError::NoNameLeft { path: member.path().into() });
        }
        if member.role() == crate::pki::Role::Server && is_server(&summary.names) && !is_server(&after) {
            return Err(ChangeError::NoHostLeft { path: member.path().into() });
        }
        Ok(difference)
    }

    /// Names to remove, as typed, that `member` does not have.
    pub fn absent(&self, member: &Member) -> Vec<&str> {
        let names = &member.certificate().names;
        let is_absent = |typed: &&str| !names.iter().any(|name| is_called(name, typed));
        self.remove.iter().map(String::as_str).filter(is_absent).collect()
    }

    fn removed(&self, member: &Member) -> Result<Vec<SubjectName>, ChangeError> {
        let names = &member.certificate().names;
        let mut removed = Vec::new();
        for typed in &self.remove {
            let mut called = names.iter().filter(|name| is_called(name, typed)).peekable();
            if called.peek().is_none() {
                continue;
            }
            // An address that was written as a host name goes when the same address comes.
            let Some(found) = called.find(|name| !has(&self.add, name)) else {
                return Err(ChangeError::Contradiction { name: typed.clone() });
            };
            if !removed.contains(found) {
                removed.push(found.clone());
            }
        }
        Ok(removed)
    }
}

/// What will be different in a successor.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Names that its predecessor does not have.
    pub added: Vec<SubjectName>,
    /// Names that only its predecessor has.
    pub removed: Vec<SubjectName>,
    /// Another lifetime.
    pub lifetime: Option<Span>,
    /// A key of another kind.
    pub key_type: Option<KeyType>,
}

impl Difference {
    /// It will be as its predecessor.
    pub fn is_none(&self) -> bool {
        let Self { added, removed, lifetime, key_type } = self;
        added.is_empty() && removed.is_empty() && lifetime.is_none() && key_type.is_none()
    }

    /// The names of the successor: those of the predecessor that stay, then the new ones.
    pub fn names(&self, names: &[SubjectName]) -> Vec<SubjectName> {
        let stay = names.iter().filter(|name| !self.removed.contains(name));
        stay.chain(&self.added).cloned().collect()
    }

    /// In words, compared with the predecessor.
    pub fn words(&self, before: &Certificate) -> Vec<String> {
        let mut words = Vec::new();
        if !self.added.is_empty() {
            words.push(format!("adds {}", list(&self.added)));
        }
        if !self.removed.is_empty() {
            words.push(format!("removes {}", list(&self.removed)));
        }
        if let Some(lifetime) = self.lifetime {
            let before = lifetime::rounded(lifetime::span(before));
            words.push(format!("lifetime {lifetime} instead of {before}"));
        }
        if let Some(key_type) = self.key_type {
            words.push(format!("key {key_type} instead of {}", before.key));
        }
        words
    }
}

/// Why a certificate cannot be changed. Always what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// A change is for one certificate.
    #[error("a change is for one certificate, and {} could be meant", in_backticks(names).join(", "))]
    Ambiguous {
        /// The names of those that could be meant.
        names: Vec<String>,
    },
    /// The same name comes and goes.
    #[error("`{name}` cannot be added and removed at once")]
    Contradiction {
        /// As typed.
        name: String,
    },
    /// The key of a request is elsewhere.
    #[error("`{name}` was issued from a CSR, so only the requester can make a key of another type")]
    KeyElsewhere {
        /// What its files are called.
        name: String,
        /// Its certificate.
        path: PathBuf,
        /// Its side.
        role: crate::pki::Role,
    },
    /// A key that stays has the type that it has.
    #[error("the key of `{name}` is kept, so its type cannot change")]
    KeyKept {
        /// What its files are called.
        name: String,
    },
    /// The user typed a name that no certificate can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No client could call the server by a name that is left.
    #[error(
        "`{}` would have no host name or IP address left, and every client would reject it",
        path.display()
    )]
    NoHostLeft {
        /// The certificate.
        path: PathBuf,
    },
    /// Every name would be gone.
    #[error("`{}` would have no name left", path.display())]
    NoNameLeft {
        /// The certificate.
        path: PathBuf,
    },
    /// No certificate of the set matches.
    #[error("`{}` holds no certificate {wanted}", directory.display())]
    NoSuchMember {
        /// The directory.
        directory: PathBuf,
        /// What was asked for, in words.
        wanted: String,
        /// The names of those that are there.
        names: Vec<String>,
    },
    /// A name to be removed is not in the certificate.
    #[error("`{}` does not have the name `{name}`", path.display())]
    NotThere {
        /// The certificate.
        path: PathBuf,
        /// As typed.
        name: String,
        /// The names that it has.
        names: String,
    },
}

/// What the set may call the leaf in `path`. The names of other tools say nothing about a set, and `ca` is no leaf's.
fn leaf_name(path: &Path) -> Option<&str> {
    let is_certificate = path.extension().is_some_and(|extension| extension == "crt");
    let name = path.file_stem().and_then(OsStr::to_str)?;
    (is_certificate && !["ca", "tls"].contains(&name)).then_some(name)
}

/// The command that renews the certificate in `path` with `flags`, for a hint.
///
/// A certificate that a server presents, or that has the name of another tool, is known by another name where it was
/// issued.
pub fn renew_command(path: &Path, flags: &str) -> String {
    let flags = if flags.is_empty() { String::new() } else { format!(" {flags}") };
    match leaf_name(path) {
        // As the probe says it, which sees no file.
        Some(role @ ("client" | "server")) if flags.is_empty() => {
            format!("`egext certs renew --role {role}{}`", dir_flag_of(path))
        }
        Some(name) => format!("`egext certs renew --name {}{flags}{}`", shell_word(name), dir_flag_of(path)),
        None => format!("`egext certs renew --name NAME{flags}{ELSEWHERE}`"),
    }
}

/// How to get a successor of the leaf in `path`, for a hint.
pub fn renewal(path: &Path) -> String {
    format!("renew it: {}", renew_command(path, ""))
}

/// The command that issues a certificate in place of the one in `path`, for a hint.
pub(in crate::pki) fn replace_command(path: &Path, role: crate::pki::Role) -> String {
    let (name, place) = match leaf_name(path) {
        Some(name) => (shell_word(name).into_owned(), dir_flag_of(path)),
        None => ("NAME".to_owned(), ELSEWHERE.to_owned()),
    };
    format!("`egext certs issue {role} --out {name} --san NAME --replace{place}`")
}

/// The command that issues one more certificate next to the one in `path`, for a hint.
pub(in crate::pki) fn further_command(path: &Path, role: crate::pki::Role) -> String {
    let place = leaf_name(path).map_or_else(|| ELSEWHERE.to_owned(), |_| dir_flag_of(path));
    format!("`egext certs issue {role} --out NAME --san NAME{place}`")
}

/// The command that begins to replace the CA in `path`, for a hint.
pub fn rotate_command(path: &Path, flags: &str) -> String {
    rotation("prepare", flags, &place_of_ca(path))
}

/// The command that removes the CA that was replaced from the file in `path`, for a hint.
pub(in crate::pki) fn finish_command(path: &Path) -> String {
    rotation("finish", "", &place_of_ca(path))
}

fn place_of_ca(path: &Path) -> String {
    let of_set = [crate::pki::CA_CERTIFICATE_FILE, crate::pki::CA_KEY_FILE];
    let is_of_set = path.file_name().is_some_and(|name| of_set.iter().any(|file| name == *file));
    if is_of_set { dir_flag_of(path) } else { ELSEWHERE.to_owned() }
}

/// What to do about a certificate that has expired together with its CA; `replace` is the next command to replace that.
pub(in crate::pki) fn replaced_with_its_ca(replace: &str) -> String {
    format!("its CA has expired, too: replace the CA, and this certificate with it: {replace}")
}

/// What the command that begins to replace a CA has to be told, for a hint: a private CA does not take the place of another
/// one unless that is asked for, and its key is not readable for more users than the old one.
pub(in crate::pki) const fn prepare_flags(is_own: bool, has_key: bool, is_encrypted: bool) -> &'static str {
    match (is_own, has_key) {
        (false, _) => ANOTHER_CA,
        (true, false) => PRIVATE_CA,
        (true, true) if is_encrypted => ENCRYPTED_CA,
        (true, true) => "",
    }
}

/// The command that makes one step of a rotation in `directory` with `flags`, for a hint.
pub fn rotation_command(step: &str, flags: &str, directory: &Path) -> String {
    rotation(step, flags, &dir_flag(directory))
}

fn rotation(step: &str, flags: &str, place: &str) -> String {
    let flags = if flags.is_empty() { String::new() } else { format!(" {flags}") };
    format!("`egext certs rotate-ca {step}{flags}{place}`")
}

/// The command that shows what a file holds, or what a server presents, for a hint.
pub(in crate::pki) fn show_command(subject: &str) -> String {
    match is_address(subject) {
        true => format!("`egext certs show --connect {}`", shell_word(subject)),
        false => format!("`egext certs show {}`", shell_path(Path::new(subject))),
    }
}

/// Is it a server's address, and not the name of a file?
pub(in crate::pki) fn is_address(subject: &str) -> bool {
    let Some((host, port)) = subject.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = bare.map_or_else(
        || !host.contains(':') && host.parse::<Host>().is_ok(),
        |ip| ip.parse::<IpAddr>().is_ok(),
    );
    is_host && port.parse::<u16>().is_ok()
}

/// For the command of a rotation: another CA that exists already.
pub const ANOTHER_CA: &str = "--ca-cert FILE --ca-key FILE";

/// For the command of a rotation: a new CA whose key is encrypted.
pub const ENCRYPTED_CA: &str = "--ca-key-passphrase-file FILE";

/// For the command of a rotation: a new CA, and its key in the set, which has none.
pub const PRIVATE_CA: &str = "--private-ca";

/// The directory of a set that is known only to the user.
const ELSEWHERE: &str = " --dir DIR";

/// Host names are the same in capitals.
fn has(names: &[SubjectName], wanted: &SubjectName) -> bool {
    names.iter().any(|name| match (name, wanted) {
        (SubjectName::Dns(name), SubjectName::Dns(wanted)) => name.eq_ignore_ascii_case(wanted),
        _ => name == wanted,
    })
}

/// What was typed has no kind, and IP addresses can be written in several ways.
fn is_called(name: &SubjectName, typed: &str) -> bool {
    match name {
        SubjectName::Ip(address) => typed.parse::<IpAddr>().is_ok_and(|typed| typed == *address),
        SubjectName::Dns(text) | SubjectName::Email(text) => text.eq_ignore_ascii_case(typed),
        SubjectName::Other(text) | SubjectName::Uri(text) => text == typed,
    }
}

fn is_as_long(wanted: Span, summary: &Certificate) -> bool {
    lifetime::span(summary).duration().as_secs() == wanted.duration().as_secs()
}
