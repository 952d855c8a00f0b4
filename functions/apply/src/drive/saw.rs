//! Takes the result of a call: what it says about the org and its campaigns, and what the contact's
//! next step is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use domain::attempt::{Step, StepResult};
use domain::failure::{Failure, Kind};
use io::genesys::Campaign;

use super::{At, Drive, Progress};

impl Drive<'_> {
    /// The result of a create. If it was refused alone, and not for its content, every create of
    /// the campaign may be refused.
    pub(super) fn seen_of_create(&self, place: usize, seen: StepResult) -> StepResult {
        let contact = &self.contacts[place];
        if !contact.attempt.is_creating() {
            return seen;
        }
        let (campaign, key) = (&self.campaigns[contact.campaign].id, contact.attempt.key());
        match seen {
            StepResult::Written(_) => {
                self.org.created(campaign, key);
                seen
            }
            StepResult::Failed(failure) if failure.may_be_of_every_create() => {
                let is_own = self.org.record_create_refused(campaign, key, &failure);
                // One of several folded changes may be the reason, so they are tried one by one.
                let is_apart = contact.attempt.is_folded() && !self.org.holds_creates(campaign);
                let after = Duration::ZERO;
                let kind = if is_own || is_apart {
                    failure.kind
                } else {
                    Kind::Full { after }
                };
                StepResult::Failed(Failure { kind, ..failure })
            }
            seen => seen,
        }
    }

    /// The result of asking whether there is a contact. A 404 means that there is none, unless its
    /// code names the campaign. A 404 without a code means that only if the campaign is known to
    /// exist.
    pub(super) fn seen_of_search(&self, place: usize, seen: StepResult) -> StepResult {
        let contact = &self.contacts[place];
        match seen {
            StepResult::Failed(failure)
                if failure.kind == Kind::NotFound && contact.attempt.is_seeking() =>
            {
                let campaign = &self.campaigns[contact.campaign].id;
                if failure.code.is_some() || self.org.knows(campaign) {
                    StepResult::Contact(None)
                } else {
                    StepResult::Failed(failure)
                }
            }
            seen => seen,
        }
    }

    /// Whether a call failed as a whole, so that another contact in it may be the reason. A 404 is
    /// one only if the call was about several contacts, because about one it says that the contact
    /// is not there.
    fn may_be_of_another(&self, place: usize, seen: &StepResult) -> bool {
        let StepResult::Failed(failure) = seen else {
            return false;
        };
        let contact = &self.contacts[place];
        let of = &self.campaigns[contact.campaign];
        let is_of_many = match of.campaign {
            Campaign::ContactList(_) => true,
            Campaign::Predictive(_) => contact.attempt.is_creating() && self.org.knows(&of.id),
        };
        failure.is_of_the_call() && (failure.kind != Kind::NotFound || is_of_many)
    }

    pub(super) fn saw(&mut self, progress: &mut Progress, place: usize, seen: StepResult) {
        let seen = self.contacts[place].attempt.judged(seen);
        let seen = self.seen_of_create(place, seen);
        let seen = self.seen_of_search(place, seen);
        let contact = &mut self.contacts[place];
        if seen != StepResult::Nothing {
            progress.seen += 1;
            progress.answered.insert(contact.campaign);
        }
        if matches!(seen, StepResult::Written(_) | StepResult::Contact(Some(_))) {
            self.org.record_found(&self.campaigns[contact.campaign].id);
        }
        let is_found = match &seen {
            // A contact that no change may create says nothing about a first load.
            StepResult::Contact(None) if !contact.attempt.may_create() => None,
            StepResult::Contact(found) => Some(found.is_some()),
            StepResult::RejectedTogether(failure) | StepResult::Failed(failure)
                if failure.kind == Kind::Conflict =>
            {
                Some(true)
            }
            _ => None,
        };
        if let Some(is_found) = is_found {
            let campaign = &self.campaigns[contact.campaign].id;
            self.org.record_read(campaign, is_found);
        }
        if matches!(seen, StepResult::Written(_)) {
            progress.written.push((progress.seen, place));
        }
        if self.may_be_of_another(place, &seen) {
            self.org
                .record_doubt(&self.campaigns[self.contacts[place].campaign].id);
        }
        let contact = &mut self.contacts[place];
        // A contact whose write was refused begins anew, with new calls from the budget.
        let begins_anew = match &seen {
            StepResult::Nothing | StepResult::RejectedTogether(_) => true,
            StepResult::Failed(failure) => matches!(failure.kind, Kind::Conflict | Kind::Rejected),
            _ => false,
        };
        let next = catch_unwind(AssertUnwindSafe(|| contact.attempt.next(seen)));
        let (entries, by) = contact.attempt.take_owed();
        contact.dnc_entries.owes(entries, by);
        contact.at = match next {
            Ok(Step::Done(verdicts)) => {
                contact.ended = progress.seen;
                progress.verdicts.insert(place, verdicts);
                At::Ended
            }
            Ok(step) if begins_anew => At::Waits(step),
            Ok(step) => At::Ready(step),
            Err(_) => return self.panicked(place),
        };
    }
}
