//! Counts contacts of the feed that break a rule. Each is left out by itself, unless there are too
//! many of them: then the run fails, because the feed says something other than it should.
//!
//! `feed/read.rs` finds them and reads their opt-outs. A contact that could be read but that
//! `apply` would park is no such contact: `compare` leaves it out.

use std::collections::BTreeSet;

use domain::batch::ParkReason;
use domain::change::CampaignId;

use super::{LeftOut, Progress, Scan};
use crate::Error;
use crate::feed::{FaultOf, Faulty};
use crate::input::Cursor;

/// Up to this number of faulty contacts, no share of them stops a run.
const MOST: u64 = 100;
/// If at most one contact in this many is faulty, no number of them stops a run.
const ONE_IN: u64 = 100;

impl Scan<'_> {
    /// Leaves out the faulty contacts of a page. `page` is the number of the page, counted since
    /// the run began or continued with the campaign.
    pub(super) fn leave_out_faulty(
        &mut self,
        id: &CampaignId,
        at: &mut Cursor,
        page: usize,
        all: Vec<Faulty>,
    ) {
        at.faulty += all.len() as u64;
        for Faulty {
            what,
            group,
            groups,
        } in all
        {
            let what = format!("page {page}, {what}");
            self.leave_out(id, ParkReason::InvalidChange);
            self.salvaged += groups.len() as u64;
            *self.faulty_in.entry(id.clone()).or_default() += 1;
            self.first_faulty
                .entry(id.clone())
                .or_insert_with(|| what.clone());
            (self.watch)(Progress::Faulty {
                campaign: id.clone(),
                what,
                group,
                has_opt_out: !groups.is_empty(),
            });
        }
    }

    /// How many contacts break a rule.
    pub(crate) fn faulty(&self) -> u64 {
        faulty(&self.left_out)
    }

    /// Whether there are still so few that their share does not matter.
    pub(super) fn may_have_more_faulty(&self) -> bool {
        self.faulty() <= MOST
    }

    /// The campaigns for whose sake the feed counts as too faulty: those that have too many faulty
    /// contacts by themselves. If none has, every campaign with a faulty contact is one of them.
    pub(crate) fn doubtful(&self) -> BTreeSet<CampaignId> {
        let before = self.input.cursor.as_ref();
        let had = |id: &CampaignId| {
            let before =
                before.filter(|it| it.campaigns.first().is_some_and(|of| of == id.as_str()));
            before.map_or(0, |before| before.faulty)
        };
        let all = self.faulty_in.iter();
        let many = all.filter(|(id, faulty)| {
            let faulty = **faulty + had(id);
            let checked = self.shares.get(*id).map_or(0, |share| share.checked);
            is_too_many(faulty, checked + faulty)
        });
        let many: BTreeSet<_> = many.map(|(id, _)| id.clone()).collect();
        if many.is_empty() {
            self.faulty_in.keys().cloned().collect()
        } else {
            many
        }
    }

    /// The error of a feed with more faulty contacts than a sound feed has.
    pub(crate) fn too_faulty(&self) -> Option<Error> {
        // The campaign's contacts before the run continued count too.
        let before = self.input.cursor.as_ref();
        let (checked, had) = before.map_or((0, 0), |before| (before.checked, before.faulty));
        let faulty = self.faulty() + had;
        let all = (self.answer.checked + checked + faulty).saturating_sub(self.salvaged);
        let (campaign, _) = self.faulty_in.iter().max_by_key(|(_, faulty)| **faulty)?;
        let first = self.first_faulty.get(campaign)?;
        is_too_many(faulty, all).then(|| Error::Feed {
            org: self.input.org.clone(),
            campaign: campaign.clone(),
            of: FaultOf::Page,
            what: format!(
                "{faulty} of {all} contacts are faulty: expected at most {MOST}, or one in {ONE_IN}; the first: {first}"
            ),
        })
    }
}

/// How many of the contacts that were left out break a rule.
pub(crate) fn faulty(left_out: &LeftOut) -> u64 {
    let of_all = left_out.iter();
    let faulty = of_all.filter(|((_, reason), _)| *reason == ParkReason::InvalidChange);
    faulty.map(|(_, contacts)| contacts).sum()
}

fn is_too_many(faulty: u64, all: u64) -> bool {
    faulty > MOST && faulty * ONE_IN > all
}

#[cfg(test)]
mod tests {
    use super::is_too_many;

    #[test]
    fn more_than_a_hundred_and_one_in_a_hundred_are_too_many() {
        for (faulty, all, expected) in [
            (0, 0, false),
            (100, 100, false),
            (101, 101, true),
            (101, 10_099, true),
            (101, 10_100, false),
        ] {
            assert_eq!(is_too_many(faulty, all), expected, "{faulty} of {all}");
        }
    }
}
