use std::path::PathBuf;

use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::pki::authority::{SetPlan, issue_set};
use crate::pki::inspect::PemFile;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

/// A set in a directory, some octets of one file changed.
fn damaged(name: &str, changes: &[(usize, u8)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in issue_set(&SetPlan::default(), NOW).expect("a set").files() {
        let mut text = file.text.as_bytes().to_vec();
        if file.name == name {
            for (place, octet) in changes {
                let place = place % text.len();
                text[place] = *octet;
            }
        }
        #[expect(clippy::disallowed_methods, reason = "a fixture is no user's file")]
        std::fs::write(directory.path().join(file.name), text).expect("written");
    }
    directory
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_to_a_set_panics(
        name in prop::sample::select(crate::pki::SET_FILES.to_vec()),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
    ) {
        let directory = damaged(name, &changes);
        let scope = Scope::of_directory(directory.path()).expect("readable");
        let audit = audit(&scope, &Questions::default(), NOW).expect("the CA's file is there");
        // Something is said about every file, and a damaged key never passes for a sound one in silence.
        prop_assert!(audit.checks.len() >= scope.leafs.len());
    }

    #[test]
    fn no_der_in_a_certificate_panics(
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..8),
    ) {
        let set = issue_set(&SetPlan::default(), NOW).expect("a set");
        let mut der = set.server.certificate().to_vec();
        for (place, octet) in changes {
            let place = place % der.len();
            der[place] = octet;
        }
        let presented = [CertificateDer::from(der)];
        let mut audit = Audit::default();
        let anchor = Certificate::of(set.ca.certificate()).expect("a certificate");
        audit.anchors = Some(Anchors { path: PathBuf::from("ca.crt"), certificates: vec![anchor] });
        let host = (SubjectName::Dns("localhost".to_owned()), Host::Name("localhost".to_owned()));
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
