//! Read lag: a change that was written comes back to be read before anything later is planned
//! (docs/design.md "Where reads lag").

use std::sync::Arc;
use std::time::Duration;

use super::state::State;
use super::{Attempt, Step, StepResult};
use crate::batch::{Confirm, Outcome, Settled, Verdict};
use crate::contact::Contact;
use crate::failure::{Failure, Kind};
use crate::retry::Cause;

impl Attempt {
    /// Takes the contact as a write left it. A write that altered nothing cannot become visible, so
    /// it needs no read. Otherwise a column that the service stores in another form would be
    /// written again and again.
    pub(super) fn set_actual(&mut self, actual: Option<Contact>) {
        let wrote = match self.actual {
            None => Outcome::Created,
            Some(_) => Outcome::Updated,
        };
        if !self.rules.read_lag.is_zero() && actual.as_ref() != self.actual.as_deref() {
            self.wrote = Some(wrote);
        }
        self.actual = actual.map(Arc::new);
    }

    /// Notes a write whose result is unknown.
    pub(super) fn note_unconfirmed(&mut self, seen: &StepResult) {
        let is_write = matches!(
            self.state,
            State::Creating { .. }
                | State::Updating { .. }
                | State::Lowering { .. }
                | State::LoweringBlind { .. }
        );
        if let StepResult::Failed(failure) = seen {
            self.is_unread |= is_write && failure.leaves_unknown();
        }
    }

    /// Sends back a change that follows a write which reads do not show yet. When it returns,
    /// everything is read anew, and the first write may be visible by then.
    pub(super) fn wait_behind(&mut self) -> Step {
        let (after, wrote) = (self.rules.read_lag, None);
        let detail = "it is behind a write that reads may not show yet";
        let failure = Failure::new(Kind::NotFound, detail);
        self.retry_for(Cause::Confirming { after, wrote }, &failure)
    }
}

/// Wraps a verdict in [`Verdict::Confirm`] if there was a write that must be read first.
pub(super) fn confirmed(verdict: Verdict, wrote: Option<Outcome>, after: Duration) -> Verdict {
    let then = match &verdict {
        Verdict::Done(outcome) => Settled::Done(*outcome),
        Verdict::Kept(outcome) => Settled::Kept(*outcome),
        Verdict::Park(parking) => Settled::Park(parking.clone()),
        _ => return verdict,
    };
    match wrote {
        Some(wrote) => Verdict::Confirm(Confirm { after, wrote, then }),
        None => verdict,
    }
}
