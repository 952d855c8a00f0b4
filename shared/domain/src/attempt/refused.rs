//! Writes that are refused for good: folded changes are tried one by one, and an opt-out is written
//! alone. What is written otherwise is decided in `act`, and docs/design.md "Failure table" has the
//! rules.

use std::sync::Arc;

use super::state::{State, lowered};
use super::{Attempt, Step, StepResult, Write};
use crate::channel::Lowered;
use crate::contact::{Columns, Contact};
use crate::failure::{Failure, Kind};
use crate::plan::{Action, Plan};

impl Attempt {
    /// Handles a write that was refused when it held this contact only. Folded changes are tried
    /// one by one in the plan's order, so that a bad change does not take others along.
    pub(super) fn was_rejected(&mut self, plan: &Plan, failure: Failure) -> Step {
        if self.pieces.len() > 1 {
            return self.one_by_one(&plan.order);
        }
        let salvaged = opt_out_of(&plan.action);
        let is_new = self.is_callable() || salvaged.version.is_some();
        // The version goes with it, so that no older change makes the contact callable.
        if salvaged.callable.is_some() && is_new || !salvaged.lowers.is_empty() {
            return self.lower(salvaged, failure);
        }
        self.park(&failure)
    }

    fn is_callable(&self) -> bool {
        self.actual.as_ref().is_none_or(|actual| actual.callable)
    }

    /// The opt-out in the plan.
    pub(super) fn opt_out(&self) -> Write {
        opt_out_of(&self.plan().action)
    }

    /// Writes the opt-out alone, with its version, so that no older change undoes it. If there is
    /// no contact, it creates one that may not be called, so that a late create cannot make one
    /// that may.
    pub(super) fn lower(&mut self, write: Write, why: Failure) -> Step {
        self.owe_for_lowered(&write);
        self.state = State::Lowering {
            write: write.clone(),
            why,
        };
        match self.actual {
            None => Step::Create { write, alone: true },
            Some(_) => Step::Update(write),
        }
    }

    /// Takes the result of writing the opt-out of a contact, after which its changes are parked.
    pub(super) fn was_lowered(&mut self, write: Write, why: Failure, seen: StepResult) -> Step {
        match seen {
            StepResult::Written(actual) => {
                // The changes after it are planned on this, so that they do not undo the opt-out.
                let left = actual.unwrap_or_else(|| lowered(self.actual.as_deref(), &write));
                self.set_actual(Some(left));
                self.park(&why)
            }
            StepResult::Failed(failure) => self.was_not_lowered(write, why, &failure),
            _ => self.retry(&Failure::lagging()),
        }
    }

    /// Takes the result of [`Step::Lower`]: of reading the contact in another way, or of writing
    /// the opt-out without a read.
    pub(super) fn was_lowered_blind(&mut self, why: Failure, seen: StepResult) -> Step {
        match seen {
            StepResult::Contact(actual) => {
                let plan = self.planned_on(actual);
                if !plan.opts_out() {
                    return self.park(&why);
                }
                self.lower(self.opt_out(), why)
            }
            StepResult::Written(actual) => {
                // The answer shows whether it is the newest, so nothing older can undo it.
                self.planned_on(actual);
                let write = self.opt_out();
                if self.actual.is_none() || write.version.is_none() {
                    return self.park(&why);
                }
                self.lower(write, why)
            }
            StepResult::Failed(failure) => match failure.kind {
                Kind::NotFound => self.lower(self.opt_out(), why),
                Kind::Rejected => {
                    self.owe_for_lowered(&self.opt_out());
                    self.park_refused_opt_out(why, &failure)
                }
                _ => self.retry(&failure),
            },
            _ => self.retry(&Failure::lagging()),
        }
    }

    /// Plans the changes on the contact as an answer shows it, and owes the DNC list what the plan
    /// does.
    fn planned_on(&mut self, actual: Option<Contact>) -> Plan {
        self.actual = actual.map(Arc::new);
        let plan = self.plan();
        self.owe(&plan);
        plan
    }

    fn was_not_lowered(&mut self, write: Write, mut why: Failure, failure: &Failure) -> Step {
        if failure.kind != Kind::Rejected {
            return self.retry(failure);
        }
        // The version may be what is refused.
        if write.version.is_some() {
            let version = None;
            return self.lower(Write { version, ..write }, why);
        }
        if write.lowers.is_empty() {
            return self.park_refused_opt_out(why, failure);
        }
        self.was_refused_too("the change of its channels and numbers", &mut why, failure);
        if write.callable.is_none() {
            return self.park(&why);
        }
        // A channel or number may be what is refused. The opt-out of the contact is still written.
        let salvaged = Write {
            lowers: Lowered::default(),
            ..self.opt_out()
        };
        self.lower(salvaged, why)
    }

    pub(super) fn one_by_one(&mut self, order: &[usize]) -> Step {
        let mut pieces: Vec<_> = self.pieces.drain(..).map(Some).collect();
        self.rest = order
            .iter()
            .filter_map(|&place| pieces[place].take())
            .collect();
        self.next_piece()
    }
}

/// The opt-out in an action, without columns. Channels and numbers need no version.
fn opt_out_of(action: &Action) -> Write {
    let (callable, version, lowers) = match action {
        Action::Create {
            callable,
            version,
            lowers,
            ..
        } => (*callable, Some(*version), lowers.clone()),
        Action::Update {
            callable,
            version,
            lowers,
            ..
        } => (*callable, *version, lowers.clone()),
        Action::Skip(_) => (None, None, Lowered::default()),
    };
    let callable = callable.filter(|callable| !callable);
    Write {
        data: Columns::default(),
        callable,
        version: version.filter(|_| callable.is_some()),
        lowers,
    }
}
