//! Takes the changes of one contact through one invocation: a state machine without I/O.
//!
//! An [`Attempt`] says the next [`Step`]. Its driver makes the call and hands back the result as
//! [`StepResult`], until the step is [`Step::Done`]. Every row of docs/design.md "Failure table"
//! that concerns one contact is decided here, and nowhere else. How many calls may be made is not
//! decided here: see [`crate::budget`] and [`crate::health`].
//!
//! The attempt for a contact that exists, with a healthy service:
//!
//! ```text
//! next(Nothing)           → Read
//! next(Contact(Some(…)))  → Update { … }        planned by domain::plan
//! next(Written(Some(…)))  → Done([(0, Done(Updated))])
//! ```
//!
//! Three rules keep every write safe:
//!
//! - A write whose result is unknown (no answer, 5xx) is followed by a read, never by another
//!   write.
//! - A POST whose result is unknown is not sent again in the same invocation.
//! - A change that must be parked is parked only once its opt-out has been written.
//!
//! `step` has the types that attempt and driver exchange, `state` the states, and `end` how
//! changes are finished. `refused` is about writes that are refused for good, `absent` about
//! contacts that are not there, `confirm` about reads that lag, and `owed` about the DNC list.

mod absent;
mod act;
mod confirm;
mod end;
mod owed;
mod refused;
mod state;
mod step;

pub use absent::{Absence, READS_SETTLE_AFTER};
pub use step::{PendingChange, Step, StepResult, Verdicts, Write};

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Rules;
use crate::batch::{Outcome, Verdict};
use crate::change::{ContactKey, IfAbsent};
use crate::contact::Contact;
use crate::failure::{Failure, Kind};
use crate::plan::{Action, Plan, RankedChange, Wishes};
use owed::Owed;
use state::{ReadFor, State};
use step::write;

