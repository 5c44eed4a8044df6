//! A set of certificates in memory: the plan for it, and the finished set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use time::OffsetDateTime;

use super::store::SetFile;
use crate::pki::ca::authority::{Authority, AuthorityError, Issued, Leaf, LeafKey};
use crate::pki::{
    Anchors, CA_CERTIFICATE_FILE, Identity, IdentityError, KeyType, Passphrase, Role, SET_FILES, SubjectName,
};
use crate::units::Span;

/// What a set of certificates for one channel is to be like.
#[derive(Clone, Debug)]
pub struct SetPlan {
    /// What the server may be called: at least one name.
    pub server_names: Vec<SubjectName>,
    /// What the client may be called: at least one name.
    pub client_names: Vec<SubjectName>,
    /// The common name of the server's certificate; without dots.
    pub server_name: String,
    /// The common name of the client's certificate; without dots.
    pub client_name: String,
    /// For all three keys.
    pub key_type: KeyType,
    /// Of the leaf certificates, from now on; never longer than the CA's.
    pub lifetime: Span,
    /// Of the CA, from now on.
    pub ca_lifetime: Span,
    /// A new CA may issue for these names only.
    pub name_constraints: bool,
    /// What becomes of a new CA's key.
    pub ca_key: CaKey,
}

/// What becomes of a new CA's key.
#[derive(Clone, Debug)]
pub enum CaKey {
    /// Nothing more can be issued.
    Discarded,
    /// Only this passphrase opens it.
    Encrypted(Passphrase),
    /// As it is.
    Plain,
}

impl Default for SetPlan {
    /// P-256, a year, five years for the CA, and the names under which a server is reached on its own machine.
    fn default() -> Self {
        Self {
            server_names: local_names().to_vec(),
            client_names: vec![SubjectName::Dns(CLIENT_NAME.to_owned())],
            server_name: common_name(Role::Server),
            client_name: common_name(Role::Client),
            key_type: KeyType::default(),
            lifetime: Span::from_days(365),
            ca_lifetime: Span::from_days(5 * 365),
            name_constraints: false,
            ca_key: CaKey::Plain,
        }
    }
}

/// The common name of a side that was given no other.
pub fn common_name(role: Role) -> String {
    format!("egext {role}")
}

/// The names under which a server is reached on its own machine.
///
/// `localhost` is also what gRPC asks for on a unix socket.
pub fn local_names() -> [SubjectName; 3] {
    [
        SubjectName::Dns("localhost".to_owned()),
        SubjectName::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SubjectName::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ]
}

/// A CA and one leaf for each side.
#[derive(Debug)]
pub struct CertificateSet {
    /// Whom both sides trust. Without a key if that was discarded or is kept elsewhere.
    pub ca: Issued,
    /// For the extension server.
    pub server: Issued,
    /// For Envoy Gateway, or the bridge on its side.
    pub client: Issued,
}

impl CertificateSet {
    /// Whom both sides trust, for TLS settings in the same process.
    ///
    /// # Errors
    /// As [`Anchors::from_pem`].
    pub fn anchors(&self) -> Result<Anchors, IdentityError> {
        Anchors::from_pem(Path::new(CA_CERTIFICATE_FILE), self.ca.certificate_pem().as_bytes())
    }

    /// The certificate and key of one side, for TLS settings in the same process.
    ///
    /// # Errors
    /// As [`Identity::from_pem`].
    pub fn identity(&self, role: Role) -> Result<Identity, IdentityError> {
        match role {
            Role::Client => self.client.identity(role),
            Role::Server => self.server.identity(role),
        }
    }

