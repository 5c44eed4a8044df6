//! Files: what they hold, what fits together, and who may read them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{CaKeyFile, LeafFiles, order};
use crate::input::is_stdin;
use crate::pki::Certificate;
use crate::pki::audit::inspect::{KeyFile, PemFile};
use crate::pki::keys::identity_error::{decrypt_hint, encrypt_anew_hint};
use crate::pki::keys::link::link_command;
use crate::pki::set::change::replace_command;
use crate::pki::set::store::HIDDEN;
use crate::pki::{CA_KEY_FILE, Encryption, Found, IdentityError, Role};
use crate::report::{Finding, FindingId, Severity, State};
use crate::shell::{shell_parent, shell_path};

/// A certificate file and a key file of one generation.
pub(super) struct Pair {
    pub(super) file: PemFile,
    pub(super) chain: Vec<Certificate>,
    key: Option<Result<PemFile, IdentityError>>,
}

impl Pair {
    /// Reads both, and reads them again if another program replaces them meanwhile.
    pub(super) fn read(files: &LeafFiles) -> Result<Self, Box<Finding>> {
        let places = || [&files.certificate, &files.key].map(|path| fs::canonicalize(path).ok());
        for _ in 0..ATTEMPTS {
            let before = places();
            let pair = Self::read_once(files);
            if before == places() {
                return pair;
            }
        }
        Self::read_once(files)
    }

    fn read_once(files: &LeafFiles) -> Result<Self, Box<Finding>> {
        let subject = files.certificate.display().to_string();
        let file = PemFile::read(&files.certificate).map_err(|error| Box::new(unusable(&subject, &error)))?;
        let is_there = is_stdin(&files.key) || files.key.symlink_metadata().is_ok();
        let key = is_there.then(|| PemFile::read(&files.key));
        if file.certificates.is_empty()
            && !file.keys.is_empty()
            && let Some(Ok(other)) = &key
            && other.keys.is_empty()
            && !other.certificates.is_empty()
        {
            let message = format!("it holds the key, and `{}` the certificate", files.key.display());
            let finding = Finding::new(FindingId::CertsSwapped, subject, message);
            return Err(Box::new(finding.with_hint("name or copy them the other way round")));
        }
        Ok(Self { chain: file.certificates.clone(), file, key })
    }

