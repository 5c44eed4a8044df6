use std::path::PathBuf;
use std::slice;

use time::OffsetDateTime;

use super::CertsError;
use super::signer::Signs as _;
use crate::cli::{CertsRenew, Changes, SignerFlags};
use crate::pki::authority::Authority;
use crate::pki::change::{Change, ChangeError};
use crate::pki::edit::{Edit, change};
use crate::pki::member::{Member, Successor};
use crate::pki::remarks;
use crate::pki::renewal::{self, Ca, Policy, Selected, refuse_strangers, renew};
use crate::pki::rotation::replacement;
use crate::pki::store::Snapshot;
use crate::pki::{NameError, SET_FILES, SubjectName};
use crate::render::certs::renew::{self as rendered, Course, Renewal};
use crate::report::{Finding, Report};

pub(super) fn run(arguments: CertsRenew, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = RenewPlan::try_from(arguments)?;
    change(&plan.directory, &SET_FILES, plan.dry_run, |set| plan.act(&set, now))
}

/// What `egext certs renew` was asked to do.
#[derive(Debug)]
struct RenewPlan {
    directory: PathBuf,
    policy: Policy,
    signer: SignerFlags,
    dry_run: bool,
}

impl TryFrom<CertsRenew> for RenewPlan {
    type Error = ChangeError;

    fn try_from(arguments: CertsRenew) -> Result<Self, ChangeError> {
        let CertsRenew { dir: directory, within, role, keep_key, force, dry_run, change, signer } = arguments;
        let Changes { name, add_san, remove_san, lifetime, key_type } = change;
        let add = add_san.iter().map(|name| granted_name(name)).collect::<Result<Vec<_>, _>>()?;
        let remove = remove_san.iter().map(|name| name.trim().to_owned()).collect();
        let change = Change { add, remove, lifetime, key_type };
        Ok(Self {
            directory,
            policy: Policy { within, role, name, force, keep_key, change },
            signer,
            dry_run,
        })
    }
}

/// A name for one certificate: also a SPIFFE id, since it is clear which side gets it.
pub(super) fn granted_name(typed: &str) -> Result<SubjectName, NameError> {
    let typed = typed.trim();
    if typed.starts_with("spiffe://") { SubjectName::spiffe(typed) } else { typed.parse() }
}

impl RenewPlan {
    fn act(&self, set: &Snapshot, now: OffsetDateTime) -> Result<Edit<Report>, CertsError> {
        let members = Member::all(set)?;
        let selected = self.select(set, &members, now)?;
        let ca = self.ca(set, (&members, &selected), now)?;
        let made = ca.map(|ca| self.successors((set, &members), &selected, &ca, now)).transpose()?;
        let asked = members.iter().filter(|member| self.policy.is_asked_for(member)).collect::<Vec<_>>();
        let (course, findings) = match &made {
            None => (Course::Unchanged(&asked), self.untimely(set, (&members, &asked), now)?),
            Some(successors) => {
                let course = match self.dry_run {
                    true => Course::WouldRenew(&selected),
                    false => Course::Renewed(&selected, successors),
                };
                (course, self.remarks(&selected, successors))
            }
        };
        let (directory, policy) = (self.directory.as_path(), &self.policy);
        let renewal = Renewal { directory, policy, course, findings, withdrawn: remarks::withdrawn(set) };
        let report = rendered::report(&renewal, now);
        Ok(Edit::new(made.iter().flatten().flat_map(Successor::files).collect(), report))
    }

