//! Plans the changes of an attempt, carries out the plan, and handles a write that failed. The plan
//! itself is made in [`crate::plan`]; writes that are refused for good are in `refused`.

use super::state::{ReadFor, State};
use super::step::write;
use super::{Attempt, Step, StepResult};
use crate::batch::Outcome;
use crate::change::Operation;
use crate::failure::{Failure, Kind};
use crate::plan::{Action, Plan, RankedChange, Skip, plan_of_operator};
use crate::retry::TRIES;

impl Attempt {
    pub(super) fn is_of_operator(&self) -> bool {
        let mut operations = self.pieces.iter().map(|piece| &piece.change.operation);
        operations.any(Operation::is_of_operator)
    }

    pub(super) fn plan(&self) -> Plan {
        if let [piece] = &self.pieces[..] {
            let (operation, stores) = (&piece.change.operation, self.rules.version_field.is_some());
            if let Some(plan) = plan_of_operator(operation, stores, self.actual.as_deref()) {
                return plan;
            }
        }
        self.plan_of(self.ranked().collect())
    }

    /// The changes with the ranks that their org gives them.
    pub(super) fn ranked(&self) -> impl Iterator<Item = RankedChange<'_>> {
        let ranking = self.rules.ranking();
        let pieces = self.pieces.iter();
        pieces.map(move |piece| RankedChange::new(&piece.change, ranking))
    }

    pub(super) fn plan_of(&self, ranked: Vec<RankedChange<'_>>) -> Plan {
        (self.planner)(&ranked, self.actual.as_deref(), self.rules.wishes())
    }

    /// Plans the changes, and returns the step that carries out the plan. `alone` says whether a
    /// create needs a call of its own.
    pub(super) fn act(&mut self, alone: bool) -> Step {
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

    /// As [`Attempt::act`], for a contact that existed a moment ago. If it cannot be read now,
    /// reads lag.
    pub(super) fn act_on_existing(&mut self) -> Step {
        if self.actual.is_none() {
            return self.retry(&Failure::lagging());
        }
        self.act(true)
    }

    pub(super) fn was_not_created(
        &mut self,
        mut plan: Plan,
        alone: bool,
        seen: StepResult,
    ) -> Step {
        match seen {
            StepResult::RejectedTogether(failure) if failure.kind == Kind::Conflict && !alone => {
                self.read(ReadFor::Conflict)
            }
            StepResult::RejectedTogether(_) if !alone => {
                let write = write(&mut plan.action);
                self.state = State::Creating { plan, alone: true };
                Step::Create { write, alone: true }
            }
            StepResult::Failed(failure) => match failure.kind {
                // This very key exists, but the contact cannot be read.
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

    pub(super) fn was_not_updated(&mut self, plan: Plan, failure: Failure) -> Step {
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
