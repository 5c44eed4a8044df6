//! `egext certs rotate-ca`: decides on a step, makes it, and reports the result.

mod findings;
mod hints;

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::CertsError;
use super::advised::Advised;
use crate::cli::{Activate, CertsRotateCa, Finish, OtherCa, Prepare, RotationStep, Step};
use crate::pki::authority::Authority;
use crate::pki::edit::{Edit, change};
use crate::pki::member::{self, Successor};
use crate::pki::rotation::{Opened, Rotation, Verb, Wishes};
use crate::pki::store::Snapshot;
use crate::pki::{NameError, SET_FILES, SubjectName, ca_files};
use crate::render::certs::rotate_ca::{self as rendered, Outcome};
use crate::report::Report;

pub(super) fn run(arguments: CertsRotateCa, now: OffsetDateTime) -> Result<Report, CertsError> {
    let plan = match arguments.step {
        RotationStep::Status(arguments) => return status(&arguments.dir, now),
        RotationStep::Prepare(prepare) => StepPlan::try_from(prepare)?,
        RotationStep::Activate(Activate { step, passphrase, other }) => {
            StepPlan::new(Verb::Activate, step).with(other, passphrase.ca_key_passphrase_file)
        }
        RotationStep::Finish(Finish { step, discard_ca_key: discards }) => {
            StepPlan::new(Verb::Finish { discards }, step)
        }
    };
    let opened = plan.open(now)?;
    let made = change(&plan.directory, &SET_FILES, plan.dry_run, |set| plan.act(set, &opened, now))?;
    plan.report(&made, opened.named.as_ref(), now)
}

fn status(directory: &Path, now: OffsetDateTime) -> Result<Report, CertsError> {
    let rotation = Rotation::load(directory)?;
    let [untimely, others] = findings::of_status(&rotation, now);
    Ok(rendered::status(&rotation, [&untimely, &others], now))
}

/// What came of a step.
struct StepMade {
    before: Rotation,
    /// New leaf certificates. None if the step was made before.
    successors: Option<Vec<Successor>>,
}

/// What was typed.
#[derive(Debug)]
struct StepPlan {
    directory: PathBuf,
    verb: Verb,
    /// Certificate and key of a CA that is there already.
    other: Option<(PathBuf, PathBuf)>,
    passphrase: Option<PathBuf>,
    dry_run: bool,
}

impl TryFrom<Prepare> for StepPlan {
    type Error = CertsError;

    fn try_from(prepare: Prepare) -> Result<Self, CertsError> {
        let Prepare { ca_lifetime: lifetime, permit, key_type, private_ca: asked, step, passphrase, other } =
            prepare;
        let permit = permit.iter().map(|name| permitted(name.trim())).collect::<Result<_, _>>()?;
        let verb = Verb::Prepare { asked, wishes: Wishes { key_type, lifetime, permit } };
        Ok(Self::new(verb, step).with(other, passphrase.ca_key_passphrase_file))
    }
}

impl StepPlan {
    fn new(verb: Verb, step: Step) -> Self {
        Self { directory: step.dir, verb, other: None, passphrase: None, dry_run: step.dry_run }
    }

    fn with(self, OtherCa { ca_cert, ca_key }: OtherCa, passphrase: Option<PathBuf>) -> Self {
        Self { other: ca_cert.zip(ca_key), passphrase, ..self }
    }

    /// Reads the files that were named, once, since one of them may be stdin, and before the lock, since that can take long.
    fn open(&self, now: OffsetDateTime) -> Result<Opened, CertsError> {
        // Without a set no passphrase is needed.
        member::set(&self.directory)?;
        let file = self.passphrase.as_deref();
        Ok(match &self.other {
            Some((certificate, key)) => {
                let named = ca_files::load(certificate, key, file, now)?;
                Opened { named: Some(named), passphrase: None }
            }
            None => Opened { named: None, passphrase: file.map(ca_files::read_passphrase).transpose()? },
        })
    }

    fn act(&self, set: Snapshot, opened: &Opened, now: OffsetDateTime) -> Result<Edit<StepMade>, CertsError> {
        let before = Rotation::of(set)?;
        let step = before.step(&self.verb, opened, now).map_err(|error| self.advised(&before, error))?;
        let edit = step.map_or_else(|| Edit::none(None), |step| step.edit().map(Some));
        Ok(edit.map(|successors| StepMade { before, successors }))
    }

    fn report(
        &self,
        StepMade { before, successors }: &StepMade,
        named: Option<&Authority>,
        now: OffsetDateTime,
    ) -> Result<Report, CertsError> {
        let after;
        let (rotation, outcome) = match successors {
            None => (before, Outcome::Unchanged),
            Some(_) if self.dry_run => (before, Outcome::Dry),
            Some(successors) => {
                after = Rotation::load(&self.directory)?;
                (&after, Outcome::Done { successors, before })
            }
        };
        let findings = match successors {
            None => findings::kept(rotation),
            Some(successors) => self.findings(rotation, successors, named),
        };
        let step = rendered::Step {
            verb: &self.verb,
            outcome,
            rotation,
            named,
            ca_flags: self.ca_flags(),
            activate_flags: self.activate_flags(rotation),
            findings,
        };
        Ok(rendered::report(&step, now))
    }
}

/// A host name or an IP address: URIs are not constrained, SPIFFE ids neither.
fn permitted(name: &str) -> Result<SubjectName, CertsError> {
    let hint = || format!("leave `{name}` out: name constraints of `egext` permit every URI");
    name.parse().map_err(|error: NameError| match name.contains("://") {
        true => Advised::new(error, hint()).into(),
        false => error.into(),
    })
}