/// The function that plans changes. It is [`crate::plan::plan`], except in a test.
pub type Planner = fn(&[RankedChange<'_>], Option<&Contact>, Wishes) -> Plan;

/// The changes of one contact, and how far they have come.
#[derive(Debug)]
pub struct Attempt {
    key: ContactKey,
    rules: Arc<Rules>,
    planner: Planner,
    /// The changes that are being applied, in queue order.
    pieces: Vec<PendingChange>,
    /// The changes that follow one by one, in their order.
    rest: VecDeque<PendingChange>,
    actual: Option<Arc<Contact>>,
    state: State,
    tries: u32,
    verdicts: Verdicts,
    /// The effect of the last write that altered the contact, if the org has a read lag.
    wrote: Option<Outcome>,
    /// Whether there may have been a write that reads do not show yet.
    is_unread: bool,
    owed: Owed,
    /// How to find out that there is no such contact.
    absence: Absence,
}

impl Attempt {
    /// An attempt for the changes of one contact in queue order, under the rules of their org.
    ///
    /// A change that a rule refuses is parked, after its opt-out has been applied.
    pub fn new(
        key: ContactKey,
        pieces: Vec<PendingChange>,
        rules: Arc<Rules>,
        planner: Planner,
    ) -> Attempt {
        let mut attempt = Attempt {
            key,
            rules,
            planner,
            pieces: Vec::new(),
            rest: VecDeque::new(),
            actual: None,
            state: State::Begin,
            tries: 0,
            verdicts: Vec::new(),
            wrote: None,
            is_unread: false,
            owed: Owed::default(),
            absence: Absence::ByProbe,
        };
        for piece in pieces {
            match piece.parking.clone() {
                Some(parking) if !piece.opts_out() => {
                    attempt.verdicts.push((piece.index, Verdict::Park(parking)));
                }
                _ => attempt.pieces.push(piece),
            }
        }
        attempt
    }

    /// The key of the contact.
    pub fn key(&self) -> &ContactKey {
        &self.key
    }

    /// The contact as it was read, or as the last write left it.
    pub fn actual(&self) -> Option<&Arc<Contact>> {
        self.actual.as_ref()
    }

    /// Whether the next answer is that of a create.
    pub fn is_creating(&self) -> bool {
        match self.state {
            State::Creating { .. } => true,
            State::Lowering { .. } => self.actual.is_none(),
            _ => false,
        }
    }

    /// Whether the next write holds several changes.
    pub fn is_folded(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Whether one of the changes is an opt-out, of the contact or of a channel or number.
    pub fn is_opt_out(&self) -> bool {
        self.pieces
            .iter()
            .chain(&self.rest)
            .any(PendingChange::opts_out)
    }

    /// The next step, after the result of the last one. If the result does not fit the last step,
    /// the changes are retried.
    pub fn next(&mut self, seen: StepResult) -> Step {
        let seen = self.judged(seen);
        self.note_unconfirmed(&seen);
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, seen) {
            (State::Begin, StepResult::Nothing) if self.pieces.is_empty() => self.done(),
            (State::Begin, StepResult::Nothing) => self.read(ReadFor::Plan),
            (State::Reading(why), StepResult::Contact(actual)) => self.was_read(why, actual),
            (State::Reading(ReadFor::Plan), StepResult::Failed(failure)) => {
                self.was_not_read(failure)
            }
            (State::Reading(_), StepResult::Failed(failure)) => self.failed(&failure),
            (State::Creating { plan, .. }, StepResult::Written(_)) => {
                self.owe(&plan);
                self.set_actual(plan.action.result(None));
                self.applied(&plan, Outcome::Created)
            }
            (State::Creating { plan, alone }, seen) => self.was_not_created(plan, alone, seen),
            (State::Updating { plan }, StepResult::Written(actual)) => {
                self.set_actual(actual);
                self.applied(&plan, Outcome::Updated)
            }
            (State::Updating { plan }, StepResult::Failed(failure)) => {
                self.was_not_updated(plan, failure)
            }
            (State::Pausing(_), StepResult::Paused) => self.read(ReadFor::Updated),
            (State::Pausing(failure), StepResult::NoTime) => self.retry(&failure),
            (State::Probing, StepResult::Contact(Some(actual))) => {
                self.actual = Some(Arc::new(actual));
                self.act_on_existing()
            }
            (State::Probing, StepResult::Failed(failure)) => self.failed(&failure),
            (State::Seeking, seen) => self.was_sought(seen),
            (State::Lowering { write, why }, seen) => self.was_lowered(write, why, seen),
            (State::LoweringBlind { why }, seen) => self.was_lowered_blind(why, seen),
            (State::Ended, _) => Step::Done(Vec::new()),
            _ => self.retry(&Failure::lagging()),
        }
    }

    /// Skips the read of a contact that waits to be read, and returns the create that would follow
    /// if there were no such contact. If there is one, the POST is refused and stores nothing, and
    /// the contact is read then. `None` means that the contact must be read first.
    pub fn assumed_new(&mut self) -> Option<Step> {
        let is_plain = |piece: &PendingChange| {
            piece.parking.is_none()
                && piece.change.if_absent == IfAbsent::Create
                && !piece.change.operation.is_of_operator()
        };
        if !matches!(self.state, State::Reading(ReadFor::Plan)) || !self.pieces.iter().all(is_plain)
        {
            return None;
        }
        let mut plan = self.plan();
        if !matches!(plan.action, Action::Create { .. }) {
            return None;
        }
        let write = write(&mut plan.action);
        let alone = false;
        self.state = State::Creating { plan, alone };
        Some(Step::Create { write, alone })
    }

    /// The result as the attempt judges it. A write that is answered with the contact as it was
    /// before counts as failed. A driver that takes writes as a sign of health must look at the
    /// judged result.
    pub fn judged(&self, seen: StepResult) -> StepResult {
        match seen {
            StepResult::Written(Some(shown))
                if !self.state.took_effect(self.actual.as_deref(), &shown) =>
            {
                StepResult::Failed(Failure::no_effect())
            }
            seen => seen,
        }
    }

    fn read(&mut self, why: ReadFor) -> Step {
        self.state = State::Reading(why);
        Step::Read
    }

    fn was_read(&mut self, why: ReadFor, actual: Option<Contact>) -> Step {
        self.actual = actual.map(Arc::new);
        match (why, &self.actual) {
            // An operator's change depends on what the changes before it leave, so they are not
            // folded.
            (ReadFor::Plan, _) if self.pieces.len() > 1 && self.is_of_operator() => {
                let queue_order: Vec<_> = (0..self.pieces.len()).collect();
                self.one_by_one(&queue_order)
            }
            (ReadFor::Plan, _) => self.act(false),
            (ReadFor::Conflict, _) => self.act(true),
            // The POST may still be executed, and a second one would be executed too.
            (ReadFor::Posted(failure), None) => self.retry(&failure),
            (ReadFor::Posted(_) | ReadFor::Updated, _) => self.act_on_existing(),
        }
    }

    fn was_not_read(&mut self, failure: Failure) -> Step {
        if failure.kind != Kind::Rejected {
            return self.failed(&failure);
        }
        // Genesys Cloud accepts no such key. The opt-out is tried nevertheless.
        if !self.plan().opts_out() {
            return self.park(&failure);
        }
        self.state = State::LoweringBlind { why: failure };
        Step::Lower
    }
}

#[cfg(test)]
mod tests;
