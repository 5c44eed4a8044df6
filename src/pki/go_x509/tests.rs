//! The table of what Envoy Gateway accepts and refuses, row by row, as measured with Go 1.26.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::Duration;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

/// A CA and a leaf, to be changed before they are signed.
struct Case {
    ca: CertificateParams,
    leaf: CertificateParams,
    host: &'static str,
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = NOW - Duration::HOUR;
    parameters.not_after = NOW + Duration::DAY;
    parameters
}

fn good() -> Case {
    let mut ca = parameters("some CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut leaf = parameters("server");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.subject_alt_names = vec![dns("localhost"), SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    Case { ca, leaf, host: "localhost" }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

/// What Go says of the changed case, or `ok`.
fn verdict(change: impl FnOnce(&mut Case)) -> String {
    let mut case = good();
    change(&mut case);
    let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let root = case.ca.self_signed(&ca_key).expect("signed").der().clone();
    let leaf = case.leaf.signed_by(&key, &Issuer::from_params(&case.ca, &ca_key)).expect("signed");
    let host = case.host.parse::<Host>().expect("a host");
    words(verify(&[leaf.der().clone()], &[root], Role::Server, Some(&host), NOW))
}

fn words(result: Result<(), Refusal>) -> String {
    result.map_or_else(|refusal| refusal.to_string(), |()| "ok".to_owned())
}

fn unknown_authority(reason: &str) -> String {
    format!(
        "x509: certificate signed by unknown authority (possibly because of \"{reason}\" while trying to verify candidate authority certificate \"some CA\")"
    )
}

#[test]
fn names_are_matched_as_go_matches_them() {
    let named = |name: &'static str, host: &'static str| {
        verdict(move |case| {
            case.leaf.subject_alt_names = vec![dns(name)];
            case.host = host;
        })
    };
    for (name, host) in [
        ("localhost", "LOCALHOST."),
        ("*.example.com", "a.example.com"),
        ("my_service", "my_service"),
        ("Upper.Example", "upper.example"),
    ] {
        assert_eq!(named(name, host), "ok", "{name} {host}");
    }
    for (name, host) in [
        ("*.example.com", "a.b.example.com"),
        ("a.*.example.com", "a.b.example.com"),
        ("a*.example.com", "ab.example.com"),
        ("*", "localhost"),
        ("trailing.dot.", "trailing.dot"),
    ] {
        let expected = format!("x509: certificate is valid for {name}, not {host}");
        assert_eq!(named(name, host), expected);
    }
    assert_eq!(
        named("127.0.0.1", "127.0.0.1"),
        "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
    );
}

#[test]
fn a_certificate_needs_a_name_that_counts() {
    let common_name = verdict(|case| {
        case.leaf.subject_alt_names.clear();
        case.leaf.distinguished_name = DistinguishedName::new();
        case.leaf.distinguished_name.push(DnType::CommonName, "localhost");
    });
    assert_eq!(common_name, "x509: certificate relies on legacy Common Name field, use SANs instead");
    let uri = verdict(|case| {
        case.leaf.subject_alt_names = vec![SanType::URI("spiffe://a/b".try_into().expect("ASCII"))];
    });
    assert_eq!(uri, "x509: certificate is not valid for any names, but wanted to match localhost");
}

#[test]
fn usages_count_in_the_leaf_and_in_the_root() {
    const REFUSED: &str = "x509: certificate specifies an incompatible key usage";
    let client = || vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(verdict(|case| case.leaf.extended_key_usages = client()), REFUSED);
    assert_eq!(verdict(|case| case.ca.extended_key_usages = client()), REFUSED);
    assert_eq!(verdict(|case| case.leaf.extended_key_usages.clear()), "ok");
    assert_eq!(verdict(|case| case.leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]), "ok");
}

#[test]
fn a_ca_must_be_one_and_may_sign() {
    let refused =
        unknown_authority("x509: invalid signature: parent certificate cannot sign this kind of certificate");
    assert_eq!(verdict(|case| case.ca.key_usages = vec![KeyUsagePurpose::CrlSign]), refused);
    assert_eq!(verdict(|case| case.ca.is_ca = IsCa::ExplicitNoCa), refused);
    assert_eq!(verdict(|case| case.ca.key_usages.clear()), "ok");
}

#[test]
fn dates_count_in_the_whole_chain() {
    let late = "x509: certificate has expired or is not yet valid: current time 2030-01-02T03:04:05Z is after 2030-01-02T03:04:04Z";
    assert_eq!(verdict(|case| case.leaf.not_after = NOW - Duration::SECOND), late);
    assert_eq!(verdict(|case| case.ca.not_after = NOW - Duration::SECOND), late);
    assert_eq!(verdict(|case| case.leaf.not_after = NOW), "ok", "its last second");
    let early = "x509: certificate has expired or is not yet valid: current time 2030-01-02T03:04:05Z is before 2030-01-02T03:04:06Z";
    assert_eq!(verdict(|case| case.leaf.not_before = NOW + Duration::SECOND), early);
}

#[test]
fn what_go_cannot_read_it_refuses() {
    let critical = |case: &mut Case| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], vec![5, 0]);
        extension.set_criticality(true);
        case.leaf.custom_extensions.push(extension);
    };
    assert_eq!(verdict(critical), "x509: unhandled critical extension");
    let number = |octets: Vec<u8>| verdict(|case| case.leaf.serial_number = Some(SerialNumber::from(octets)));
    assert_eq!(number(vec![0]), "ok");
}

