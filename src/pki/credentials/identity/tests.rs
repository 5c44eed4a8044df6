use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls_pki_types::pem::PemObject as _;

use super::*;
use crate::pki::keys::file::LIMIT;

/// A self-signed certificate and its key, as PEM.
fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
    parameters.distinguished_name.push(DnType::CommonName, name);
    (parameters.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

fn identity(certificate: &str, key: &str) -> Result<Identity, IdentityError> {
    Identity::from_pem((Path::new("a.crt"), certificate.as_bytes()), (Path::new("a.key"), key.as_bytes()))
}

#[test]
fn a_pair_with_text_around_it_and_crlf_loads() {
    let (certificate, key) = pair("a.example");
    let certificate =
        format!("\u{feff}Bag Attributes\n{certificate}\ntrailing words\n").replace('\n', "\r\n");
    let identity = identity(&certificate, &key).expect("a pair");
    assert_eq!(identity.leaf().names, [crate::pki::SubjectName::Dns("a.example".to_owned())]);
    assert!(identity.leaf().server_auth && identity.leaf().client_auth, "no extended key usage, no limit");
    assert_eq!(
        (identity.leaf().subject.as_str(), identity.leaf().key.to_string().as_str()),
        ("a.example", "P-256")
    );
}

#[test]
fn one_file_may_hold_both() {
    let (certificate, key) = pair("a.example");
    let both = key + &certificate;
    identity(&both, &both).expect("a pair");
}

#[test]
fn each_confusion_has_its_own_name() {
    let (certificate, key) = pair("a.example");
    let (other, other_key) = pair("b.example");
    let cut = &certificate[..certificate.len() / 2];
    let indented = certificate.replace('\n', "\n  ").replacen("-----BEGIN", "  -----BEGIN", 1);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let bundle = format!("{other}{certificate}");
    let cases: &[(&str, &str, &str)] = &[
        (
            &key,
            &certificate,
            "`a.crt` and `a.key` look swapped: the first holds the key, the second the certificate",
        ),
        (&key, &key, "`a.crt` holds no certificate: it holds a private key"),
        ("", &key, "`a.crt` holds no certificate: it is empty"),
        ("hello", &key, "`a.crt` holds no certificate: it is not PEM"),
        (&indented, &key, "`a.crt` is not sound PEM"),
        (&certificate, &certificate, "`a.key` holds no private key: it holds a certificate"),
        (&certificate, encrypted, "the key in `a.key` is encrypted, and only a CA's key may be"),
        (&certificate, &other_key, "`a.key` is not the key of `a.crt`"),
        (&bundle, &key, "`a.key` is the key of certificate 2 in `a.crt`, not of the first"),
        (cut, &key, "`a.crt` is not sound PEM"),
        (broken, &key, "certificate 1 in `a.crt` is broken"),
    ];
    for (certificate, key, message) in cases {
        let error = identity(certificate, key).expect_err(message);
        assert_eq!(error.to_string(), *message);
        assert!(crate::report::Hint::hint(&error).is_some(), "{message}");
    }
}

#[test]
fn every_form_of_a_key_is_read() {
    // `openssl ecparam -name prime256v1 -genkey`, `openssl pkcs8 -topk8` of the same, and a certificate for it.
    for key in [SEC1_WITH_PARAMETERS, PKCS8] {
        let pkcs8 = PrivateKeyDer::from_pem_slice(PKCS8.as_bytes()).expect("a key");
        let signer = KeyPair::try_from(pkcs8.secret_der()).expect("a key");
        let parameters = CertificateParams::new(["a.example".to_owned()]).expect("a name");
        let certificate = parameters.self_signed(&signer).expect("a certificate").pem();
        identity(&certificate, key).expect("a pair");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "broken files are what is tested")]
fn a_file_that_is_none_has_its_own_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("large"), vec![b'\n'; usize::try_from(LIMIT).expect("small") + 1]).expect("writable");
    std::os::unix::fs::symlink(".egext/current/ca.crt", path("link")).expect("a link");
    let load = |name: &str| Anchors::load(&path(name)).expect_err(name);
    assert!(matches!(load("large"), IdentityError::TooLarge { .. }));
    assert!(
        matches!(load("link"), IdentityError::Dangling { target, .. } if target == Path::new(".egext/current/ca.crt"))
    );
    assert!(matches!(load(""), IdentityError::Directory { .. }));
    assert!(matches!(load("absent"), IdentityError::Unreadable { .. }));
}

#[test]
fn an_anchor_file_may_hold_many() {
    let (one, _) = pair("a.example");
    let (two, key) = pair("b.example");
    let anchors =
        Anchors::from_pem(Path::new("ca.crt"), format!("{one}{two}{key}").as_bytes()).expect("anchors");
    assert_eq!((anchors.certificates().len(), anchors.pinned().len()), (2, 2));
    let error = Anchors::from_pem(Path::new("ca.crt"), key.as_bytes()).expect_err("a key");
    assert_eq!(error.to_string(), "`ca.crt` holds no certificate: it holds a private key");
}

#[test]
fn a_key_is_never_shown() {
    let (certificate, key) = pair("a.example");
    let identity = identity(&certificate, &key).expect("a pair");
    let shown = format!("{identity:?}");
    let secret = format!("{:?}", identity.key().secret_der());
    assert!(shown.contains("a.crt") && !shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
}

/// Lines of which PEM files are made, sound and broken ones, in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let (certificate, key) = pair("a.example");
    let lines = [
        certificate.as_str(),
        key.as_str(),
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN ",
        "-----END CERTIFICATE-----\n",
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
        "Proc-Type: 4,ENCRYPTED\n",
        "\r\n",
    ]
    .map(|line| line.as_bytes().to_vec());
    let piece = prop_oneof![
        prop::sample::select(lines.to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
        // A certificate with one octet of its text changed.
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(index, octet)| {
            let mut text = certificate.clone().into_bytes();
            let position = index.index(text.len());
            text[position] = octet;
            text
        }),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_soup_panics(certificate in soup(), key in soup()) {
        let path = Path::new("soup");
        let _ = Anchors::from_pem(path, &certificate);
        let _ = Identity::from_pem((path, &certificate), (path, &key));
    }

    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::of(&CertificateDer::from(octets));
    }
}

/// A key that is used nowhere else, in the form that begins with its curve.
const SEC1_WITH_PARAMETERS: &str = "\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIKY6OLPr+65PowSNdwXCGaYo6j77Wo18O6zq6lUPqci5oAoGCCqGSM49
AwEHoUQDQgAEMbU1jGnXswM4u621x34BPRI/5aWrecBm5fN8i7+4ZK2I7Ci+9ed9
tRRopW3ktHeLg3ScNjgPcyy8dh9jy1bfww==
-----END EC PRIVATE KEY-----
";

/// The same key.
const PKCS8: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpjo4s+v7rk+jBI13
BcIZpijqPvtajXw7rOrqVQ+pyLmhRANCAAQxtTWMadezAzi7rbXHfgE9Ej/lpat5
wGbl83yLv7hkrYjsKL715321FGilbeS0d4uDdJw2OA9zLLx2H2PLVt/D
-----END PRIVATE KEY-----
";
