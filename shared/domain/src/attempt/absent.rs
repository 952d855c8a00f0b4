//! Whether there is no contact, or one that reads do not show yet: known, and not guessed
//! (docs/design.md "Who is not in the campaign").

use std::sync::Arc;
use std::time::Duration;

use super::state::State;
use super::{Attempt, Seen, Step};
use crate::batch::Outcome;
use crate::change::IfAbsent;
use crate::failure::{Failure, Kind};
use crate::plan::Plan;
use crate::retry::Cause;

/// After so long a read shows whatever was written before a change was received for the first time.
pub const LOOKS_TWICE: Duration = Duration::from_mins(1);

/// How it is known that there is no contact that a read does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// An update of nothing finds what reads miss.
    ByProbe,
    /// A read tells that is begun after this time.
    ByReadAfter(Duration),
    /// By what was seen, or by the next read.
    Known,
}

impl Attempt {
    /// The same where absence is known so.
    #[must_use]
    pub fn knows_absence(mut self, absence: Absence) -> Attempt {
        self.absence = absence;
        self
    }

    /// Whether it asks if there is such a contact, and nothing else.
    pub fn is_seeking(&self) -> bool {
        matches!(self.state, State::Seeking)
    }

    /// Whether one of the changes may create the contact: that there is none says then that the
    /// campaign's contacts are new.
    pub fn may_create(&self) -> bool {
        let mut pieces = self.pieces.iter().chain(&self.rest);
        pieces.any(|piece| piece.change.if_absent == IfAbsent::Create)
    }

    /// No change may create the contact, and none was read. One that holds nothing but an opt-out was
    /// read, and so is known.
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

    pub(super) fn was_sought(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Contact(found) => {
                self.absence = Absence::Known;
                self.actual = found.map(Arc::new);
                self.act(true)
            }
            // No such contact can be.
            Seen::Failed(failure) if failure.kind == Kind::Rejected => self.park(&failure),
            // It may be the campaign that there is not.
            Seen::Failed(failure) if failure.kind == Kind::NotFound => self.missing(&failure),
            Seen::Failed(failure) => self.failed(&failure),
            _ => self.retry(&Failure::lagging()),
        }
    }
}
