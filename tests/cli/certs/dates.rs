//! Certificates that never expire (RFC 5280 section 4.1.2.5), and lifetimes of any length.

use std::fs;

use egext::pki::change::Difference;
use egext::pki::check::StoredSet;
use egext::pki::issue::{SetPlan, issue_set};
use egext::pki::pack::Pack;
use egext::pki::renewal::{Policy, Selected};
use egext::pki::rotation::{NewCa, Rotation};
use egext::pki::{Certificate, Role};
use egext::units::{Span, Within};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::Place;

/// "No well-defined expiration date".
const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

impl Place {
    /// `endless.crt` and `endless.key`: a CA that never expires.
    fn make_endless_ca(&self) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "endless CA");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (parameters.not_before, parameters.not_after) = (datetime!(2020-01-01 0:00 UTC), NEVER);
        let certificate = parameters.self_signed(&key).expect("signed");
        fs::write(self.path("endless.crt"), certificate.pem()).expect("writable");
        fs::write(self.path("endless.key"), key.serialize_pem()).expect("writable");
    }

    fn not_after(&self, name: &str) -> OffsetDateTime {
        Certificate::of(&self.certificate(name)).expect("a certificate").not_after
    }
}

const BY_THE_ENDLESS_CA: [&str; 4] = ["--ca-cert", "endless.crt", "--ca-key", "endless.key"];

#[test]
fn a_ca_that_never_expires_signs_is_renewed_from_and_replaced() {
    let place = Place::new();
    place.make_endless_ca();
    place.init(&BY_THE_ENDLESS_CA).assert().success();
    assert!(place.not_after("certs/server.crt").year() < 3000);
    for verb in [
        &["check"][..],
        &["check", "--within", "1000y"],
        &["check", "--within", "100%", "-o", "prometheus"],
        &[&["renew", "--dry-run", "--within", "1000y"][..], &BY_THE_ENDLESS_CA].concat(),
    ] {
        let code = place.verb(verb).output().status.code();
        assert!(matches!(code, Some(0 | 3)), "{verb:?}: {code:?}");
    }
    place.verb(&["show"]).assert().success();
    let renew = place.verb(&["renew", "--force"]).args(&BY_THE_ENDLESS_CA[..]);
    renew.assert().success();
    place.verb(&["rotate-ca", "status"]).assert().success();
    let prepare = ["prepare", "--private-ca", "--ca-lifetime", "1000y"];
    for step in [&prepare[..], &["activate"], &["finish"]] {
        place.verb(&["rotate-ca"]).args(step).assert().success();
        place.assert_whole();
    }
    assert!(place.not_after("certs/ca.crt").year() > 3000, "a private CA in its place");
}

#[test]
fn a_lifetime_ends_with_the_calendar_at_the_latest() {
    let place = Place::new();
    place.make_endless_ca();
    place.init(&BY_THE_ENDLESS_CA).args(["--lifetime", "1000y"]).assert().success();
    assert!(place.not_after("certs/server.crt").year() > 3000);
    let run = place.init(&["--force", "--lifetime", "9000y"]).assert().code(2);
    let words = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(words.contains("--lifetime"), "{words}");
}

#[test]
fn a_certificate_is_due_from_the_very_second_that_is_named() {
    let place = Place::new();
    place.write_set(datetime!(2030-01-02 03:04:05 UTC));
    let Rotation { ca, members, .. } = Rotation::load(&place.certs()).expect("a set");
    let server = members.iter().find(|member| member.role() == Role::Server).expect("a server");
    let policy = Policy { role: Some(Role::Server), ..Policy::default() };
    let due_from = policy.due_from(server.certificate());
    let selected = |now| {
        let selected = policy.select(&place.certs(), (&members, &ca.summary), now).expect("a server");
        selected.len()
    };
    assert_eq!([selected(due_from - Duration::SECOND), selected(due_from)], [0, 1]);
}

/// At the end of the calendar, and wherever a clock that is wrong can be: no step overflows.
#[test]
fn every_step_works_at_the_ends_of_the_calendar() {
    let longest = Span::from_seconds(u64::MAX);
    for now in [datetime!(1970-01-01 0:00 UTC), datetime!(9999-12-31 12:00 UTC)] {
        for (lifetime, ca_lifetime) in [(Span::from_days(365), Span::from_days(5 * 365)), (longest, longest)]
        {
            let place = Place::new();
            place.write_plan(&SetPlan { lifetime, ca_lifetime, ..SetPlan::default() }, now);
            let set = StoredSet::load(&place.certs()).expect("a set");
            assert!(set.findings(now).iter().all(|finding| finding.id.name() == "certs.expiring"), "{now}");
            rotate(&place, now);
            let archive = Pack::load(&place.certs(), Role::Server, None).expect("a pair").archive();
            assert!(!archive.is_empty());
        }
    }
    let last = issue_set(&SetPlan::default(), NEVER).expect("a set that is good for the last second");
    assert_eq!(last.server.certificate().not_after, NEVER);
}

/// A whole rotation, and what a renewal would think of each leaf before it.
fn rotate(place: &Place, now: OffsetDateTime) {
    let load = || Rotation::load(&place.certs()).expect("a set");
    let rotation = load();
    assert!(rotation.due_from() <= rotation.ca.summary.not_after);
    for within in [None, Some(Within::Percent(100)), Some(Within::Span(Span::from_seconds(u64::MAX)))] {
        let policy = Policy { within, ..Policy::default() };
        for member in &rotation.members {
            assert!(policy.due_from(member.certificate()) <= member.certificate().not_after);
            // Either answer can be right here. It must not panic.
            let selected = Selected { member, difference: Difference::default() };
            let _ = policy.refuse_dying_ca(&rotation.ca, &[selected], now);
        }
    }
    place.rotate_by(|rotation| rotation.prepare(&NewCa::Private(rotation.like(now)), None, now));
    place.rotate_by(|rotation| rotation.activate(None, None, now));
    place.rotate_by(|rotation| rotation.finish(false));
    place.assert_whole();
}
