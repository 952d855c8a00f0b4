//! Decides when a scan stops early, and where the next one continues.
//!
//! If the queue has no more room, a scan of an operator's command ends: the command waits and
//! continues from the cursor. The first invocation of a scheduled run looks on for opt-outs
//! instead, because an opt-out must not wait for room; its cursor stays where the room ended.
//!
//! `scan` asks this module between two steps. `settle` decides what is enqueued after that.

use std::time::Duration;

use domain::change::CampaignId;
use io::genesys::{Failure, Kind};
use jiff::Timestamp;

use super::share::MOST_DRIFT;
use super::{DriftShare, Scan, Stopped};
use crate::input::Cursor;
use crate::{Error, Why};

/// The conditions under which a run ends early.
pub struct Until<'a> {
    /// The latest time at which a call may end.
    pub end: Option<Timestamp>,
    /// From this time on, the run ends at the first place where it is known whether what it found
    /// is to be enqueued.
    pub rest_at: Option<Timestamp>,
    /// Whether the run is asked to end now.
    pub is_asked_to_stop: &'a (dyn Fn() -> bool + Sync),
    /// Whether the run looks on for opt-outs once the queue has no more room. A run that nobody
    /// continues must do so, because its window passes.
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
        // Only a run that reads the whole feed finds the contacts that the CRM does not list.
        if is_past(self.until.rest_at) && !self.is_undecided(at) && !self.input.full {
            return Some(Why::OutOfTime);
        }
        if self.held.len() < self.room {
            return None;
        }
        // From here on only opt-outs are held. The scan also goes on if much differs, since only
        // enough contacts show whether that can be right.
        let is_unlikely =
            DriftShare::of(at).is_over(self.input.max_drift_percent) && !self.input.force;
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

    /// The place at which the next run continues if this one ends in the campaign. `start` is the
    /// place at which it began with the campaign.
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

    /// The place at which the room in the queue ended, if it did.
    pub(super) fn full(&mut self) -> Option<Stopped> {
        self.full_at.take().map(|at| (at, Why::QueueIsDeep))
    }

    /// Whether much of the campaign differs, and too little was compared to know whether it is too
    /// much. A broken feed would otherwise rewrite these contacts before it is found out.
    fn is_undecided(&self, at: &Cursor) -> bool {
        let share = DriftShare::of(at);
        share.drifted <= MOST_DRIFT
            && share.is_over(self.input.max_drift_percent)
            && !self.input.force
    }

    /// Leaves what was found of the campaign to the next run, except for opt-outs, which never
    /// wait. Returns whether that was anything.
    fn hold_back(&mut self, id: &CampaignId) -> bool {
        let found = self.held.len();
        self.held
            .retain(|change| change.campaign != *id || change.operation.opts_out());
        self.held.len() < found
    }
}

/// Why a failure lets the run stop in good order. `None` means that it is an error.
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
        // The wait for the budget's next window may not fit into the time that is left.
        Kind::Throttled { after } | Kind::BudgetSpent { after } | Kind::InTurn { after } => {
            Some(too_long(after))
        }
        _ => None,
    }
}
