use std::path::{Path, PathBuf};
use std::slice;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::signer::Signs as _;
use super::{CertsError, dates, lines};
use crate::cli::{CertsRenew, Changes, Signer};
use crate::pki::authority::Authority;
use crate::pki::change::{Change, ChangeError, Difference};
use crate::pki::member::{self, Member, Successor};
use crate::pki::renewal::{self, Ca, Policy, Selected, refuse_strangers, renew};
use crate::pki::rotation::replacement;
use crate::pki::store::{Snapshot, Store};
use crate::pki::{Certificate, NameError, SET_FILES, SubjectName, lifetime, when};
use crate::report::{Finding, Id, Line, Report, Role as Style, enumeration};
use crate::shell::{dir_flag, shell_word};

pub(super) fn run(arguments: CertsRenew, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::try_from(arguments)?;
    // Before a lock makes anything where there is no set.
    let set = member::set(&plan.directory)?;
    let members = Member::all(&set)?;
    if plan.dry_run {
        return Ok(Plan::with_withdrawn(plan.dry(&set, &members, now)?, &set));
    }
    let store = Store::open(&plan.directory, &SET_FILES)?;
    // Another run may have been faster, before the lock was ours.
    let set = member::locked_set(&store, &plan.directory)?;
    let members = Member::all(&set)?;
    let selected = plan.select(&set, &members, now)?;
    let Some(ca) = plan.ca(&set, (&members, &selected), now)? else {
        return Ok(Plan::with_withdrawn(plan.unchanged(&set, &members, now)?, &set));
    };
    let authority = plan.open((&set, &members), &ca, now)?;
    let successors = plan.successors((&set, &members), &selected, &authority, now)?;
    let files = successors.iter().flat_map(Successor::files).collect::<Vec<_>>();
    store.update(&files, &[])?;
    Ok(Plan::with_withdrawn(plan.renewed(&selected, &successors, now), &set))
}

/// What `egext certs renew` shall do.
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
        // A daily look at what is due needs no passphrase.
        if !self.dry_run {
            self.open((set, members), &ca, now)?;
        }
        Ok(())
    }

    fn open(
        &self,
        (set, members): (&Snapshot, &[Member]),
        ca: &Ca,
        now: OffsetDateTime,
    ) -> Result<Authority, CertsError> {
        let authority = ca.open(set, self.signer.ca_key_passphrase_file.as_deref(), now)?;
        self.signer.refuse_other((set, members), &authority)?;
        Ok(authority)
    }

    fn successors(
        &self,
        set: (&Snapshot, &[Member]),
        selected: &[Selected<'_>],
        authority: &Authority,
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, CertsError> {
        let issuers = slice::from_ref(authority.certificate());
        let flags = self.signer.flags();
        let ca = authority.certificate();
        let signer = renewal::Signer { authority, issuers, ca, flags: &flags, is_rotation: false };
        let successors = renew(selected, &signer, self.policy.keep_key, now);
        successors.map_err(|error| self.signer.explained(set, error))
    }

    fn dry(&self, set: &Snapshot, members: &[Member], now: OffsetDateTime) -> Result<Report, CertsError> {
        let selected = self.select(set, members, now)?;
        let Some(ca) = self.ca(set, (members, &selected), now)? else {
            return self.unchanged(set, members, now);
        };
        let successors = self.rehearse((set, members), &ca, &selected, now)?;
        let mut report = self.report("would-renew", Style::Strong, "would renew");
        report.due = true;
        report.reason = Some(due_words(&self.directory, &selected));
        for Selected { member, difference } in &selected {
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
        self.remarks(&mut report, &selected, &successors, &dropped);
        report.talk.blank().hint("leave `--dry-run` out to do it");
        Ok(report)
    }

    /// Proves that `selected` can be renewed. Successors are made where something changes; otherwise the CA's key stays
    /// closed, so that a daily look at what is due needs no passphrase.
    fn rehearse(
        &self,
        set: (&Snapshot, &[Member]),
        ca: &Ca,
        selected: &[Selected<'_>],
        now: OffsetDateTime,
    ) -> Result<Vec<Successor>, CertsError> {
        if !self.policy.change.is_empty() {
            let authority = self.open(set, ca, now)?;
            return self.successors(set, selected, &authority, now);
        }
        let (flags, explained) = (self.signer.flags(), |error| self.signer.explained(set, error));
        let members = selected.iter().map(|selected| selected.member);
        refuse_strangers(members, ca.issuers(), &flags).map_err(explained)?;
        renewal::refuse_losses(selected, self.policy.keep_key, (&flags, false)).map_err(explained)?;
        Ok(Vec::new())
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
        let made = members.clone().zip(successors);
        let made = made.map(|(member, made)| (member.name(), made.certificate(), made.cut_from()));
        let hint = self.signer.replacement(&self.directory);
        let mut findings = lines::cut(&self.directory, &made.collect::<Vec<_>>(), &hint);
        let dropped = members.clone().map(Member::name).zip(dropped.iter().copied());
        findings.extend(lines::not_kept(&self.directory, dropped));
        for (index, member) in members.enumerate() {
            let summary = successors.get(index).map_or(member.certificate(), Successor::certificate);
            findings.extend(self.always_due(member, summary));
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

    fn always_due(&self, member: &Member, summary: &Certificate) -> Option<Finding> {
        let within = self.policy.within.filter(|_| self.policy.is_always_due(summary))?;
        let (lifetime, name) = (lifetime::span(summary), member.name());
        let message = format!(
            "its lifetime of {lifetime} is not longer than `--within {within}`, so it is due again at once"
        );
        let longer = format!(
            "`egext certs renew --name {}{} --lifetime SPAN`",
            shell_word(name),
            dir_flag(&self.directory)
        );
        let hint =
            format!("shorten `--within`, for example to `33%`, or give it a longer lifetime: {longer}");
        Some(Finding::new(Id::CertsAlwaysDue, lines::words(member.path()), message).with_hint(hint))
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
        dates::report(&mut report, (&ca.path, &ca.summary), members.iter().filter(asked), &replace, now);
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

    /// Says which certificates are not renewed because their files were deleted.
    fn with_withdrawn(mut report: Report, set: &Snapshot) -> Report {
        lines::findings(&mut report, lines::withdrawn(set));
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