#[test]
fn constraints_are_kept_for_names_and_addresses() {
    let constrained = |permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>| {
        verdict(|case| {
            case.ca.name_constraints =
                Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
        })
    };
    let name = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let net = || GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]));
    const REFUSED: &str =
        "x509: a root or intermediate certificate is not authorized to sign for this name: ";
    assert_eq!(constrained(vec![name("localhost"), net()], Vec::new()), "ok");
    assert_eq!(constrained(vec![name("localhost")], Vec::new()), "ok", "nothing is said about addresses");
    assert_eq!(
        constrained(vec![name("example.com")], Vec::new()),
        format!("{REFUSED}DNS name \"localhost\" is not permitted by any constraint")
    );
    assert_eq!(
        constrained(Vec::new(), vec![net()]),
        format!("{REFUSED}IP address \"127.0.0.1\" is excluded by constraint \"127.0.0.0/8\"")
    );
}

#[test]
fn intermediates_come_from_the_peer_and_count_for_the_path_length() {
    let keys = [(); 3].map(|()| KeyPair::generate().expect("a key"));
    let chain = |length: BasicConstraints| {
        let mut root = good().ca;
        root.is_ca = IsCa::Ca(length);
        let mut middle = good().ca;
        middle.distinguished_name = DistinguishedName::new();
        middle.distinguished_name.push(DnType::CommonName, "middle");
        let anchor = root.self_signed(&keys[0]).expect("signed").der().clone();
        let between =
            middle.signed_by(&keys[1], &Issuer::from_params(&root, &keys[0])).expect("signed").der().clone();
        let leaf = good().leaf.signed_by(&keys[2], &Issuer::from_params(&middle, &keys[1])).expect("signed");
        (anchor, between, leaf.der().clone())
    };
    let (anchor, between, leaf) = chain(BasicConstraints::Unconstrained);
    let verdict = |chain: &[CertificateDer<'_>], anchors: &[CertificateDer<'_>]| {
        words(verify(chain, anchors, Role::Server, None, NOW))
    };
    let unknown = "x509: certificate signed by unknown authority";
    let root = [anchor.clone()];
    assert_eq!(verdict(&[leaf.clone(), between.clone()], &root), "ok");
    assert_eq!(verdict(std::slice::from_ref(&leaf), &[anchor, between.clone()]), "ok", "from the Secret");
    assert_eq!(verdict(std::slice::from_ref(&leaf), &root), unknown);
    assert_eq!(
        verdict(std::slice::from_ref(&leaf), std::slice::from_ref(&leaf)),
        "ok",
        "a leaf that is its own anchor"
    );
    assert_eq!(verdict(&[], &root), "no certificate was presented");
    let (anchor, between, leaf) = chain(BasicConstraints::Constrained(0));
    assert_eq!(
        verdict(&[leaf, between], &[anchor]),
        "x509: too many intermediates for path length constraint"
    );
}

#[test]
fn a_ca_with_the_name_of_ours_and_another_key_is_a_stranger() {
    let case = good();
    let keys = [(); 3].map(|()| KeyPair::generate().expect("a key"));
    let anchor = case.ca.self_signed(&keys[0]).expect("signed").der().clone();
    let leaf = case.leaf.signed_by(&keys[2], &Issuer::from_params(&case.ca, &keys[1])).expect("signed");
    let said = words(verify(&[leaf.der().clone()], &[anchor], Role::Server, None, NOW));
    assert_eq!(said, unknown_authority("x509: ECDSA verification failure"));
}