    /// Is the file one that every TLS stack reads as we do, and without secrets?
    pub(super) fn file(&self, files: &LeafFiles) -> Vec<Finding> {
        let [certificate, key] = [&files.certificate, &files.key].map(|path| fs::canonicalize(path).ok());
        let is_one_file = files.certificate == files.key || certificate.is_some() && certificate == key;
        let mut findings = byte_order_mark(&self.file);
        if !is_one_file {
            findings.extend(key_inside(&self.file));
        }
        findings
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Is the key that of the leaf?
    pub(super) fn key(&self, files: &LeafFiles) -> State {
        let subject = files.key.display().to_string();
        let found = |finding| State::Found(vec![finding]);
        let file = match &self.key {
            None => return found(key_missing(files)),
            Some(Err(error)) => return found(unusable(&subject, error)),
            Some(Ok(file)) => file,
        };
        match file.keys.as_slice() {
            [] => found(no_key(file)),
            _ if file.has_byte_order_mark => State::Found(byte_order_mark(file)),
            // Every TLS stack takes the first key of a file, whatever follows it.
            [KeyFile::Encrypted(form), ..] => found(encrypted(&files.key, *form)),
            [KeyFile::Unusable, ..] => found(Finding::new(FindingId::CertsUnusable, subject, UNUSABLE_KEY)),
            [first, ..] => {
                let owner = self.chain.iter().position(|owner| first.belongs_to(owner));
                match owner {
                    Some(0) => State::Passed,
                    // The order of the file has a finding of its own.
                    Some(_) if order::leaf_not_first("", &self.chain).is_some() => State::Skipped(
                        "not compared: it is the key of another certificate in the file".into(),
                    ),
                    Some(owner) => found(key_of_another(&subject, owner, &self.chain[owner], files)),
                    None => found(mismatch(&subject, &files.certificate.display().to_string())),
                }
            }
        }
    }
}

/// Of a certificate for a CSR only the requester has the key, and one side has no use for the other's. But where the CA's key
/// is stored, so are both sides' own keys: one that is not there was lost. A copy of plain files is no set without it, and
/// no command writes into half a set.
fn key_missing(files: &LeafFiles) -> Finding {
    let message = format!("there is no key for `{}`", files.certificate.display());
    let finding = Finding::new(FindingId::CertsKeyMissing, files.key.display().to_string(), message);
    let own = Role::SERVER_FIRST.into_iter().find(|role| files.key.ends_with(role.key_file()));
    let Some(role) = own.filter(|_| files.key.with_file_name(CA_KEY_FILE).exists()) else { return finding };
    let mut finding = finding.with_hint(match files.key.with_file_name(HIDDEN).exists() {
        true => {
            let replace = replace_command(&files.certificate, role);
            format!("put it back, or issue a new certificate: {replace}")
        }
        false => "put it back, from where these files were copied or from a backup".to_owned(),
    });
    finding.severity = Severity::Error;
    finding
}

/// Is the key that of one of the CA's certificates? In a rotation there are two.
pub(super) fn ca_key(ca: &str, key: &CaKeyFile, certificates: &[Certificate]) -> State {
    let subject = key.path.display().to_string();
    let opened = PemFile::read(&key.path).and_then(|file| match &key.passphrase {
        Some(passphrase) if file.encryption() == Some(Encryption::Pkcs8) => file.unlock(passphrase),
        _ => Ok(file),
    });
    let finding = match opened {
        Err(error) => unusable(&subject, &error),
        Ok(file) if file.keys.is_empty() => no_key(&file),
        Ok(file) if file.encryption() == Some(Encryption::OpenSsl) => old_form(&key.path),
        Ok(file) if file.is_locked() => {
            return State::Skipped("not compared: the key is encrypted".into());
        }
        Ok(file) if certificates.iter().any(|certificate| file.has_key_of(certificate)) => {
            return State::Passed;
        }
        Ok(file) if file.keys.iter().all(|key| matches!(key, KeyFile::Unusable)) => {
            Finding::new(FindingId::CertsUnusable, subject, UNUSABLE_KEY)
        }
        Ok(_) => mismatch(&subject, ca),
    };
    State::Found(vec![finding])
}

/// The CA's key in the set `left`, without a link to it next to `ca`.
pub(super) fn left_ca_key(ca: &Path, left: &Path) -> Finding {
    let link = ca.with_file_name(CA_KEY_FILE);
    let message = format!("the set still has the CA's key, though `{}` is not there", link.display());
    let sets = ca.with_file_name(HIDDEN);
    Finding::new(FindingId::CertsCaKeyLeft, left.display().to_string(), message).with_hint(format!(
        "if it was moved away, remove it here too: `rm {}/set-*/{CA_KEY_FILE}`; otherwise put its link back: `{}`",
        shell_path(&sets),
        link_command(&link)
    ))
}

/// Who may read the key? PostgreSQL's rule: only its owner, and if that is root, also its group.
///
/// Where the kubelet mounts a Secret, files are 0644 unless somebody says otherwise, and nobody else is in the
/// container: worth knowing, and no error.
pub(super) fn mode(key: &Path, allowed: u32) -> Vec<Finding> {
    let Ok(metadata) = fs::metadata(key) else { return Vec::new() };
    let mode = metadata.mode() & 0o777;
    let safe = if metadata.uid() == 0 { 0o740 } else { 0o700 };
    if mode & !(safe | allowed) == 0 {
        return Vec::new();
    }
    let subject = key.display().to_string();
    let message = if mode & 0o007 == 0 {
        "its group may use the key, too"
    } else {
        "every user of this machine may use the key, too"
    };
    let mut finding = Finding::new(FindingId::CertsKeyExposed, subject, message)
        .with_evidence("expected", format!("mode {:04o} or less", safe & 0o666))
        .with_evidence("found", format!("mode {mode:04o}"));
    if is_mounted_by_kubelet(key) {
        finding.severity = Severity::Info;
        return vec![finding.with_hint("in the volume of the pod, set `defaultMode: 0400`")];
    }
    vec![finding.with_hint(format!("`chmod 600 {}`", shell_path(key)))]
}

/// Does the server present what is on disk?
pub(super) fn same(
    address: &str,
    presented: &[Certificate],
    (path, expected): &(String, Certificate),
) -> Vec<Finding> {
    let Some(leaf) = presented.first() else { return Vec::new() };
    if leaf == expected {
        return Vec::new();
    }
    let words = |certificate: &Certificate| {
        format!("serial number {}, until {}", certificate.serial, certificate.not_after.date())
    };
    vec![
        Finding::new(
            FindingId::CertsPresentedDiffers,
            address,
            format!("the server does not present `{path}`"),
        )
        .with_evidence("expected", words(expected))
        .with_evidence("found", words(leaf))
        .with_hint("restart the server if it does not reload; if it did, it reads other files"),
    ]
}

/// A copy of the certificate file takes the key in it along.
pub(super) fn key_inside(file: &PemFile) -> Option<Finding> {
    let line = file.key_line?;
    let subject = file.path.display().to_string();
    let message =
        format!("line {line} begins a private key, in a file that is readable for everyone and handed out");
    Some(
        Finding::new(FindingId::CertsKeyInCertificateFile, subject, message)
            .with_evidence("expected", "certificates only")
            .with_hint(
                "move the block to the `.key` file; if the file has left this machine, replace the key",
            ),
    )
}

pub(super) fn byte_order_mark(file: &PemFile) -> Vec<Finding> {
    if !file.has_byte_order_mark {
        return Vec::new();
    }
    let message = "it begins with a byte order mark, behind which Go and OpenSSL overlook the first block";
    let path = file.path.display().to_string();
    let word = shell_path(&file.path);
    let hint = match is_stdin(&file.path) {
        true => r"take it away on the way: `... | sed '1s/^\xef\xbb\xbf//' | egext ...`".to_owned(),
        false => format!(r"take it away: `sed -i '1s/^\xef\xbb\xbf//' {word}`"),
    };
    vec![Finding::new(FindingId::CertsUnusable, path, message).with_hint(hint)]
}

fn encrypted(key: &Path, form: Encryption) -> Finding {
    let message = format!("the key is encrypted{}, and nothing asks for its passphrase", form.words());
    Finding::new(FindingId::CertsKeyEncrypted, key.display().to_string(), message)
        .with_hint(decrypt_hint(key))
}

/// A CA's key may be encrypted, but not in a form that `renew` and the like do not read.
fn old_form(key: &Path) -> Finding {
    let message =
        "the CA's key is encrypted in the old OpenSSL form, which is not read: nothing can be signed with it";
    let mut finding = Finding::new(FindingId::CertsKeyEncrypted, key.display().to_string(), message)
        .with_hint(encrypt_anew_hint(key));
    // Both sides of the channel work without it.
    finding.severity = Severity::Warning;
    finding
}

pub(super) fn unusable(subject: &str, error: &IdentityError) -> Finding {
    Finding::of_error(FindingId::CertsUnusable, subject, error)
}

pub(super) fn no_certificate(file: &PemFile) -> Finding {
    let found = file.otherwise.clone().unwrap_or(Found::Key);
    let error = IdentityError::NoCertificate { path: file.path.clone(), found };
    unusable(&file.path.display().to_string(), &error)
}

fn no_key(file: &PemFile) -> Finding {
    let found = file.otherwise.clone().unwrap_or(Found::Certificate);
    let error = IdentityError::NoKey { path: file.path.clone(), found };
    unusable(&file.path.display().to_string(), &error)
}

fn key_of_another(subject: &str, place: usize, owner: &Certificate, files: &LeafFiles) -> Finding {
    let (kind, hint) = match owner.is_ca {
        true => (
            "the CA",
            "put the key of the first certificate there; the CA's key stays where certificates are issued",
        ),
        false => ("certificate", "put the key's certificate first in the file"),
    };
    let message = format!(
        "it is the key of {kind} `{}` at place {} of `{}`, not of the first certificate",
        owner.subject,
        place + 1,
        files.certificate.display()
    );
    Finding::new(FindingId::CertsKeyMismatch, subject, message).with_hint(hint)
}

fn mismatch(subject: &str, certificate: &str) -> Finding {
    let directory = shell_parent(Path::new(certificate));
    Finding::new(FindingId::CertsKeyMismatch, subject, format!("it is not the key of `{certificate}`"))
        .with_hint(format!("`egext certs show {directory}` says which key belongs to which certificate"))
}

/// The kubelet's tree: the name leads to `..data`, and that to the present generation.
fn is_mounted_by_kubelet(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target.starts_with("..data"))
}

const UNUSABLE_KEY: &str = "the key is broken, or of a kind that TLS does not use";

/// How often files are read again that were replaced meanwhile.
const ATTEMPTS: usize = 10;
