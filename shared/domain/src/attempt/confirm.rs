//! Where reads lag behind writes: what was written comes back to be read before anything later is
//! planned (docs/design.md "Where reads lag").

use std::sync::Arc;
use std::time::Duration;

use super::state::State;
use super::{Attempt, Seen, Step};
use crate::batch::{Confirm, Outcome, Settled, Verdict};
use crate::contact::Contact;
use crate::failure::{Failure, Kind};
use crate::retry::Cause;

impl Attempt {
    /// A write left the contact so. One that altered nothing is all that reads can show: so a column
    /// that the service stores otherwise than it is sent is not written for ever.
    pub(super) fn is_now(&mut self, actual: Option<Contact>) {
        let wrote = match self.actual {
            None => Outcome::Created,
            Some(_) => Outcome::Updated,
        };
        if !self.rules.read_lag.is_zero() && actual.as_ref() != self.actual.as_deref() {
            self.wrote = Some(wrote);
        }
        self.actual = actual.map(Arc::new);
    }

    /// Notes a write of which it is not known whether it was done.
    pub(super) fn may_be_unread(&mut self, seen: &Seen) {
        let is_write = matches!(
            self.state,
            State::Creating { .. }
                | State::Updating { .. }
                | State::Lowering { .. }
                | State::LoweringBlind { .. }
        );
        if let Seen::Failed(failure) = seen {
            self.is_unread |= is_write && failure.leaves_unknown();
        }
    }

    /// What is to be applied after a write that reads do not show yet: when it comes again all of it
    /// is read anew, and the first may be done by then.
    pub(super) fn wait_behind(&mut self) -> Step {
        let (after, wrote) = (self.rules.read_lag, None);
        let detail = "it is behind a write that reads may not show yet";
        let failure = Failure::new(Kind::NotFound, detail);
        self.retry_for(Cause::Confirming { after, wrote }, &failure)
    }
}

/// A verdict, or, after a write that did this, that it is yet to be read.
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
