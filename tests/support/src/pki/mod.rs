mod authority;
mod leaf;

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::tls::{ServerTls, provider};
pub use authority::TestAuthority;
use leaf::{Issuer, Leaf, Sends, dns_name, name};

/// A CA, a server and a client certificate in a temporary directory, named as `egext certs init` names them.
///
/// All is good until a defect is asked for. Defects add up: `server_expired().server_for_other_name()` is
/// one certificate with both. Every key is P-256, every date is relative to the present moment.
#[derive(Debug)]
pub struct TestPki {
    directory: PathBuf,
    _parent: TempDir,
    own: CertifiedIssuer<'static, KeyPair>,
    other: CertifiedIssuer<'static, KeyPair>,
    namesake: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    server: Leaf,
    client: Leaf,
}

impl TestPki {
    /// A CA, a server certificate for `localhost` and the loopback addresses, a client certificate.
    pub fn new() -> Self {
        let parent = tempfile::Builder::new().prefix("egext-pki-").tempdir().expect("a temporary directory");
        // Which a shell would read in another way: advice that names this directory has to quote it.
        let directory = parent.path().join("it's $a; b");
        fs::create_dir(&directory).expect("a new directory");
        let own = authority("egext test CA", None);
        let intermediate = authority("egext test intermediate", Some(&own));
        let pki = Self {
            directory,
            _parent: parent,
            other: authority("another CA", None),
            namesake: authority("egext test CA", None),
            own,
            intermediate,
            server: Leaf::server("localhost"),
            client: Leaf::client(),
        };
        write(&pki.ca(), &pki.own.pem());
        pki.issue(&pki.server);
        pki.issue(&pki.client);
        pki
    }

    /// A server certificate for `name`, 127.0.0.1 and ::1.
    #[must_use]
    pub fn server(self, name: &str) -> Self {
        let names = Leaf::server(name).names;
        self.change_server(|leaf| leaf.names = names)
    }

    /// The server's certificate expired yesterday.
    #[must_use]
    pub fn server_expired(self) -> Self {
        self.change_server(Leaf::expire)
    }

    /// The server's certificate expires in so many seconds.
    #[must_use]
    pub fn server_expires_in(self, seconds: i64) -> Self {
        self.change_server(|leaf| leaf.end_in(seconds))
    }

    /// The server's certificate expires tomorrow.
    #[must_use]
    pub fn server_expiring(self) -> Self {
        self.change_server(Leaf::age)
    }

    /// The server's certificate is valid from tomorrow.
    #[must_use]
    pub fn server_not_yet_valid(self) -> Self {
        self.change_server(Leaf::postpone)
    }

    /// The server's certificate has its name in the common name only, as openssl's simplest recipe makes it.
    #[must_use]
    pub fn server_without_san(self) -> Self {
        self.change_server(|leaf| {
            leaf.names.clear();
            leaf.common_name = "localhost";
        })
    }

    /// The server's certificate has these names, each as dNSName whatever it is.
    #[must_use]
    pub fn server_with_dns_names(self, names: &[&str]) -> Self {
        self.change_server(|leaf| leaf.names = names.iter().map(|name| dns_name(name)).collect())
    }

    /// The server's certificate is for `other.example`.
    #[must_use]
    pub fn server_for_other_name(self) -> Self {
        self.change_server(|leaf| leaf.names = vec![dns_name("other.example")])
    }

    /// The server's certificate has 127.0.0.1 as a DNS name, and nothing else.
    #[must_use]
    pub fn server_with_address_as_name(self) -> Self {
        self.change_server(|leaf| leaf.names = vec![dns_name("127.0.0.1")])
    }

    /// The server's certificate is of a CA that is not in `ca.crt`.
    #[must_use]
    pub fn server_from_other_ca(self) -> Self {
        self.change_server(|leaf| leaf.issuer = Issuer::Other)
    }

    /// The server's certificate is of a CA that has the name of the one in `ca.crt` and another key: what is
    /// left when somebody makes a CA anew and forgets a server.
    #[must_use]
    pub fn server_from_namesake_ca(self) -> Self {
        self.change_server(|leaf| leaf.issuer = Issuer::Namesake)
    }

    /// The server's certificate signs itself.
    #[must_use]
    pub fn server_self_signed(self) -> Self {
        self.change_server(|leaf| leaf.issuer = Issuer::Itself)
    }

