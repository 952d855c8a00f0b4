//! The campaigns of a run that are due, and the time since which each is looked at.

use domain::change::CampaignId;
use jiff::{SignedDuration, Timestamp};

use super::{LATELY, MOST_NEW, Record};
use crate::input::{Cursor, Input};

/// A campaign that a run is to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) campaign: CampaignId,
    /// The feed is asked for what changed since then.
    pub(crate) since: Timestamp,
}

impl Record {
    /// Notes campaigns that no run has had before. From then on none of their changes is forgotten,
    /// even if this run fails.
    pub(crate) fn see(&mut self, input: &Input, due: &[Due]) {
        let new: Vec<_> = due
            .iter()
            .filter(|due| self.looked(&due.campaign).is_none())
            .cloned()
            .collect();
        for due in &new {
            let since = due.since.as_second();
            let oldest = self.anew(input).unwrap_or(input.run.as_second() - MOST_NEW);
            let until = since.max(oldest);
            let at = Timestamp::from_second(until).unwrap_or(due.since);
            let campaign = due.campaign.clone();
            self.look(
                &Due {
                    campaign,
                    since: at,
                },
                until,
            );
        }
        self.fit(&input.campaigns);
    }

    /// The time until which a campaign that the record does not name counts as looked at, if the
    /// record was begun anew in the last eight days. After that, even a weekly schedule has had a
    /// run.
    fn anew(&self, input: &Input) -> Option<i64> {
        self.anew
            .filter(|anew| *anew > input.run.as_second() - LATELY)
    }

    /// The campaigns of a run that are due. If a run stopped in one of them, that one comes first.
    /// A run asks from one window's length before the end of the last run, because a CRM may show
    /// late what it changed.
    pub(crate) fn due(&self, input: &Input) -> Vec<Due> {
        let window = input.run.duration_since(input.since);
        let mut due: Vec<_> = input
            .campaigns
            .iter()
            .filter_map(|campaign| {
                let looked = self.looked(campaign);
                let is_done = looked.is_some_and(|looked| {
                    looked.to >= input.run.as_second() && looked.from <= input.since.as_second()
                });
                let before = looked.and_then(|looked| Timestamp::from_second(looked.to).ok());
                // A campaign that was only noted has had no run yet, so no earlier run can have
                // missed a change that the CRM showed late.
                let margin = match looked {
                    Some(looked) if looked.from < looked.to => window,
                    _ => SignedDuration::ZERO,
                };
                let anew = self.anew(input);
                let anew = anew.and_then(|at| Timestamp::from_second(at).ok());
                let since = before.or(anew).map_or(input.since, |before| {
                    let since = before.min(input.run).saturating_sub(margin);
                    since.map_or(input.since, |since| since.min(input.since))
                });
                let since = Timestamp::from_second(since.as_second().max(0)).unwrap_or(since);
                let campaign = campaign.clone();
                (!is_done).then_some(Due { campaign, since })
            })
            .collect();
        if let Some(place) = due.iter().position(|due| self.cursor(due).is_some()) {
            due[..=place].rotate_right(1);
            if let Some(cursor) = self.cursor(&due[0]) {
                due[0].since = cursor.since;
            }
        }
        due
    }

    /// The place at which a run continues in this campaign. This run or an earlier one that was
    /// given up stopped there.
    pub(crate) fn cursor(&self, due: &Due) -> Option<&Cursor> {
        let unfinished = self.unfinished.as_ref();
        let unfinished = unfinished.filter(|unfinished| unfinished.is_in(&due.campaign));
        let cursor = unfinished.map(|unfinished| &unfinished.cursor);
        // A run with a wider window than the one that stopped begins anew.
        cursor.filter(|cursor| cursor.since <= due.since)
    }
}
