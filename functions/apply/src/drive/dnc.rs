//! Puts entries on the org's DNC list beside the writes, in one call for all contacts of the batch
//! (docs/design.md "DNC list").
//!
//! A record that owes an entry is done only once the list has it. Which entries are owed is decided
//! in [`domain::attempt`], and the calls are in [`io::genesys`].

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::attempt::{Attempt, Verdicts};
use domain::batch::Verdict;
use domain::dnc::{Entry, not_listed};
use domain::failure::{Failure, Kind};
use domain::retry::Cause;
use futures_util::FutureExt;
use io::genesys::{MOST_ENTRIES, Org};

use super::calls::Call;
use super::{Answer, At, Drive, DrivenContact, Progress, Under};
use crate::Defect;

/// The entries of one contact.
#[derive(Default)]
pub(super) struct DncEntries {
    owed: Vec<Entry>,
    /// The indices of the records that owe entries.
    by: BTreeSet<usize>,
    is_under_way: bool,
    failure: Option<Failure>,
    /// A hash that identifies the changes. `None` means that there is no opt-out among them.
    changes: Option<u64>,
}

impl DncEntries {
    pub(super) fn owes(&mut self, owed: Vec<Entry>, by: Vec<usize>) {
        self.owed.extend(owed);
        self.by.extend(by);
    }

    pub(super) fn ends(&mut self, listed: Result<(), Failure>) {
        self.is_under_way = false;
        self.failure = self.failure.take().or(listed.err());
    }

    fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Notes changes that wait for nothing but the list.
    pub(super) fn note_waiting(&self, verdicts: &Verdicts, org: &Org) {
        let is_over =
            |verdict: &Verdict| !matches!(verdict, Verdict::Retry(_) | Verdict::Confirm(_));
        if let (Some(changes), Some(_)) = (self.changes, &self.failure)
            && verdicts.iter().all(|(_, verdict)| is_over(verdict))
        {
            org.note_waiting_for_dnc(changes);
        }
    }

    /// The verdicts of a contact. A record that owes entries is done only once the list has them.
    pub(super) fn judged(
        &self,
        verdicts: Verdicts,
        attempt: &Attempt,
        fails_for: Duration,
    ) -> Verdicts {
        let unfinished = || {
            Failure::new(
                Kind::OutOfTime,
                "there was no time to add its entry to the DNC list",
            )
        };
        let failure = match &self.failure {
            Some(failure) => failure.clone(),
            None if self.is_owed() || self.is_under_way => unfinished(),
            None => return verdicts,
        };
        // A contact that was written must not return before reads show the write.
        let unread = verdicts.iter().map(|(_, verdict)| verdict.unread_for());
        let at_least = unread.max().unwrap_or_default();
        let verdicts = verdicts.into_iter();
        let judged = verdicts.map(|(index, verdict)| match verdict {
            verdict if !self.by.contains(&index) => (index, verdict),
            verdict => {
                let is_opt_out_refused = attempt.is_opt_out_refused(index);
                let verdict =
                    not_listed(verdict, &failure, at_least, fails_for, is_opt_out_refused);
                (index, verdict)
            }
        });
        judged.collect()
    }
}

impl Drive<'_> {
    /// Gives back changes that are written and wait only for a list that fails. If they were read
    /// again and again meanwhile, they would use up calls that others need.
    pub(super) fn leave_waiting(&mut self, progress: &mut Progress, place: usize) {
        let Some(list) = &self.secret.rules.dnc_list else {
            return;
        };
        let contact = &mut self.contacts[place];
        if !contact.attempt.is_opt_out() {
            return;
        }
        // The hash is of the changes and not of the contact, because a later change of it is yet to
        // be written.
        let mut hasher = DefaultHasher::new();
        let campaign = self.campaigns[contact.campaign].id.as_str();
        (campaign, contact.attempt.key().as_str()).hash(&mut hasher);
        let ids = contact.attempt.event_ids();
        ids.for_each(|id| id.as_str().hash(&mut hasher));
        let changes = hasher.finish();
        contact.dnc_entries.changes = Some(changes);
        let Err(failure) = self.org.check_dnc_list(list, changes) else {
            return;
        };
        contact.at = At::Ended;
        let mut verdicts = contact.attempt.give_back(&failure);
        for (_, verdict) in &mut verdicts {
            if let (Verdict::Retry(retry), Kind::Closed { after }) = (verdict, failure.kind) {
                retry.cause = Cause::DncList { after };
                retry.missing_for = self.org.dnc_fails_for(list);
            }
        }
        progress.verdicts.insert(place, verdicts);
    }

    /// Whether the next opt-outs need a call for their entries that is not promised yet.
    pub(super) fn is_listing_new(&self) -> bool {
        self.secret.rules.dnc_list.is_some() && self.calls_of_entries() == 0
    }

    /// The calls that entries will take: those that are owed or under way, and those of opt-outs
    /// that have begun.
    pub(super) fn calls_of_entries(&self) -> u64 {
        if self.secret.rules.dnc_list.is_none() {
            return 0;
        }
        let is_meant = |of: &&DrivenContact| {
            let is_begun = matches!(of.at, At::Ready(_) | At::Calls(_));
            is_begun && of.attempt.is_opt_out()
                || of.dnc_entries.is_owed()
                || of.dnc_entries.is_under_way
        };
        let entries = self.contacts.iter().filter(is_meant).count();
        entries.div_ceil(MOST_ENTRIES) as u64
    }

    /// The call for all entries that are owed. It waits while an opt-out is being read that may owe
    /// more, except if calls have failed lately.
    pub(super) fn list_entries(&mut self) -> Option<Call> {
        let list = self.secret.rules.dnc_list.as_ref()?;
        if !self.contacts.iter().any(|of| of.dnc_entries.is_owed()) {
            return None;
        }
        let may_owe = |of: &DrivenContact| {
            matches!(of.at, At::Calls(Under::Read))
                && of.attempt.is_opt_out()
                && !self.org.is_in_doubt(&self.campaigns[of.campaign].id)
        };
        if self.contacts.iter().any(may_owe) {
            return None;
        }
        let list = list.clone();
        let (mut places, mut entries) = (Vec::new(), Vec::new());
        for (place, contact) in self.contacts.iter_mut().enumerate() {
            let owed = std::mem::take(&mut contact.dnc_entries.owed);
            contact.dnc_entries.is_under_way |= !owed.is_empty();
            places.extend(owed.iter().map(|_| place));
            entries.extend(owed);
        }
        let (org, run, of) = (Arc::clone(&self.org), self.run, places.clone());
        let is_skipped = self.context.has(Defect::Unlisted);
        let call = async move {
            if is_skipped {
                return vec![Ok(()); entries.len()];
            }
            let entries: Vec<_> = entries.iter().map(Entry::as_str).collect();
            org.add_to_dnc(&run, &list, &entries).await
        };
        let answers = AssertUnwindSafe(call).catch_unwind().map(move |listed| {
            let panicked = || Failure::new(Kind::Unavailable, "the code panicked");
            let listed = listed.unwrap_or_else(|_| vec![Err(panicked()); of.len()]);
            let listed = listed.into_iter().map(Answer::Listed);
            of.into_iter().zip(listed).collect()
        });
        Some(Call {
            places,
            answers: Box::pin(answers),
        })
    }
}
