use std::path::{Path, PathBuf};
use std::slice;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::signer::Signs as _;
use super::{CertsError, lines};
use crate::cli::{CertsRenew, Changes, Signer};
use crate::pki::authority::Authority;
use crate::pki::change::{Change, ChangeError, Difference};
use crate::pki::edit::{Edit, change};
use crate::pki::member::{Member, Successor};
use crate::pki::remarks;
use crate::pki::renewal::{self, Ca, Policy, Selected, refuse_strangers, renew};
use crate::pki::rotation::replacement;
use crate::pki::store::Snapshot;
use crate::pki::{NameError, SET_FILES, SubjectName, when};
use crate::report::{Line, Report, Style, enumeration};

pub(super) fn run(arguments: CertsRenew, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    change(&plan.directory, &SET_FILES, plan.dry_run, |set| plan.act(&set, now))
}

/// What `egext certs renew` was asked to do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    policy: Policy,
    signer: Signer,
    dry_run: bool,
}

impl TryFrom<CertsRenew> for Plan {
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

impl Plan {
    fn act(&self, set: &Snapshot, now: OffsetDateTime) -> Result<Edit<Report>, CertsError> {
        let members = Member::all(set)?;
        let selected = self.select(set, &members, now)?;
        let (mut report, files) = match self.ca(set, (&members, &selected), now)? {
            None => (self.unchanged(set, &members, now)?, Vec::new()),
            Some(ca) => {
                let successors = self.successors((set, &members), &selected, &ca, now)?;
                let report = match self.dry_run {
                    true => self.would_renew(&selected, &successors, now),
                    false => self.renewed(&selected, &successors, now),
                };
                (report, successors.iter().flat_map(Successor::files).collect())
            }
        };
        // Which certificates are not renewed because their files were deleted.
        lines::findings(&mut report, remarks::withdrawn(set));
        Ok(Edit::new(files, report))
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

    fn would_renew(
        &self,
        selected: &[Selected<'_>],
        successors: &[Successor],
        now: OffsetDateTime,
    ) -> Report {
        let mut report = self.report("would-renew", Style::Strong, "would renew");
        report.due = true;
        report.reason = Some(due_words(&self.directory, selected));
        for Selected { member, difference } in selected {
            let remark = match self.policy.due_from(member.certificate()) {
                from if from <= now => format!("due since {}", when::moment(from, member.certificate())),
                _ if difference.is_none() => "`--force`".to_owned(),
                from => format!("due from {}", when::moment(from, member.certificate())),
            };
            lines::certificate(&mut report, member.name(), member.certificate(), &remark, now);
            changes(&mut report, member, difference);
        }
        let objects = selected.iter().map(|selected| {
            let mut object = object(&self.directory, selected.member, &self.policy);
            object["changes"] = changes_object(&selected.difference);
            object
        });
        report.details.insert("certificates".to_owned(), objects.collect::<Vec<_>>().into());
        let dropped = selected.iter().map(|selected| selected.member.dropped()).collect::<Vec<_>>();
        let dropped = dropped.iter().map(Vec::as_slice).collect::<Vec<_>>();
        self.remarks(&mut report, selected, successors, &dropped);
        report.talk.blank().hint("leave `--dry-run` out to do it");
        report
    }

    /// What is lost, what the CA cuts short, what is due again at once, and what was no change. `successors` are empty if
    /// none were made.
    fn remarks(
        &self,
        report: &mut Report,
        selected: &[Selected<'_>],
        successors: &[Successor],
        dropped: &[&[String]],
    ) {
        for Selected { member, .. } in selected {
            self.absent_names(report, member);
        }
        let members = selected.iter().map(|selected| selected.member);
        let issued = members.clone().map(Member::name).zip(successors.iter().map(Successor::issued));
        let hint = self.signer.replacement(&self.directory);
        let mut findings = remarks::cut_short(&self.directory, issued, &hint);
        findings.extend(remarks::not_kept(&self.directory, members.clone().zip(dropped.iter().copied())));
        for (index, member) in members.enumerate() {
            let summary = successors.get(index).map_or(member.certificate(), Successor::certificate);
            let within = self.policy.within;
            findings.extend(within.and_then(|within| renewal::always_due(member.path(), summary, within)));
        }
        lines::findings(report, findings);
    }

    /// A note about names that were to be removed and are not there.
    fn absent_names(&self, report: &mut Report, member: &Member) {
        let absent = self.policy.change.absent(member);
        if !absent.is_empty() {
            let absent = absent.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let names = member.certificate().names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let words = format!(
                "`{}` does not have {}; its names are {}",
                member.path().display(),
                enumeration(&absent),
                names.join(", ")
            );
            lines::note(report, &words);
        }
    }

    /// Nothing is renewed, which is not fine if nothing is valid.
    fn unchanged(
        &self,
        set: &Snapshot,
        members: &[Member],
        now: OffsetDateTime,
    ) -> Result<Report, CertsError> {
        let done =
            if self.policy.change.is_empty() { "nothing is due" } else { "nothing to change or renew" };
        let mut report = self.report("unchanged", Style::Good, done);
        let asked = |member: &&Member| self.policy.is_asked_for(member);
        for member in members.iter().filter(asked) {
            let from = self.policy.due_from(member.certificate());
            let remark = format!("due from {}", when::moment(from, member.certificate()));
            lines::certificate(&mut report, member.name(), member.certificate(), &remark, now);
            self.absent_names(&mut report, member);
        }
        let object = |member: &Member| object(&self.directory, member, &self.policy);
        let objects = members.iter().filter(asked).map(object).collect::<Vec<_>>();
        report.details.insert("certificates".to_owned(), objects.into());
        let ca = Ca::without_key(set, members)?;
        let replace = replacement(&self.directory);
        let asked = members.iter().filter(asked);
        let untimely = remarks::untimely_now((&ca.path, &ca.summary), asked, &replace, now);
        lines::findings(&mut report, untimely);
        Ok(report)
    }

    fn renewed(&self, selected: &[Selected<'_>], successors: &[Successor], now: OffsetDateTime) -> Report {
        let mut report = self.report("renewed", Style::Good, "renewed");
        let (mut objects, mut holders) = (Vec::new(), Vec::new());
        for (Selected { member, difference }, successor) in selected.iter().zip(successors) {
            let (name, role, summary) = (member.name(), member.role(), successor.certificate());
            let remark = match (successor.has_new_key(), member.has_key()) {
                (true, _) => "new key",
                (false, true) => "same key",
                (false, false) => "same key, which is not here",
            };
            lines::certificate(&mut report, name, summary, remark, now);
            changes(&mut report, member, difference);
            let mut object = lines::object(&self.directory, name, role, summary, member.has_key());
            object["new_key"] = successor.has_new_key().into();
            object["changes"] = changes_object(difference);
            objects.push(object);
            holders.push(lines::holder(&self.directory, name, role, (false, successor.has_new_key())));
        }
        lines::files(&mut report, &holders);
        report.details.insert("certificates".to_owned(), objects.into());
        let dropped = successors.iter().map(Successor::dropped).collect::<Vec<_>>();
        self.remarks(&mut report, selected, successors, &dropped);
        let restart = restart(selected);
        report.details.insert("restart".to_owned(), restart.clone().into());
        report.talk.blank().hint(format!(
            "restart {} with the new files: programs, bridges among them, read them at the start. \
             The CA is the same, so the order does not matter",
            enumeration(&restart)
        ));
        report
    }

    fn report(&self, outcome: &str, style: Style, done: &str) -> Report {
        let mut report = Report::new("certs renew");
        lines::title(&mut report, style, done, &format!(" in `{}`", self.directory.display()));
        report.details.insert("outcome".to_owned(), outcome.into());
        report.details.insert("directory".to_owned(), lines::words(&self.directory).into());
        report
    }
}

fn object(directory: &Path, member: &Member, policy: &Policy) -> Value {
    let mut object =
        lines::object(directory, member.name(), member.role(), member.certificate(), member.has_key());
    object["due_from"] = when::timestamp(policy.due_from(member.certificate())).into();
    object
}

/// What is different from the certificate before.
fn changes(report: &mut Report, member: &Member, difference: &Difference) {
    if !difference.is_none() {
        let words = difference.words(member.certificate()).join("; ");
        report.talk.line(
            Line::default().plain("           ").with(Style::Strong, "change:").plain(format!(" {words}")),
        );
    }
}

fn changes_object(difference: &Difference) -> Value {
    let names = |names: &[SubjectName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "added": names(&difference.added),
        "removed": names(&difference.removed),
        "lifetime": difference.lifetime.map(|lifetime| lifetime.to_string()),
        "key_type": difference.key_type.map(|key_type| key_type.to_string()),
    })
}

/// Why the exit code is not 0, in one line.
fn due_words(directory: &Path, selected: &[Selected<'_>]) -> String {
    let names = selected.iter().map(|Selected { member, .. }| format!("`{}`", member.name()));
    let (names, verb) = (names.collect::<Vec<_>>(), if selected.len() == 1 { "is" } else { "are" });
    format!("{} in `{}` {verb} to be renewed", enumeration(&names), directory.display())
}

/// Who presents what was renewed.
fn restart(selected: &[Selected<'_>]) -> Vec<String> {
    let who = |Selected { member, .. }: &Selected<'_>| lines::who(member.name(), member.role());
    selected.iter().map(who).collect()
}