    /// What [`Store::write`](crate::pki::set::store::Store::write) takes.
    pub fn files(&self) -> Vec<SetFile> {
        let [ca_certificate, ca_key, server_certificate, server_key, client_certificate, client_key] =
            SET_FILES;
        let mut files = Vec::new();
        for (issued, certificate, key) in [
            (&self.ca, ca_certificate, ca_key),
            (&self.server, server_certificate, server_key),
            (&self.client, client_certificate, client_key),
        ] {
            files.push(SetFile {
                name: certificate.to_owned(),
                text: issued.certificate_pem(),
                secret: false,
            });
            files.extend(issued.key_pem().map(|text| SetFile { name: key.to_owned(), text, secret: true }));
        }
        files
    }
}

/// Makes a CA and both leaf certificates, all verified.
///
/// # Errors
/// When the plan cannot be carried out, or the result would be refused by a peer.
pub fn issue_set(plan: &SetPlan, now: OffsetDateTime) -> Result<CertificateSet, AuthorityError> {
    let names = plan.server_names.iter().chain(&plan.client_names).cloned().collect::<Vec<_>>();
    let constraints = plan.name_constraints.then_some(names.as_slice());
    let trust_domain = trust_domain(&names).into_iter().collect::<Vec<_>>();
    let (authority, ca) =
        Authority::create_for(plan.key_type, plan.ca_lifetime, &trust_domain, constraints, now)?;
    let key = match &plan.ca_key {
        CaKey::Discarded => None,
        CaKey::Encrypted(passphrase) => Some(authority.encrypted_key(passphrase)?),
        CaKey::Plain => Some(authority.key_pem()),
    };
    issue_leafs(&authority, ca.with_key(key), plan, now)
}

/// Makes both leaf certificates by an existing CA. The plan's settings for a CA are not used.
///
/// # Errors
/// As [`issue_set`].
pub fn issue_set_by(
    authority: &Authority,
    plan: &SetPlan,
    now: OffsetDateTime,
) -> Result<CertificateSet, AuthorityError> {
    issue_leafs(authority, Issued::anchor_of(authority), plan, now)
}

/// The same by a CA that may permit certain names only: those of the server that are not among `required` are left out if
/// it does not permit all. True if they were.
///
/// # Errors
/// As [`issue_set`].
pub fn issue_set_permitted(
    authority: &Authority,
    plan: &SetPlan,
    required: &[SubjectName],
    now: OffsetDateTime,
) -> Result<(CertificateSet, bool), AuthorityError> {
    match issue_set_by(authority, plan, now) {
        Err(AuthorityError::NotPermitted { .. }) if !required.is_empty() => {
            let plan = SetPlan { server_names: required.to_vec(), ..plan.clone() };
            Ok((issue_set_by(authority, &plan, now)?, true))
        }
        result => Ok((result?, false)),
    }
}

fn issue_leafs(
    authority: &Authority,
    ca: Issued,
    plan: &SetPlan,
    now: OffsetDateTime,
) -> Result<CertificateSet, AuthorityError> {
    let leaf = |role, name: &str, names: &[SubjectName]| {
        let key = LeafKey::New(plan.key_type);
        authority.issue(&Leaf { role, name, names, key, lifetime: plan.lifetime }, now)
    };
    let server = || leaf(Role::Server, &plan.server_name, &plan.server_names);
    let client = || leaf(Role::Client, &plan.client_name, &plan.client_names);
    // Side by side: an RSA key takes a good part of a second to find.
    thread::scope(|scope| {
        let started = thread::Builder::new().spawn_scoped(scope, client);
        let server = server()?;
        let client = match started {
            Ok(started) => started.join().unwrap_or_else(|panic| resume_unwind(panic))?,
            Err(_) => client()?,
        };
        Ok(CertificateSet { ca, server, client })
    })
}

/// The id of the one trust domain that all SPIFFE ids among `names` belong to: that of the CA.
pub(in crate::pki) fn trust_domain(names: &[SubjectName]) -> Option<SubjectName> {
    let domain = |name: &SubjectName| match name {
        SubjectName::Uri(uri) => {
            uri.strip_prefix("spiffe://")?.split('/').next().map(|domain| format!("spiffe://{domain}"))
        }
        _ => None,
    };
    let mut domains = names.iter().filter_map(domain);
    let first = domains.next()?;
    domains.all(|other| other == first).then_some(SubjectName::Uri(first))
}

