//! Finds out whether there is no contact, or only none that reads show yet (docs/design.md "Who is
//! not in the campaign").

use std::sync::Arc;
use std::time::Duration;

use super::state::State;
use super::{Attempt, Step, StepResult};
use crate::batch::Outcome;
use crate::change::IfAbsent;
use crate::failure::{Failure, Kind};
use crate::plan::Plan;
use crate::retry::Cause;

/// After this time a read shows everything that was written before the change was first received.
pub const READS_SETTLE_AFTER: Duration = Duration::from_mins(1);

/// How to find out that a contact does not exist, after a read has shown none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// An update that names nothing finds a contact that reads do not show.
    ByProbe,
    /// A read decides, if it begins later than this after the first receive.
    ByReadAfter(Duration),
    /// The read that shows no contact is enough.
    Known,
}

impl Attempt {
    /// Sets how absence is known.
    #[must_use]
    pub fn with_absence(mut self, absence: Absence) -> Attempt {
        self.absence = absence;
        self
    }

    /// Whether the attempt only asks if there is such a contact.
    pub fn is_seeking(&self) -> bool {
        matches!(self.state, State::Seeking)
    }

    /// Whether one of the changes may create the contact. Only then does its absence suggest that
    /// the campaign's contacts are new.
    pub fn may_create(&self) -> bool {
        let mut pieces = self.pieces.iter().chain(&self.rest);
        pieces.any(|piece| piece.change.if_absent == IfAbsent::Create)
    }

    /// Finds out whether the contact exists, if no change may create it and no read has shown it. A
    /// placeholder for an opt-out counts as a contact that was read.
    pub(super) fn seek(&mut self, plan: &Plan) -> Step {
        match self.absence {
            Absence::ByProbe if self.actual.is_none() => {
                self.state = State::Seeking;
                Step::Probe
            }
            Absence::ByReadAfter(after) if self.actual.is_none() => {
                let detail = "a read shows no such contact: it is looked for a second time";
                let failure = Failure::new(Kind::NotFound, detail);
                self.retry_for(Cause::Absent { after }, &failure)
            }
            _ => self.applied(plan, Outcome::Skipped),
        }
    }

    pub(super) fn was_sought(&mut self, seen: StepResult) -> Step {
        match seen {
            StepResult::Contact(found) => {
                self.absence = Absence::Known;
                self.actual = found.map(Arc::new);
                self.act(true)
            }
            // No contact can have such a key.
            StepResult::Failed(failure) if failure.kind == Kind::Rejected => self.park(&failure),
            // Perhaps it is the campaign that does not exist.
            StepResult::Failed(failure) if failure.kind == Kind::NotFound => self.missing(&failure),
            StepResult::Failed(failure) => self.failed(&failure),
            _ => self.retry(&Failure::lagging()),
        }
    }
}
