//! The end of changes: done, parked or retried. What becomes of a message after that is decided in
//! [`crate::batch`].

use std::time::Duration;

use super::confirm::confirmed;
use super::state::State;
use super::{Attempt, Step, Verdicts};
use crate::batch::{Evidence, Outcome, ParkReason, Parking, Retry, Verdict};
use crate::failure::{Failure, Kind};
use crate::plan::{Part, Plan};
use crate::retry::Cause;

impl Attempt {
    /// Ends the changes of a plan that was carried out. `outcome` is that of the newest change.
    pub(super) fn applied(&mut self, plan: &Plan, outcome: Outcome) -> Step {
        self.owed.cancel();
        for (place, (piece, part)) in self.pieces.drain(..).zip(&plan.parts).enumerate() {
            let outcome = match part {
                Part::Stale => Outcome::Stale,
                Part::Superseded => Outcome::Superseded,
                Part::Skipped => Outcome::Skipped,
                Part::Newest => outcome,
            };
            let verdict = match piece.parking {
                Some(parking) => Verdict::Park(parking),
                None if plan.kept.contains(&place) => Verdict::Kept(outcome),
                None => Verdict::Done(outcome),
            };
            let confirm = (*part == Part::Newest).then_some(self.wrote).flatten();
            let verdict = confirmed(verdict, confirm, self.rules.read_lag);
            self.verdicts.push((piece.index, verdict));
        }
        self.next_piece()
    }

    /// Parks the changes: no retry can help.
    pub(super) fn park(&mut self, why: &Failure) -> Step {
        self.owed.restore();
        for piece in self.pieces.drain(..) {
            let parking = piece.parking.unwrap_or_else(|| Parking {
                reason: ParkReason::Rejected,
                evidence: Evidence::from(why),
            });
            let verdict = confirmed(Verdict::Park(parking), self.wrote, self.rules.read_lag);
            self.verdicts.push((piece.index, verdict));
        }
        self.next_piece()
    }

    /// Parks the changes if even their opt-out was refused. The person who looks after parked
    /// changes must learn of that.
    pub(super) fn park_refused_opt_out(&mut self, mut why: Failure, refused: &Failure) -> Step {
        self.note_opt_out_refused();
        self.was_refused_too("the opt-out", &mut why, refused);
        self.park(&why)
    }

    /// Adds a second refusal to the detail, for the person who looks after parked changes.
    pub(super) fn was_refused_too(&mut self, what: &str, why: &mut Failure, refused: &Failure) {
        let too = format!("; {what} was refused too: {refused}");
        why.detail.push_str(&too);
        for piece in &mut self.pieces {
            if let Some(parking) = &mut piece.parking {
                parking.evidence.detail.push_str(&too);
            }
        }
    }

    pub(super) fn next_piece(&mut self) -> Step {
        if self.wrote.is_some() {
            return self.wait_behind();
        }
        let Some(piece) = self.rest.pop_front() else {
            return self.done();
        };
        self.pieces.push(piece);
        self.tries = 0;
        // The contact is known from the last write.
        self.act(true)
    }

    pub(super) fn failed(&mut self, failure: &Failure) -> Step {
        match failure.kind {
            Kind::UnknownCampaign => self.missing(failure),
            _ => self.retry(failure),
        }
    }

    pub(super) fn missing(&mut self, failure: &Failure) -> Step {
        self.retry_for(Cause::Missing, failure)
    }

    pub(super) fn retry(&mut self, failure: &Failure) -> Step {
        self.retry_for(failure.cause(), failure)
    }

    /// Ends the attempt with a failure, in whatever state it is. A driver that cannot go on calls
    /// this.
    pub fn give_back(&mut self, failure: &Failure) -> Verdicts {
        self.state = State::Ended;
        match self.failed(failure) {
            Step::Done(verdicts) => verdicts,
            _ => Vec::new(),
        }
    }

    pub(super) fn retry_for(&mut self, cause: Cause, failure: &Failure) -> Step {
        self.owed.restore();
        let at_least = if self.is_unread {
            self.rules.read_lag
        } else {
            Duration::ZERO
        };
        for piece in self.pieces.drain(..).chain(self.rest.drain(..)) {
            let retry = Retry {
                cause,
                evidence: Evidence::from(failure),
                is_campaign_well: false,
                missing_for: Duration::ZERO,
                is_opt_out: piece.opts_out(),
                at_least,
            };
            self.verdicts.push((piece.index, Verdict::Retry(retry)));
        }
        self.done()
    }

    pub(super) fn done(&mut self) -> Step {
        self.state = State::Ended;
        Step::Done(std::mem::take(&mut self.verdicts))
    }
}
