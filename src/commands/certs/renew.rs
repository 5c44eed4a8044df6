use std::path::{Path, PathBuf};

use serde_json::Value;
use time::OffsetDateTime;

use super::{CertsError, lines};
use crate::cli::{CertsRenew, Signer};
use crate::pki::member::{Member, Successor};
use crate::pki::renewal::{Ca, Policy, renew};
use crate::pki::store::Store;
use crate::pki::{Role, SET_FILES, when};
use crate::report::{Report, Role as Style};

pub(super) fn run(arguments: CertsRenew, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = Plan::from(arguments);
    // Before a lock makes anything where there is no set.
    let members = Member::all(&plan.directory)?;
    if plan.dry_run {
        return plan.dry(&members, now);
    }
    let store = Store::open(&plan.directory, &SET_FILES)?;
    // Another run may have been faster, before the lock was ours.
    let members = Member::all(&plan.directory)?;
    let due = plan.due(&members, now);
    let Some(ca) = plan.ca(&due, now)? else {
        return Ok(plan.unchanged(&members, now));
    };
    let authority = ca.open(plan.signer.ca_key_passphrase_file.as_deref(), now)?;
    plan.signer.refuse_stranger(&plan.directory, &authority)?;
    let successors = renew(&due, (&authority, &ca), plan.policy.keep_key, now)?;
    let files = successors.iter().flat_map(Successor::files).collect::<Vec<_>>();
    store.update(&files, &[])?;
    Ok(plan.renewed(&due, &successors, &ca, now))
}

/// What `egext certs renew` shall do.
#[derive(Debug)]
struct Plan {
    directory: PathBuf,
    policy: Policy,
    signer: Signer,
    dry_run: bool,
}

impl From<CertsRenew> for Plan {
    fn from(arguments: CertsRenew) -> Self {
        let CertsRenew { dir: directory, within, role, keep_key, force, dry_run, signer } = arguments;
        Self { directory, policy: Policy { within, role, force, keep_key }, signer, dry_run }
    }
}

impl Plan {
    fn due<'a>(&self, members: &'a [Member], now: OffsetDateTime) -> Vec<&'a Member> {
        members.iter().filter(|member| self.policy.selects(member, now)).collect()
    }

    /// What will sign `due`; none where nothing is.
    fn ca(&self, due: &[&Member], now: OffsetDateTime) -> Result<Option<Ca>, CertsError> {
        if due.is_empty() {
            return Ok(None);
        }
        let ca = self.signer.ca(&self.directory)?;
        self.policy.refuse_dying_ca(&ca, due, now)?;
        Ok(Some(ca))
    }

    fn dry(&self, members: &[Member], now: OffsetDateTime) -> Result<Report, CertsError> {
        let due = self.due(members, now);
        if self.ca(&due, now)?.is_none() {
            return Ok(self.unchanged(members, now));
        }
        let mut report = self.report("would-renew", Style::Strong, "would renew");
        report.due = true;
        for member in &due {
            let remark = format!("due since {}", when::day(self.policy.due_from(member.summary())));
            let remark =
                if self.policy.due_from(member.summary()) <= now { remark } else { "`--force`".to_owned() };
            lines::certificate(&mut report, member.name(), member.summary(), &remark, now);
        }
        self.details(&mut report, due.iter().copied());
        report.talk.blank().hint("leave `--dry-run` out to do it");
        Ok(report)
    }

    fn unchanged(&self, members: &[Member], now: OffsetDateTime) -> Report {
        let mut report = self.report("unchanged", Style::Good, "nothing is due");
        let asked = |member: &&Member| self.policy.role.is_none_or(|role| role == member.role());
        for member in members.iter().filter(asked) {
            let from = self.policy.due_from(member.summary());
            let remark = format!("due from {}", when::day(from));
            lines::certificate(&mut report, member.name(), member.summary(), &remark, now);
        }
        self.details(&mut report, members.iter().filter(asked));
        report
    }

    fn renewed(&self, due: &[&Member], successors: &[Successor], ca: &Ca, now: OffsetDateTime) -> Report {
        let mut report = self.report("renewed", Style::Good, "renewed");
        let (mut objects, mut holders) = (Vec::new(), Vec::new());
        for (member, successor) in due.iter().zip(successors) {
            let (name, role, summary) = (member.name(), member.role(), successor.summary());
            let remark = match (successor.has_new_key(), member.has_key()) {
                (true, _) => "new key",
                (false, true) => "same key",
                (false, false) => "same key, which is not here",
            };
            lines::certificate(&mut report, name, summary, remark, now);
            let mut object = lines::object(&self.directory, name, role, summary, member.has_key());
            object["new_key"] = successor.has_new_key().into();
            objects.push(object);
            holders.push(lines::holder(&self.directory, name, role, (false, successor.has_new_key())));
        }
        lines::files(&mut report, &holders);
        report.details.insert("certificates".to_owned(), objects.into());
        let cut_short =
            successors.iter().any(|successor| successor.summary().not_after == ca.summary.not_after);
        if cut_short {
            lines::note(
                &mut report,
                &format!(
                    "no certificate outlives its CA, which expires {}; `egext certs rotate-ca prepare` begins to replace it",
                    when::distance(ca.summary.not_after, now)
                ),
            );
        }
        let restart = restart(due);
        report.details.insert("restart".to_owned(), restart.clone().into());
        report.talk.blank().hint(format!(
            "restart {} with the new files: programs, `egext bridge` among them, read them at the start. \
             The CA is the same, so the order does not matter",
            list(&restart)
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

    /// Certificates as they are.
    fn details<'a>(&self, report: &mut Report, members: impl Iterator<Item = &'a Member>) {
        let object = |member: &Member| object(&self.directory, member, &self.policy);
        report.details.insert("certificates".to_owned(), members.map(object).collect::<Vec<_>>().into());
    }
}

fn object(directory: &Path, member: &Member, policy: &Policy) -> Value {
    let mut object =
        lines::object(directory, member.name(), member.role(), member.summary(), member.has_key());
    object["due_from"] = when::timestamp(policy.due_from(member.summary())).into();
    object
}

/// Who presents what was renewed.
fn restart(members: &[&Member]) -> Vec<String> {
    let who = |member: &&Member| match (member.name(), member.role()) {
        ("server", _) => "the server".to_owned(),
        ("client", _) => "the client".to_owned(),
        (name, Role::Client) => format!("the client `{name}`"),
        (name, Role::Server) => format!("the server `{name}`"),
    };
    members.iter().map(who).collect()
}

fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
