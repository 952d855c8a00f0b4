//! When a scan stops before its end, and where the next one goes on.
//!
//! A queue that has no more room ends a scan of the command, which waits and goes on from its cursor. One of
//! a schedule looks on for opt-outs, for nobody continues it; its cursor stays where there was no room.

use std::time::Duration;

use domain::change::CampaignId;
use io::genesys::{Failure, Kind};
use jiff::Timestamp;

use super::{MOST_DRIFT, Scan, Share, Stopped};
use crate::input::Cursor;
use crate::{Error, Why};

/// When a run must end early.
pub struct Until<'a> {
    /// No call ends later.
    pub end: Option<Timestamp>,
    /// From then on the run ends where it is known whether what it found is to be enqueued.
    pub rest_at: Option<Timestamp>,
    /// Whether somebody wants it to end now.
    pub is_asked_to_stop: &'a (dyn Fn() -> bool + Sync),
    /// Whether the run looks on for opt-outs once the queue has no more room: so must a run that nobody
    /// continues, for its window passes.
    pub looks_on_for_opt_outs: bool,
}

impl Scan<'_> {
    pub(super) fn must_stop(&mut self, at: &Cursor) -> Option<Why> {
        let now = self.context.shared.clock.now();
        let is_past = |end: Option<Timestamp>| end.is_some_and(|end| now >= end);
        if is_past(self.until.end) {
            return Some(Why::OutOfTime);
        }
        if (self.until.is_asked_to_stop)() {
            return Some(Why::Interrupted);
        }
        // Whom the CRM does not list only a run knows that reads the whole feed.
        if is_past(self.until.rest_at) && !self.is_undecided(at) && !self.input.full {
            return Some(Why::OutOfTime);
        }
        if self.held.len() < self.room {
            return None;
        }
        // No more is held but opt-outs. And whether so much can be right is seen only when enough of
        // the campaign was counted.
        let is_unlikely = Share::of(at).is_over(self.input.max_drift_percent) && !self.input.force;
        if self.until.looks_on_for_opt_outs || self.room > 0 && is_unlikely {
            self.full_at.get_or_insert_with(|| at.clone());
            return None;
        }
        Some(Why::QueueIsDeep)
    }

    pub(super) fn stop_or_fail(
        &self,
        id: &CampaignId,
        at: Cursor,
        failure: Failure,
    ) -> Result<Stopped, Error> {
        match self.stops(&failure) {
            Some(why) => Ok((at, why)),
            None => Err(Error::Genesys {
                org: self.input.org.clone(),
                campaign: Some(id.clone()),
                failure: Box::new(failure),
            }),
        }
    }

    fn stops(&self, failure: &Failure) -> Option<Why> {
        why_stopped(failure, self.context.shared.clock.now(), self.until.end)
    }

    /// Where the next run goes on, if this one ends in the campaign, with which it began at `start`.
    pub(super) fn ends(
        &mut self,
        id: &CampaignId,
        start: Cursor,
        stopped: Option<Stopped>,
    ) -> Option<Stopped> {
        if let Some((at, why)) = &stopped
            && self.is_undecided(at)
            && self.hold_back(id)
        {
            let why = Why::Undecided {
                why: Box::new(why.clone()),
                campaign: id.clone(),
                checked: at.checked,
                drifted: at.drifted,
            };
            return Some((start, why));
        }
        self.full().or(stopped)
    }

    /// Where there was no more room in the queue, if so.
    pub(super) fn full(&mut self) -> Option<Stopped> {
        self.full_at.take().map(|at| (at, Why::QueueIsDeep))
    }

    /// Whether much of the campaign differs, and too little was compared to know whether it is too
    /// much: a feed that is broken would rewrite these contacts before it is found out.
    fn is_undecided(&self, at: &Cursor) -> bool {
        let share = Share::of(at);
        share.drifted <= MOST_DRIFT
            && share.is_over(self.input.max_drift_percent)
            && !self.input.force
    }

    /// Leaves what was found of the campaign to the next run, but for opt-outs: they never wait. Answers
    /// whether that was anything.
    fn hold_back(&mut self, id: &CampaignId) -> bool {
        let found = self.held.len();
        self.held
            .retain(|change| change.campaign != *id || change.operation.opts_out());
        self.held.len() < found
    }
}

/// Why a failure is a reason to stop in good order, and not an error.
pub(crate) fn why_stopped(
    failure: &Failure,
    now: Timestamp,
    end: Option<Timestamp>,
) -> Option<Why> {
    let too_long = |wait: Duration| {
        let does_not_fit = end.is_some_and(|end| now + wait >= end);
        if does_not_fit {
            Why::OutOfTime
        } else {
            Why::Throttled
        }
    };
    match failure.kind {
        Kind::OutOfTime => Some(Why::OutOfTime),
        // The wait for the budget's next window may not fit any more.
        Kind::Throttled { after } | Kind::BudgetSpent { after } | Kind::InTurn { after } => {
            Some(too_long(after))
        }
        _ => None,
    }
}
