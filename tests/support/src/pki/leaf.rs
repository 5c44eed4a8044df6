use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use super::now;

/// What a leaf certificate is made from.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) file: &'static str,
    pub(super) common_name: &'static str,
    /// The whole subject, in place of the common name: types and values.
    pub(super) subject: Option<Vec<(Vec<u64>, String)>>,
    pub(super) names: Vec<SanType>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    pub(super) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(super) ca: bool,
    pub(super) issuer: Issuer,
    pub(super) extension: Option<CustomExtension>,
    pub(super) sends: Sends,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Issuer {
    Own,
    Other,
    Namesake,
    Intermediate,
    Itself,
}

/// What the file holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sends {
    Leaf,
    LeafFirst,
    LeafLast,
}

impl Leaf {
    pub(super) fn server(name: &str) -> Self {
        let mut names = vec![
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        match name.parse() {
            Ok(address) => names.push(SanType::IpAddress(address)),
            Err(_) => names.insert(0, dns_name(name)),
        }
        Self {
            file: "server",
            common_name: "egext server",
            names,
            usages: vec![ExtendedKeyUsagePurpose::ServerAuth],
            ..Self::good()
        }
    }

    pub(super) fn client() -> Self {
        Self {
            file: "client",
            common_name: "egext client",
            names: vec![dns_name("egext-client")],
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            ..Self::good()
        }
    }

    fn good() -> Self {
        let now = now();
        Self {
            file: "",
            common_name: "",
            subject: None,
            names: Vec::new(),
            not_before: now - Duration::HOUR,
            not_after: now + Duration::days(365),
            usages: Vec::new(),
            ca: false,
            issuer: Issuer::Own,
            extension: None,
            sends: Sends::Leaf,
        }
    }

    pub(super) fn expire(&mut self) {
        self.not_before = now() - Duration::days(30);
        self.not_after = now() - Duration::DAY;
    }

    pub(super) fn end_in(&mut self, seconds: i64) {
        self.not_after = now() + Duration::seconds(seconds);
    }

    /// Of its thirty days one is left, less an hour.
    pub(super) fn age(&mut self) {
        self.not_before = now() - Duration::days(29);
        self.not_after = now() + Duration::hours(23);
    }

    pub(super) fn postpone(&mut self) {
        self.not_before = now() + Duration::DAY;
        self.not_after = now() + Duration::days(30);
    }

    pub(super) fn parameters(&self) -> CertificateParams {
        let mut parameters = CertificateParams::default();
        parameters.not_before = self.not_before;
        parameters.not_after = self.not_after;
        parameters.distinguished_name = name(self.common_name);
        if let Some(attributes) = &self.subject {
            parameters.distinguished_name = DistinguishedName::new();
            for (kind, value) in attributes {
                parameters.distinguished_name.push(DnType::CustomDnType(kind.clone()), value.clone());
            }
        }
        parameters.subject_alt_names.clone_from(&self.names);
        parameters.extended_key_usages.clone_from(&self.usages);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        parameters.is_ca = IsCa::ExplicitNoCa;
        if self.ca {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            parameters.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        parameters.custom_extensions.extend(self.extension.clone());
        parameters
    }
}

pub(super) fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// `dns:NAME`, `uri:URI` or `ip:ADDRESS`.
pub(super) fn any_name(text: &str) -> SanType {
    let (kind, name) = text.split_once(':').expect("a kind");
    match kind {
        "dns" => dns_name(name),
        "ip" => SanType::IpAddress(name.parse().expect("an address")),
        "uri" => SanType::URI(name.try_into().expect("ASCII")),
        _ => panic!("{kind}"),
    }
}

pub(super) fn dns_name(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}
