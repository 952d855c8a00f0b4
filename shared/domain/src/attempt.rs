//! What happens to the changes of one contact in one invocation: a state machine without I/O.
//!
//! An attempt says the next [`Step`]; whoever drives it makes the call and tells what was
//! [`Seen`]. All of docs/design.md "Failure table" that concerns one contact is decided here, and
//! nowhere else. For a contact that exists, with a service that is well:
//!
//! ```text
//! next(Nothing)           → Read
//! next(Contact(Some(…)))  → Update { … }        planned by domain::plan
//! next(Written(Some(…)))  → Done([(0, Done(Updated))])
//! ```
//!
//! A write of unknown end (no answer, 5xx) is followed by a read, never by another write; a POST of
//! unknown end by no second POST in the same invocation. A change that nobody can take is parked
//! only once what it says of opting out was written.

mod absent;
mod confirm;
mod end;
mod owed;
mod refused;
mod state;
mod step;

pub use absent::{Absence, LOOKS_TWICE};
pub use step::{Piece, Seen, Step, Verdicts, Write};

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Rules;
use crate::batch::{Outcome, Verdict};
use crate::change::{ContactKey, IfAbsent, Operation};
use crate::contact::Contact;
use crate::failure::{Failure, Kind};
use crate::plan::{Action, Plan, RankedChange, Skip, Wishes, plan_of_operator};
use crate::retry::TRIES;
use owed::Owed;
use state::{ReadFor, State, lowered};
use step::write;

