//! Compares contacts of the feed with those of a campaign, one by one. It holds a change for each
//! contact that differs, and counts what is left out.
//!
//! This module does not read contacts (`whole` and `io::genesys` do), and the rules of the
//! comparison are in `domain::drift`. `adopt` looks at the contacts of an adoption instead.

use domain::Contact;
use domain::batch::ParkReason;
use domain::change::{CampaignId, Change, ContactKey};
use domain::drift::{Difference, Drift};
use domain::plan::RankedChange;
use domain::rules::BrokenRule;
use io::genesys::{Campaign, Failure, Kind};
use jiff::Timestamp;

use super::{DriftShare, Found, Progress, Scan, Stopped, hash};
use crate::input::Cursor;
use crate::{Error, Task};

/// How many contacts are compared at once. One call of the contact list API reads as many.
const AT_ONCE: usize = 50;

/// Begins the page again if it has changed since a part of it was done. Comparing a contact twice
/// does no harm; leaving one out does.
pub(super) fn begin_again_if_changed(changes: &[Change], at: &mut Cursor) {
    let last = at.done.checked_sub(1).and_then(|last| changes.get(last));
    if last.map(hash) != at.last {
        at.done = 0;
    }
}

impl Scan<'_> {
    /// Compares the contacts of a page that are not done yet, [`AT_ONCE`] at a time.
    pub(super) async fn page(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        changes: Vec<Change>,
        at: &mut Cursor,
    ) -> Result<Option<Stopped>, Error> {
        let mut waiting = changes.into_iter().skip(at.done).peekable();
        while waiting.peek().is_some() {
            if let Some(why) = self.must_stop(at) {
                return Ok(Some((at.clone(), why)));
            }
            if let Some(stopped) = self.take_export(campaign, id, at).await? {
                return Ok(Some(stopped));
            }
            let some: Vec<_> = waiting.by_ref().take(AT_ONCE).collect();
            let failed = self.compare(campaign, id, some, at).await;
            // This counts the contacts before the first that could not be read, too.
            self.shares.insert(id.clone(), DriftShare::of(at));
            if self.is_too_much() {
                self.listing.forget();
            } else if self.listing.is_due(self.context.shared.clock.now()) {
                self.listing.flush(&self.org, &self.run).await;
            }
            if let Some(failure) = failed {
                return self.stop_or_fail(id, at.clone(), failure).map(Some);
            }
        }
        Ok(None)
    }

    /// Compares these contacts in order. Returns the failure of the first that could not be read.
    async fn compare(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        changes: Vec<Change>,
        at: &mut Cursor,
    ) -> Option<Failure> {
        let (org_secret, now) = (self.org_secret, self.context.shared.clock.now());
        let rules = &org_secret.rules;
        let task = self.input.task;
        let keys = self.keys(&changes);
        self.whole.list(&changes);
        let actuals = self.actuals(campaign, &keys, &changes).await;
        if actuals.values().any(|actual| matches!(actual, Ok(Some(_)))) {
            self.org.record_found(id);
        }
        for change in changes {
            let last = hash(&change);
            match actuals.get(&change.key) {
                _ if self.is_passed_over(&change) => {
                    self.answer.unranked += u64::from(task == Task::Repair);
                }
                None => self.leave_out(id, ParkReason::KeyPattern),
                Some(Err(failure)) if failure.kind == Kind::Rejected => {
                    let compared = self.compare_rejected(campaign, id, &change, at).await;
                    if let Err(failure) = compared {
                        return Some(failure);
                    }
                }
                Some(Err(failure)) => return Some(failure.clone()),
                Some(Ok(actual)) => {
                    let stored = actual.as_ref().and_then(|actual| actual.version.rank);
                    if stored.is_some_and(|stored| rules.is_ahead(stored, now)) {
                        self.ahead(id, &change);
                    }
                    let actual = actual.as_ref();
                    match task {
                        Task::Repair => self.compare_one(campaign, id, change, actual, now, at),
                        Task::Adopt { also_newer } => self.look(&change, actual, also_newer, now),
                        // This task passes over all contacts.
                        Task::RemoveUnknown => {}
                    }
                }
            }
            self.answer.checked += 1;
            at.done += 1;
            at.last = Some(last);
            (self.watch)(Progress::Checked(1));
        }
        None
    }

    /// Compares only the opt-out of a change whose key the bulk read refuses.
    async fn compare_rejected(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        change: &Change,
        at: &mut Cursor,
    ) -> Result<(), Failure> {
        self.leave_out(id, ParkReason::Rejected);
        if self.has_opt_out(change) {
            let actual = campaign.read_alone(&change.key).await?;
            let now = self.context.shared.clock.now();
            self.compare_salvaged(campaign, id, change, actual.as_ref(), now, at);
        }
        Ok(())
    }

    /// The keys of the contacts that are read, each once.
    fn keys<'c>(&self, changes: &'c [Change]) -> Vec<&'c ContactKey> {
        let rules = &self.org_secret.rules;
        let is_compared = |change: &&Change| {
            !self.is_passed_over(change) && (rules.key_matches(change) || self.has_opt_out(change))
        };
        let mut keys = Vec::new();
        for change in changes.iter().filter(is_compared) {
            if !keys.contains(&&change.key) {
                keys.push(&change.key);
            }
        }
        keys
    }

    /// Whether the task has no use for this change.
    fn is_passed_over(&self, change: &Change) -> bool {
        match self.input.task {
            Task::Repair => {
                self.org_secret.rules.rank(change).is_none() && !self.has_opt_out(change)
            }
            Task::Adopt { .. } => change.operation.callable() != Some(false),
            Task::RemoveUnknown => true,
        }
    }

    /// Whether this is an opt-out that is looked at even if its rank or key breaks a rule: see
    /// [`compare_salvaged`](Self::compare_salvaged).
    fn has_opt_out(&self, change: &Change) -> bool {
        self.input.task == Task::Repair
            && self.org_secret.rules.ranking().is_some()
            && change.operation.opts_out()
    }

    /// Compares one contact. A change that `apply` would park is left out and does not count as
    /// drift; otherwise every run would enqueue it again only to be parked.
    fn compare_one(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        mut change: Change,
        actual: Option<&Contact>,
        now: Timestamp,
        at: &mut Cursor,
    ) {
        let rules = &self.org_secret.rules;
        match rules.broken(&change, now) {
            Some(broken @ (BrokenRule::RankAhead(_) | BrokenRule::KeyPattern)) => {
                self.leave_out(id, broken.reason());
                return self.compare_salvaged(campaign, id, &change, actual, now, at);
            }
            _ if rules.rank(&change).is_none() => {
                self.answer.unranked += 1;
                return self.compare_salvaged(campaign, id, &change, actual, now, at);
            }
            _ => {}
        }
        self.leave_out_columns(campaign, id, &mut change);
        let ranked = RankedChange::new(&change, rules.ranking());
        let drift = Drift::between(&ranked, actual, rules.wishes());
        if let Some(actual) = actual {
            self.listing.looked_at(&change, actual, now);
        }
        at.checked += 1;
        self.found(id, change, drift, at);
    }

    /// Holds only the opt-out of a change that is not compared as a whole, if the contact is still
    /// callable. The CRM says it now, so nothing newer is undone.
    fn compare_salvaged(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        change: &Change,
        actual: Option<&Contact>,
        now: Timestamp,
        at: &mut Cursor,
    ) {
        let rules = &self.org_secret.rules;
        let salvaged = rules.opt_out(change, now, |switch| campaign.has_switch(switch));
        let difference = |salvaged: &Change| {
            let ranked = RankedChange::new(salvaged, rules.ranking());
            Difference::of_opt_out(&ranked, actual?, rules.wishes())
        };
        if let Some(salvaged) = salvaged
            && let Some(difference) = difference(&salvaged)
        {
            at.checked += 1;
            self.found(id, salvaged, Drift::Different(difference), at);
        }
    }

    fn ahead(&mut self, id: &CampaignId, change: &Change) {
        self.answer.ahead += 1;
        (self.watch)(Progress::Ahead {
            campaign: id.clone(),
            group: change.message_group(),
        });
    }

    fn found(&mut self, id: &CampaignId, change: Change, drift: Drift, at: &mut Cursor) {
        match drift {
            Drift::Same | Drift::Unranked => return,
            Drift::Kept => {
                self.answer.kept += 1;
                return;
            }
            Drift::Stale => {
                self.answer.stale += 1;
                return;
            }
            Drift::Missing => self.answer.missing += 1,
            Drift::Different(Difference { is_kept, .. }) => {
                self.answer.different += 1;
                self.answer.kept += u64::from(is_kept);
            }
        }
        let is_to_be_repaired = drift.is_to_be_repaired();
        (self.watch)(Progress::Found(Found {
            campaign: id.clone(),
            group: change.message_group(),
            drift,
        }));
        if is_to_be_repaired {
            at.drifted += 1;
            self.drifted += 1;
            let has_room = self.full_at.is_none() || change.operation.opts_out();
            if !self.input.dry_run && has_room {
                self.held.push(change);
            }
        }
    }

    fn leave_out_columns(&mut self, campaign: &Campaign, id: &CampaignId, change: &mut Change) {
        let reserved = self.org_secret.rules.reserved_column(change);
        for broken in [reserved, campaign.broken(change)].into_iter().flatten() {
            self.leave_out(id, broken.reason());
            broken.leave_out(change);
        }
    }

    pub(super) fn leave_out(&mut self, id: &CampaignId, reason: ParkReason) {
        *self.left_out.entry((id.clone(), reason)).or_default() += 1;
    }
}
