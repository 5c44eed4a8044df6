//! CAs that cannot be used, each for one reason.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, OtherNameValue, PKCS_RSA_SHA256, SanType, SerialNumber, date_time_ymd,
};

use crate::fixture::Fixture;
use crate::octets::{der, exchanged, pem};

/// A CA and its key.
struct Authority {
    parameters: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (parameters.not_before, parameters.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
        Self { parameters, key: KeyPair::generate().expect("a P-256 key") }
    }

    fn with(mut self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        change(&mut self.parameters);
        self
    }

    fn root(&self) -> String {
        self.parameters.self_signed(&self.key).expect("signed").pem()
    }

    fn by(&self, issuer: &Self) -> String {
        let issuer = Issuer::from_params(&issuer.parameters, &issuer.key);
        self.parameters.signed_by(&self.key, &issuer).expect("signed").pem()
    }

    /// The certificate of a side for `key`.
    fn leaf(&self, side: &str, names: &[SanType], key: &KeyPair) -> String {
        self.changed_leaf((side, names), key, |_| {})
    }

    /// A server's, which is for e-mail, too.
    fn server_for_mail(&self, key: &KeyPair) -> String {
        let mail = ExtendedKeyUsagePurpose::EmailProtection;
        self.changed_leaf(("server", &[dns("h")]), key, |leaf| leaf.extended_key_usages.push(mail))
    }

    fn changed_leaf(
        &self,
        (side, names): (&str, &[SanType]),
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let mut parameters = Self::new(side).parameters;
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.not_after = date_time_ymd(2021, 1, 1);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.subject_alt_names = names.to_vec();
        parameters.extended_key_usages = vec![match side {
            "server" => ExtendedKeyUsagePurpose::ServerAuth,
            _ => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        change(&mut parameters);
        let issuer = Issuer::from_params(&self.parameters, &self.key);
        parameters.signed_by(key, &issuer).expect("signed").pem()
    }

    /// A set of plain files, as another tool leaves them, with these names of the server.
    fn set(&self, fixture: &Fixture, directory: &str, names: &[SanType], server: &KeyPair) {
        let write = |name: &str, text| fixture.write(&format!("{directory}/{name}"), text);
        write("ca.crt", self.root());
        write("ca.key", self.key.serialize_pem());
        write("server.crt", self.leaf("server", names, server));
        write("server.key", server.serialize_pem());
        let client = KeyPair::generate().expect("a P-256 key");
        write("client.crt", self.leaf("client", &[dns("client.example")], &client));
        write("client.key", client.serialize_pem());
    }
}

/// Each as `NAME.crt` and `NAME.key`.
pub(crate) fn write(fixture: &Fixture) {
    let write = |name: &str, certificates: &[String], authority: &Authority| {
        fixture.write(&format!("{name}.crt"), certificates.concat());
        fixture.write(&format!("{name}.key"), authority.key.serialize_pem());
    };
    for (name, change) in CHANGES {
        let authority = Authority::new(name).with(change);
        write(name, &[authority.root()], &authority);
    }
    let (root, other, ca) = (Authority::new("root"), Authority::new("root"), Authority::new("issuing"));
    write("alone", &[ca.by(&root)], &ca);
    write("broken", &[ca.by(&root), other.root()], &ca);
    let many: Vec<_> = (0..40).map(|_| ca.by(&root)).chain((0..40).map(|_| other.root())).collect();
    write("many", &many, &ca);
    write("circle", &[ca.by(&root), root.by(&ca)], &ca);
    let short = Authority::new("short").with(|root| root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    write("path", &[ca.by(&short), short.root()], &ca);
    let exchange = |text: &str, old, new| pem("CERTIFICATE", &exchanged(&der(text), old, new));
    write("p192", &[exchange(&ca.root(), P256, P192)], &ca);
    write("sha224", &[exchange(&ca.by(&root), ECDSA_SHA256, ECDSA_SHA224), root.root()], &ca);
    let rsa = Authority {
        key: KeyPair::generate_for(&PKCS_RSA_SHA256).expect("an RSA key"),
        ..Authority::new("root")
    };
    write("sha1", &[exchange(&ca.by(&rsa), RSA_SHA256, RSA_SHA1), rsa.root()], &ca);
    let critical = Authority::new("critical").with(add_critical_extension);
    write("critical", &[critical.by(&root), root.root()], &critical);
    fixture.write(
        "crl.der",
        revocation_list(&Authority::new("root").with(|ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign])),
    );
    let mut torn = der(&other.root());
    let second =
        torn.windows(ECDSA_SHA256.len()).rposition(|window| window == ECDSA_SHA256).expect("two algorithms");
    torn[second + ECDSA_SHA256.len() - 1] = ECDSA_SHA224[ECDSA_SHA224.len() - 1];
    write("torn", &[pem("CERTIFICATE", &torn)], &other);
}

/// A list of certificates that their issuer has revoked.
fn revocation_list(issuer: &Authority) -> Vec<u8> {
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2100, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let issuer = Issuer::from_params(&issuer.parameters, &issuer.key);
    list.signed_by(&issuer).expect("signed").der().to_vec()
}

/// Sets of which one thing is wrong.
pub(crate) fn write_sets(fixture: &Fixture) {
    let server = KeyPair::generate().expect("a P-256 key");
    for (name, change) in CHANGES {
        if let "over" | "early" = name {
            Authority::new(name).with(change).set(fixture, &format!("{name}-set"), &[dns("h")], &server);
        }
    }
    let corp = Authority::new("corp");
    let odd =
        SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 32473, 1], OtherNameValue::Utf8String("x".to_owned())));
    corp.set(fixture, "odd-name", &[dns("h"), odd], &server);
    corp.set(fixture, "ca-everywhere", &[dns("h")], &corp.key);
    corp.set(fixture, "mail-set", &[dns("h")], &server);
    fixture.write("mail-set/server.crt", corp.server_for_mail(&server));
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

fn add_critical_extension(ca: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], vec![5, 0]);
    extension.set_criticality(true);
    ca.custom_extensions = vec![extension];
}

type Change = fn(&mut CertificateParams);

const CHANGES: [(&str, Change); 8] = [
    ("one-sided", |ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
    ("mute", |ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign]),
    ("over", |ca| ca.not_after = date_time_ymd(2021, 1, 1)),
    ("early", |ca| (ca.not_before, ca.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1))),
    ("narrow", |ca| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".to_owned())];
        ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    }),
    ("directory", |ca| {
        let excluded_subtrees = vec![GeneralSubtree::DirectoryName(ca.distinguished_name.clone())];
        ca.name_constraints = Some(NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees });
    }),
    ("corp", |_| {}),
    ("second", |_| {}),
];

/// Object identifiers: 1.2.840.10045.3.1.7 and .1, 1.2.840.10045.4.3.2 and .1, 1.2.840.113549.1.1.11 and .5.
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub(crate) const P192: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1];
pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
pub(crate) const ECDSA_SHA224: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b];
const RSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