/// Under a top-level domain that is reserved for private use, so that no other machine has this name.
const CLIENT_NAME: &str = "client.egext.internal";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::go_x509;
    use crate::pki::x509::signature::is_signed_by;

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05.678 UTC);

    #[test]
    fn every_lifetime_has_whole_seconds_and_ends_with_the_ca() {
        let plan =
            SetPlan { lifetime: Span::from_days(9), ca_lifetime: Span::from_days(3), ..SetPlan::default() };
        let set = issue_set(&plan, NOW).expect("a set");
        for issued in [&set.ca, &set.server, &set.client] {
            assert_eq!(issued.certificate().not_before, datetime!(2030-01-02 02:04:05 UTC));
            assert_eq!(issued.certificate().not_after, datetime!(2030-01-05 03:04:05 UTC));
        }
    }

    #[test]
    fn generations_have_names_and_numbers_of_their_own() {
        let sets = [(), ()].map(|()| issue_set(&SetPlan::default(), NOW).expect("a set"));
        let all = sets.iter().flat_map(|set| [&set.ca, &set.server, &set.client]);
        let serials =
            all.map(|issued| &issued.certificate().serial).collect::<std::collections::HashSet<_>>();
        assert_eq!(serials.len(), 6);
        assert!(serials.iter().all(|serial| serial.len() == 32), "sixteen octets: {serials:?}");
        assert_ne!(sets[0].ca.certificate().subject, sets[1].ca.certificate().subject);
    }

    /// No verifier looks at it (RFC 5280 section 6.1), so neither do we each time; a linter does.
    #[test]
    fn a_ca_of_any_kind_is_signed_by_its_own_key() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Rsa2048, KeyType::Ed25519] {
            let set = issue_set(&SetPlan { key_type, ..SetPlan::default() }, NOW).expect("a set");
            let ca = set.ca.certificate();
            assert!(is_signed_by(ca, ca), "{key_type:?}");
            assert!(!is_signed_by(ca, set.server.certificate()), "{key_type:?}");
        }
    }

    /// So it is not asked each time a set is made.
    #[test]
    fn go_accepts_what_a_new_ca_issues_for_hosts_and_addresses() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Rsa2048, KeyType::Ed25519] {
            let mut plan =
                SetPlan { key_type, server_name: "Prüfstand = 7".to_owned(), ..SetPlan::default() };
            plan.server_names.push("*.xn--bcher-kva.example".parse().expect("a name"));
            let set = issue_set(&plan, NOW).expect("a set");
            let anchors = [set.ca.certificate().clone()];
            for (issued, role) in [(&set.server, Role::Server), (&set.client, Role::Client)] {
                let verdict = go_x509::verify(issued.chain(), &anchors, role, None, NOW);
                assert_eq!(verdict, Ok(()), "{key_type:?} {role}");
            }
        }
    }

    #[test]
    fn a_certificate_that_is_never_valid_is_not_made() {
        let plan = SetPlan { lifetime: "500ms".parse().expect("a span"), ..SetPlan::default() };
        assert!(matches!(issue_set(&plan, NOW), Err(AuthorityError::Lifetime { .. })));
    }

    #[test]
    fn a_certificate_without_names_is_not_made() {
        let plan = SetPlan { client_names: Vec::new(), ..SetPlan::default() };
        assert!(matches!(issue_set(&plan, NOW), Err(AuthorityError::NoNames { role: Role::Client })));
    }

    #[test]
    fn dates_after_2049_are_readable_too() {
        let plan = SetPlan { ca_lifetime: Span::from_days(365 * 900), ..SetPlan::default() };
        let set = issue_set(&plan, NOW).expect("a set");
        assert_eq!(set.ca.certificate().not_after.year(), 2929);
    }
}
