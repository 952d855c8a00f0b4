//! A write that is refused for good: changes are tried one by one, and an opt-out is heard.

use super::state::State;
use super::{Attempt, Step, Write};
use crate::Version;
use crate::failure::{Failure, Kind};
use crate::plan::{Action, Plan};

impl Attempt {
    /// A write of this contact alone was refused for good. Folded changes are tried one by one in
    /// the plan's order, so that a bad one does not take its neighbours along.
    pub(super) fn was_rejected(&mut self, plan: &Plan, failure: Failure) -> Step {
        if self.pieces.len() > 1 {
            return self.one_by_one(&plan.order);
        }
        match &plan.action {
            Action::Create {
                callable: Some(false),
                version,
                ..
            } => self.lower(Some(*version), failure),
            Action::Update {
                callable: Some(false),
                version,
                ..
            // With its version, so that nothing older makes it callable.
            } if self.is_callable() || version.is_some() => self.lower(*version, failure),
            _ => self.park(&failure),
        }
    }

    pub(super) fn is_callable(&self) -> bool {
        self.actual.as_ref().is_none_or(|actual| actual.callable)
    }

    pub(super) fn version_of_opt_out(&self) -> Option<Version> {
        match self.plan().action {
            Action::Create { version, .. } => Some(version),
            Action::Update { version, .. } => version,
            Action::Skip(_) => None,
        }
    }

    /// Writes that nobody may call, with the version, so that nothing older undoes it. Where there is
    /// no contact it leaves one that is not callable, so that a late create makes none that is.
    pub(super) fn lower(&mut self, version: Option<Version>, why: Failure) -> Step {
        self.state = State::Lowering { version, why };
        let write = Write::lowering(version);
        match self.actual {
            None => Step::Create { write, alone: true },
            Some(_) => Step::Update(write),
        }
    }

    pub(super) fn was_not_lowered(
        &mut self,
        version: Option<Version>,
        why: Failure,
        failure: &Failure,
    ) -> Step {
        match failure.kind {
            // It may be the version that is refused.
            Kind::Rejected if version.is_some() => self.lower(None, why),
            Kind::Rejected => self.park_unheard(why, failure),
            _ => self.retry(failure),
        }
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
