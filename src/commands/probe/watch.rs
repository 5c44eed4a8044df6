//! `--watch`: a line for each change, until a signal comes or nothing reads stdout any more.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::interval;

use super::super::signals::Signals;
use super::super::{Clock, Error, block_on};
use super::Planned;
use super::managers::Managed;
use crate::probe::{Condition, Sight, TargetOutcome, enough_for_a_probe, watch};
use crate::render::{self, Printer};
use crate::report::FindingId;
use crate::units::Span;

/// The exit code is that of the last states: so much is known when it ends.
pub(super) fn run(
    planned: Planned,
    pause: Span,
    skipped: &[FindingId],
    clock: Clock,
    printer: &Printer,
) -> Result<ExitCode, Error> {
    let Planned { plans, untried, managers } = planned;
    let tried = plans.iter().map(|plan| plan.targets.len()).sum::<usize>();
    let (mut untried, mut places) = (untried.into_iter().peekable(), Vec::new());
    let mut states = States { managers, skipped, clock, printer, states: vec![None; tried + untried.len()] };
    let mut first = String::new();
    for place in 0..states.states.len() {
        match untried.next_if(|(index, _)| *index == place) {
            Some((_, outcome)) => first += &states.change(place, outcome).unwrap_or_default(),
            None => places.push(place),
        }
    }
    let printed = block_on(async {
        let mut signals = Signals::listen().map_err(Error::Runtime)?;
        enough_for_a_probe()?;
        let (sender, sights) = channel(MOST_UNPRINTED);
        let watching = watch(plans, pause.duration(), clock, sender);
        Ok::<_, Error>(tokio::select! {
            printed = states.print(first, sights, &places, pause) => printed,
            _ = signals.next() => Ok(()),
            () = abandoned(printer) => Ok(()),
            () = watching => Ok(()),
        })
    })??;
    let known = states.states.iter().flatten().map(|(_, code)| *code).max();
    match known {
        Some(code) => Ok(printer.end(printed, code)),
        None => Err(Error::Interrupted),
    }
}

/// What the targets have come to, in their order.
struct States<'a> {
    managers: Vec<Managed>,
    skipped: &'a [FindingId],
    clock: Clock,
    printer: &'a Printer,
    /// With the exit code that each stands for; `None` before the first look.
    states: Vec<Option<(Condition, u8)>>,
}

impl States<'_> {
    /// Prints `text`, and each change as long as there are any. What is seen comes from targets whose places are these.
    async fn print(
        &mut self,
        text: String,
        mut sights: Receiver<Sight>,
        places: &[usize],
        pause: Span,
    ) -> io::Result<()> {
        self.printer.stream(text).await?;
        while let Some(sight) = sights.recv().await {
            match sight {
                Sight::Polled { address, answer } => {
                    self.printer.progress(&render::probe::polled_line(&address, &answer, pause));
                }
                Sight::State { index, outcome } => {
                    if let Some(text) = self.change(places[index], *outcome) {
                        self.printer.stream(text).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to be printed, if the target was not like this before.
    fn change(&mut self, place: usize, mut outcome: TargetOutcome) -> Option<String> {
        self.managers.get(place).inspect(|manager| manager.complete(&mut outcome));
        outcome.skip(self.skipped);
        let condition = Condition::of(&outcome);
        if self.states[place].as_ref().is_some_and(|(before, _)| *before == condition) {
            return None;
        }
        let report = render::probe::change(outcome, (self.clock)());
        let (line, code) = self.printer.line(&report);
        self.states[place] = Some((condition, code));
        Some(line)
    }
}

/// Returns when nothing reads stdout any more.
async fn abandoned(printer: &Printer) {
    let mut looks = interval(BETWEEN_LOOKS);
    while !printer.is_abandoned() {
        looks.tick().await;
    }
}

/// How soon it is noticed that nothing reads stdout any more.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Targets wait for a reader that is slow.
const MOST_UNPRINTED: usize = 64;