    /// The server's certificate is for clients.
    #[must_use]
    pub fn server_with_client_usage(self) -> Self {
        self.change_server(|leaf| leaf.usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// The server's certificate is a CA's.
    #[must_use]
    pub fn server_is_ca(self) -> Self {
        self.change_server(|leaf| leaf.ca = true)
    }

    /// The server's certificate is for any purpose, by name.
    #[must_use]
    pub fn server_for_any_purpose(self) -> Self {
        self.change_server(|leaf| leaf.usages = vec![ExtendedKeyUsagePurpose::Any])
    }

    /// The CA's certificate expired yesterday.
    #[must_use]
    pub fn ca_expired(self) -> Self {
        self.change_ca(|parameters| {
            parameters.not_before = now() - Duration::days(30);
            parameters.not_after = now() - Duration::DAY;
        })
    }

    /// The CA's certificate has an extended key usage: it is for clients.
    #[must_use]
    pub fn ca_for_clients(self) -> Self {
        self.change_ca(|parameters| {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// The server's certificate has a critical extension that nobody knows.
    #[must_use]
    pub fn server_with_unknown_critical_extension(self) -> Self {
        self.change_server(|leaf| {
            // An arc that is reserved for examples (RFC 5612's enterprise number 32473).
            let mut extension =
                CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], vec![0x05, 0x00]);
            extension.set_criticality(true);
            leaf.extension = Some(extension);
        })
    }

    /// The server's certificate is of an intermediate CA, which the server sends along: nothing is wrong.
    #[must_use]
    pub fn server_chain(self) -> Self {
        self.change_server(|leaf| (leaf.issuer, leaf.sends) = (Issuer::Intermediate, Sends::LeafFirst))
    }

    /// The server's certificate is of an intermediate CA, which the server does not send.
    #[must_use]
    pub fn server_chain_incomplete(self) -> Self {
        self.change_server(|leaf| leaf.issuer = Issuer::Intermediate)
    }

    /// The server sends the intermediate CA's certificate before its own, as a file put together the wrong
    /// way round makes it do.
    #[must_use]
    pub fn server_chain_in_wrong_order(self) -> Self {
        self.change_server(|leaf| (leaf.issuer, leaf.sends) = (Issuer::Intermediate, Sends::LeafLast))
    }

    /// The client's certificate expired yesterday.
    #[must_use]
    pub fn client_expired(self) -> Self {
        self.change_client(Leaf::expire)
    }

    /// The client's certificate expires tomorrow.
    #[must_use]
    pub fn client_expiring(self) -> Self {
        self.change_client(Leaf::age)
    }

    /// The client's certificate is valid from tomorrow.
    #[must_use]
    pub fn client_not_yet_valid(self) -> Self {
        self.change_client(Leaf::postpone)
    }

    /// The client's certificate is of a CA that is not in `ca.crt`.
    #[must_use]
    pub fn client_from_other_ca(self) -> Self {
        self.change_client(|leaf| leaf.issuer = Issuer::Other)
    }

    /// The client's certificate is of a CA that has the name of the one in `ca.crt` and another key.
    #[must_use]
    pub fn client_from_namesake_ca(self) -> Self {
        self.change_client(|leaf| leaf.issuer = Issuer::Namesake)
    }

    /// The client's certificate signs itself.
    #[must_use]
    pub fn client_self_signed(self) -> Self {
        self.change_client(|leaf| leaf.issuer = Issuer::Itself)
    }

    /// The client's certificate is for `name`.
    #[must_use]
    pub fn client_for(self, name: &str) -> Self {
        self.change_client(|leaf| leaf.names = vec![dns_name(name)])
    }

    /// The client's certificate has these names, as `dns:NAME`, `uri:URI` or `ip:ADDRESS`.
    #[must_use]
    pub fn client_named(self, names: &[&str]) -> Self {
        self.change_client(|leaf| leaf.names = names.iter().map(|name| leaf::any_name(name)).collect())
    }

    /// The client's subject has these attributes: the numbers of a type, and a value in UTF-8.
    #[must_use]
    pub fn client_with_subject(self, attributes: &[(&[u64], &str)]) -> Self {
        let owned = |(kind, value): &(&[u64], &str)| (kind.to_vec(), (*value).to_owned());
        self.change_client(|leaf| leaf.subject = Some(attributes.iter().map(owned).collect()))
    }

    /// The server's certificate has this URI among its names.
    #[must_use]
    pub fn server_with_uri(self, uri: &str) -> Self {
        let name = leaf::any_name(&format!("uri:{uri}"));
        self.change_server(|leaf| leaf.names.push(name))
    }

    /// The client's certificate is for servers.
    #[must_use]
    pub fn client_with_server_usage(self) -> Self {
        self.change_client(|leaf| leaf.usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// `ca.crt` holds the server's certificate as well, or nothing else.
    #[must_use]
    pub fn trusting_the_server(self, alone: bool) -> Self {
        let [ca, server] =
            [self.ca(), self.server_certificate()].map(|path| fs::read_to_string(path).expect("PEM"));
        write(&self.ca(), &(if alone { server } else { ca + &server }));
        self
    }

    /// Somebody has stolen the server's key, and signs a new certificate for the client, or for another server.
    #[must_use]
    pub fn forged_with_the_servers_key(self, client: bool) -> Self {
        let key = fs::read_to_string(self.server_key()).expect("PEM");
        let key = KeyPair::from_pem(&key).expect("a key");
        let issuer = fs::read_to_string(self.server_certificate()).expect("PEM");
        let issuer = rcgen::Issuer::from_ca_cert_pem(&issuer, key).expect("a certificate");
        let leaf = if client { &self.client } else { &self.server };
        let key = KeyPair::generate().expect("a P-256 key");
        let pem = leaf.parameters().signed_by(&key, &issuer).expect("signable").pem();
        write(&self.directory().join(format!("{}.crt", leaf.file)), &pem);
        write_private(&self.directory().join(format!("{}.key", leaf.file)), &key.serialize_pem());
        self
    }

    /// The pair of `role`, which is `server` or `client`, is called as in a Secret that Kubernetes mounts.
    #[must_use]
    pub fn mounted(self, role: &str) -> Self {
        for end in ["crt", "key"] {
            let file = |name: &str| self.directory().join(format!("{name}.{end}"));
            fs::copy(file(role), file("tls")).expect("a free path");
            fs::remove_file(file(role)).expect("ours");
        }
        self
    }

    /// A new certificate and key for `role`, `server` or `client`, from the same CA: in place, one file after the other.
    pub fn renew(&self, role: &str) {
        self.issue(self.leaf(role));
    }

    /// The same in other files of the directory: `NAME.crt` and `NAME.key`.
    pub fn renew_as(&self, role: &str, name: &str) {
        self.issue_as(self.leaf(role), name);
    }

    /// A list of the CA that revokes the certificate of `role`, or none, and was due for a new one after this time: a file
    /// of the directory.
    pub fn revocation_list(&self, role: Option<&str>, due: Duration) -> PathBuf {
        let path = self.directory().join("ca.crl");
        let serial = |role: &str| {
            let der = certificates(&self.directory().join(format!("{role}.crt"))).swap_remove(0);
            let certificate = egext::pki::Certificate::of(&der).expect("a certificate");
            SerialNumber::from_slice(certificate.raw_serial())
        };
        let revoked = role.map(|role| RevokedCertParams {
            serial_number: serial(role),
            revocation_time: now() - Duration::MINUTE,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now() - Duration::hours(2),
            next_update: now() + due,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        write(&path, &list.signed_by(&self.own).expect("signable").pem().expect("PEM"));
        path
    }

    /// A good certificate for `role` in place of one with a defect.
    pub fn renewed(&self, role: &str) {
        self.issue(&if role == "server" { Leaf::server("localhost") } else { Leaf::client() });
    }

    /// The certificate of `role` on disk.
    pub fn certificate(&self, role: &str) -> Vec<u8> {
        certificates(&self.directory().join(format!("{role}.crt"))).swap_remove(0).to_vec()
    }

    fn leaf(&self, role: &str) -> &Leaf {
        if role == "server" { &self.server } else { &self.client }
    }

    /// There is no client certificate, and no key.
    #[must_use]
    pub fn without_client(self) -> Self {
        for path in [self.client_certificate(), self.client_key()] {
            fs::remove_file(path).expect("removable");
        }
        self
    }

    /// The directory, as `--dir` takes it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `ca.crt`
    pub fn ca(&self) -> PathBuf {
        self.directory().join("ca.crt")
    }

    /// `server.crt`
    pub fn server_certificate(&self) -> PathBuf {
        self.directory().join("server.crt")
    }

    /// `server.key`
    pub fn server_key(&self) -> PathBuf {
        self.directory().join("server.key")
    }

    /// `client.crt`
    pub fn client_certificate(&self) -> PathBuf {
        self.directory().join("client.crt")
    }

    /// `client.key`
    pub fn client_key(&self) -> PathBuf {
        self.directory().join("client.key")
    }

    /// The settings of a server that presents `server.crt` and asks for no client certificate.
    pub fn tls_config(&self) -> rustls::ServerConfig {
        self.server_tls().config()
    }

    /// The settings of a server that presents `server.crt` and demands a client certificate of `ca.crt`.
    pub fn mtls_config(&self) -> rustls::ServerConfig {
        self.server_tls().demanding_client(self.roots()).config()
    }

    /// The settings of a client that presents `client.crt` and trusts `ca.crt`.
    pub fn client_config(&self) -> rustls::ClientConfig {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has both versions")
            .with_root_certificates(self.roots())
            .with_client_auth_cert(certificates(&self.client_certificate()), key(&self.client_key()))
            .expect("a pair");
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    pub(crate) fn server_tls(&self) -> ServerTls {
        ServerTls::new(certificates(&self.server_certificate()), key(&self.server_key()))
    }

    pub(crate) fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.own.der().clone()).expect("a CA certificate");
        roots
    }

    /// Writes another certificate of the same CA.
    fn change_ca(self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut parameters = authority_parameters("egext test CA");
        change(&mut parameters);
        let certificate = parameters.self_signed(self.own.key()).expect("signable");
        write(&self.ca(), &certificate.pem());
        self
    }

    fn change_server(mut self, change: impl FnOnce(&mut Leaf)) -> Self {
        change(&mut self.server);
        self.issue(&self.server);
        self
    }

    fn change_client(mut self, change: impl FnOnce(&mut Leaf)) -> Self {
        change(&mut self.client);
        self.issue(&self.client);
        self
    }

    fn issue(&self, leaf: &Leaf) {
        self.issue_as(leaf, leaf.file);
    }

    fn issue_as(&self, leaf: &Leaf, name: &str) {
        let key = KeyPair::generate().expect("a P-256 key");
        let parameters = leaf.parameters();
        let certificate = match leaf.issuer {
            Issuer::Own => parameters.signed_by(&key, &self.own),
            Issuer::Other => parameters.signed_by(&key, &self.other),
            Issuer::Namesake => parameters.signed_by(&key, &self.namesake),
            Issuer::Intermediate => parameters.signed_by(&key, &self.intermediate),
            Issuer::Itself => parameters.self_signed(&key),
        };
        let pem = certificate.expect("signable").pem();
        let file = match leaf.sends {
            Sends::Leaf => pem,
            Sends::LeafFirst => pem + &self.intermediate.pem(),
            Sends::LeafLast => self.intermediate.pem() + &pem,
        };
        write(&self.directory().join(format!("{name}.crt")), &file);
        write_private(&self.directory().join(format!("{name}.key")), &key.serialize_pem());
    }
}

impl Default for TestPki {
    fn default() -> Self {
        Self::new()
    }
}

fn authority_parameters(common_name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.not_before = now() - Duration::HOUR;
    parameters.not_after = now() + Duration::days(5 * 365);
    parameters.distinguished_name = name(common_name);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

fn authority(
    common_name: &str,
    issuer: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = authority_parameters(common_name);
    let key = KeyPair::generate().expect("a P-256 key");
    match issuer {
        None => CertifiedIssuer::self_signed(parameters, key),
        Some(issuer) => {
            parameters.use_authority_key_identifier_extension = true;
            CertifiedIssuer::signed_by(parameters, key, issuer)
        }
    }
    .expect("signable")
}

pub(crate) fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_file_iter(path).expect("readable");
    certificates.collect::<Result<_, _>>().expect("PEM")
}

pub(crate) fn key(path: &Path) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(path).expect("a key in PEM")
}

#[expect(clippy::disallowed_methods, reason = "fixtures are made in the present")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[expect(clippy::disallowed_methods, reason = "fixtures are not the user's files")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("writable");
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}
