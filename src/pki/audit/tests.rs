use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::prelude::*;
use rcgen::KeyPair;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use time::macros::datetime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;
use crate::pki::audit::inspect::PemFile;
use crate::pki::set::issue::{CertificateSet, SetPlan, issue_set};

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

/// A set in a directory, some octets of one file changed.
fn damaged(set: &CertificateSet, name: &str, changes: &[(usize, u8)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in set.files() {
        let mut text = file.text.as_bytes().to_vec();
        if file.name == name {
            for (place, octet) in changes {
                let place = place % text.len();
                text[place] = *octet;
            }
        }
        let path = directory.path().join(file.name);
        #[expect(clippy::disallowed_methods, reason = "a fixture is no user's file")]
        std::fs::write(&path, text).expect("written");
        let mode = if file.secret { 0o600 } else { 0o644 };
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
    }
    directory
}

/// Does a directory still hold the certificates of the set, and their keys? Read by code that is not ours.
///
/// Of the CA's certificate only name and key count: no verifier looks at the signature of a root.
fn is_unharmed(set: &CertificateSet, directory: &Path) -> bool {
    [("ca", &set.ca), ("server", &set.server), ("client", &set.client)].iter().all(|(name, issued)| {
        let path = |end: &str| directory.join(format!("{name}.{end}"));
        let (Ok(found), Ok(key)) =
            (CertificateDer::from_pem_file(path("crt")), PrivateKeyDer::from_pem_file(path("key")))
        else {
            return false;
        };
        let (Ok((_, certificate)), Ok(key)) = (X509Certificate::from_der(&found), KeyPair::try_from(&key))
        else {
            return false;
        };
        let (_, own) = X509Certificate::from_der(&issued.certificate().der).expect("our own");
        let is_same = found == issued.certificate().der
            || *name == "ca" && certificate.subject().as_raw() == own.subject().as_raw();
        let of =
            |certificate: &X509Certificate<'_>| certificate.public_key().subject_public_key.data.to_vec();
        is_same && of(&certificate) == of(&own) && of(&own) == key.public_key_raw()
    })
}

/// Often one that Base64 has, so that the damage is in what the text encodes.
fn octet() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), b'A'..=b'Z', b'a'..=b'z', b'0'..=b'9']
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_to_a_set_panics(
        name in prop::sample::select(crate::pki::SET_FILES.to_vec()),
        changes in prop::collection::vec((any::<usize>(), octet()), 0..6),
    ) {
        let set = issue_set(&SetPlan::default(), NOW).expect("a set");
        let directory = damaged(&set, name, &changes);
        let scope = Scope::of_directory(directory.path()).expect("readable");
        let audit = audit(&scope, &Questions::default(), NOW).expect("the CA's file is there");
        // Damage that changes nothing, such as one at the end of a line, may be overlooked. No other.
        let found = audit.findings().count();
        prop_assert!(found > 0 || is_unharmed(&set, directory.path()), "nothing found in `{}`", name);
        prop_assert!(found == 0 || !changes.is_empty(), "a sound set: {:?}", audit.findings().next());
    }

    #[test]
    fn no_der_in_a_certificate_panics(
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..8),
    ) {
        let set = issue_set(&SetPlan::default(), NOW).expect("a set");
        let mut der = set.server.certificate().der.to_vec();
        for (place, octet) in changes {
            let place = place % der.len();
            der[place] = octet;
        }
        let presented = [CertificateDer::from(der)];
        let mut audit = Audit::default();
        let anchor = set.ca.certificate().clone();
        audit.anchors = Some(TrustedCas { path: PathBuf::from("ca.crt"), certificates: vec![anchor] });
        let host = Host::Name("localhost".to_owned());
        let result = audit.presented("a:1", &host, &presented, &Questions::default(), NOW);
        prop_assert_eq!(result.is_ok(), Certificate::of(&presented[0]).is_ok());
    }

    #[test]
    fn no_soup_panics(text in prop::collection::vec(
        prop_oneof![
            Just(b"-----BEGIN CERTIFICATE-----\n".to_vec()),
            Just(b"-----END CERTIFICATE-----\n".to_vec()),
            Just(b"-----BEGIN PRIVATE KEY-----\n".to_vec()),
            Just(b"-----END PRIVATE KEY-----\n".to_vec()),
            Just(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n".to_vec()),
            Just(b"MIIB\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
        ],
        0..12,
    )) {
        let text = text.concat();
        if let Ok(file) = PemFile::from_pem(Path::new("soup"), &text) {
            prop_assert_eq!(file.otherwise.is_some(), file.certificates.is_empty() && file.keys.is_empty());
        }
    }
}