#[test]
fn a_negative_serial_number_is_malformed() {
    let case = good();
    let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let mut leaf = case.leaf;
    let number = [0x11; 16];
    leaf.serial_number = Some(SerialNumber::from_slice(&number));
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&case.ca, &ca_key)).expect("signed");
    let mut der = leaf.der().to_vec();
    // The library writes positive numbers only; the signature is of no account, since Go parses first.
    let place = der.windows(number.len()).position(|window| window == number).expect("there");
    der[place] = 0x91;
    let said = words(verify(&[der], &[[0_u8; 0]], Role::Server, None, NOW));
    assert_eq!(said, "tls: failed to parse certificate from server: x509: negative serial number");
}

#[test]
fn a_malformed_certificate_is_told_by_the_side_that_sent_it() {
    let uri = |text: &str, role: Role| {
        let mut case = good();
        case.leaf.subject_alt_names.push(SanType::URI(text.try_into().expect("ASCII")));
        let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let leaf = case.leaf.signed_by(&key, &Issuer::from_params(&case.ca, &ca_key)).expect("signed");
        words(verify(&[leaf.der().clone()], &[[0_u8; 0]], role, None, NOW))
    };
    for (text, reason) in [
        ("http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"),
        ("http://a/%zz", "parse \"http://a/%zz\": invalid URL escape \"%zz\""),
        ("http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"),
        ("http://[::1", "parse \"http://[::1\": missing ']' in host"),
        ("1a:b", "parse \"1a:b\": first path segment in URL cannot contain colon"),
        (":a", "parse \":a\": missing protocol scheme"),
        ("http://a\tb", "parse \"http://a\\tb\": net/url: invalid control character in URL"),
        ("http://a..b/", "invalid domain"),
    ] {
        let quoted = text.replace('\t', "\\t");
        assert_eq!(
            uri(text, Role::Server),
            format!(
                "tls: failed to parse certificate from server: x509: cannot parse URI \"{quoted}\": {reason}"
            )
        );
    }
    assert!(uri(":a", Role::Client).starts_with("tls: failed to parse client certificate: x509: "));
}

#[test]
fn a_hundred_names_are_counted() {
    let said = verdict(|case| {
        case.leaf.subject_alt_names = (0..100).map(|index| dns(&format!("a{index}.test"))).collect();
    });
    assert_eq!(said, "x509: certificate is valid for 100 names, but none matched localhost");
}

#[test]
fn policies_count_once_a_certificate_requires_one() {
    let extension =
        |last: u64, value: &[u8]| CustomExtension::from_oid_content(&[2, 5, 29, last], value.to_vec());
    let required = || extension(36, &[0x30, 3, 0x80, 1, 0]);
    let policy = || extension(32, &[0x30, 6, 0x30, 4, 6, 2, 0x2a, 3]);
    assert_eq!(verdict(|case| case.leaf.custom_extensions = vec![policy()]), "ok");
    assert_eq!(verdict(|case| case.leaf.custom_extensions = vec![policy(), required()]), "ok");
    assert_eq!(
        verdict(|case| case.leaf.custom_extensions = vec![required()]),
        "x509: no valid chains built: 1 candidate chains with invalid policies"
    );
}

#[test]
fn names_in_messages_are_quoted_as_go_quotes_them() {
    let called = |kind: DnType, name: &str| {
        let said = verdict(|case| {
            case.ca.distinguished_name = DistinguishedName::new();
            case.ca.distinguished_name.push(kind, name);
            case.ca.is_ca = IsCa::ExplicitNoCa;
        });
        said.split_once("candidate authority certificate ").expect("a hint").1.to_owned()
    };
    assert_eq!(called(DnType::CommonName, "a\"b\\\u{202e}ü\n"), "\"a\\\"b\\\\\\u202eü\\n\")");
    assert_eq!(called(DnType::OrganizationName, "some"), "\"some\")");
    assert_eq!(called(DnType::OrganizationName, ""), "\"\")", "it is there, with no text");
}

#[test]
fn a_constraint_within_another_is_not_the_one_that_is_told() {
    let said = verdict(|case| {
        let names = ["x.example.com", "example.com"].map(|name| GeneralSubtree::DnsName(name.to_owned()));
        case.ca.name_constraints =
            Some(NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: names.into() });
        case.leaf.subject_alt_names.push(dns("y.x.example.com"));
    });
    assert!(
        said.ends_with("DNS name \"y.x.example.com\" is excluded by constraint \"example.com\""),
        "{said}"
    );
}
