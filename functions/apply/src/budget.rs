//! Which contacts of a campaign are begun with what is left of the org's call budget
//! (docs/design.md "Call budget").
//!
//! Who begins a contact reserves the call for its write, so that no other campaign of the copy
//! counts on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use io::genesys::{CALLS_OF_A_CHANGE, CallsLeft, Failure};

use crate::campaign::Work;
use crate::contact::Contact;

/// A campaign that has contacts to begin and shares what is left with the others of its org that
/// have. With the contact list API they do not share: two calls do for a campaign.
pub(crate) struct ToBegin<'a>(&'a AtomicU64);

impl<'a> ToBegin<'a> {
    pub(crate) fn new(all: &'a AtomicU64) -> ToBegin<'a> {
        all.fetch_add(1, Ordering::Relaxed);
        ToBegin(all)
    }

    /// How many there are.
    pub(crate) fn all(&self) -> &'a AtomicU64 {
        self.0
    }

    /// An even part; of too little for all the first ones get what a contact takes, unless they
    /// have begun one.
    fn share(&self, calls: u64, has_begun: bool) -> u64 {
        let even = calls / self.0.load(Ordering::Relaxed).max(1);
        if has_begun {
            even
        } else {
            even.max(calls.min(CALLS_OF_A_CHANGE))
        }
    }
}

impl Drop for ToBegin<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Work<'_> {
    pub(crate) fn calls_left(&self) -> CallsLeft {
        self.org.calls_left(&self.run, self.secret, self.luck)
    }

    /// The contacts that can be read and written with what is left of the budget, those that must
    /// wait, and how long. Of `contacts` the first ones are begun: opt-outs. `has_begun`: one, in
    /// this pass.
    pub(crate) fn within_budget(
        &self,
        mut contacts: Vec<Contact>,
        to_begin: &ToBegin<'_>,
        has_begun: bool,
    ) -> (Vec<Contact>, Vec<Contact>, Duration) {
        let CallsLeft::Few {
            calls,
            ordinary,
            more_after,
        } = self.calls_left()
        else {
            return (contacts, Vec::new(), Duration::ZERO);
        };
        let most = |calls: u64| {
            let contacts = to_begin.share(calls, has_begun) / CALLS_OF_A_CHANGE;
            usize::try_from(contacts).unwrap_or(usize::MAX)
        };
        let opt_outs = contacts
            .iter()
            .filter(|contact| contact.is_opt_out())
            .count()
            .min(most(calls));
        let now = opt_outs + most(ordinary).saturating_sub(opt_outs);
        let later = contacts.split_off(now.min(contacts.len()));
        (contacts, later, more_after)
    }

    /// Whether what is left of the budget is enough for one read and one write of all these
    /// contacts; if not, how long they wait.
    pub(crate) fn must_wait(&self, contacts: &[Contact]) -> Option<Failure> {
        let CallsLeft::Few {
            calls,
            ordinary,
            more_after,
        } = self.calls_left()
        else {
            return None;
        };
        // With an opt-out all others go too: it takes no more calls.
        let calls = if contacts.iter().any(Contact::is_opt_out) {
            calls
        } else {
            ordinary
        };
        (calls < CALLS_OF_A_CHANGE).then(|| Failure::budget_spent(more_after))
    }
}
