//! Entries of the org's DNC list that compared contacts need (docs/reconciliation.md "The DNC
//! list"). Genesys Cloud cannot be asked which entries the list holds, so all of them are added
//! again, many in one call.
//!
//! `domain::dnc` says which entries a contact needs, and `io::genesys` makes the call. Nothing here
//! removes an entry.

use std::time::Duration;

use domain::change::Change;
use domain::contact::Contact;
use domain::dnc::{DncList, Entry};
use io::genesys::{Failure, MOST_ENTRIES, Org, Run};
use jiff::Timestamp;

/// How long an entry waits at most for others to share its call.
const LONGEST: Duration = Duration::from_secs(60);

/// The entries of one run.
pub(crate) struct DncComparison {
    /// The org's list. `None` means that the org has none, or that this is a dry run.
    list: Option<DncList>,
    owed: Vec<Entry>,
    /// The time at which the first of the entries that are owed was found.
    since: Option<Timestamp>,
    listed: u64,
    failed: u64,
    /// The failure of the first entry that was not added.
    failure: Option<Failure>,
}

impl DncComparison {
    pub(crate) fn new(list: Option<DncList>) -> DncComparison {
        DncComparison {
            list,
            owed: Vec::new(),
            since: None,
            listed: 0,
            failed: 0,
            failure: None,
        }
    }

    /// Notes the entries that are owed for a contact, according to the feed's change.
    pub(crate) fn looked_at(&mut self, change: &Change, actual: &Contact, now: Timestamp) {
        let Some(list) = &self.list else { return };
        let operations = std::iter::once(&change.operation);
        let owed = list.owed(&change.key, actual, Some(actual), operations);
        if !owed.is_empty() {
            self.owed.extend(owed);
            self.since.get_or_insert(now);
        }
    }

    /// Whether there are enough entries for a call, or the first has waited long enough.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let is_late = self.since.is_some_and(|since| now >= since + LONGEST);
        is_late || self.owed.len() >= MOST_ENTRIES
    }

    /// Drops what is owed, because the feed may be wrong and an entry that was added is never
    /// removed.
    pub(crate) fn forget(&mut self) {
        self.owed.clear();
        self.since = None;
    }

    /// Adds what is owed to the list.
    pub(crate) async fn flush(&mut self, org: &Org, run: &Run) {
        let owed = std::mem::take(&mut self.owed);
        self.since = None;
        let Some(list) = self.list.as_ref().filter(|_| !owed.is_empty()) else {
            return;
        };
        let entries: Vec<_> = owed.iter().map(Entry::as_str).collect();
        for listed in org.add_to_dnc(run, list, &entries).await {
            match listed {
                Ok(()) => self.listed += 1,
                Err(failure) => {
                    self.failed += 1;
                    self.failure.get_or_insert(failure);
                }
            }
        }
    }

    /// How many entries were added, and how many were not. Both are `None` if there is no list.
    pub(crate) fn ends(self, org: &Org) -> (Option<u64>, Option<u64>) {
        if let Some(failure) = &self.failure {
            tracing::warn!(
                org = org.id().as_str(),
                contacts = self.failed,
                detail = %failure,
                httpStatus = failure.http_status,
                correlationId = failure.correlation_id.as_deref(),
                "opted-out contacts are not on the DNC list: correct what the detail says, then reconcile with \
                 a window that includes this time"
            );
        }
        match self.list {
            Some(_) => (Some(self.listed), Some(self.failed)),
            None => (None, None),
        }
    }
}