/// How changes are planned: [`crate::plan::plan`].
pub type Planner = fn(&[RankedChange<'_>], Option<&Contact>, Wishes) -> Plan;

/// The changes of one contact, and how far they came.
#[derive(Debug)]
pub struct Attempt {
    key: ContactKey,
    rules: Arc<Rules>,
    planner: Planner,
    /// Those that are applied now, in queue order.
    pieces: Vec<Piece>,
    /// Where they are applied one by one: those after it, in their order.
    rest: VecDeque<Piece>,
    actual: Option<Arc<Contact>>,
    state: State,
    tries: u32,
    verdicts: Verdicts,
    /// What the last write that altered the contact did, where reads lag.
    wrote: Option<Outcome>,
    /// Whether a write may have been done that reads do not show yet.
    is_unread: bool,
    owed: Owed,
    /// How it is known that there is no such contact.
    absence: Absence,
}

impl Attempt {
    /// The changes of one contact in queue order, with the rules of their org.
    ///
    /// A change that a rule refuses is parked. What it says of opting out is applied first.
    pub fn new(
        key: ContactKey,
        pieces: Vec<Piece>,
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

    /// Whose changes they are.
    pub fn key(&self) -> &ContactKey {
        &self.key
    }

    /// The contact as it was read, or as the last write left it.
    pub fn actual(&self) -> Option<&Arc<Contact>> {
        self.actual.as_ref()
    }

    /// Whether its next answer tells of a create.
    pub fn is_creating(&self) -> bool {
        match self.state {
            State::Creating { .. } => true,
            State::Lowering { .. } => self.actual.is_none(),
            _ => false,
        }
    }

    /// Whether its next write is of several changes together.
    pub fn is_folded(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Whether one of the changes says that nobody may call, or not by a channel or number.
    pub fn is_opt_out(&self) -> bool {
        self.pieces.iter().chain(&self.rest).any(Piece::opts_out)
    }

    /// What to do next, after what was seen of the last step. If that does not fit the step, the
    /// changes are retried.
    pub fn next(&mut self, seen: Seen) -> Step {
        let seen = self.judged(seen);
        self.may_be_unread(&seen);
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, seen) {
            (State::Begin, Seen::Nothing) if self.pieces.is_empty() => self.done(),
            (State::Begin, Seen::Nothing) => self.read(ReadFor::Plan),
            (State::Reading(why), Seen::Contact(actual)) => self.was_read(why, actual),
            (State::Reading(ReadFor::Plan), Seen::Failed(failure)) => self.was_not_read(failure),
            (State::Reading(_), Seen::Failed(failure)) => self.failed(&failure),
            (State::Creating { plan, .. }, Seen::Written(_)) => {
                self.owe(&plan);
                self.is_now(plan.action.leaves(None));
                self.applied(&plan, Outcome::Created)
            }
            (State::Creating { plan, alone }, seen) => self.was_not_created(plan, alone, seen),
            (State::Updating { plan }, Seen::Written(actual)) => {
                self.is_now(actual);
                self.applied(&plan, Outcome::Updated)
            }
            (State::Updating { plan }, Seen::Failed(failure)) => {
                self.was_not_updated(plan, failure)
            }
            (State::Pausing(_), Seen::Paused) => self.read(ReadFor::Updated),
            (State::Pausing(failure), Seen::NoTime) => self.retry(&failure),
            (State::Probing, Seen::Contact(Some(actual))) => {
                self.actual = Some(Arc::new(actual));
                self.act_on_existing()
            }
            (State::Seeking, seen) => self.was_sought(seen),
            (State::Lowering { write, why }, Seen::Written(actual)) => {
                // What comes after it is planned on it, and does not undo it.
                let left = actual.unwrap_or_else(|| lowered(self.actual.as_deref(), &write));
                self.is_now(Some(left));
                self.park(&why)
            }
            (State::Lowering { write, why }, Seen::Failed(failure)) => {
                self.was_not_lowered(write, why, &failure)
            }
            (State::LoweringBlind { why }, Seen::Contact(actual)) => {
                self.actual = actual.map(Arc::new);
                let plan = self.plan();
                self.owe(&plan);
                if !plan.opts_out() {
                    return self.park(&why);
                }
                self.lower(self.opt_out(), why)
            }
            (State::LoweringBlind { why }, Seen::Written(actual)) => {
                // The answer shows whether it is the newest, so that nothing older undoes it.
                self.actual = actual.map(Arc::new);
                let plan = self.plan();
                self.owe(&plan);
                let write = self.opt_out();
                if self.actual.is_none() || write.version.is_none() {
                    return self.park(&why);
                }
                self.lower(write, why)
            }
            (State::LoweringBlind { why }, Seen::Failed(failure)) => match failure.kind {
                Kind::NotFound => self.lower(self.opt_out(), why),
                Kind::Rejected => {
                    self.owe_for_lowered(&self.opt_out());
                    self.park_unheard(why, &failure)
                }
                _ => self.retry(&failure),
            },
            (State::Probing, Seen::Failed(failure)) => self.failed(&failure),
            (State::Ended, _) => Step::Done(Vec::new()),
            _ => self.retry(&Failure::lagging()),
        }
    }

    /// Of a contact that waits to be read: the create that is next if there is none. The POST is refused
    /// where there is one, and stores nothing; then it is read. `None`: it is to be read first.
    pub fn taken_for_new(&mut self) -> Option<Step> {
        let is_plain = |piece: &Piece| {
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

    /// What was seen, but a write that is answered with the contact as it was is no write: whoever
    /// takes a write for a sign that all is well asks here first.
    pub fn judged(&self, seen: Seen) -> Seen {
        match seen {
            Seen::Written(Some(shown)) if !self.state.was_taken(self.actual.as_deref(), &shown) => {
                Seen::Failed(Failure::not_taken())
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
            // What an operator asks for looks at what the changes before it leave: they are not folded.
            (ReadFor::Plan, _) if self.pieces.len() > 1 && self.is_of_operator() => {
                let queue_order: Vec<_> = (0..self.pieces.len()).collect();
                self.one_by_one(&queue_order)
            }
            (ReadFor::Plan, _) => self.act(false),
            (ReadFor::Conflict, _) => self.act(true),
            // It may be done yet, and would be done twice.
            (ReadFor::Posted(failure), None) => self.retry(&failure),
            (ReadFor::Posted(_) | ReadFor::Updated, _) => self.act_on_existing(),
        }
    }

    fn was_not_read(&mut self, failure: Failure) -> Step {
        if failure.kind != Kind::Rejected {
            return self.failed(&failure);
        }
        // Genesys Cloud takes no such key. What it says of opting out is tried all the same.
        if !self.plan().opts_out() {
            return self.park(&failure);
        }
        self.state = State::LoweringBlind { why: failure };
        Step::Lower
    }

    fn is_of_operator(&self) -> bool {
        let mut operations = self.pieces.iter().map(|piece| &piece.change.operation);
        operations.any(Operation::is_of_operator)
    }

    fn plan(&self) -> Plan {
        if let [piece] = &self.pieces[..] {
            let (operation, stores) = (&piece.change.operation, self.rules.version_field.is_some());
            if let Some(plan) = plan_of_operator(operation, stores, self.actual.as_deref()) {
                return plan;
            }
        }
        self.plan_of(self.ranked().collect())
    }

    /// The changes, as their org ranks them.
    fn ranked(&self) -> impl Iterator<Item = RankedChange<'_>> {
        let ranking = self.rules.ranking();
        let pieces = self.pieces.iter();
        pieces.map(move |piece| RankedChange::new(&piece.change, ranking))
    }

    fn plan_of(&self, ranked: Vec<RankedChange<'_>>) -> Plan {
        (self.planner)(&ranked, self.actual.as_deref(), self.rules.wishes())
    }

    /// Does what the plan says. `alone`: a create goes in a call of its own.
    fn act(&mut self, alone: bool) -> Step {
        let mut plan = self.plan();
        self.owe(&plan);
        match &plan.action {
            Action::Skip(Skip::Unchanged) => self.applied(&plan, Outcome::Unchanged),
            Action::Skip(Skip::Stale) => self.applied(&plan, Outcome::Stale),
            Action::Skip(Skip::Absent) => self.seek(&plan),
            Action::Create { .. } | Action::Update { .. } => {
                let write = write(&mut plan.action);
                if matches!(plan.action, Action::Create { .. }) {
                    self.state = State::Creating { plan, alone };
                    Step::Create { write, alone }
                } else {
                    self.state = State::Updating { plan };
                    Step::Update(write)
                }
            }
        }
    }

    /// Of a contact that existed a moment ago: if it cannot be read now, the service lags.
    fn act_on_existing(&mut self) -> Step {
        if self.actual.is_none() {
            return self.retry(&Failure::lagging());
        }
        self.act(true)
    }

    fn was_not_created(&mut self, mut plan: Plan, alone: bool, seen: Seen) -> Step {
        match seen {
            Seen::RefusedTogether(failure) if failure.kind == Kind::Conflict && !alone => {
                self.read(ReadFor::Conflict)
            }
            Seen::RefusedTogether(_) if !alone => {
                let write = write(&mut plan.action);
                self.state = State::Creating { plan, alone: true };
                Step::Create { write, alone: true }
            }
            Seen::Failed(failure) => match failure.kind {
                // This very key exists, and cannot be read.
                Kind::Conflict => {
                    self.state = State::Probing;
                    Step::Probe
                }
                Kind::Rejected => self.was_rejected(&plan, failure),
                Kind::NotFound | Kind::UnknownCampaign => self.missing(&failure),
                _ if failure.leaves_unknown() => self.read(ReadFor::Posted(failure)),
                _ => self.retry(&failure),
            },
            _ => self.retry(&Failure::lagging()),
        }
    }

    fn was_not_updated(&mut self, plan: Plan, failure: Failure) -> Step {
        if failure.kind == Kind::Rejected {
            return self.was_rejected(&plan, failure);
        }
        if !failure.leaves_unknown() {
            return self.failed(&failure);
        }
        self.tries += 1;
        if self.tries >= TRIES {
            return self.retry(&failure);
        }
        self.state = State::Pausing(failure);
        Step::Pause(self.tries)
    }
}

#[cfg(test)]
mod tests;