    fn select<'a>(
        &self,
        set: &Snapshot,
        members: &'a [Member],
        now: OffsetDateTime,
    ) -> Result<Vec<Selected<'a>>, CertsError> {
        let root = Ca::without_key(set, members)?.summary;
        Ok(self.policy.select(&self.directory, (members, &root), now)?)
    }

    /// What will sign `selected`; none where nothing is.
    fn ca(
        &self,
        set: &Snapshot,
        (members, selected): (&[Member], &[Selected<'_>]),
        now: OffsetDateTime,
    ) -> Result<Option<Ca>, CertsError> {
        if selected.is_empty() {
            return self.prove_signer(set, members, now).map(|()| None);
        }
        let ca = self.signer.ca(set, members, now)?;
        let refused = self.policy.refuse_dying_ca(&ca, selected, now);
        refused.map_err(|error| self.signer.explained((set, members), error))?;
        Ok(Some(ca))
    }

    /// Where nothing is due, files that were named must do all the same: a job that names wrong ones would fail months
    /// later only.
    fn prove_signer(
        &self,
        set: &Snapshot,
        members: &[Member],
        now: OffsetDateTime,
    ) -> Result<(), CertsError> {
        if self.signer.ca_cert.is_none() && self.signer.ca_key.is_none() {
            return Ok(());
        }
        let ca = self.signer.ca(set, members, now)?;
        self.open((set, members), &ca, now).map(drop)
    }

    /// What signs. None if its key stays locked: a daily look at what is due needs no passphrase.
    fn open(
        &self,
        (set, members): (&Snapshot, &[Member]),
        ca: &Ca,
        now: OffsetDateTime,
    ) -> Result<Option<Authority>, CertsError> {
        let authority = match ca.open(set, self.signer.ca_key_passphrase_file.as_deref(), now) {
            Err(error) if self.is_a_look() && error.asks_for_passphrase() => return Ok(None),
            authority => authority?,
        };
        self.signer.refuse_other((set, members), &authority)?;
        Ok(Some(authority))
    }

    /// Nothing will be written, and only what is due was asked for.
    fn is_a_look(&self) -> bool {
        self.dry_run && self.policy.change.is_empty()
    }

    /// What takes the place of `selected`. None if the CA's key stays locked, but then they are proven to be such that it
    /// would renew them.
    fn successors(
        &self,
        set: (&Snapshot, &[Member]),
        selected: &[Selected<'_>],
        ca: &Ca,
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, CertsError> {
        let (flags, explained) = (self.signer.flags(), |error| self.signer.explained(set, error));
        let Some(authority) = &self.open(set, ca, now)? else {
            let members = selected.iter().map(|selected| selected.member);
            refuse_strangers(members, ca.issuers(), &flags).map_err(explained)?;
            renewal::refuse_losses(selected, self.policy.keep_key, (&flags, false)).map_err(explained)?;
            return Ok(Vec::new());
        };
        let issuers = slice::from_ref(authority.certificate());
        let ca = authority.certificate();
        let signer = renewal::Signer { authority, issuers, ca, flags: &flags, is_rotation: false };
        let successors = renew(selected, &signer, self.policy.keep_key, now);
        successors.map_err(explained)
    }

    /// What the CA cuts short, what is lost, and what is due again at once. `successors` are empty if none were made.
    fn remarks(&self, selected: &[Selected<'_>], successors: &[Successor]) -> Vec<Finding> {
        let members = selected.iter().map(|selected| selected.member);
        let issued = members.clone().map(Member::name).zip(successors.iter().map(Successor::issued));
        let hint = self.signer.replacement(&self.directory);
        let mut findings = remarks::cut_short(&self.directory, issued, &hint);
        let dropped = members.clone().map(Member::dropped).collect::<Vec<_>>();
        let dropped = members.clone().zip(dropped.iter().map(Vec::as_slice));
        findings.extend(remarks::not_kept(&self.directory, dropped));
        for (index, member) in members.enumerate() {
            let summary = successors.get(index).map_or(member.certificate(), Successor::certificate);
            let within = self.policy.within;
            findings.extend(within.and_then(|within| renewal::always_due(member.path(), summary, within)));
        }
        findings
    }

    /// Nothing is renewed, which is not fine if nothing is valid.
    fn untimely(
        &self,
        set: &Snapshot,
        (members, asked): (&[Member], &[&Member]),
        now: OffsetDateTime,
    ) -> Result<Vec<Finding>, CertsError> {
        let ca = Ca::without_key(set, members)?;
        let replace = replacement(&self.directory);
        Ok(remarks::untimely_now((&ca.path, &ca.summary), asked.iter().copied(), &replace, now))
    }
}
